/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of a store that is being written (records/segment.h). It appears under its name only
 * when its first page is on disk. Every function returns 0 or -errno and blocks for as long as
 * the disk does. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/segment.h"

struct store_file_opts {
	int dir_fd;
	uint64_t number;
	uint8_t boot[SEGMENT_BOOT_LEN];
	const char *const *domains; /* names by number */
	uint32_t domain_count;
	const uint64_t *known_ms; /* and by number too: since when all their bindings are known */
	const bool *waits; /* by number: nothing is acknowledged there before it is written */
	int64_t clock_ms; /* the file's clock is so far ahead of CLOCK_MONOTONIC */
	uint32_t flags; /* enum segment_flag */
};

struct store_writer {
	int fd; /* -1: closed */
	uint64_t number;
	int64_t clock_ms;
	uint32_t nonce;
	uint64_t length; /* of what is whole in it */
	struct segment_mark mark; /* the last one written */
};

int store_writer_open(struct store_writer *w, const struct store_file_opts *opts);
/* The two halves of it, for a file that is to appear when more than that is in it: behind a failure
 * of either, or instead of the second, store_writer_drop(). */
int store_writer_begin(struct store_writer *w, const struct store_file_opts *opts);
int store_writer_appear(struct store_writer *w, int dir_fd);
void store_writer_drop(struct store_writer *w, int dir_fd);
/* All of it or nothing: what a failure leaves behind length is no frame and counts for nothing. */
int store_writer_append(struct store_writer *w, const void *buf, size_t len);
/* Forces what was appended to disk, then marks it as being there, with these flags. The mark itself
 * is on disk after the next call. */
int store_writer_sync(struct store_writer *w, uint32_t flags);
/* These flags, and no more octets than were marked before. */
int store_writer_flag(struct store_writer *w, uint32_t flags);
/* Takes away what a failed append left, so that one may go on behind it. */
int store_writer_mend(struct store_writer *w);
void store_writer_close(struct store_writer *w); /* fine when it is closed; syncs nothing */

/* What is in a file that nobody writes any more is on disk, as far as it was written. */
int store_file_sync(int dir_fd, uint64_t number);
/* The same, of a store that was told more than is in it. */
int store_file_set_lost(int dir_fd, uint64_t number);
/* The same, and with what follows it this file is the store: those before it count for nothing. Or,
 * after a failure, may. *changes: that was not so before. */
int store_file_set_first(int dir_fd, uint64_t number, bool *changes);
int store_file_unset_first(int dir_fd, uint64_t number); /* those before it count again */
