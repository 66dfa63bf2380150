/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A line that is put together piece by piece; what does not fit is cut. */
struct line {
	char *buf;
	size_t size, len;
};

static void add_va(struct line *l, const char *fmt, va_list args)
{
	int n;

	if (l->size == 0)
		return;
	n = vsnprintf(l->buf + l->len, l->size - l->len, fmt, args);
	if (n > 0)
		l->len += (size_t)n < l->size - l->len ? (size_t)n : l->size - l->len - 1;
}

static void add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_va(l, fmt, args);
	va_end(args);
}

static void add_name(struct line *l, const struct conf_ctx *c)
{
	if (c->line > 0)
		add(l, "%s:%" PRIu32 ": ", c->name, c->line);
	else
		add(l, "%s: ", c->name);
}

/* Keys and values of the file are quoted in messages: they must not break the line. */
static void make_printable(struct line *l)
{
	for (size_t i = 0; i < l->len; i++) {
		if ((unsigned char)l->buf[i] < ' ' || l->buf[i] == 0x7f)
			l->buf[i] = '?';
	}
}

int conf_err(struct conf_ctx *c, const char *key, const char *fmt, ...)
{
	struct line l = { c->err, c->err_len, 0 };
	const char *dot = "";
	va_list args;

	add_name(&l, c);
	for (unsigned i = 0; i < c->depth; i++) {
		add(&l, "%s%s", dot, c->path[i].key);
		if (c->path[i].index >= 0)
			add(&l, "[%" PRId64 "]", c->path[i].index);
		dot = ".";
	}
	if (key != NULL)
		add(&l, "%s%.64s", dot, key);
	if (key != NULL || c->depth > 0)
		add(&l, ": ");
	va_start(args, fmt);
	add_va(&l, fmt, args);
	va_end(args);
	make_printable(&l);
	return -EINVAL;
}

int conf_refuse(struct conf_ctx *c, const char *fmt, ...)
{
	struct line l = { c->err, c->err_len, 0 };
	va_list args;

	add_name(&l, c);
	va_start(args, fmt);
	add_va(&l, fmt, args);
	va_end(args);
	make_printable(&l);
	return -EINVAL;
}

int conf_no_memory(struct conf_ctx *c)
{
	conf_refuse(c, "not enough memory");
	return -ENOMEM;
}

int conf_warn(struct conf_ctx *c, const char *fmt, ...)
{
	struct conf *conf = c->conf;
	char **more = reallocarray(conf->warnings, conf->warning_count + 1, sizeof(*more));
	char *text = NULL;
	va_list args;

	if (more == NULL)
		return conf_no_memory(c);
	conf->warnings = more;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text == NULL)
		return conf_no_memory(c);
	more[conf->warning_count++] = text;
	return 0;
}
