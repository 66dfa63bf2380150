/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets a home agent answers with, complete from the IPv6 header on: Binding
 * Acknowledgement (RFC 6275, 6.1.8, 9.5.4) and Binding Error (6.1.9, 9.3.3); and one that nobody
 * asked for, Home Agent Switch (RFC 5142). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "common/mac.h"
#include "control/mip6/rules.h"
#include "net/mh.h"

#define MIP6_ANSWER_MAX 128 /* octets of the longest one: 40 + 24 + 48, or 40 + 24 */

/* One that may wait, and which way it goes then. */
struct mip6_answer {
	uint16_t len;
	uint16_t port; /* where it goes over the link that its question came by, to... */
	uint8_t mac[6];
	bool on_link; /* ...or wherever the FIB sends it */
	uint8_t pkt[MIP6_ANSWER_MAX];
};

/* Who can sign: NULL in both where nobody can. */
struct mip6_signer {
	struct mac *mac;
	const struct mac_key *key;
};

/*
 * What an MN-HA option authenticates (RFC 4285, 5.1): care-of address, home address, and the
 * Mobility Header's octets up to `covered`, those of the MAC, with its checksum taken as 0.
 */
void mip6_sign(const struct mip6_signer *s, const struct ip6_addr *coa, const struct ip6_addr *hoa,
	const uint8_t *mh, uint16_t covered, uint8_t tag[static MAC_LEN]);

/*
 * To the Binding Update's source, never to an Alternate Care-of Address, with a routing header
 * type 2 unless that source is the home address. from: the address that was asked. No flags: keys
 * are not managed (K), mobile routers not served (R). key: what v->sign asks to sign with. Returns
 * the length or -ENOSPC.
 */
int mip6_write_ba(const struct mip6_facts *f, const struct mip6_verdict *v,
	const struct ip6_addr *from, const struct mip6_signer *key, uint8_t *buf, uint16_t cap);

/* to: the offending packet's source; hoa: its Home Address option's or ip6_unspecified. Returns
 * the length or -ENOSPC. */
int mip6_write_be(enum mh_be_status status, const struct ip6_addr *from, const struct ip6_addr *to,
	const struct ip6_addr *hoa, uint8_t *buf, uint16_t cap);

#define MIP6_SWITCH_AGENTS 16 /* told in one message: they are tried one after the other */
#define MIP6_SWITCH_MAX    (40 + 8 + 16 * MIP6_SWITCH_AGENTS + 32) /* octets of the longest one */

struct mip6_switch {
	struct ip6_addr from; /* whose SA with the mobile node vouches for it */
	struct ip6_addr hoa, coa;
	const struct ip6_addr *agents; /* in the order in which they are to be tried */
	uint8_t agent_count; /* at most MIP6_SWITCH_AGENTS */
	uint32_t spi;
	uint64_t timestamp; /* 0: the mobile node asks for none */
};

/* To the home address, as ctl_send() wants it. key: not NULL. Returns the length or -ENOSPC. */
int mip6_write_switch(
	const struct mip6_switch *s, const struct mip6_signer *key, uint8_t *buf, uint16_t cap);
