/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the store still where the next start will look for it? An operator, or a job that cleans up,
 * may have moved or removed the directory, or a file in it, while hamd runs: it could be written
 * to for ever, and nobody would read it. That counts as a failure of the disk, so that somebody is
 * told, and all that is known is written anew.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "host/store_priv.h"

static bool is_named(const struct store *s, uint64_t number, struct stat *st)
{
	char name[STORE_NAME_LEN];

	store_file_name(number, name);
	return fstatat(s->dir.fd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_written_there(const struct store *s)
{
	struct stat there, here;

	return is_named(s, s->w.number, &there) && fstat(s->w.fd, &here) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

bool store_is_there(const struct store *s)
{
	struct stat st;

	if (!store_dir_is_there(&s->dir))
		return false;
	for (uint32_t i = 0; i < s->old_count; i++)
		if (!is_named(s, s->old[i].number, &st))
			return false;
	return s->w.fd < 0 || is_written_there(s);
}

/* The number of a file that has gone is free: one that is missing in between would be damage. */
static void leave_file(struct store *s, bool is_free)
{
	if (is_free)
		s->next_number = s->w.number;
	store_writer_close(&s->w);
}

static void let_go(struct store *s)
{
	struct stat st;

	if (!store_dir_is_there(&s->dir)) {
		s->old_count = 0;
		if (s->w.fd >= 0)
			leave_file(s, true);
	} else if (s->w.fd >= 0 && !is_written_there(s)) {
		leave_file(s, !is_named(s, s->w.number, &st));
	}
}

int store_come_back(struct store *s)
{
	char err[sizeof(s->dir.path) + 128];

	if (store_is_there(s))
		return 0;
	let_go(s);
	return store_dir_is_there(&s->dir) ? 0 : store_dir_again(&s->dir, err, sizeof(err));
}
