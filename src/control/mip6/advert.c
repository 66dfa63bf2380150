/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/advert.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "control/mesh/mesh.h"
#include "control/mip6/discovery_rules.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/waiting.h"
#include "control/rng.h"
#include "records/records.h"

#define WAITING_MAX 8192 /* 340 a second if none of them ever answers, 416 KiB */

/* The walk: all records in a minute or less, which a delay of ten does not notice; at least a
 * thousand a second, and never begun twice in one. */
#define WALK_S        60
#define WALK_LEAST    1000 /* records a second */
#define WALK_EVERY_MS 1000
#define WALK_SLICE    64 /* records a turn, some tens of microseconds */

/* Of a binding, by its handle. */
struct told {
	uint32_t sent; /* discovery_stamp() of the last one; 0: never */
	uint32_t due_s; /* when one is due that nobody asked for; 0: not known */
};

struct adverts {
	struct told *told;
	struct waitings *waiting;
	struct bucket *begun; /* by domain */
	uint64_t rng;
	uint64_t began_ms; /* when the walk began, */
	uint64_t walked_ms; /* went on last, */
	uint64_t credit; /* thousandths of a record that are due, */
	uint32_t cursor; /* and where it is; 0: at its end */
	uint8_t buf[DISCOVERY_ADVERT_LEN(DISCOVERY_PREFIXES_MAX)];
};

int adverts_new(struct ctl *ctl, struct adverts **out)
{
	const struct conf *conf = ctl->conf;
	struct adverts *a = calloc(1, sizeof(*a));
	int ret;

	if (a == NULL)
		return -ENOMEM;
	a->rng = ctl->seed ^ 0x6d7061;
	a->began_ms = a->walked_ms = ctl->now_ms;
	ret = waitings_new(WAITING_MAX, &a->waiting);
	a->told = calloc(records_max(ctl->records) + 1ULL, sizeof(*a->told));
	a->begun = calloc(conf->domain_count, sizeof(*a->begun));
	if (ret < 0 || a->told == NULL || a->begun == NULL) {
		adverts_free(a);
		return -ENOMEM;
	}
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		uint32_t per_s = conf->domains[d].limits.mpa_per_s;

		/* spread over the second: what is due is not urgent */
		bucket_init(&a->begun[d], per_s, per_s / 10 + 1, ctl->now_ms);
	}
	*out = a;
	return 0;
}

uint64_t adverts_memory(const struct ctl *ctl)
{
	return (records_max(ctl->records) + 1ULL) * sizeof(struct told);
}

void adverts_free(struct adverts *a)
{
	if (a == NULL)
		return;
	waitings_free(a->waiting);
	free(a->told);
	free(a->begun);
	free(a);
}

static struct adverts *adverts(const struct ctl *ctl)
{
	return ctl->mip6->adverts;
}

static const struct conf_domain *domain_of(const struct ctl *ctl, const struct record *rec)
{
	return &ctl->conf->domains[rec->domain];
}

static struct told *told_of(const struct ctl *ctl, const struct record *rec)
{
	return &adverts(ctl)->told[rec->handle];
}

static uint32_t now_s(const struct ctl *ctl)
{
	return (uint32_t)(ctl->now_ms / 1000);
}

/* A random delay from `from_s` on (10.6.2). */
static void schedule(struct ctl *ctl, const struct record *rec, uint32_t from_s)
{
	const struct conf_domain *d = domain_of(ctl, rec);
	int prefix = conf_mobile_prefix_of(d, &rec->hoa);
	struct conf_lifetimes l = { CONF_LIFETIME_INFINITE, CONF_LIFETIME_INFINITE };

	if (prefix >= 0)
		l = conf_lifetimes_of(d, (uint32_t)prefix);
	told_of(ctl, rec)->due_s = from_s + discovery_delay_s(&d->discovery, l.preferred_s,
						    rng_u64(&adverts(ctl)->rng));
}

/* Told: nothing is due before that has become old. */
static void schedule_next(struct ctl *ctl, const struct record *rec)
{
	schedule(ctl, rec, now_s(ctl) + domain_of(ctl, rec)->discovery.max_interval_s);
}

/* To the home address, that is to wherever the binding leads, with a routing header (10.6.3). What
 * cannot be sent is counted where it fails, and repeated as if it had been lost. */
static void transmit(struct ctl *ctl, const struct record *rec, uint16_t id)
{
	struct discovery_prefix prefixes[DISCOVERY_PREFIXES_MAX];
	struct adverts *a = adverts(ctl);
	uint32_t n = discovery_prefixes(domain_of(ctl, rec), prefixes);
	int len = discovery_advert_encode(
		a->buf, sizeof(a->buf), &rec->ha, &rec->hoa, id, prefixes, n);

	assert(len > 0);
	told_of(ctl, rec)->sent = discovery_stamp(ctl->now_ms);
	if (ctl_send(ctl, a->buf, (uint16_t)len) == 0)
		ctl_count(ctl, CTL_MPA_SENT);
}

/* --- those that nobody asked for --- */

static void finish(struct ctl *ctl, const struct record *rec, struct waiting *w)
{
	wheel_del(ctl->wheel, &w->timer.t);
	waiting_del(adverts(ctl)->waiting, w);
	schedule_next(ctl, rec);
}

/* First, second ... time; the identifier is that of no solicitation, so the mobile node asks. */
static void transmit_unsolicited(struct ctl *ctl, const struct record *rec, struct waiting *w)
{
	uint32_t wait_ms = DISCOVERY_TIMEOUT_MS;

	transmit(ctl, rec, 0);
	ctl_count(ctl, CTL_MPA_UNSOLICITED);
	if (w->sent < DISCOVERY_RETRIES)
		wait_ms <<= w->sent;
	w->sent++;
	ctl_timer_set(ctl, &w->timer, ctl->now_ms + wait_ms);
}

static void on_timer(struct ctl *ctl, struct ctl_timer *timer)
{
	struct waiting *w = container_of(timer, struct waiting, timer);
	const struct record *rec = records_at(ctl->records, w->handle);

	/* a binding that ends takes its entry along: advert_cancel() */
	assert(rec != NULL && rec->state == RECORD_LIVE);
	if (!w->answer && w->sent <= DISCOVERY_RETRIES) {
		transmit_unsolicited(ctl, rec, w);
		return;
	}
	if (w->answer)
		transmit(ctl, rec, w->id);
	else
		ctl_count(ctl, CTL_MPA_UNANSWERED);
	finish(ctl, rec, w);
}

static bool is_told(const struct ctl *ctl, const struct record *rec)
{
	return discovery_is_told(domain_of(ctl, rec), ctl_subscriber(ctl, rec->domain, &rec->hoa));
}

static bool begin(struct ctl *ctl, const struct record *rec)
{
	struct adverts *a = adverts(ctl);
	struct waiting *w;

	if (!is_told(ctl, rec)) {
		schedule_next(ctl, rec);
		return false;
	}
	if (waiting_find(a->waiting, rec->handle) != NULL ||
		discovery_spacing_ms(told_of(ctl, rec)->sent, ctl->now_ms) > 0)
		return false;
	w = waiting_add(a->waiting, rec->handle);
	if (w == NULL)
		return false;
	if (!bucket_take(&a->begun[rec->domain], ctl->now_ms)) {
		waiting_del(a->waiting, w);
		return false;
	}
	w->timer.fn = on_timer;
	transmit_unsolicited(ctl, rec, w);
	return true;
}

static bool visit(struct ctl *ctl, const struct record *rec)
{
	struct told *told = told_of(ctl, rec);

	/* in a mesh the site that answers for it does */
	if (rec->state != RECORD_LIVE || !domain_of(ctl, rec)->discovery.unsolicited ||
		!mesh_is_owner(ctl, rec))
		return false;
	if (told->due_s == 0)
		schedule(ctl, rec, now_s(ctl));
	return told->due_s <= now_s(ctl) && begin(ctl, rec);
}

/* How many records the walk may look at in this turn. */
static uint32_t allowance(struct ctl *ctl)
{
	struct adverts *a = adverts(ctl);
	uint32_t rate = (records_live(ctl->records) + records_tombstones(ctl->records)) / WALK_S;
	uint32_t n;

	if (a->cursor == 0) {
		if (ctl->now_ms - a->began_ms < WALK_EVERY_MS)
			return 0;
		a->began_ms = a->walked_ms = ctl->now_ms;
		a->credit = 1000;
	}
	a->credit += (ctl->now_ms - a->walked_ms) * (rate > WALK_LEAST ? rate : WALK_LEAST);
	a->walked_ms = ctl->now_ms;
	if (a->credit > 1000 * WALK_SLICE)
		a->credit = 1000 * WALK_SLICE;
	n = (uint32_t)(a->credit / 1000);
	a->credit %= 1000;
	return n;
}

bool mip6_advertise(struct ctl *ctl)
{
	struct adverts *a = adverts(ctl);
	bool told = false;

	for (uint32_t n = allowance(ctl); n > 0; n--) {
		const struct record *rec = records_next(ctl->records, &a->cursor);

		if (rec == NULL) {
			a->cursor = 0;
			break;
		}
		told |= visit(ctl, rec);
	}
	return told;
}

/* --- answers --- */

bool advert_answer(struct ctl *ctl, const struct record *rec, uint16_t id)
{
	struct adverts *a = adverts(ctl);
	struct waiting *w = waiting_find(a->waiting, rec->handle);
	uint32_t wait_ms = discovery_spacing_ms(told_of(ctl, rec)->sent, ctl->now_ms);

	if (wait_ms == 0) {
		transmit(ctl, rec, id);
		if (w != NULL)
			finish(ctl, rec, w);
		else
			schedule_next(ctl, rec);
		return true;
	}
	if (w == NULL)
		w = waiting_add(a->waiting, rec->handle);
	if (w == NULL)
		return false;
	w->answer = true;
	w->id = id; /* of several the last one: it is what the mobile node waits for */
	w->timer.fn = on_timer;
	ctl_timer_set(ctl, &w->timer, ctl->now_ms + wait_ms);
	return true;
}

void advert_cancel(struct ctl *ctl, const struct record *rec)
{
	struct adverts *a = adverts(ctl);
	struct waiting *w = waiting_find(a->waiting, rec->handle);

	told_of(ctl, rec)->due_s = 0;
	if (w == NULL)
		return;
	wheel_del(ctl->wheel, &w->timer.t);
	waiting_del(a->waiting, w);
}

void advert_forget(struct ctl *ctl, const struct record *rec)
{
	*told_of(ctl, rec) = (struct told){ 0 };
}
