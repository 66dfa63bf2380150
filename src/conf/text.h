/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the strings of the configuration may look like. Each check returns NULL, or why not as
 * static text that reads on behind the quoted string: `"WAN" is not a name ...`.
 * Pure, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define CONF_LCORE_MAX 127 /* RTE_MAX_LCORE - 1 of Debian's DPDK */

const char *conf_check_name(const char *text);
const char *conf_check_device(const char *text); /* PCI address or DPDK "net_" device string */
const char *conf_check_lcores(const char *text);
const char *conf_check_path(const char *text);
const char *conf_check_nai(const char *text); /* RFC 4282, roughly: user@realm */

/* A key of CONF_KEY_LEN octets in base64 with padding, as WireGuard writes them, and back. */
#define CONF_KEY_TEXT 45 /* with the zero */
bool conf_key_parse(const char *text, uint8_t out[static CONF_KEY_LEN]);
const char *conf_key_str(
	const uint8_t key[static CONF_KEY_LEN], char out[static CONF_KEY_TEXT]); /* out */

/* How many cores a list that passed conf_check_lcores() names. */
uint32_t conf_lcore_count(const char *text);

/* What makes a device the one it is: the PCI address or the device's name, without arguments. */
size_t conf_device_id_len(const char *device);
/* The value of iface= among a device's arguments and its length; NULL when there is none. */
const char *conf_device_iface(const char *device, size_t *len);

/* The word of `words` that was probably meant, or NULL when none is near. A NULL ends words. */
const char *conf_nearest(const char *text, const char *const *words);
