/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX     ".seg"
#define DIGITS     16
#define BAD_SAME_S 100 /* names that are tried for one second */
#define LOCK_TRIES 3

void store_file_name(uint64_t number, char name[static STORE_NAME_LEN])
{
	snprintf(name, STORE_NAME_LEN, "%0*" PRIx64 SUFFIX, DIGITS, number);
}

/* 0: it is no name of a file of the store. */
static uint64_t number_of(const char *name)
{
	char again[STORE_NAME_LEN];
	uint64_t number = strtoull(name, NULL, 16);

	store_file_name(number, again);
	return strcmp(name, again) == 0 ? number : 0;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What a file system or a killed hamd leaves behind is no business of anybody. */
static bool is_harmless(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strcmp(name, "lost+found") == 0 || strcmp(name, STORE_TMP) == 0;
}

static int take_name(struct store_dir *d, const char *name, char *err, size_t err_len)
{
	uint64_t number = number_of(name);

	if (is_harmless(name))
		return 0;
	if (number == 0) {
		snprintf(err, err_len,
			"store %s: %.64s is in it, which is no part of a store: hamd needs a "
			"directory of its own",
			d->path, name);
		return -ENOTEMPTY;
	}
	if (d->count == STORE_FILES_MAX) {
		snprintf(err, err_len, "store %s: more than %d files", d->path, STORE_FILES_MAX);
		return -EMFILE;
	}
	d->number[d->count++] = number;
	return 0;
}

static int list(struct store_dir *d, char *err, size_t err_len)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	d->count = 0;
	if (dir == NULL) {
		ret = -errno;
		snprintf(err, err_len, "store %s: %s", d->path, strerror(-ret));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	/* a directory that cannot be read is not an empty one */
	while (ret == 0 && (errno = 0, e = readdir(dir)) != NULL)
		ret = take_name(d, e->d_name, err, err_len);
	if (ret == 0 && errno != 0) {
		ret = -errno;
		snprintf(err, err_len, "store %s: %s", d->path, strerror(-ret));
	}
	closedir(dir);
	qsort(d->number, d->count, sizeof(d->number[0]), by_number);
	return ret;
}

static int make(const char *path)
{
	char parent[sizeof(((struct store_dir *)NULL)->path)];
	char *slash;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	*slash = '\0';
	if (mkdir(parent, 0750) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

/* It may have been moved aside between open() and flock(). */
static bool is_still_there(const struct store_dir *d)
{
	struct stat here, there;

	return fstat(d->fd, &here) == 0 && stat(d->path, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static int lock(struct store_dir *d, char *err, size_t err_len)
{
	int ret;

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		ret = make(d->path);
		if (ret == 0)
			d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (ret < 0 || d->fd < 0) {
			ret = ret < 0 ? ret : -errno;
			snprintf(err, err_len, "store %s: %s", d->path, strerror(-ret));
			return ret;
		}
		if (flock(d->fd, LOCK_EX | LOCK_NB) < 0)
			break;
		if (is_still_there(d))
			return 0;
		close(d->fd);
		d->fd = -1;
	}
	snprintf(err, err_len, "store %s: another hamd has it", d->path);
	return -EBUSY;
}

/* Whoever writes here makes bindings. */
static int check_rights(const struct store_dir *d, char *err, size_t err_len)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return -errno;
	if ((st.st_uid == geteuid() || st.st_uid == 0) && (st.st_mode & 022) == 0)
		return 0;
	snprintf(err, err_len,
		"store %s: others can write to it (owner %u, mode %03o): chown it to hamd's user, "
		"chmod 700",
		d->path, st.st_uid, st.st_mode & 07777);
	return -EPERM;
}

int store_dir_open(struct store_dir *d, const char *path, char *err, size_t err_len)
{
	size_t len = strlen(path);
	int ret;

	*d = (struct store_dir){ .fd = -1 };
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(d->path)) {
		snprintf(err, err_len, "store: %s", strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	memcpy(d->path, path, len);
	ret = lock(d, err, err_len);
	if (ret == 0)
		ret = check_rights(d, err, err_len);
	if (ret == 0)
		ret = list(d, err, err_len);
	if (ret < 0)
		store_dir_close(d);
	return ret;
}

void store_dir_close(struct store_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* PATH.bad-20260131T235959Z, with a number behind it when there is one already. */
static int free_name(const struct store_dir *d, char *to, size_t to_len)
{
	time_t now = time(NULL);
	char stamp[32];
	struct stat st;
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (unsigned i = 1; i <= BAD_SAME_S; i++) {
		int n = snprintf(
			to, to_len, i == 1 ? "%s.bad-%s" : "%s.bad-%s-%u", d->path, stamp, i);

		if ((size_t)n >= to_len)
			return -ENAMETOOLONG;
		if (lstat(to, &st) < 0)
			return errno == ENOENT ? 0 : -errno;
	}
	return -EEXIST;
}

int store_dir_move_aside(struct store_dir *d, char *to, size_t to_len, char *err, size_t err_len)
{
	struct store_dir fresh;
	int ret = free_name(d, to, to_len);

	if (ret == 0 && rename(d->path, to) < 0)
		ret = -errno;
	if (ret < 0) {
		snprintf(err, err_len, "it cannot be moved aside: %s", strerror(-ret));
		return ret;
	}
	ret = store_dir_open(&fresh, d->path, err, err_len);
	if (ret < 0)
		return ret;
	store_dir_close(d); /* the lock was on what has moved */
	*d = fresh;
	return 0;
}
