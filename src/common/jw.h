/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON out: writes into a buffer that grows up to a bound; sticky error. Strings are escaped.
 * Commas are put by the writer. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "common/util.h"

struct jw {
	char *buf;
	size_t len, cap, max;
	bool failed; /* no memory, or past max: what is in buf is not valid JSON */
	uint32_t depth; /* at most 32 */
	uint32_t comma; /* one bit a depth */
};

void jw_init(struct jw *w, size_t max_bytes);
/* All the memory that it may ever take, and the pages of it: who writes later, on a core that must not
 * wait, asks the kernel for none. false: there is none. */
bool jw_reserve(struct jw *w);
void jw_reset(struct jw *w); /* empties, keeps the memory */
void jw_done(struct jw *w); /* frees */

void jw_object(struct jw *w, const char *key); /* key NULL: inside an array, or outermost */
void jw_array(struct jw *w, const char *key);
void jw_end(struct jw *w, char bracket); /* '}' or ']' */
void jw_str(struct jw *w, const char *key, const char *value);
void jw_strf(struct jw *w, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void jw_u64(struct jw *w, const char *key, uint64_t value); /* above 2^53: as a string */
void jw_i64(struct jw *w, const char *key, int64_t value);
void jw_dbl(struct jw *w, const char *key, double value); /* 3 decimals */
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
void jw_ip6(struct jw *w, const char *key, const struct ip6_addr *a);
void jw_prefix(struct jw *w, const char *key, const struct ip6_prefix *p);
void jw_newline(struct jw *w); /* between two documents of a stream */
/* As it is, without a comma: (a part of) a document that is JSON already. */
void jw_raw(struct jw *w, const char *text, size_t n);
