/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/wire.h"

#include <assert.h>
#include <errno.h>

#include "records/copy.h"
#include "records/order.h"
#include "records/seen.h"
#include "records/varint.h"

enum wire_mark {
	WIRE_TOMBSTONE = 1,
	WIRE_STAMP_ORDER = 2, /* RECORD_BY_STAMP; of a pair, too */
	WIRE_NO_COA = 4, /* unspecified: a tombstone of no binding */
	WIRE_CLAIM = 8,
	WIRE_BY = 16,
	WIRE_MARKS = 31,
};

enum record_field {
	FIELD_STAMP = 1, /* 8: last accepted RFC 4285 timestamp */
	FIELD_MTU = 2, /* 2: path MTU to the care-of address, 2: known for so many seconds */
};

enum pair_field {
	PAIR_STAMP = 1,
};

#define FIELD_CRITICAL 128 /* and above: not to be understood without it */
#define STAMP_LEN      8
#define MTU_LEN        4
#define MTU_LEAST      1280

/* marks, flags, hoa, ha, coa; epoch, ext_seq, hlc, node; epoch, ext_seq, term, node; granted,
 * remaining; term, node; fields */
static_assert(1 + 2 + 16 + 17 + 16 + (5 + 10 + 8 + 1) + (5 + 10 + 4 + 1) + 3 + 5 + (4 + 1) +
			      (2 + STAMP_LEN) + (2 + MTU_LEN) + RECORD_EXTRA_MAX <=
		      RECORD_WIRE_BODY_MAX,
	"the longest record");
static_assert(RECORD_WIRE_BODY_MAX < 1 << 14, "its length takes two octets");
static_assert(1 + 1 + 16 + 17 + 5 + 10 + 2 + STAMP_LEN <= SEEN_WIRE_MAX, "the longest pair");

/* Whole, behind its length, or not at all. */
static bool put_whole(struct net_wr *w, const struct net_wr *body)
{
	struct net_wr at = *w;

	assert(!body->bad);
	varint_put(&at, net_wr_len(body));
	net_wr_bytes(&at, body->base, net_wr_len(body));
	if (at.bad)
		return false;
	*w = at;
	return true;
}

static struct net_rd get_whole(struct net_rd *r, size_t most)
{
	uint64_t len = varint_get(r, most);

	return net_rd_sub(r, len);
}

/* --- parts --- */

/* How many first octets of the home address are the home agent's, too. */
static uint8_t shared_octets(const struct ip6_addr *hoa, const struct ip6_addr *ha)
{
	uint8_t n = 0;

	while (n < sizeof(hoa->b) && hoa->b[n] == ha->b[n])
		n++;
	return n;
}

static void put_ha(struct net_wr *w, const struct ip6_addr *hoa, const struct ip6_addr *ha)
{
	uint8_t n = shared_octets(hoa, ha);

	net_wr_u8(w, n);
	net_wr_bytes(w, ha->b + n, sizeof(ha->b) - n);
}

static void get_ha(struct net_rd *r, const struct ip6_addr *hoa, struct ip6_addr *ha)
{
	uint8_t n = net_rd_u8(r);
	const uint8_t *rest;

	*ha = *hoa;
	if (n > sizeof(ha->b)) {
		r->bad = true;
		return;
	}
	rest = net_rd_bytes(r, sizeof(ha->b) - n);
	if (rest != NULL)
		memcpy(ha->b + n, rest, sizeof(ha->b) - n);
	if (shared_octets(hoa, ha) != n)
		r->bad = true;
}

/* No site has the number 0. */
static uint8_t get_node(struct net_rd *r)
{
	uint8_t node = net_rd_u8(r);

	if (node == 0)
		r->bad = true;
	return node;
}

static void put_term(struct net_wr *w, uint32_t term, uint8_t node)
{
	varint_put(w, term);
	net_wr_u8(w, node);
}

static void put_content(struct net_wr *w, const struct content_version *v)
{
	varint_put(w, v->epoch);
	varint_put(w, v->ext_seq);
	net_wr_u64(w, v->hlc);
	net_wr_u8(w, v->node);
}

static void get_content(struct net_rd *r, struct content_version *v)
{
	v->epoch = (uint32_t)varint_get(r, UINT32_MAX);
	v->ext_seq = varint_get(r, UINT64_MAX);
	v->hlc = net_rd_u64(r);
	v->node = get_node(r);
}

static void put_owner(struct net_wr *w, const struct owner_version *v)
{
	varint_put(w, v->epoch);
	varint_put(w, v->ext_seq);
	put_term(w, v->term, v->node);
}

static void get_owner(struct net_rd *r, struct owner_version *v)
{
	v->epoch = (uint32_t)varint_get(r, UINT32_MAX);
	v->ext_seq = varint_get(r, UINT64_MAX);
	v->term = varint_get(r, OWNER_TERM_MAX) & OWNER_TERM_MAX;
	v->node = get_node(r);
}

static void put_stamp(struct net_wr *w, uint8_t field, uint64_t stamp)
{
	if (stamp == 0)
		return;
	net_wr_u8(w, field);
	net_wr_u8(w, STAMP_LEN);
	net_wr_u64(w, stamp);
}

static void get_stamp(struct net_rd *r, uint64_t *stamp)
{
	*stamp = net_rd_u64(r);
	if (*stamp == 0)
		r->bad = true;
}

/* --- records --- */

static bool is_claim(const struct record_copy *c)
{
	struct owner_version claim = order_claim(&c->content);

	return owner_version_cmp(&claim, &c->owner) == 0;
}

static struct owner_term owner_term(const struct owner_version *v)
{
	return (struct owner_term){ .node = v->node, .term = v->term };
}

static uint8_t marks_of(const struct record_copy *c)
{
	unsigned marks = 0;

	if (c->state == RECORD_TOMBSTONE)
		marks |= WIRE_TOMBSTONE;
	if (c->order == RECORD_BY_STAMP)
		marks |= WIRE_STAMP_ORDER;
	if (ip6_is_unspecified(&c->coa))
		marks |= WIRE_NO_COA;
	if (is_claim(c))
		marks |= WIRE_CLAIM;
	if (owner_term_cmp(c->remaining_by, owner_term(&c->owner)) != 0)
		marks |= WIRE_BY;
	return (uint8_t)marks;
}

static void put_fields(struct net_wr *w, const struct record_copy *c)
{
	put_stamp(w, FIELD_STAMP, c->stamp);
	if (c->mtu >= MTU_LEAST && c->mtu_age_s < RECORD_MTU_AGE_S) {
		net_wr_u8(w, FIELD_MTU);
		net_wr_u8(w, MTU_LEN);
		net_wr_u16(w, c->mtu);
		net_wr_u16(w, c->mtu_age_s);
	}
	/* their numbers are above those that are known */
	net_wr_bytes(w, c->extra, c->extra_len);
}

bool record_wire_put(struct net_wr *w, const struct record_copy *c)
{
	uint8_t buf[RECORD_WIRE_BODY_MAX], marks = marks_of(c);
	struct net_wr b = net_wr_init(buf, sizeof(buf));

	net_wr_u8(&b, marks);
	net_wr_u16(&b, c->flags);
	net_wr_ip6(&b, &c->hoa);
	put_ha(&b, &c->hoa, &c->ha);
	if (!(marks & WIRE_NO_COA))
		net_wr_ip6(&b, &c->coa);
	put_content(&b, &c->content);
	if (!(marks & WIRE_CLAIM))
		put_owner(&b, &c->owner);
	varint_put(&b, c->lifetime_s);
	varint_put(&b, c->remaining_ms);
	if (marks & WIRE_BY)
		put_term(&b, c->remaining_by.term, c->remaining_by.node);
	put_fields(&b, c);
	return put_whole(w, &b);
}

static void get_mtu(struct net_rd *r, struct record_copy *out)
{
	out->mtu = net_rd_u16(r);
	out->mtu_age_s = net_rd_u16(r);
	if (out->mtu < MTU_LEAST || out->mtu_age_s >= RECORD_MTU_AGE_S)
		r->bad = true;
}

/* From the first that is not known on all are kept, as they are. */
static int keep_rest(struct net_rd *r, const uint8_t *from, struct record_copy *out)
{
	size_t len = (size_t)(r->end - from);

	if (len > RECORD_EXTRA_MAX)
		return -ENOTSUP;
	out->extra = from;
	out->extra_len = (uint8_t)len;
	return 0;
}

/* Cuts the next field out; false: there is none, or it is broken (then r->bad). */
static bool next_field(struct net_rd *r, uint8_t *number, struct net_rd *value)
{
	uint8_t last = *number;

	if (net_rd_left(r) == 0)
		return false;
	*number = net_rd_u8(r);
	*value = net_rd_sub(r, net_rd_u8(r));
	if (*number <= last) /* in order, so none comes twice */
		r->bad = true;
	return !r->bad;
}

static int get_fields(struct net_rd *r, struct record_copy *out)
{
	const uint8_t *at = r->p, *unknown = NULL;
	struct net_rd value;
	uint8_t number = 0;
	int ret = 0;

	for (; next_field(r, &number, &value); at = r->p) {
		if (number == FIELD_STAMP) {
			get_stamp(&value, &out->stamp);
		} else if (number == FIELD_MTU) {
			get_mtu(&value, out);
		} else {
			unknown = unknown == NULL ? at : unknown;
			ret = number >= FIELD_CRITICAL ? -ENOTSUP : ret;
			continue;
		}
		if (value.bad || net_rd_left(&value) > 0)
			r->bad = true;
	}
	if (r->bad)
		return -EBADMSG;
	if (ret == 0 && unknown != NULL)
		ret = keep_rest(r, unknown, out);
	return ret;
}

/* What no record can be, whoever wrote it. */
static bool is_possible(const struct record_copy *c, uint8_t marks)
{
	if (!(marks & WIRE_NO_COA) && ip6_is_unspecified(&c->coa))
		return false; /* that has another form */
	if (!(marks & WIRE_CLAIM) && is_claim(c))
		return false;
	if ((marks & WIRE_BY) && owner_term_cmp(c->remaining_by, owner_term(&c->owner)) == 0)
		return false;
	if (c->state == RECORD_LIVE && (c->lifetime_s == 0 || ip6_is_unspecified(&c->coa)))
		return false;
	return c->remaining_ms <= record_lasts_most_ms(c->state, c->lifetime_s);
}

static int get_body(struct net_rd *r, uint8_t marks, struct record_copy *out)
{
	out->state = marks & WIRE_TOMBSTONE ? RECORD_TOMBSTONE : RECORD_LIVE;
	out->order = marks & WIRE_STAMP_ORDER ? RECORD_BY_STAMP : RECORD_BY_SEQUENCE;
	out->flags = net_rd_u16(r);
	net_rd_ip6(r, &out->hoa);
	get_ha(r, &out->hoa, &out->ha);
	if (!(marks & WIRE_NO_COA))
		net_rd_ip6(r, &out->coa);
	get_content(r, &out->content);
	if (marks & WIRE_CLAIM)
		out->owner = order_claim(&out->content);
	else
		get_owner(r, &out->owner);
	out->lifetime_s = (uint32_t)varint_get(r, RECORD_LIFETIME_MAX_S);
	out->remaining_ms = (uint32_t)varint_get(r, RECORD_LIFETIME_MAX_S * 1000ULL);
	out->remaining_by = owner_term(&out->owner);
	if (marks & WIRE_BY) {
		out->remaining_by.term = varint_get(r, OWNER_TERM_MAX) & OWNER_TERM_MAX;
		out->remaining_by.node = net_rd_u8(r); /* 0: nobody's, from a store */
	}
	if (r->bad || !is_possible(out, marks))
		return -EBADMSG;
	return get_fields(r, out);
}

int record_wire_get(struct net_rd *r, struct record_copy *out)
{
	struct net_rd body = get_whole(r, RECORD_WIRE_BODY_MAX);
	uint8_t marks = net_rd_u8(&body);

	*out = (struct record_copy){ 0 };
	if (body.bad)
		return -EBADMSG;
	if (marks & ~WIRE_MARKS)
		return -ENOTSUP;
	return get_body(&body, marks, out);
}

/* --- pairs --- */

bool seen_wire_put(struct net_wr *w, const struct seen_pair *p)
{
	uint8_t buf[SEEN_WIRE_MAX];
	struct net_wr b = net_wr_init(buf, sizeof(buf));

	net_wr_u8(&b, p->value.order == RECORD_BY_STAMP ? WIRE_STAMP_ORDER : 0);
	net_wr_ip6(&b, &p->hoa);
	put_ha(&b, &p->hoa, &p->ha);
	varint_put(&b, p->value.epoch);
	varint_put(&b, p->value.ext_seq);
	put_stamp(&b, PAIR_STAMP, p->value.stamp);
	return put_whole(w, &b);
}

/* A pair is no more than its numbers: fields that are not known are skipped. */
static int get_pair_fields(struct net_rd *r, struct seen_pair *out)
{
	struct net_rd value;
	uint8_t number = 0;
	int ret = 0;

	while (next_field(r, &number, &value)) {
		if (number >= FIELD_CRITICAL)
			ret = -ENOTSUP;
		if (number != PAIR_STAMP)
			continue;
		get_stamp(&value, &out->value.stamp);
		if (value.bad || net_rd_left(&value) > 0)
			r->bad = true;
	}
	return r->bad ? -EBADMSG : ret;
}

int seen_wire_get(struct net_rd *r, struct seen_pair *out)
{
	struct net_rd body = get_whole(r, RECORD_WIRE_BODY_MAX);
	uint8_t marks = net_rd_u8(&body);

	*out = (struct seen_pair){ 0 };
	if (body.bad)
		return -EBADMSG;
	if (marks & ~WIRE_STAMP_ORDER)
		return -ENOTSUP;
	out->value.order = marks & WIRE_STAMP_ORDER ? RECORD_BY_STAMP : RECORD_BY_SEQUENCE;
	net_rd_ip6(&body, &out->hoa);
	get_ha(&body, &out->hoa, &out->ha);
	out->value.epoch = (uint32_t)varint_get(&body, UINT32_MAX);
	out->value.ext_seq = varint_get(&body, UINT64_MAX);
	return body.bad ? -EBADMSG : get_pair_fields(&body, out);
}
