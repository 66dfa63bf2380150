/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/plant.h"
#include "common/util.h"
#include "sync/hello_priv.h"

#define CLOCK_STEP_MS 10 /* less is rounding, or a clock that is slewed: the next hellos do */

const char *hello_setting_name(enum hello_setting s)
{
	static const char *const names[] = {
#define X(id, name) [HELLO_SETTING_##id] = name,
		HELLO_SETTING_LIST(X)
#undef X
	};

	static_assert(DIM(names) == HELLO_SETTING_COUNT, "one name each");
	static_assert(HELLO_SETTING_COUNT <= 32, "a bit each");
	return names[s];
}

const char *hello_verdict_name(enum hello_verdict v)
{
	static const char *const names[] = {
#define X(id, name, help) [HELLO_##id] = name,
		HELLO_LIST(X)
#undef X
	};

	static_assert(DIM(names) == HELLO_VERDICT_COUNT, "one name each");
	return names[v];
}

/* --- start --- */

static bool is_time_sane(uint32_t hello_ms, uint32_t dead_ms)
{
	return hello_ms >= HELLO_INTERVAL_MIN && hello_ms <= HELLO_INTERVAL_MAX && dead_ms > 0 &&
	       dead_ms <= INT32_MAX / 2;
}

static int add_peers(struct hello *h, const struct hello_opts *opts)
{
	for (uint32_t i = 0; i < opts->peer_count; i++) {
		const struct hello_peer *from = &opts->peers[i];

		if (from->node == 0 || from->node == h->node || h->index[from->node] != 0)
			return -EINVAL;
		h->peers[i].node = from->node;
		h->peers[i].address = from->address;
		h->peers[i].hello_ms = from->hello_ms > 0 ? from->hello_ms : opts->hello_ms;
		h->peers[i].dead_ms = from->dead_ms > 0 ? from->dead_ms : opts->dead_ms;
		if (!is_time_sane(h->peers[i].hello_ms, h->peers[i].dead_ms))
			return -EINVAL;
		if (i == 0 || h->peers[i].hello_ms < h->hello_ms)
			h->hello_ms = h->peers[i].hello_ms;
		h->index[from->node] = (uint8_t)++h->peer_count;
	}
	return 0;
}

static int add_members(const struct hello *h, struct domain *d, const struct hello_domain *from)
{
	if (from->member_count == 0)
		return 0;
	d->members = calloc(from->member_count, sizeof(d->members[0]));
	if (d->members == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->member_count; i++) {
		uint8_t node = from->members[i];

		if (h->index[node] == 0 || d->index[node] != 0)
			return -EINVAL;
		d->members[i].node = node;
		d->members[i].said_ms = UINT64_MAX;
		d->index[node] = (uint8_t)++d->member_count;
	}
	return 0;
}

static int add_domains(struct hello *h, const struct hello_opts *opts)
{
	for (uint32_t i = 0; i < opts->domain_count; i++) {
		const struct hello_domain *from = &opts->domains[i];
		struct domain *d = &h->domains[h->domain_count++];
		int ret;

		d->id = from->id;
		memcpy(d->setting, from->setting, sizeof(d->setting));
		d->label_key = from->label_key;
		d->view.domain = from->id;
		d->view.self = h->node;
		d->view.site[h->node].reach = NEXT_UP;
		for (uint32_t j = 0; j < i; j++)
			if (h->domains[j].id == from->id)
				return -EINVAL;
		ret = add_members(h, d, from);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static bool is_sane(const struct hello_opts *o)
{
	return o->node != 0 && o->boot != 0 && o->version_min <= o->version_max &&
	       is_time_sane(o->hello_ms, o->dead_ms) && o->peer_count < NEXT_NODES &&
	       o->domain_count <= HELLO_DOMAINS;
}

static int allocate(struct hello *h, const struct hello_opts *opts)
{
	size_t seals = opts->peer_count * sizeof(h->seals[0]);

	h->peers = calloc(opts->peer_count + 1, sizeof(h->peers[0]));
	h->domains = calloc(opts->domain_count + 1, sizeof(h->domains[0]));
	h->seals = sodium_malloc((seals + 63) & ~(size_t)63); /* libsodium aligns the end */
	if (h->peers == NULL || h->domains == NULL || h->seals == NULL)
		return -ENOMEM;
	memset(h->seals, 0, seals);
	return 0;
}

int hello_new(const struct hello_opts *opts, struct hello **out)
{
	struct hello *h;
	int ret;

	if (!is_sane(opts))
		return -EINVAL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -ENOMEM;
	h->node = opts->node;
	h->boot = opts->boot;
	h->version_min = opts->version_min;
	h->version_max = opts->version_max;
	h->hello_ms = opts->hello_ms;
	h->clock_limit_ms = opts->clock_limit_ms;
	h->ops = opts->ops;
	h->expiry_ms = UINT64_MAX;
	ret = allocate(h, opts);
	if (ret == 0)
		ret = add_peers(h, opts);
	if (ret == 0)
		ret = add_domains(h, opts);
	if (ret < 0) {
		hello_free(h);
		return ret;
	}
	*out = h;
	return 0;
}

void hello_free(struct hello *h)
{
	if (h == NULL)
		return;
	for (uint32_t i = 0; i < h->domain_count; i++)
		free(h->domains[i].members);
	free(h->domains);
	free(h->peers);
	sodium_free(h->seals); /* wipes */
	free(h);
}

void hello_keys(struct hello *h, uint8_t node, const struct session_keys *keys, uint64_t now_ms)
{
	struct peer *p = hello_peer_of(h, node);

	if (p == NULL)
		return;
	hello_seal_keys(&h->seals[p - h->peers], keys, now_ms);
	if (h->ops.keys != NULL) {
		uint32_t names[2];
		unsigned n = hello_seal_names(&h->seals[p - h->peers], names);

		h->ops.keys(h->ops.ctx, node, names, n);
	}
	p->hurry = true;
	h->hurry = true;
}

/* --- what we say --- */

void hello_hasten(struct hello *h)
{
	for (uint32_t i = 0; i < h->peer_count; i++) {
		struct peer *p = &h->peers[i];
		uint64_t soon = p->was_told ? p->told_ms + HELLO_INTERVAL_MIN : 0;

		if (soon < p->send_ms)
			p->send_ms = soon;
		if (p->send_ms < h->send_ms)
			h->send_ms = p->send_ms;
	}
}

void hello_say(struct hello *h, uint32_t domain, enum next_says says)
{
	struct domain *d = &h->domains[domain];

	if (d->says == says)
		return;
	d->says = says;
	for (uint32_t i = 0; i < d->member_count; i++) {
		d->members[i].said_ms = UINT64_MAX;
		d->members[i].known_ms = 0;
	}
	h->changed = true;
	hello_hasten(h);
}

void hello_set_settings(
	struct hello *h, uint32_t domain, const uint32_t setting[static HELLO_SETTING_COUNT])
{
	memcpy(h->domains[domain].setting, setting, sizeof(h->domains[domain].setting));
}

/* --- time --- */

static void note_gap(struct hello *h, uint64_t now_ms)
{
	uint64_t gap = now_ms - h->due_ms;

	if (!h->has_turned || now_ms <= h->due_ms)
		return;
	if (gap > h->clock_limit_ms / 2)
		h->late_ms = now_ms;
	if (gap >= h->hello_ms)
		h->woke_ms = h->late_ms = now_ms;
	if (gap < h->hello_ms || planted(PLANT_STALL_VERDICT))
		return;
	for (uint32_t i = 0; i < h->peer_count; i++) {
		struct peer *p = &h->peers[i];

		p->heard_ms = now_ms - p->heard_ms > gap ? p->heard_ms + gap : now_ms;
	}
	h->due_ms = now_ms; /* so much is accounted for */
	h->expiry_ms = now_ms;
}

/* Our clock was set: that counts at once, not when the next hello of each peer came. */
static void note_wall(struct hello *h, uint64_t now_ms, uint64_t wall_ms)
{
	int64_t step_ms;

	h->wall_ahead_ms = (int64_t)(wall_ms - now_ms);
	step_ms = h->wall_ahead_ms - h->checked_ahead_ms;
	if (step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS)
		return;
	h->checked_ahead_ms = h->wall_ahead_ms;
	hello_check_clock(h);
}

void hello_note_time(struct hello *h, uint64_t now_ms, uint64_t wall_ms)
{
	note_gap(h, now_ms);
	note_wall(h, now_ms, wall_ms);
}

/* Others may have taken over from us while we were silent. */
static void check_own_silence(struct hello *h, uint64_t now_ms)
{
	uint64_t gap = 0;

	for (uint32_t i = 0; i < h->peer_count; i++) {
		const struct peer *p = &h->peers[i];
		uint64_t silence = now_ms - p->told_ms;

		if (p->was_told && silence > hello_limit(p, p->hello_ms) && silence > gap)
			gap = silence;
	}
	if (gap == 0)
		return;
	for (uint32_t i = 0; i < h->domain_count; i++)
		if (h->domains[i].says != NEXT_LEFT)
			hello_say(h, i, NEXT_JOINING);
	h->ops.event(h->ops.ctx, HELLO_STALL, 0, h->node, (int64_t)gap);
}

static uint32_t until(uint64_t at_ms, uint64_t now_ms, uint32_t most)
{
	if (at_ms <= now_ms)
		return 0;
	return at_ms - now_ms < most ? (uint32_t)(at_ms - now_ms) : most;
}

uint32_t hello_turn(struct hello *h, uint64_t now_ms, uint64_t wall_ms, bool may_send)
{
	uint32_t wait;

	hello_note_time(h, now_ms, wall_ms);
	if (may_send && now_ms >= h->send_ms)
		check_own_silence(h, now_ms);
	if (h->changed || now_ms >= h->expiry_ms)
		hello_look(h, now_ms);
	if (may_send && (now_ms >= h->send_ms || h->hurry))
		hello_tell(h, now_ms >= h->send_ms, now_ms, wall_ms);
	/* who may not send asks often whether it may again */
	wait = may_send ? until(h->send_ms, now_ms, h->hello_ms) : HELLO_INTERVAL_MIN;
	wait = until(h->expiry_ms, now_ms, wait);
	h->has_turned = true;
	h->due_ms = now_ms + wait;
	return wait;
}

/* --- looking at it --- */

const struct next_view *hello_view(const struct hello *h, uint32_t domain)
{
	return &h->domains[domain].view;
}

int hello_info(const struct hello *h, uint8_t node, struct hello_info *out)
{
	const struct peer *p = hello_peer_of(h, node);

	if (p == NULL)
		return -EINVAL;
	*out = (struct hello_info){ .up = p->up,
		.incompatible = p->heard && !p->compatible,
		.has_rtt = p->has_rtt,
		.has_offset = p->has_offset,
		.version_min = p->version_min,
		.version_max = p->version_max,
		.interval_ms = p->interval_ms,
		.rtt_ms = p->srtt8_ms / 8,
		.offset_ms = p->has_offset ? hello_offset(h, p) : 0,
		.heard_ms = p->came_ms,
		.boot = p->boot,
		.last_failure = p->last_failure,
		.failed_ms = p->failed_ms };
	return 0;
}

void hello_up_there(const struct hello *h, uint8_t node, uint64_t up[static NEXT_NODES / 64])
{
	memset(up, 0, NEXT_NODES / 8);
	for (uint32_t i = 0; i < h->domain_count; i++) {
		const struct member *m = hello_member_of(&h->domains[i], node);

		for (unsigned n = 0; m != NULL && n < NEXT_NODES; n++)
			if (m->sees[n] != 0)
				up[n / 64] |= 1ULL << n % 64;
	}
}

uint32_t hello_drift(const struct hello *h, uint32_t domain, uint8_t node)
{
	const struct member *mb = hello_member_of(&h->domains[domain], node);

	return mb == NULL ? 0 : mb->drift;
}
