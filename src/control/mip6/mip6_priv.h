/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside mip6/: mip6.c takes every Mobility Header, bu.c Binding Updates (bu.h), discovery.c what
 * asks for home agents and prefixes, advert.c tells them. Control core only. */
#pragma once

#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/discovery_rules.h"

struct held;
struct adverts;
struct mac;
struct pending;
struct ratelimit;
struct record;
struct seen;
struct stamps;
struct switches;

struct mip6 {
	struct ratelimit *limits;
	struct adverts *adverts;
	struct switches *switches; /* NULL: no domain tells anybody to switch */
	struct log_rl peer_log; /* what peers do wrong */
	struct mac *mac; /* NULL: this processor can't, and no subscriber has a key */
	/* At first the time of the start: nothing from before is taken. NULL in a mesh, which has its
	 * own (mesh_seen_table()). */
	struct stamps *stamps;
	struct seen *numbers; /* of bindings that ended (numbers.h); NULL: nobody's, or a mesh */
	/* By domain: mobile nodes may hold bindings that a start has forgotten. */
	uint64_t quiet_until_ms[CONF_DOMAINS_MAX];
	struct held *held; /* answers that wait for the store; NULL: no domain's do */
	struct pending *pending; /* and for other sites; NULL without a mesh */
	uint64_t failures; /* of the store, seen */
};

/* A slice of mip6_end_strangers(). Looking at a record and for its subscriber costs some 0.4 us
 * (cache misses), ending one some 4 on top: a slice takes about 0.1 ms either way. */
#define MIP6_STRANGERS_COST 256 /* records in a slice that ends none */
#define MIP6_STRANGERS_END  9 /* as many records is one that is ended */

static inline bool mip6_is_in_tunnel(const struct ctl_pkt *p)
{
	return p->tunnelled || p->unchecked;
}

/* The FIB knows no link-local addresses: they are answered over the link they came by. */
static inline bool mip6_is_on_link(const struct ctl_pkt *p)
{
	return !mip6_is_in_tunnel(p) && p->peer == 0 && ip6_is_link_local(&ctl_pkt_ip6(p)->src);
}

/* An answer to p goes over the link that p came by, or wherever the FIB sends it. 0 or -errno,
 * counted. */
static inline int mip6_send(
	struct ctl *ctl, const struct ctl_pkt *p, bool on_link, const uint8_t *pkt, uint16_t len)
{
	return on_link ? ctl_send_link(ctl, p->port, p->src_mac, pkt, len)
		       : ctl_send_wire(ctl, pkt, len);
}

/* At a start: nothing that this home agent granted in the last known_ms is forgotten. */
void mip6_has_known(struct ctl *ctl, uint16_t domain, uint64_t known_ms);

/* By today's configuration. */
bool mip6_is_coa_allowed(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *coa);

/* A Binding Update that mh_check() let pass: len octets at mh. */
void mip6_input_bu(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len);

/* The record of this home address in whatever domain; NULL: none. */
struct record *mip6_find_record(struct ctl *ctl, const struct ip6_addr *hoa);

/* Another site of the domain, as discovery_agents() wants it. */
struct discovery_site mip6_site(const struct ctl *ctl, const struct conf_domain_peer *p);

/* End a binding and leave a tombstone (RFC 6275, 10.3.2: interception stops at once, the sequence
 * number stays for a while). 0; -ENOSPC: nothing changed. */
int mip6_withdraw(struct ctl *ctl, struct record *rec, enum acct_cause cause);
