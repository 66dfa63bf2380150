/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and freeing an engine.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "records/seen.h"
#include "sync/engine_priv.h"

/* Whatever is known by a record's place goes with it. */
static void on_del(void *ctx, struct record *r)
{
	struct engine *e = ctx;
	struct domain *d = domain_by_number(e, r->domain);

	commit_gone(e, r);
	changes_del(e->changes, r->handle);
	if (d == NULL)
		return;
	alone_clear(e, d, r);
	digest_drop(d->digest, r);
}

/* What the check of the configuration has seen to (conf/check_mesh.c) is taken for granted; that two
 * names yield one id nobody looks for before. */
static bool check(const struct engine_opts *o)
{
	assert(o->self != 0 && o->boot != 0 && o->domain_count <= ENGINE_DOMAINS);
	assert(records_has_mesh(o->records));
	for (uint32_t i = 0; i < o->domain_count; i++) {
		const struct engine_domain *d = &o->domains[i];

		assert(d->ack_peers <= ENGINE_ACK_ALL);
		for (uint32_t j = 0; j < d->member_count; j++)
			assert(d->members[j].node != 0 && d->members[j].node != o->self);
		for (uint32_t j = 0; j < i; j++)
			if (o->domains[j].id == d->id)
				return false;
	}
	return true;
}

/* Each domain has a key of its own: who knows one knows nothing of another. */
static void make_key(const struct engine *e, uint32_t domain_id, struct digest_key *out)
{
	out->born_ms = e->opts.wall_ms;
	crypto_generichash(out->key, sizeof(out->key), (const uint8_t *)&domain_id,
		sizeof(domain_id), e->opts.secret, 32);
}

static void *copy_of(const void *p, size_t n)
{
	void *c = malloc(n > 0 ? n : 1);

	if (c != NULL && n > 0)
		memcpy(c, p, n);
	return c;
}

static int new_domain(struct engine *e, uint32_t i)
{
	const struct engine_domain *conf = &e->opts.domains[i];
	struct domain *d = &e->domain[i];
	struct digest_opts o = { .records = e->rs, .domain = conf->number, .domain_id = conf->id };

	d->conf = *conf;
	d->index = (uint16_t)i;
	d->conf.members = copy_of(conf->members, conf->member_count * sizeof(*conf->members));
	d->conf.addresses = copy_of(conf->addresses, conf->address_count * sizeof(struct ip6_addr));
	if (d->conf.members == NULL || d->conf.addresses == NULL)
		return -ENOMEM;
	for (uint32_t m = 0; m < conf->member_count; m++) {
		set_add(d->members, conf->members[m].node);
		if (conf->members[m].retired)
			set_add(d->retired, conf->members[m].node);
		else
			d->others++;
	}
	d->raw.domain = d->view.domain = conf->id;
	d->raw.self = d->view.self = e->opts.self;
	d->since_ms = e->now_ms;
	o.bits = digest_bits(conf->max_bindings);
	make_key(e, conf->id, &o.key);
	return digest_new(&o, &d->digest);
}

static int new_peer(struct engine *e, uint8_t node)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct changes *lists[2] = { e->changes, seen_changes(e->opts.seen) };

	if (p == NULL)
		return -ENOMEM;
	e->peer[node] = p;
	e->peer_node[e->peer_count++] = node;
	p->node = node;
	p->asked_domain = p->round.domain = NOBODY;
	p->next_id = 1;
	p->rate = e->opts.rate_max / 4 > RATE_MIN ? e->opts.rate_max / 4 : RATE_MIN;
	p->tokens_ms = p->round_due_ms = e->now_ms;
	p->records = p->told = 1000LL * e->opts.records_s;
	p->records_ms = e->now_ms;
	p->work = 1000LL * WORK_MOST;
	p->work_ms = e->now_ms;
	bucket_init(&p->digest_keys, 1, DIGEST_KEYS + 2 * e->domain_count,
		e->now_ms / (DIGEST_KEY_MS / 1000));
	for (uint32_t i = 0; i < e->domain_count; i++)
		bucket_init(&p->hastes[i], 1, HASTES, e->now_ms / (DIGEST_KEY_MS / 1000));
	for (unsigned i = 0; i < DIM(lists); i++) {
		struct out *out = &p->out[i == 0 ? STREAM_CHANGES : STREAM_SEEN];

		out->sent_mark = changes_marker_new(lists[i]);
		out->acked_mark = changes_marker_new(lists[i]);
		out->again_mark = changes_marker_new(lists[i]);
		if (out->sent_mark == 0 || out->acked_mark == 0 || out->again_mark == 0)
			return -EINVAL; /* seen was made with fewer */
	}
	return 0;
}

static int new_peers(struct engine *e)
{
	uint64_t all[4] = { 0 };
	uint32_t count = 0;
	struct changes_opts o = { .links = &records_mesh_at(e->rs, 0)->change,
		.stride = sizeof(struct record_mesh),
		.max = records_max(e->rs) };
	int ret;

	for (uint32_t i = 0; i < e->domain_count; i++)
		for (unsigned w = 0; w < 4; w++)
			all[w] |= e->domain[i].members[w];
	for (uint8_t node = set_next(all, 0); node != 0; node = set_next(all, node))
		count++;
	o.markers = (uint16_t)ENGINE_MARKERS(count);
	ret = changes_new(&o, &e->changes);
	if (ret < 0)
		return ret;
	for (uint8_t node = set_next(all, 0); node != 0; node = set_next(all, node)) {
		ret = new_peer(e, node);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static bool has_record(void *ctx, const struct seen_pair *pair)
{
	const struct engine *e = ctx;
	const struct record *r = records_find(e->rs, pair->domain, &pair->hoa);

	return r != NULL && ip6_eq(&r->ha, &pair->ha);
}

static void forgot(void *ctx, uint16_t domain)
{
	struct engine *e = ctx;
	struct domain *d = domain_of(e, domain);

	tell(e, ENGINE_EV_FORGOTTEN, d, 0, ++d->forgotten);
}

/* Of the table of pairs each domain has its share, by the bindings that it may have; and as long as
 * there is room one for each record that it may have. */
static int set_quotas(struct engine *e)
{
	uint64_t all = 0, max = seen_max(e->opts.seen);
	int ret = 0;

	for (uint32_t i = 0; i < e->domain_count; i++)
		all += e->domain[i].conf.max_bindings;
	for (uint32_t i = 0; i < e->domain_count && all > 0 && ret == 0; i++) {
		const struct engine_domain *d = &e->domain[i].conf;
		uint64_t share = max * d->max_bindings / all, most = 2ULL * d->max_bindings;

		if (most < share)
			most = share;
		ret = seen_set_quota(e->opts.seen, d->number, (uint32_t)share,
			(uint32_t)(most < max ? most : max));
	}
	return ret;
}

int engine_new(const struct engine_opts *opts, struct engine **out)
{
	struct engine *e;
	int ret = 0;

	if (!check(opts))
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->opts = *opts;
	e->rs = opts->records;
	e->now_ms = opts->now_ms;
	e->wall_ms = opts->wall_ms;
	bucket_init(&e->older, OLDER_S, OLDER_MOST, e->now_ms);
	e->domain = calloc(opts->domain_count + 1ULL, sizeof(*e->domain));
	if (e->domain == NULL)
		ret = -ENOMEM;
	for (uint32_t i = 0; i < opts->domain_count && ret == 0; i++) {
		e->domain_count = i + 1;
		ret = new_domain(e, i);
	}
	if (ret == 0)
		ret = new_peers(e);
	if (ret == 0)
		ret = set_quotas(e);
	if (ret == 0)
		ret = commit_new(e);
	if (ret < 0) {
		engine_free(e);
		return ret;
	}
	e->opts.domains = NULL; /* the caller's */
	records_on_del(e->rs, on_del, e);
	seen_on_full(e->opts.seen, &(struct seen_owner){ e, has_record, forgot });
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	records_on_del(e->rs, NULL, NULL);
	seen_on_full(e->opts.seen, NULL);
	commit_free(e);
	for (uint32_t i = 0; i < e->peer_count; i++) {
		repair_stop(e->peer[e->peer_node[i]]);
		free(e->peer[e->peer_node[i]]);
	}
	changes_free(e->changes);
	for (uint32_t i = 0; i < e->domain_count; i++) {
		digest_free(e->domain[i].digest);
		free((void *)e->domain[i].conf.members);
		free((void *)e->domain[i].conf.addresses);
	}
	free(e->domain);
	sodium_memzero(&e->opts, sizeof(e->opts));
	free(e);
}
