/* SPDX-License-Identifier: BSD-3-Clause */
/* The store on disks that are full, read-only or broken. */
#include "store_disk.h"

#include "rng.h"

/* --- full, read-only, broken --- */

static void check_recovers(unsigned failures, int error)
{
	uint64_t written;

	WAIT_FOR(feed_failures(lab.feed) >= failures);
	assert_true(is_failed());
	written = feed_written(lab.feed);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_ERRNO), error);
	/* hamd goes on: what it hands over is taken, and nothing of it is called written */
	for (unsigned i = 0; i < 3 * FEED_SIZE; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(feed_room(lab.feed) != NULL);
	assert_int_equal(feed_written(lab.feed), written);
	assert_false(feed_wants_all(lab.feed));

	disk.room = -1;
	disk.fail_sync = disk.fail_open = disk.fail_rename = 0;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_put(7);
	lab_wait_written();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

static void test_full(void **state)
{
	(void)state;
	lab_start();
	disk.room = 5000;
	for (unsigned i = 0; i < 200; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = 300; /* room for a few records is none */
	for (unsigned i = 0; i < 13; i++)
		pause_us(100000);
	assert_true(is_failed());
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 1);
	check_recovers(1, ENOSPC);
}

/* Killed while the disk is full: what had been written is there, and the store knows that there
 * was more. */
static void test_full_and_killed(void **state)
{
	char copy[NAME];
	uint64_t written;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	disk.room = 5000;
	for (unsigned i = 0; i < 200; i++) {
		lab_put(i % KEYS);
		if (i % 10 == 9)
			lab_flush(), pause_us(2000);
	}
	lab_flush();
	WAIT_FOR(is_failed());
	written = feed_written(lab.feed);
	assert_in_range(written, 1, lab.puts - 1);
	lab_copy(lab.path, copy);
	lab_stop();
	disk.room = -1;
	assert_int_equal(lab_look(copy), 0);
	assert_true(lab.start.found.is_lost);
	assert_false(lab.start.found.is_closed);
	lab_check_history(written);
	assert_int_equal(lab_look(lab.path), 0); /* stopped in that state */
	assert_true(lab.start.found.is_lost);
	assert_false(lab.start.found.is_closed);
}

/* Full again before all was written anew: what was acknowledged in between is not lost, and no
 * file is made for every try. */
static void test_full_again(void **state)
{
	char copy[NAME];
	uint64_t acknowledged;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	disk.room = 1000;
	for (unsigned i = 0; i < 2 * KEYS; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = 4 << 20;
	WAIT_FOR(!is_failed());
	assert_true(feed_wants_all(lab.feed));
	lab_put(3);
	lab_wait_written();
	acknowledged = lab.puts;
	disk.room = 500;
	lab_checkpoint();
	WAIT_FOR(is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	lab_copy(lab.path, copy);
	disk.room = 4 << 20;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	assert_int_equal(lab_look(copy), 0);
	assert_int_equal(lab.told[3], acknowledged);
	assert_true(lab.start.found.is_lost);
}

/* Of a batch that failed some records were in the file already. They were given up, and are not to
 * turn up behind what is written in their place. */
static void test_nothing_given_up_comes_back(void **state)
{
	char copy[NAME];
	uint64_t written;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	lab_start(); /* in a file that may be gone on with */
	written = lab.puts;
	disk.room = 5 * (FRAME_HEAD + 76) + 10;
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = -1;
	WAIT_FOR(!is_failed());
	lab_put(KEYS - 1);
	lab_wait_written();
	lab_copy(lab.path, copy);
	lab_stop();
	assert_int_equal(lab_look(copy), 0);
	assert_int_equal(lab.start.found.count, 2);
	for (unsigned k = 0; k < KEYS - 1; k++)
		assert_in_range(lab.told[k], 1, written);
	assert_int_equal(lab.told[KEYS - 1], lab.puts);
}

static void test_sync_fails(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	disk.fail_sync = EIO;
	lab_put(1);
	lab_flush();
	check_recovers(1, EIO);
}

/* No new file for the checkpoint. */
/* Linux tells of a page that could not be written once, and then takes it for clean: no later
 * success says that it is there. */
static void test_sync_fails_once(void **state)
{
	uint64_t rng = rng_start("power"), synced;
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	synced = lab.puts;
	disk.sync_loses = true;
	disk.fail_sync = EIO;
	lab_put(1);
	lab_flush();
	WAIT_FOR(is_failed());
	pthread_mutex_lock(&disk.lock);
	disk_lose_power(after, &rng);
	pthread_mutex_unlock(&disk.lock);
	lab_stop();
	disk.on = false;
	lab.opts.refuse_damage = true;
	if (lab_look(after) < 0)
		fail_msg("%s", lab.err);
	lab_check_history(synced);
}

/* All records are being written, and that fails: what was written of them stays below what comes
 * then, also what is over in the meantime and will not be told again. */
static void test_broken_walk(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_put_item(FEED_RECORD, 0, lab.now[0]);
	lab_flush();
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_RECORDS) == KEYS + 1);
	disk.room = 10;
	lab_put_item(FEED_RECORD, 1, lab.now[1]);
	lab_flush();
	WAIT_FOR(is_failed());
	lab.now[0] = 0; /* de-registered, and its tombstone's time is over */
	disk.room = -1;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], lab.now[k]);
}

/* The end of such a walk comes when writing is possible again: it says nothing. */
static void test_end_of_a_broken_walk(void **state)
{
	char copy[NAME];

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_flush();
	WAIT_FOR(lab_files(lab.path) == 2);
	disk.room = 10;
	lab_put_item(FEED_RECORD, 0, lab.now[0]);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = -1;
	WAIT_FOR(!is_failed());
	lab_put_item(FEED_END, 0, 0);
	lab_put(3);
	lab_wait_written();
	lab_copy(lab.path, copy);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_CHECKPOINTS), 0);
	lab_stop();
	assert_int_equal(lab_look(copy), 0);
	assert_true(lab.start.found.is_lost);
	lab_check_all();
}

static void test_no_new_file(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_open = EROFS;
	lab_checkpoint();
	check_recovers(1, EROFS);
}

static void test_no_rename(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_rename = ENOSPC;
	lab_checkpoint();
	check_recovers(1, ENOSPC);
	assert_int_equal(*lab_entry(lab.path, STORE_TMP, 0), '\0');
}

/* Read-only from the start: what is in it is told, hamd serves, and it is kept when it can be. */
static void test_read_only_at_start(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	disk.fail_open = EROFS;
	lab_start();
	lab_check_all();
	assert_true(is_failed());
	check_recovers(1, EROFS);
}

/* Until the next try, whenever that would be. */
static void wait_recovered(void)
{
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
}

/* A disk that fails each time before everything is written anew, and takes what comes in between:
 * that is not lost, and the store does not come to an end of its files. */
static void check_fails_for_ever(unsigned times)
{
	uint64_t acknowledged[KEYS];

	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	for (unsigned i = 0; i < times; i++) {
		lab_wait_synced(); /* else a sync of what was before fails, and this is not taken */
		disk.fail_sync = EIO;
		lab_put(i % KEYS); /* in the file, and then its sync fails */
		lab_flush();
		WAIT_FOR(is_failed());
		disk.fail_sync = 0;
		wait_recovered();
		assert_true(feed_wants_all(lab.feed));
		lab_put_item(FEED_BEGIN, 0, 0);
		lab_put_item(FEED_RECORD, 3, lab.now[3]);
		lab_put((i + 7) % KEYS);
		lab_wait_written();
		assert_in_range(lab_files(lab.path), 1, STORE_FILES_MAX);
	}
	memcpy(acknowledged, lab.now, sizeof(acknowledged));
	lab_kill();
	disk.on = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], acknowledged[k]);
	disk.on = true;
	lab_start();
	assert_false(is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], acknowledged[k]);
}

static void test_sync_fails_again_and_again(void **state)
{
	(void)state;
	check_fails_for_ever(150);
}

/* One file of too many cannot be made now: later it can. */
static void test_no_room_for_one_file_of_many(void **state)
{
	(void)state;
	check_fails_for_ever(STORE_FILES_MAX - 2);
	(void)tree_remove(lab.path);
	disk_reset();
	lab_start();
	for (unsigned i = 0; i < STORE_FILES_MAX - 2; i++) {
		disk.fail_sync = EIO;
		lab_put(i % KEYS);
		lab_flush();
		WAIT_FOR(is_failed());
		disk.fail_sync = 0;
		wait_recovered();
	}
	lab_put(1);
	lab_wait_written();
	assert_int_equal(lab_files(lab.path), STORE_FILES_MAX - 1);
	disk.fail_rename = EIO;
	disk.fail_sync = EIO;
	lab_put(2);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.fail_sync = 0;
	disk.skip_ms += 61000;
	for (unsigned i = 0; i < 10; i++)
		pause_us(10000);
	assert_true(is_failed());
	assert_int_equal(lab_files(lab.path), STORE_FILES_MAX - 1);
	disk.fail_rename = 0;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* A file that nothing was written into is used again. */
static void test_empty_files_make_no_row(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	for (unsigned i = 0; i < 20; i++) {
		disk.room = 0;
		lab_put(2);
		lab_flush();
		WAIT_FOR(is_failed());
		disk.room = -1;
		wait_recovered();
		disk.fail_sync = EIO; /* for the end of the file before the walk */
		lab_put_item(FEED_BEGIN, 0, 0);
		lab_flush();
		pause_us(2000);
		disk.fail_sync = 0;
		if (is_failed())
			wait_recovered();
		assert_in_range(lab_files(lab.path), 1, 3);
	}
	lab_stop();
}

/* Nor does it stay behind: with those before it removed it would be a damaged store. What it said of
 * those, that something came after them, they say themselves, or it stays. */
static void test_empty_file_goes(void **state)
{
	static const struct {
		bool sync_loses; /* else the disk takes no mark either */
		bool removes; /* somebody, those before it, to make room */
		unsigned files;
		bool is_lost, is_closed;
	} rows[] = {
		{ true, false, 1, true, false },
		{ true, true, 1, false, false },
		{ false, false, 2, true, false },
	};

	for (size_t i = 0; i < DIM(rows); i++) {
		lab_start();
		lab_put(1);
		lab_stop();
		lab_start();
		assert_int_equal(lab_files(lab.path), 2);
		disk_stop_clock();
		disk.sync_loses = rows[i].sync_loses;
		disk.fail_sync = EIO;
		lab_put_item(FEED_MARK, 0, 0);
		lab_flush();
		disk.skip_ms += 1000; /* the sync is due */
		WAIT_FOR(is_failed());
		WAIT_FOR(lab_files(lab.path) == rows[i].files);
		if (rows[i].removes)
			assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
		lab_kill();
		disk.on = false;
		lab.opts.refuse_damage = true;
		if (lab_look(lab.path) < 0)
			fail_msg("%s", lab.err);
		assert_int_equal(lab.start.found.is_lost, rows[i].is_lost);
		assert_int_equal(lab.start.found.is_closed, rows[i].is_closed);
		disk_teardown(state);
		disk_setup(state);
	}
}

/* Ends in order before everything is written anew: that is no order. */
static void test_stopped_before_all_is_anew(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_sync = EIO;
	lab_put(2);
	lab_flush();
	WAIT_FOR(is_failed());
	for (unsigned i = 0; i <= FEED_SIZE; i++)
		lab_put(3); /* lost: when there is room for the last one, the first was taken */
	disk.fail_sync = 0;
	wait_recovered();
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_closed);
	assert_true(lab.start.found.is_lost);
	assert_int_equal(lab.start.known_ms[0], 0);
}

/* A start that can write nothing, after one that ended in order: its end counts no more. */
static void test_no_file_at_start(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	disk.fail_open = ENOSPC;
	lab_start();
	assert_true(is_failed());
	assert_true(lab.start.found.is_closed);
	lab_stop();
	disk.fail_open = 0;
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_closed);
	assert_true(lab.start.known_ms[0] == 0 && lab.start.known_ms[1] == 0);
	lab_check_all();
}

/* The first start of all can write nothing, then it can, and is killed: no damage. */
static void test_no_file_at_first_start(void **state)
{
	(void)state;
	disk.fail_open = ENOSPC;
	lab_start();
	assert_true(is_failed());
	disk.fail_open = 0;
	wait_recovered();
	assert_true(feed_wants_all(lab.feed));
	lab_put(1);
	lab_wait_written();
	lab_kill();
	disk.on = false;
	lab.opts.refuse_damage = true;
	if (lab_look(lab.path) < 0)
		fail_msg("%s", lab.err);
	lab_check_all();
}

/* In all directories that damaged files were moved into. */
static unsigned files_aside(void)
{
	DIR *dir = opendir(lab.path);
	const struct dirent *e;
	unsigned files = 0;
	char name[NAME];

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		lab_name(name, "%s/%s", lab.path, e->d_name);
		files += strncmp(e->d_name, "bad-", 4) == 0 ? lab_files(name) : 0;
	}
	closedir(dir);
	return files;
}

/* Moving aside ends at any file: what is left is no store, and the next start moves that too. */
static void test_moved_in_part(void **state)
{
	char name[NAME];

	(void)state;
	for (int renames = 0; renames <= 3; renames++) {
		(void)tree_remove(lab.path);
		lab_start();
		lab_put(1);
		lab_stop();
		for (unsigned run = 0; run < 2; run++) {
			lab_start();
			lab_put_item(FEED_BEGIN, 0, 0);
			lab_put(2 + run);
			lab_wait_written();
			lab_kill();
		}
		assert_int_equal(lab_files(lab.path), 3);
		lab_name(name, "%s", lab_entry(lab.path, ".seg", 2));
		lab_write(name, "x", 1);
		disk.renames = renames;
		assert_int_equal(lab_open(lab.path), renames < 3 ? -EIO : 0);
		assert_int_equal(lab.told_count, 0);
		if (renames == 3)
			lab_stop();
		disk.renames = -1;
		if (renames < 3) {
			assert_int_equal(lab_files(lab.path), 3 - renames);
			assert_int_equal(lab_look(lab.path), 0);
			assert_true(lab.start.was_moved);
			assert_int_equal(lab.told_count, 0);
		}
		assert_int_equal(files_aside(), 3);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		T(test_full),
		T(test_full_and_killed),
		T(test_full_again),
		T(test_nothing_given_up_comes_back),
		T(test_sync_fails),
		T(test_sync_fails_once),
		T(test_broken_walk),
		T(test_end_of_a_broken_walk),
		T(test_no_new_file),
		T(test_no_rename),
		T(test_read_only_at_start),
		T(test_sync_fails_again_and_again),
		T(test_no_room_for_one_file_of_many),
		T(test_empty_files_make_no_row),
		T(test_empty_file_goes),
		T(test_stopped_before_all_is_anew),
		T(test_no_file_at_start),
		T(test_no_file_at_first_start),
		T(test_moved_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
