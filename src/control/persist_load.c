/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the store to records and tables, once, before the first turn: nobody is served, or told that
 * there is no binding, by a home agent that has not read what it knew.
 *
 * What time it is by the clock that images are of, the store says. Nothing lasts longer than it was
 * granted for.
 *
 * In a mesh every image also says what was last seen of its mobile node at that home agent address,
 * whether anything is left of the binding or not: a pair that a record tells is not told again, so
 * it would be forgotten with the record that came in its place.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/numbers.h"
#include "control/spare.h"
#include "records/copy.h"
#include "records/image.h"
#include "records/order.h"
#include "records/records.h"
#include "records/seen.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

#define TAG "store"

/* A timestamp so far ahead of the clock was accepted by a clock that was wrong. */
#define STAMP_AHEAD_S 86400

struct persist_load {
	uint64_t now_ms; /* by the clock of the images that come now */
	uint64_t read, over, no_place;
	uint32_t longest_s[CONF_DOMAINS_MAX]; /* lifetime granted, of what was read of a domain */
	struct spare spare; /* with times by control's clock */
	struct bc_counts counts[]; /* by number of the record */
};

static struct persist_load *load_new(const struct ctl *ctl)
{
	size_t counts = (records_max(ctl->records) + 1ULL) * sizeof(struct bc_counts);
	struct persist_load *l = calloc(1, sizeof(*l) + counts);

	if (l != NULL)
		l->spare.seed = ctl->seed;
	return l;
}

void persist_load_free(struct persist_load *l)
{
	if (l != NULL)
		spare_free(&l->spare);
	free(l);
}

void ctl_load_clock(void *ctx, uint64_t now_ms)
{
	struct ctl *ctl = ctx;

	if (ctl->load == NULL)
		ctl->load = load_new(ctl);
	if (ctl->load != NULL) /* else the first record says so */
		ctl->load->now_ms = now_ms;
}

int ctl_load_domain(void *ctx, const char *name)
{
	const struct ctl *ctl = ctx;

	for (uint32_t i = 0; i < ctl->conf->domain_count; i++) {
		if (strcmp(ctl->conf->domains[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* How long it still lasts, 0: it is over. */
static uint64_t remaining_ms(const struct ctl *ctl, const struct record_image *image)
{
	uint64_t now_ms = ctl->load->now_ms;
	uint64_t left_ms = image->ends_ms > now_ms ? image->ends_ms - now_ms : 0;
	uint64_t most_ms = record_lasts_most_ms(image->state, image->lifetime_s);

	if (image->state == RECORD_TOMBSTONE && ctl->mesh == NULL)
		most_ms = RECORD_TOMBSTONE_MS; /* it was in a mesh: nobody else may know more now */
	return left_ms < most_ms ? left_ms : most_ms;
}

/* Of the domain, ours or a peer's, which we may have adopted. */
static bool is_agent(const struct conf_domain *d, const struct ip6_addr *ha)
{
	for (uint32_t i = 0; i < d->peer_count; i++)
		if (ip6_eq(ha, &d->peers[i].home_agent_address))
			return true;
	return ip6_eq(ha, &d->home_agent_address);
}

/* Is it still one that this home agent could make? Nothing is sent to where a mobile node was: at
 * home, as a de-registration says. */
static bool has_place(const struct ctl *ctl, uint16_t domain, const struct record_image *image)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];

	return is_agent(d, &image->ha) && ctl_subscriber(ctl, domain, &image->hoa) != NULL &&
	       (image->state != RECORD_LIVE || mip6_is_coa_allowed(ctl, domain, &image->coa));
}

static uint64_t sane_stamp(const struct ctl *ctl, uint64_t stamp)
{
	return ntp_is_after(stamp, ctl->ntp + STAMP_AHEAD_S * NTP_SECOND) ? 0 : stamp;
}

static void load_stamp(struct ctl *ctl, uint16_t domain, const struct record_image *image)
{
	uint64_t stamp = sane_stamp(ctl, image->ntp_last);

	if (stamp != 0)
		(void)mip6_set_stamp(ctl, domain, &image->hoa, &image->ha, stamp);
}

/* --- versions --- */

/* Of an image from before there was a mesh: its last message was taken here, when its lifetime
 * began, and behind all that was read until now. */
static void invent_versions(const struct ctl *ctl, uint16_t domain, struct record_image *image)
{
	const struct seen *seen = mesh_seen_table(ctl);
	uint64_t lasts_ms = 1000ULL * image->lifetime_s;
	uint64_t began_ms = image->ends_ms > lasts_ms ? image->ends_ms - lasts_ms : 0;
	struct seen_value v;

	image->content = (struct content_version){
		.epoch = seen_epoch(seen, domain, &image->hoa),
		.ext_seq = image->seq,
		.hlc = began_ms << HLC_COUNTER_BITS,
		.node = (uint8_t)ctl->conf->node.id,
	};
	if (image->content.epoch > 0 && seen_get(seen, domain, &image->hoa, &image->ha, &v) &&
		v.epoch == image->content.epoch && v.order == RECORD_BY_SEQUENCE)
		image->content.ext_seq = (uint16_t)v.ext_seq == image->seq
						 ? v.ext_seq
						 : version_unwrap(v.ext_seq, image->seq);
	else if (image->content.epoch < UINT32_MAX)
		image->content.epoch++;
	image->owner = order_claim(&image->content);
}

/* 0; -ENOMEM: without the fields that are not known. */
static int set_versions(struct ctl *ctl, struct record *r, const struct record_image *image)
{
	struct record_mesh *m = records_mesh(ctl->records, r);

	m->content = image->content;
	m->owner = image->owner;
	m->remaining_by = image->remaining_by;
	m->order = image->order;
	m->origin = image->owner.node;
	m->flags = image->alone ? RECORD_ALONE : 0;
	return records_set_extra(ctl->records, r, image->extra, image->extra_len);
}

static void note_seen(struct ctl *ctl, const struct seen_pair *pair)
{
	const struct conf_domain *d = &ctl->conf->domains[pair->domain];

	if (conf_mobile_prefix_of(d, &pair->hoa) < 0 || !is_agent(d, &pair->ha))
		return;
	/* full: what is newest of each record is in it */
	(void)seen_raise(
		mesh_seen_table(ctl), pair, d->remember_sequence ? SEEN_REMEMBERED : 0, ctl->ntp);
}

static void note_image(struct ctl *ctl, uint16_t domain, const struct record_image *image)
{
	const struct seen_pair pair = { .hoa = image->hoa,
		.ha = image->ha,
		.domain = domain,
		.value = { .ext_seq = image->content.ext_seq,
			.epoch = image->content.epoch,
			.stamp = sane_stamp(ctl, image->ntp_last),
			.order = image->order } };

	note_seen(ctl, &pair);
}

/* Of an image with times by control's clock. 0; -ENOSPC: there is no room. */
static int load(struct ctl *ctl, const struct record_image *image)
{
	struct record *r = records_find(ctl->records, image->domain, &image->hoa);
	bool is_one_more = image->state == RECORD_LIVE && (r == NULL || r->state != RECORD_LIVE);

	if (is_one_more && records_live(ctl->records) >= ctl->conf->runtime.max_bindings)
		return -ENOSPC;
	if (r == NULL)
		r = records_add(ctl->records, image->domain, &image->hoa);
	if (r == NULL)
		return -ENOSPC;
	r->ha = image->ha;
	r->seq = image->seq;
	r->flags = image->flags;
	r->lifetime_s = image->lifetime_s;
	r->session = image->session;
	r->since_ms = image->since_ms;
	ctl->load->counts[r->handle] = (struct bc_counts){
		.packets_to = image->packets_to,
		.bytes_to = image->bytes_to,
		.packets_from = image->packets_from,
		.bytes_from = image->bytes_from,
	};
	records_set(ctl->records, r, (enum record_state)image->state, &image->coa, image->ends_ms);
	return ctl->mesh != NULL ? set_versions(ctl, r, image) : 0;
}

/* What was known of the home address until now is so no more. */
static void unload(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	struct record *r = records_find(ctl->records, domain, hoa);

	if (r != NULL)
		records_del(ctl->records, r);
	spare_del(&ctl->load->spare, domain, hoa);
}

static int load_or_spare(struct ctl *ctl, uint16_t domain, const struct record_image *image)
{
	uint64_t now_ms = ctl->load->now_ms;
	struct record_image mine = *image;
	int ret;

	mine.domain = domain;
	mine.ends_ms = ctl->now_ms + remaining_ms(ctl, image);
	/* by difference: it may have been before this start of the machine; never to come */
	mine.since_ms = ctl->now_ms - (now_ms > image->since_ms ? now_ms - image->since_ms : 0);
	spare_del(&ctl->load->spare, domain, &image->hoa);
	ret = load(ctl, &mine);
	if (ret < 0) {
		unload(ctl, domain, &image->hoa);
		mine.extra_len = 0; /* the reader's memory */
		ret = spare_put(&ctl->load->spare, &mine);
	}
	return ret;
}

/* What was taken once is not taken again, whether the binding lasts or not, nor at an address that
 * the home agent has got since: no MAC is over that. Numbers of sites of a mesh are apart. */
static void note(struct ctl *ctl, uint16_t domain, struct record_image *image, bool is_taken)
{
	if (ctl->mesh == NULL) {
		load_stamp(ctl, domain, image);
		if (!is_taken && (image->content.node == 0 ||
					 is_agent(&ctl->conf->domains[domain], &image->ha)))
			numbers_note(ctl, domain, &image->hoa, image->seq);
		return;
	}
	if (image->content.node == 0)
		invent_versions(ctl, domain, image);
	note_image(ctl, domain, image);
}

/* The same home address may come again, with what became of it later. */
int ctl_load_record(void *ctx, int number, const struct record_image *image)
{
	struct ctl *ctl = ctx;
	struct record_image known = *image;
	uint16_t domain = (uint16_t)number;
	bool is_over, fits;

	if (ctl->load == NULL)
		return -ENOMEM;
	ctl->load->read++;
	is_over = remaining_ms(ctl, image) == 0;
	fits = number >= 0 && has_place(ctl, domain, image);
	ctl->load->over += is_over;
	ctl->load->no_place += !is_over && !fits;
	if (number < 0)
		return 0;
	if (image->lifetime_s > ctl->load->longest_s[domain])
		ctl->load->longest_s[domain] = image->lifetime_s;
	note(ctl, domain, &known, !is_over && fits);
	if (!is_over && fits)
		return load_or_spare(ctl, domain, &known);
	unload(ctl, domain, &image->hoa);
	return 0;
}

int ctl_load_seen(void *ctx, int number, const struct seen_pair *pair)
{
	struct ctl *ctl = ctx;
	struct seen_pair mine = *pair;

	if (number < 0)
		return 0;
	mine.domain = (uint16_t)number;
	mine.value.stamp = sane_stamp(ctl, pair->value.stamp);
	if (ctl->mesh != NULL) {
		note_seen(ctl, &mine);
		return 0;
	}
	if (mine.value.stamp != 0)
		(void)mip6_set_stamp(ctl, mine.domain, &mine.hoa, &mine.ha, mine.value.stamp);
	/* of another address: of a site of a mesh, for all that one can see */
	if (mine.value.epoch != 0 && is_agent(&ctl->conf->domains[number], &mine.ha))
		numbers_note(ctl, mine.domain, &mine.hoa, (uint16_t)mine.value.ext_seq);
	return 0;
}

/* Who ended has made room by now. */
int ctl_load_end(void *ctx)
{
	struct ctl *ctl = ctx;
	const struct record_image *image;
	uint32_t cursor = 0;
	int ret = 0;

	if (ctl->load == NULL)
		return -ENOMEM;
	while (ret == 0 && (image = spare_next(&ctl->load->spare, &cursor)) != NULL)
		ret = load(ctl, image);
	return ret;
}

/* --- afterwards --- */

static void seed_counts(struct ctl *ctl, const struct record *r)
{
	const struct bc_entry *e = bc_find(ctl->t->bc, &r->hoa);
	const struct bc_counts *c = &ctl->load->counts[r->handle];

	bc_count_to(e, c->packets_to, c->bytes_to);
	bc_count_from(e, c->packets_from, c->bytes_from);
}

static int publish_all(struct ctl *ctl)
{
	uint32_t cursor = 0;
	struct record *r;
	int ret = 0;

	while (ret == 0 && (r = records_next(ctl->records, &cursor)) != NULL) {
		if (ctl->mesh != NULL)
			mesh_loaded(ctl, r);
		if (r->state != RECORD_LIVE)
			continue;
		ret = publish(ctl, r);
		if (ret < 0)
			break;
		seed_counts(ctl, r);
		acct_resume(ctl, r);
	}
	return ret;
}

static void say_loaded(struct ctl *ctl, const struct persist_load *l)
{
	uint32_t live = records_live(ctl->records);

	ctl->counters[CTL_STORE_LOADED] = live;
	ctl->counters[CTL_STORE_LEFT_OUT] = l->no_place;
	log_info(TAG, "read bindings=%u tombstones=%u records=%" PRIu64 " over=%" PRIu64, live,
		records_tombstones(ctl->records), l->read, l->over);
	if (l->no_place > 0)
		log_warn(TAG,
			"left out, because the configuration has no such domain, mobile node, home "
			"agent address or care-of address any more records=%" PRIu64,
			l->no_place);
}

/* May a domain be served from it where nobody answers? Not from a remainder: mobile nodes would be
 * told that they have no binding. */
static void judge_freshness(struct ctl *ctl, const struct ctl_past *past)
{
	bool is_known = ctl->load != NULL && !past->was_damaged && !past->is_lost &&
			!past->has_no_clock;

	for (uint16_t d = 0; ctl->mesh != NULL && d < ctl->conf->domain_count; d++)
		mesh_store_is_fresh(
			ctl, d, is_known && past->away_ms < 1000ULL * ctl->load->longest_s[d]);
}

int ctl_loaded(struct ctl *ctl, const struct ctl_past *past, char *err, size_t err_len)
{
	int ret = 0;

	ctl->counters[CTL_STORE_DAMAGED] = past->was_damaged;
	ctl->counters[CTL_STORE_NO_CLOCK] = past->has_no_clock;
	if (ctl->load != NULL) {
		ret = publish_all(ctl);
		if (ret == 0)
			say_loaded(ctl, ctl->load);
		else
			snprintf(err, err_len, "control: bindings from the store: %s",
				strerror(-ret));
	}
	judge_freshness(ctl, past);
	persist_load_free(ctl->load);
	ctl->load = NULL;
	for (uint16_t d = 0; past->known_ms != NULL && d < ctl->conf->domain_count; d++)
		mip6_has_known(ctl, d, past->known_ms[d]);
	persist_begin(ctl);
	return ret;
}
