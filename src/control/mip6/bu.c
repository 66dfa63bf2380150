/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding Updates: gathers what rules.c wants to know, carries its verdict out on records and
 * tables, answers.
 *
 * What one Binding Update does is logged at debug, a home agent takes thousands of them a second;
 * what a peer does wrong at info, a few lines per 5 s. Both are counted in any case.
 */
#include <assert.h>
#include <errno.h>

#include "conf/conf.h"
#include "control/mip6/advert.h"
#include "control/mip6/answer.h"
#include "control/mip6/held.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/ratelimit.h"
#include "control/mip6/rules.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define RELEASE_SLICE 64 /* answers a turn: more than there are questions, PUNT_BUDGET */

/* --- what is known --- */

static bool is_refused_here(const struct ctl *ctl, const struct ip6_addr *coa)
{
	enum fib_kind kind = fib_kind(fib_lookup(ctl->t->fib, coa));

	if (kind == FIB_LOCAL || kind == FIB_HOME_AGENT || kind == FIB_ANYCAST ||
		kind == FIB_DOMAIN)
		return true;
	/* one that duplicate address detection has not settled yet is in no FIB */
	return addrs_find(ctl->t->addrs, coa, ADDR_NO_PORT) != NULL;
}

bool mip6_is_coa_allowed(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *coa)
{
	return mip6_may_hold_coa(&ctl->conf->domains[domain], coa, is_refused_here(ctl, coa));
}

static bool is_answerable(
	const struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f)
{
	enum fib_kind kind;

	if (ip6_is_multicast(&f->src) || ip6_is_unspecified(&f->src))
		return false;
	if (mip6_is_home(f) || mip6_is_on_link(p))
		return true;
	kind = fib_kind(fib_lookup(ctl->t->fib, &f->src));
	return kind == FIB_ONLINK || kind == FIB_VIA;
}

static struct mip6_signer signer(const struct ctl *ctl, const struct mip6_facts *f)
{
	if (!mip6_has_sa(f))
		return (struct mip6_signer){ NULL, NULL };
	return (struct mip6_signer){ ctl->mip6->mac, subs_key(ctl->subs, f->sub) };
}

/* mh: the message as it came. */
static void authenticate(struct ctl *ctl, const uint8_t *mh, struct mip6_facts *f)
{
	struct mip6_signer s = signer(ctl, f);
	uint8_t tag[MAC_LEN];

	if (s.key == NULL)
		return;
	mip6_sign(&s, &f->coa, &f->hoa, mh, f->bu->opts.mac_at, tag);
	f->mac_ok = mac_equal(tag, f->bu->opts.mac);
	f->ntp = ctl->ntp;
	f->ntp_last = mip6_stamp(ctl, f->sub->domain, &f->hoa);
	if (f->mac_ok)
		ctl_count(ctl, CTL_BU_AUTHENTICATED);
}

/* domain: number, or -1. *rec: the same record as the facts', to be changed. */
static void gather(struct ctl *ctl, const struct ctl_pkt *p, const struct mh_bu_msg *bu, int domain,
	struct mip6_facts *f, struct record **rec)
{
	*f = (struct mip6_facts){
		.bu = bu,
		.src = ctl_pkt_ip6(p)->src,
		.hoa = *ctl_pkt_source(p),
		.coa = *mip6_coa(bu, &ctl_pkt_ip6(p)->src),
		.has_hao = (p->ext.flags & EXT_HAO) != 0,
		.in_tunnel = mip6_is_in_tunnel(p),
		.bindings = records_live(ctl->records),
		.bindings_max = ctl->conf->runtime.max_bindings,
		.now_ms = ctl->now_ms,
	};
	f->coa_refused_here = is_refused_here(ctl, &f->coa);
	f->src_answerable = is_answerable(ctl, p, f);
	f->bindings_at_coa = records_at_coa(ctl->records, &f->coa);
	*rec = NULL;
	if (domain >= 0) {
		f->domain = &ctl->conf->domains[domain];
		f->sub = ctl_subscriber(ctl, (uint16_t)domain, &f->hoa);
		f->domain_has_keys = subs_counts(ctl->subs, (uint16_t)domain)->has_keys;
		f->bindings_in_domain = records_live_in(ctl->records, (uint16_t)domain);
		*rec = records_find(ctl->records, (uint16_t)domain, &f->hoa);
	}
	f->rec = *rec;
}

/* --- what is done --- */

/* What the store must have first: each acceptance, and behind one that waits whatever else the
 * mobile node is told, so that answers come in the order of the questions. */
static bool must_wait(
	const struct ctl *ctl, const struct mip6_facts *f, const struct mip6_verdict *v)
{
	if (f->domain == NULL || f->domain->ack_peers != CONF_ACK_STORE)
		return false;
	return v->action != MIP6_REFUSE || (f->rec != NULL && held_count(ctl->mip6->held) > 0);
}

/* Dropped in silence when the store fails, or is too far behind: the mobile node repeats. */
static void hold(
	struct ctl *ctl, const struct ctl_pkt *p, bool on_link, const uint8_t *pkt, uint16_t len)
{
	struct held_answer *a = persist_has_failed(ctl) ? NULL : held_room(ctl->mip6->held);

	if (a == NULL) {
		ctl_count(ctl, CTL_BA_NOT_STORED);
		return;
	}
	a->mark = persist_mark(ctl);
	a->on_link = on_link;
	a->port = p->port;
	memcpy(a->mac, p->src_mac, sizeof(a->mac));
	a->len = len;
	memcpy(a->pkt, pkt, len);
	held_put(ctl->mip6->held);
	ctl_count(ctl, CTL_BA_HELD);
}

/* At home the answer goes back over the link (10.3.2): the virtual home link's own route leads
 * into the binding cache. */
static void send_ba(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v)
{
	uint8_t buf[MIP6_ANSWER_MAX];
	struct mip6_signer s = signer(ctl, f);
	int len = mip6_write_ba(f, v, &ctl_pkt_ip6(p)->dst, &s, buf, sizeof(buf));
	bool on_link = mip6_is_home(f) || mip6_is_on_link(p);

	assert(len > 0);
	if (must_wait(ctl, f, v))
		hold(ctl, p, on_link, buf, (uint16_t)len);
	else if (mip6_send(ctl, p, on_link, buf, (uint16_t)len) == 0)
		ctl_count(ctl, CTL_BA_SENT);
}

static void send_held(struct ctl *ctl, const struct held_answer *a)
{
	int ret = a->on_link ? ctl_send_link(ctl, a->port, a->mac, a->pkt, a->len)
			     : ctl_send_wire(ctl, a->pkt, a->len);

	if (ret == 0)
		ctl_count(ctl, CTL_BA_SENT);
}

uint32_t mip6_held(const struct ctl *ctl)
{
	return ctl->mip6->held != NULL ? held_count(ctl->mip6->held) : 0;
}

bool mip6_release(struct ctl *ctl)
{
	struct mip6 *m = ctl->mip6;
	const struct held_answer *a;
	uint64_t written, failures;
	uint32_t n = 0;

	if (m->held == NULL)
		return false;
	written = persist_written(ctl); /* before the failures: feed.h */
	failures = persist_failures(ctl);
	if (failures != m->failures)
		ctl->counters[CTL_BA_NOT_STORED] += held_clear(m->held);
	m->failures = failures;
	while (n < RELEASE_SLICE && (a = held_due(m->held, written)) != NULL) {
		send_held(ctl, a);
		held_drop(m->held);
		n++;
	}
	return n > 0;
}

/* Workers first: publishing can fail, and then the record must still be what it was. One whose
 * lifetime is over but that was not ended yet lives on: its counters do too. Ended is what the
 * cache does not have; its record may be there still, for the store's sake. */
static int store(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v, struct record *rec)
{
	bool is_new = rec == NULL, begins = bc_find(ctl->t->bc, &f->hoa) == NULL;
	struct ip6_addr old_coa;
	struct record next;
	int ret;

	if (is_new)
		rec = records_add(ctl->records, fib_domain(p->fib), &f->hoa);
	if (rec == NULL)
		return -ENOSPC;
	next = *rec;
	next.coa = f->coa;
	next.ha = ctl_pkt_ip6(p)->dst;
	ret = publish(ctl, &next);
	if (ret < 0) {
		if (is_new)
			records_del(ctl->records, rec);
		return ret;
	}
	rec->ha = next.ha;
	rec->seq = v->seq;
	rec->flags = f->bu->flags;
	rec->lifetime_s = v->lifetime_s;
	old_coa = rec->coa;
	if (begins)
		rec->since_ms = ctl->now_ms;
	records_set(ctl->records, rec, RECORD_LIVE, &f->coa, ctl->now_ms + 1000ULL * v->lifetime_s);
	if (begins)
		acct_start(ctl, rec, ACCT_CAUSE_REGISTERED);
	else if (!ip6_eq(&old_coa, &rec->coa))
		acct_move(ctl, rec, &old_coa);
	return 0;
}

int mip6_withdraw(struct ctl *ctl, struct record *rec, enum acct_cause cause)
{
	struct ip6_addr coa = rec->coa;
	int ret = unpublish(ctl, rec, cause);

	if (ret < 0)
		return ret;
	advert_cancel(ctl, rec);
	records_set(ctl->records, rec, RECORD_TOMBSTONE, &coa,
		ctl->now_ms + records_tombstone_ms(ctl->records, rec));
	return 0;
}

static int apply(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v, struct record *rec)
{
	int ret;

	if (v->action == MIP6_REFUSE)
		return 0;
	if (v->action != MIP6_DEREGISTER)
		return store(ctl, p, f, v, rec);
	ret = mip6_withdraw(ctl, rec, ACCT_CAUSE_DEREGISTERED);
	if (ret == 0)
		rec->seq = v->seq;
	return ret;
}

/* What was accepted is not taken again, by any message (RFC 4285, 6). Where that can't be
 * remembered nothing is accepted: -ENOSPC. */
static bool has_stamp(const struct mip6_verdict *v)
{
	return v->has_timestamp && v->action != MIP6_REFUSE;
}

static int reserve_stamp(struct ctl *ctl, const struct mip6_facts *f, const struct mip6_verdict *v)
{
	return has_stamp(v) ? mip6_set_stamp(ctl, f->sub->domain, &f->hoa, f->ntp_last) : 0;
}

static void remember(struct ctl *ctl, const struct mip6_facts *f, const struct mip6_verdict *v)
{
	if (has_stamp(v))
		mip6_set_stamp(ctl, f->sub->domain, &f->hoa, v->timestamp);
}

static void count_answer(struct ctl *ctl, enum ctl_counter c, const struct mip6_verdict *v)
{
	ctl_count(ctl, c);
	if (v->status == HA_AUTH_FAIL)
		ctl_count(ctl, CTL_BU_AUTH_FAILED);
	if (v->status == HA_ID_MISMATCH)
		ctl_count(ctl, CTL_BU_REPLAYED);
}

static const struct {
	enum ctl_counter counter;
	const char *log;
} actions[] = {
	[MIP6_REFUSE] = { CTL_BU_REFUSED, "refused" },
	[MIP6_REGISTER] = { CTL_BU_REGISTERED, "registered" },
	[MIP6_REFRESH] = { CTL_BU_REFRESHED, "refreshed" },
	[MIP6_MOVE] = { CTL_BU_MOVED, "moved" },
	[MIP6_DEREGISTER] = { CTL_BU_DEREGISTERED, "de-registered" },
};

/* What a peer is told no about is worth a line, and so is a care-of address that is not where its
 * Binding Update came from: whoever is there did not ask for the traffic. */
static bool is_noteworthy(const struct mip6_facts *f, const struct mip6_verdict *v)
{
	return v->action == MIP6_REFUSE ||
	       (v->action != MIP6_DEREGISTER && !ip6_eq(&f->coa, &f->src));
}

static void log_answer(struct ctl *ctl, const struct mip6_facts *f, const struct mip6_verdict *v)
{
	char hoa[IP6_STRLEN], coa[IP6_STRLEN], src[IP6_STRLEN];
	enum log_level level = is_noteworthy(f, v) ? LOG_INFO : LOG_DEBUG;
	uint32_t suppressed = 0;

	/* at this rate even printing addresses for nobody costs */
	if (log_get_level() < level)
		return;
	if (level == LOG_INFO && !log_rl_pass(&ctl->mip6->peer_log, ctl->now_ms, &suppressed))
		return;
	log_write(level, "mip6",
		"binding update %s (%s) hoa=%s coa=%s source=%s status=%d seq=%u lifetime-s=%u "
		"suppressed=%u",
		actions[v->action].log, ha_status_str((uint8_t)v->status), ip6_str(&f->hoa, hoa),
		ip6_str(&f->coa, coa), ip6_str(&f->src, src), (int)v->status, f->bu->seq,
		v->lifetime_s, suppressed);
}

static void discard(struct ctl *ctl, const struct mip6_facts *f, enum dp_drop reason)
{
	char hoa[IP6_STRLEN], src[IP6_STRLEN];
	uint32_t suppressed;

	dp_count_drop(ctl->dp, reason);
	if (log_rl_pass(&ctl->mip6->peer_log, ctl->now_ms, &suppressed))
		log_info("mip6", "binding update ignored hoa=%s source=%s reason=%s suppressed=%u",
			ip6_str(&f->hoa, hoa), ip6_str(&f->src, src), dp_drop_name(reason),
			suppressed);
}

/* A Binding Update to an address that is no home agent's has no domain whose limits it could
 * count against; it is answered as seldom as an error. */
static bool is_within_rate(struct ctl *ctl, const struct ctl_pkt *p, int domain)
{
	if (domain < 0)
		return icmp_error_token(ctl);
	return ratelimit_take(
		ctl->mip6->limits, (uint32_t)domain, &ctl_pkt_ip6(p)->src, p->known, ctl->now_ms);
}

/* Whoever can authenticate cannot keep us busy either, nor point a tunnel at one victim after the
 * other. Ending a binding is always possible. */
static bool is_node_within_rate(struct ctl *ctl, const struct ctl_pkt *p,
	const struct mip6_facts *f, enum mip6_action action)
{
	if (action == MIP6_REFUSE || action == MIP6_DEREGISTER)
		return true;
	return ratelimit_take_node(ctl->mip6->limits, fib_domain(p->fib), &f->hoa, ctl->now_ms);
}

void mip6_input_bu(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len)
{
	int domain = fib_kind(p->fib) == FIB_HOME_AGENT ? (int)fib_domain(p->fib) : -1;
	struct mip6_verdict v;
	struct mip6_facts f;
	struct mh_bu_msg bu;
	struct record *rec;
	uint16_t bad_at;

	ctl_count(ctl, CTL_BU_RECEIVED);
	if (!is_within_rate(ctl, p, domain)) {
		dp_count_drop(ctl->dp, DP_DROP_BU_RATE);
		return;
	}
	if (mh_bu_decode(mh, len, &bu, &bad_at) < 0) {
		dp_count_drop(ctl->dp, DP_DROP_MH_OPTION);
		return;
	}
	gather(ctl, p, &bu, domain, &f, &rec);
	authenticate(ctl, mh, &f);
	mip6_judge(&f, &v);
	if (v.action == MIP6_DISCARD) {
		discard(ctl, &f, v.drop);
		return;
	}
	if (!is_node_within_rate(ctl, p, &f, v.action)) {
		discard(ctl, &f, DP_DROP_BU_RATE_MOBILE_NODE);
		return;
	}
	/* a shortage that passes: the mobile node repeats within seconds, an answer would silence
	 * it for minutes */
	if (reserve_stamp(ctl, &f, &v) < 0 || apply(ctl, p, &f, &v, rec) < 0) {
		discard(ctl, &f, DP_DROP_BU_SHORTAGE);
		return;
	}
	remember(ctl, &f, &v);
	count_answer(ctl, actions[v.action].counter, &v);
	dp_watch_say(ctl->dp, "mip6", actions[v.action].log, (int)v.status);
	send_ba(ctl, p, &f, &v);
	log_answer(ctl, &f, &v);
}
