/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host thread of accounting: takes events out of the control core's ring, makes lines of them,
 * and writes them to a file or a socket. What is not taken there waits in a buffer of bounded
 * size; when that is full events wait in the ring, and when that is full the control core counts
 * them as lost. Everything that may block (disk, collector) blocks nobody but this thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct accounting;
struct acct_event;
struct acct_report;
struct conf;

/* Where events come from: the control core's functions, or a test's. Called by the thread. */
struct accounting_ops {
	void *ctx;
	uint32_t (*take)(void *ctx, struct acct_event *out, uint32_t max);
	void (*report)(void *ctx, const struct acct_report *r);
};

struct accounting_opts {
	const struct conf *conf; /* node, accounting */
	struct accounting_ops ops;
	uint32_t stop_ms; /* accounting_stop() waits for the disk or the collector; 0 = 5 s */
};

/* 0, or -errno with a line in err: the file cannot be written. A collector need not be there. */
int accounting_start(
	const struct accounting_opts *opts, struct accounting **out, char *err, size_t err_len);
/* The file was renamed, for instance by logrotate: open it anew. Also fine in a signal handler. */
void accounting_reopen(struct accounting *a);
/* Writes what there is, joins the thread; NULL is fine. */
void accounting_stop(struct accounting *a);
