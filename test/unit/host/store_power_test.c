/* SPDX-License-Identifier: BSD-3-Clause */
/* The store when the power goes, at any moment. */
#include "store_disk.h"

#include "rng.h"

/* --- power --- */

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
		pthread_mutex_lock(&disk.lock);
		synced = feed_synced(lab.feed);
		disk_lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
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
		for (uint64_t n = rng_below(&rng, 300); n > 0; n--) {
			lab_put((unsigned)rng_below(&rng, KEYS));
			if (rng_below(&rng, 20) == 0) {
				lab_flush();
				pause_us(300);
			}
		}
		lab_flush();
		pthread_mutex_lock(&disk.lock);
		synced = feed_synced(lab.feed);
		disk_lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
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
		T(test_new_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
