/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Unix stream socket that hamctl talks to: mode 0660, its directory made (0750) when it is
 * missing. The socket of a daemon that was killed is replaced, that of a running one is not.
 * One owner.
 */
#pragma once

#include <stddef.h>
#include <sys/un.h>

struct sock {
	int fd; /* listening, non-blocking; -1: closed */
	struct sockaddr_un addr;
	int file_fd; /* the file, held open so that its inode number stays its own */
};

/* 0, or -errno with a line in err: -EADDRINUSE another daemon listens there, -EEXIST the path is
 * something else than a socket, -ENAMETOOLONG. */
int sock_open(struct sock *s, const char *path, char *err, size_t err_len);
/* Closes, and removes the file unless it has become somebody else's. Fine when it's closed. */
void sock_close(struct sock *s);
