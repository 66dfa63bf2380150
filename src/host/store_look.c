/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the store still where the next start will look for it? An operator, or a job that cleans up,
 * may have moved or removed the directory, or a file in it, while hamd runs: it could be written
 * to for ever, and nobody would read it. That counts as a failure of the disk, so that somebody is
 * told, and all that is known is written anew.
 */
#include <errno.h>
#include <fcntl.h>
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

/* Without one of them the others are no store, nor is the file written behind them. What is left
 * goes, oldest first: wherever that ends, nobody takes it for one. The next file is whole. */
static void remove_rest(struct store *s)
{
	char name[STORE_NAME_LEN];

	store_remove_old(s);
	if (s->w.fd < 0)
		return;
	store_file_name(s->w.number, name);
	(void)unlinkat(s->dir.fd, name, 0); /* else the next one takes its name */
	leave_file(s, true);
}

static void let_go(struct store *s)
{
	if (lacks_old(s))
		remove_rest(s);
	else if (s->w.fd >= 0 && !is_written_there(s))
		leave_file(s, !is_named(s, s->w.number));
}

int store_come_back(struct store *s, char *err, size_t err_len)
{
	int ret;

	if (store_dir_is_there(&s->dir)) {
		let_go(s);
		return 0;
	}
	ret = store_dir_again(&s->dir, err, err_len);
	if (ret < 0)
		return ret;
	s->old_count = 0;
	if (s->w.fd >= 0)
		leave_file(s, true);
	return 0;
}
