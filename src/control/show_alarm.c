/* SPDX-License-Identifier: BSD-3-Clause */
/* Alarms for the operator. */
#include "control/show_priv.h"

static void put_when(struct ctl *ctl, struct jw *w, const char *key, uint64_t at_ms)
{
	if (at_ms == 0)
		jw_null(w, key);
	else
		show_time(w, key, ctl->now_ms - at_ms);
}

static void put_alarm(struct ctl *ctl, struct jw *w, enum alarm_id id)
{
	const struct alarm_desc *d = alarm_desc(id);
	const struct alarm *a = alarm_at(ctl, id);

	jw_object(w, NULL);
	jw_str(w, "alarm", d->name);
	jw_str(w, "severity", alarm_severity_name(d->severity));
	jw_str(w, "state", a->raised ? "raised" : "clear");
	put_when(ctl, w, "since", a->since_ms);
	put_when(ctl, w, "last", a->last_ms);
	jw_u64(w, "count", a->count);
	jw_u64(w, "value", a->value);
	jw_str(w, "unit", d->unit);
	jw_u64(w, "raised-at", d->raise_at);
	jw_u64(w, "cleared-below", d->clear_below);
	jw_str(w, "detail", a->detail);
	jw_str(w, "what", d->what);
	jw_str(w, "todo", d->todo);
	jw_end(w, '}');
	jw_newline(w);
}

bool show_alarms(struct ctl *ctl, struct ctl_req *req)
{
	for (enum alarm_id i = 0; i < ALARM_COUNT; i++) {
		if (req->all || alarm_at(ctl, i)->raised)
			put_alarm(ctl, &req->out, i);
	}
	return false;
}
