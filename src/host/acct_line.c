/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/acct_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/ntp.h"

/* NTP's seconds begin again in 2036; taken modulo 2^32 they are right until 2106. */
static void put_time(struct jw *w, uint64_t ntp)
{
	time_t sec = (uint32_t)((ntp >> 32) - NTP_UNIX_EPOCH);
	unsigned ms = (unsigned)((ntp & UINT32_MAX) * 1000 >> 32);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&sec, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	jw_strf(w, "time", "%s.%03uZ", text, ms);
}

static void put_session(struct jw *w, const struct acct_event *e)
{
	jw_strf(w, "session", "%016" PRIx64, e->session);
	jw_str(w, "domain", e->domain);
	if (e->nai[0] != '\0')
		jw_str(w, "mn", e->nai);
	jw_ip6(w, "hoa", &e->hoa);
	jw_ip6(w, "coa", &e->coa);
	if (e->type == ACCT_MOVE)
		jw_ip6(w, "old-coa", &e->old_coa);
}

static void put_usage(struct jw *w, const struct acct_event *e)
{
	jw_u64(w, "lifetime-s", e->lifetime_s);
	jw_u64(w, "duration-ms", e->duration_ms);
	jw_u64(w, "packets-to", e->packets_to);
	jw_u64(w, "bytes-to", e->bytes_to);
	jw_u64(w, "packets-from", e->packets_from);
	jw_u64(w, "bytes-from", e->bytes_from);
}

void acct_line(struct jw *w, const struct acct_site *site, const struct acct_event *e)
{
	jw_object(w, NULL);
	jw_str(w, "event", acct_type_name((enum acct_type)e->type));
	jw_u64(w, "seq", e->seq);
	jw_u64(w, "lost", e->lost);
	put_time(w, e->time);
	jw_u64(w, "site", site->id);
	jw_str(w, "node", site->node);
	jw_strf(w, "run", "%016" PRIx64, site->run);
	if (e->type == ACCT_ON)
		jw_str(w, "version", HAMD_VERSION);
	if (e->session != 0)
		put_session(w, e);
	if (e->cause != ACCT_CAUSE_NONE)
		jw_str(w, "cause", acct_cause_name((enum acct_cause)e->cause));
	if (e->session != 0)
		put_usage(w, e);
	jw_end(w, '}');
	jw_newline(w);
}
