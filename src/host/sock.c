/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 32

/* The directory, held with a lock: two daemons that start at once on one path must not both find
 * a stale socket, or the second removes the first's fresh one. */
static int lock_dir(const char *path, char *err, size_t err_len)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');
	int fd, ret;

	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
		ret = -errno;
		snprintf(err, err_len, "%s: cannot make the directory: %s", dir, strerror(-ret));
		return ret;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		ret = -errno;
		snprintf(err, err_len, "%s: %s", dir, strerror(-ret));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	return fd;
}

/* Takes a dead daemon's socket out of the way. */
static int clear_path(const struct sockaddr_un *addr, char *err, size_t err_len)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st) < 0)
		return 0; /* not there; anything else bind() will say */
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, err_len, "%s: exists and is not a socket", addr->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		ret = -errno;
		snprintf(err, err_len, "socket: %s", strerror(-ret));
		return ret;
	}
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	close(fd);
	if (ret != -ECONNREFUSED) { /* connected, or EAGAIN: it is busy, so it lives */
		snprintf(err, err_len, "%s: another daemon listens there", addr->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(addr->sun_path) < 0 && errno != ENOENT) {
		ret = -errno;
		snprintf(err, err_len, "%s: cannot remove a dead daemon's socket: %s",
			addr->sun_path, strerror(-ret));
		return ret;
	}
	return 0;
}

static int bind_and_listen(struct sock *s, char *err, size_t err_len)
{
	int ret;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* fchmod() first: the file appears with at most this mode; chmod() gives back what the
	 * umask took. */
	if (s->fd < 0 || fchmod(s->fd, 0660) < 0 ||
		bind(s->fd, (const struct sockaddr *)&s->addr, sizeof(s->addr)) < 0)
		goto err;
	s->file_fd = open(s->addr.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (s->file_fd < 0 || chmod(s->addr.sun_path, 0660) < 0 || listen(s->fd, BACKLOG) < 0)
		goto err;
	return 0;

err:
	ret = -errno;
	snprintf(err, err_len, "%s: %s", s->addr.sun_path, strerror(-ret));
	sock_close(s);
	return ret;
}

int sock_open(struct sock *s, const char *path, char *err, size_t err_len)
{
	size_t len = strlen(path);
	int dir, ret;

	*s = (struct sock){ .fd = -1, .file_fd = -1, .addr = { .sun_family = AF_UNIX } };
	if (len == 0 || len >= sizeof(s->addr.sun_path)) {
		snprintf(err, err_len, "%s: a socket's path has 1 to %zu octets", path,
			sizeof(s->addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(s->addr.sun_path, path, len);
	dir = lock_dir(path, err, err_len);
	if (dir < 0)
		return dir;
	ret = clear_path(&s->addr, err, err_len);
	if (ret == 0)
		ret = bind_and_listen(s, err, err_len);
	close(dir);
	return ret;
}

void sock_close(struct sock *s)
{
	struct stat ours, there;

	if (s->file_fd >= 0) {
		if (fstat(s->file_fd, &ours) == 0 && lstat(s->addr.sun_path, &there) == 0 &&
			ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
			unlink(s->addr.sun_path);
		close(s->file_fd);
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->file_fd = -1;
}
