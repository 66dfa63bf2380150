/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How large a data tunnel's packets to a peer may be: what ICMPv6 errors about them teach. Kept with
 * other path MTUs (control/pmtu.h), which forgets them in time; workers see them in tables/sa.h.
 * Control core only; without a mesh neither of the two does anything.
 */
#pragma once

#include <stdbool.h>

struct ctl;
struct icmp6_err_msg;

/* An ICMPv6 error to the site address. True: it quotes a packet of a data tunnel, and was dealt with.
 * Only its size can be mended; that a peer cannot be reached, hello finds out. A size is believed
 * when the quoted packet proves to be one that we sent: an SPI and a number that were used, or
 * without protection the flow label that was made of what is inside. */
bool data_mtu_input(struct ctl *ctl, const struct icmp6_err_msg *msg);
/* Now and then: workers are told of sizes that were forgotten. */
void data_mtu_run(struct ctl *ctl);
