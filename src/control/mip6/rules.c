/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/rules.h"

#include <string.h>

#include "common/anycast.h"
#include "common/ntp.h"
#include "common/seq.h"
#include "conf/conf.h"
#include "records/records.h"
#include "records/subs.h"

const struct ip6_addr *mip6_coa(const struct mh_bu_msg *bu, const struct ip6_addr *src)
{
	return mh_opts_has(&bu->opts, MHOPT_ALT_COA) ? &bu->opts.alt_coa : src;
}

bool mip6_is_home(const struct mip6_facts *f)
{
	return !f->in_tunnel && ip6_eq(&f->src, &f->hoa);
}

bool mip6_is_bound(const struct record *rec, uint64_t now_ms)
{
	return rec != NULL && rec->state == RECORD_LIVE && rec->ends_ms > now_ms;
}

static bool in_any(const struct ip6_addr *a, const struct ip6_prefix *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (ip6_in_prefix(a, &list[i]))
			return true;
	return false;
}

bool mip6_may_hold_coa(
	const struct conf_domain *d, const struct ip6_addr *coa, bool is_refused_here)
{
	if (is_refused_here || in_any(coa, d->care_of_denied, d->care_of_denied_count))
		return false;
	return d->care_of_allowed_count == 0 ||
	       in_any(coa, d->care_of_allowed, d->care_of_allowed_count);
}

/* The number of the mobile prefix that the home address is in, -1: none that is asked for. */
static int prefix_of(const struct mip6_facts *f)
{
	return f->domain == NULL ? -1 : conf_mobile_prefix_of(f->domain, &f->hoa);
}

/* RFC 2526, 2: no node's address. */
static bool is_anycast(const struct mip6_facts *f)
{
	int i = prefix_of(f);

	return i >= 0 && anycast_is_reserved(&f->hoa, &f->domain->mobile_prefixes[i]);
}

bool mip6_is_deregistration(const struct mip6_facts *f)
{
	return f->bu->lifetime == 0 || ip6_eq(&f->coa, &f->hoa);
}

/* Each step of the judgement returns true when it has decided. */
static bool discard(struct mip6_verdict *out, enum dp_drop drop)
{
	*out = (struct mip6_verdict){ .action = MIP6_DISCARD, .drop = drop };
	return true;
}

static uint16_t last_seq(const struct mip6_facts *f)
{
	return f->in_mesh || f->remembers ? f->seq_last : f->rec->seq;
}

static bool refuse(const struct mip6_facts *f, struct mip6_verdict *out, enum ha_status status)
{
	uint16_t seq = status == HA_SEQUENCE ? last_seq(f) : f->bu->seq;

	*out = (struct mip6_verdict){ .action = MIP6_REFUSE, .status = status, .seq = seq };
	return true;
}

/* Without a Home Address option a mobile node can only leave, and only from home: its home
 * address stands on the wire. */
static bool is_hao_missing(const struct mip6_facts *f)
{
	return !f->has_hao && (f->in_tunnel || prefix_of(f) < 0 || !mip6_is_deregistration(f));
}

/* 9.5.1 and 6.1.7: what gets no answer whatever the record says. */
static bool discard_malformed(const struct mip6_facts *f, struct mip6_verdict *out)
{
	if (!ip6_is_routable(&f->hoa) || is_anycast(f))
		return discard(out, DP_DROP_BU_HOA_INVALID);
	if (!ip6_is_routable(&f->coa))
		return discard(out, DP_DROP_BU_COA_INVALID);
	if ((f->bu->flags & MH_BU_H) == 0)
		return false; /* the record decides: judge_correspondent() */
	if (mh_opts_has(&f->bu->opts, MHOPT_NONCE))
		return discard(out, DP_DROP_BU_NONCE);
	if (is_hao_missing(f))
		return discard(out, DP_DROP_BU_NO_HAO);
	/* 11.7.1: nothing else that is authenticated names the care-of address */
	if (!mip6_is_deregistration(f) && !mh_opts_has(&f->bu->opts, MHOPT_ALT_COA))
		return discard(out, DP_DROP_BU_NO_ALT_COA);
	return false;
}

/* --- authentication (RFC 4285) --- */

static bool has_option(const struct mip6_facts *f, uint8_t type)
{
	return mh_opts_has(&f->bu->opts, type);
}

bool mip6_has_sa(const struct mip6_facts *f)
{
	return has_option(f, MHOPT_MN_AUTH) && f->sub != NULL && f->sub->auth == SUB_AUTH_MN_HA &&
	       f->sub->spi == f->bu->opts.spi;
}

/* RFC 4283: the identifier may be left out, the home address names the mobile node as well. */
static bool is_other_identity(const struct mip6_facts *f)
{
	const struct mh_opts *o = &f->bu->opts;

	if (f->sub == NULL || f->sub->nai == NULL || !has_option(f, MHOPT_MN_ID))
		return false;
	return strlen(f->sub->nai) != o->nai_len || memcmp(f->sub->nai, o->nai, o->nai_len) != 0;
}

/* Silent: there is no key that an answer could be signed with. In a domain with keys nobody
 * without one learns which home addresses it has. */
static bool discard_unknown(const struct mip6_facts *f, struct mip6_verdict *out)
{
	bool has_key = f->sub != NULL && f->sub->auth == SUB_AUTH_MN_HA;
	bool is_stranger = f->domain_has_keys && f->sub == NULL;

	if (has_key && !has_option(f, MHOPT_MN_AUTH))
		return discard(out, DP_DROP_BU_AUTH_MISSING);
	if (is_stranger || (has_option(f, MHOPT_MN_AUTH) && !mip6_has_sa(f)))
		return discard(out, DP_DROP_BU_AUTH_UNKNOWN);
	if (has_key && is_other_identity(f))
		return discard(out, DP_DROP_BU_AUTH_IDENTITY);
	return false;
}

static bool is_fresh(const struct mip6_facts *f)
{
	uint64_t stamp = f->bu->opts.timestamp;

	return ntp_is_close(stamp, f->ntp, MIP6_REPLAY_WINDOW_S) &&
	       ntp_is_after(stamp, f->ntp_last);
}

/* RFC 4285, 5.1.1 and 6. A mobile node without a key is whoever it says it is. */
static bool judge_speaker(const struct mip6_facts *f, struct mip6_verdict *out)
{
	if (discard_unknown(f, out))
		return true;
	if (!mip6_has_sa(f))
		return false;
	if (!f->mac_ok)
		return refuse(f, out, HA_AUTH_FAIL);
	if (!has_option(f, MHOPT_REPLAY))
		return f->sub->replay && refuse(f, out, HA_MESG_ID_REQUIRED);
	return !is_fresh(f) && refuse(f, out, HA_ID_MISMATCH);
}

/* What the answer to a mobile node with a key carries besides: the timestamp as it came, or, to
 * set the mobile node's clock right, the high half of ours (RFC 4285, 6). */
static void authenticate(const struct mip6_facts *f, struct mip6_verdict *out)
{
	out->sign = mip6_has_sa(f);
	out->has_timestamp = out->sign && has_option(f, MHOPT_REPLAY);
	if (!out->has_timestamp)
		return;
	out->timestamp = f->bu->opts.timestamp;
	if (out->status == HA_ID_MISMATCH)
		out->timestamp = (f->ntp & ~(uint64_t)UINT32_MAX) | (uint32_t)out->timestamp;
}

/* --- registration --- */

/* 9.5.1: a tombstone's number counts (10.3.2), an ended binding's does not, unless remembered. */
static bool is_out_of_sequence(const struct mip6_facts *f)
{
	if (f->in_mesh)
		return f->order == ORDER_TOO_OLD;
	if (f->remembers)
		return f->has_last && !seq16_is_newer(f->bu->seq, f->seq_last);
	return f->rec != NULL && f->rec->ends_ms > f->now_ms &&
	       !seq16_is_newer(f->bu->seq, f->rec->seq);
}

/* The home address has a binding with the home agent address that was asked. */
static bool is_bound(const struct mip6_facts *f)
{
	return !f->is_elsewhere && mip6_is_bound(f->rec, f->now_ms);
}

/* H = 0: we keep no nonces, so no such message can ever be valid (9.5.1). */
static bool judge_correspondent(const struct mip6_facts *f, struct mip6_verdict *out)
{
	if (!is_bound(f))
		return discard(out, DP_DROP_BU_NOT_HOME);
	return refuse(f, out, is_out_of_sequence(f) ? HA_SEQUENCE : HA_TYPE_CHANGE);
}

/* 10.3.1: is the home address one that this home agent serves? */
static bool refuse_stranger(const struct mip6_facts *f, struct mip6_verdict *out)
{
	if (f->domain == NULL)
		return refuse(f, out, HA_NOT_SUPPORTED);
	if (prefix_of(f) < 0)
		return refuse(f, out, HA_NOT_HOME_SUBNET);
	if (f->sub == NULL)
		return refuse(f, out, HA_NOT_HOME_AGENT);
	return false;
}

/* Shortages that last: the answer silences a mobile node for minutes. A stored binding, ended or
 * not, is in the counts already. Tombstones last only in a mesh, as long as what they end may. */
static bool is_over_limit(const struct mip6_facts *f)
{
	const struct conf_limits *l = &f->domain->limits;
	bool counted = f->rec != NULL && f->rec->state == RECORD_LIVE;

	if (!counted &&
		(f->bindings >= f->bindings_max || f->bindings_in_domain >= l->max_bindings))
		return true;
	if (f->rec == NULL && f->no_room)
		return true;
	return !(counted && ip6_eq(&f->rec->coa, &f->coa)) &&
	       f->bindings_at_coa >= l->max_bindings_per_care_of;
}

/* 10.3.1: less than the lifetime, or it is left out. */
static uint32_t refresh_advice_s(const struct mip6_facts *f, uint32_t lifetime_s)
{
	return f->domain->refresh_advice_s < lifetime_s ? f->domain->refresh_advice_s : 0;
}

/* 10.3.1: what was asked, no longer than this mobile node may have and the home prefix is valid. */
static uint32_t granted_units(const struct mip6_facts *f, const struct conf_lifetimes *l)
{
	uint32_t max_s = l->valid_s < f->sub->lifetime_max_s ? l->valid_s : f->sub->lifetime_max_s;
	uint32_t max = max_s / MH_LIFETIME_UNIT_S;

	return f->bu->lifetime < max ? f->bu->lifetime : max;
}

/* The home prefix is deprecated, or will be before the binding ends, or ends with it: the mobile
 * node had better ask. Prefix lifetimes are compared in the same units. */
static enum ha_status accepted(const struct conf_lifetimes *l, uint32_t units)
{
	if (l->preferred_s / MH_LIFETIME_UNIT_S < units || l->valid_s / MH_LIFETIME_UNIT_S == units)
		return HA_ACCEPTED_PREFIX_DISCOVERY;
	return HA_ACCEPTED;
}

static bool judge_registration(const struct mip6_facts *f, struct mip6_verdict *out)
{
	struct conf_lifetimes l = conf_lifetimes_of(f->domain, (uint32_t)prefix_of(f));
	enum mip6_action action = MIP6_REGISTER;
	uint32_t units = granted_units(f, &l);

	/* RFC 3963, 6.2: a mobile router would take an answer without R for a fault of ours and
	 * start again for ever. M and P are reserved bits to us: ignored. */
	if (f->bu->flags & MH_BU_R)
		return refuse(f, out, HA_MR_NOT_PERMITTED);
	if (!mip6_may_hold_coa(f->domain, &f->coa, f->coa_refused_here))
		return refuse(f, out, HA_PROHIBITED);
	if (is_over_limit(f))
		return refuse(f, out, HA_NO_RESOURCES);
	if (is_bound(f))
		action = ip6_eq(&f->rec->coa, &f->coa) ? MIP6_REFRESH : MIP6_MOVE;
	*out = (struct mip6_verdict){
		.action = action,
		.status = accepted(&l, units),
		.seq = f->bu->seq,
		.lifetime_s = units * MH_LIFETIME_UNIT_S,
	};
	out->refresh_s = refresh_advice_s(f, out->lifetime_s);
	return true;
}

static bool judge_deregistration(const struct mip6_facts *f, struct mip6_verdict *out)
{
	bool is_elsewhere = f->in_mesh && f->order == ORDER_ELSEWHERE;

	if (!is_elsewhere && !is_bound(f)) {
		refuse(f, out, HA_NOT_HOME_AGENT);
		if (f->in_mesh)
			out->action = MIP6_BURY;
		return true;
	}
	*out = (struct mip6_verdict){
		.action = is_elsewhere ? MIP6_ELSEWHERE : MIP6_DEREGISTER,
		.status = HA_ACCEPTED,
		.seq = f->bu->seq,
	};
	return true;
}

static bool judge(const struct mip6_facts *f, struct mip6_verdict *out)
{
	if (discard_malformed(f, out) || judge_speaker(f, out))
		return true;
	if ((f->bu->flags & MH_BU_H) == 0)
		return judge_correspondent(f, out);
	if (is_out_of_sequence(f))
		return refuse(f, out, HA_SEQUENCE);
	if (refuse_stranger(f, out))
		return true;
	return mip6_is_deregistration(f) ? judge_deregistration(f, out)
					 : judge_registration(f, out);
}

void mip6_judge(const struct mip6_facts *f, struct mip6_verdict *out)
{
	judge(f, out);
	/* 9.5.4: no state for a mobile node that would never hear of it */
	if (out->action != MIP6_DISCARD && !f->src_answerable)
		discard(out, DP_DROP_BU_SOURCE);
	if (out->action != MIP6_DISCARD)
		authenticate(f, out);
}

enum mip6_hao mip6_judge_hao(const struct record *rec, const struct ip6_addr *src,
	bool hoa_configured, uint64_t now_ms, uint64_t quiet_until_ms)
{
	if (mip6_is_bound(rec, now_ms) && ip6_eq(&rec->coa, src))
		return MIP6_HAO_BOUND;
	if (rec == NULL && hoa_configured && now_ms < quiet_until_ms)
		return MIP6_HAO_FORGOTTEN;
	return MIP6_HAO_UNBOUND;
}
