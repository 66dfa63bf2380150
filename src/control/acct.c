/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions and their events. A start and a move are told at once; a stop when nobody can count in
 * the binding any more, a grace period later, with the time of its end; interims by a timer a
 * session, begun at a random moment of the interval so that a million sessions make an even
 * trickle whatever made them. Interims wait while the ring is half full: what cannot wait has the
 * other half.
 *
 * With a store, a move, an interim and a stop wait until what they tell is written there: what was
 * billed does not go back when hamd is killed. They keep their order.
 */
#include "control/acct.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "common/ntp.h"
#include "conf/conf.h"
#include "control/acct_wait.h"
#include "control/ctl_priv.h"
#include "control/rng.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/tables.h"

/* The host thread takes an event in some 2 us; at 10,000 Binding Updates a second it may be away
 * for 1.6 s. 7 MB, touched as they are used. */
#define RING_SIZE         16384
#define INTERIMS_PER_TURN 64 /* a microsecond or two each */
#define RELEASED_PER_TURN 256 /* a copy of half a kilobyte each */
/* At the end, when nothing but the host thread runs: it takes no event for so long. */
#define STUCK_MS  1000
#define FINISH_MS 20000 /* what a stop waits for the host thread in all */

static_assert(sizeof(struct acct_event) % 4 == 0, "rte_ring_elem wants that");
static_assert(ACCT_DOMAIN_MAX == CONF_NAME_MAX, "copied");

struct acct {
	struct rte_ring *ring;
	struct wheel *wheel;
	struct wheel_timer *timer; /* by the record's handle */
	uint32_t interval_ms;
	uint32_t number; /* of the next session */
	uint64_t rng;
	bool begun;
	/* Stops without their counts, in the order of the removals: as bc_on_final() tells them. */
	struct acct_event *stop;
	uint64_t *stop_life; /* store_life() then: its word of the end may be lost since */
	uint32_t stop_size, stop_head, stop_tail; /* counted on without end */
	uint32_t sessions;
	struct acct_wait *wait; /* for the store; NULL: there is none */
	uint64_t failures; /* of the store, seen */

	/* written by the host thread */
	_Atomic uint64_t host_lines, host_bytes, host_lost, host_waiting;
	_Atomic bool host_blocked;
};

const char *acct_type_name(enum acct_type t)
{
	static const char *const names[] = {
#define X(id, name) [ACCT_##id] = name,
		ACCT_TYPE_LIST(X)
#undef X
	};

	assert(t < ACCT_TYPE_COUNT);
	return names[t];
}

const char *acct_cause_name(enum acct_cause c)
{
	static const char *const names[] = {
#define X(id, name) [ACCT_CAUSE_##id] = name,
		ACCT_CAUSE_LIST(X)
#undef X
	};

	assert(c < ACCT_CAUSE_COUNT);
	return names[c];
}

/* --- the ring --- */

static struct rte_ring *ring_new(void)
{
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(struct acct_event), RING_SIZE);
	struct rte_ring *r = NULL;

	if (bytes > 0)
		r = aligned_alloc(
			RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)bytes, RTE_CACHE_LINE_SIZE));
	if (r != NULL)
		rte_ring_init(r, "acct", RING_SIZE, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

static void emit(struct ctl *ctl, struct acct_event *e)
{
	ctl_count(ctl, CTL_ACCT_EVENTS);
	e->seq = ctl->counters[CTL_ACCT_EVENTS];
	e->lost = ctl->counters[CTL_ACCT_LOST];
	if (rte_ring_sp_enqueue_elem(ctl->acct->ring, e, sizeof(*e)) < 0)
		ctl_count(ctl, CTL_ACCT_LOST);
}

/* --- waiting for the store --- */

static void give_up(struct acct *a)
{
	acct_wait_give_up(a->wait, ACCT_WAIT_SIZE);
}

/* Changes when the store fails, and when it is well again: what it was told in between, and what was
 * on its way then, it has thrown away. */
static uint64_t store_life(const struct ctl *ctl)
{
	uint64_t failures;

	if (ctl->acct->wait == NULL)
		return 0;
	failures = persist_failures(ctl);
	return 2 * failures + persist_has_failed(ctl);
}

/* Those that may go, at most max. */
static uint32_t release(struct ctl *ctl, uint32_t max)
{
	struct acct *a = ctl->acct;
	uint64_t written, failures;
	struct acct_event *e;
	uint32_t n = 0;
	bool given_up;

	if (a->wait == NULL)
		return 0;
	written = persist_written(ctl); /* this first: what was lost then is not in it */
	failures = persist_failures(ctl);
	if (failures != a->failures || persist_has_failed(ctl))
		give_up(a);
	a->failures = failures;
	while (n < max && (e = acct_wait_first(a->wait, written, &given_up)) != NULL) {
		if (given_up)
			ctl_count(ctl, CTL_ACCT_UNSTORED);
		emit(ctl, e);
		acct_wait_drop(a->wait);
		n++;
	}
	return n;
}

/* What it tells is in the binding cache, or in a record that was touched. */
static void emit_stored(struct ctl *ctl, struct acct_event *e)
{
	struct acct *a = ctl->acct;

	if (a->wait == NULL) {
		emit(ctl, e);
		return;
	}
	if (acct_wait_count(a->wait) == ACCT_WAIT_SIZE) {
		acct_wait_give_up(a->wait, 1); /* the store has stalled */
		release(ctl, 1);
	}
	acct_wait_put(a->wait, e, persist_mark(ctl));
	if (persist_has_failed(ctl)) /* and may be well again by then */
		give_up(a);
}

uint32_t acct_take(struct acct *a, struct acct_event *out, uint32_t max)
{
	return rte_ring_sc_dequeue_burst_elem(a->ring, out, sizeof(*out), max, NULL);
}

/* --- events --- */

static void put_name(char *to, size_t room, const char *from)
{
	size_t n = from != NULL ? strnlen(from, room - 1) : 0;

	if (n > 0)
		memcpy(to, from, n);
	to[n] = '\0';
}

static void put_nai(struct acct_event *e, const struct sub *sub)
{
	put_name(e->nai, sizeof(e->nai), sub != NULL ? sub->nai : NULL);
}

static void put_counts(struct acct_event *e, const struct bc_counts *c)
{
	e->packets_to = c->packets_to;
	e->bytes_to = c->bytes_to;
	e->packets_from = c->packets_from;
	e->bytes_from = c->bytes_from;
}

/* All but the counts. */
static void fill(const struct ctl *ctl, struct acct_event *e, enum acct_type type,
	enum acct_cause cause, const struct record *r)
{
	const struct conf_domain *d = &ctl->conf->domains[r->domain];

	*e = (struct acct_event){
		.time = ctl->ntp,
		.session = r->session,
		.duration_ms = ctl->now_ms - r->since_ms,
		.hoa = r->hoa,
		.coa = r->coa,
		.lifetime_s = r->lifetime_s,
		.type = (uint8_t)type,
		.cause = (uint8_t)cause,
	};
	put_name(e->domain, sizeof(e->domain), d->name);
	put_nai(e, ctl_subscriber(ctl, r->domain, &r->hoa));
}

static void fill_counts(const struct ctl *ctl, struct acct_event *e)
{
	const struct bc_entry *entry = bc_find(ctl->t->bc, &e->hoa);
	struct bc_counts c = { 0 };

	if (entry != NULL)
		bc_counts(ctl->t->bc, entry, &c);
	put_counts(e, &c);
}

/* Of a run, not of a session. */
static void emit_run(struct ctl *ctl, enum acct_type type, enum acct_cause cause)
{
	struct acct_event e = { .time = ctl->ntp, .type = (uint8_t)type, .cause = (uint8_t)cause };

	emit(ctl, &e);
}

/* Nowhere else, and never again: the site, the second, and a number that began at random. */
static uint64_t session_number(struct ctl *ctl)
{
	uint64_t site = ctl->conf->node.id, second = ctl->ntp >> 32;

	return site << 56 | second << 24 | (ctl->acct->number++ & 0xffffff);
}

/* Looked at within an interval, at a random moment of it. */
static void set_timer(struct ctl *ctl, const struct record *r)
{
	struct acct *a = ctl->acct;

	wheel_set(a->wheel, &a->timer[r->handle],
		ctl->now_ms + rng_between(&a->rng, 1, a->interval_ms));
}

static void begin(struct ctl *ctl, struct record *r, enum acct_cause cause)
{
	struct acct_event e;

	r->session = session_number(ctl);
	ctl->acct->sessions++;
	fill(ctl, &e, ACCT_START, cause, r);
	if (cause != ACCT_CAUSE_HEARD)
		fill_counts(ctl, &e);
	else /* nothing else of it changes: else the next run would begin it once more */
		persist_touch(ctl, r);
	emit(ctl, &e);
}

void acct_start(struct ctl *ctl, struct record *r, enum acct_cause cause)
{
	if (ctl->acct == NULL)
		return;
	begin(ctl, r, cause);
	set_timer(ctl, r);
}

void acct_hear(struct ctl *ctl, struct record *r)
{
	r->session = 0;
	if (ctl->acct != NULL)
		set_timer(ctl, r);
}

/* Its first line is an interim, a move or its stop: whoever wants to know the session knows it. In a
 * mesh one without a number begins when it carries packets, as it would have without a restart. */
void acct_resume(struct ctl *ctl, struct record *r)
{
	if (ctl->acct == NULL)
		return;
	if (r->session == 0 && ctl->mesh == NULL) /* there was no accounting then */
		r->session = session_number(ctl);
	ctl->acct->sessions += r->session != 0;
	set_timer(ctl, r);
}

void acct_move(struct ctl *ctl, struct record *r, const struct ip6_addr *old_coa)
{
	struct acct_event e;

	if (ctl->acct == NULL)
		return;
	if (r->session == 0) { /* it was another site's */
		begin(ctl, r, ACCT_CAUSE_REGISTERED);
		return;
	}
	fill(ctl, &e, ACCT_MOVE, ACCT_CAUSE_NONE, r);
	e.old_coa = *old_coa;
	fill_counts(ctl, &e);
	persist_touch(ctl, r);
	emit_stored(ctl, &e);
}

/* As many may wait as the deferred-free queue holds, and it has just taken this removal. Whom a
 * reload takes away is billed by the name that it had. */
void acct_stop(struct ctl *ctl, const struct record *r, enum acct_cause cause)
{
	struct acct *a = ctl->acct;
	struct acct_event *e;

	if (a == NULL)
		return;
	assert(a->stop_head - a->stop_tail < a->stop_size);
	a->stop_life[a->stop_head % a->stop_size] = store_life(ctl);
	e = &a->stop[a->stop_head++ % a->stop_size];
	fill(ctl, e, ACCT_STOP, cause, r);
	if (e->nai[0] == '\0')
		put_nai(e, ctl_former_subscriber(ctl, r->domain, &r->hoa));
	wheel_del(a->wheel, &a->timer[r->handle]);
	a->sessions -= r->session != 0;
}

/* One that carried packets here without having been seen at it yet is told whole. */
static void begin_late(struct ctl *ctl, struct acct_event *stop)
{
	struct acct_event e;

	stop->session = session_number(ctl);
	e = *stop;
	e.type = ACCT_START;
	e.cause = ACCT_CAUSE_HEARD;
	emit(ctl, &e);
}

static void on_final(void *ctx, const struct bc_entry *entry, const struct bc_counts *total)
{
	struct ctl *ctl = ctx;
	struct acct *a = ctl->acct;
	uint64_t life = a->stop_life[a->stop_tail % a->stop_size];
	struct acct_event *e = &a->stop[a->stop_tail++ % a->stop_size];

	assert(ip6_eq(&entry->hoa, &e->hoa));
	if (e->session == 0 && total->packets_to + total->packets_from == 0)
		return; /* another site's: nothing of it came here */
	if (e->session == 0)
		begin_late(ctl, e);
	put_counts(e, total);
	emit_stored(ctl, e);
	if (a->wait != NULL && life != store_life(ctl))
		give_up(a);
}

/* --- interims --- */

/* Another site's, and carries packets here: true, its session begins. */
static bool is_in_use(struct ctl *ctl, struct record *r)
{
	struct acct_event e = { .hoa = r->hoa };

	fill_counts(ctl, &e);
	if (e.packets_to + e.packets_from == 0)
		return false;
	begin(ctl, r, ACCT_CAUSE_HEARD);
	return true;
}

static void on_interim(void *ctx, struct wheel_timer *t)
{
	struct ctl *ctl = ctx;
	struct acct *a = ctl->acct;
	struct record *r = records_at(ctl->records, (uint32_t)(t - a->timer));
	uint64_t missed = (ctl->now_ms - t->expires_ms) / a->interval_ms;
	struct acct_event e;

	assert(r != NULL && r->state == RECORD_LIVE);
	if (r->session != 0 || is_in_use(ctl, r)) {
		fill(ctl, &e, ACCT_INTERIM, ACCT_CAUSE_NONE, r);
		fill_counts(ctl, &e);
		persist_touch(ctl, r); /* it will be stored with these counts or later ones */
		emit_stored(ctl, &e);
	}
	wheel_set(a->wheel, t, t->expires_ms + (missed + 1) * a->interval_ms);
}

/* How many interims there is room for. */
static uint32_t room_for_interims(const struct acct *a)
{
	uint32_t room = rte_ring_free_count(a->ring);
	uint32_t waiting = a->wait != NULL ? acct_wait_count(a->wait) : 0;

	if (room <= RING_SIZE / 2 + waiting || waiting >= ACCT_WAIT_SIZE / 2)
		return 0;
	room -= RING_SIZE / 2 + waiting;
	return room < INTERIMS_PER_TURN ? room : INTERIMS_PER_TURN;
}

bool acct_run(struct ctl *ctl)
{
	struct acct *a = ctl->acct;
	uint32_t room, released;

	if (!a->begun)
		emit_run(ctl, ACCT_ON, ACCT_CAUSE_NONE);
	a->begun = true;
	released = release(ctl, RELEASED_PER_TURN);
	room = room_for_interims(a);
	return (room > 0 && wheel_advance(a->wheel, ctl->now_ms, room, on_interim, ctl) > 0) ||
	       released > 0;
}

/* --- the end --- */

/* Until the host thread is stuck, or has been slow for so long in all that whoever stops hamd would
 * lose patience. */
static void wait_for_room(const struct acct *a, unsigned *left_ms)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned ms = 0; *left_ms > 0 && rte_ring_full(a->ring); ms++) {
		*left_ms = ms == STUCK_MS ? 0 : *left_ms - 1;
		nanosleep(&pause, NULL);
	}
}

static void release_all(struct ctl *ctl, unsigned *left_ms)
{
	do
		wait_for_room(ctl->acct, left_ms);
	while (release(ctl, 1) > 0);
}

/* One that ended had its stop; its record may be there for the store's sake. */
static bool is_bound(const struct ctl *ctl, const struct record *r)
{
	return r->state == RECORD_LIVE && bc_find(ctl->t->bc, &r->hoa) != NULL;
}

/* Before the store is told for the last time: what is billed now is billed under a number that the
 * next run knows. */
static void begin_all(struct ctl *ctl, unsigned *left_ms)
{
	uint32_t cursor = 0;
	struct record *r;

	while ((r = records_next(ctl->records, &cursor)) != NULL) {
		if (r->session != 0 || !is_bound(ctl, r))
			continue;
		wait_for_room(ctl->acct, left_ms);
		(void)is_in_use(ctl, r);
	}
}

static void tell_last(struct ctl *ctl, unsigned *left_ms)
{
	uint32_t cursor = 0;
	struct acct_event e;
	struct record *r;

	while ((r = records_next(ctl->records, &cursor)) != NULL) {
		if (r->session == 0 || !is_bound(ctl, r))
			continue;
		wait_for_room(ctl->acct, left_ms);
		/* with a store it goes on in the next run */
		fill(ctl, &e, ctl->persist != NULL ? ACCT_INTERIM : ACCT_STOP, ACCT_CAUSE_SHUTDOWN,
			r);
		fill_counts(ctl, &e);
		emit(ctl, &e);
	}
}

void acct_finish(struct ctl *ctl)
{
	struct acct *a = ctl->acct;
	unsigned left_ms = FINISH_MS;

	if (a == NULL || !a->begun)
		return;
	ctl->ntp = ntp_now();
	dq_drain(ctl->t->dq);
	begin_all(ctl, &left_ms);
	if (a->wait != NULL) {
		persist_tell_counts(ctl);
		release_all(ctl, &left_ms);
		give_up(a);
		release_all(ctl, &left_ms);
	}
	tell_last(ctl, &left_ms);
	wait_for_room(a, &left_ms);
	emit_run(ctl, ACCT_OFF, ACCT_CAUSE_SHUTDOWN);
}

/* --- what others know of it --- */

void acct_report(struct acct *a, const struct acct_report *r)
{
	a->host_lines = r->lines;
	a->host_bytes = r->bytes;
	a->host_lost = r->lost;
	a->host_waiting = r->waiting;
	a->host_blocked = r->blocked;
}

bool acct_status(const struct ctl *ctl, struct acct_status *out)
{
	const struct acct *a = ctl->acct;

	if (a == NULL)
		return false;
	*out = (struct acct_status){
		.host = { .lines = a->host_lines,
			.bytes = a->host_bytes,
			.lost = a->host_lost,
			.waiting = a->host_waiting,
			.blocked = a->host_blocked },
		.events = ctl->counters[CTL_ACCT_EVENTS],
		.lost = ctl->counters[CTL_ACCT_LOST] + a->host_lost,
		.queued = rte_ring_count(a->ring),
		.queue_size = rte_ring_get_capacity(a->ring),
		.sessions = a->sessions,
	};
	return true;
}

/* --- life --- */

int acct_new(struct ctl *ctl, struct acct **out)
{
	struct acct *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->interval_ms = 1000 * ctl->conf->accounting.interim_s;
	a->rng = ctl->seed ^ 0x61636374;
	a->number = (uint32_t)rng_u64(&a->rng);
	a->ring = ring_new();
	a->wheel = wheel_new(ctl->now_ms);
	a->timer = calloc(records_max(ctl->records) + 1ULL, sizeof(*a->timer));
	a->stop_size = dq_used(ctl->t->dq) + dq_room(ctl->t->dq);
	a->stop = calloc(a->stop_size, sizeof(*a->stop));
	a->stop_life = calloc(a->stop_size, sizeof(*a->stop_life));
	if (a->ring == NULL || a->wheel == NULL || a->timer == NULL || a->stop == NULL ||
		a->stop_life == NULL) {
		acct_free(ctl, a);
		return -ENOMEM;
	}
	if (ctl->conf->store.path != NULL)
		a->wait = acct_wait_new();
	if (ctl->conf->store.path != NULL && a->wait == NULL) {
		acct_free(ctl, a);
		return -ENOMEM;
	}
	bc_on_final(ctl->t->bc, on_final, ctl);
	*out = a;
	return 0;
}

void acct_free(struct ctl *ctl, struct acct *a)
{
	if (a == NULL)
		return;
	bc_on_final(ctl->t->bc, NULL, NULL);
	wheel_free(a->wheel);
	free(a->timer);
	free(a->stop);
	free(a->stop_life);
	acct_wait_free(a->wait);
	free(a->ring);
	free(a);
}
