/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum with IPv6's pseudo-header (RFC 8200, 8.1). Pure. */
#pragma once

#include <stdint.h>

#include "common/ip6.h"

/*
 * Over `len` octets at `data` (checksum field included as it stands) and the pseudo-header.
 * Returns what to store, in host order, when the field was 0; returns 0 when a received
 * message is intact. For UDP a stored 0 is sent as 0xffff: the caller's business.
 */
uint16_t net_cksum(const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t proto,
	const void *data, uint32_t len);
