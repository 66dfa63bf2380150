/* SPDX-License-Identifier: BSD-3-Clause */
/* The store when the power goes, at any moment. */
#include "store_disk.h"

#include "rng.h"

/* --- power --- */

/* What is left of it is in after; returns what was said to be on disk then. */
static uint64_t lose_power(const char *after, uint64_t *rng)
{
	uint64_t synced;

	pthread_mutex_lock(&disk.lock);
	synced = feed_synced(lab.feed);
	disk_lose_power(after, rng);
	pthread_mutex_unlock(&disk.lock);
	return synced;
}

/* Fewer than most, in batches with a pause between them. */
static void put_slowly(uint64_t *rng, uint64_t most)
{
	for (uint64_t n = rng_below(rng, most); n > 0; n--) {
		lab_put((unsigned)rng_below(rng, KEYS));
		if (rng_below(rng, 20) == 0) {
			lab_flush();
			pause_us(300);
		}
	}
	lab_flush();
}

/* What the feed called on disk is there after a loss of power, at any moment; what is there is the
 * history up to some put. Then life goes on with what was found. */
static void test_power(void **state)
{
	uint64_t rng = rng_start("power");
	char after[NAME];
	bool torn = false;

	(void)state;
	lab_name(after, "%s/after", lab.base);
	for (unsigned run = 0; run < 60 || (!torn && run < 600); run++) {
		uint64_t synced;

		lab.opts.sync_ms = 1 + (unsigned)rng_below(&rng, 3);
		disk.short_writes = (unsigned)rng_below(&rng, 2) * 7;
		lab_start();
		for (uint64_t n = rng_below(&rng, 2000); n > 0; n--) {
			lab_put((unsigned)rng_below(&rng, KEYS));
			if (rng_below(&rng, 8) == 0)
				lab_flush();
			if (rng_below(&rng, 300) == 0)
				lab_checkpoint();
			if (rng_below(&rng, 200) == 0)
				pause_us((long)rng_below(&rng, 3000));
		}
		lab_flush();
		synced = lose_power(after, &rng);
		lab_stop();

		disk.on = false;
		lab.opts.refuse_damage = true;
		if (lab_look(after) < 0)
			fail_msg("%s", lab.err);
		lab.opts.refuse_damage = false;
		torn |= lab.start.found.torn > 0;
		assert_false(lab.start.found.is_lost);
		lab_check_history(synced);
		/* the next run's history begins with this */
		(void)tree_remove(lab.path);
		disk_reset();
		memset(lab.now, 0, sizeof(lab.now));
		lab.puts = 0;
		disk.on = true;
	}
	assert_true(torn); /* else nothing was tried */
}

/* What lies there was on disk before the power came, of each file at most so many octets; the rest
 * was written by a process that is no more. */
static void adopt_upto(const char *path, size_t most)
{
	const char *name;

	for (unsigned n = 0; *(name = lab_entry(path, ".seg", n)) != '\0'; n++) {
		struct buf b = lab_read(name);
		struct inode *in = &disk.inode[disk.inodes++];

		*in = (struct inode){ .disk = b.p, .disk_len = b.n < most ? b.n : most };
		if (b.n > most)
			disk_add_change(in, most, b.p + most, b.n - most);
		disk_add_entry(LINK, disk.inodes - 1, strrchr(name, '/') + 1);
	}
	disk.dir_disk = disk.dir_count;
}

static void adopt(const char *path)
{
	adopt_upto(path, SIZE_MAX);
}

/* This run's history up to some put behind `base`, on top of what the run began with. */
static void check_on_top(const uint64_t began[KEYS], uint64_t base, uint64_t least)
{
	uint64_t was[KEYS], upto = base;

	memcpy(was, began, sizeof(was));
	for (unsigned k = 0; k < KEYS; k++)
		if (lab.told[k] > upto)
			upto = lab.told[k];
	assert_true(upto >= least && upto <= lab.puts);
	for (uint64_t g = base + 1; g <= upto; g++)
		was[lab.history[g]] = g;
	for (unsigned k = 0; k < KEYS; k++)
		if (was[k] != lab.told[k])
			fail_msg("key %u: told %" PRIu64 ", at put %" PRIu64 " it was %" PRIu64, k,
				lab.told[k], upto, was[k]);
}

/* Power that goes on and off: each run starts from what the last one left, and some get to write
 * everything anew. */
static void test_power_again(void **state)
{
	uint64_t rng = rng_start("power again");
	uint64_t began[KEYS] = { 0 };
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	for (unsigned run = 0; run < 40; run++) {
		uint64_t base = lab.puts, synced;

		lab_start();
		assert_memory_equal(lab.told, began, sizeof(began));
		memcpy(lab.now, began, sizeof(began));
		if (rng_below(&rng, 3) > 0)
			lab_answer();
		put_slowly(&rng, 300);
		synced = lose_power(after, &rng);
		lab_stop();
		disk.on = false;
		disk_reset();
		lab_copy(after, lab.path);
		lab.opts.refuse_damage = true;
		if (lab_look(after) < 0)
			fail_msg("%s", lab.err);
		lab.opts.refuse_damage = false;
		check_on_top(began, base, synced);
		memcpy(began, lab.told, sizeof(began));
		adopt(lab.path);
		disk.on = true;
	}
}

/* Killed with something written and not on disk; started again, which believes it, so a loss of
 * power must not undo it any more. */
static void test_power_after_a_kill(void **state)
{
	uint64_t rng = rng_start("after a kill");
	char after[NAME], copy[NAME];
	size_t on_disk;

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab_name(copy, "%s/copy", lab.base);
	lab.opts.sync_ms = 100000;
	lab_start();
	lab_put(0);
	lab_wait_synced();
	for (unsigned i = 0; i < 300; i++)
		lab_put(i % KEYS);
	lab_wait_written();
	assert_true(feed_synced(lab.feed) < lab.puts);
	on_disk = disk.inode[0].disk_len;
	lab_copy(lab.path, copy);
	lab_stop();
	for (unsigned run = 0; run < 20; run++) {
		disk.on = false;
		disk_reset();
		lab_copy(copy, lab.path);
		adopt_upto(lab.path, on_disk);
		disk.on = true;
		lab_start();
		lab_check_all();
		pthread_mutex_lock(&disk.lock);
		disk_lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		lab_stop();
		disk.on = false;
		assert_int_equal(lab_look(after), 0);
		lab_check_all();
	}
}

/* Power that goes while all records are being written anew: the file before the new one is still
 * needed, and all of it has to be there. */
static void test_power_between_files(void **state)
{
	uint64_t rng = rng_start("between files");
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab.opts.sync_ms = 200;
	lab_start();
	lab_put(0);
	lab_wait_synced();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_written();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_put(1);
	lab_wait_synced();
	for (unsigned i = 0; i < 20; i++) {
		pthread_mutex_lock(&disk.lock);
		disk_lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		struct feed *feed = lab.feed;
		struct store *store = lab.store;

		disk.on = false;
		assert_int_equal(lab_look(after), 0);
		lab_check_history(lab.puts);
		disk.on = true;
		lab.feed = feed;
		lab.store = store;
	}
	lab_stop();
}

static void put_some(uint64_t *rng, uint64_t most)
{
	uint64_t n = rng_below(rng, most);

	for (uint64_t i = 0; i < n; i++)
		lab_put((unsigned)rng_below(rng, KEYS));
	if (n > 0) /* else nothing is said of what an earlier run put */
		lab_wait_synced();
}

/* Somebody removes one of the files; that is on disk when the directory is next, or earlier. */
static void lose_a_file(uint64_t *rng)
{
	const char *name =
		lab_entry(lab.path, ".seg", (unsigned)rng_below(rng, lab_files(lab.path)));

	pthread_mutex_lock(&disk.lock);
	disk_add_entry(UNLINK, 0, strrchr(name, '/') + 1);
	if (rng_below(rng, 2) == 0)
		disk.dir_disk = disk.dir_count;
	pthread_mutex_unlock(&disk.lock);
	assert_int_equal(unlink(name), 0);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	lab_put((unsigned)rng_below(rng, KEYS));
	lab_wait_written(); /* what is left is marked by now */
}

/* Of each key nothing, or what was on disk, or later. */
static void check_nothing_stale(uint64_t synced)
{
	uint64_t was[KEYS] = { 0 };

	for (uint64_t g = 1; g <= synced; g++)
		was[lab.history[g]] = g;
	for (unsigned k = 0; k < KEYS; k++) {
		if (lab.told[k] == 0)
			continue;
		if (lab.told[k] < was[k])
			fail_msg("key %u: told %" PRIu64 ", %" PRIu64 " was on disk", k,
				lab.told[k], was[k]);
		assert_int_equal(lab.history[lab.told[k]], k);
	}
}

/* A file is missing, and then the power goes: what is found is believed, and nothing that had been
 * taken back comes with it. */
static void test_power_with_a_file_missing(void **state)
{
	uint64_t rng = rng_start("file missing");
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	for (unsigned run = 0; run < 60; run++) {
		uint64_t synced;
		bool walks;

		for (uint64_t life = rng_below(&rng, 4); life > 0; life--) {
			lab_start();
			put_some(&rng, 30);
			lab_stop();
		}
		lab_start();
		put_some(&rng, 30);
		lose_a_file(&rng);
		walks = rng_below(&rng, 2) == 0 && lab_answer();
		put_slowly(&rng, 100);
		synced = lose_power(after, &rng);
		lab_stop();

		disk.on = false;
		lab.opts.refuse_damage = true;
		if (lab_look(after) < 0)
			fail_msg("%s", lab.err);
		lab.opts.refuse_damage = false;
		assert_true(walks || lab.start.found.is_lost);
		check_nothing_stale(synced);
		(void)tree_remove(lab.path);
		disk_reset();
		memset(lab.now, 0, sizeof(lab.now));
		lab.puts = 0;
		disk.on = true;
	}
}

/* A directory that was made is on disk, and the one above it. */
static void test_new_directories(void **state)
{
	struct stat st;
	char above[NAME];
	unsigned found = 0;

	(void)state;
	lab_name(above, "%s/a", lab.base);
	snprintf(lab.path, sizeof(lab.path), "%s/a/s", lab.base);
	lab_start();
	lab_stop();
	for (unsigned dir = 0; dir < 2; dir++) {
		assert_int_equal(stat(dir == 0 ? lab.base : above, &st), 0);
		for (unsigned i = 0; i < disk.synced_count; i++)
			if (disk.synced[i] == st.st_ino) {
				found++;
				break;
			}
	}
	assert_int_equal(found, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		T(test_power),
		T(test_power_again),
		T(test_power_after_a_kill),
		T(test_power_between_files),
		T(test_power_with_a_file_missing),
		T(test_new_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
