/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose tunnel packet an ICMPv6 error quotes, of the sites that serve one domain. Their tunnels leave
 * from the same home agent addresses, so an error about another site's packet comes to the one
 * nearest to whoever sends it. What proves that the quoted packet was sent is its flow label, a hash
 * with a key (net_tunnel_flow()); each site draws one a domain at its start, and hello tells it to
 * the members of that domain alone (decision 028).
 *
 * A key counts while its site is in the live set, and LABELS_KEPT_MS longer; so does the one that it
 * had before. Looking is bounded: two hashes a member, and so many looks a second in each domain,
 * because what does not fit our own key is mostly made up.
 *
 * Pure: time is handed in. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct labels;
struct net_ip6;

/* An error comes within a round trip; routers that wait for fragments do so for 60 s (RFC 8200,
 * 4.5), and nothing that is told later is about the present path. */
#define LABELS_KEPT_MS 60000

/* rate, burst: of looks of each domain, a second; 0 or -ENOMEM. */
int labels_new(uint32_t rate, uint32_t burst, uint64_t now_ms, struct labels **out);
void labels_free(struct labels *l); /* wipes; NULL is fine */
/* The next domain, from 0 on, and the other sites that are in it. 0 or -ENOMEM. */
int labels_add_domain(struct labels *l, const uint8_t *nodes, uint32_t count);

/* A site told its key, not 0. Who is not in the domain has none there. */
void labels_heard(struct labels *l, uint16_t domain, uint8_t node, uint64_t key, uint64_t now_ms);
/* Whether it is in the domain's live set; as often as one likes. */
void labels_live(struct labels *l, uint16_t domain, uint8_t node, bool is_live, uint64_t now_ms);

/* The site that gave this label to a tunnel packet with `inner` in it, of which len octets (>= 40)
 * are there; 0: none; -EBUSY: too many were asked for. l NULL, without a mesh: none. */
int labels_made(struct labels *l, uint16_t domain, const struct net_ip6 *inner, uint16_t len,
	uint32_t label, uint64_t now_ms);
