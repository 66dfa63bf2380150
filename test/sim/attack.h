/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Somebody beside the paths between sites: sees what goes there, has no keys, and sends what it likes
 * from whichever address: what it saw, later, changed, cut short, to others; things that look like a
 * datagram; and floods of handshakes. None of it may make any difference to anybody.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "net.h"

struct world;

void attack_begin(struct world *w);
void attack_sees(struct world *w, enum net_kind kind, uint8_t from, uint8_t to, const uint8_t *buf,
	size_t len);
