/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet as the simulator knows it: addresses, not octets. Headers are a stack, the innermost
 * first. And the addresses of a world: which is whose can be read from them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define PKT_DEPTH 6

enum pkt_kind { PKT_DATA, PKT_BU };

/* PKT_DATA to a home agent address: what it is. */
enum pkt_what {
	PKT_TUNNEL, /* a tunnelled packet, where there is one inside; else an echo */
	PKT_ESP, /* the same in the mobile node's payload ESP */
	PKT_ANSWER, /* to what a home agent asked for: its number names who did */
	PKT_ERROR, /* ICMPv6, and quotes a tunnel packet */
	PKT_DISCOVERY, /* to the home agents' anycast address */
};

struct pkt_hdr {
	struct ip6_addr src, dst;
};

/* A Binding Update's own fields; the source is the care-of address. */
struct pkt_bu {
	struct ip6_addr hoa;
	uint16_t seq;
	uint64_t stamp; /* RFC 4285; 0: it carries none */
	bool is_proxy; /* RFC 5213: the timestamp is all that orders it */
	uint32_t lifetime_s; /* a multiple of 4; 0: de-registration */
};

struct pkt {
	enum pkt_kind kind;
	uint32_t probe; /* PKT_DATA: the oracle's number of it */
	uint8_t depth; /* headers; hdr[depth - 1] is the outermost */
	struct pkt_hdr hdr[PKT_DEPTH];
	struct pkt_bu bu;
	enum pkt_what what;
	struct ip6_addr about; /* PKT_ERROR: the inner destination of what it quotes */
	uint8_t asker; /* PKT_ANSWER */
	/* the oracle's book-keeping: no site looks at it */
	uint8_t hops; /* mesh tunnels since it was opened or wrapped last */
	uint8_t hops_in_all;
	uint8_t from; /* the site it came from over the mesh, unopened; 0: none */
};

struct pkt_ba {
	struct ip6_addr src, dst, hoa; /* home agent's, care-of, home address */
	uint8_t status;
	uint16_t seq;
	uint32_t lifetime_s;
	/* the oracle's: what the home agent knew when it let the answer go */
	bool is_replicated; /* as many peers as it takes hold the record */
	uint8_t node;
};

static inline struct pkt_hdr *pkt_outer(struct pkt *p)
{
	return &p->hdr[p->depth - 1];
}

/* The mobile prefix of a domain is 2001:db8:D::/48. */
struct ip6_prefix addr_prefix(uint8_t domain);
struct ip6_addr addr_sleeper(uint8_t domain, uint16_t i); /* no mobile node's number ends so */
struct ip6_addr addr_home(uint8_t domain, uint8_t mn);
/* node 0: the shared one */
struct ip6_addr addr_agent(uint8_t domain, uint8_t node);
/* Another one each time somebody moves. */
struct ip6_addr addr_care_of(uint8_t mn, uint16_t number);
struct ip6_addr addr_anycast(uint8_t domain);
struct ip6_addr addr_correspondent(void);
struct ip6_addr addr_stranger(void);
/* The domain whose mobile prefix it is in, -1: none. */
int addr_domain(const struct ip6_addr *a);
const char *addr_str(const struct ip6_addr *a); /* one of a few static buffers */
