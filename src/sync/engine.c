/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/ntp.h"
#include "records/seen.h"
#include "sync/engine_priv.h"

const char *engine_event_name(enum engine_event e)
{
	static const char *const names[ENGINE_EV_COUNT] = {
#define X(id, name, help) [ENGINE_EV_##id] = (name),
		ENGINE_EVENT_LIST(X)
#undef X
	};

	return e < ENGINE_EV_COUNT ? names[e] : "?";
}

uint8_t set_next(const uint64_t set[static 4], uint8_t node)
{
	for (unsigned n = node + 1U; n < NEXT_NODES; n++) {
		uint64_t word = set[n / 64] >> n % 64;

		if (word != 0)
			return (uint8_t)(n + (unsigned)__builtin_ctzll(word));
		n |= 63;
	}
	return 0;
}

struct domain *domain_by_number(struct engine *e, uint16_t number)
{
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (e->domain[i].conf.number == number)
			return &e->domain[i];
	return NULL;
}

struct domain *domain_by_id(struct engine *e, uint32_t id)
{
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (e->domain[i].conf.id == id)
			return &e->domain[i];
	return NULL;
}

bool is_member(const struct domain *d, uint8_t node)
{
	return set_has(d->members, node);
}

bool is_peer_up(const struct engine *e, const struct domain *d, uint8_t node)
{
	return e->peer[node] != NULL && d->raw.site[node].reach == NEXT_UP;
}

void tell(struct engine *e, enum engine_event ev, const struct domain *d, uint8_t node, uint64_t n)
{
	e->opts.ops.event(e->opts.ops.ctx, ev, d == NULL ? 0 : d->conf.number, node, n);
}

uint64_t stamp_now(const struct engine *e)
{
	return ntp_from_unix(e->wall_ms / 1000, (uint32_t)(e->wall_ms % 1000) * 1000000U);
}

bool has_cut(const struct engine *e, uint8_t o)
{
	if (!e->any_cut)
		return false;
	return (e->cut[o][0] | e->cut[o][1] | e->cut[o][2] | e->cut[o][3]) != 0;
}

/* --- making and freeing --- */

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

static bool check_domain(const struct engine_opts *o, uint32_t i)
{
	const struct engine_domain *d = &o->domains[i];
	uint64_t seen[4] = { 0 };

	for (uint32_t j = 0; j < i; j++)
		if (o->domains[j].number == d->number || o->domains[j].id == d->id)
			return false;
	for (uint32_t j = 0; j < d->member_count; j++) {
		uint8_t node = d->members[j].node;

		if (node == 0 || node == o->self || set_has(seen, node))
			return false;
		set_add(seen, node);
	}
	return d->ack_peers <= ENGINE_ACK_ALL;
}

static bool check(const struct engine_opts *o)
{
	if (o->self == 0 || o->boot == 0 || o->domain_count > ENGINE_DOMAINS ||
		!records_has_mesh(o->records))
		return false;
	for (uint32_t i = 0; i < o->domain_count; i++)
		if (!check_domain(o, i))
			return false;
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
	struct domain *d = domain_by_number(e, domain);

	if (d != NULL)
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

/* --- a turn --- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void greet(struct engine *e, struct peer *p)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;

	p->must_greet = false;
	p->greeted_ms = e->now_ms;
	tx_begin(e, p, buf, &w);
	tx_end(e, p, &w);
}

static uint32_t peer_turn(struct engine *e, struct peer *p, uint32_t *budget)
{
	uint32_t next;

	if (!p->is_up)
		return IDLE_MS;
	if (p->must_greet || (!p->is_open && e->now_ms - p->greeted_ms >= GREET_MS))
		greet(e, p);
	if (!p->is_open)
		return IDLE_MS;
	stream_refill(e, p);
	/* streams first, but not always: what never ends would keep comparisons from their end */
	if (e->turn_at % 4 == 0) {
		next = repair_turn(e, p, budget);
		return least(next, stream_turn(e, p, budget));
	}
	next = stream_turn(e, p, budget);
	return least(next, repair_turn(e, p, budget));
}

static uint32_t domain_turn(struct engine *e, struct domain *d, uint32_t *budget)
{
	uint32_t next;

	if (!d->was_told) {
		d->was_told = true;
		ready_set(e, d, NEXT_JOINING);
	}
	next = least(ready_turn(e, d), walk_turn(e, d, budget));
	if (digest_is_ready(d->digest) || *budget == 0)
		return next;
	if (digest_turn(d->digest, *budget))
		return next;
	*budget = 0;
	return 0;
}

/*
 * Walks over records have the first quarter of the budget, so that streams that are always full do
 * not keep a takeover from its end; waits that are over have half of the rest. What they do not use is
 * for the streams.
 */
uint32_t engine_turn(struct engine *e, uint64_t now_ms, uint64_t wall_ms, uint32_t budget)
{
	uint32_t next = IDLE_MS, left = budget, walks = budget / 4 + 1, waits;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	left -= least(left, walks);
	for (uint32_t i = 0; i < e->domain_count; i++)
		next = least(next, domain_turn(e, &e->domain[i], &walks));
	left += walks;
	waits = left / 2 + 1;
	left -= least(left, waits);
	next = least(next, commit_turn(e, &waits));
	left += waits;
	for (uint32_t i = 0; i < e->peer_count; i++) {
		uint8_t node = e->peer_node[(e->turn_at + i) % e->peer_count];

		next = least(next, peer_turn(e, e->peer[node], &left));
	}
	e->turn_at++;
	return left == 0 ? 0 : next;
}

/* --- a datagram --- */

static void handle(struct engine *e, struct peer *p, struct message *m)
{
	switch (m->type) {
	case MESSAGE_DELTA:
		receive_delta(e, p, &m->delta);
		break;
	case MESSAGE_ACK:
		stream_ack(e, p, &m->ack);
		break;
	case MESSAGE_ASK:
		ready_asked(e, p, &m->ask);
		break;
	case MESSAGE_DIGEST:
		repair_digest(e, p, &m->digest);
		break;
	case MESSAGE_DIFFER:
		repair_differ(e, p, &m->differ);
		break;
	case MESSAGE_KEYS:
		repair_keys(e, p, &m->keys);
		break;
	case MESSAGE_WANT:
		repair_want_heard(e, p, &m->want);
		break;
	case MESSAGE_RECORDS:
		receive_records(e, p, &m->sections);
		break;
	default: /* of a later release */
		break;
	}
}

static void malformed(struct engine *e, struct peer *p)
{
	if (p->info.malformed++ == 0)
		tell(e, ENGINE_EV_MALFORMED, NULL, p->node, 0);
}

/* True: it is meant for this life of ours, by the peer's present one. */
static bool is_for_us(struct engine *e, struct peer *p, const struct message_head *h)
{
	if (h->boot != p->boot) {
		if (h->boot == p->old_boot)
			return false; /* late */
		if (p->boot != 0)
			tell(e, ENGINE_EV_PEER_RESTARTED, NULL, p->node, 0);
		p->old_boot = p->boot;
		p->boot = h->boot;
		peer_reset(e, p);
		p->must_greet = true;
	}
	if (h->your_boot != e->opts.boot) {
		p->must_greet = true;
		return false;
	}
	if (!p->is_open) {
		p->is_open = true;
		streams_begin(e, p);
	}
	return true;
}

void engine_input(struct engine *e, uint8_t node, const uint8_t *buf, size_t len, uint64_t now_ms,
	uint64_t wall_ms)
{
	struct peer *p = e->peer[node];
	struct net_rd r = net_rd_init(buf, len);
	struct message_head head;
	struct message m;
	int ret;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	e->input_work = WORK_INPUT;
	if (p == NULL)
		return;
	ret = len <= ENGINE_DATAGRAM ? message_read_head(&r, &head) : -EBADMSG;
	if (ret < 0) {
		malformed(e, p);
		return;
	}
	if (!is_for_us(e, p, &head))
		return;
	while ((ret = message_read(&r, &m)) > 0)
		handle(e, p, &m);
	if (ret < 0)
		malformed(e, p);
	if (p->ack_now && p->is_up)
		greet(e, p); /* with the acknowledgements that are due */
}

/* --- what others want to know --- */

/* All that is for it; what came since it acknowledged is not: another domain's, or its own. */
static bool has_all(const struct engine *e, const struct peer *p)
{
	const struct out *out = &p->out[STREAM_CHANGES];

	if (changes_peek(e->changes, out->acked_mark) == 0)
		return true;
	return out->sent == out->acked && changes_peek(e->changes, out->sent_mark) == 0;
}

int engine_peer_info(const struct engine *e, uint8_t node, struct engine_peer_info *out)
{
	const struct peer *p = e->peer[node];

	if (p == NULL)
		return -ENOENT;
	*out = p->info;
	out->open = p->is_open;
	out->full = false;
	for (uint32_t i = 0; i < e->domain_count; i++)
		out->full |= set_has(e->domain[i].full, node);
	out->rate = p->rate;
	out->behind = p->is_open && !has_all(e, p)
			      ? changes_last(e->changes) - p->out[STREAM_CHANGES].acked
			      : 0;
	return 0;
}

int engine_domain_info(const struct engine *e, uint16_t number, struct engine_domain_info *out)
{
	const struct domain *d = domain_by_number((struct engine *)e, number);

	if (d == NULL)
		return -ENOENT;
	*out = (struct engine_domain_info){ .says = d->says,
		.serves = view_serves(d, e),
		.waits_for = d->says == NEXT_JOINING ? d->waits_for : 0,
		.alone = d->alone,
		.waiting = d->waiting };
	if (d->walk != WALK_NONE)
		out->walk_left = records_max(e->rs) - d->walk_at;
	if (digest_is_ready(d->digest))
		out->digest = digest_fold(d->digest, 0, 0).hash;
	return 0;
}

bool engine_serves(const struct engine *e, uint16_t number)
{
	const struct domain *d = domain_by_number((struct engine *)e, number);

	return d != NULL && view_serves(d, e);
}

const struct next_view *engine_view_of(const struct engine *e, uint16_t number)
{
	const struct domain *d = domain_by_number((struct engine *)e, number);

	return d == NULL ? NULL : &d->view;
}
