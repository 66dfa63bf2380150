/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/alarm_rules.h"

#include <assert.h>
#include <string.h>

static const struct alarm_desc descs[] = {
#define X(id, name, severity, unit, raise_at, clear_below, raise_ms, clear_ms, what, todo)         \
	[ALARM_##id] = { name, ALARM_##severity, unit, raise_at, clear_below, raise_ms, clear_ms,  \
		what, todo },
	ALARM_LIST(X)
#undef X
};

const struct alarm_desc *alarm_desc(enum alarm_id id)
{
	assert(id < ALARM_COUNT);
	return &descs[id];
}

const char *alarm_severity_name(enum alarm_severity s)
{
	return s == ALARM_CRITICAL ? "critical" : "warning";
}

enum alarm_change alarm_step(
	enum alarm_id id, struct alarm *a, const struct alarm_fact *f, uint64_t now_ms)
{
	const struct alarm_desc *d = alarm_desc(id);
	bool is_bad = f->value >= d->raise_at;
	bool says_otherwise = a->raised ? f->value < d->clear_below : is_bad;

	a->value = f->value;
	if (is_bad) {
		a->last_ms = now_ms;
		memcpy(a->detail, f->detail, sizeof(a->detail));
	}
	if (says_otherwise && !a->turning)
		a->turning_ms = now_ms;
	a->turning = says_otherwise;
	if (!a->turning || now_ms - a->turning_ms < (a->raised ? d->clear_ms : d->raise_ms))
		return ALARM_SAME;
	a->raised = !a->raised;
	a->turning = false;
	a->since_ms = now_ms;
	a->count += a->raised;
	return a->raised ? ALARM_RAISED : ALARM_CLEARED;
}
