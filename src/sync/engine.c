/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/engine.h"

#include <assert.h>
#include <errno.h>

#include "common/ntp.h"
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

struct domain *domain_of(struct engine *e, uint16_t number)
{
	struct domain *d = domain_by_number(e, number);

	assert(d != NULL);
	return d;
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

/* --- a turn --- */

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
	receive_room(e, d);
	view_turn(e, d);
	next = least(ready_turn(e, d), walk_turn(e, d, budget));
	if (digest_is_ready(d->digest) || *budget == 0)
		return next;
	if (digest_turn(d->digest, *budget))
		return next;
	*budget = 0;
	return 0;
}

static uint32_t walk_on(struct engine *e, uint32_t *budget)
{
	uint32_t next = IDLE_MS;

	for (uint32_t i = 0; *budget > 0 && i < e->domain_count; i++)
		next = least(
			next, walk_turn(e, &e->domain[(e->turn_at + i) % e->domain_count], budget));
	return next;
}

/*
 * Walks over records have the first quarter of the budget, so that streams that are always full do
 * not keep a takeover from its end; waits that are over have half of the rest. What they do not use is
 * for the streams, and what those leave for the walks again: who takes over from the only other site
 * has nobody to tell it to.
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
	if (left > 0)
		next = least(next, walk_on(e, &left));
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
		snapshot_asked(e, p, &m->ask);
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
	p->came_ms = now_ms;
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
