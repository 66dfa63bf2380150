/* SPDX-License-Identifier: BSD-3-Clause */
/* What every unit test includes: cmocka with its prerequisites, and buffers of the exact size,
 * so that the address sanitizer sees one octet too many. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ip6.h"
#include "common/util.h"

struct buf {
	uint8_t *p;
	size_t n;
};

/* "00 0a ff": spaces are skipped; a fault in the text fails the test. */
static inline struct buf buf_from_hex(const char *hex)
{
	struct buf b = { malloc(strlen(hex) / 2 + 1), 0 };
	unsigned v;

	assert_non_null(b.p);
	while (*hex != '\0') {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (sscanf(hex, "%2x", &v) != 1 || hex[1] == '\0')
			fail_msg("not hex: %s", hex);
		b.p[b.n++] = (uint8_t)v;
		hex += 2;
	}
	b.p = realloc(b.p, b.n > 0 ? b.n : 1);
	return b;
}

static inline struct buf buf_copy(const void *p, size_t n)
{
	struct buf b = { malloc(n > 0 ? n : 1), n };

	assert_non_null(b.p);
	memcpy(b.p, p, n);
	return b;
}

static inline void buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
}

static inline struct ip6_addr addr(const char *text)
{
	struct ip6_addr a;

	if (ip6_parse(text, &a) < 0)
		fail_msg("not an address: %s", text);
	return a;
}

static inline struct ip6_prefix prefix(const char *text)
{
	struct ip6_prefix p;

	if (ip6_prefix_parse(text, &p) < 0)
		fail_msg("not a prefix: %s", text);
	return p;
}
