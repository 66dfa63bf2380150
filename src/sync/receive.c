/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's streams to us: every piece is applied when it comes, in whichever order, because merging
 * does not mind; but what is acknowledged is a position up to which there is no gap, with the gaps
 * behind it. A piece that could not be applied is as good as lost: it comes again.
 */
#include <errno.h>
#include <string.h>

#include "common/plant.h"
#include "records/seen.h"
#include "records/wire.h"
#include "sync/engine_priv.h"

static_assert(MESSAGE_HEADER + STREAM_COUNT * MESSAGE_ACK_MAX + MESSAGE_REFUSED_MAX + 41 + 6 +
			      RECORD_WIRE_MAX <=
		      ENGINE_DATAGRAM,
	"the longest record fits, with delta and section, behind all acknowledgements");

/* --- positions --- */

static bool is_known(const struct in *in, uint64_t first, uint64_t last)
{
	if (last <= in->until)
		return true;
	for (unsigned i = 0; i < in->aheads; i++)
		if (in->ahead[i].first <= first && last <= in->ahead[i].last)
			return true;
	return false;
}

static void remove_ahead(struct in *in, unsigned i, unsigned n)
{
	memmove(&in->ahead[i], &in->ahead[i + n], (in->aheads - i - n) * sizeof(in->ahead[0]));
	in->aheads = (uint8_t)(in->aheads - n);
}

/* Behind a gap: apart from its neighbours, or together with them. False: no room to remember it. */
static bool note_ahead(struct in *in, uint64_t first, uint64_t last)
{
	unsigned i = 0, n = 0;

	while (i < in->aheads && in->ahead[i].last + 1 < first)
		i++;
	while (i + n < in->aheads && in->ahead[i + n].first <= last + 1) {
		if (in->ahead[i + n].first < first)
			first = in->ahead[i + n].first;
		if (in->ahead[i + n].last > last)
			last = in->ahead[i + n].last;
		n++;
	}
	if (n > 0) {
		in->ahead[i] = (struct message_hole){ first, last };
		remove_ahead(in, i + 1, n - 1);
		return true;
	}
	if (in->aheads == AHEAD_MAX)
		return false;
	memmove(&in->ahead[i + 1], &in->ahead[i], (in->aheads - i) * sizeof(in->ahead[0]));
	in->ahead[i] = (struct message_hole){ first, last };
	in->aheads++;
	return true;
}

static bool note(struct in *in, uint64_t first, uint64_t last)
{
	if (first > in->until + 1)
		return note_ahead(in, first, last);
	if (last > in->until)
		in->until = last;
	while (in->aheads > 0 && in->ahead[0].first <= in->until + 1) {
		if (in->ahead[0].last > in->until)
			in->until = in->ahead[0].last;
		remove_ahead(in, 0, 1);
	}
	return true;
}

/* As far as what was applied behind gaps reaches without one. */
static uint64_t reach(const struct in *in, uint64_t until)
{
	for (unsigned i = 0; i < in->aheads && in->ahead[i].first <= until + 1; i++)
		if (in->ahead[i].last > until)
			until = in->ahead[i].last;
	return until;
}

uint64_t receive_until(const struct in *in, const struct domain *d)
{
	uint64_t until = reach(in, in->until);

	if (in->but.last <= until || in->but.first > until + 1 || in->but_of == d->index)
		return until;
	return reach(in, in->but.last);
}

/* All of it was applied but what waits for room, in one domain or (NOBODY) several. */
static void note_put_off(struct in *in, uint64_t first, uint64_t last, uint16_t domain)
{
	if (domain == NOBODY)
		return;
	if (in->but.last <= in->until) {
		in->but = (struct message_hole){ first, last };
		in->but_of = domain;
	} else if (domain == in->but_of && first <= reach(in, in->but.last) + 1 &&
		   last > in->but.last) {
		in->but.last = last;
	}
}

/* --- items --- */

/* What became of all items of a message. */
struct outcome {
	uint32_t put_off; /* so much must come again, because there is no room for it now */
	uint16_t put_off_of; /* ... in this domain, by index; NOBODY: in several */
	bool is_patient; /* it may still wait for room */
	bool is_too_fast; /* all must, nothing of it was looked at: more comes than records-per-s */
	struct refused refused; /* something is not held here */
	uint64_t at; /* position of the message */
	uint32_t items;
};

/* Whether another message may come. What it holds is taken as a whole and owed for, so that a peer
 * that sends too much gets on all the same, at the rate that it has. */
static bool is_within_rate(struct engine *e, struct peer *p)
{
	int64_t most = 1000LL * e->opts.records_s;
	uint64_t ms = e->now_ms - p->records_ms;

	p->records_ms = e->now_ms;
	p->records += (int64_t)((ms < 1000 ? ms : 1000) * e->opts.records_s);
	if (p->records > most)
		p->records = most;
	return p->records > 0;
}

static void put_off(const struct domain *d, struct outcome *o)
{
	if (o->put_off++ == 0)
		o->put_off_of = d->index;
	else if (o->put_off_of != d->index)
		o->put_off_of = NOBODY;
}

static void count(
	struct engine *e, struct peer *p, struct domain *d, struct outcome *o, enum applied a)
{
	if (a == APPLY_LATER && !o->is_patient) {
		apply_give_up(e, p, d);
		a = APPLY_REFUSED;
	}
	o->items++;
	p->records -= 1000;
	p->info.records_in++;
	p->info.records_newer += a == APPLY_NEWER;
	if (a == APPLY_LATER)
		put_off(d, o);
	if (a == APPLY_REFUSED)
		refused_note(&o->refused, d->conf.id, o->at);
}

struct item {
	int ret; /* 0, -ENOTSUP, -EBADMSG as records/wire.h has them */
	union {
		struct record_copy record;
		struct seen_pair pair;
	};
};

/* The next ones, up to one that makes no sense. Returns how many. */
static uint32_t read_items(struct net_rd *items, bool is_pair, struct item batch[ENGINE_AHEAD])
{
	uint32_t n = 0;

	while (n < ENGINE_AHEAD && net_rd_left(items) > 0) {
		struct item *it = &batch[n++];

		it->ret = is_pair ? seen_wire_get(items, &it->pair)
				  : record_wire_get(items, &it->record);
		if (it->ret == -EBADMSG)
			break;
	}
	return n;
}

static void prefetch(
	struct engine *e, const struct domain *d, const struct item batch[ENGINE_AHEAD], uint32_t n)
{
	const struct record_copy *c[ENGINE_AHEAD];
	uint32_t records = 0;

	for (uint32_t i = 0; i < n; i++)
		if (batch[i].ret == 0)
			c[records++] = &batch[i].record;
	apply_prefetch(e, d, c, records);
}

static void apply_item(struct engine *e, struct peer *p, struct domain *d, struct item *it,
	bool is_pair, struct outcome *o)
{
	if (it->ret < 0) {
		refused_note(&o->refused, d->conf.id, o->at);
		p->info.refused++;
		p->info.malformed += it->ret != -ENOTSUP;
		return;
	}
	if (!is_pair) {
		count(e, p, d, o, apply_record(e, p, d, &it->record));
		return;
	}
	it->pair.domain = d->conf.number;
	it->pair.origin = p->node;
	count(e, p, d, o, apply_seen(e, p, d, &it->pair));
}

/* Up to the first one that is put off: other domains do not wait for this one. */
static void apply_section(struct engine *e, struct peer *p, struct domain *d, struct net_rd *items,
	bool is_pair, struct outcome *o)
{
	struct item batch[ENGINE_AHEAD];
	uint32_t n, before = o->put_off;

	do {
		n = read_items(items, is_pair, batch);
		if (!is_pair)
			prefetch(e, d, batch, n);
		for (uint32_t i = 0; i < n && o->put_off == before; i++)
			apply_item(e, p, d, &batch[i], is_pair, o);
	} while (n > 0 && batch[n - 1].ret != -EBADMSG && o->put_off == before);
}

static void apply_sections(
	struct engine *e, struct peer *p, struct net_rd *sections, bool is_pair, struct outcome *o)
{
	struct net_rd items;
	uint32_t id;
	int ret;

	if (!is_within_rate(e, p)) {
		o->is_too_fast = true;
		return;
	}
	while ((ret = message_read_section(sections, &id, &items)) > 0) {
		struct domain *d = domain_by_id(e, id);

		if (d != NULL && is_member(d, p->node)) {
			apply_section(e, p, d, &items, is_pair, o);
			continue;
		}
		refused_note(&o->refused, id, o->at);
		if (p->info.refused++ == 0)
			tell(e, ENGINE_EV_FOREIGN, NULL, p->node, 0);
	}
	if (ret < 0) {
		p->info.malformed++;
		refused_note_all(&o->refused, o->at); /* of which domain it was nobody knows */
	}
}

/* --- messages --- */

static void count_datagram(struct engine *e, struct peer *p, const struct message_delta *m)
{
	p->info.received++;
	p->received++;
	if (is_later(m->number, p->highest))
		p->highest = m->number;
	if (p->unacked++ == 0)
		p->ack_ms = e->now_ms;
}

static void begin(
	const struct engine *e, struct peer *p, struct in *in, const struct message_delta *m)
{
	*in = (struct in){ .id = m->id, .until = m->base - 1, .begun_ms = e->now_ms };
	if (m->stream == STREAM_SNAPSHOT)
		snapshot_begins(p, in, m->base);
}

static void snapshot_piece(
	struct engine *e, struct peer *p, const struct message_delta *m, const struct outcome *o)
{
	struct in *in = &p->in[STREAM_SNAPSHOT];

	in->flags &= m->flags;
	if (m->flags & DELTA_END)
		in->end = m->last;
	snapshot_heard(e, p, o->items);
}

void receive_delta(struct engine *e, struct peer *p, struct message_delta *m)
{
	struct in *in = &p->in[m->stream];
	struct outcome o = { .is_patient = in->put_off_ms == 0 ||
					   e->now_ms - in->put_off_ms < PUT_OFF_MS,
		.at = m->last };

	count_datagram(e, p, m);
	if (m->stream == STREAM_SNAPSHOT && in->id != m->id && !snapshot_is_ours(e, p, m))
		return;
	if (m->id < in->id || m->id == 0)
		return;
	if (m->id > in->id)
		begin(e, p, in, m);
	in->ack_due = true;
	p->ack_now |= (m->flags & DELTA_ACK_NOW) != 0;
	if (is_known(in, m->first, m->last))
		return;
	if (!planted(PLANT_ACK_BEFORE_APPLY) || m->number % 8 != 0)
		apply_sections(e, p, &m->sections, (m->flags & DELTA_SEEN) != 0, &o);
	/* lost here as by a full queue: the peer must hear that, or it goes on as fast */
	p->received -= o.is_too_fast;
	if ((m->flags & DELTA_TOLD) && (in->told == 0 || m->last < in->told))
		in->told = m->last;
	if (o.put_off > 0) {
		note_put_off(in, m->first, m->last, o.put_off_of);
		if (in->put_off_ms == 0)
			in->put_off_ms = e->now_ms;
	}
	if (o.put_off > 0 || o.is_too_fast) {
		if (m->stream == STREAM_SNAPSHOT)
			snapshot_put_off(e, p);
		return;
	}
	refused_add(&in->refused, &o.refused);
	if (!note(in, m->first, m->last))
		return;
	if (in->until >= m->last)
		in->put_off_ms = 0; /* the oldest that waits is another one now */
	p->ack_now |= in->aheads > 0;
	if (m->stream == STREAM_SNAPSHOT)
		snapshot_piece(e, p, m, &o);
}

void receive_records(struct engine *e, struct peer *p, struct net_rd *sections)
{
	struct outcome o = { .is_patient = true };

	e->is_repairing = true;
	apply_sections(e, p, sections, false, &o);
	e->is_repairing = false;
}

/* --- acknowledgements --- */

static void list_full(const struct engine *e, const struct peer *p, struct message_ack *m)
{
	for (uint32_t i = 0; i < e->domain_count; i++) {
		const struct domain *d = &e->domain[i];
		uint64_t refused_ms = d->refused_ms[p->node];

		if (refused_ms == 0 || e->now_ms - refused_ms >= REFUSED_MS)
			continue;
		if (m->full_count == MESSAGE_FULL) {
			m->flags |= ACK_FULL;
			return;
		}
		m->full[m->full_count++] = d->conf.id;
	}
}

static void write_ack(struct engine *e, const struct peer *p, unsigned s, struct net_wr *w)
{
	const struct in *in = &p->in[s];
	struct message_ack m = { .stream = (uint8_t)s,
		.id = in->id,
		.highest = p->highest,
		.received = p->received,
		.until = in->until,
		.refused = { .any = in->refused.any, .rest = in->refused.any } };
	uint64_t at = in->until;

	/* a snapshot is of one domain, and of what was seen nobody waits to be held */
	if (s == STREAM_CHANGES)
		m.refused = in->refused;
	list_full(e, p, &m);
	for (unsigned i = 0; i < in->aheads && i < MESSAGE_HOLES; i++) {
		m.hole[i] = (struct message_hole){ at + 1, in->ahead[i].first - 1 };
		at = in->ahead[i].last;
		m.hole_count++;
	}
	message_write_ack(w, &m);
}

void receive_say_now(struct peer *p)
{
	for (unsigned s = 0; s < STREAM_COUNT; s++)
		p->in[s].ack_due |= p->in[s].id != 0;
	p->ack_now = true;
}

/* "Full" is said by acknowledgements, so one without it ends it. */
static void tell_room(struct engine *e, struct domain *d, struct peer *p)
{
	uint8_t *told = &d->room_told[p->node];

	if (e->now_ms - d->refused_ms[p->node] < REFUSED_MS * (1ULL + *told))
		return;
	receive_say_now(p);
	if (++*told == ROOM_TOLD)
		set_del(d->refusing, p->node);
}

void receive_room(struct engine *e, struct domain *d)
{
	for (uint8_t node = set_next(d->refusing, 0); node != 0; node = set_next(d->refusing, node))
		tell_room(e, d, e->peer[node]);
}

bool receive_has_acks(const struct engine *e, const struct peer *p)
{
	return p->ack_now || p->unacked >= ACK_EVERY ||
	       (p->unacked > 0 && e->now_ms - p->ack_ms >= ACK_DELAY_MS);
}

void receive_acks(struct engine *e, struct peer *p, struct net_wr *w)
{
	for (unsigned s = 0; s < STREAM_COUNT; s++) {
		if (!p->in[s].ack_due)
			continue;
		write_ack(e, p, s, w);
		p->in[s].ack_due = false;
	}
	p->unacked = 0;
	p->ack_now = false;
}
