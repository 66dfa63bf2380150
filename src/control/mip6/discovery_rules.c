/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/discovery_rules.h"

#include <assert.h>

#include "conf/conf.h"
#include "records/records.h"
#include "records/subs.h"

#define AUTONOMOUS_LEN 64 /* addresses are formed from no other prefix (RFC 4862, 5.5.3 d) */

bool discovery_is_told(const struct conf_domain *d, const struct sub *sub)
{
	if (sub == NULL || d->discovery.prefixes == CONF_PREFIXES_NEVER)
		return false;
	/* RFC 4285, 2: "should not be used", for nothing protects these messages */
	return d->discovery.prefixes == CONF_PREFIXES_ALWAYS || sub->auth == SUB_AUTH_NONE;
}

static bool refuse(enum dp_drop *out, enum dp_drop drop)
{
	*out = drop;
	return false;
}

bool discovery_judge(const struct discovery_facts *f, enum dp_drop *drop)
{
	if (!f->is_valid)
		return refuse(drop, DP_DROP_MPS_INVALID);
	if (!f->has_hao)
		return refuse(drop, DP_DROP_MPS_NO_HAO);
	if (!ip6_eq(f->dst, &f->rec->ha))
		return refuse(drop, DP_DROP_MPS_NOT_AGENT);
	if (!discovery_is_told(f->domain, f->sub))
		return refuse(drop, DP_DROP_MPS_OFF);
	return true;
}

static bool is_nearer(const struct discovery_site *a, const struct discovery_site *b)
{
	return a->rtt_us - 1 < b->rtt_us - 1; /* 0 is the farthest */
}

uint32_t discovery_agents(const struct ip6_addr *own, bool is_serving, struct discovery_site *sites,
	uint32_t n, uint64_t random, struct ip6_addr *out)
{
	uint32_t count = 0;

	for (uint32_t i = n; i > 1;
		i--) { /* shuffled, then sorted without changing equals' places */
		uint32_t k = (uint32_t)((random ^ random >> i % 32) % i);
		struct discovery_site x = sites[i - 1];

		sites[i - 1] = sites[k];
		sites[k] = x;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct discovery_site x = sites[i];
		uint32_t k = i;

		for (; k > 0 && is_nearer(&x, &sites[k - 1]); k--)
			sites[k] = sites[k - 1];
		sites[k] = x;
	}
	if (is_serving || n == 0)
		out[count++] = *own;
	for (uint32_t i = 0; i < n; i++)
		out[count++] = sites[i].agent;
	return count;
}

uint32_t discovery_stamp(uint64_t now_ms)
{
	uint32_t stamp = (uint32_t)now_ms;

	return stamp != 0 ? stamp : 1; /* 0 is never */
}

/* 32 bits go round in 49 days: whoever asks after exactly that time may wait for a second. */
uint32_t discovery_spacing_ms(uint32_t sent, uint64_t now_ms)
{
	uint32_t passed = (uint32_t)now_ms - sent;

	if (sent == 0 || passed >= DISCOVERY_SPACING_MS)
		return 0;
	return DISCOVERY_SPACING_MS - passed;
}

uint32_t discovery_delay_s(const struct conf_discovery *d, uint32_t preferred_s, uint64_t random)
{
	uint32_t max = d->max_interval_s < preferred_s ? d->max_interval_s : preferred_s;
	uint32_t min = d->min_interval_s;
	uint32_t span = max > min ? max - min : min - max;

	return min + (span > 0 ? (uint32_t)(random % span) : 0);
}

uint32_t discovery_prefixes(
	const struct conf_domain *d, struct discovery_prefix out[static DISCOVERY_PREFIXES_MAX])
{
	assert(d->mobile_prefix_count <= DISCOVERY_PREFIXES_MAX);
	for (uint32_t i = 0; i < d->mobile_prefix_count; i++) {
		const struct ip6_prefix *p = &d->mobile_prefixes[i];
		struct conf_lifetimes l = conf_lifetimes_of(d, i);

		out[i] = (struct discovery_prefix){
			.prefix = *p,
			.autonomous = p->len == AUTONOMOUS_LEN,
			.has_router = ip6_in_prefix(&d->home_agent_address, p),
			.router = d->home_agent_address,
			.valid_s = l.valid_s,
			.preferred_s = l.preferred_s,
		};
	}
	return d->mobile_prefix_count;
}
