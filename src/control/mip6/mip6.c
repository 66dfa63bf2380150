/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Mobile IPv6 home agent's input and output: takes Mobility Headers, sends Binding Errors, ends
 * bindings. Binding Updates are bu.c's.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/mac.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/mesh/mesh.h"
#include "control/mip6/advert.h"
#include "control/mip6/answer.h"
#include "control/mip6/held.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/numbers.h"
#include "control/mip6/pending.h"
#include "control/mip6/ratelimit.h"
#include "control/mip6/rules.h"
#include "control/mip6/switch.h"
#include "net/icmp6.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/stamps.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SOURCES_REMEMBERED 4096 /* in each of three tables, 48 octets each: 576 KiB */
#define EXPIRE_SLICE       256 /* records a turn */

/* Keys may come with a reload. */
static int keys_new(const struct ctl *ctl, struct mip6 *m)
{
	struct stamps_opts opts = {
		/* each binding's, and those of some that ended just now */
		.max = ctl->conf->runtime.max_bindings + ctl->conf->runtime.max_bindings / 16 + 16,
		.window_s = MIP6_REPLAY_WINDOW_S,
		.floor = ctl->ntp,
		.seed = ctl->seed,
	};
	int ret = conf_has_mesh(ctl->conf) ? 0 : stamps_new(&opts, &m->stamps);

	if (ret == 0)
		ret = mac_new(&m->mac);
	return ret == -ENOTSUP ? 0 : ret;
}

/* In a mesh the store has what no other site holds. */
static bool holds_for_store(const struct conf *conf)
{
	if (conf_has_mesh(conf) && conf->store.path != NULL)
		return true;
	for (uint32_t d = 0; d < conf->domain_count; d++)
		if (conf->domains[d].ack_peers == CONF_ACK_STORE)
			return true;
	return false;
}

static int waits_make(const struct conf *conf, struct mip6 *m)
{
	int ret = holds_for_store(conf) ? held_new(&m->held) : 0;

	if (ret == 0 && conf_has_mesh(conf))
		ret = pending_new(conf->mesh.max_waits, &m->pending);
	return ret;
}

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
	if (ret == 0)
		ret = adverts_new(ctl, &m->adverts);
	if (ret == 0)
		ret = switches_new(ctl, &m->switches);
	if (ret == 0)
		ret = keys_new(ctl, m);
	if (ret == 0)
		ret = numbers_new(ctl, &m->numbers);
	if (ret == 0)
		ret = waits_make(conf, m);
	if (ret < 0) {
		mip6_free(m);
		return ret;
	}
	for (uint32_t d = 0; d < conf->domain_count; d++)
		if (conf->domains[d].lifetime_max_s > longest_s)
			longest_s = conf->domains[d].lifetime_max_s;
	for (uint32_t d = 0; d < conf->domain_count; d++)
		m->quiet_until_ms[d] = ctl->now_ms + 1000ULL * longest_s;
	m->peer_log = (struct log_rl)LOG_RL_INIT;
	*out = m;
	return 0;
}

void mip6_free(struct mip6 *m)
{
	if (m == NULL)
		return;
	pending_free(m->pending);
	held_free(m->held);
	mac_free(m->mac);
	stamps_free(m->stamps);
	seen_free(m->numbers);
	switches_free(m->switches);
	adverts_free(m->adverts);
	ratelimit_free(m->limits);
	free(m);
}

uint64_t mip6_stamp(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	if (ctl->mesh != NULL)
		return seen_stamp(mesh_seen_table(ctl), domain, hoa);
	return stamps_get(ctl->mip6->stamps, domain, hoa);
}

int mip6_set_stamp(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *ha, uint64_t stamp)
{
	const struct seen_pair pair = {
		.hoa = *hoa, .ha = *ha, .domain = domain, .value = { .stamp = stamp }
	};
	bool remembers = ctl->conf->domains[domain].remember_sequence;
	int ret;

	if (ctl->mesh != NULL) {
		ret = seen_raise(
			mesh_seen_table(ctl), &pair, remembers ? SEEN_REMEMBERED : 0, ctl->ntp);
		return ret < 0 ? ret : 0;
	}
	return stamps_set(ctl->mip6->stamps, domain, hoa, stamp, ctl->ntp);
}

void mip6_has_known(struct ctl *ctl, uint16_t domain, uint64_t known_ms)
{
	uint64_t *until_ms = &ctl->mip6->quiet_until_ms[domain];

	*until_ms -= known_ms < *until_ms - ctl->now_ms ? known_ms : *until_ms - ctl->now_ms;
}

/* The domain in whose mobile prefix the address is, NULL: none. */
static const struct conf_domain *domain_of(
	const struct ctl *ctl, const struct ip6_addr *hoa, uint16_t *index)
{
	uint32_t value = fib_lookup(ctl->t->fib, hoa);

	if (fib_kind(value) != FIB_DOMAIN)
		return NULL;
	*index = fib_domain(value);
	return &ctl->conf->domains[*index];
}

struct record *mip6_find_record(struct ctl *ctl, const struct ip6_addr *hoa)
{
	uint16_t index;

	if (domain_of(ctl, hoa, &index) == NULL)
		return NULL;
	return records_find(ctl->records, index, hoa);
}

uint64_t mip6_memory(const struct ctl *ctl)
{
	uint64_t stamps = ctl->mip6->stamps == NULL ? 0 : stamps_memory(ctl->mip6->stamps);
	uint64_t numbers = ctl->mip6->numbers == NULL ? 0 : seen_memory(ctl->mip6->numbers);

	return adverts_memory(ctl) + switches_memory(ctl) + stamps + numbers;
}

/* --- Binding Error --- */

/* RFC 6275, 9.3.3: to a unicast source only, under the rate of ICMPv6 errors. */
static bool may_send_be(struct ctl *ctl, const struct ip6_addr *to)
{
	if (ip6_is_multicast(to) || ip6_is_unspecified(to)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_NOT_DUE);
		return false;
	}
	if (!icmp_error_token(ctl)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_RATE);
		return false;
	}
	return true;
}

static void send_be(struct ctl *ctl, const struct ctl_pkt *p, enum mh_be_status status)
{
	const struct net_ip6 *ip6 = ctl_pkt_ip6(p);
	bool has_hao = (p->ext.flags & EXT_HAO) != 0;
	uint8_t buf[MIP6_ANSWER_MAX];
	int len;

	if (!may_send_be(ctl, &ip6->src))
		return;
	len = mip6_write_be(status, &ip6->dst, &ip6->src,
		has_hao ? ctl_pkt_source(p) : &ip6_unspecified, buf, sizeof(buf));
	assert(len > 0);
	if (mip6_send(ctl, p, mip6_is_on_link(p), buf, (uint16_t)len) == 0)
		ctl_count(ctl, CTL_BE_SENT);
}

bool mip6_hao_ok(struct ctl *ctl, const struct ctl_pkt *p)
{
	const struct ip6_addr *hoa = ctl_pkt_source(p);
	uint16_t index = 0;
	const struct conf_domain *d = domain_of(ctl, hoa, &index);
	const struct record *rec = d == NULL ? NULL : records_find(ctl->records, index, hoa);
	bool configured = d != NULL && ctl_subscriber(ctl, index, hoa) != NULL;
	enum mip6_hao hao;

	if (d != NULL && !mesh_serves(ctl, index)) { /* others know better */
		dp_count_drop(ctl->dp, DP_DROP_NOT_READY);
		return false;
	}
	hao = mip6_judge_hao(rec, &ctl_pkt_ip6(p)->src, configured, ctl->now_ms,
		ctl->mip6->quiet_until_ms[index]);
	if (hao == MIP6_HAO_UNBOUND)
		send_be(ctl, p, MH_BE_UNKNOWN_BINDING);
	return hao == MIP6_HAO_BOUND;
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
		mip6_input_bu(ctl, p, p->data + p->ext.upper_off, hdr->len);
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
		break;
	case MH_BE:
		if (switch_error(ctl, p, p->data + p->ext.upper_off, hdr->len))
			return;
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
	(void)icmp_send_error(
		ctl, p, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, p->ext.upper_off + offset);
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

/* By the store: it still has what was before the last change, which may last longer; or the next
 * start has to know a timestamp that is ahead of the clock, and will learn it from here. */
static bool is_needed(const struct ctl *ctl, const struct record *rec)
{
	if (ctl->persist == NULL)
		return false;
	if (ctl->mesh != NULL) /* what was last seen is stored for itself */
		return persist_is_behind(ctl, rec);
	return persist_is_behind(ctl, rec) ||
	       ntp_is_after(mip6_stamp(ctl, rec->domain, &rec->hoa), ctl->ntp);
}

static void has_expired(struct ctl *ctl, struct record *rec)
{
	char hoa[IP6_STRLEN];

	advert_cancel(ctl, rec);
	switch_ended(ctl, rec, false);
	ctl_count(ctl, CTL_BINDINGS_EXPIRED);
	if (log_get_level() >= LOG_DEBUG)
		log_debug("mip6", "binding expired hoa=%s", ip6_str(&rec->hoa, hoa));
}

/* Out of the tables at once; the record when nobody needs it. In a mesh another site's is served on
 * for some seconds: its owner may have heard that it goes on. */
static bool end(void *ctx, struct record *rec)
{
	struct ctl *ctl = ctx;

	if (!mesh_may_end(ctl, rec))
		return false;
	if (rec->state == RECORD_LIVE && unpublish(ctl, rec, ACCT_CAUSE_EXPIRED) < 0)
		return false;
	if (is_needed(ctl, rec))
		return false;
	if (rec->state == RECORD_LIVE)
		has_expired(ctl, rec);
	numbers_note(ctl, rec->domain, &rec->hoa, rec->seq);
	advert_forget(ctl, rec);
	return true;
}

bool mip6_expire(struct ctl *ctl)
{
	uint32_t slice = numbers_are_full(ctl) ? NUMBERS_FULL_SLICE : EXPIRE_SLICE;

	return records_expire(ctl->records, ctl->now_ms, slice, end, ctl) > 0;
}

/* Nobody's of ours any more. In a mesh a reload takes away who was in the set before it, and nobody
 * else: a binding of who never was in ours is there by another site's word, which is believed. */
static bool is_stranger(const struct ctl *ctl, const struct record *rec)
{
	if (rec->state != RECORD_LIVE || ctl_subscriber(ctl, rec->domain, &rec->hoa) != NULL)
		return false;
	return ctl->mesh == NULL || ctl_former_subscriber(ctl, rec->domain, &rec->hoa) != NULL;
}

bool mip6_end_strangers(struct ctl *ctl, uint32_t *cursor, uint32_t *ended)
{
	for (int left = MIP6_STRANGERS_COST; left > 0; left--) {
		uint32_t next = *cursor;
		struct record *rec = records_next(ctl->records, &next);

		if (rec == NULL)
			return false;
		if (is_stranger(ctl, rec)) {
			/* should too much wait for its grace period, again in the next turn */
			if (mip6_withdraw(ctl, rec, ACCT_CAUSE_REMOVED) < 0)
				return true;
			ctl_count(ctl, CTL_BINDINGS_REMOVED);
			++*ended;
			left -= MIP6_STRANGERS_END;
		}
		*cursor = next;
	}
	return true;
}

int mip6_delete(struct ctl *ctl, const struct ip6_addr *hoa)
{
	struct record *rec = mip6_find_record(ctl, hoa);
	char text[IP6_STRLEN];
	int ret;

	if (!mip6_is_bound(rec, ctl->now_ms))
		return -ENOENT;
	ret = mip6_withdraw(ctl, rec, ACCT_CAUSE_DELETED);
	if (ret < 0)
		return ret;
	ctl_count(ctl, CTL_BINDINGS_DELETED);
	log_info("mip6", "binding deleted by the operator hoa=%s", ip6_str(hoa, text));
	return 0;
}
