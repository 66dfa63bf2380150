/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where lines go: a file that is rotated and opened anew, or a Unix stream socket of a collector.
 * One owner, a host thread. Whole lines or their continuation are handed in; the owner calls
 * sink_between() and sink_reopen() only when the last line was taken to its end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sink;

struct sink_ops {
	ssize_t (*write)(struct sink *s, const char *buf, size_t len, uint64_t now_ms);
	void (*between)(struct sink *s, uint64_t now_ms, int64_t unix_s);
	void (*reopen)(struct sink *s, uint64_t now_ms);
	void (*close)(struct sink *s);
};

struct sink { /* the first member of each kind */
	const struct sink_ops *ops;
	const char *path; /* for messages */
	int fd; /* -1: not open. What poll() may say of it: POLLOUT, POLLHUP */
};

/* The octets taken, at least one; -EAGAIN: none now; -EPIPE: none, and a line begun has to be
 * handed in again from its start; else -errno: none now, and somebody should know. */
static inline ssize_t sink_write(struct sink *s, const char *buf, size_t len, uint64_t now_ms)
{
	return s->ops->write(s, buf, len, now_ms);
}

/* What is due between two lines: rotation, forcing to the disk. */
static inline void sink_between(struct sink *s, uint64_t now_ms, int64_t unix_s)
{
	s->ops->between(s, now_ms, unix_s);
}

/* Somebody renamed the file; connect anew. */
static inline void sink_reopen(struct sink *s, uint64_t now_ms)
{
	s->ops->reopen(s, now_ms);
}

static inline void sink_close(struct sink *s)
{
	s->ops->close(s);
}

struct sink_file_opts {
	const char *path;
	uint64_t rotate_bytes; /* 0 = never */
	uint32_t rotate_s; /* 0 = never */
	uint32_t rotate_keep;
	uint32_t sync_s; /* 0 = never */
};

/* 0, or -errno with a line in err: cannot be opened, is no regular file, is another process's. */
int sink_file_open(const struct sink_file_opts *opts, struct sink **out, char *err, size_t err_len);
/* 0 or -ENOMEM. Connects when there is something to write, and tries again every second. */
int sink_socket_open(const char *path, struct sink **out);
