/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the files of a store (records/segment.h) and judges them: which of them count, where the
 * last one ends, whether they can be believed. Changes nothing. One owner; blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/store_clock.h"
#include "records/segment.h"

/* Names of domains in one file; conf.h allows 64. */
#define STORE_DOMAINS_MAX 256

struct record_image;
struct seen_pair;
struct store_dir;

/* Whom the records are told to. */
struct store_reader {
	void *ctx;
	/* In front of the records of each file: what time it is now by the clock that their times
	 * are of. */
	void (*clock)(void *ctx, uint64_t now_ms);
	/* The number that a domain of this name has today, -1: there is none. */
	int (*domain)(void *ctx, const char *name);
	/* One record, later ones of the same home address replace it; domain as above, image->domain
	 * means nothing. 0 or -errno. */
	int (*record)(void *ctx, int domain, const struct record_image *image);
	/* One pair last seen, likewise: of several of one pair each part's highest counts. */
	int (*seen)(void *ctx, int domain, const struct seen_pair *pair);
	/* That was all. 0; -ENOSPC: there is no room for so many. */
	int (*end)(void *ctx);
};

struct store_file {
	uint64_t number;
	uint64_t size;
	struct segment_head head;
	struct segment_mark mark;
	uint64_t away_ms; /* how long ago that mark was written */
};

/* What store_read() found. */
struct store_found {
	uint32_t first, count; /* the files that count, of those in the directory */
	uint64_t last_number; /* of the last one, 0: there is none */
	uint64_t records, pairs; /* told */
	uint64_t torn; /* octets at the end that were not written to their end */
	uint64_t octets; /* of the files that count */
	uint64_t away_ms; /* how long ago something was forced to disk last */
	enum store_clock clock; /* whether that can be told; if not, away_ms is 0 */
	/* By today's number: for how long all bindings of the domain have been known; 0: they are
	 * not, or it is not said. */
	uint64_t known_ms[STORE_DOMAINS_MAX];
	bool waited[STORE_DOMAINS_MAX]; /* nothing was acknowledged there before it was written */
	bool is_last_empty; /* the last one holds no record and is needed for nothing */
	bool is_closed; /* its writer stopped in order */
	bool is_lost; /* its writer could not write everything */
	bool is_same_boot; /* the machine has not been started since */
};

/* 0, or -errno with a line in err: -EBADMSG damaged, -ENOTSUP written by a newer version, -ENOSPC
 * reader->end's, others: it cannot be read, or reader->record's. */
int store_read(const struct store_dir *d, const struct store_moment *now,
	const struct store_reader *reader, struct store_found *out, char *err, size_t err_len);
