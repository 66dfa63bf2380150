/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the store still where the next start will look for it? An operator, or a job that cleans up,
 * may have moved or removed the directory, or a file in it, while hamd runs: it could be written
 * to for ever, and nobody would read it. That counts as a failure of the disk, so that somebody is
 * told, and all that is known is written anew: at once where only files are missing, where the
 * directory has gone as often as a disk is tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/store_priv.h"

static bool is_named(const struct store *s, uint64_t number)
{
	char name[STORE_NAME_LEN];
	struct stat st;

	store_file_name(number, name);
	return fstatat(s->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || !store_is_gone(errno);
}

static bool is_written_there(const struct store *s)
{
	char name[STORE_NAME_LEN];
	struct stat there, here;

	store_file_name(s->w.number, name);
	if (fstatat(s->dir.fd, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || fstat(s->w.fd, &here) < 0)
		return !store_is_gone(errno);
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static bool lacks_old(const struct store *s)
{
	for (uint32_t i = 0; i < s->old_count; i++)
		if (!is_named(s, s->old[i].number))
			return true;
	return false;
}

bool store_is_there(const struct store *s)
{
	return store_dir_is_there(&s->dir) && !lacks_old(s) && (s->w.fd < 0 || is_written_there(s));
}

/* The number of a file that has gone is free: one that is missing in between would be damage. */
static void leave_file(struct store *s, bool is_free)
{
	if (is_free)
		s->next_number = s->w.number;
	store_writer_close(&s->w);
}

/* Damaged, or put there by somebody else in its place: as good as missing, and no retry mends it. */
static bool is_no_file(int ret)
{
	return ret == -EBADMSG || ret == -ELOOP || ret == -EISDIR || ret == -EACCES ||
	       ret == -EPERM;
}

/*
 * One of several is missing. What is behind the last that is says of each of its mobile nodes what was
 * said last, as far as it could be written (nothing was taken since the look that missed the file), so
 * it is a store with something lost, and until all is written anew the only one: first of all it is
 * made one, by the mark of its first file, on disk. Then those before it, which say what may have been
 * taken back in the missing one, count for nothing, and go.
 */
static int keep_newest(struct store *s)
{
	uint32_t first = s->old_count;
	int ret = 0;

	while (first > 0 && is_named(s, s->old[first - 1].number))
		first--;
	while (first < s->old_count &&
		is_no_file((ret = store_file_set_first(s->dir.fd, s->old[first].number))))
		first++;
	if (first == s->old_count) /* without any the next file is whole */
		ret = s->w.fd < 0 ? 0
				  : store_writer_flag(
					    &s->w, s->w.mark.flags | SEGMENT_WHOLE | SEGMENT_LOST);
	if (ret == 0)
		store_remove_old(s, first);
	return ret;
}

/* The newest is missing: what is left may have been taken back in it. Oldest first: wherever that ends,
 * nobody takes it for a store. The next file is whole. */
static void remove_rest(struct store *s)
{
	char name[STORE_NAME_LEN];

	store_remove_old(s, s->old_count);
	store_file_name(s->w.number, name);
	(void)unlinkat(s->dir.fd, name, 0); /* else the next one takes its name */
	leave_file(s, true);
}

static int let_go(struct store *s)
{
	bool has_lost_file = s->w.fd >= 0 && !is_written_there(s);

	if (lacks_old(s) && !has_lost_file)
		return keep_newest(s);
	if (lacks_old(s) || (has_lost_file && s->has_records))
		remove_rest(s);
	else if (has_lost_file) /* nothing was taken back in it */
		leave_file(s, !is_named(s, s->w.number));
	return 0;
}

int store_come_back(struct store *s, char *err, size_t err_len)
{
	int ret;

	if (store_dir_is_there(&s->dir)) {
		ret = let_go(s);
		if (ret < 0)
			snprintf(err, err_len, "store %s: what is left of it: %s", s->dir.path,
				strerror(-ret));
		return ret;
	}
	ret = store_dir_again(&s->dir, err, err_len);
	if (ret < 0)
		return ret;
	s->old_count = 0;
	if (s->w.fd >= 0)
		leave_file(s, true);
	return 0;
}
