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
#define ASIDE      "bad-"
#define ASIDE_MAX  100 /* names that are tried for one second */
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
	if (strncmp(name, ASIDE, strlen(ASIDE)) == 0 && strlen(name) < sizeof(d->aside)) {
		if (strcmp(name, d->aside) > 0)
			snprintf(d->aside, sizeof(d->aside), "%s", name);
		return 0;
	}
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
	d->aside[0] = '\0';
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

/* A directory whose name is not on disk goes with all that is in it when the power does. */
static int make_one(const char *path, const char *parent, mode_t mode)
{
	int fd, ret = 0;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open(*parent != '\0' ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int make(const char *path)
{
	char parent[sizeof(((struct store_dir *)NULL)->path)];
	char above[sizeof(parent)];
	int ret;

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	ret = make_one(path, parent, 0700);
	if (ret != -ENOENT || parent[0] == '\0')
		return ret;
	snprintf(above, sizeof(above), "%s", parent);
	*strrchr(above, '/') = '\0';
	ret = make_one(parent, above, 0750);
	return ret == 0 ? make_one(path, parent, 0700) : ret;
}

bool store_is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

bool store_dir_is_there(const struct store_dir *d)
{
	struct stat here, there;

	if (fstat(d->fd, &here) < 0 || stat(d->path, &there) < 0)
		return !store_is_gone(errno);
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
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
		if (store_dir_is_there(d)) /* it may have been moved away just now */
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
	int ret;

	if (fstat(d->fd, &st) < 0) {
		ret = -errno;
		snprintf(err, err_len, "store %s: %s", d->path, strerror(-ret));
		return ret;
	}
	if ((st.st_uid == geteuid() || st.st_uid == 0) && (st.st_mode & 022) == 0)
		return 0;
	snprintf(err, err_len,
		"store %s: others can write to it (owner %u, mode %03o): chown it to hamd's user, "
		"chmod 700",
		d->path, st.st_uid, st.st_mode & 07777);
	return -EPERM;
}

static int enter(struct store_dir *d, char *err, size_t err_len)
{
	int ret = lock(d, err, err_len);

	if (ret == 0)
		ret = check_rights(d, err, err_len);
	return ret == 0 ? list(d, err, err_len) : ret;
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
	ret = enter(d, err, err_len);
	if (ret < 0)
		store_dir_close(d);
	return ret;
}

int store_dir_again(struct store_dir *d, char *err, size_t err_len)
{
	struct store_dir now = *d;
	int ret;

	now.fd = -1;
	ret = enter(&now, err, err_len);
	if (ret == 0 && now.count > 0) {
		snprintf(err, err_len, "store %s: there is another one now", d->path);
		ret = -ENOTEMPTY;
	}
	if (ret < 0) {
		store_dir_close(&now);
		return ret;
	}
	store_dir_close(d);
	*d = now;
	return 0;
}

void store_dir_close(struct store_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* bad-20260131T235959Z, with a number behind it when there is one already. Opens it. */
static int make_aside(struct store_dir *d)
{
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;
	int fd;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (unsigned i = 1; i <= ASIDE_MAX; i++) {
		snprintf(d->aside, sizeof(d->aside), i == 1 ? ASIDE "%s" : ASIDE "%s-%u", stamp, i);
		if (mkdirat(d->fd, d->aside, 0700) == 0)
			break;
		if (errno != EEXIST || i == ASIDE_MAX)
			return -errno;
	}
	fd = openat(d->fd, d->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : -errno;
}

/* Where it is going first: a name that is in neither directory is lost. */
static int move_file(const struct store_dir *d, uint64_t number, int to)
{
	char name[STORE_NAME_LEN];

	store_file_name(number, name);
	if (renameat(d->fd, name, to, name) < 0 || fsync(to) < 0 || fsync(d->fd) < 0)
		return -errno;
	return 0;
}

int store_dir_move_aside(struct store_dir *d, char *err, size_t err_len)
{
	int to = make_aside(d), ret = to < 0 ? to : 0;
	uint32_t moved = 0;

	while (ret == 0 && moved < d->count) {
		ret = move_file(d, d->number[moved], to);
		moved += ret == 0;
	}
	if (to >= 0)
		close(to);
	if (ret < 0) {
		if (to >= 0 && moved == 0)
			(void)unlinkat(d->fd, d->aside, AT_REMOVEDIR);
		snprintf(err, err_len, "cannot be moved aside: %s", strerror(-ret));
		return ret;
	}
	d->count = 0;
	return 0;
}
