/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: records and pairs as another site sends them, one behind the other; a first octet that is
 * odd says that pairs follow. What is taken has exactly one form, can be merged and stored.
 */
#include "fuzz.h"

#include <errno.h>

#include "records/copy.h"
#include "records/seen.h"
#include "records/wire.h"

/* What was taken is sent on as it came. */
static void check_same(const uint8_t *was, size_t len, const struct net_wr *w)
{
	FUZZ_CHECK(net_wr_len(w) == len);
	FUZZ_CHECK(memcmp(was, w->base, len) == 0);
}

static void check_possible(const struct record_copy *c)
{
	FUZZ_CHECK(c->state == RECORD_LIVE || c->state == RECORD_TOMBSTONE);
	FUZZ_CHECK(c->order == RECORD_BY_SEQUENCE || c->order == RECORD_BY_STAMP);
	FUZZ_CHECK(c->lifetime_s <= RECORD_LIFETIME_MAX_S);
	FUZZ_CHECK(c->remaining_ms <= record_lasts_most_ms(c->state, c->lifetime_s));
	FUZZ_CHECK(c->content.node != 0 && c->owner.node != 0);
	FUZZ_CHECK(c->extra_len <= RECORD_EXTRA_MAX);
	FUZZ_CHECK(c->mtu == 0 || c->mtu >= 1280);
}

/* Is the merge of two the same, both ways, and can it be sent? */
static void check_merge(const struct record_copy *a, const struct record_copy *b)
{
	uint8_t out[2][RECORD_WIRE_MAX];
	struct record_copy other = *b, m;
	struct net_wr w[2];

	other.hoa = a->hoa;
	for (unsigned i = 0; i < 2; i++) {
		w[i] = net_wr_init(out[i], sizeof(out[i]));
		record_merge(i == 0 ? a : &other, i == 0 ? &other : a, &m);
		check_possible(&m);
		FUZZ_CHECK(record_wire_put(&w[i], &m));
	}
	check_same(out[0], net_wr_len(&w[0]), &w[1]);
}

static void check_store(const struct record_copy *c)
{
	static struct records *rs;
	struct records_opts opts = { .max = 1, .mesh = true };
	struct record_copy again;
	struct record *r;

	if (rs == NULL)
		FUZZ_CHECK(records_new(&opts, &rs) == 0);
	r = records_add(rs, 0, &c->hoa);
	FUZZ_CHECK(record_copy_put(rs, r, c, 1000) == 0);
	record_copy_of(rs, r, 1000, &again);
	FUZZ_CHECK(again.remaining_ms == c->remaining_ms && again.extra_len == c->extra_len);
	FUZZ_CHECK(again.mtu == c->mtu && again.mtu_age_s == c->mtu_age_s);
	records_del(rs, r);
}

static int check_record(struct net_rd *r)
{
	static struct record_copy last;
	static uint8_t last_extra[RECORD_EXTRA_MAX];
	const uint8_t *from = r->p;
	uint8_t out[RECORD_WIRE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out));
	struct record_copy c;
	int ret = record_wire_get(r, &c);

	FUZZ_CHECK(ret == 0 || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret < 0)
		return ret;
	check_possible(&c);
	FUZZ_CHECK(record_wire_put(&w, &c));
	check_same(from, (size_t)(r->p - from), &w);
	check_store(&c);
	if (last.state != 0)
		check_merge(&c, &last);
	last = c;
	memcpy(last_extra, c.extra_len > 0 ? c.extra : last_extra, c.extra_len);
	last.extra = last_extra;
	return 0;
}

static int check_pair(struct net_rd *r)
{
	uint8_t out[SEEN_WIRE_MAX], twice[SEEN_WIRE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out)), v = net_wr_init(twice, sizeof(twice));
	struct seen_pair p;
	int ret = seen_wire_get(r, &p);
	struct net_rd again;

	FUZZ_CHECK(ret == 0 || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret < 0)
		return ret;
	FUZZ_CHECK(seen_wire_put(&w, &p));
	again = net_rd_init(out, net_wr_len(&w));
	FUZZ_CHECK(seen_wire_get(&again, &p) == 0 && net_rd_left(&again) == 0);
	FUZZ_CHECK(seen_wire_put(&v, &p));
	check_same(out, net_wr_len(&w), &v);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_rd r;

	if (size == 0)
		return 0;
	r = net_rd_init(data + 1, size - 1);
	while (net_rd_left(&r) > 0) {
		size_t left = net_rd_left(&r);
		int ret = data[0] % 2 == 0 ? check_record(&r) : check_pair(&r);

		FUZZ_CHECK(ret == -EBADMSG || net_rd_left(&r) < left);
		if (r.bad)
			break;
	}
	return 0;
}
