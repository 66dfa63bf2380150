/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/ratelimit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/bucket.h"
#include "common/bucket_tab.h"
#include "conf/conf.h"

struct domain_buckets {
	struct bucket known, others; /* Binding Updates */
	struct bucket requests;
};

struct ratelimit {
	const struct conf_domain *domains;
	struct domain_buckets *in_all;
	struct bucket_tab *sources, *nodes, *askers;
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
	struct ratelimit *rl = calloc(1, sizeof(*rl));
	int ret = 0;

	if (rl == NULL)
		return -ENOMEM;
	rl->domains = opts->domains;
	rl->in_all = calloc(opts->domain_count, sizeof(*rl->in_all));
	if (rl->in_all == NULL)
		ret = -ENOMEM;
	if (ret == 0)
		ret = bucket_tab_new(opts->entries, opts->seed, &rl->sources);
	if (ret == 0)
		ret = bucket_tab_new(opts->entries, opts->seed, &rl->nodes);
	if (ret == 0)
		ret = bucket_tab_new(opts->entries, opts->seed, &rl->askers);
	if (ret < 0) {
		ratelimit_free(rl);
		return ret;
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
	bucket_tab_free(rl->askers);
	bucket_tab_free(rl->nodes);
	bucket_tab_free(rl->sources);
	free(rl);
}

bool ratelimit_take(struct ratelimit *rl, uint32_t domain, const struct ip6_addr *who, bool known,
	uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;
	struct domain_buckets *in_all = &rl->in_all[domain];

	return bucket_tab_take(rl->sources, 2 * domain + known, who, l->bu_per_s_per_source,
		       l->bu_burst_per_source, now_ms) &&
	       bucket_take(known ? &in_all->known : &in_all->others, now_ms);
}

bool ratelimit_take_request(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;

	return bucket_tab_take(rl->askers, domain, src, l->haad_per_s_per_source,
		       l->haad_burst_per_source, now_ms) &&
	       bucket_take(&rl->in_all[domain].requests, now_ms);
}

bool ratelimit_take_node(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *hoa, uint64_t now_ms)
{
	const struct conf_limits *l = &rl->domains[domain].limits;

	return bucket_tab_take(rl->nodes, domain, hoa, l->bu_per_s_per_mobile_node,
		l->bu_burst_per_mobile_node, now_ms);
}
