/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/assemble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t last_ms; /* when something was heard of it */
	uint64_t quiet_since; /* the round in which nothing of it was open any more */
	int open; /* what has begun and not ended: the packet, and what control sent for it */
	bool has_begun;
	struct traced t;
};

struct assembly {
	struct watch_filter filter;
	uint64_t round, lost;
	uint64_t id[ASSEMBLE_PACKETS]; /* beside entry[]; 0: free */
	struct entry entry[ASSEMBLE_PACKETS];
	struct traced taken;
};

int assembly_new(const struct watch_filter *filter, struct assembly **out)
{
	struct assembly *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->filter = *filter;
	*out = a;
	return 0;
}

void assembly_free(struct assembly *a)
{
	free(a);
}

static unsigned find(const struct assembly *a, uint64_t id)
{
	unsigned i = 0;

	while (i < ASSEMBLE_PACKETS && a->id[i] != id)
		i++;
	return i;
}

/* The one of which nothing was heard for longest gives way. */
static unsigned make_room(struct assembly *a)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < ASSEMBLE_PACKETS; i++) {
		if (a->entry[i].last_ms < a->entry[oldest].last_ms)
			oldest = i;
	}
	a->lost++;
	return oldest;
}

static struct entry *entry_of(struct assembly *a, uint64_t id)
{
	unsigned i = find(a, id);

	if (i < ASSEMBLE_PACKETS)
		return &a->entry[i];
	i = find(a, 0);
	if (i == ASSEMBLE_PACKETS)
		i = make_room(a);
	a->id[i] = id;
	a->entry[i] = (struct entry){ 0 };
	return &a->entry[i];
}

/* Legs come as they come: into the place that its time says. */
static void add_hop(struct traced *t, const struct traced_hop *h)
{
	unsigned i = t->hops;

	if (t->hops == ASSEMBLE_HOPS) {
		t->is_cut = true;
		return;
	}
	for (; i > 0 && t->hop[i - 1].hop.tsc > h->hop.tsc; i--)
		t->hop[i] = t->hop[i - 1];
	t->hop[i] = *h;
	t->hops++;
}

/* Where only drops are asked for, workers do not tell what came after they had a packet ready. */
static bool is_end(const struct assembly *a, const struct trace_hop *h)
{
	const struct watch_filter *f = &a->filter;
	bool tells_tx = !f->dropped || (f->has_reason && f->reason == DP_DROP_TX_FULL);

	return h->door == TRACE_DROP || h->door == TRACE_WIRE || h->door == TRACE_DONE ||
	       (h->door == TRACE_TX && !tells_tx);
}

void assembly_add(struct assembly *a, const struct trace_leg *leg, uint64_t now_ms)
{
	const struct trace_hop *hop = trace_hops(leg);
	struct entry *e = entry_of(a, leg->id);

	if (leg->origin != TRACE_GOES_ON)
		e->open++;
	if (leg->origin == TRACE_RECEIVED) {
		e->t.is_received = true;
		e->t.port = leg->port;
		e->t.queue = leg->queue;
	}
	e->has_begun |= leg->origin == TRACE_RECEIVED || leg->origin == TRACE_MADE;
	for (unsigned i = 0; i < leg->hops; i++) {
		struct traced_hop h = {
			.hop = hop[i], .lane = leg->lane, .is_answer = leg->origin == TRACE_CAUSED
		};

		add_hop(&e->t, &h);
		e->open -= is_end(a, &hop[i]);
	}
	e->last_ms = now_ms;
	e->quiet_since = a->round;
}

void assembly_round(struct assembly *a)
{
	a->round++;
}

static bool has_reason(const struct traced *t, const struct watch_filter *f)
{
	for (unsigned i = 0; i < t->hops; i++) {
		const struct trace_hop *h = &t->hop[i].hop;

		if ((h->door == TRACE_DROP || h->door == TRACE_COUNTED) &&
			(!f->has_reason || h->arg == f->reason))
			return true;
	}
	return false;
}

static bool has_stage(const struct traced *t, unsigned stage)
{
	for (unsigned i = 0; i < t->hops; i++) {
		if (t->hop[i].hop.stage == stage)
			return true;
	}
	return false;
}

static bool is_wanted(const struct assembly *a, const struct traced *t)
{
	const struct watch_filter *f = &a->filter;

	return (!f->dropped || has_reason(t, f)) && (!f->has_stage || has_stage(t, f->stage));
}

/* Nothing is open, and every ring was looked at once more after that was so: what another lcore
 * told before has been read as well. */
static bool has_ended(const struct assembly *a, const struct entry *e)
{
	return e->open <= 0 && a->round > e->quiet_since + 1;
}

const struct traced *assembly_take(struct assembly *a, uint64_t now_ms, bool all)
{
	for (unsigned i = 0; i < ASSEMBLE_PACKETS; i++) {
		struct entry *e = &a->entry[i];
		bool ended;

		if (a->id[i] == 0)
			continue;
		ended = has_ended(a, e);
		if (!ended && !all && now_ms - e->last_ms < ASSEMBLE_WAIT_MS)
			continue;
		a->id[i] = 0;
		e->t.is_whole = e->has_begun && e->open <= 0 && !e->t.is_cut;
		if (!is_wanted(a, &e->t))
			continue;
		a->taken = e->t;
		return &a->taken;
	}
	return NULL;
}

uint64_t assembly_lost(const struct assembly *a)
{
	return a->lost;
}

/* The last hop by one of two doors; those of answers do not count. */
static const struct trace_hop *last_by(const struct traced *t, unsigned door, unsigned other)
{
	for (unsigned i = t->hops; i-- > 0;) {
		const struct trace_hop *h = &t->hop[i].hop;

		if (!t->hop[i].is_answer && (h->door == door || h->door == other))
			return h;
	}
	return NULL;
}

/* What control counted a reason for is dropped, also when it had been looked at first. */
const char *traced_fate(const struct traced *t, const char **reason)
{
	const struct trace_hop *drop = last_by(t, TRACE_DROP, TRACE_DROP);

	if (drop == NULL)
		drop = last_by(t, TRACE_COUNTED, TRACE_COUNTED);
	*reason = drop != NULL ? dp_drop_name((enum dp_drop)drop->arg) : NULL;
	if (drop != NULL)
		return "dropped";
	if (last_by(t, TRACE_DONE, TRACE_DONE) != NULL)
		return "taken";
	if (last_by(t, TRACE_WIRE, TRACE_TX) != NULL)
		return "sent";
	return last_by(t, TRACE_WAITS, TRACE_WAITS) != NULL ? "waits" : "unknown";
}
