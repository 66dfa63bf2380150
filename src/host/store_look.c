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
	s->is_cut = false;
}

/* Damaged, or put there by somebody else in its place: as good as missing, and no retry mends it. */
static bool is_no_file(int ret)
{
	return ret == -EBADMSG || ret == -ELOOP || ret == -EISDIR || ret == -EACCES ||
	       ret == -EPERM;
}

/* The mark of the file says that it needs none before it. After a failure it may say so or not. */
static int cut_old(struct store *s, struct old_file *f)
{
	bool changes;
	int ret = store_file_set_first(s->dir.fd, f->number, &changes);

	f->is_cut |= changes;
	return ret;
}

static int cut_written(struct store *s)
{
	if (s->w.fd < 0)
		return 0; /* the next file is whole */
	s->is_cut |= (s->w.mark.flags & SEGMENT_WHOLE) == 0;
	return store_writer_flag(&s->w, s->w.mark.flags | SEGMENT_WHOLE | SEGMENT_LOST);
}

/* Those before them are there again, or another one is the first. */
static int undo_cuts(struct store *s, uint32_t from)
{
	int ret = 0;

	for (uint32_t i = from; ret == 0 && i < s->old_count; i++) {
		if (s->old[i].is_cut)
			ret = store_file_unset_first(s->dir.fd, s->old[i].number);
		if (is_no_file(ret))
			ret = 0; /* no retry mends it */
		s->old[i].is_cut &= ret < 0;
	}
	if (ret == 0 && s->is_cut && from <= s->old_count) {
		ret = store_writer_flag(&s->w, s->w.mark.flags & ~(uint32_t)SEGMENT_WHOLE);
		s->is_cut = ret < 0;
	}
	return ret;
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
	while (first < s->old_count && is_no_file((ret = cut_old(s, &s->old[first]))))
		first++;
	if (first == s->old_count)
		ret = cut_written(s);
	if (ret == 0)
		ret = undo_cuts(s, first + 1);
	if (ret < 0)
		return ret;
	if (first < s->old_count)
		s->old[first].is_cut = false;
	else
		s->is_cut = false;
	store_remove_old(s, first);
	return 0;
}

/* The newest is missing: what is left may have been taken back in it. Oldest first: wherever that ends,
 * nobody takes it for a store. The next file is whole. */
static void remove_rest(struct store *s)
{
	store_remove_old(s, s->old_count);
	leave_file(s, store_unlink_written(s));
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
	return undo_cuts(s, 0);
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
