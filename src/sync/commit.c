/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acknowledgements that wait until enough peers hold a record.
 *
 * Every wait knows the change number of its record. A peer that has acknowledged our changes up to
 * some number holds all records up to it; so with the waits of a domain in the order of numbers, an
 * acknowledgement ends those at the head, and few others need be looked at.
 *
 * Counted are peers of the domain that are up and say ready or draining, unless they refuse
 * records, or refused that one; when there are fewer than ack_peers of them, all are enough. A peer's word about
 * a change counts only if its stream began in front of the change and it did not refuse anything
 * of the domain since: what a snapshot brought it is not known here by number.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/plant.h"
#include "sync/engine_priv.h"

#define TIMEOUT_MIN_MS  200
#define TIMEOUT_MORE_MS 50 /* beside two round trips */
#define TIMEOUT_MAX_MS  900 /* a mobile node repeats its update after 1 s (RFC 6275, 12) */
/* Waits that one peer has acknowledged and others have not, looked at for what is behind them. */
#define PASSED_MAX 64

int commit_new(struct engine *e)
{
	uint32_t max = e->opts.max_waits, heads = 1;

	while (heads < max && heads < 1U << 31)
		heads <<= 1;
	e->wait_mask = heads - 1;
	if (e->domain_count > 0)
		e->wait_kept = max / (2 * e->domain_count);
	e->wheel = wheel_new(e->now_ms);
	e->wait = calloc(max + 1ULL, sizeof(*e->wait));
	e->wait_hash = calloc(heads, sizeof(*e->wait_hash));
	if (e->wheel == NULL || e->wait == NULL || e->wait_hash == NULL)
		return -ENOMEM;
	for (uint32_t i = max; i > 0; i--) {
		e->wait[i].next = e->wait_free;
		e->wait_free = i;
	}
	return 0;
}

void commit_free(struct engine *e)
{
	wheel_free(e->wheel);
	free(e->wait);
	free(e->wait_hash);
}

/* --- the list of a domain, and finding by record --- */

static uint32_t *chain(const struct engine *e, uint32_t handle)
{
	return &e->wait_hash[handle * 0x9e3779b1U & e->wait_mask];
}

static void unlink_wait(struct engine *e, struct domain *d, uint32_t i)
{
	struct wait *w = &e->wait[i];

	*(w->prev != 0 ? &e->wait[w->prev].next : &d->wait_head) = w->next;
	*(w->next != 0 ? &e->wait[w->next].prev : &d->wait_tail) = w->prev;
}

/* The newest of the record's, 0: there is none. */
static uint32_t find_wait(const struct engine *e, uint32_t handle)
{
	uint32_t i = e->wait_count > 0 ? *chain(e, handle) : 0;

	while (i != 0 && e->wait[i].handle != handle)
		i = e->wait[i].chain;
	return i;
}

/* Behind `after`, 0: the first. */
static void link_wait(struct engine *e, struct domain *d, uint32_t i, uint32_t after)
{
	struct wait *w = &e->wait[i];

	w->prev = after;
	w->next = after != 0 ? e->wait[after].next : d->wait_head;
	*(w->prev != 0 ? &e->wait[w->prev].next : &d->wait_head) = i;
	*(w->next != 0 ? &e->wait[w->next].prev : &d->wait_tail) = i;
}

static void finish(struct engine *e, uint32_t i, enum engine_commit how)
{
	struct wait *w = &e->wait[i];
	struct domain *d = &e->domain[w->domain];
	uint32_t *link = chain(e, w->handle);
	uint64_t token = w->token;

	while (*link != i)
		link = &e->wait[*link].chain;
	*link = w->chain;
	unlink_wait(e, d, i);
	wheel_del(e->wheel, &w->timer);
	w->next = e->wait_free;
	e->wait_free = i;
	e->wait_count--;
	d->waiting--;
	e->wait_over -= d->waiting >= e->wait_kept;
	e->opts.ops.committed(e->opts.ops.ctx, token, how);
}

bool commit_has(const struct engine *e, const struct record *r)
{
	return find_wait(e, r->handle) != 0;
}

void commit_moved(struct engine *e, struct record *r)
{
	uint32_t first = find_wait(e, r->handle), after;
	struct domain *d;

	if (first == 0)
		return;
	d = &e->domain[e->wait[first].domain];
	for (uint32_t i = first; i != 0; i = e->wait[i].chain)
		if (e->wait[i].handle == r->handle)
			unlink_wait(e, d, i);
	/* it is the last change there is; the newest wait comes first here, and last there */
	after = d->wait_tail;
	for (uint32_t i = first; i != 0; i = e->wait[i].chain) {
		if (e->wait[i].handle != r->handle)
			continue;
		e->wait[i].change = records_mesh(e->rs, r)->change.number;
		link_wait(e, d, i, after);
	}
}

void commit_gone(struct engine *e, struct record *r)
{
	uint32_t i = e->wait_count > 0 ? *chain(e, r->handle) : 0, next;

	for (; i != 0; i = next) {
		next = e->wait[i].chain;
		if (e->wait[i].handle == r->handle)
			finish(e, i, ENGINE_OUT_OF_TIME);
	}
}

/* --- who counts --- */

static bool counts(const struct engine *e, const struct domain *d, uint8_t node)
{
	return is_peer_up(e, d, node) && next_is_live(&d->raw, node) && !set_has(d->full, node);
}

/* It refused that change, or one of the domain told after it: it will never be known to hold it. */
static bool refused(const struct engine *e, const struct domain *d, uint8_t node, uint64_t change)
{
	const struct out *out = &e->peer[node]->out[STREAM_CHANGES];

	return out->id != 0 && out->refused[d->index] >= change;
}

static unsigned counted(const struct engine *e, const struct domain *d, uint64_t change)
{
	unsigned n = 0;

	for (uint8_t node = set_next(d->members, 0); node != 0; node = set_next(d->members, node))
		n += counts(e, d, node) && !refused(e, d, node, change);
	return n;
}

/* The last change that any of them has acknowledged. */
static uint64_t most_acked(const struct engine *e, const struct domain *d)
{
	uint64_t most = 0;

	for (uint8_t node = set_next(d->members, 0); node != 0; node = set_next(d->members, node))
		if (counts(e, d, node) && e->peer[node]->out[STREAM_CHANGES].acked > most)
			most = e->peer[node]->out[STREAM_CHANGES].acked;
	return most;
}

/* That peer has the record as it is since that change. */
static bool holds(const struct engine *e, const struct domain *d, uint8_t node, uint64_t change)
{
	const struct peer *p = e->peer[node];
	const struct out *out;

	if (p == NULL)
		return false;
	out = &p->out[STREAM_CHANGES];
	return out->id != 0 && out->acked >= change && out->since <= change &&
	       out->refused[d->index] < change;
}

static unsigned holders(const struct engine *e, const struct domain *d, uint64_t change)
{
	unsigned n = 0;

	for (uint8_t node = set_next(d->members, 0); node != 0; node = set_next(d->members, node))
		n += counts(e, d, node) && holds(e, d, node, change);
	if (planted(PLANT_SELF_COMMIT))
		n++;
	return n;
}

static bool anybody_holds(const struct engine *e, const struct domain *d, uint64_t change)
{
	for (uint8_t node = set_next(d->members, 0); node != 0; node = set_next(d->members, node))
		if (holds(e, d, node, change))
			return true;
	return false;
}

static unsigned wanted(const struct domain *d, unsigned there)
{
	if (d->conf.ack_peers == ENGINE_ACK_ALL || d->conf.ack_peers > there)
		return there;
	return d->conf.ack_peers;
}

/* --- alone --- */

void alone_set(struct engine *e, struct domain *d, struct record *r)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	if (d->others == 0 || (m->flags & RECORD_ALONE))
		return; /* there never was, or will be, anybody else */
	m->flags |= RECORD_ALONE;
	d->alone++;
	tell(e, ENGINE_EV_ALONE, d, 0, d->alone);
}

void alone_clear(struct engine *e, struct domain *d, struct record *r)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	if (!(m->flags & RECORD_ALONE))
		return;
	m->flags = (uint8_t)(m->flags & ~RECORD_ALONE);
	d->alone--;
}

void commit_told(struct engine *e, struct domain *d, struct record *r)
{
	if (d->conf.ack_peers > 0 && counted(e, d, records_mesh(e->rs, r)->change.number) == 0)
		alone_set(e, d, r);
}

/* --- waiting --- */

/* Ends it if enough peers hold it; the more peers there are the more must hold it. */
static bool decide(struct engine *e, struct domain *d, uint32_t i)
{
	const struct wait *w = &e->wait[i];
	struct record *r = records_at(e->rs, w->handle);
	unsigned there = counted(e, d, w->change);

	if (there > 0 && holders(e, d, w->change) < wanted(d, there))
		return false;
	if (there == 0 && r != NULL && !anybody_holds(e, d, w->change))
		alone_set(e, d, r);
	finish(e, i, there > 0 ? ENGINE_HELD : ENGINE_ALONE);
	return true;
}

/*
 * Each look ends a wait, which costs of the budget, or passes one by, of which there are PASSED_MAX;
 * those are at the head again next time. One acknowledgement may end thousands of waits, each with a
 * packet that leaves: what is left over is for the next turn.
 */
static void check(struct engine *e, struct domain *d, uint32_t *budget)
{
	uint64_t most = most_acked(e, d);
	unsigned passed = 0;
	uint32_t next;

	for (uint32_t i = d->wait_head; i != 0 && passed < PASSED_MAX; i = next) {
		bool is_acked = e->wait[i].change <= most;

		if (*budget == 0)
			return;
		next = e->wait[i].next;
		if (decide(e, d, i)) {
			(*budget)--;
			continue;
		}
		if (!is_acked)
			break;
		passed++;
	}
	d->must_check = false;
}

static void on_timeout(void *ctx, struct wheel_timer *t)
{
	struct engine *e = ctx;
	struct wait *w = container_of(t, struct wait, timer);
	struct domain *d = &e->domain[w->domain];
	struct record *r = records_at(e->rs, w->handle);
	uint32_t i = (uint32_t)(w - e->wait);

	if (d->must_check && decide(e, d, i))
		return; /* it was over, and had not been looked at yet */
	if (r != NULL && !anybody_holds(e, d, w->change))
		alone_set(e, d, r);
	finish(e, i, ENGINE_OUT_OF_TIME);
}

uint32_t commit_turn(struct engine *e, uint32_t *budget)
{
	size_t done = wheel_advance(e->wheel, e->now_ms, *budget, on_timeout, e);
	bool is_more = false;

	*budget -= (uint32_t)(done < *budget ? done : *budget);
	for (uint32_t n = 0; n < e->domain_count; n++) {
		struct domain *d = &e->domain[(e->turn_at + n) % e->domain_count];

		if (d->must_check)
			check(e, d, budget);
		is_more |= d->must_check;
	}
	if (is_more || *budget == 0)
		return 0;
	return e->wait_count > 0 ? 10 : IDLE_MS;
}

static uint32_t timeout_ms(const struct engine *e, const struct domain *d)
{
	uint32_t rtt = UINT32_MAX, ms;

	if (d->conf.commit_timeout_ms != 0)
		return d->conf.commit_timeout_ms;
	for (uint8_t node = set_next(d->members, 0); node != 0; node = set_next(d->members, node))
		if (counts(e, d, node) && e->peer[node]->rtt_ms < rtt)
			rtt = e->peer[node]->rtt_ms;
	if (rtt > TIMEOUT_MAX_MS)
		return TIMEOUT_MAX_MS;
	ms = 2 * rtt + TIMEOUT_MORE_MS;
	if (ms < TIMEOUT_MIN_MS)
		return TIMEOUT_MIN_MS;
	return ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
}

static void add_wait(struct engine *e, struct domain *d, const struct record *r, uint64_t token)
{
	uint32_t i = e->wait_free, *head = chain(e, r->handle), after = find_wait(e, r->handle);
	struct wait *w = &e->wait[i];
	uint64_t change = records_mesh(e->rs, r)->change.number;

	/* Behind the record's other ones. The first of a record that did not change just now waits
	 * for a later change: who acknowledged that one has the record, too. */
	if (after == 0)
		after = d->wait_tail;
	if (after != 0 && e->wait[after].change > change)
		change = e->wait[after].change;
	e->wait_free = w->next;
	*w = (struct wait){ .token = token,
		.change = change,
		.handle = r->handle,
		.chain = *head,
		.domain = d->index };
	*head = i;
	link_wait(e, d, i, after);
	wheel_set(e->wheel, &w->timer, e->now_ms + timeout_ms(e, d));
	e->wait_count++;
	e->wait_over += d->waiting >= e->wait_kept;
	d->waiting++;
}

/* Half of the places are kept for the domains, in equal parts: one whose peers are slow does not
 * take them all. The other half is for whoever needs it. */
static bool has_room(const struct engine *e, const struct domain *d)
{
	return d->waiting < e->wait_kept ||
	       e->wait_over < e->opts.max_waits - e->wait_kept * e->domain_count;
}

enum engine_commit engine_wait(struct engine *e, struct record *r, uint64_t token, uint64_t now_ms)
{
	struct domain *d = domain_of(e, r->domain);
	uint64_t change = records_mesh(e->rs, r)->change.number;

	e->now_ms = now_ms;
	if (d->conf.ack_peers == 0)
		return ENGINE_HELD;
	if (counted(e, d, change) == 0) {
		alone_set(e, d, r);
		return ENGINE_ALONE;
	}
	if (holders(e, d, change) >= wanted(d, counted(e, d, change)))
		return ENGINE_HELD;
	if (!has_room(e, d)) {
		tell(e, ENGINE_EV_WAITS_FULL, d, 0, e->wait_count);
		alone_set(e, d, r);
		return ENGINE_OUT_OF_TIME;
	}
	add_wait(e, d, r, token);
	return ENGINE_WAITS;
}
