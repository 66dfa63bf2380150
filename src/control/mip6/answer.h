/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets a home agent answers with, complete from the IPv6 header on: Binding
 * Acknowledgement (RFC 6275, 6.1.8, 9.5.4) and Binding Error (6.1.9, 9.3.3). Pure.
 */
#pragma once

#include <stdint.h>

#include "common/ip6.h"
#include "control/mip6/rules.h"
#include "net/mh.h"

#define MIP6_ANSWER_MAX 128 /* octets of the longest one: 40 + 24 + 16, or 40 + 24 */

/*
 * To the Binding Update's source, never to an Alternate Care-of Address, with a routing header
 * type 2 unless that source is the home address. from: the address that was asked. No flags: keys
 * are not managed (K), mobile routers not served (R). Returns the length or -ENOSPC.
 */
int mip6_write_ba(const struct mip6_facts *f, const struct mip6_verdict *v,
	const struct ip6_addr *from, uint8_t *buf, uint16_t cap);

/* to: the offending packet's source; hoa: its Home Address option's or ip6_unspecified. Returns
 * the length or -ENOSPC. */
int mip6_write_be(enum mh_be_status status, const struct ip6_addr *from, const struct ip6_addr *to,
	const struct ip6_addr *hoa, uint8_t *buf, uint16_t cap);
