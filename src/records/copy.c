/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/copy.h"

#include <string.h>

#include "common/ntp.h"
#include "common/plant.h"

uint32_t record_lasts_most_ms(uint8_t state, uint32_t lifetime_s)
{
	uint32_t granted_ms = lifetime_s * 1000;

	if (state == RECORD_TOMBSTONE && granted_ms < RECORD_TOMBSTONE_MS)
		return RECORD_TOMBSTONE_MS;
	return granted_ms;
}

/* --- merge --- */

static int cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* What one version says is the same wherever it is heard, unless somebody is wrong: then it becomes
 * the same. */
static int cmp_said(const struct record_copy *a, const struct record_copy *b)
{
	int c = memcmp(&a->ha, &b->ha, sizeof(a->ha));

	if (c == 0)
		c = memcmp(&a->coa, &b->coa, sizeof(a->coa));
	if (c == 0)
		c = cmp(a->lifetime_s, b->lifetime_s);
	if (c == 0)
		c = cmp((uint32_t)a->flags << 16 | (uint32_t)a->state << 8 | a->order,
			(uint32_t)b->flags << 16 | (uint32_t)b->state << 8 | b->order);
	if (c == 0)
		c = cmp(a->extra_len, b->extra_len);
	if (c == 0 && a->extra_len > 0)
		c = memcmp(a->extra, b->extra, a->extra_len);
	return c;
}

static int cmp_content(const struct record_copy *a, const struct record_copy *b)
{
	int c = content_version_cmp(&a->content, &b->content);

	return c != 0 ? c : cmp_said(a, b);
}

/* > 0: a's word counts. */
static int cmp_remaining(const struct record_copy *a, const struct record_copy *b)
{
	int c = owner_term_cmp(a->remaining_by, b->remaining_by);

	return c != 0 ? c : cmp(b->remaining_ms, a->remaining_ms);
}

static bool has_mtu(const struct record_copy *c)
{
	return c->mtu != 0 && c->mtu_age_s < RECORD_MTU_AGE_S;
}

/* Of two that say the same the one known longer: it ends, however often it goes round. */
static const struct record_copy *lower_mtu(const struct record_copy *a, const struct record_copy *b)
{
	if (!has_mtu(a) || !has_mtu(b))
		return has_mtu(a) ? a : b;
	if (a->mtu != b->mtu)
		return a->mtu < b->mtu ? a : b;
	return a->mtu_age_s > b->mtu_age_s ? a : b;
}

/* The mistake of PLANT_ONE_VERSION: whoever raised the term last is believed in all. */
static const struct record_copy *last_word(const struct record_copy *a, const struct record_copy *b)
{
	if (a->owner.term != b->owner.term)
		return a->owner.term > b->owner.term ? a : b;
	return owner_version_cmp(&a->owner, &b->owner) > 0 ? a : b;
}

void record_merge(const struct record_copy *a, const struct record_copy *b, struct record_copy *out)
{
	int c = cmp_content(a, b);
	const struct record_copy *said = c > 0 ? a : b, *end = said, *mtu = said;
	struct record_copy m;

	if (c == 0) {
		end = cmp_remaining(a, b) > 0 ? a : b;
		mtu = lower_mtu(a, b);
	}
	m = *said;
	m.remaining_ms = end->remaining_ms;
	m.remaining_by = end->remaining_by;
	m.mtu = has_mtu(mtu) ? mtu->mtu : 0;
	m.mtu_age_s = has_mtu(mtu) ? mtu->mtu_age_s : 0;
	m.owner = owner_version_cmp(&a->owner, &b->owner) > 0 ? a->owner : b->owner;
	if (planted(PLANT_ONE_VERSION))
		m = *last_word(a, b);
	m.stamp = ntp_later(a->stamp, b->stamp);
	*out = m;
}

/* --- a record and its copy --- */

static uint32_t remaining(const struct record *r, uint64_t now_ms)
{
	uint64_t left = r->ends_ms > now_ms ? r->ends_ms - now_ms : 0;
	uint32_t most = record_lasts_most_ms(r->state, r->lifetime_s);

	return left < most ? (uint32_t)left : most;
}

void record_copy_of(
	struct records *rs, const struct record *r, uint64_t now_ms, struct record_copy *out)
{
	const struct record_mesh *m = records_mesh(rs, r);
	const struct record_extra *x = records_extra(rs, r);

	*out = (struct record_copy){
		.hoa = r->hoa,
		.content = m->content,
		.owner = m->owner,
		.ha = r->ha,
		.coa = r->coa,
		.lifetime_s = r->lifetime_s,
		.flags = r->flags,
		.state = r->state,
		.order = m->order,
		.remaining_ms = remaining(r, now_ms),
		.remaining_by = m->remaining_by,
	};
	if (x == NULL)
		return;
	out->extra = x->field;
	out->extra_len = x->len;
	if (x->mtu != 0 && x->mtu_until_ms > now_ms) {
		uint64_t left_s = (x->mtu_until_ms - now_ms) / 1000;

		out->mtu = x->mtu;
		out->mtu_age_s =
			(uint16_t)(left_s < RECORD_MTU_AGE_S ? RECORD_MTU_AGE_S - left_s : 0);
	}
}

int record_copy_put(
	struct records *rs, struct record *r, const struct record_copy *c, uint64_t now_ms)
{
	struct record_mesh *m = records_mesh(rs, r);
	uint64_t mtu_left_ms = has_mtu(c) ? (RECORD_MTU_AGE_S - c->mtu_age_s) * 1000ULL : 0;
	int ret = records_set_extra(rs, r, c->extra, c->extra_len);

	if (ret < 0)
		return ret;
	if (r->state != RECORD_LIVE)
		r->since_ms = now_ms;
	r->ha = c->ha;
	r->flags = c->flags;
	r->lifetime_s = c->lifetime_s;
	r->seq = c->order == RECORD_BY_SEQUENCE ? (uint16_t)c->content.ext_seq : 0;
	m->content = c->content;
	m->owner = c->owner;
	m->remaining_by = c->remaining_by;
	m->order = c->order;
	records_set(rs, r, (enum record_state)c->state, &c->coa, now_ms + c->remaining_ms);
	/* of the path to coa; soft: without memory for it, it is learned again */
	(void)records_set_mtu(rs, r, mtu_left_ms != 0 ? c->mtu : 0, now_ms + mtu_left_ms);
	return 0;
}
