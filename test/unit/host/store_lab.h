/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store under test: a directory of its own, a producer whose records are numbers, and a model of
 * what was ever put. Put number g says that home address `key` is in state g: its lifetime in
 * seconds is g, or, where it is a pair last seen that is put, its number. So what a store tells can be held against the history: it has to be what the
 * history was at one moment.
 */
#pragma once

#include "test.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "host/store.h"
#include "host/store_dir.h"
#include "records/feed.h"
#include "records/image.h"
#include "records/records.h"
#include "records/seen.h"

#define KEYS      40
#define PUTS_MAX  200000
#define FEED_SIZE 1024

#define LAB_CLOCK_MS 1700000000000 /* ahead of CLOCK_MONOTONIC */
#define LAB_LASTS_MS 3600000 /* a binding */

static struct {
	char base[64]; /* where all of a test's directories are */
	char path[96];
	struct store_opts opts;
	struct feed *feed;
	struct store *store;
	struct store_start start;
	char err[1024];

	uint32_t history[PUTS_MAX + 1]; /* the key of each put */
	uint64_t puts;
	uint64_t now[KEYS]; /* the newest put of each key */
	bool walking;

	/* what was read */
	uint64_t told[KEYS];
	uint64_t told_count, told_pairs;
	int64_t left_ms; /* until the end of the last one that was told... */
	int64_t least_ms, most_ms; /* ...and of all of them */
	bool has_clock;
	uint64_t now_ms; /* by the clock of the file that was read last */
	bool has_ended;
	uint64_t room; /* records that there is room for, 0: any number */
} lab;

static const char *const lab_domains[] = { "alpha", "beta" };
static const bool lab_waits[] = { true, false, false }; /* for the store; one to spare */

/* --- directories --- */

#define NAME 4608 /* octets of any path here */

static inline void lab_name(char out[static NAME], const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void lab_name(char out[static NAME], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	assert_in_range(vsnprintf(out, NAME, fmt, ap), 1, NAME - 1);
	va_end(ap);
}

static inline struct buf lab_read(const char *path)
{
	struct buf b = { NULL, 0 };
	int fd = open(path, O_RDONLY);
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	b.p = malloc((size_t)st.st_size + 1);
	b.n = (size_t)st.st_size;
	assert_int_equal(read(fd, b.p, b.n), b.n);
	close(fd);
	return b;
}

static inline void lab_write(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

/* What a killed process leaves behind is what is in the files at this moment. */
static inline void lab_copy(const char *from, const char *to)
{
	struct dirent **list;
	/* not opendir(): tsan sees it close a descriptor, but not open it, and takes that for the one
	 * of this number that the store's thread had before */
	int count = scandir(from, &list, NULL, alphasort);
	char a[NAME], b[NAME];

	(void)tree_remove(to);
	assert_int_equal(mkdir(to, 0700), 0);
	for (int i = 0; i < count; i++) {
		if (list[i]->d_name[0] != '.') {
			struct buf octets;

			lab_name(a, "%s/%s", from, list[i]->d_name);
			lab_name(b, "%s/%s", to, list[i]->d_name);
			octets = lab_read(a);
			lab_write(b, octets.p, octets.n);
			buf_free(&octets);
		}
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

/* The n-th entry of a directory whose name ends so, in order; "" if there are fewer. */
static inline const char *lab_entry(const char *path, const char *suffix, unsigned n)
{
	static char name[NAME];
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	name[0] = '\0';
	for (int i = 0; i < count; i++) {
		size_t len = strlen(list[i]->d_name), tail = strlen(suffix);

		if (len >= tail && strcmp(list[i]->d_name + len - tail, suffix) == 0 && n-- == 0)
			lab_name(name, "%s/%s", path, list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return name;
}

static inline unsigned lab_files(const char *path)
{
	unsigned n = 0;

	while (*lab_entry(path, ".seg", n) != '\0')
		n++;
	return n;
}

/* --- reading --- */

static inline void lab_clock(void *ctx, uint64_t now_ms)
{
	(void)ctx;
	assert_false(lab.has_ended);
	lab.has_clock = true;
	lab.now_ms = now_ms;
}

static inline int lab_domain(void *ctx, const char *name)
{
	(void)ctx;
	for (unsigned i = 0; i < DIM(lab_domains); i++)
		if (strcmp(name, lab_domains[i]) == 0)
			return (int)i;
	return -1;
}

static inline int lab_record(void *ctx, int domain, const struct record_image *r)
{
	unsigned key = r->hoa.b[15];

	(void)ctx;
	assert_true(lab.has_clock && !lab.has_ended);
	assert_true(key < KEYS);
	assert_int_equal(domain, (int)(key % DIM(lab_domains)));
	assert_int_equal(r->seq, r->lifetime_s & 0xffff);
	lab.left_ms = (int64_t)(r->ends_ms - lab.now_ms);
	if (lab.told_count == 0 || lab.left_ms < lab.least_ms)
		lab.least_ms = lab.left_ms;
	if (lab.told_count == 0 || lab.left_ms > lab.most_ms)
		lab.most_ms = lab.left_ms;
	lab.told[key] = r->lifetime_s;
	lab.told_count++;
	return 0;
}

/* Some keys are those of pairs. */
static inline bool lab_is_pair(unsigned key)
{
	return key % 7 == 6;
}

static inline unsigned lab_records(void)
{
	unsigned n = 0;

	for (unsigned k = 0; k < KEYS; k++)
		n += !lab_is_pair(k);
	return n;
}

static inline int lab_seen(void *ctx, int domain, const struct seen_pair *p)
{
	unsigned key = p->hoa.b[15];

	(void)ctx;
	assert_true(lab.has_clock && !lab.has_ended);
	assert_true(key < KEYS && lab_is_pair(key));
	assert_int_equal(domain, (int)(key % DIM(lab_domains)));
	assert_int_equal(p->ha.b[15], key + 1);
	assert_int_equal(p->value.epoch, 3);
	assert_int_equal(p->value.stamp, p->value.ext_seq + 5);
	lab.told[key] = p->value.ext_seq;
	lab.told_pairs++;
	return 0;
}

static inline int lab_told_all(void *ctx)
{
	(void)ctx;
	assert_true(lab.has_clock && !lab.has_ended);
	lab.has_ended = true;
	return lab.room > 0 && lab.told_count > lab.room ? -ENOSPC : 0;
}

static const struct store_reader lab_reader = {
	.clock = lab_clock,
	.domain = lab_domain,
	.record = lab_record,
	.seen = lab_seen,
	.end = lab_told_all,
};

/* What was told is the history up to some put, and that is no earlier than `least`. */
static inline void lab_check_history(uint64_t least)
{
	uint64_t was[KEYS] = { 0 }, upto = 0;

	for (unsigned k = 0; k < KEYS; k++)
		if (lab.told[k] > upto)
			upto = lab.told[k];
	if (upto < least)
		fail_msg("told up to %" PRIu64 ", %" PRIu64 " was promised", upto, least);
	assert_true(upto <= lab.puts);
	for (uint64_t g = 1; g <= upto; g++)
		was[lab.history[g]] = g;
	for (unsigned k = 0; k < KEYS; k++)
		if (was[k] != lab.told[k])
			fail_msg("key %u: told %" PRIu64 ", at put %" PRIu64 " it was %" PRIu64, k,
				lab.told[k], upto, was[k]);
}

static inline void lab_check_all(void)
{
	lab_check_history(0);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], lab.now[k]);
}

/* --- the store --- */

static inline void lab_begin(void)
{
	memset(&lab, 0, sizeof(lab));
	log_set_level(LOG_ERR);
	/* in memory where that is possible: thousands of stores that are forced to disk take time */
	snprintf(lab.base, sizeof(lab.base), "%s/hamd-store-test-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(lab.base));
	snprintf(lab.path, sizeof(lab.path), "%s/s", lab.base);
	lab.opts = (struct store_opts){
		.path = lab.path,
		.sync_ms = 2,
		.domains = lab_domains,
		.waits = lab_waits,
		.domain_count = DIM(lab_domains),
		.clock_ms = LAB_CLOCK_MS,
	};
}

static inline void lab_end(void)
{
	(void)tree_remove(lab.base);
}

/* Opens and starts; what it returned. A new feed every time: a new run of the daemon. */
static inline int lab_open(const char *path)
{
	int ret;

	memset(lab.told, 0, sizeof(lab.told));
	lab.told_count = lab.told_pairs = 0;
	lab.has_clock = lab.has_ended = false;
	assert_int_equal(feed_new(FEED_SIZE, &lab.feed), 0);
	lab.opts.path = path;
	lab.opts.feed = lab.feed;
	ret = store_open(&lab.opts, &lab_reader, &lab.store, &lab.start, lab.err, sizeof(lab.err));
	if (ret < 0) {
		feed_free(lab.feed);
		return ret;
	}
	assert_int_equal(store_run(lab.store, lab.err, sizeof(lab.err)), 0);
	return 0;
}

static inline void lab_start(void)
{
	if (lab_open(lab.path) < 0)
		fail_msg("%s", lab.err);
}

static inline void lab_stop(void)
{
	feed_flush(lab.feed);
	store_stop(lab.store, true);
	feed_free(lab.feed);
}

/* As if it had been killed at this moment. */
static inline void lab_kill(void)
{
	char copy[NAME];

	lab_name(copy, "%s/killed", lab.base);
	lab_copy(lab.path, copy);
	lab_stop();
	lab_copy(copy, lab.path);
}

/* Reads a directory and says what is in it; it is as it was afterwards. */
static inline int lab_look(const char *path)
{
	int ret = lab_open(path);

	if (ret == 0)
		lab_stop();
	return ret;
}

static inline void pause_us(long us)
{
	struct timespec ts = { .tv_nsec = us * 1000 };

	nanosleep(&ts, NULL);
}

static inline struct feed_item *lab_room(void)
{
	struct feed_item *it;

	for (unsigned i = 0; (it = feed_room(lab.feed)) == NULL; i++) {
		feed_flush(lab.feed);
		assert_true(i < 100000);
		pause_us(100);
	}
	return it;
}

static inline void lab_put_item(enum feed_kind kind, unsigned key, uint64_t g)
{
	struct feed_item *it = lab_room();

	if (kind == FEED_RECORD && lab_is_pair(key)) {
		*it = (struct feed_item){ .mark = lab.puts, .kind = FEED_SEEN };
		it->pair = (struct seen_pair){
			.hoa = { { 0x20, [15] = (uint8_t)key } },
			.ha = { { 0x20, [15] = (uint8_t)(key + 1) } },
			.domain = (uint16_t)(key % DIM(lab_domains)),
			.value = { .epoch = 3, .ext_seq = g, .stamp = g + 5 },
		};
		feed_put(lab.feed);
		return;
	}
	*it = (struct feed_item){
		.mark = lab.puts,
		.kind = kind,
		.image = {
			.hoa = { { 0x20, [15] = (uint8_t)key } },
			.ends_ms = store_own_ms(LAB_CLOCK_MS) + LAB_LASTS_MS,
			.lifetime_s = (uint32_t)g,
			.seq = (uint16_t)g,
			.domain = (uint16_t)(key % DIM(lab_domains)),
			.state = RECORD_LIVE,
		},
	};
	feed_put(lab.feed);
}

/* Changes a record; flushed by lab_flush(). */
static inline void lab_put(unsigned key)
{
	assert_true(lab.puts < PUTS_MAX);
	lab.puts++;
	lab.history[lab.puts] = key;
	lab.now[key] = lab.puts;
	lab_put_item(FEED_RECORD, key, lab.puts);
}

static inline void lab_flush(void)
{
	feed_flush(lab.feed);
}

/* All records, as the control core does it when it is asked. */
static inline void lab_checkpoint(void)
{
	lab_put_item(FEED_BEGIN, 0, 0);
	for (unsigned k = 0; k < KEYS; k++)
		if (lab.now[k] != 0)
			lab_put_item(FEED_RECORD, k, lab.now[k]);
	lab_put_item(FEED_END, 0, 0);
	lab_flush();
}

static inline bool lab_answer(void)
{
	bool wanted = feed_wants_all(lab.feed);

	if (wanted)
		lab_checkpoint();
	return wanted;
}

#define WAIT_FOR(what)                                                                             \
	do {                                                                                       \
		for (unsigned wait_i = 0; !(what); wait_i++) {                                     \
			if (wait_i > 50000)                                                        \
				fail_msg("never came: %s", #what);                                 \
			pause_us(100);                                                             \
		}                                                                                  \
	} while (0)

static inline void lab_wait_written(void)
{
	lab_flush();
	WAIT_FOR(feed_written(lab.feed) >= lab.puts);
}

static inline void lab_wait_synced(void)
{
	lab_flush();
	WAIT_FOR(feed_synced(lab.feed) >= lab.puts);
}

static inline void lab_wait_checkpoints(uint64_t n)
{
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_CHECKPOINTS) >= n);
}
