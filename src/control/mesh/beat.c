/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/beat.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/progress.h"

/* A site as a domain sees it: what of it control has not been told yet. */
struct cell {
	bool has_reach, has_drift, has_label_key;
	uint8_t reach;
	uint32_t drift;
	int64_t label_key;
};

struct domain {
	bool has_view, has_cells, has_clock;
	int64_t clock_ms;
	uint32_t number; /* of the saying that hello says now */
	struct mail_known told;
	struct cell cell[NEXT_NODES];
};

/* The same of a peer in all domains. */
struct peer {
	uint8_t node;
	bool has_boot, has_compatible;
	int64_t boot, incompatible;
	uint64_t info_ms; /* when it was told of */
};

struct beat {
	struct hello *hello;
	struct mail *mail;
	uint32_t hello_ms; /* the least: a turn comes as often */
	uint32_t still_ms;
	uint64_t (*turns)(void *ctx, uint32_t lcore);
	void (*send)(void *ctx, uint8_t node, const uint8_t *buf, size_t len);
	void (*keys)(void *ctx, uint8_t node, const uint32_t *names, unsigned n);
	void *ctx;
	uint64_t now_ms; /* of the turn */
	_Atomic uint64_t silent_since;

	bool is_behind; /* control does not read as fast as there is something to tell */
	uint16_t stalls;
	bool has_stall;
	int64_t stall_ms;
	uint32_t next_peer; /* to be told of */

	uint32_t lcores, domain_count, peer_count;
	struct progress *progress;
	struct peer *peer;
	uint8_t index[NEXT_NODES]; /* into peer, + 1 */
	struct domain *domain;
};

/* --- what hello says --- */

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct beat *b = ctx;

	b->send(b->ctx, node, buf, len);
}

static void on_keys(void *ctx, uint8_t node, const uint32_t *names, unsigned n)
{
	struct beat *b = ctx;

	if (b->keys != NULL)
		b->keys(b->ctx, node, names, n);
}

static void on_view(void *ctx, uint32_t domain, const struct next_view *v)
{
	struct beat *b = ctx;

	(void)v; /* told as it is then */
	b->domain[domain].has_view = true;
}

static void on_reach(struct beat *b, uint32_t domain, uint8_t node, int64_t value)
{
	struct cell *c = &b->domain[domain].cell[node];

	b->domain[domain].has_cells = true;
	c->has_reach = true;
	c->reach = (uint8_t)value;
}

static void on_drift(struct beat *b, uint32_t domain, uint8_t node, int64_t value)
{
	struct cell *c = &b->domain[domain].cell[node];

	b->domain[domain].has_cells = true;
	c->has_drift = true;
	c->drift = (uint32_t)value;
}

static void on_label_key(struct beat *b, uint32_t domain, uint8_t node, int64_t value)
{
	struct cell *c = &b->domain[domain].cell[node];

	b->domain[domain].has_cells = true;
	c->has_label_key = true;
	c->label_key = value;
}

static struct peer *peer_of(struct beat *b, uint8_t node)
{
	assert(b->index[node] != 0);
	return &b->peer[b->index[node] - 1];
}

static void on_event(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	struct beat *b = ctx;

	switch (e) {
	case HELLO_REACH:
		on_reach(b, domain, node, value);
		break;
	case HELLO_DRIFT:
		on_drift(b, domain, node, value);
		break;
	case HELLO_LABEL_KEY:
		on_label_key(b, domain, node, value);
		break;
	case HELLO_RESTARTED:
		peer_of(b, node)->has_boot = true;
		peer_of(b, node)->boot = value;
		break;
	case HELLO_INCOMPATIBLE:
		peer_of(b, node)->has_compatible = true;
		peer_of(b, node)->incompatible = value;
		break;
	case HELLO_CLOCK:
		b->domain[domain].has_clock = true;
		b->domain[domain].clock_ms = value;
		break;
	case HELLO_STALL:
		b->stalls++;
		b->stall_ms = b->has_stall ? b->stall_ms + value : value;
		b->has_stall = true;
		break;
	}
}

/* --- telling it: what does not go yet stays as it is, and is the newest when it goes --- */

static bool tell_event(
	struct beat *b, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	struct mail_msg msg = { .kind = MAIL_EVENT,
		.event = { .event = e,
			.domain = (uint16_t)domain,
			.node = node,
			.stalls = b->stalls,
			.value = value } };

	return mail_tell(b->mail, &msg);
}

/* *has was to be told; true: it need not wait any more. */
static bool tell_flag(
	struct beat *b, bool *has, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	if (!*has)
		return true;
	*has = !tell_event(b, e, domain, node, value);
	return !*has;
}

static bool tell_peers(struct beat *b)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < b->peer_count; i++) {
		struct peer *p = &b->peer[i];

		ok = tell_flag(b, &p->has_boot, HELLO_RESTARTED, 0, p->node, p->boot) &&
		     tell_flag(b, &p->has_compatible, HELLO_INCOMPATIBLE, 0, p->node,
			     p->incompatible);
	}
	return ok;
}

static bool tell_view(struct beat *b, uint32_t domain)
{
	struct domain *d = &b->domain[domain];
	struct mail_msg msg = { .kind = MAIL_VIEW };

	if (!d->has_view)
		return true;
	msg.view.domain = (uint16_t)domain;
	msg.view.view = *hello_view(b->hello, domain);
	d->has_view = !mail_tell(b->mail, &msg);
	return !d->has_view;
}

static bool tell_cells(struct beat *b, uint32_t domain)
{
	struct domain *d = &b->domain[domain];
	bool ok = true;

	for (unsigned n = 0; d->has_cells && ok && n < NEXT_NODES; n++) {
		struct cell *c = &d->cell[n];

		ok = tell_flag(b, &c->has_reach, HELLO_REACH, domain, (uint8_t)n, c->reach) &&
		     tell_flag(b, &c->has_drift, HELLO_DRIFT, domain, (uint8_t)n, c->drift) &&
		     tell_flag(b, &c->has_label_key, HELLO_LABEL_KEY, domain, (uint8_t)n,
			     c->label_key);
	}
	d->has_cells = d->has_cells && !ok;
	return ok;
}

static bool tell_clock(struct beat *b, uint32_t domain)
{
	struct domain *d = &b->domain[domain];

	return tell_flag(b, &d->has_clock, HELLO_CLOCK, domain, 0, d->clock_ms);
}

static bool tell_known(struct beat *b, uint32_t domain, uint64_t now_ms)
{
	struct domain *d = &b->domain[domain];
	struct mail_msg msg = { .kind = MAIL_KNOWN,
		.known = { .domain = (uint16_t)domain,
			.is_known = hello_is_known(b->hello, domain, now_ms),
			.number = d->number } };

	if (msg.known.is_known == d->told.is_known && msg.known.number == d->told.number)
		return true;
	if (!mail_tell(b->mail, &msg))
		return false;
	d->told = msg.known;
	return true;
}

static bool tell_info(struct beat *b, uint64_t now_ms)
{
	for (uint32_t i = 0; i < BEAT_INFO_PEERS && i < b->peer_count; i++) {
		struct peer *p = &b->peer[b->next_peer];
		struct mail_msg msg = { .kind = MAIL_INFO, .info = { .node = p->node } };

		if (p->info_ms != 0 && now_ms - p->info_ms < BEAT_INFO_MS)
			return true; /* they take turns: the others are not due either */
		hello_info(b->hello, p->node, &msg.info.info);
		hello_up_there(b->hello, p->node, msg.info.up);
		if (!mail_tell(b->mail, &msg))
			return false;
		p->info_ms = now_ms;
		b->next_peer = (b->next_peer + 1) % b->peer_count;
	}
	return true;
}

static void tell(struct beat *b, uint64_t now_ms)
{
	bool ok = tell_flag(b, &b->has_stall, HELLO_STALL, 0, 0, b->stall_ms) && tell_peers(b);

	for (uint32_t d = 0; ok && d < b->domain_count; d++)
		ok = tell_clock(b, d) && tell_view(b, d) && tell_cells(b, d) &&
		     tell_known(b, d, now_ms);
	b->is_behind = !(ok && tell_info(b, now_ms));
}

/* --- what control says --- */

static void take_keys(void *ctx, uint8_t node, const struct session_keys *k)
{
	struct beat *b = ctx;

	hello_keys(b->hello, node, k, b->now_ms);
}

/*
 * A stall made hello say joining; what control said before it heard of that is out of date, or a
 * site that others took over from would say ready. It says so anew when it has heard.
 */
static void take_says(struct beat *b)
{
	for (uint32_t i = 0; i < b->domain_count; i++) {
		struct mail_say s = mail_say_of(b->mail, i);
		struct domain *d = &b->domain[i];
		bool serves = s.says == NEXT_READY || s.says == NEXT_DRAINING;

		if (s.number == d->number || (serves && s.stalls != b->stalls))
			continue;
		d->number = s.number;
		hello_say(b->hello, i, (enum next_says)s.says);
	}
}

static void take_settings(struct beat *b)
{
	uint32_t all[HELLO_DOMAINS][HELLO_SETTING_COUNT];

	if (!mail_take_settings(b->mail, all[0]))
		return;
	for (uint32_t i = 0; i < b->domain_count; i++)
		hello_set_settings(b->hello, i, all[i]);
}

/* --- turns --- */

/* Control has finished a turn and every worker has polled not long ago. All are looked at in each
 * turn: each has a time of its own. */
static bool may_send(struct beat *b, uint64_t now_ms)
{
	bool may = true;

	for (uint32_t i = 0; i < b->lcores; i++)
		may &= progress_look(&b->progress[i], b->turns(b->ctx, i), now_ms, b->hello_ms) <=
		       b->still_ms;
	if (may == (atomic_load_explicit(&b->silent_since, memory_order_relaxed) == 0))
		return may;
	atomic_store_explicit(&b->silent_since, may ? 0 : now_ms | 1, memory_order_relaxed);
	return may;
}

uint32_t beat_turn(struct beat *b, uint64_t now_ms, uint64_t wall_ms)
{
	uint32_t wait;

	b->now_ms = now_ms;
	if (mail_has_news(b->mail)) {
		mail_take_keys(b->mail, take_keys, b);
		take_says(b);
		take_settings(b);
	}
	wait = hello_turn(b->hello, now_ms, wall_ms, may_send(b, now_ms));
	tell(b, now_ms);
	return b->is_behind && wait > 1 ? 1 : wait;
}

enum hello_verdict beat_input(struct beat *b, const struct ip6_addr *from, const uint8_t *buf,
	size_t n, uint64_t now_ms, uint64_t wall_ms)
{
	return hello_input(b->hello, from, buf, n, now_ms, wall_ms);
}

void beat_no_keys(struct beat *b, uint8_t node, uint64_t now_ms)
{
	hello_no_keys(b->hello, node, now_ms);
}

uint64_t beat_silent_since(const struct beat *b)
{
	return atomic_load_explicit(&b->silent_since, memory_order_relaxed);
}

/* --- life --- */

static int make(struct beat *b, const struct beat_opts *o)
{
	struct hello_opts h = *o->hello;

	b->domain_count = h.domain_count;
	b->peer_count = h.peer_count;
	b->progress = calloc(o->lcores + 1, sizeof(b->progress[0]));
	b->domain = calloc(h.domain_count + 1, sizeof(b->domain[0]));
	b->peer = calloc(h.peer_count + 1, sizeof(b->peer[0]));
	if (b->progress == NULL || b->domain == NULL || b->peer == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < h.peer_count; i++) {
		if (h.peers[i].hello_ms > 0 && h.peers[i].hello_ms < b->hello_ms)
			b->hello_ms = h.peers[i].hello_ms;
		b->peer[i].node = h.peers[i].node;
		b->index[h.peers[i].node] = (uint8_t)(i + 1);
	}
	h.ops = (struct hello_ops){ b, on_send, on_view, on_event, on_keys };
	return hello_new(&h, &b->hello);
}

int beat_new(const struct beat_opts *o, struct beat **out)
{
	struct beat *b = calloc(1, sizeof(*b));
	int ret;

	if (b == NULL)
		return -ENOMEM;
	b->mail = o->mail;
	b->lcores = o->lcores;
	b->turns = o->turns;
	b->send = o->send;
	b->keys = o->keys;
	b->ctx = o->ctx;
	b->hello_ms = o->hello->hello_ms;
	b->still_ms = beat_still_ms(o->hello->dead_ms);
	ret = make(b, o);
	if (ret < 0) {
		beat_free(b);
		return ret;
	}
	*out = b;
	return 0;
}

void beat_free(struct beat *b)
{
	if (b == NULL)
		return;
	hello_free(b->hello);
	free(b->progress);
	free(b->domain);
	free(b->peer);
	free(b);
}
