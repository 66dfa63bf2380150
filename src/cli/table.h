/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON for people: aligned columns, or "key  value" lines. Widths come from the first rows; a
 * table of a million rows is printed as it comes. What could move the cursor is printed as '?'.
 * One owner.
 */
#pragma once

#include <stdbool.h>

#include <cjson/cJSON.h>

#define TABLE_COLUMNS_MAX 20

struct column {
	const char *title; /* NULL ends the list */
	const char *key;
	bool right; /* numbers */
	bool rare; /* left out where none of the first rows has it */
};

struct table;

struct table *table_new(const struct column *columns); /* NULL: no memory */
/* 0 or -ENOMEM. Keys that an object lacks are shown as "-". */
int table_row(struct table *t, const cJSON *object);
void table_end(struct table *t); /* prints what is left, frees; NULL is fine */

void table_lines(const cJSON *object); /* "key  value" */
