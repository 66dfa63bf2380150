/* SPDX-License-Identifier: BSD-3-Clause */
/* One event of accounting as one line of JSON: hamd-accounting(5). Pure, any thread. */
#pragma once

#include <stdint.h>

#include "common/jw.h"
#include "control/acct.h"

struct acct_site {
	uint32_t id; /* node.id */
	const char *node; /* node.name */
	uint64_t run; /* another one after each start */
};

/* Appends the line and its newline. */
void acct_line(struct jw *w, const struct acct_site *site, const struct acct_event *e);
