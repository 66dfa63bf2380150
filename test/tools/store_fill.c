/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a store of so many live bindings, by the store's own code: how long does hamd take to start
 * with it? Binding n, from 1 on, has home address PREFIX + n, a care-of address of its own, and the
 * sequence number 0.
 *
 * usage: store-fill DIRECTORY DOMAIN HOME-AGENT HOME-PREFIX CARE-OF-PREFIX COUNT LIFETIME-S
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ip6.h"
#include "host/store.h"
#include "records/feed.h"
#include "records/records.h"

#define FEED_SIZE 8192

static struct ip6_addr nth(const struct ip6_addr *first, uint32_t n)
{
	struct ip6_addr a = *first;

	for (unsigned i = 0; i < 4; i++)
		a.b[15 - i] = (uint8_t)(n >> 8 * i);
	return a;
}

static void on_clock(void *ctx, uint64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
}

static int on_domain(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return -1;
}

static int on_record(void *ctx, int domain, const struct record_image *image)
{
	(void)ctx;
	(void)domain;
	(void)image;
	return 0;
}

static int on_seen(void *ctx, int domain, const struct seen_pair *pair)
{
	(void)ctx;
	(void)domain;
	(void)pair;
	return 0;
}

static int on_end(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct feed_item *room(struct feed *f)
{
	static const struct timespec pause = { .tv_nsec = 100000 };
	struct feed_item *it;

	while ((it = feed_room(f)) == NULL) {
		feed_flush(f);
		nanosleep(&pause, NULL);
	}
	return it;
}

static void fill(struct feed *f, const struct record_image *first, uint32_t count)
{
	for (uint32_t n = 1; n <= count; n++) {
		struct feed_item *it = room(f);

		*it = (struct feed_item){ .kind = FEED_RECORD, .mark = n, .image = *first };
		it->image.hoa = nth(&first->hoa, n);
		it->image.coa = nth(&first->coa, n);
		feed_put(f);
	}
	feed_flush(f);
}

int main(int argc, char **argv)
{
	const struct store_reader reader = { NULL, on_clock, on_domain, on_record, on_seen,
		on_end };
	static const bool waits[] = { true };
	struct record_image first = { .state = RECORD_LIVE };
	struct store_opts opts = { .sync_ms = 10, .waits = waits, .domain_count = 1 };
	static struct store_start start;
	struct store *store;
	char err[512];

	if (argc != 8 || ip6_parse(argv[3], &first.ha) < 0 || ip6_parse(argv[4], &first.hoa) < 0 ||
		ip6_parse(argv[5], &first.coa) < 0 || feed_new(FEED_SIZE, &opts.feed) < 0) {
		fprintf(stderr, "usage: store-fill DIRECTORY DOMAIN HOME-AGENT HOME-PREFIX "
				"CARE-OF-PREFIX COUNT LIFETIME-S\n");
		return 2;
	}
	opts.path = argv[1];
	opts.domains = (const char *const *)&argv[2];
	first.lifetime_s = (uint32_t)strtoul(argv[7], NULL, 10);
	first.since_ms = store_own_ms(0);
	first.ends_ms = first.since_ms + 1000ULL * first.lifetime_s;
	if (store_open(&opts, &reader, &store, &start, err, sizeof(err)) < 0 ||
		store_run(store, err, sizeof(err)) < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	fill(opts.feed, &first, (uint32_t)strtoul(argv[6], NULL, 10));
	store_stop(store, true);
	feed_free(opts.feed);
	return 0;
}
