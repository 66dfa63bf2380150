/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests for home agents and for prefixes (RFC 6275, 10.5.1, 10.6). The home agents list has one
 * entry, ourselves, for on a virtual home link nobody else's router advertisements are heard; in a
 * mesh it has those of the sites that are live, too.
 */
#include <assert.h>

#include "conf/conf.h"
#include "control/mesh/mesh_priv.h"
#include "control/mip6/advert.h"
#include "control/mip6/discovery_rules.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/ratelimit.h"
#include "net/discovery.h"
#include "net/icmp6.h"
#include "records/records.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/tables.h"

/* 6.6: "directly to the Source Address chosen by the mobile node", by its binding if it is a home
 * address. */
static int send_reply(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *pkt, uint16_t len)
{
	if (mip6_is_on_link(p))
		return ctl_send_link(ctl, p->port, p->src_mac, pkt, len);
	return ctl_send(ctl, pkt, len);
}

struct discovery_site mip6_site(const struct ctl *ctl, const struct conf_domain_peer *p)
{
	uint8_t node = (uint8_t)ctl->conf->mesh.peers[p->peer].id;
	const struct hello_info *h = &ctl->mesh->site[node].hello;

	return (struct discovery_site){ p->home_agent_address,
		h->has_rtt ? h->rtt_ms * 1000 + 1 : 0 };
}

/* All that there are to be told of. */
static uint32_t agents_of(const struct ctl *ctl, uint16_t domain, struct ip6_addr *out)
{
	const struct conf_domain *conf = &ctl->conf->domains[domain];
	struct discovery_site sites[CONF_PEERS_MAX];
	const struct mesh_domain *d;
	uint32_t n = 0;

	if (ctl->mesh == NULL || conf->mode == CONF_MODE_SHARED) {
		*out = conf->home_agent_address;
		return 1;
	}
	d = meshtab_domain(ctl->t->mesh, domain);
	for (uint32_t i = 0; i < conf->peer_count; i++) {
		if (d->live[ctl->conf->mesh.peers[conf->peers[i].peer].id] != 0)
			sites[n++] = mip6_site(ctl, &conf->peers[i]);
	}
	return discovery_agents(&conf->home_agent_address, mesh_serves(ctl, domain), sites, n,
		ctl->ntp * 0x9e3779b97f4a7c15ULL, out);
}

static void agents_request(
	struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len)
{
	const struct ip6_addr *to = ctl_pkt_source(p);
	struct ip6_addr agents[1 + CONF_PEERS_MAX];
	uint16_t domain = fib_domain(p->fib), id;
	uint8_t buf[DISCOVERY_REPLY_MAX];
	int n;

	if (!ratelimit_take_request(ctl->mip6->limits, domain, &ctl_pkt_ip6(p)->src, ctl->now_ms)) {
		dp_count_drop(ctl->dp, DP_DROP_HAAD_RATE);
		return;
	}
	if (discovery_request_decode(icmp, len, &id) < 0 || ip6_is_multicast(to) ||
		ip6_is_unspecified(to)) {
		dp_count_drop(ctl->dp, DP_DROP_HAAD_INVALID);
		return;
	}
	n = discovery_reply_encode(buf, sizeof(buf), &ctl->conf->domains[domain].home_agent_address,
		to, id, agents, agents_of(ctl, domain, agents));
	assert(n > 0);
	if (send_reply(ctl, p, buf, (uint16_t)n) == 0)
		ctl_count(ctl, CTL_HAAD_ANSWERED);
}

/* punt.c saw to it that a home address in an option is bound to the source. */
static void solicitation(
	struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len)
{
	uint16_t id;
	struct discovery_facts f = {
		.is_valid = discovery_solicitation_decode(icmp, len, &id) == 0,
		.has_hao = (p->ext.flags & EXT_HAO) != 0,
		.dst = &ctl_pkt_ip6(p)->dst,
	};
	struct record *rec = f.has_hao ? mip6_find_record(ctl, ctl_pkt_source(p)) : NULL;
	enum dp_drop drop;

	if (rec != NULL) {
		f.rec = rec;
		f.domain = &ctl->conf->domains[rec->domain];
		f.sub = ctl_subscriber(ctl, rec->domain, &rec->hoa);
	}
	assert(rec != NULL || !f.has_hao);
	if (!discovery_judge(&f, &drop)) {
		dp_count_drop(ctl->dp, drop);
		return;
	}
	ctl_count(ctl, CTL_MPS_RECEIVED);
	if (!advert_answer(ctl, rec, id))
		dp_count_drop(ctl->dp, DP_DROP_MPS_RATE);
}

void mip6_discovery_input(
	struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len)
{
	enum fib_kind kind = fib_kind(p->fib);

	if (icmp[0] == ICMP6_HAAD_REQUEST && kind == FIB_ANYCAST)
		agents_request(ctl, p, icmp, len);
	else if (icmp[0] == ICMP6_MPS && kind == FIB_HOME_AGENT)
		solicitation(ctl, p, icmp, len);
	else
		dp_count_drop(ctl->dp, DP_DROP_LOCAL_ICMP6);
}
