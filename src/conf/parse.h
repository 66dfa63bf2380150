/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From cJSON's tree to struct conf, driven by the field tables. The context carries the path of
 * the value at hand, so that whoever refuses it need not know where it stands. The first refusal
 * ends the parse. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "common/util.h"
#include "conf/conf.h"
#include "conf/field.h"

#define CONF_PATH_DEPTH 8 /* keys from the root to a value; the tables go 4 deep */

struct conf_ctx {
	const char *name; /* of the file, for messages */
	uint32_t line; /* of the file, for messages; 0: the file is one value */
	bool in_place; /* a CONF_TEXT points into the tree instead of being copied */
	struct conf *conf; /* what has been read so far */
	char *err;
	size_t err_len;
	struct {
		const char *key;
		int64_t index; /* in a list; -1 = the key itself */
	} path[CONF_PATH_DEPTH];
	unsigned depth;
};

/* "NAME: PATH.key: ..." into err; key NULL: the value at hand. Returns -EINVAL. */
int conf_err(struct conf_ctx *c, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "NAME: ...", for checks that name the path themselves. Returns -EINVAL. */
int conf_refuse(struct conf_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int conf_no_memory(struct conf_ctx *c); /* -ENOMEM */
/* Remember a line for conf->warnings. 0 or -ENOMEM. */
int conf_warn(struct conf_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Fill *obj, which is all zero, from an object; json NULL: from the defaults alone. 0, -EINVAL,
 * -ENOMEM; what was allocated until then is conf_release()'s.
 */
int conf_object(struct conf_ctx *c, const cJSON *json, const struct conf_section *s, void *obj);
/* Free the lists in *obj. */
void conf_release(const struct conf_section *s, void *obj);

/* What relates the fields with each other (check.c). Fills in derived values, sorts the mobile
 * nodes. 0, -EINVAL, -ENOMEM. */
int conf_check(struct conf_ctx *c);
