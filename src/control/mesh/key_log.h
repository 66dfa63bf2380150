/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the mesh as lines for scripts/wireshark, for who debugs a network that is their own
 * (mesh.key-log-file). Words with one blank between them, numbers in hexadecimal:
 *
 *      SESSION receiver key            sealed datagrams to this number
 *      HELLO name began answered node node     keys of who began the handshake and who answered,
 *                                      and who that was
 *      DATA began answered node node   what keys of the data tunnels are derived from, likewise
 *
 * A host thread writes them; what it does not take in time is lost, and counted. Pure.
 */
#pragma once

#include <stdint.h>

#include "sync/session.h"

struct bring;

#define KEY_LOG_RING 65536 /* octets: the lines of 80 handshakes, more than come in a second */
#define KEY_LOG_LINE 256 /* octets of the longest line, with its end */

/* node: ours; ring NULL: nothing happens. */
void key_log_put(struct bring *ring, uint8_t node, uint8_t peer, const struct session_secrets *s);
