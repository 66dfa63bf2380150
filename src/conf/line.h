/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One line of a subscribers file: a JSON object that says one mobile node, by the same field
 * tables, checks and messages as the configuration. The line is taken apart where it lies: no
 * octet of it is copied, because a key may stand in it, and nothing is allocated. One owner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define CONF_LINE_MAX                                                                              \
	16384 /* octets: a path of 4095 as escapes of six would not fit, nor need it */

struct conf_lines;

/* For lines of the file `name` (kept, not copied) that belong to the domain; conf has passed
 * conf_parse() and stays. 0, -ENOMEM. */
int conf_lines_new(
	const struct conf *conf, uint32_t domain, const char *name, struct conf_lines **out);
void conf_lines_free(struct conf_lines *r); /* NULL is fine */

/*
 * text: at most CONF_LINE_MAX octets and a zero behind them, overwritten. 1: *out is a mobile node
 * with all that applies to it (auth: of the line or the default; lifetime: never 0), whose texts
 * point into `text`; 0: the line is blank; -EINVAL and in err "NAME:NUMBER: auth.spi: ...".
 */
int conf_line_read(struct conf_lines *r, uint32_t number, char *text, size_t len,
	struct conf_mobile_node *out, char *err, size_t err_len);
