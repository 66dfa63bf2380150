/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's digest round: its questions are answered from what we have, and nothing is remembered but
 * when the round began: what changed here since, streams bring, and the round is not to wait for it.
 */
#include "sync/repair_priv.h"

#define FOLDS 16 /* neighbouring ranges summed up in the time that a record is looked at */

/* --- work --- */

/* A short question may cost much: it is answered while the peer's share of our time lasts. What it
 * costs is known afterwards, and owed. An answer that does not come is asked for again. */
bool answer_may_work(struct engine *e, struct peer *p)
{
	uint64_t ms = e->now_ms - p->work_ms;

	p->work_ms = e->now_ms;
	p->work += (int64_t)((ms < 1000 ? ms : 1000) * WORK_S);
	if (p->work > 1000LL * WORK_MOST)
		p->work = 1000LL * WORK_MOST;
	return p->work > 0 && e->input_work > 0;
}

static void did_work(struct engine *e, struct peer *p, uint32_t records)
{
	e->input_work -= (int32_t)records + 1;
	p->work -= 1000LL * (records + 1);
}

void answer_did_walk(struct engine *e, struct peer *p, const struct between *b)
{
	did_work(e, p, KEYS_WALK_MAX - b->left);
}

/* --- answers --- */

/* Same keys, and counted; else who has the later key takes the other's: now and then, because
 * somebody could always find an older one. */
bool answer_is_comparable(
	struct engine *e, struct peer *p, const struct domain *d, const struct digest_key *theirs)
{
	if (digest_key_cmp(theirs, digest_key_of(d->digest)) < 0 &&
		bucket_take(&p->digest_keys, e->now_ms / (DIGEST_KEY_MS / 1000)))
		(void)digest_key_hear(d->digest, theirs);
	return digest_is_ready(d->digest) && digest_key_cmp(digest_key_of(d->digest), theirs) == 0;
}

static struct domain *asked_about(struct engine *e, struct peer *p, uint32_t id)
{
	struct domain *d = domain_by_id(e, id);

	if (d == NULL || !is_member(d, p->node) || !answer_may_work(e, p))
		return NULL;
	return d;
}

/* When that round began, as far as we know: later where its first questions were lost. */
static void hear_round(struct engine *e, struct peer *p, uint32_t domain, uint32_t round)
{
	struct asks *a = &p->asks;

	if (a->since_ms == 0 || a->domain != domain || a->id != round)
		*a = (struct asks){ .domain = domain, .id = round, .since_ms = e->now_ms };
}

void answer_hear_bits(struct domain *d, const struct peer *p, uint8_t bits)
{
	d->peer_bits[p->node] = bits;
	set_add(d->has_peer_bits, p->node);
}

void repair_digest(struct engine *e, struct peer *p, const struct message_digest *m)
{
	struct domain *d = asked_about(e, p, m->domain);
	struct message_differ out = { .domain = m->domain,
		.round = m->round,
		.bits = m->bits,
		.count = m->count,
		.from = m->from };
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;

	if (d == NULL)
		return;
	hear_round(e, p, m->domain, m->round);
	answer_hear_bits(d, p, m->most);
	out.most = (uint8_t)digest_bits_of(d->digest);
	if (!answer_is_comparable(e, p, d, &m->digest_key) || m->bits > out.most) {
		out.flags |= DIFFER_NOT_NOW;
		did_work(e, p, 1);
	} else {
		for (unsigned i = 0; i < m->count; i++)
			if (digest_fold(d->digest, m->bits, m->from + i).hash != m->hash[i])
				repair_bit_set(out.bitmap, i);
		did_work(e, p, m->count * (1 + digest_fold_steps(d->digest, m->bits) / FOLDS));
	}
	out.digest_key = *digest_key_of(d->digest);
	tx_begin(e, p, buf, &w);
	message_write_differ(&w, &out);
	tx_end(e, p, &w);
}

/* Where that record stands in the list, or -1. Several may have one key (whoever may choose home
 * addresses can see to that): then the one with its hash, else any of them. */
static int listed(const struct message_keys *m, struct message_key k)
{
	unsigned low = 0, high = m->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->key[mid].key < k.key)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == m->count || m->key[low].key != k.key)
		return -1;
	for (unsigned i = low; i < m->count && m->key[i].key == k.key; i++)
		if (m->key[i].hash == k.hash)
			return (int)i;
	return (int)low;
}

/* A record that was listed: */
enum here { NOT_HERE, IS_OTHER, IS_YOUNG, IS_SAME };

/* What was listed, and is not the same here, as far as we have looked: the answer is about no more.
 * What we would refuse is not wanted, it only differs. */
static void want_others(const struct domain *d, const struct message_keys *m,
	const struct between *b, const enum here *here, bool refuses, struct message_want *want)
{
	uint64_t reached;

	if (repair_reached(d, b, &reached))
		want->last = reached;
	else
		want->differ++; /* of more than may be looked at */
	for (unsigned i = 0; i < m->count && m->key[i].key <= want->last; i++) {
		want->differ += here[i] == NOT_HERE || here[i] == IS_OTHER;
		if (here[i] == IS_SAME || (here[i] == NOT_HERE && refuses))
			continue;
		if (here[i] == IS_YOUNG)
			repair_bit_set(want->young, want->count);
		want->key[want->count++] = m->key[i].key;
	}
}

void repair_keys(struct engine *e, struct peer *p, const struct message_keys *m)
{
	struct domain *d = asked_about(e, p, m->domain);
	struct message_want want = {
		.domain = m->domain, .round = m->round, .first = m->first, .last = m->last
	};
	enum here here[MESSAGE_LISTED] = { NOT_HERE };
	struct push x = { .sent = 0 };
	struct between b;
	struct record *r;
	struct net_wr w;
	uint64_t key;

	if (d == NULL || !digest_is_ready(d->digest))
		return;
	hear_round(e, p, m->domain, m->round);
	b = repair_between(d, m->first, m->last);
	push_begin(e, p, &x);
	while ((r = repair_next(e, d, &b, &key)) != NULL) {
		struct message_key k = repair_entry(d, r, key);
		int at = listed(m, k);
		bool is_young = repair_is_young(e, r, p->asks.since_ms);

		if (at >= 0 && m->key[at].hash == k.hash) {
			here[at] = IS_SAME;
			continue;
		}
		if (at < 0)
			want.differ += !is_young;
		else if (here[at] == NOT_HERE)
			here[at] = is_young ? IS_YOUNG : IS_OTHER;
		if (at < 0 && set_has(d->full, p->node))
			continue; /* it would refuse it */
		if (push_may(p, &x))
			push_record(e, p, d, &x, r);
		b.is_enough = x.sent + x.items >= PUSH_MAX;
	}
	answer_did_walk(e, p, &b);
	push_last(e, p, &x);
	want_others(d, m, &b, here, repair_refuses(e, d, p), &want);
	tx_begin_full(e, p, x.buf, &w);
	message_write_want(&w, &want);
	tx_end(e, p, &w);
}
