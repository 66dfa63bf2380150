/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/ratelimit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/bucket.h"
#include "conf/conf.h"

struct entry {
	struct ip6_addr src;
	uint32_t domain; /* + 1; 0 = never used */
	struct bucket bucket; /* last_ms: when the source was last heard */
};

struct ratelimit {
	const struct conf_domain *domains;
	struct bucket *domain_buckets;
	struct entry *entries;
	uint32_t set_mask;
	uint64_t seed;
};

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
	rl->entries = calloc(opts->entries, sizeof(*rl->entries));
	if (rl->entries == NULL)
		goto err_table;
	rl->domain_buckets = calloc(opts->domain_count, sizeof(*rl->domain_buckets));
	if (rl->domain_buckets == NULL)
		goto err_entries;
	for (uint32_t d = 0; d < opts->domain_count; d++) {
		uint32_t per_s = opts->domains[d].limits.bu_per_s;

		bucket_init(&rl->domain_buckets[d], per_s, per_s, opts->now_ms);
	}
	*out = rl;
	return 0;

err_entries:
	free(rl->entries);
err_table:
	free(rl);
	return -ENOMEM;
}

void ratelimit_free(struct ratelimit *rl)
{
	if (rl == NULL)
		return;
	free(rl->domain_buckets);
	free(rl->entries);
	free(rl);
}

/* The source's entry, or the one of its set that is empty or longest silent. */
static struct entry *find(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, bool *found)
{
	uint64_t set = ip6_hash(src, rl->seed ^ domain) & rl->set_mask;
	struct entry *ways = &rl->entries[set * RATELIMIT_WAYS];
	struct entry *oldest = ways;

	*found = true;
	for (struct entry *e = ways; e < ways + RATELIMIT_WAYS; e++) {
		if (e->domain == domain + 1 && ip6_eq(&e->src, src))
			return e;
		if (e->bucket.last_ms < oldest->bucket.last_ms)
			oldest = e;
	}
	*found = false;
	return oldest;
}

bool ratelimit_take(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, uint64_t now_ms)
{
	const struct conf_limits *limits = &rl->domains[domain].limits;
	bool found;
	struct entry *e = find(rl, domain, src, &found);

	if (!found) {
		e->src = *src;
		e->domain = domain + 1;
		bucket_init(&e->bucket, limits->bu_per_s_per_source, limits->bu_burst_per_source,
			now_ms);
	}
	return bucket_take(&e->bucket, now_ms) && bucket_take(&rl->domain_buckets[domain], now_ms);
}
