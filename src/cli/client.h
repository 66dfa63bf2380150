/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection to the daemon (the protocol: host/api.h). Errors have been said to the user
 * when a function reports them. One owner.
 */
#pragma once

#include "cli/cli.h"

struct client;

/* EXIT_OK and *out, or what to exit with. */
int client_open(const struct cli *cli, struct client **out);
void client_close(struct client *c); /* NULL is fine */
/* How long to wait for an answer, or its next piece, from now on. */
void client_wait(struct client *c, unsigned seconds);

/* Asks `cmd` (the daemon's word for it) with the filters among cli's options that are in
 * `filters`, and the key if it is not NULL. EXIT_OK or EXIT_FAILED. */
int client_ask(struct client *c, const char *cmd, const char *key, const struct cli *cli,
	unsigned filters);
/* From now on an answer may take its time: packets come when they come. SIGINT and SIGTERM end
 * it early: the daemon is told, and the rest of the answer is read as usual; a second one ends
 * hamctl. */
void client_flows(struct client *c);
/* The next document of the answer, without its newline, until the next call; NULL: the end, and
 * *status is EXIT_OK or EXIT_FAILED. */
const char *client_next(struct client *c, int *status);
/* Some of the octets that follow a document: at most *n, *n of them, valid until the next call;
 * NULL: the connection ended, said. */
const char *client_octets(struct client *c, size_t *n);
