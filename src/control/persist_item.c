/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store is told of a record, and of a pair last seen. */
#include <string.h>

#include "control/persist_priv.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

static void put_counts(struct ctl *ctl, const struct record *r, struct record_image *image)
{
	const struct bc_entry *e = r->state == RECORD_LIVE ? bc_find(ctl->t->bc, &r->hoa) : NULL;
	struct bc_counts c = { 0 };

	if (e != NULL)
		bc_counts(ctl->t->bc, e, &c);
	image->packets_to = c.packets_to;
	image->bytes_to = c.bytes_to;
	image->packets_from = c.packets_from;
	image->bytes_from = c.bytes_from;
	if (ctl->persist->counted != NULL)
		ctl->persist->counted[r->handle] = persist_packets_low(&c);
}

/* The pair that its mobile node's messages to that address are ordered by is said by the versions,
 * and by the timestamp, which is that pair's alone. */
static void put_mesh(struct ctl *ctl, const struct record *r, struct feed_item *it)
{
	const struct record_mesh *m = records_mesh(ctl->records, r);
	const struct record_extra *x = records_extra(ctl->records, r);
	struct record_image *image = &it->image;
	struct seen_value seen;

	image->content = m->content;
	image->owner = m->owner;
	image->remaining_by = m->remaining_by;
	image->order = m->order;
	image->alone = (m->flags & RECORD_ALONE) != 0;
	if (seen_get(ctl->persist->seen, r->domain, &r->hoa, &r->ha, &seen))
		image->ntp_last = seen.stamp;
	if (x == NULL || x->len == 0)
		return;
	memcpy(it->extra, x->field, x->len);
	image->extra = it->extra;
	image->extra_len = x->len;
}

void persist_put_record(struct ctl *ctl, struct feed_item *it, const struct record *r)
{
	uint64_t offset = (uint64_t)ctl->persist->clock_ms;

	it->kind = FEED_RECORD;
	it->mark = ctl->persist->marked = ctl->persist->handed;
	it->image = (struct record_image){
		.hoa = r->hoa,
		.ha = r->ha,
		.coa = r->coa,
		.ends_ms = r->ends_ms + offset,
		.since_ms = r->since_ms + offset,
		.session = r->session,
		.lifetime_s = r->lifetime_s,
		.domain = r->domain,
		.seq = r->seq,
		.flags = r->flags,
		.state = r->state,
	};
	if (ctl->mesh != NULL)
		put_mesh(ctl, r, it);
	else if (subs_counts(ctl->subs, r->domain)->has_keys)
		it->image.ntp_last = mip6_stamp(ctl, r->domain, &r->hoa);
	put_counts(ctl, r, &it->image);
	feed_put(ctl->persist->feed);
	ctl->persist->images++;
	ctl_count(ctl, CTL_STORE_RECORDS);
}

bool persist_put_bare(struct persist *p, enum feed_kind kind)
{
	struct feed_item *it = feed_room(p->feed);

	if (it == NULL)
		return false;
	it->kind = kind;
	it->mark = p->marked = p->handed;
	feed_put(p->feed);
	return true;
}

void persist_put_pair(struct ctl *ctl, struct feed_item *it, const struct seen_pair *pair)
{
	it->kind = FEED_SEEN;
	it->mark = ctl->persist->marked = ctl->persist->handed;
	it->pair = *pair;
	feed_put(ctl->persist->feed);
	ctl->persist->images++;
	ctl_count(ctl, CTL_STORE_PAIRS);
}

const struct record *persist_teller(struct ctl *ctl, const struct seen_pair *pair)
{
	const struct record *r = records_find(ctl->records, pair->domain, &pair->hoa);
	const struct record_mesh *m;

	if (r == NULL || !ip6_eq(&r->ha, &pair->ha))
		return NULL;
	if (ctl->mesh == NULL)
		return r; /* it has the number of today */
	m = records_mesh(ctl->records, r);
	return m->order == pair->value.order && m->content.epoch == pair->value.epoch &&
			       m->content.ext_seq == pair->value.ext_seq
		       ? r
		       : NULL;
}
