/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of a value, "ports[0].mtu", while the field tables are walked. One owner. */
#pragma once

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_PATH_LEN 256 /* six keys and five indices: far less */

struct conf_path {
	char text[CONF_PATH_LEN];
	size_t len;
};

/* Lengthen the path; its old length, for conf_path_leave(). */
static inline size_t conf_path_enter(struct conf_path *p, const char *key)
{
	size_t old = p->len;

	p->len += (size_t)snprintf(
		p->text + p->len, sizeof(p->text) - p->len, "%s%s", old > 0 ? "." : "", key);
	return old;
}

static inline size_t conf_path_enter_item(struct conf_path *p, uint32_t i)
{
	size_t old = p->len;

	p->len += (size_t)snprintf(p->text + p->len, sizeof(p->text) - p->len, "[%" PRIu32 "]", i);
	return old;
}

static inline void conf_path_leave(struct conf_path *p, size_t old)
{
	p->len = old;
	p->text[old] = '\0';
}
