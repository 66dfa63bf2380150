/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Mobile IPv6 home agent's input and output: takes Mobility Headers, gathers what rules.c
 * wants to know, carries its verdict out on records and tables, answers. Control core only.
 *
 * What one Binding Update does is logged at debug, a home agent takes thousands of them a second;
 * what a peer does wrong at info, a few lines per 5 s. Both are counted in any case.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/answer.h"
#include "control/mip6/ratelimit.h"
#include "control/mip6/rules.h"
#include "net/icmp6.h"
#include "net/mh.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SOURCES_REMEMBERED 4096 /* 48 octets each: 192 KiB */
#define EXPIRE_SLICE       256 /* records a turn */

struct mip6 {
	struct ratelimit *limits;
	struct log_rl peer_log; /* what peers do wrong */
	uint64_t quiet_until_ms; /* mobile nodes may hold bindings that a start has forgotten */
};

int mip6_new(struct ctl *ctl, struct mip6 **out)
{
	const struct conf *conf = ctl->conf;
	struct ratelimit_opts opts = {
		.domains = conf->domains,
		.domain_count = conf->domain_count,
		.entries = SOURCES_REMEMBERED,
		.seed = ctl->seed,
		.now_ms = ctl->now_ms,
	};
	struct mip6 *m = calloc(1, sizeof(*m));
	uint32_t longest_s = 0;
	int ret;

	if (m == NULL)
		return -ENOMEM;
	ret = ratelimit_new(&opts, &m->limits);
	if (ret < 0) {
		free(m);
		return ret;
	}
	for (uint32_t d = 0; d < conf->domain_count; d++)
		if (conf->domains[d].lifetime_max_s > longest_s)
			longest_s = conf->domains[d].lifetime_max_s;
	m->quiet_until_ms = ctl->now_ms + 1000ULL * longest_s;
	m->peer_log = (struct log_rl)LOG_RL_INIT;
	*out = m;
	return 0;
}

void mip6_free(struct mip6 *m)
{
	if (m == NULL)
		return;
	ratelimit_free(m->limits);
	free(m);
}

/* The domain in whose mobile prefix the address is, NULL: none. */
static const struct conf_domain *domain_of(
	const struct ctl *ctl, const struct ip6_addr *hoa, uint16_t *index)
{
	uint32_t value = fib_lookup(ctl->t->fib, hoa);

	if (fib_kind(value) != FIB_DOMAIN)
		return NULL;
	*index = (uint16_t)fib_index(value);
	return &ctl->conf->domains[*index];
}

/* --- Binding Error --- */

/* RFC 6275, 9.3.3: straight to the source on the wire, under the rate of ICMPv6 errors. */
static void send_be(struct ctl *ctl, const struct ctl_pkt *p, enum mh_be_status status)
{
	const struct net_ip6 *ip6 = ctl_pkt_ip6(p);
	bool has_hao = (p->ext.flags & EXT_HAO) != 0;
	uint8_t buf[MIP6_ANSWER_MAX];
	int len;

	if (ip6_is_multicast(&ip6->src) || ip6_is_unspecified(&ip6->src) || !icmp_error_token(ctl))
		return;
	len = mip6_write_be(status, &ip6->dst, &ip6->src,
		has_hao ? ctl_pkt_source(p) : &ip6_unspecified, buf, sizeof(buf));
	assert(len > 0);
	if (ctl_send_wire(ctl, buf, (uint16_t)len) == 0)
		ctl_count(ctl, CTL_BE_SENT);
}

bool mip6_hao_ok(struct ctl *ctl, const struct ctl_pkt *p)
{
	const struct ip6_addr *hoa = ctl_pkt_source(p);
	uint16_t index = 0;
	const struct conf_domain *d = domain_of(ctl, hoa, &index);
	const struct record *rec = d == NULL ? NULL : records_find(ctl->records, index, hoa);
	bool configured = d != NULL && conf_find_mobile_node(d, hoa) != NULL;
	enum mip6_hao hao = mip6_judge_hao(
		rec, &ctl_pkt_ip6(p)->src, configured, ctl->now_ms, ctl->mip6->quiet_until_ms);

	if (hao == MIP6_HAO_UNBOUND)
		send_be(ctl, p, MH_BE_UNKNOWN_BINDING);
	return hao == MIP6_HAO_BOUND;
}

/* --- Binding Update: what is known --- */

static bool is_refused_here(const struct ctl *ctl, const struct ip6_addr *coa)
{
	enum fib_kind kind = fib_kind(fib_lookup(ctl->t->fib, coa));

	if (kind == FIB_LOCAL || kind == FIB_HOME_AGENT || kind == FIB_DOMAIN)
		return true;
	/* one that duplicate address detection has not settled yet is in no FIB */
	return addrs_find(ctl->t->addrs, coa, ADDR_NO_PORT) != NULL;
}

/* At home, and from a link-local address, the answer goes back over the link the question came
 * by (10.3.2): the virtual home link's own route leads into the binding cache. */
static bool is_answered_on_link(const struct mip6_facts *f)
{
	return mip6_is_home(f) || (!f->in_tunnel && ip6_is_link_local(&f->src));
}

static bool is_answerable(const struct ctl *ctl, const struct mip6_facts *f)
{
	enum fib_kind kind;

	if (ip6_is_multicast(&f->src) || ip6_is_unspecified(&f->src))
		return false;
	if (is_answered_on_link(f))
		return true;
	kind = fib_kind(fib_lookup(ctl->t->fib, &f->src));
	return kind == FIB_ONLINK || kind == FIB_VIA;
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
		.in_tunnel = p->tunnelled || p->unchecked,
		.bindings = records_live(ctl->records),
		.bindings_max = ctl->conf->runtime.max_bindings,
		.now_ms = ctl->now_ms,
	};
	f->coa_refused_here = is_refused_here(ctl, &f->coa);
	f->src_answerable = is_answerable(ctl, f);
	f->bindings_at_coa = records_at_coa(ctl->records, &f->coa);
	*rec = NULL;
	if (domain >= 0) {
		f->domain = &ctl->conf->domains[domain];
		f->hoa_configured = conf_find_mobile_node(f->domain, &f->hoa) != NULL;
		f->bindings_in_domain = records_live_in(ctl->records, (uint16_t)domain);
		*rec = records_find(ctl->records, (uint16_t)domain, &f->hoa);
	}
	f->rec = *rec;
}

/* --- Binding Update: what is done --- */

static void send_ba(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v)
{
	uint8_t buf[MIP6_ANSWER_MAX];
	int len = mip6_write_ba(f, v, &ctl_pkt_ip6(p)->dst, buf, sizeof(buf));
	int ret;

	assert(len > 0);
	if (is_answered_on_link(f))
		ret = ctl_send_link(ctl, p->port, p->src_mac, buf, (uint16_t)len);
	else
		ret = ctl_send_wire(ctl, buf, (uint16_t)len);
	if (ret == 0)
		ctl_count(ctl, CTL_BA_SENT);
}

/* Workers first: publishing can fail, and then the record must still be what it was. */
static int store(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v, struct record *rec)
{
	bool is_new = rec == NULL;
	struct record next;
	int ret;

	if (is_new)
		rec = records_add(ctl->records, (uint16_t)fib_index(p->fib), &f->hoa);
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
	if (v->action == MIP6_REGISTER)
		rec->since_ms = ctl->now_ms;
	records_set(ctl->records, rec, RECORD_LIVE, &f->coa, ctl->now_ms + 1000ULL * v->lifetime_s);
	return 0;
}

/* RFC 6275, 10.3.2: interception stops at once, the sequence number stays for a while. */
static int withdraw(struct ctl *ctl, struct record *rec)
{
	struct ip6_addr coa = rec->coa;
	int ret = unpublish(ctl, rec);

	if (ret == 0)
		records_set(ctl->records, rec, RECORD_TOMBSTONE, &coa,
			ctl->now_ms + RECORD_TOMBSTONE_MS);
	return ret;
}

static int apply(struct ctl *ctl, const struct ctl_pkt *p, const struct mip6_facts *f,
	const struct mip6_verdict *v, struct record *rec)
{
	int ret;

	if (v->action == MIP6_REFUSE)
		return 0;
	if (v->action != MIP6_DEREGISTER)
		return store(ctl, p, f, v, rec);
	ret = withdraw(ctl, rec);
	if (ret == 0)
		rec->seq = v->seq;
	return ret;
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
		ctl->mip6->limits, (uint32_t)domain, &ctl_pkt_ip6(p)->src, ctl->now_ms);
}

static void input_bu(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len)
{
	int domain = fib_kind(p->fib) == FIB_HOME_AGENT ? (int)fib_index(p->fib) : -1;
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
	mip6_judge(&f, &v);
	if (v.action == MIP6_DISCARD) {
		discard(ctl, &f, v.drop);
		return;
	}
	/* a shortage that passes: the mobile node repeats within seconds, an answer would silence
	 * it for minutes */
	if (apply(ctl, p, &f, &v, rec) < 0) {
		discard(ctl, &f, DP_DROP_BU_SHORTAGE);
		return;
	}
	ctl_count(ctl, actions[v.action].counter);
	send_ba(ctl, p, &f, &v);
	log_answer(ctl, &f, &v);
}

/* --- every Mobility Header --- */

static void refuse_type(struct ctl *ctl, const struct ctl_pkt *p)
{
	dp_count_drop(ctl->dp, DP_DROP_MH_TYPE);
	send_be(ctl, p, MH_BE_UNKNOWN_TYPE);
}

static void input_checked(struct ctl *ctl, const struct ctl_pkt *p, const struct mh_hdr *hdr)
{
	switch (hdr->type) {
	case MH_BU:
		input_bu(ctl, p, p->data + p->ext.upper_off, hdr->len);
		return;
	case MH_HOTI:
	case MH_COTI:
		/* 9.4.1, 9.4.2: silent with a Home Address option; else no correspondent here */
		if ((p->ext.flags & EXT_HAO) == 0) {
			refuse_type(ctl, p);
			return;
		}
		break;
	case MH_BRR:
	case MH_HOT:
	case MH_COT:
	case MH_BA:
	case MH_BE:
		break;
	default: /* mh_check() knows no other */
		refuse_type(ctl, p);
		return;
	}
	dp_count_drop(ctl->dp, DP_DROP_MH_IGNORED);
}

/* A parameter problem that points into the Mobility Header (9.2). */
static void param_problem(
	struct ctl *ctl, const struct ctl_pkt *p, enum dp_drop reason, uint32_t offset)
{
	dp_count_drop(ctl->dp, reason);
	icmp_send_error(ctl, p, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, p->ext.upper_off + offset);
}

void mip6_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	struct mh_hdr hdr;

	assert(p->walked && p->ext.upper == IP6_MH && p->ext.upper_off <= p->len);
	switch (mh_check(p->data + p->ext.upper_off, (uint16_t)(p->len - p->ext.upper_off),
		ctl_pkt_source(p), &ctl_pkt_ip6(p)->dst, &hdr)) {
	case MH_OK:
		input_checked(ctl, p, &hdr);
		break;
	case MH_TRUNCATED:
		dp_count_drop(ctl->dp, DP_DROP_MH_TRUNCATED);
		break;
	case MH_BAD_CHECKSUM:
		dp_count_drop(ctl->dp, DP_DROP_MH_CHECKSUM);
		break;
	case MH_UNKNOWN_TYPE:
		refuse_type(ctl, p);
		break;
	case MH_BAD_PROTO:
		param_problem(ctl, p, DP_DROP_MH_PROTO, 0);
		break;
	case MH_BAD_LENGTH:
		param_problem(ctl, p, DP_DROP_MH_LENGTH, 1);
		break;
	}
}

/* --- endings --- */

static bool end(void *ctx, struct record *rec)
{
	struct ctl *ctl = ctx;
	char hoa[IP6_STRLEN];

	if (rec->state != RECORD_LIVE)
		return true;
	if (unpublish(ctl, rec) < 0)
		return false;
	ctl_count(ctl, CTL_BINDINGS_EXPIRED);
	if (log_get_level() >= LOG_DEBUG)
		log_debug("mip6", "binding expired hoa=%s", ip6_str(&rec->hoa, hoa));
	return true;
}

bool mip6_expire(struct ctl *ctl)
{
	return records_expire(ctl->records, ctl->now_ms, EXPIRE_SLICE, end, ctl) > 0;
}

int mip6_delete(struct ctl *ctl, const struct ip6_addr *hoa)
{
	char text[IP6_STRLEN];
	uint16_t index;
	struct record *rec;
	int ret;

	if (domain_of(ctl, hoa, &index) == NULL)
		return -ENOENT;
	rec = records_find(ctl->records, index, hoa);
	if (!mip6_is_bound(rec, ctl->now_ms))
		return -ENOENT;
	ret = withdraw(ctl, rec);
	if (ret < 0)
		return ret;
	ctl_count(ctl, CTL_BINDINGS_DELETED);
	log_info("mip6", "binding deleted by the operator hoa=%s", ip6_str(hoa, text));
	return 0;
}
