/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/sample.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int (*take_fn)(struct sample *s, const cJSON *json); /* 0 or -ENOMEM */

/* Above 2^53 a number comes as a string. */
static uint64_t number(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	if (cJSON_IsString(v))
		return strtoull(v->valuestring, NULL, 10);
	return cJSON_IsNumber(v) && v->valuedouble >= 0 ? (uint64_t)v->valuedouble : 0;
}

static const char *string(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

/* Room for one more at the end: grows by doubling, at powers of two. */
static void *push(void **array, size_t *n, size_t size)
{
	if ((*n & (*n - 1)) == 0) {
		void *bigger = realloc(*array, (*n > 0 ? 2 * *n : 1) * size);

		if (bigger == NULL)
			return NULL;
		*array = bigger;
	}
	return (char *)*array + (*n)++ * size;
}

static int take_version(struct sample *s, const cJSON *json)
{
	s->bound = number(json, "bindings");
	return 0;
}

static int take_counted(
	struct sample *s, const char *name, const char *unit, const char *before, uint64_t value)
{
	struct sample_counter *c =
		push((void **)&s->counters, &s->counter_count, sizeof(*s->counters));

	if (c == NULL)
		return -ENOMEM;
	snprintf(c->name, sizeof(c->name), "%s%s", before, name);
	snprintf(c->unit, sizeof(c->unit), "%s", unit);
	c->value = value;
	return 0;
}

static int take_counter(struct sample *s, const cJSON *json)
{
	return take_counted(
		s, string(json, "counter"), string(json, "unit"), "", number(json, "value"));
}

static int take_drop(struct sample *s, const cJSON *json)
{
	return take_counted(s, string(json, "drop"), "packets", "drop ", number(json, "count"));
}

static int take_binding(struct sample *s, const cJSON *json)
{
	struct sample_binding *b =
		push((void **)&s->bindings, &s->binding_count, sizeof(*s->bindings));

	if (b == NULL)
		return -ENOMEM;
	snprintf(b->hoa, sizeof(b->hoa), "%s", string(json, "home-address"));
	snprintf(b->coa, sizeof(b->coa), "%s", string(json, "care-of-address"));
	b->packets = number(json, "packets-to") + number(json, "packets-from");
	b->bytes = number(json, "bytes-to") + number(json, "bytes-from");
	return 0;
}

static int ask(struct client *c, const char *cmd, const struct cli *cli, unsigned filters,
	take_fn take, struct sample *s)
{
	int ret = client_ask(c, cmd, NULL, cli, filters), status;
	const char *line;

	if (ret != EXIT_OK)
		return ret;
	while ((line = client_next(c, &status)) != NULL) {
		cJSON *json = cJSON_Parse(line);

		ret = json != NULL ? take(s, json) : -EBADMSG;
		cJSON_Delete(json);
		if (ret < 0)
			return cli_error(EXIT_FAILED, "%s: %s", cmd, strerror(-ret));
	}
	return status;
}

static int by_hoa(const void *a, const void *b)
{
	return strcmp(
		((const struct sample_binding *)a)->hoa, ((const struct sample_binding *)b)->hoa);
}

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int sample_take(struct client *c, const struct cli *cli, struct sample *s)
{
	const unsigned filters = OPT_BIT(OPT_PREFIX) | OPT_BIT(OPT_COA) | OPT_BIT(OPT_DOMAIN) |
				 OPT_BIT(OPT_OWNER);
	struct cli all = { .seen = OPT_BIT(OPT_ALL) }; /* so that the list is always the same */
	int ret;

	*s = (struct sample){ .at_us = clock_us() };
	ret = ask(c, "show version", cli, 0, take_version, s);
	if (ret == EXIT_OK)
		ret = ask(c, "show counters", cli, 0, take_counter, s);
	if (ret == EXIT_OK)
		ret = ask(c, "show drops", &all, OPT_BIT(OPT_ALL), take_drop, s);
	s->has_bindings = s->bound <= SAMPLE_BINDINGS_MAX || cli->seen & filters;
	if (ret == EXIT_OK && s->has_bindings)
		ret = ask(c, "show bindings", cli, filters, take_binding, s);
	if (s->binding_count > 0)
		qsort(s->bindings, s->binding_count, sizeof(*s->bindings), by_hoa);
	return ret;
}

void sample_free(struct sample *s)
{
	free(s->counters);
	free(s->bindings);
	*s = (struct sample){ 0 };
}

double sample_rate(uint64_t now, uint64_t before, uint64_t span_us)
{
	return now > before && span_us > 0 ? (double)(now - before) * 1e6 / (double)span_us : 0;
}

const struct sample_binding *sample_find(const struct sample *s, const char *hoa)
{
	struct sample_binding key;

	if (s->binding_count == 0)
		return NULL;
	snprintf(key.hoa, sizeof(key.hoa), "%s", hoa);
	return bsearch(&key, s->bindings, s->binding_count, sizeof(key), by_hoa);
}
