/* SPDX-License-Identifier: BSD-3-Clause */
/* The store that is moved or removed while hamd runs, or a file of it. */
#include "store_disk.h"

#include <sys/file.h>

/* --- moved and removed while hamd runs --- */

static void fill_all(void)
{
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
}

/* Until that has been asked for whether all is there, and what came of it is told. */
static void look_again(void)
{
	unsigned stats = disk.stats;

	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(disk.stats > stats);
	lab_put(0);
	lab_flush();
	WAIT_FOR(is_failed() || feed_written(lab.feed) >= lab.puts);
	assert_false(is_failed());
}

/* It is told, and all is written anew where a start will look for it. */
static void check_is_missed(void)
{
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_ERRNO), ENOENT);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	lab_kill(); /* before it is told anew: no damage, and it is said that something is missing */
	disk.on = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost || lab.start.is_new);
	assert_false(lab.start.was_moved);
	disk.on = true;
	lab_start();
	disk.skip_ms += 1000 * STORE_LOOK_S;
	pause_us(5000);
	assert_false(is_failed());
	if (!lab_answer())
		lab_checkpoint();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

static void test_directory_removed(void **state)
{
	(void)state;
	fill_all();
	(void)tree_remove(lab.path);
	check_is_missed();
}

static void test_file_removed(void **state)
{
	(void)state;
	fill_all();
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
	check_is_missed();
}

/* That one is missing: 0 is what the file needs that is written, 1 that file. */
static void check_one_of_two(unsigned missing)
{
	fill_all();
	lab_stop();
	lab_start();
	assert_int_equal(lab_files(lab.path), 2);
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", missing)), 0);
	check_is_missed();
}

/* The file that is written, and those before it are there. */
static void test_last_file_removed(void **state)
{
	(void)state;
	check_one_of_two(1);
}

/* Nor is it written among the files of another store: that has to be taken away first. */
static void test_directory_replaced(void **state)
{
	char moved[NAME];

	(void)state;
	lab_name(moved, "%s/moved", lab.base);
	fill_all();
	assert_int_equal(rename(lab.path, moved), 0);
	lab_copy(moved, lab.path);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == ENOTEMPTY);
	assert_int_equal(lab_files(lab.path), 1);
	(void)tree_remove(lab.path);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	assert_int_equal(lab_files(moved), 1); /* as it was */
}

/* All files, to make room on a full disk; the directory stays. */
static void test_all_files_removed(void **state)
{
	(void)state;
	fill_all();
	disk.room = 10;
	lab_put(1);
	lab_flush();
	WAIT_FOR(is_failed());
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
	assert_int_equal(lab_files(lab.path), 0);
	disk.room = -1;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	look_again();
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 1);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* One that the file being written needs. */
static void test_needed_file_removed(void **state)
{
	(void)state;
	check_one_of_two(0);
}

/* The newest, with something in it: what is before it says where mobile nodes were, not are. */
static void test_nothing_before_the_newest(void **state)
{
	(void)state;
	fill_all();
	lab_stop();
	lab_start();
	lab_put(3); /* moved */
	lab_wait_synced();
	assert_int_equal(lab_files(lab.path), 2);
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 1)), 0);
	disk_stop_clock();
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	lab_put(12);
	lab_wait_written();
	assert_int_equal(lab_files(lab.path), 1);
	lab_kill();
	disk.on = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost);
	assert_false(lab.start.was_moved);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], k == 12 ? lab.now[k] : 0);
}

/* A directory in its place keeps that name: the next file has another one. */
static void test_directory_for_a_file(void **state)
{
	char name[NAME];

	(void)state;
	fill_all();
	lab_stop();
	lab_start();
	lab_put(3);
	lab_wait_synced();
	lab_name(name, "%s", lab_entry(lab.path, ".seg", 1));
	assert_int_equal(unlink(name), 0);
	assert_int_equal(mkdir(name, 0700), 0);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* What is kept in the first file, in the second beside it, in the third: keys of a row. */
static void fill_three(void)
{
	fill_all();
	for (unsigned life = 0; life < 2; life++) {
		lab_stop();
		lab_start();
		for (unsigned k = 0; k < 10; k++)
			lab_put(5 * life + k);
		lab_wait_synced();
	}
	assert_int_equal(lab_files(lab.path), 3);
}

/* Killed before all is written anew, what is behind the missing file is there, as it was said last,
 * and nothing of what is before it. */
static void test_newest_are_kept(void **state)
{
	static const struct {
		unsigned missing;
		int fail_unlink; /* or killed before anything is removed */
		unsigned files, from; /* left; the first key that is told */
	} rows[] = { { 0, 0, 2, 0 }, { 1, 0, 1, 5 }, { 1, EIO, 2, 5 } };

	for (size_t i = 0; i < DIM(rows); i++) {
		fill_three();
		assert_int_equal(unlink(lab_entry(lab.path, ".seg", rows[i].missing)), 0);
		disk.fail_unlink = rows[i].fail_unlink;
		disk_stop_clock();
		disk.skip_ms += 1000 * STORE_LOOK_S;
		WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
		lab_put(12); /* nothing that comes then is lost, nor is there a moment for a kill */
		lab_wait_written();
		assert_false(is_failed()); /* all may be told anew at once */
		disk.fail_unlink = 0;
		assert_int_equal(lab_files(lab.path), rows[i].files);
		lab_kill();
		disk.on = false;
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.found.is_lost);
		assert_false(lab.start.was_moved);
		for (unsigned k = 0; k < KEYS; k++)
			assert_int_equal(lab.told[k], k >= rows[i].from && k < 15 ? lab.now[k] : 0);
		disk_teardown(state);
		disk_setup(state);
	}
}

/* One of what is left is no file that can be read: as if it were missing. A disk that fails is another
 * thing: it is tried again. */
static void test_no_file_is_missing_too(void **state)
{
	static const struct {
		int error;
		bool is_tried_again;
	} rows[] = {
		{ ELOOP, false },
		{ EISDIR, false },
		{ EACCES, false },
		{ EPERM, false },
		{ EIO, true },
		{ ENOSPC, true },
		{ EROFS, true },
	};

	for (size_t i = 0; i < DIM(rows); i++) {
		fill_three();
		assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
		disk.fail_change = rows[i].error;
		disk_stop_clock();
		disk.skip_ms += 1000 * STORE_LOOK_S;
		WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
		if (rows[i].is_tried_again) {
			WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == (uint64_t)rows[i].error);
			assert_int_equal(lab_files(lab.path), 2);
			disk.fail_change = 0;
		}
		disk.skip_ms += 61000;
		WAIT_FOR(!is_failed());
		assert_int_equal(lab_files(lab.path), rows[i].is_tried_again ? 2 : 1);
		lab_kill();
		disk.on = false;
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.found.is_lost);
		assert_false(lab.start.was_moved);
		for (unsigned k = 5; k < 15; k++)
			assert_int_equal(lab.told[k], lab.now[k]);
		disk_teardown(state);
		disk_setup(state);
	}
}

/* Stopped before anybody looked, or while it failed for another reason: the same. */
static void test_missing_at_end(void **state)
{
	for (unsigned fails = 0; fails < 2; fails++) {
		fill_three();
		if (fails != 0) {
			disk.fail_sync = EIO;
			lab_put(12);
			lab_flush();
			WAIT_FOR(is_failed());
			disk.fail_open = EROFS; /* that is how it stays until the end */
			disk.fail_sync = 0;
		}
		assert_int_equal(unlink(lab_entry(lab.path, ".seg", 1)), 0);
		lab_stop();
		disk.on = false;
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.found.is_lost);
		assert_false(lab.start.was_moved || lab.start.found.is_closed);
		for (unsigned k = 0; k < KEYS; k++)
			if (fails == 0 || k != 12)
				assert_int_equal(lab.told[k], k >= 5 && k < 15 ? lab.now[k] : 0);
		disk_teardown(state);
		disk_setup(state);
	}
}

/* On a disk that takes no mark nothing is removed either. */
static void test_nothing_goes_without_a_mark(void **state)
{
	(void)state;
	fill_three();
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 1)), 0);
	disk.fail_sync = EIO;
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == EIO);
	assert_true(is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	disk.fail_sync = 0;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* A mark that may have got there or not, and then the missing file is there again: all counts. */
static void test_file_comes_back(void **state)
{
	char name[NAME], kept[NAME];

	for (int syncs = 0; syncs < 2;
		syncs++) { /* of a file that was closed; of the one written */
		fill_three();
		lab_name(name, "%s", lab_entry(lab.path, ".seg", 1));
		lab_name(kept, "%s/kept", lab.base);
		assert_int_equal(rename(name, kept), 0);
		disk_stop_clock();
		disk.syncs = syncs;
		disk.fail_sync = EIO;
		disk.skip_ms += 1000 * STORE_LOOK_S;
		WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == EIO);
		assert_int_equal(rename(kept, name), 0);
		disk.fail_sync = 0;
		disk.skip_ms += 61000;
		WAIT_FOR(!is_failed());
		lab_kill();
		disk.on = false;
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.found.is_lost);
		lab_check_all();
		disk_teardown(state);
		disk_setup(state);
	}
}

/* The path names another directory, all at once. */
static void turn_to(const char *to)
{
	char link[NAME];

	lab_name(link, "%s/link", lab.base);
	assert_int_equal(symlink(to, link), 0);
	assert_int_equal(rename(link, lab.path), 0);
}

/* The store is `mine`, and then there is another one where it was. */
static void put_other_there(char mine[static NAME], char other[static NAME])
{
	lab_name(mine, "%s/mine", lab.base);
	lab_name(other, "%s/other", lab.base);
	assert_int_equal(mkdir(mine, 0700), 0);
	turn_to(mine);
	fill_all();
	lab_copy(mine, other);
	turn_to(other);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == ENOTEMPTY);
}

/* What comes back is hamd's own, and was nobody else's meanwhile. */
static void test_directory_comes_back(void **state)
{
	char mine[NAME], other[NAME];
	int fd;

	(void)state;
	put_other_there(mine, other);
	fd = open(mine, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fd);
	turn_to(mine);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	lab_put(1);
	lab_wait_written();
	lab_copy(mine, other);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(other), 0); /* a kill before all was anew */
	assert_true(lab.start.found.is_lost);
	assert_int_equal(lab_look(mine), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* A file system that does not answer has not lost anything. */
static void test_nothing_is_said_of_a_name(void **state)
{
	static const int errors[] = { EIO, EACCES, ETIMEDOUT };

	(void)state;
	fill_all();
	for (unsigned i = 0; i < DIM(errors); i++) {
		disk.fail_stat = errors[i];
		look_again();
		disk.fail_stat = 0;
		lab_put(i);
		lab_wait_synced();
	}
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 0);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

static bool is_logged(const char *path, const char *text)
{
	struct buf b = lab_read(path);
	bool is = memmem(b.p, b.n, text, strlen(text)) != NULL;

	buf_free(&b);
	return is;
}

/* Why it does not come back is another reason than why it went. */
static void test_reasons_are_logged(void **state)
{
	char mine[NAME], other[NAME], log[NAME];
	int err = dup(STDERR_FILENO), to;

	(void)state;
	lab_name(log, "%s/log", lab.base);
	to = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(err >= 0 && to >= 0 && dup2(to, STDERR_FILENO) >= 0);
	log_set_level(LOG_WARN);
	put_other_there(mine, other);
	lab_stop();
	log_set_level(LOG_ERR);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	close(err);
	close(to);
	assert_true(is_logged(log, "it was moved or removed"));
	assert_true(is_logged(log, "there is another one now"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		T(test_directory_removed),
		T(test_file_removed),
		T(test_last_file_removed),
		T(test_directory_replaced),
		T(test_all_files_removed),
		T(test_nothing_before_the_newest),
		T(test_directory_for_a_file),
		T(test_newest_are_kept),
		T(test_no_file_is_missing_too),
		T(test_missing_at_end),
		T(test_nothing_goes_without_a_mark),
		T(test_file_comes_back),
		T(test_needed_file_removed),
		T(test_directory_comes_back),
		T(test_nothing_is_said_of_a_name),
		T(test_reasons_are_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
