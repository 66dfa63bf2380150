/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/order.h"

#include "common/ntp.h"
#include "common/seq.h"
#include "records/seen.h"

/* What is known of the series that the update goes on with. */
struct series {
	uint64_t ext_seq; /* the last */
	uint32_t epoch; /* its, 0: there is none */
	bool is_known;
	bool is_binding; /* the record itself says so: no update may be older */
};

static bool is_pairs(const struct order_facts *f)
{
	return f->content != NULL && f->is_same_ha && f->order == f->by;
}

static struct series series_of(const struct order_facts *f)
{
	struct series s = { 0 };

	if (f->seen != NULL && f->seen->order == f->by) {
		s.ext_seq = f->seen->ext_seq;
		s.epoch = f->seen->epoch;
		s.is_known = true;
	}
	if (is_pairs(f)) {
		s.is_binding = true;
		if (!s.is_known || f->content->ext_seq > s.ext_seq)
			s.ext_seq = f->content->ext_seq;
		if (f->content->epoch > s.epoch)
			s.epoch = f->content->epoch;
		s.is_known = true;
	}
	return s;
}

static uint32_t highest_epoch(const struct order_facts *f)
{
	uint32_t epoch = f->epoch;

	if (f->content != NULL && f->content->epoch > epoch)
		epoch = f->content->epoch;
	if (f->seen != NULL && f->seen->epoch > epoch)
		epoch = f->seen->epoch;
	return epoch;
}

static bool is_too_old(const struct order_facts *f, const struct series *s)
{
	if (!s->is_known)
		return false;
	if (f->by == RECORD_BY_STAMP)
		return !ntp_is_after(f->number, s->ext_seq);
	return (s->is_binding || f->remembers) &&
	       !seq16_is_newer((uint16_t)f->number, (uint16_t)s->ext_seq);
}

/* The number without wrapping; false: it can't go on behind the last. */
static bool go_on(const struct order_facts *f, const struct series *s, uint64_t *ext_seq)
{
	if (f->by == RECORD_BY_STAMP) {
		*ext_seq = f->number;
		return f->number > s->ext_seq; /* not so when the era of the NTP clock changes */
	}
	*ext_seq = s->is_known ? version_unwrap(s->ext_seq, (uint16_t)f->number) : f->number;
	return *ext_seq > s->ext_seq || !s->is_known;
}

/* The pair was seen with the other kind of order in the same epoch: two sites began it apart. */
static bool is_behind(const struct order_facts *f, const struct order_result *out)
{
	return f->seen != NULL && f->seen->epoch == out->epoch && f->seen->ext_seq >= out->ext_seq;
}

enum order_verdict order_judge(const struct order_facts *f, struct order_result *out)
{
	struct series s = series_of(f);
	uint32_t highest = highest_epoch(f);
	bool goes_on;

	*out = (struct order_result){ .ext_seq = s.ext_seq, .epoch = s.epoch };
	if (is_too_old(f, &s))
		return ORDER_TOO_OLD;
	goes_on = go_on(f, &s, &out->ext_seq) && (f->content == NULL || is_pairs(f)) &&
		  !is_behind(f, out);
	if (f->is_deregistration && f->content != NULL && f->is_live && !f->is_same_ha)
		return ORDER_ELSEWHERE;
	/* newer than whatever was accepted, at whichever address */
	if (!goes_on || s.epoch == 0 || s.epoch < highest)
		out->epoch = highest < UINT32_MAX ? highest + 1 : highest;
	return ORDER_NEWER;
}

struct content_version order_content(const struct order_result *r, uint64_t hlc, uint8_t self)
{
	return (struct content_version){
		.ext_seq = r->ext_seq, .hlc = hlc, .epoch = r->epoch, .node = self
	};
}

struct owner_version order_claim(const struct content_version *content)
{
	return (struct owner_version){
		.ext_seq = content->ext_seq, .epoch = content->epoch, .node = content->node
	};
}

struct owner_version order_raise(const struct owner_version *owner, uint8_t to)
{
	struct owner_version v = *owner;

	v.node = to;
	if (v.term < OWNER_TERM_MAX)
		v.term = (v.term + 1) & OWNER_TERM_MAX;
	return v;
}
