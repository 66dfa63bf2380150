/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_ROWS 500 /* rows that decide on the widths */

struct table {
	const struct column *columns;
	unsigned n;
	unsigned width[TABLE_COLUMNS_MAX];
	bool shown[TABLE_COLUMNS_MAX];
	unsigned last; /* one that is shown */
	bool flowing; /* the widths are fixed, the head is out */
	unsigned rows;
	char *held[HELD_ROWS][TABLE_COLUMNS_MAX];
};

static char *text_of(const cJSON *v);

/* A list's items, by commas; what an item consists of, by blanks. */
static char *list_of(const cJSON *list, const char *between)
{
	char *all = strdup("");
	const cJSON *v;

	cJSON_ArrayForEach(v, list)
	{
		char *item = cJSON_IsObject(v) ? list_of(v, " ") : text_of(v), *longer = NULL;
		bool is_first = all == NULL || *all == '\0';

		if (all == NULL || item == NULL ||
			asprintf(&longer, "%s%s%s", all, is_first ? "" : between, item) < 0)
			longer = NULL;
		free(item);
		free(all);
		all = longer;
	}
	return all;
}

static char *text_of(const cJSON *v)
{
	char *text = NULL;

	if (v == NULL || cJSON_IsNull(v))
		return strdup("-");
	if (cJSON_IsBool(v))
		return strdup(cJSON_IsTrue(v) ? "yes" : "no");
	if (cJSON_IsNumber(v)) {
		bool whole = v->valuedouble == floor(v->valuedouble);

		return asprintf(&text, whole ? "%.0f" : "%.1f", v->valuedouble) < 0 ? NULL : text;
	}
	if (cJSON_IsString(v))
		text = strdup(v->valuestring);
	else
		text = cJSON_IsArray(v) ? list_of(v, ", ") : cJSON_PrintUnformatted(v);
	for (char *p = text; p != NULL && *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	return text;
}

struct table *table_new(const struct column *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->columns = columns;
	while (t->n < TABLE_COLUMNS_MAX && columns[t->n].title != NULL) {
		t->width[t->n] = (unsigned)strlen(columns[t->n].title);
		t->shown[t->n] = !columns[t->n].rare;
		t->n++;
	}
	return t;
}

static void print_cell(const struct table *t, unsigned i, const char *text)
{
	const char *gap = i > 0 ? "  " : ""; /* the first one is always shown */

	if (!t->shown[i])
		return;
	if (t->columns[i].right)
		printf("%s%*s", gap, (int)t->width[i], text);
	else if (i == t->last)
		printf("%s%s", gap, text); /* nothing behind it to align */
	else
		printf("%s%-*s", gap, (int)t->width[i], text);
}

static void print_row(const struct table *t, char *cells[])
{
	for (unsigned i = 0; i < t->n; i++) {
		print_cell(t, i, cells[i]);
		free(cells[i]);
	}
	putchar('\n');
}

static void flush_held(struct table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		t->last = t->shown[i] ? i : t->last;
	for (unsigned i = 0; i < t->n; i++)
		print_cell(t, i, t->columns[i].title);
	putchar('\n');
	for (unsigned r = 0; r < t->rows; r++)
		print_row(t, t->held[r]);
	t->flowing = true;
}

int table_row(struct table *t, const cJSON *object)
{
	char *flow[TABLE_COLUMNS_MAX];
	char **cells = t->flowing ? flow : t->held[t->rows];

	for (unsigned i = 0; i < t->n; i++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, t->columns[i].key);

		t->shown[i] |= v != NULL && !t->flowing;
		cells[i] = text_of(v);
		if (cells[i] == NULL) {
			while (i-- > 0)
				free(cells[i]);
			return -ENOMEM;
		}
	}
	if (t->flowing) {
		print_row(t, cells);
		return 0;
	}
	for (unsigned i = 0; i < t->n; i++) {
		unsigned len = (unsigned)strlen(cells[i]);

		t->width[i] = len > t->width[i] ? len : t->width[i];
	}
	if (++t->rows == HELD_ROWS)
		flush_held(t);
	return 0;
}

void table_end(struct table *t)
{
	if (t == NULL)
		return;
	if (!t->flowing)
		flush_held(t);
	free(t);
}

void table_lines(const cJSON *object)
{
	const cJSON *v;
	size_t width = 0;

	cJSON_ArrayForEach(v, object)
	{
		if (v->string != NULL && strlen(v->string) > width)
			width = strlen(v->string);
	}
	cJSON_ArrayForEach(v, object)
	{
		char *text = text_of(v);

		if (text != NULL && v->string != NULL)
			printf("%-*s  %s\n", (int)width, v->string, text);
		free(text);
	}
}
