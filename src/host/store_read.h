/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the files of a store (records/segment.h) and judges them: which of them count, where the
 * last one ends, whether they can be believed. Changes nothing. One owner; blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/segment.h"

struct record_image;
struct store_dir;

/* Whom the records are told to. */
struct store_reader {
	void *ctx;
	/* First of all: when something was forced to disk last, milliseconds since 1970. */
	void (*begin)(void *ctx, uint64_t last_ms);
	/* The number that a domain of this name has today, -1: there is none. */
	int (*domain)(void *ctx, const char *name);
	/* One record, later ones of the same home address replace it; domain as above, image->domain
	 * means nothing. 0; -ENOSPC: there is no room for it. */
	int (*record)(void *ctx, int domain, const struct record_image *image);
};

struct store_file {
	uint64_t number;
	uint64_t size;
	struct segment_head head;
	struct segment_mark mark;
};

/* What store_read() found. */
struct store_found {
	uint32_t first, count; /* the files that count, of those in the directory */
	uint64_t last_number; /* of the last one, 0: there is none */
	uint64_t records; /* told */
	uint64_t torn; /* octets at the end that were not written to their end */
	uint64_t octets; /* of the files that count */
	uint64_t last_ms; /* the last time that something was forced to disk, since 1970 */
	bool is_last_empty; /* the last one holds no record and is needed for nothing */
	bool is_closed; /* its writer stopped in order */
	bool is_lost; /* its writer could not write everything */
	bool is_same_boot; /* the machine has not been started since */
};

/* boot: of this machine now. 0, or -errno with a line in err: -EBADMSG damaged, -ENOTSUP written
 * by a newer version, -ENOSPC reader->record's, others: it cannot be read. */
int store_read(const struct store_dir *d, const uint8_t boot[SEGMENT_BOOT_LEN],
	const struct store_reader *reader, struct store_found *out, char *err, size_t err_len);
