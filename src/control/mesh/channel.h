/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed datagrams between sites: struct sessions (sync/session.h) with a socket's work done for
 * it. UDP from and to the site addresses, mesh.port; the data plane lets only what comes from an
 * address of a peer, whole and with a right checksum, get here. New keys are handed to pulse.h and
 * to the data tunnels. Control core only; ctl->channel is NULL without a mesh.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/session.h"

struct bring;
struct channel;
struct ctl;
struct ctl_pkt;

/* 0 or -errno with a line in err; sets ctl->channel. Copies mesh.private_key. */
int channel_new(struct ctl *ctl, char *err, size_t err_len);
void channel_free(struct ctl *ctl); /* wipes all keys; fine without one */

/* Begins, repeats and renews what is due, a few times a second. True: something was sent. */
bool channel_run(struct ctl *ctl);
/* A datagram of class SYNC. -1: it was taken, and mesh_input() has seen what was in it; or the enum
 * dp_drop that it is refused for. */
int channel_input(struct ctl *ctl, const struct ctl_pkt *p);
/* Seals len octets, 1..CHANNEL_MAX, for a peer and sends them. 0; -ENOTCONN: there are no keys at
 * this moment (counted; a handshake is under way); -EMSGSIZE; -EINVAL: no such peer; or dp_send()'s. */
int channel_send(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len);
#define CHANNEL_MAX 1200 /* ENGINE_DATAGRAM: sealed, in UDP and IPv6 it is 1,280 */

/* Lines with all keys (key_log.h), for mesh.key-log-file; NULL: nobody asked for them. */
struct bring *channel_key_log(const struct ctl *ctl);

/* -EINVAL: no session with that site. */
int channel_info(const struct ctl *ctl, uint8_t node, struct session_info *out);

/* Hello has heard that site then, under keys of ours. */
void channel_heard(struct ctl *ctl, uint8_t node, uint64_t heard_ms);

struct channel_count { /* of one peer, since the start */
	uint64_t rx, rx_bytes; /* datagrams opened, octets inside */
	uint64_t tx, tx_bytes;
	uint64_t refused; /* from its address, but not taken */
	uint64_t not_sent; /* there were no keys, or no way */
};
struct channel_count channel_count(const struct ctl *ctl, uint8_t node); /* zeros: no session */
