/* SPDX-License-Identifier: BSD-3-Clause */
/* The store for the operator: does it keep bindings, how far behind is it, what became of it. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "control/show_priv.h"

static void put_time(struct jw *w, const char *key, uint64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	jw_str(w, key, text);
}

static const char *state(const struct persist_status *s)
{
	if (s->stat[FEED_STAT_FAILED] != 0)
		return "failed";
	return s->walking ? "writing anew" : "writing";
}

static void put_error(struct jw *w, const struct persist_status *s)
{
	if (s->stat[FEED_STAT_ERRNO] == 0)
		return;
	jw_str(w, "last-error", strerror((int)s->stat[FEED_STAT_ERRNO]));
	put_time(w, "last-error-at", s->stat[FEED_STAT_FAILED_MS]);
}

static void put_store(const struct ctl *ctl, struct jw *w, const struct persist_status *s)
{
	jw_object(w, NULL);
	jw_str(w, "store", ctl->conf->store.path);
	jw_str(w, "state", state(s));
	put_error(w, s);
	jw_u64(w, "failures", s->stat[FEED_STAT_FAILURES]);
	jw_u64(w, "waiting", s->waiting);
	jw_u64(w, "written-ms", s->written_ms);
	jw_u64(w, "written-longest-ms", s->written_longest_ms);
	jw_u64(w, "disk-ms", s->synced_ms);
	jw_u64(w, "disk-longest-ms", s->synced_longest_ms);
	jw_u64(w, "records", s->stat[FEED_STAT_RECORDS]);
	jw_u64(w, "bytes", s->stat[FEED_STAT_BYTES]);
	jw_u64(w, "syncs", s->stat[FEED_STAT_SYNCS]);
	jw_u64(w, "sync-us", s->stat[FEED_STAT_SYNC_US]);
	jw_u64(w, "sync-longest-us", s->stat[FEED_STAT_SYNC_LONGEST_US]);
	jw_u64(w, "rewrites", s->stat[FEED_STAT_CHECKPOINTS]);
	jw_u64(w, "files", s->stat[FEED_STAT_FILES]);
	jw_u64(w, "disk-bytes", s->stat[FEED_STAT_DISK_BYTES]);
	jw_u64(w, "answers-waiting", mip6_held(ctl));
	jw_u64(w, "loaded", ctl->counters[CTL_STORE_LOADED]);
	jw_u64(w, "left-out", ctl->counters[CTL_STORE_LEFT_OUT]);
	jw_end(w, '}');
	jw_newline(w);
}

bool show_store(struct ctl *ctl, struct ctl_req *req)
{
	struct persist_status s;

	if (!persist_status(ctl, &s))
		return show_fail(req, -ENOENT, "there is no store: bindings are not kept");
	put_store(ctl, &req->out, &s);
	return false;
}
