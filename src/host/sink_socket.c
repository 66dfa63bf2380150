/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines to a collector that listens at a Unix stream socket. A stream because it keeps the order,
 * tells when the other end is gone, and takes as much as fits in one call; datagrams are lost
 * when the receiver's queue, some ten of them, is full.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "host/sink.h"

#define AGAIN_MS 1000

struct sock {
	struct sink s;
	struct sockaddr_un addr;
	uint64_t again_ms; /* not before: to connect */
	int error; /* why it is not connected */
};

static void hang_up(struct sock *k, int error, uint64_t again_ms)
{
	if (k->s.fd >= 0)
		close(k->s.fd);
	k->s.fd = -1;
	k->error = error;
	k->again_ms = again_ms;
}

static int connect_it(struct sock *k, uint64_t now_ms)
{
	if (k->s.fd >= 0)
		return 0;
	if (now_ms < k->again_ms)
		return k->error;
	k->s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->s.fd >= 0 && connect(k->s.fd, (struct sockaddr *)&k->addr, sizeof(k->addr)) == 0)
		return 0;
	/* EAGAIN: too many wait to be accepted. It is no moment's matter, as that of send() is. */
	hang_up(k, errno == EAGAIN ? -EBUSY : -errno, now_ms + AGAIN_MS);
	return k->error;
}

static ssize_t socket_write(struct sink *s, const char *buf, size_t len, uint64_t now_ms)
{
	struct sock *k = container_of(s, struct sock, s);
	int ret = connect_it(k, now_ms);
	ssize_t n;

	if (ret < 0)
		return ret;
	n = send(s->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		return n;
	if (n == 0 || errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	hang_up(k, -errno, now_ms); /* a collector that starts anew is there at once */
	return -EPIPE;
}

static void socket_between(struct sink *s, uint64_t now_ms, int64_t unix_s)
{
	(void)s;
	(void)now_ms;
	(void)unix_s;
}

static void socket_reopen(struct sink *s, uint64_t now_ms)
{
	hang_up(container_of(s, struct sock, s), -ENOTCONN, now_ms);
}

static void socket_close(struct sink *s)
{
	struct sock *k = container_of(s, struct sock, s);

	hang_up(k, 0, 0);
	free(k);
}

static const struct sink_ops socket_ops = {
	.write = socket_write,
	.between = socket_between,
	.reopen = socket_reopen,
	.close = socket_close,
};

int sink_socket_open(const char *path, struct sink **out)
{
	struct sock *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	k->addr.sun_family = AF_UNIX;
	snprintf(k->addr.sun_path, sizeof(k->addr.sun_path), "%s", path);
	k->s = (struct sink){ .ops = &socket_ops, .path = k->addr.sun_path, .fd = -1 };
	*out = &k->s;
	return 0;
}
