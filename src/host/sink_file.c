/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines into a file. Written with O_APPEND in pieces that end with a line, so that what a full
 * disk leaves half done goes on exactly there. A lock on the file keeps a second hamd out.
 */
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

#include "common/log.h"
#include "common/util.h"
#include "host/sink.h"

#define TAG "accounting"

#define PIECE     262144 /* octets a write, if a line is not longer */
#define AGAIN_MS  1000 /* when the file could not be opened anew */
#define LOOK_MS   1000 /* between two looks whether it is still there */
#define RENAME_MS 60000 /* when it could not be renamed */

struct file {
	struct sink s;
	struct sink_file_opts o;
	char *path;
	uint64_t size;
	int64_t slot; /* of rotate_s, in which it was written last */
	bool dirty; /* since the last sync */
	uint64_t synced_ms;
	uint64_t reopen_ms; /* not 0: it has to be opened anew, then */
	uint64_t rename_ms; /* not before */
	uint64_t look_ms; /* when to look whether it is still there */
	bool removed; /* who wrote on would write for nobody */
};

static int64_t slot_of(const struct file *f, int64_t unix_s)
{
	return f->o.rotate_s > 0 ? unix_s / f->o.rotate_s : 0;
}

/* A process that was killed may have left half a line. 0 or -errno. */
static int end_torn_line(struct file *f, int fd)
{
	char last = '\n';

	if (f->size == 0)
		return 0;
	if (pread(fd, &last, 1, (off_t)f->size - 1) < 0)
		return -errno;
	if (last == '\n')
		return 0;
	log_warn(TAG, "the last line was cut off file=%s", f->path);
	if (write(fd, "\n", 1) != 1)
		return -errno;
	f->size++;
	return 0;
}

/* Nobody renamed it. */
static bool is_open(const struct file *f, const struct stat *st)
{
	struct stat now;

	return f->s.fd >= 0 && fstat(f->s.fd, &now) == 0 && now.st_dev == st->st_dev &&
	       now.st_ino == st->st_ino;
}

/* Is it one to write to, and nobody else's? 0 or -errno, and why. */
static int claim(int fd, const struct stat *st, const char **why)
{
	if (!S_ISREG(st->st_mode)) {
		*why = "not a regular file";
		return -EINVAL;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		*why = "another process writes it";
	return -errno;
}

/* The file is f's, in place of what it had; nothing happens when it is that. 0 or -errno, and
 * why. */
static int open_it(struct file *f, const char **why)
{
	int fd = open(
		f->path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	struct stat st;
	int ret;

	*why = NULL;
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret < 0 || is_open(f, &st))
		goto out;
	ret = claim(fd, &st, why);
	if (ret < 0)
		goto out;
	f->size = (uint64_t)st.st_size;
	f->slot = slot_of(f, st.st_mtime);
	ret = end_torn_line(f, fd);
	if (ret < 0)
		goto out;
	if (f->s.fd >= 0)
		close(f->s.fd);
	f->s.fd = fd;
	fd = -1;
out:
	if (fd >= 0)
		close(fd);
	if (ret == 0) {
		f->reopen_ms = 0;
		f->removed = false;
	}
	return ret;
}

static void sync_it(struct file *f, uint64_t now_ms)
{
	f->synced_ms = now_ms;
	if (!f->dirty || f->o.sync_s == 0)
		return;
	f->dirty = false;
	if (fdatasync(f->s.fd) < 0)
		log_err(TAG, "what was written may be lost file=%s error=\"%s\"", f->path,
			strerror(errno));
}

/* --- opening anew --- */

static void file_reopen(struct sink *s, uint64_t now_ms)
{
	struct file *f = container_of(s, struct file, s);
	const char *why;
	int ret;

	sync_it(f, now_ms);
	ret = open_it(f, &why);
	if (ret == 0) {
		log_info(TAG, "opened anew file=%s", f->path);
		return;
	}
	if (f->reopen_ms == 0)
		log_warn(TAG, "cannot be opened anew, %s file=%s error=\"%s\"",
			f->removed ? "lines wait" : "the old one is written on", f->path,
			why != NULL ? why : strerror(-ret));
	f->reopen_ms = now_ms + AGAIN_MS;
}

/* Renamed it may be, somebody reads it then; but not without any name. */
static void look(struct file *f, uint64_t now_ms)
{
	struct stat st;

	f->look_ms = now_ms + LOOK_MS;
	if (f->removed || fstat(f->s.fd, &st) < 0 || st.st_nlink > 0)
		return;
	log_warn(TAG, "was removed, with all lines in it, a new one is begun file=%s", f->path);
	f->removed = true;
	file_reopen(&f->s, now_ms);
}

static int rename_numbered(const struct file *f, uint32_t from, uint32_t to)
{
	size_t room = strlen(f->path) + 16;
	char *a = malloc(room), *b = malloc(room);
	int ret = -ENOMEM;

	if (a != NULL && b != NULL) {
		snprintf(a, room, from > 0 ? "%s.%" PRIu32 : "%s", f->path, from);
		snprintf(b, room, "%s.%" PRIu32, f->path, to);
		ret = rename(a, b) < 0 && errno != ENOENT ? -errno : 0;
	}
	free(a);
	free(b);
	return ret;
}

static void rotate(struct file *f, uint64_t now_ms)
{
	uint64_t size = f->size;
	int ret = 0;

	for (uint32_t i = f->o.rotate_keep; i-- > 0 && ret == 0;)
		ret = rename_numbered(f, i, i + 1);
	if (ret < 0) {
		log_warn(TAG, "cannot be rotated file=%s error=\"%s\"", f->path, strerror(-ret));
		f->rename_ms = now_ms + RENAME_MS;
		return;
	}
	log_info(TAG, "rotated file=%s bytes=%" PRIu64, f->path, size);
	file_reopen(&f->s, now_ms);
}

static bool is_rotation_due(const struct file *f, uint64_t now_ms, int64_t unix_s)
{
	if (f->size == 0 || now_ms < f->rename_ms || f->reopen_ms != 0)
		return false;
	return (f->o.rotate_bytes > 0 && f->size >= f->o.rotate_bytes) ||
	       slot_of(f, unix_s) != f->slot;
}

static void file_between(struct sink *s, uint64_t now_ms, int64_t unix_s)
{
	struct file *f = container_of(s, struct file, s);

	if (now_ms >= f->look_ms)
		look(f, now_ms);
	if (f->reopen_ms != 0 && now_ms >= f->reopen_ms)
		file_reopen(s, now_ms);
	if (is_rotation_due(f, now_ms, unix_s))
		rotate(f, now_ms);
	if (f->size == 0)
		f->slot = slot_of(f, unix_s);
	if (f->o.sync_s > 0 && now_ms - f->synced_ms >= 1000ULL * f->o.sync_s)
		sync_it(f, now_ms);
}

/* --- writing --- */

/* As many lines as a piece holds; the first one whole. */
static size_t piece_of(const char *buf, size_t len)
{
	const char *end = len > PIECE ? memrchr(buf, '\n', PIECE) : NULL;

	if (len <= PIECE)
		return len;
	if (end == NULL)
		end = memchr(buf + PIECE, '\n', len - PIECE);
	return end != NULL ? (size_t)(end - buf) + 1 : len;
}

/* A full disk takes no more, in the middle of a line, and to make room somebody removed the file:
 * there will be no room as long as it is held. The line begins anew, in the next file. */
static ssize_t refused(struct file *f, int error)
{
	struct stat st;

	if (fstat(f->s.fd, &st) < 0 || st.st_nlink > 0)
		return -error;
	f->look_ms = 0;
	return -EPIPE;
}

static ssize_t file_write(struct sink *s, const char *buf, size_t len, uint64_t now_ms)
{
	struct file *f = container_of(s, struct file, s);
	ssize_t n;

	if (f->removed)
		return -ENOENT;
	n = write(s->fd, buf, piece_of(buf, len));
	if (n < 0 && errno != EINTR)
		return refused(f, errno);
	if (n <= 0)
		return -EAGAIN;
	if (!f->dirty)
		f->synced_ms = now_ms; /* the interval begins with the first octet */
	f->dirty = true;
	f->size += (uint64_t)n;
	return n;
}

/* --- life --- */

static void file_free(struct file *f)
{
	free(f->path);
	free(f);
}

static void file_close(struct sink *s)
{
	struct file *f = container_of(s, struct file, s);

	sync_it(f, 0);
	close(s->fd);
	file_free(f);
}

static const struct sink_ops file_ops = {
	.write = file_write,
	.between = file_between,
	.reopen = file_reopen,
	.close = file_close,
};

int sink_file_open(const struct sink_file_opts *opts, struct sink **out, char *err, size_t err_len)
{
	struct file *f = calloc(1, sizeof(*f));
	const char *why = NULL;
	int ret = -ENOMEM;

	if (f == NULL)
		goto err_say;
	f->s = (struct sink){ .ops = &file_ops, .fd = -1 };
	f->o = *opts;
	f->path = strdup(opts->path);
	if (f->path == NULL)
		goto err_file;
	f->s.path = f->path;
	ret = open_it(f, &why);
	if (ret < 0)
		goto err_file;
	*out = &f->s;
	return 0;

err_file:
	file_free(f);
err_say:
	snprintf(err, err_len, "accounting.file: %s: %s", opts->path,
		why != NULL ? why : strerror(-ret));
	return ret;
}
