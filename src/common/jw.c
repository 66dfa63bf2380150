/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/jw.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define EXACT_MAX (1ULL << 53) /* what every JSON reader keeps: a double's mantissa */

void jw_init(struct jw *w, size_t max_bytes)
{
	*w = (struct jw){ .max = max_bytes };
}

void jw_reset(struct jw *w)
{
	w->len = 0;
	w->failed = false;
	w->depth = 0;
	w->comma = 0;
}

void jw_done(struct jw *w)
{
	free(w->buf);
	*w = (struct jw){ 0 };
}

static bool grow(struct jw *w, size_t need)
{
	size_t cap = w->cap > 0 ? w->cap : 1024;

	while (cap < need)
		cap *= 2;
	if (cap > w->max)
		cap = w->max;
	char *buf = realloc(w->buf, cap);

	if (buf == NULL)
		return false;
	w->buf = buf;
	w->cap = cap;
	return true;
}

bool jw_reserve(struct jw *w)
{
	if (w->cap == w->max)
		return true;
	if (!grow(w, w->max))
		return false;
	memset(w->buf + w->len, 0, w->cap - w->len);
	return true;
}

void jw_raw(struct jw *w, const char *text, size_t n)
{
	if (w->failed || n == 0)
		return;
	if (n > w->max - w->len || (w->len + n > w->cap && !grow(w, w->len + n))) {
		w->failed = true;
		return;
	}
	memcpy(w->buf + w->len, text, n);
	w->len += n;
}

/* Length of the UTF-8 sequence at s, 0 when it is none (RFC 3629: no surrogates, nothing longer
 * than it must be, nothing above U+10FFFF). */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
		   : s[0] >= 0xe0 && s[0] <= 0xef ? 3
		   : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
						  : 0;

	for (size_t i = 1; i < n; i++) { /* stops at the terminating zero */
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void put_quoted(struct jw *w, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char esc[8];

	jw_raw(w, "\"", 1);
	while (*s != '\0') {
		size_t n = 0;

		while (is_plain(s[n]))
			n++;
		if (n == 0)
			n = utf8_len(s);
		if (n > 0) {
			jw_raw(w, (const char *)s, n);
			s += n;
			continue;
		}
		if (*s == '"' || *s == '\\')
			snprintf(esc, sizeof(esc), "\\%c", *s);
		else if (*s <= 0x7f)
			snprintf(esc, sizeof(esc), "\\u%04x", *s);
		else
			snprintf(esc, sizeof(esc), "\\ufffd"); /* not UTF-8 */
		jw_raw(w, esc, strlen(esc));
		s++;
	}
	jw_raw(w, "\"", 1);
}

/* Comma and key of the next value. */
static void put_key(struct jw *w, const char *key)
{
	if (w->depth > 0) {
		uint32_t bit = 1U << (w->depth - 1);

		if (w->comma & bit)
			jw_raw(w, ",", 1);
		w->comma |= bit;
	}
	if (key != NULL) {
		put_quoted(w, key);
		jw_raw(w, ":", 1);
	}
}

static void open_bracket(struct jw *w, const char *key, const char *bracket)
{
	put_key(w, key);
	if (w->depth == DEPTH_MAX)
		w->failed = true;
	if (w->failed)
		return;
	jw_raw(w, bracket, 1);
	w->depth++;
	w->comma &= ~(1U << (w->depth - 1));
}

void jw_object(struct jw *w, const char *key)
{
	open_bracket(w, key, "{");
}

void jw_array(struct jw *w, const char *key)
{
	open_bracket(w, key, "[");
}

void jw_end(struct jw *w, char bracket)
{
	if (w->depth == 0)
		w->failed = true;
	if (w->failed)
		return;
	w->depth--;
	jw_raw(w, &bracket, 1);
}

static void put_text(struct jw *w, const char *key, const char *text)
{
	put_key(w, key);
	jw_raw(w, text, strlen(text));
}

void jw_str(struct jw *w, const char *key, const char *value)
{
	put_key(w, key);
	put_quoted(w, value);
}

void jw_strf(struct jw *w, const char *key, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		w->failed = true;
		return;
	}
	jw_str(w, key, text);
	free(text);
}

void jw_u64(struct jw *w, const char *key, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), value > EXACT_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
	put_text(w, key, buf);
}

void jw_i64(struct jw *w, const char *key, int64_t value)
{
	bool exact = value >= -(int64_t)EXACT_MAX && value <= (int64_t)EXACT_MAX;
	char buf[24];

	snprintf(buf, sizeof(buf), exact ? "%" PRId64 : "\"%" PRId64 "\"", value);
	put_text(w, key, buf);
}

void jw_dbl(struct jw *w, const char *key, double value)
{
	char buf[320]; /* the largest double has 309 digits before the point */

	if (!isfinite(value)) {
		jw_null(w, key); /* JSON has no such number */
		return;
	}
	snprintf(buf, sizeof(buf), "%.3f", value);
	put_text(w, key, buf);
}

void jw_bool(struct jw *w, const char *key, bool value)
{
	put_text(w, key, value ? "true" : "false");
}

void jw_null(struct jw *w, const char *key)
{
	put_text(w, key, "null");
}

void jw_ip6(struct jw *w, const char *key, const struct ip6_addr *a)
{
	char buf[IP6_STRLEN];

	jw_str(w, key, ip6_str(a, buf));
}

void jw_prefix(struct jw *w, const char *key, const struct ip6_prefix *p)
{
	char buf[IP6_PREFIX_STRLEN];

	jw_str(w, key, ip6_prefix_str(p, buf));
}

void jw_newline(struct jw *w)
{
	jw_raw(w, "\n", 1);
}
