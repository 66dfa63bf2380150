/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/numbers.h"

#include <errno.h>

#include "conf/conf.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/rules.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "records/version.h"

/* How often a full table is asked for room: each time it looks at others (records/seen.c). */
#define TRIES 2

/* A record has the number itself; what is noted gives way last then. */
static bool has_record(void *ctx, const struct seen_pair *pair)
{
	const struct ctl *ctl = ctx;

	return records_find(ctl->records, pair->domain, &pair->hoa) != NULL;
}

static void forgot(void *ctx, uint16_t domain)
{
	(void)domain;
	ctl_count(ctx, CTL_MESH_FORGOTTEN);
}

int numbers_new(struct ctl *ctl, struct seen **out)
{
	const struct conf *conf = ctl->conf;
	const struct seen_owner owner = { ctl, has_record, forgot };
	struct seen_opts opts = {
		.max = 2 * conf->runtime.max_bindings,
		.addresses = (uint16_t)conf->domain_count, /* its own; no other is noted */
		.window_s = MIP6_REPLAY_WINDOW_S,
		.seed = ctl->seed,
	};
	bool any = false;
	int ret;

	*out = NULL;
	for (uint32_t d = 0; d < conf->domain_count; d++)
		any |= conf->domains[d].remember_sequence;
	if (!any || conf_has_mesh(conf))
		return 0;
	ret = seen_new(&opts, out);
	if (ret == 0)
		seen_on_full(*out, &owner);
	return ret;
}

struct seen *mip6_numbers(const struct ctl *ctl)
{
	return ctl->mip6 != NULL ? ctl->mip6->numbers : NULL;
}

bool numbers_are_full(const struct ctl *ctl)
{
	const struct seen *s = mip6_numbers(ctl);

	return s != NULL && seen_count(s) == seen_max(s);
}

/* By default of those whom nothing but a number protects; with remember-sequence of all. */
bool numbers_are_kept(const struct ctl *ctl, uint16_t domain, const struct sub *sub)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];

	if (ctl->mip6->numbers == NULL || !d->remember_sequence)
		return false;
	return d->remember_given || sub == NULL || (sub->auth == SUB_AUTH_MN_HA && !sub->replay);
}

bool numbers_last(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct record *rec, uint16_t *seq)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];
	struct seen_value v;

	if (rec != NULL) {
		*seq = rec->seq;
		return true;
	}
	if (!seen_get(ctl->mip6->numbers, domain, hoa, &d->home_agent_address, &v) || v.epoch == 0)
		return false;
	*seq = (uint16_t)v.ext_seq;
	return true;
}

/* It is the later one: it was accepted behind the other, or comes behind it in the store, which does
 * not tell one again while there is a record. */
void numbers_note(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa, uint16_t seq)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];
	struct seen_pair pair = { .hoa = *hoa,
		.ha = d->home_agent_address,
		.domain = domain,
		.value = { .ext_seq = seq, .epoch = 1 } };
	struct seen_value v;
	int ret = -ENOSPC;

	if (conf_mobile_prefix_of(d, hoa) < 0 ||
		!numbers_are_kept(ctl, domain, ctl_subscriber(ctl, domain, hoa)))
		return;
	if (seen_get(ctl->mip6->numbers, domain, hoa, &pair.ha, &v) && v.epoch > 0) {
		if (seq == (uint16_t)v.ext_seq)
			return;
		pair.value.epoch = v.epoch;
		pair.value.ext_seq = version_unwrap(v.ext_seq, seq);
	}
	for (int i = 0; i < TRIES && ret == -ENOSPC; i++)
		ret = seen_raise(ctl->mip6->numbers, &pair, SEEN_REMEMBERED, ctl->ntp);
	if (ret < 0)
		forgot(ctl, domain);
}
