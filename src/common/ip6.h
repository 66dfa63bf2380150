/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 addresses and prefixes: comparing, classifying, printing, hashing. Pure, any thread.
 * An address is sixteen octets without alignment, so that it can be pointed at inside a packet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/util.h"

struct ip6_addr {
	uint8_t b[16];
};

struct ip6_prefix {
	struct ip6_addr addr; /* bits past len are zero once ip6_prefix_mask() ran */
	uint8_t len; /* 0..128 */
};

#define IP6_STRLEN        46 /* an address with its terminating zero */
#define IP6_PREFIX_STRLEN 50

static inline uint64_t ip6_word(const struct ip6_addr *a, unsigned i)
{
	uint64_t w;

	memcpy(&w, a->b + 8 * i, sizeof(w));
	return w;
}

static inline bool ip6_eq(const struct ip6_addr *a, const struct ip6_addr *b)
{
	return ((ip6_word(a, 0) ^ ip6_word(b, 0)) | (ip6_word(a, 1) ^ ip6_word(b, 1))) == 0;
}

static inline bool ip6_is_unspecified(const struct ip6_addr *a)
{
	return (ip6_word(a, 0) | ip6_word(a, 1)) == 0;
}

static inline bool ip6_is_multicast(const struct ip6_addr *a)
{
	return a->b[0] == 0xff;
}

static inline bool ip6_is_link_local(const struct ip6_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool ip6_is_loopback(const struct ip6_addr *a);

/* 2000::/3: whatever is routed between sites today. The quick answer to most questions above and
 * below. */
static inline bool ip6_is_global(const struct ip6_addr *a)
{
	return (a->b[0] & 0xe0) == 0x20;
}

/* Neither unspecified, loopback, multicast, link-local nor IPv4-mapped: RFC 6275's "unicast
 * routable address". */
bool ip6_is_routable(const struct ip6_addr *a);

bool ip6_in_prefix(const struct ip6_addr *a, const struct ip6_prefix *p);
bool ip6_prefix_overlap(const struct ip6_prefix *a, const struct ip6_prefix *b);
void ip6_prefix_mask(struct ip6_prefix *p);

/* ff02::1:ffXX:XXXX (RFC 4291, 2.7.1). */
void ip6_solicited_node(const struct ip6_addr *a, struct ip6_addr *out);
/* fe80:: with the modified EUI-64 of an Ethernet address (RFC 4291, appendix A). */
void ip6_link_local_from_mac(const uint8_t mac[6], struct ip6_addr *out);
/* 33:33:xx:xx:xx:xx (RFC 2464, 7). */
void ip6_multicast_mac(const struct ip6_addr *group, uint8_t mac[6]);

/* 0 or -EINVAL; a scope id or an IPv4 address is refused. */
int ip6_parse(const char *text, struct ip6_addr *out);
/* "2001:db8::/32"; -EINVAL. With host bits set: -EDOM, out is filled in all the same. */
int ip6_prefix_parse(const char *text, struct ip6_prefix *out);

/* Return buf. */
const char *ip6_str(const struct ip6_addr *a, char buf[static IP6_STRLEN]);
const char *ip6_prefix_str(const struct ip6_prefix *p, char buf[static IP6_PREFIX_STRLEN]);

/*
 * Keyed: whoever chooses addresses must not be able to choose buckets. Both words meet a part of
 * the key before they are multiplied, or one could be chosen that leaves nothing of the other; the
 * second product spreads what differs in few bits.
 */
static inline uint64_t ip6_hash(const struct ip6_addr *a, uint64_t seed)
{
	uint64_t x = ip6_word(a, 0) ^ seed;
	uint64_t y = ip6_word(a, 1) ^ (seed << 23 | seed >> 41) ^ 0x9e3779b97f4a7c15ULL;
	unsigned __int128 m = (unsigned __int128)x * y;

	m = (unsigned __int128)((uint64_t)m ^ (uint64_t)(m >> 64) ^ seed) * 0xd6e8feb86659fd93ULL;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static const struct ip6_addr ip6_unspecified __attribute__((unused)) = { { 0 } };
