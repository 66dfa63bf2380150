/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens in a second: the difference between two samples, as a screen or as JSON. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/sample.h"
#include "cli/table.h"
#include "common/jw.h"

#define BUSIEST 15

static const struct column rate_columns[] = {
	{ "COUNTER", "counter", false },
	{ "PER SECOND", "per-second", true },
	{ "IN ALL", "value", true },
	{ "UNIT", "unit", false },
	{ NULL },
};

static const struct column busy_columns[] = {
	{ "HOME ADDRESS", "home-address", false },
	{ "CARE-OF ADDRESS", "care-of-address", false },
	{ "PACKETS/S", "packets-per-second", true },
	{ "BYTES/S", "bytes-per-second", true },
	{ NULL },
};

struct busy {
	const struct sample_binding *b;
	double packets, bytes; /* per second */
};

/* Where the rates go: JSON lines, or the table that is being filled. */
struct out {
	struct jw jw;
	bool as_json;
	struct table *table; /* NULL: none is open */
};

static int put(struct out *o)
{
	int ret = o->jw.failed ? -1 : 0;

	if (ret == 0 && o->as_json) {
		printf("%.*s\n", (int)o->jw.len, o->jw.buf);
	} else if (ret == 0) {
		cJSON *json = cJSON_ParseWithLength(o->jw.buf, o->jw.len);

		ret = json != NULL && o->table != NULL ? table_row(o->table, json) : -1;
		cJSON_Delete(json);
	}
	jw_reset(&o->jw);
	return ret < 0 ? cli_error(EXIT_FAILED, "no memory") : EXIT_OK;
}

static void begin(struct out *o, const struct column *columns)
{
	if (!o->as_json)
		o->table = table_new(columns);
}

static void end(struct out *o)
{
	table_end(o->table);
	o->table = NULL;
}

static int print_counters(struct out *o, const struct sample *now, const struct sample *before)
{
	uint64_t span_us = now->at_us - before->at_us;
	int ret = EXIT_OK;

	begin(o, rate_columns);
	for (size_t i = 0; i < now->counter_count && i < before->counter_count; i++) {
		const struct sample_counter *c = &now->counters[i];

		if (ret != EXIT_OK || (c->value == before->counters[i].value && !o->as_json))
			continue; /* a screen has room for what moves */
		jw_object(&o->jw, NULL);
		jw_str(&o->jw, "counter", c->name);
		jw_dbl(&o->jw, "per-second",
			sample_rate(c->value, before->counters[i].value, span_us));
		jw_u64(&o->jw, "value", c->value);
		jw_str(&o->jw, "unit", c->unit);
		jw_end(&o->jw, '}');
		ret = put(o);
	}
	end(o);
	return ret;
}

static int by_bytes(const void *a, const void *b)
{
	double x = ((const struct busy *)a)->bytes, y = ((const struct busy *)b)->bytes;

	return (x < y) - (x > y);
}

static size_t find_busy(const struct sample *now, const struct sample *before, struct busy *busy)
{
	uint64_t span_us = now->at_us - before->at_us;
	size_t n = 0;

	for (size_t i = 0; i < now->binding_count; i++) {
		const struct sample_binding *b = &now->bindings[i],
					    *old = sample_find(before, b->hoa);

		/* One that came in between, or came back with new counters, started at 0. */
		if (old == NULL || old->packets > b->packets)
			busy[n] = (struct busy){ b, sample_rate(b->packets, 0, span_us),
				sample_rate(b->bytes, 0, span_us) };
		else
			busy[n] = (struct busy){ b, sample_rate(b->packets, old->packets, span_us),
				sample_rate(b->bytes, old->bytes, span_us) };
		n += busy[n].packets > 0;
	}
	if (n > 0)
		qsort(busy, n, sizeof(*busy), by_bytes);
	return n < BUSIEST ? n : BUSIEST;
}

static int print_bindings(struct out *o, const struct sample *now, const struct sample *before)
{
	struct busy *busy = calloc(now->binding_count + 1, sizeof(*busy));
	int ret = EXIT_OK;

	if (busy == NULL)
		return cli_error(EXIT_FAILED, "no memory");
	size_t n = find_busy(now, before, busy);

	begin(o, busy_columns);
	for (size_t i = 0; i < n && ret == EXIT_OK; i++) {
		jw_object(&o->jw, NULL);
		jw_str(&o->jw, "home-address", busy[i].b->hoa);
		jw_str(&o->jw, "care-of-address", busy[i].b->coa);
		jw_dbl(&o->jw, "packets-per-second", busy[i].packets);
		jw_dbl(&o->jw, "bytes-per-second", busy[i].bytes);
		jw_end(&o->jw, '}');
		ret = put(o);
	}
	end(o);
	free(busy);
	return ret;
}

static int print_screen(
	const struct cli *cli, const struct sample *now, const struct sample *before)
{
	struct out o = { .as_json = cli_has(cli, OPT_JSON) };
	int ret;

	jw_init(&o.jw, 4096);
	if (!o.as_json && !cli_has(cli, OPT_ONCE) && isatty(STDOUT_FILENO))
		printf("\033[H\033[2J"); /* home, clear */
	if (!o.as_json)
		printf("bindings: %llu\n\n", (unsigned long long)now->bound);
	ret = print_counters(&o, now, before);
	if (!o.as_json)
		putchar('\n');
	if (ret == EXIT_OK && now->has_bindings)
		ret = print_bindings(&o, now, before);
	else if (ret == EXIT_OK && !o.as_json)
		printf("More than %d bindings are not ranked: choose some with --prefix, --coa or "
		       "--domain.\n",
			SAMPLE_BINDINGS_MAX);
	jw_done(&o.jw);
	if (fflush(stdout) != 0 && ret == EXIT_OK)
		ret = EXIT_FAILED; /* main() says it */
	return ret;
}

int cmd_top(const struct cmd *cmd, const struct cli *cli)
{
	struct sample before = { 0 }, now = { 0 };
	struct client *c;
	int ret = client_open(cli, &c);

	(void)cmd;
	if (ret != EXIT_OK)
		return ret;
	ret = sample_take(c, cli, &before);
	while (ret == EXIT_OK) {
		sleep(1);
		ret = sample_take(c, cli, &now);
		if (ret == EXIT_OK)
			ret = print_screen(cli, &now, &before);
		if (cli_has(cli, OPT_ONCE))
			break;
		sample_free(&before);
		before = now;
		now = (struct sample){ 0 };
	}
	sample_free(&before);
	sample_free(&now);
	client_close(c);
	return ret;
}
