/* SPDX-License-Identifier: BSD-3-Clause */
/* Measures what alarms are about, a few times a second, and says in the log what changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/alarm_rules.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/still.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/dq.h"
#include "tables/tables.h"

#define TAG "alarm"

#define MEASURE_MS 250 /* some 20 us each time */
#define RATE_MS    1000 /* rates are over so long */

/* How much of something there is a second. */
struct rate {
	uint64_t total, per_s;
};

struct alarms {
	struct alarm alarm[ALARM_COUNT];
	uint64_t next_ms; /* to measure */
	uint64_t rates_ms; /* when rates were taken last */
	struct dp_counters counters;
	struct rate punt_full, tx_full, acct_lost;
	struct {
		uint32_t done;
		uint64_t at_ms; /* something was freed, or nothing waited */
	} frees;
	uint64_t slowest_us; /* turn of control since it was measured last */
	uint64_t turn_us; /* and at that time */
	uint64_t store_failures; /* until it was measured last */
};

static uint64_t percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* --- one function an alarm: the number, and in *f->detail what it is about --- */

static void pool_low(struct ctl *ctl, struct alarm_fact *f)
{
	uint32_t available, total;

	dp_pool_info(ctl->dp, &available, &total);
	f->value = percent(total - available, total);
	snprintf(f->detail, sizeof(f->detail), "%u of %u free", available, total);
}

static void frees_stalled(struct ctl *ctl, struct alarm_fact *f)
{
	struct alarms *a = ctl->alarms;
	uint32_t waiting = dq_used(ctl->t->dq);

	if (waiting == 0 || dq_done(ctl->t->dq) != a->frees.done)
		a->frees.at_ms = ctl->now_ms;
	a->frees.done = dq_done(ctl->t->dq);
	f->value = ctl->now_ms - a->frees.at_ms;
	snprintf(f->detail, sizeof(f->detail), "%u wait", waiting);
}

static void worker_wedged(struct ctl *ctl, struct alarm_fact *f)
{
	struct still_lcore most = still_most(ctl->still);

	f->value = most.ms;
	if (most.ms > 0)
		snprintf(f->detail, sizeof(f->detail), "lcore %u", most.number);
}

static void control_slow(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->alarms->turn_us;
}

static void hello_silent(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = pulse_silent_ms(ctl);
	if (f->value > 0 && still_is_wedged(ctl->still))
		snprintf(f->detail, sizeof(f->detail), "lcore %u", still_most(ctl->still).number);
}

static void punt_overflow(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->alarms->punt_full.per_s;
}

static void tx_overflow(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->alarms->tx_full.per_s;
}

static void port_down(struct ctl *ctl, struct alarm_fact *f)
{
	for (uint16_t i = 0; i < dp_port_count(ctl->dp); i++) {
		if (dp_port_link(ctl->dp, i))
			continue;
		if (f->value++ == 0)
			snprintf(f->detail, sizeof(f->detail), "%s", ctl->conf->ports[i].name);
	}
}

static void duplicate_address(struct ctl *ctl, struct alarm_fact *f)
{
	for (uint32_t i = 0; i < addrs_count(ctl->t->addrs); i++) {
		const struct addr_row *row = addrs_row(ctl->t->addrs, i);
		char text[IP6_STRLEN];

		if (row->state != ADDR_DUPLICATE)
			continue;
		if (f->value++ == 0)
			snprintf(f->detail, sizeof(f->detail), "%s", ip6_str(&row->addr, text));
	}
}

/* Before the first solicitation may go out there is nothing to say. */
static void gateway_unresolved(struct ctl *ctl, struct alarm_fact *f)
{
	struct ip6_addr one;
	char text[IP6_STRLEN];

	if (!ctl->ready)
		return;
	f->value = nd_gateways_unresolved(ctl, &one);
	if (f->value > 0)
		snprintf(f->detail, sizeof(f->detail), "%s", ip6_str(&one, text));
}

struct fullness {
	uint64_t percent;
	const char *of; /* what of it is full, for people */
};

/* In a mesh those that ended take room as long as they could have lasted. */
static struct fullness fullness(
	const struct records *rs, uint32_t live, uint32_t ended, uint32_t max)
{
	struct fullness bindings = { percent(live, max), "" },
			all = { percent((uint64_t)live + ended, 2ULL * max), ", ended ones too" };

	return records_has_mesh(rs) && all.percent > bindings.percent ? all : bindings;
}

/* The table as a whole, or the fullest domain. */
static void bindings_full(struct ctl *ctl, struct alarm_fact *f)
{
	const struct records *rs = ctl->records;
	struct fullness used;

	if (rs == NULL)
		return;
	used = fullness(
		rs, records_live(rs), records_tombstones(rs), ctl->conf->runtime.max_bindings);
	f->value = used.percent;
	snprintf(f->detail, sizeof(f->detail), "runtime.max-bindings%s", used.of);
	for (uint16_t i = 0; i < ctl->conf->domain_count; i++) {
		const struct conf_domain *d = &ctl->conf->domains[i];

		used = fullness(rs, records_live_in(rs, i), records_tombstones_in(rs, i),
			d->limits.max_bindings);
		if (used.percent <= f->value)
			continue;
		f->value = used.percent;
		snprintf(f->detail, sizeof(f->detail), "domain %s%s", d->name, used.of);
	}
}

static void accounting_blocked(struct ctl *ctl, struct alarm_fact *f)
{
	struct acct_status s;

	if (!acct_status(ctl, &s))
		return;
	f->value = s.host.blocked;
	snprintf(f->detail, sizeof(f->detail), "%llu octets and %u events wait",
		(unsigned long long)s.host.waiting, s.queued);
}

static void accounting_losing(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->alarms->acct_lost.per_s;
}

static void store_failed(struct ctl *ctl, struct alarm_fact *f)
{
	struct persist_status s;

	if (!persist_status(ctl, &s))
		return;
	/* also one that is over already */
	f->value = s.stat[FEED_STAT_FAILED] != 0 ||
		   s.stat[FEED_STAT_FAILURES] != ctl->alarms->store_failures;
	ctl->alarms->store_failures = s.stat[FEED_STAT_FAILURES];
	snprintf(f->detail, sizeof(f->detail), "%s", strerror((int)s.stat[FEED_STAT_ERRNO]));
}

static void store_behind(struct ctl *ctl, struct alarm_fact *f)
{
	struct persist_status s;

	if (!persist_status(ctl, &s) || s.stat[FEED_STAT_FAILED] != 0)
		return;
	f->value = s.synced_ms;
	snprintf(f->detail, sizeof(f->detail), "%llu changes wait", (unsigned long long)s.waiting);
}

static void store_damaged(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->counters[CTL_STORE_DAMAGED];
}

static void store_no_clock(struct ctl *ctl, struct alarm_fact *f)
{
	f->value = ctl->counters[CTL_STORE_NO_CLOCK];
}

static void (*const measure[ALARM_COUNT])(struct ctl *ctl, struct alarm_fact *f) = {
	[ALARM_POOL_LOW] = pool_low,
	[ALARM_FREES_STALLED] = frees_stalled,
	[ALARM_WORKER_WEDGED] = worker_wedged,
	[ALARM_CONTROL_SLOW] = control_slow,
	[ALARM_HELLO_SILENT] = hello_silent,
	[ALARM_PUNT_OVERFLOW] = punt_overflow,
	[ALARM_TX_OVERFLOW] = tx_overflow,
	[ALARM_PORT_DOWN] = port_down,
	[ALARM_DUPLICATE_ADDRESS] = duplicate_address,
	[ALARM_GATEWAY_UNRESOLVED] = gateway_unresolved,
	[ALARM_BINDINGS_FULL] = bindings_full,
	[ALARM_ACCOUNTING_BLOCKED] = accounting_blocked,
	[ALARM_ACCOUNTING_LOSING] = accounting_losing,
	[ALARM_STORE_FAILED] = store_failed,
	[ALARM_STORE_BEHIND] = store_behind,
	[ALARM_STORE_DAMAGED] = store_damaged,
	[ALARM_STORE_NO_CLOCK] = store_no_clock,
	[ALARM_BINDINGS_ALONE] = mesh_alone,
	[ALARM_CLOCK_OFF] = mesh_clock_off,
	[ALARM_PEER_DOWN] = mesh_peer_down,
	[ALARM_PEER_DOMAIN] = mesh_peer_domain,
	[ALARM_PEER_KEY] = mesh_peer_key,
	[ALARM_PEER_INCOMPATIBLE] = mesh_peer_incompatible,
	[ALARM_PEER_BEHIND] = mesh_peer_behind,
	[ALARM_PEER_FULL] = mesh_peer_full,
	[ALARM_SETTINGS_DIFFER] = mesh_settings_differ,
	[ALARM_RECORDS_DIFFER] = mesh_records_differ,
	[ALARM_DOMAIN_WAITS] = mesh_domain_waits,
};

/* --- rates --- */

static void rate_step(struct rate *r, uint64_t total, uint64_t span_ms)
{
	uint64_t grown = total - r->total;

	/* one of something in a longer time is not none */
	r->per_s = (1000 * grown + span_ms - 1) / span_ms;
	r->total = total;
}

static void take_rates(struct ctl *ctl)
{
	struct alarms *a = ctl->alarms;
	const uint64_t *drop = a->counters.drop;
	uint64_t span_ms = ctl->now_ms - a->rates_ms, full = 0;

	if (span_ms < RATE_MS)
		return;
	dp_counters_sum(ctl->dp, &a->counters);
	for (enum dp_punt_class c = 0; c < DP_PUNT_COUNT; c++)
		full += drop[dp_punt_full(c)];
	rate_step(&a->punt_full, full, span_ms);
	rate_step(&a->tx_full, drop[DP_DROP_TX_FULL], span_ms);
	rate_step(&a->acct_lost, ctl->counters[CTL_ACCT_LOST], span_ms);
	a->rates_ms = ctl->now_ms;
}

/* --- what changed --- */

static void say(const struct alarm_desc *d, const struct alarm *a, enum alarm_change change)
{
	if (change == ALARM_RAISED)
		log_warn(TAG, "raised: %s alarm=%s severity=%s value=%llu unit=%s detail=\"%s\"",
			d->what, d->name, alarm_severity_name(d->severity),
			(unsigned long long)a->value, d->unit, a->detail);
	else if (change == ALARM_CLEARED)
		log_info(TAG, "cleared alarm=%s value=%llu unit=%s", d->name,
			(unsigned long long)a->value, d->unit);
}

void alarm_turn(struct ctl *ctl, uint64_t us)
{
	if (us > ctl->alarms->slowest_us)
		ctl->alarms->slowest_us = us;
}

void alarm_run(struct ctl *ctl)
{
	struct alarms *a = ctl->alarms;

	if (ctl->now_ms < a->next_ms)
		return;
	a->next_ms = ctl->now_ms + MEASURE_MS;
	take_rates(ctl);
	a->turn_us = a->slowest_us;
	a->slowest_us = 0;
	for (enum alarm_id i = 0; i < ALARM_COUNT; i++) {
		struct alarm_fact f = { 0 };

		measure[i](ctl, &f);
		say(alarm_desc(i), &a->alarm[i], alarm_step(i, &a->alarm[i], &f, ctl->now_ms));
	}
}

const struct alarm *alarm_at(const struct ctl *ctl, enum alarm_id id)
{
	return &ctl->alarms->alarm[id];
}

int alarm_new(struct ctl *ctl, struct alarms **out)
{
	struct alarms *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->rates_ms = ctl->now_ms;
	a->frees.at_ms = ctl->now_ms;
	*out = a;
	return 0;
}

void alarm_free(struct alarms *a)
{
	free(a);
}
