/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: a directory of files to which a thread of its own appends what the control core hands
 * over by a feed (records/feed.h), in order, and which is read once, at start.
 *
 * Each start begins a new file and asks for all records, which makes the files before it
 * superfluous; so does the control core when a file has grown to twice of what it has to say. What
 * is written outlives the process at once; it is forced to disk so often that a loss of power costs
 * no more than sync_ms, as far as the disk goes.
 *
 * Nobody waits for the thread. When it cannot write (disk full, read-only), or what it writes was
 * moved away or removed, it says so once, throws away what it is handed, tries again after 1 s,
 * 2 s, ... 60 s, and asks for all records when it can. docs/decisions/010-store.md says why it is
 * no data base.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/store_read.h"

struct feed;
struct store;

struct store_opts {
	const char *path;
	uint32_t sync_ms;
	bool refuse_damage; /* else a damaged store is moved aside */
	const char *const *domains; /* names by number; must outlive the store */
	/* By the same number: nothing is acknowledged there before it is written. */
	const bool *waits;
	uint32_t domain_count; /* at most STORE_DOMAINS_MAX */
	/* Times in images are so far ahead of CLOCK_MONOTONIC, milliseconds. */
	int64_t clock_ms;
	struct feed *feed;
};

struct store_start {
	struct store_found found;
	bool is_new; /* there was none, or none that could be believed: nothing is known */
	bool was_moved; /* it was damaged and is at: */
	char moved_to[4200];
	/* By number: for how long all bindings of the domain have been known until now, also across
	 * starts; 0: some may have been forgotten. */
	uint64_t known_ms[STORE_DOMAINS_MAX];
};

/*
 * Locks it, reads it, tells `reader` what is in it, begins a new file. 0, or -errno with a line in
 * err: hamd must not run then, and nothing was changed. A store that can be read but not written
 * is no failure; the feed's statistics say so. Runs in the caller's thread.
 */
int store_open(const struct store_opts *opts, const struct store_reader *reader, struct store **out,
	struct store_start *start, char *err, size_t err_len);
int store_run(struct store *s, char *err, size_t err_len); /* starts the thread */
/* Writes what is in the feed, closes the files, joins the thread; NULL is fine. The feed's
 * producer must have stopped. is_all: it has handed over everything; else the store says that
 * something is missing. */
void store_stop(struct store *s, bool is_all);
