/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/ratelimit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/bucket.h"
#include "conf/conf.h"

struct entry {
	struct ip6_addr addr;
	uint32_t domain; /* + 1; 0 = never used */
	struct bucket bucket; /* last_ms: when the address was last heard */
};

struct domain_buckets {
	struct bucket known, others; /* Binding Updates */
	struct bucket requests;
};

struct ratelimit {
	const struct conf_domain *domains;
	struct domain_buckets *in_all;
	struct entry *sources, *nodes, *askers;
	uint32_t set_mask;
	uint64_t seed;
};

static void init_domains(struct ratelimit *rl, const struct ratelimit_opts *opts)
{
	for (uint32_t d = 0; d < opts->domain_count; d++) {
		const struct conf_limits *l = &opts->domains[d].limits;
		struct domain_buckets *b = &rl->in_all[d];

		bucket_init(&b->known, l->bu_per_s, l->bu_per_s, opts->now_ms);
		bucket_init(&b->others, l->bu_per_s, l->bu_per_s, opts->now_ms);
		bucket_init(&b->requests, l->haad_per_s, l->haad_per_s, opts->now_ms);
	}
}

int ratelimit_new(const struct ratelimit_opts *opts, struct ratelimit **out)
{
	struct ratelimit *rl;

	if (opts->entries < RATELIMIT_WAYS || (opts->entries & (opts->entries - 1)) != 0)
		return -EINVAL;
	rl = calloc(1, sizeof(*rl));
	if (rl == NULL)
		return -ENOMEM;
	rl->domains = opts->domains;
	rl->set_mask = opts->entries / RATELIMIT_WAYS - 1;
	rl->seed = opts->seed;
	rl->sources = calloc(opts->entries, sizeof(*rl->sources));
	rl->nodes = calloc(opts->entries, sizeof(*rl->nodes));
	rl->askers = calloc(opts->entries, sizeof(*rl->askers));
	rl->in_all = calloc(opts->domain_count, sizeof(*rl->in_all));
	if (rl->sources == NULL || rl->nodes == NULL || rl->askers == NULL || rl->in_all == NULL) {
		ratelimit_free(rl);
		return -ENOMEM;
	}
	init_domains(rl, opts);
	*out = rl;
	return 0;
}

void ratelimit_free(struct ratelimit *rl)
{
	if (rl == NULL)
		return;
	free(rl->in_all);
	free(rl->askers);
	free(rl->nodes);
	free(rl->sources);
	free(rl);
}

/* The address's entry, or the one of its set that is empty or longest silent. */
static struct entry *find(const struct ratelimit *rl, struct entry *table, uint32_t domain,
	const struct ip6_addr *addr, bool *found)
{
	uint64_t set = ip6_hash(addr, rl->seed ^ domain) & rl->set_mask;
	struct entry *ways = &table[set * RATELIMIT_WAYS];
	struct entry *oldest = ways;

	*found = true;
	for (struct entry *e = ways; e < ways + RATELIMIT_WAYS; e++) {
		if (e->domain == domain + 1 && ip6_eq(&e->addr, addr))
			return e;
		if (e->bucket.last_ms < oldest->bucket.last_ms)
			oldest = e;
	}
	*found = false;
	return oldest;
}

static bool take(const struct ratelimit *rl, struct entry *table, uint32_t domain,
	const struct ip6_addr *addr, uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
	bool found;
	struct entry *e = find(rl, table, domain, addr, &found);

	if (!found) {
		e->addr = *addr;
		e->domain = domain + 1;
		bucket_init(&e->bucket, per_s, burst, now_ms);
	}
	return bucket_take(&e->bucket, now_ms);
}

bool ratelimit_take(struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, bool known,
	uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;
	struct domain_buckets *in_all = &rl->in_all[domain];

	return take(rl, rl->sources, domain, src, l->bu_per_s_per_source, l->bu_burst_per_source,
		       now_ms) &&
	       bucket_take(known ? &in_all->known : &in_all->others, now_ms);
}

bool ratelimit_take_request(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;

	return take(rl, rl->askers, domain, src, l->haad_per_s_per_source, l->haad_burst_per_source,
		       now_ms) &&
	       bucket_take(&rl->in_all[domain].requests, now_ms);
}

bool ratelimit_take_node(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *hoa, uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;

	return take(rl, rl->nodes, domain, hoa, l->bu_per_s_per_mobile_node,
		l->bu_burst_per_mobile_node, now_ms);
}
