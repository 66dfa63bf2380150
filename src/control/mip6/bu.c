/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding Updates: gathers what rules.c wants to know, has its verdict carried out (change.c), and
 * writes the answer, which leaves when it may (reply.c).
 *
 * What one Binding Update does is logged at debug, a home agent takes thousands of them a second;
 * what a peer does wrong at info, a few lines per 5 s. Both are counted in any case.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "control/mesh/mesh.h"
#include "control/mip6/answer.h"
#include "control/mip6/bu.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/numbers.h"
#include "control/mip6/ratelimit.h"
#include "control/mip6/rules.h"
#include "net/mh.h"
#include "records/order.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/fib.h"
#include "tables/tables.h"

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
	if (mip6_is_home(f) && p->peer != 0)
		return false; /* the link that it came by is another site's */
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

/* In a mesh: where it stands in the mobile node's own order, whose numbers go on in the whole mesh,
 * for each home agent address by itself. */
static void gather_order(struct ctl *ctl, struct bu *b)
{
	struct mip6_facts *f = &b->f;
	struct seen *seen = mesh_seen_table(ctl);
	struct seen_value value;
	struct order_facts o = {
		.epoch = seen_epoch(seen, b->domain, &f->hoa),
		.remembers = f->domain->remember_sequence,
		.is_deregistration = mip6_is_deregistration(f),
		.by = RECORD_BY_SEQUENCE,
		.number = f->bu->seq,
	};

	f->in_mesh = true;
	f->no_room = !records_has_room(
		ctl->records, b->domain, f->domain->limits.max_bindings, RECORD_LIVE);
	if (f->rec != NULL) {
		const struct record_mesh *m = records_mesh(ctl->records, f->rec);

		o.content = &m->content;
		o.order = (enum record_order)m->order;
		o.is_live = f->rec->state == RECORD_LIVE;
		o.is_same_ha = ip6_eq(&f->rec->ha, &b->agent);
		f->is_elsewhere = !o.is_same_ha;
	}
	/* one without an epoch has no number yet, but a timestamp */
	if (seen_get(seen, b->domain, &f->hoa, &b->agent, &value) && value.epoch != 0)
		o.seen = &value;
	f->order = order_judge(&o, &b->order);
	f->seq_last = (uint16_t)b->order.ext_seq;
}

/* Of the domain whose home agent address was asked. */
static struct record *gather_domain(struct ctl *ctl, struct bu *b)
{
	struct mip6_facts *f = &b->f;
	struct record *rec = records_find(ctl->records, b->domain, &f->hoa);

	f->domain = &ctl->conf->domains[b->domain];
	f->sub = ctl_subscriber(ctl, b->domain, &f->hoa);
	f->domain_has_keys = subs_counts(ctl->subs, b->domain)->has_keys;
	f->bindings_in_domain = records_live_in(ctl->records, b->domain);
	f->rec = rec;
	f->remembers = numbers_are_kept(ctl, b->domain, f->sub);
	if (ctl->mesh != NULL)
		gather_order(ctl, b);
	else if (f->remembers)
		f->has_last = numbers_last(ctl, b->domain, &f->hoa, rec, &f->seq_last);
	return rec;
}

/* domain: number, or -1. *rec: the same record as the facts', to be changed. */
static void gather(struct ctl *ctl, const struct ctl_pkt *p, const struct mh_bu_msg *bu, int domain,
	struct bu *b, struct record **rec)
{
	struct mip6_facts *f = &b->f;

	*b = (struct bu){ .agent = ctl_pkt_ip6(p)->dst };
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
	if (domain < 0)
		return;
	b->domain = (uint16_t)domain;
	*rec = gather_domain(ctl, b);
}

/* --- what is told --- */

static void count_answer(struct ctl *ctl, enum ctl_counter c, const struct mip6_verdict *v)
{
	ctl_count(ctl, c);
	if (v->status == HA_AUTH_FAIL)
		ctl_count(ctl, CTL_BU_AUTH_FAILED);
	if (v->status == HA_ID_MISMATCH)
		ctl_count(ctl, CTL_BU_REPLAYED);
	if (v->action == MIP6_BURY)
		ctl_count(ctl, CTL_BU_BURIED);
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
	[MIP6_BURY] = { CTL_BU_REFUSED, "refused" },
	[MIP6_ELSEWHERE] = { CTL_BU_ELSEWHERE, "de-registered elsewhere" },
};

/* What a peer is told no about is worth a line, and so is a care-of address that is not where its
 * Binding Update came from: whoever is there did not ask for the traffic. */
static bool is_noteworthy(const struct mip6_facts *f, const struct mip6_verdict *v)
{
	return v->status >= HA_UNSPECIFIED ||
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
	/* what others say from its care-of address is not its doing */
	const struct ip6_addr *who = p->known ? ctl_pkt_source(p) : &ctl_pkt_ip6(p)->src;

	if (domain < 0)
		return icmp_error_token(ctl);
	return ratelimit_take(ctl->mip6->limits, (uint32_t)domain, who, p->known, ctl->now_ms);
}

/* Whoever can authenticate cannot keep us busy either, nor point a tunnel at one victim after the
 * other. Ending a binding is always possible, also one that is not known here. */
static bool is_node_within_rate(struct ctl *ctl, const struct bu *b)
{
	if (b->v.action == MIP6_REFUSE || mip6_is_deregistration(&b->f))
		return true;
	return ratelimit_take_node(ctl->mip6->limits, b->domain, &b->f.hoa, ctl->now_ms);
}

/* At home the answer goes back over the link (10.3.2): the virtual home link's own route leads
 * into the binding cache. */
static void send_ba(
	struct ctl *ctl, const struct ctl_pkt *p, const struct bu *b, const struct bu_change *c)
{
	struct mip6_signer s = signer(ctl, &b->f);
	struct mip6_answer a = {
		.port = p->port,
		.on_link = mip6_is_home(&b->f) || mip6_is_on_link(p),
	};
	int len = mip6_write_ba(&b->f, &b->v, &b->agent, &s, a.pkt, sizeof(a.pkt));

	assert(len > 0);
	a.len = (uint16_t)len;
	memcpy(a.mac, p->src_mac, sizeof(a.mac));
	bu_reply(ctl, b, c, &a);
}

/* It is judged: does it, and answers. */
static void settle(struct ctl *ctl, const struct ctl_pkt *p, const struct bu *b, struct record *rec)
{
	struct bu_change c = { .rec = rec };

	/* a shortage that passes: the mobile node repeats within seconds, an answer would silence
	 * it for minutes */
	if (bu_carry_out(ctl, b, &c) < 0) {
		discard(ctl, &b->f, DP_DROP_BU_SHORTAGE);
		return;
	}
	count_answer(ctl, actions[b->v.action].counter, &b->v);
	dp_watch_say(ctl->dp, "mip6", actions[b->v.action].log, (int)b->v.status);
	send_ba(ctl, p, b, &c);
	log_answer(ctl, &b->f, &b->v);
}

void mip6_input_bu(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len)
{
	int domain = fib_kind(p->fib) == FIB_HOME_AGENT ? fib_domain(p->fib) : -1;
	struct mh_bu_msg bu;
	struct record *rec;
	uint16_t bad_at;
	struct bu b;

	ctl_count(ctl, CTL_BU_RECEIVED);
	if (domain >= 0 && p->peer == 0)
		mesh_updated(ctl, (uint16_t)domain);
	if (!is_within_rate(ctl, p, domain)) {
		dp_count_drop(ctl->dp, DP_DROP_BU_RATE);
		return;
	}
	if (domain >= 0 && !mesh_serves(ctl, (uint16_t)domain)) {
		dp_count_drop(ctl->dp, DP_DROP_NOT_READY);
		return;
	}
	if (mh_bu_decode(mh, len, &bu, &bad_at) < 0) {
		dp_count_drop(ctl->dp, DP_DROP_MH_OPTION);
		return;
	}
	gather(ctl, p, &bu, domain, &b, &rec);
	authenticate(ctl, mh, &b.f);
	mip6_judge(&b.f, &b.v);
	if (b.v.action == MIP6_DISCARD)
		discard(ctl, &b.f, b.v.drop);
	else if (!is_node_within_rate(ctl, &b))
		discard(ctl, &b.f, DP_DROP_BU_RATE_MOBILE_NODE);
	else
		settle(ctl, p, &b, rec);
}
