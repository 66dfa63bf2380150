/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/wheel.h"

#include <stdlib.h>

/*
 * Eight levels of 256 slots, one octet of a 64-bit millisecond clock each. A timer lives at the
 * level of the highest octet in which its end differs from `now`, in the slot of that octet, so
 * everything at a level ends before everything at the levels above it, and the next event is in
 * the first filled slot of the lowest filled level. When the clock reaches a slot above level 0,
 * its timers go down to where they now belong.
 */
#define LEVELS 8
#define SLOTS  256

/* Moving a timer down touches two or three cache lines, firing one does real work: so many moves
 * cost as much as one timer fired. */
#define MOVES_PER_TIMER 8

struct wheel {
	uint64_t now; /* everything that ends before it has fired */
	struct wheel_timer *slot[LEVELS][SLOTS];
	uint64_t filled[LEVELS][SLOTS / 64];
};

struct wheel *wheel_new(uint64_t now_ms)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->now = now_ms;
	return w;
}

void wheel_free(struct wheel *w)
{
	free(w);
}

static unsigned octet(uint64_t time, unsigned level)
{
	return time >> 8 * level & 0xff;
}

static void place(struct wheel *w, struct wheel_timer *t)
{
	uint64_t end = t->expires_ms > w->now ? t->expires_ms : w->now;
	uint64_t differs = end ^ w->now;
	unsigned level = differs == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differs)) / 8;
	unsigned s = octet(end, level);
	struct wheel_timer **head = &w->slot[level][s];

	t->next = *head;
	t->pprev = head;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*head = t;
	w->filled[level][s / 64] |= 1ULL << s % 64;
}

static void unlink_timer(struct wheel *w, struct wheel_timer *t)
{
	struct wheel_timer **first = &w->slot[0][0];

	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	else if (t->pprev >= first && t->pprev < first + LEVELS * SLOTS) {
		/* It was the only one of its slot. */
		size_t s = (size_t)(t->pprev - first);

		w->filled[s / SLOTS][s % SLOTS / 64] &= ~(1ULL << s % 64);
	}
	t->next = NULL;
	t->pprev = NULL;
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t expires_ms)
{
	wheel_del(w, t);
	t->expires_ms = expires_ms;
	place(w, t);
}

void wheel_del(struct wheel *w, struct wheel_timer *t)
{
	if (wheel_is_running(t))
		unlink_timer(w, t);
}

/* The first filled slot of a level from `from` on; SLOTS: none. */
static unsigned next_filled(const struct wheel *w, unsigned level, unsigned from)
{
	for (unsigned i = from / 64; i < SLOTS / 64; i++) {
		uint64_t word = w->filled[level][i];

		if (i == from / 64)
			word &= ~0ULL << from % 64;
		if (word != 0)
			return 64 * i + (unsigned)__builtin_ctzll(word);
	}
	return SLOTS;
}

/* The start of the next filled slot, `now` itself included; false: the wheel is empty. */
static bool next_event(const struct wheel *w, uint64_t *when)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		unsigned s = next_filled(w, level, octet(w->now, level));
		unsigned shift = 8 * level;

		if (s == SLOTS)
			continue;
		*when = (w->now >> shift & ~0xffULL) + s;
		*when <<= shift;
		return true;
	}
	return false;
}

/* Timers that the clock has reached above level 0 go down. False: out of moves, go on later. */
static bool descend(struct wheel *w, size_t *moves)
{
	for (unsigned level = LEVELS - 1; level > 0; level--) {
		struct wheel_timer **head = &w->slot[level][octet(w->now, level)];

		while (*head != NULL) {
			struct wheel_timer *t = *head;

			if (*moves == 0)
				return false;
			--*moves;
			unlink_timer(w, t);
			place(w, t);
		}
	}
	return true;
}

size_t wheel_advance(struct wheel *w, uint64_t now_ms, size_t max, wheel_fn fn, void *ctx)
{
	size_t fired = 0, moves = max * MOVES_PER_TIMER;
	uint64_t when;

	while (fired < max && w->now <= now_ms && descend(w, &moves)) {
		struct wheel_timer *t = w->slot[0][octet(w->now, 0)];

		if (t != NULL) {
			unlink_timer(w, t);
			fired++;
			fn(ctx, t);
		} else if (next_event(w, &when) && when <= now_ms) {
			w->now = when;
		} else {
			w->now = now_ms;
			break;
		}
	}
	return fired;
}
