/* SPDX-License-Identifier: BSD-3-Clause */
/* The store on a real directory: what is written is read, by whom it may be used, what becomes of
 * files that are not as they should be. What the machine does to it: store_faults_test.c,
 * store_power_test.c, store_look_test.c. */
#include "store_lab.h"

#include <signal.h>
#include <sys/wait.h>

#include "common/crc32c.h"
#include "host/store_file.h"
#include "records/put.h"
#include "rng.h"

static int setup(void **state)
{
	(void)state;
	lab_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_end();
	return 0;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* --- one life after another --- */

static void test_new(void **state)
{
	(void)state;
	snprintf(lab.path, sizeof(lab.path), "%s/a/s", lab.base); /* neither is there */
	umask(0);
	lab_start();
	assert_true(lab.start.is_new);
	assert_false(lab.start.was_moved);
	assert_int_equal(lab.told_count, 0);
	assert_int_equal(mode_of(lab.path), 0700);
	assert_int_equal(mode_of(lab_entry(lab.path, ".seg", 0)), 0600);
	assert_false(feed_wants_all(lab.feed)); /* nothing to write anew */
	lab_stop();
	umask(022);
}

static void test_restart(void **state)
{
	uint64_t rng = rng_start("store");

	(void)state;
	for (unsigned run = 0; run < 5; run++) {
		lab_start();
		assert_int_equal(lab.start.is_new, run == 0);
		assert_int_equal(lab.start.found.is_closed, run > 0);
		assert_int_equal(lab.start.found.is_same_boot, run > 0);
		assert_false(lab.start.found.is_lost);
		assert_int_equal(lab.start.found.torn, 0);
		lab_check_all();
		assert_int_equal(lab_answer(), run > 0);
		for (unsigned i = 0; i < 3000; i++)
			lab_put((unsigned)rng_below(&rng, KEYS));
		lab_flush();
		lab_stop(); /* takes what is still in the feed */
	}
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* Everything that the feed calls written is in the files, whenever they are looked at. */
static void test_written_is_there(void **state)
{
	unsigned checkpoints = 0;
	char copy[NAME];

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < 1 + i % 7; k++)
			lab_put((i + k) % KEYS);
		lab_wait_written();
		if (i % 10 == 5) { /* not while files come and go: the copy takes its time */
			lab_checkpoint();
			lab_wait_checkpoints(++checkpoints);
		}
		lab_copy(lab.path, copy);
		struct feed *feed = lab.feed;
		struct store *store = lab.store;

		assert_int_equal(lab_look(copy), 0);
		assert_false(lab.start.found.is_closed);
		lab_check_history(lab.puts);
		lab.feed = feed;
		lab.store = store;
	}
	lab_stop();
}

/* kill -9 at any moment: all that was acknowledged is there, and nothing that never was. */
static void test_killed(void **state)
{
	uint64_t rng = rng_start("killed");
	(void)state;
	for (unsigned run = 0; run < 20; run++) {
		uint64_t seed = rng_next(&rng), acknowledged = 0, g;
		int pipe_fd[2], status;
		pid_t child;

		assert_int_equal(pipe(pipe_fd), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			lab_start();
			for (;;) {
				lab_answer();
				if (lab.puts < PUTS_MAX) /* on a busy machine it lives long */
					lab_put((unsigned)rng_below(&seed, KEYS));
				lab_flush();
				g = feed_written(lab.feed);
				if (g > acknowledged &&
					write(pipe_fd[1], &g, sizeof(g)) != sizeof(g))
					_exit(1);
				acknowledged = g;
			}
		}
		close(pipe_fd[1]);
		/* the same numbers as the child draws */
		while (read(pipe_fd[0], &g, sizeof(g)) == sizeof(g)) {
			if (acknowledged == 0)
				pause_us((long)rng_below(&rng, 20000)), kill(child, SIGKILL);
			acknowledged = g;
		}
		close(pipe_fd[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		while (lab.puts < PUTS_MAX && lab.puts < acknowledged + FEED_SIZE + 1024) {
			lab.puts++;
			lab.history[lab.puts] = (unsigned)rng_below(&seed, KEYS);
		}
		assert_int_equal(lab_look(lab.path), 0);
		assert_false(lab.start.found.is_closed);
		lab_check_history(acknowledged);
		(void)tree_remove(lab.path);
		lab.puts = 0;
		memset(lab.now, 0, sizeof(lab.now));
	}
}

/* --- checkpoints --- */

static void test_checkpoint(void **state)
{
	(void)state;
	lab_start();
	for (unsigned i = 0; i < 5000; i++) {
		lab_put(i % KEYS);
		if (i % KEYS == KEYS - 1)
			lab_wait_written(); /* or a slow thread writes only the last of each key */
	}
	lab_wait_synced();
	uint64_t before = feed_stat(lab.feed, FEED_STAT_DISK_BYTES);

	lab_checkpoint();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FILES), 1);
	assert_true(feed_stat(lab.feed, FEED_STAT_DISK_BYTES) < before / 50);
	lab_put(3);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* Killed before all is written anew, again and again: the old files stay until it is. When there
 * are too many one is made of them, and what they say is the same. */
static void check_unfinished(unsigned runs)
{
	unsigned most = 0;
	char copy[NAME];

	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned i = 0; i < 100; i++)
		lab_put(i % KEYS);
	lab_stop();
	for (unsigned run = 1; run <= runs; run++) {
		lab_start();
		lab_check_all();
		assert_in_range(lab.least_ms, LAB_LASTS_MS - 600000, lab.most_ms);
		assert_in_range(lab.most_ms, lab.least_ms, LAB_LASTS_MS + 100);
		assert_true(feed_wants_all(lab.feed));
		lab_put_item(FEED_BEGIN, 0, 0);
		lab_put_item(FEED_RECORD, 1, lab.now[1]);
		lab_put(run % KEYS);
		lab_wait_written();
		lab_copy(lab.path, copy);
		lab_stop();
		if (run < STORE_FILES_MAX - 1)
			assert_int_equal(lab_files(copy), run + 1);
		if (lab_files(copy) > most)
			most = lab_files(copy);
		lab_copy(copy, lab.path);
	}
	assert_in_range(most, 2, STORE_FILES_MAX);
}

static void test_unfinished_checkpoints(void **state)
{
	(void)state;
	check_unfinished(5);
	lab_start();
	lab_check_all();
	lab_answer();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

static void test_too_many_files(void **state)
{
	(void)state;
	check_unfinished(2 * STORE_FILES_MAX + 3);
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* One of many that says that something is missing. */
static void test_too_many_files_and_one_lost(void **state)
{
	int fd;

	(void)state;
	check_unfinished(STORE_FILES_MAX - 2);
	fd = open(lab.path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(store_file_set_lost(fd, 5), 0);
	close(fd);
	assert_int_equal(lab_look(lab.path), 0);
	assert_in_range(lab_files(lab.path), 2, 3);
	assert_true(lab.start.found.is_lost);
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost);
	lab_check_all();
}

/* A daemon that dies at each start, before it has written anything, leaves no row of files. */
static void test_dies_at_start(void **state)
{
	char copy[NAME];

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	lab_put(1);
	lab_stop();
	for (unsigned run = 0; run < 2 * STORE_FILES_MAX; run++) {
		lab_start();
		lab_copy(lab.path, copy);
		lab_stop();
		lab_copy(copy, lab.path);
		assert_int_equal(lab_files(lab.path), 2);
	}
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* What the names stand for is what they are called, not where they stand. */
static void test_domains_by_name(void **state)
{
	static const char *const turned[] = { "gamma", "beta", "alpha" };

	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	lab.opts.domains = turned;
	lab.opts.domain_count = DIM(turned);
	lab_start(); /* lab_record() checks the numbers */
	lab_check_all();
	lab_stop();
	lab.opts.domain_count = 0;
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* --- times --- */

/* The last file's head and mark as they would be otherwise. */
static void edit_last(void (*edit)(struct segment_head *h, struct segment_mark *m, const void *arg),
	const void *arg)
{
	char name[NAME];
	struct segment_head head;
	struct segment_mark mark;
	struct buf b;

	lab_name(name, "%s", lab_entry(lab.path, ".seg", lab_files(lab.path) - 1));
	b = lab_read(name);
	assert_int_equal(segment_head_read(b.p, b.n, &head), 0);
	assert_int_equal(segment_mark_read(b.p, head.nonce, &mark), 0);
	edit(&head, &mark, arg);
	segment_head_write(&head, b.p);
	memset(b.p + segment_mark_at(mark.turn + 1), 0, SEGMENT_MARK_LEN);
	segment_mark_write(&mark, head.nonce, b.p + segment_mark_at(mark.turn));
	lab_write(name, b.p, b.n);
	buf_free(&b);
}

/* How the clocks stood when the last mark was written, by what they say today; and how much is left
 * of a binding that was to last an hour. */
static const struct times {
	const char *name;
	bool other_boot;
	int64_t real_ago_s, up_ago_s; /* up_ago_s -1: not known */
	enum store_clock clock;
	int64_t left_s;
} times[] = {
	{ "at once", false, 0, 0, STORE_CLOCK_OK, 3600 },
	{ "later", false, 600, 600, STORE_CLOCK_OK, 3000 },
	{ "over", false, 3700, 3700, STORE_CLOCK_OK, -100 },
	{ "the clock was 1970 and is right now", false, 1700000000, 60, STORE_CLOCK_OK, 3540 },
	{ "the clock was right and is 1970 now", false, -1700000000, 60, STORE_CLOCK_OK, 3540 },
	{ "started anew, both clocks right", true, 120, 0, STORE_CLOCK_OK, 3480 },
	{ "off for a day", true, 86400, 0, STORE_CLOCK_OK, 3600 - 86400 },
	{ "off for four weeks", true, 28 * 86400, 0, STORE_CLOCK_OK, 3600 - 28 * 86400 },
	{ "off for longer than machines are", true, 31 * 86400, 0, STORE_CLOCK_AHEAD, 3600 },
	{ "the clock was 1970 before a start", true, 1700000000, 0, STORE_CLOCK_AHEAD, 3600 },
	{ "the clock is 1970 since a start", true, -1700000000, 0, STORE_CLOCK_BACK, 3600 },
	{ "set back a little", true, -5, 0, STORE_CLOCK_BACK, 3600 },
	{ "not known how long it is up", false, 300, -1, STORE_CLOCK_OK, 3300 },
	{ "up for less than then", false, 300, -1000, STORE_CLOCK_OK, 3300 },
};

static void edit_times(struct segment_head *h, struct segment_mark *m, const void *arg)
{
	const struct times *x = arg;
	struct store_moment now;

	store_now(&now);
	h->boot[0] ^= x->other_boot;
	m->real_ms = now.real_ms - (uint64_t)(x->real_ago_s * 1000);
	m->up_ms = x->up_ago_s == -1 ? 0 : now.up_ms - (uint64_t)(x->up_ago_s * 1000);
}

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(times); i++) {
		int64_t left_ms;

		lab_start();
		lab_put(1);
		lab_stop();
		edit_last(edit_times, &times[i]);
		assert_int_equal(lab_look(lab.path), 0);
		left_ms = lab.left_ms - times[i].left_s * 1000;
		if (lab.start.found.clock != times[i].clock || left_ms > 5000 || left_ms < -5000)
			fail_msg("%s: clock %d, %" PRId64 " ms left", times[i].name,
				lab.start.found.clock, lab.left_ms);
		(void)tree_remove(lab.path);
	}
}

/* Of two files with clocks of their own: each time by its own. */
static void test_times_of_two_files(void **state)
{
	static const struct times first = { .real_ago_s = 600, .up_ago_s = 600 };
	static const struct times second = { .real_ago_s = 200, .up_ago_s = 200 };

	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	edit_last(edit_times, &first);
	lab.opts.clock_ms += 86400000;
	lab_start();
	lab_kill();
	assert_int_equal(lab_files(lab.path), 2);
	edit_last(edit_times, &second);
	assert_int_equal(lab_look(lab.path), 0);
	assert_in_range(lab.left_ms, LAB_LASTS_MS - 605000, LAB_LASTS_MS - 595000);
}

static uint64_t known(unsigned domain)
{
	return lab.start.known_ms[domain];
}

#define MOMENT_MS 20

static void run_for_a_moment(void)
{
	lab_start();
	lab_put(1);
	lab_wait_written();
	pause_us(MOMENT_MS * 1000);
}

/* For how long everything is known: in domain 0, which waits for the store, and in domain 1. */
static void test_known(void **state)
{
	static const struct times long_ago = { .real_ago_s = 61, .up_ago_s = 61 };

	(void)state;
	run_for_a_moment();
	assert_true(known(0) == 0 && known(1) == 0); /* who knows what was before */
	lab_stop();
	run_for_a_moment();
	assert_in_range(known(0), MOMENT_MS, 60000);
	assert_in_range(known(1), MOMENT_MS, 60000);
	lab_stop();
	run_for_a_moment();
	assert_in_range(known(0), 2 * MOMENT_MS, 60000); /* it adds up */
	lab_kill();
	run_for_a_moment();
	assert_in_range(known(0), 3 * MOMENT_MS, 60000);
	assert_int_equal(known(1), 0); /* acknowledged, and perhaps not written */
	lab_stop();
	lab_start();
	assert_in_range(known(1), MOMENT_MS, known(0) - 2 * MOMENT_MS);
	lab_answer();
	lab_wait_checkpoints(1); /* one file, of which the time is changed now */
	lab_stop();
	/* long ago: somebody may have run since that could write nothing; who waits said nothing */
	edit_last(edit_times, &long_ago);
	lab_start();
	assert_in_range(known(0), 61000, 120000);
	assert_int_equal(known(1), 0);
	lab_stop();
}

/* The number of the last start counts, not that of the last word. */
static void test_known_of_another_configuration(void **state)
{
	static const char *const names[] = { "alpha", "gamma", "beta" };
	static const bool waits[] = { true, true, true };

	(void)state;
	run_for_a_moment();
	lab_kill();
	lab.opts.domains = names;
	lab.opts.waits = waits;
	lab.opts.domain_count = DIM(names);
	lab_start();
	assert_in_range(known(0), MOMENT_MS, 60000);
	assert_int_equal(known(1), 0); /* it is new */
	assert_int_equal(known(2), 0); /* it did not wait then */
	lab_stop();
}

/* A damaged store, then a restart in order: what was in the damaged one is still not known. */
static void test_known_after_damage(void **state)
{
	char name[NAME];

	(void)state;
	run_for_a_moment();
	pause_us(200000);
	lab_stop();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
	lab_write(name, "x", 1);
	run_for_a_moment();
	assert_true(lab.start.was_moved);
	assert_true(known(0) == 0 && known(1) == 0);
	lab_stop();
	lab_start();
	assert_true(lab.start.found.is_closed);
	assert_in_range(known(0), MOMENT_MS, 190);
	assert_in_range(known(1), MOMENT_MS, 190);
	lab_stop();
}

/* Who hands over has given up before everything was handed over. */
static void test_stopped_with_something_missing(void **state)
{
	(void)state;
	run_for_a_moment();
	feed_flush(lab.feed);
	store_stop(lab.store, false);
	feed_free(lab.feed);
	lab_start();
	assert_false(lab.start.found.is_closed);
	assert_true(lab.start.found.is_lost);
	assert_true(known(0) == 0 && known(1) == 0);
	lab_check_all();
	lab_stop();
}

/* --- whose it is --- */

static void test_locked(void **state)
{
	struct store *other;
	struct store_start start;

	(void)state;
	lab_start();
	assert_int_equal(
		store_open(&lab.opts, &lab_reader, &other, &start, lab.err, sizeof(lab.err)),
		-EBUSY);
	assert_non_null(strstr(lab.err, lab.path));
	assert_non_null(strstr(lab.err, "another hamd has it"));
	lab_put(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0); /* the first one was not disturbed */
	lab_check_all();
}

static void test_not_ours(void **state)
{
	char name[NAME];

	(void)state;
	/* a directory with somebody's files in it */
	assert_int_equal(mkdir(lab.path, 0700), 0);
	lab_name(name, "%s/passwd", lab.path);
	lab_write(name, "x", 1);
	assert_int_equal(lab_open(lab.path), -ENOTEMPTY);
	assert_non_null(strstr(lab.err, "passwd"));
	assert_int_equal(access(name, F_OK), 0);
	unlink(name);
	/* names that are nearly ours */
	lab_name(name, "%s/0000000000000001.SEG", lab.path);
	lab_write(name, "x", 1);
	assert_int_equal(lab_open(lab.path), -ENOTEMPTY);
	unlink(name);
	lab_name(name, "%s/1.seg", lab.path);
	lab_write(name, "x", 1);
	assert_int_equal(lab_open(lab.path), -ENOTEMPTY);
	unlink(name);
	lab_name(name, "%s/0000000000000000.seg", lab.path);
	lab_write(name, "x", 1);
	assert_int_equal(lab_open(lab.path), -ENOTEMPTY);
	unlink(name);
	/* others may write to it */
	chmod(lab.path, 0720);
	assert_int_equal(lab_open(lab.path), -EPERM);
	assert_non_null(strstr(lab.err, "mode 720"));
	chmod(lab.path, 0755);
	assert_int_equal(lab_look(lab.path), 0);
	/* a file, and a path that leads nowhere */
	(void)tree_remove(lab.path);
	lab_write(lab.path, "x", 1);
	assert_int_equal(lab_open(lab.path), -ENOTDIR);
	unlink(lab.path);
	snprintf(lab.path, sizeof(lab.path), "%s/a/b/s", lab.base);
	assert_int_equal(lab_open(lab.path), -ENOENT);
	assert_non_null(strstr(lab.err, lab.path));
}

/* What a killed one was just making, and what file systems put there, is in nobody's way. */
static void test_leftovers(void **state)
{
	char name[NAME];

	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	lab_name(name, "%s/new.tmp", lab.path);
	lab_write(name, "x", 1);
	lab_name(name, "%s/lost+found", lab.path);
	assert_int_equal(mkdir(name, 0700), 0);
	lab_name(name, "%s///", lab.path);
	assert_int_equal(lab_look(name), 0);
	lab_check_all();
}

/* What says nothing moves what is written and on disk all the same. */
static void test_marks(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	lab.puts++; /* a change that came to nothing */
	lab.history[lab.puts] = 1;
	lab_put_item(FEED_MARK, 0, 0);
	lab_wait_written();
	lab_wait_synced();
	WAIT_FOR(feed_synced_count(lab.feed) == feed_count(lab.feed));
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_int_equal(lab.told_count, 1);
}

static void test_no_room(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	lab.room = lab_records() - 1;
	assert_int_equal(lab_open(lab.path), -ENOSPC);
	assert_non_null(strstr(lab.err, "max-bindings"));
	lab.room = lab_records();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	assert_int_equal(lab.told_pairs, KEYS - lab_records());
	assert_int_equal(lab.start.found.pairs, KEYS - lab_records());
}

/* --- damage --- */

/* A store of two files: one that is whole, and one begun behind it. */
static void make_two(void)
{
	char copy[NAME];

	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned i = 0; i < 60; i++)
		lab_put(i % KEYS);
	lab_stop();
	lab_start();
	lab_put(5);
	lab_put(6);
	lab_wait_synced();
	pause_us(20000); /* the mark comes after the disk */
	lab_copy(lab.path, copy);
	lab_stop();
	lab_copy(copy, lab.path);
	assert_int_equal(lab_files(lab.path), 2);
}

static bool is_same_file(const char *path, const struct buf *b)
{
	struct buf now = lab_read(path);
	bool same = now.n == b->n && memcmp(now.p, b->p, b->n) == 0;

	buf_free(&now);
	return same;
}

/* A store with this file in place of its n-th: moved aside as it is, hamd starts with nothing; or
 * it is told to refuse, and nothing happens to it. */
static void check_damaged(unsigned n, const struct buf *bad, const char *why)
{
	char good[NAME], name[NAME], inside[NAME];

	lab_name(good, "%s/good", lab.base);
	lab_copy(lab.path, good);
	lab_name(name, "%s", lab_entry(lab.path, ".seg", n));
	lab_write(name, bad->p, bad->n);
	lab.opts.refuse_damage = true;
	assert_int_equal(lab_open(lab.path), -EBADMSG);
	if (strstr(lab.err, why) == NULL || strstr(lab.err, lab.path) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", lab.err, why);
	assert_int_equal(lab.told_count, 0);
	assert_true(is_same_file(name, bad));

	lab.opts.refuse_damage = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.is_new && lab.start.was_moved);
	assert_int_equal(lab.told_count, 0);
	lab_name(inside, "%s%s", lab.start.moved_to, name + strlen(lab.path));
	assert_int_equal(strncmp(lab.start.moved_to, lab.path, strlen(lab.path)), 0);
	assert_true(is_same_file(inside, bad));
	assert_int_equal(lab_files(lab.start.moved_to), 2);
	assert_int_equal(lab_look(lab.path), 0); /* the new one is good */
	assert_false(lab.start.is_new);
	(void)tree_remove(lab.start.moved_to);
	(void)tree_remove(lab.path);
	lab_copy(good, lab.path);
}

static void test_damaged(void **state)
{
	struct buf a, b, bad;

	(void)state;
	make_two();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	(void)tree_remove(lab.path);
	lab_begin();
	make_two();
	a = lab_read(lab_entry(lab.path, ".seg", 0));
	b = lab_read(lab_entry(lab.path, ".seg", 1));

	bad = buf_copy("not ours", 8);
	check_damaged(1, &bad, "damaged at its beginning");
	buf_free(&bad);
	bad = buf_copy(b.p, b.n);
	memcpy(bad.p, "SQLite f", 8);
	check_damaged(1, &bad, "no file of a store");
	memcpy(bad.p, b.p, b.n);
	bad.p[20] ^= 1;
	check_damaged(1, &bad, "damaged at its beginning");
	memcpy(bad.p, b.p, b.n);
	bad.p[512 + 9] ^= 1;
	bad.p[1024 + 9] ^= 1;
	check_damaged(1, &bad, "no mark");
	memcpy(bad.p, b.p, b.n);
	bad.p[SEGMENT_PAGE + 30] ^= 0x10;
	check_damaged(1, &bad, "damaged at octet");
	bad.n = b.n - 1;
	memcpy(bad.p, b.p, b.n);
	check_damaged(1, &bad, "is cut off");
	bad.n = 0;
	check_damaged(1, &bad, "damaged at its beginning");
	buf_free(&bad);
	/* the older file counts as well */
	bad = buf_copy(a.p, a.n);
	bad.p[a.n - 1] ^= 1;
	check_damaged(0, &bad, "damaged at octet");
	buf_free(&bad);
	/* one file under another's name */
	check_damaged(0, &b, "was written as number 2");
	buf_free(&a);
	buf_free(&b);
}

static void test_missing_file(void **state)
{
	char name[NAME];

	(void)state;
	make_two();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
	unlink(name);
	lab.opts.refuse_damage = true;
	assert_int_equal(lab_open(lab.path), -EBADMSG);
	assert_non_null(strstr(lab.err, "missing"));
}

/* A pipe under the name of a file holds up nobody, whether the file would be needed or not. */
static void test_pipe_for_a_file(void **state)
{
	char name[NAME];

	(void)state;
	make_two();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
	assert_int_equal(unlink(name), 0);
	assert_int_equal(mkfifo(name, 0600), 0);
	lab.opts.refuse_damage = true;
	assert_int_equal(lab_open(lab.path), -EBADMSG);
	assert_non_null(strstr(lab.err, "is no file of a store"));

	(void)tree_remove(lab.path);
	lab_start();
	lab_put(1);
	lab_checkpoint();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(mkfifo(name, 0600), 0); /* before those that count */
	assert_int_equal(lab_files(lab.path), 2);
	assert_int_equal(lab_open(lab.path), 0);
	lab_check_all();
	lab_stop();
}

/* Killed when everything had been moved aside and nothing else was there yet. */
static void test_moved_and_killed(void **state)
{
	char name[NAME], aside[NAME];

	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
	lab_write(name, "x", 1);
	assert_int_equal(lab_look(lab.path), 0);
	lab_name(aside, "%s", lab.start.moved_to);
	unlink(lab_entry(lab.path, ".seg", 0));
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.was_moved && lab.start.is_new);
	assert_string_equal(lab.start.moved_to, aside);
	assert_int_equal(lab_look(lab.path), 0); /* said once */
	assert_false(lab.start.was_moved || lab.start.is_new);
}

/* Twice within a second, the names differ. */
static void test_moved_twice(void **state)
{
	char first[NAME] = "", name[NAME];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		lab_start();
		lab_stop();
		lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
		lab_write(name, "x", 1);
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.was_moved);
		assert_int_equal(access(lab.start.moved_to, F_OK), 0);
		assert_string_not_equal(first, lab.start.moved_to);
		lab_name(first, "%s", lab.start.moved_to);
	}
}

/* Where a flipped bit of a file is noticed; a mark has another one beside it, and what is between
 * marks and frames means nothing. */
static const struct {
	size_t at, len; /* len 0: to the end of the file */
	bool is_damage;
} flipped[] = {
	{ 0, SEGMENT_HEAD, true },
	{ SEGMENT_HEAD, 512 - SEGMENT_HEAD, false },
	{ 512, SEGMENT_MARK_LEN, false },
	{ 1024, SEGMENT_MARK_LEN, false },
	{ 1024 + SEGMENT_MARK_LEN, SEGMENT_PAGE - 1024 - SEGMENT_MARK_LEN, false },
	{ SEGMENT_PAGE, 0, true },
};

/* Any bit of it: everything is told, or it is damaged and nothing is; never half. */
static void test_flipped_bits(void **state)
{
	uint64_t rng = rng_start("flipped");
	char name[2][NAME];
	struct buf file[2];

	(void)state;
	make_two();
	for (unsigned n = 0; n < 2; n++) {
		lab_name(name[n], "%s", lab_entry(lab.path, ".seg", n));
		file[n] = lab_read(name[n]);
	}
	lab.opts.refuse_damage = true;
	for (unsigned i = 0; i < 420; i++) {
		unsigned n = (unsigned)rng_below(&rng, 2), place = i % DIM(flipped);
		struct buf b = buf_copy(file[n].p, file[n].n);
		size_t from = flipped[place].at;
		size_t len = flipped[place].len > 0 ? flipped[place].len : b.n - from;
		size_t at = from + rng_below(&rng, len);
		unsigned bit = (unsigned)rng_below(&rng, 8);
		int ret;

		b.p[at] ^= (uint8_t)(1 << bit);
		lab_write(name[n], b.p, b.n);
		lab_write(name[1 - n], file[1 - n].p, file[1 - n].n);
		ret = lab_look(lab.path);
		if (ret != (flipped[place].is_damage ? -EBADMSG : 0))
			fail_msg("bit %u of octet %zu of file %u: %d", bit, at, n, ret);
		assert_true(is_same_file(name[n], &b));
		buf_free(&b);
		if (ret == 0)
			lab_check_all();
		else
			assert_int_equal(lab.told_count, 0);
		if (ret == 0)
			unlink(lab_entry(lab.path, ".seg", 2));
	}
	buf_free(&file[0]);
	buf_free(&file[1]);
}

/* octets that are said of lab_domains */
#define NAMES  (FRAME_HEAD + 2 + 5 + FRAME_HEAD + 2 + 4 + 2 * (FRAME_HEAD + FRAME_KNOWN_LEN))
#define RECORD (FRAME_HEAD + 76)

/* Cut anywhere behind the mark: the history up to there. In front of it: damaged. */
static void test_cut_anywhere(void **state)
{
	uint64_t rng = rng_start("cut");
	char copy[NAME], name[NAME];
	struct segment_mark mark;
	struct segment_head head;
	struct buf whole;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab.opts.sync_ms = 1000;
	lab_start();
	for (unsigned i = 0; i < 30; i++)
		lab_put((unsigned)rng_below(&rng, 6)); /* records: one is as long as another */
	lab_wait_synced();
	uint64_t synced = lab.puts;

	pause_us(20000);
	for (unsigned i = 0; i < 30; i++)
		lab_put((unsigned)rng_below(&rng, 6)); /* records: one is as long as another */
	lab_wait_written();
	lab_copy(lab.path, copy);
	lab_stop();
	lab_name(name, "%s", lab_entry(copy, ".seg", 0));
	whole = lab_read(name);
	assert_int_equal(segment_head_read(whole.p, whole.n, &head), 0);
	assert_int_equal(segment_mark_read(whole.p, head.nonce, &mark), 0);
	assert_in_range(mark.length, SEGMENT_PAGE + 1, whole.n - 1);
	lab.opts.refuse_damage = true;
	for (size_t cut = SEGMENT_PAGE; cut <= whole.n; cut++) {
		if (cut + 2 * RECORD < mark.length && cut % 97 != 0)
			continue; /* one is like another there */
		(void)tree_remove(copy);
		assert_int_equal(mkdir(copy, 0700), 0);
		lab_write(name, whole.p, cut);
		int ret = lab_look(copy);

		assert_int_equal(ret, cut < mark.length ? -EBADMSG : 0);
		if (ret == 0)
			lab_check_history(synced);
		if (ret == 0)
			assert_int_equal(
				lab.start.found.torn, (cut - SEGMENT_PAGE - NAMES) % RECORD);
	}
	buf_free(&whole);
}

/* A file of a later version, a record of a later form, a field that must be understood: hamd does
 * not start, and touches nothing. */
static void test_newer(void **state)
{
	char name[NAME];
	struct segment_head head;
	struct buf b, bad;

	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 0));
	b = lab_read(name);
	assert_int_equal(segment_head_read(b.p, b.n, &head), 0);

	bad = buf_copy(b.p, b.n);
	put_u32(bad.p + 8, SEGMENT_VERSION + 1);
	put_u32(bad.p + 60, crc32c(0, bad.p, 60));
	lab_write(name, bad.p, bad.n);
	assert_int_equal(lab_open(lab.path), -ENOTSUP);
	assert_non_null(strstr(lab.err, "newer version"));
	assert_true(is_same_file(name, &bad));
	assert_int_equal(lab_files(lab.path), 1);
	buf_free(&bad);

	for (unsigned i = 0; i < 2; i++) {
		bad = buf_copy(b.p, b.n);
		uint8_t *frame = bad.p + bad.n - FRAME_HEAD - 76;

		if (i == 0)
			frame[FRAME_HEAD] = 2; /* the record's form */
		frame_seal(frame, i == 0 ? FRAME_RECORD : FRAME_CRITICAL, 76, head.nonce);
		lab_write(name, bad.p, bad.n);
		assert_int_equal(lab_open(lab.path), -ENOTSUP);
		assert_non_null(strstr(lab.err, "newer version"));
		assert_true(is_same_file(name, &bad));
		buf_free(&bad);
	}
	/* a type that may be skipped is */
	bad = buf_copy(b.p, b.n);
	frame_seal(bad.p + bad.n - FRAME_HEAD - 76, FRAME_CRITICAL - 1, 76, head.nonce);
	lab_write(name, bad.p, bad.n);
	assert_int_equal(lab_look(lab.path), 0);
	assert_int_equal(lab.told_count, 0);
	buf_free(&bad);
	buf_free(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_new),
		T(test_restart),
		T(test_written_is_there),
		T(test_killed),
		T(test_checkpoint),
		T(test_unfinished_checkpoints),
		T(test_too_many_files),
		T(test_too_many_files_and_one_lost),
		T(test_dies_at_start),
		T(test_domains_by_name),
		T(test_times),
		T(test_times_of_two_files),
		T(test_known),
		T(test_known_of_another_configuration),
		T(test_known_after_damage),
		T(test_stopped_with_something_missing),
		T(test_locked),
		T(test_not_ours),
		T(test_leftovers),
		T(test_marks),
		T(test_no_room),
		T(test_damaged),
		T(test_missing_file),
		T(test_pipe_for_a_file),
		T(test_moved_and_killed),
		T(test_moved_twice),
		T(test_flipped_bits),
		T(test_cut_anywhere),
		T(test_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
