/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One look at the daemon's counters and bindings, for top: two of them and the time between make
 * rates. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/client.h"
#include "common/ip6.h"

/* More bindings than these are not asked for every second (a filter makes fewer). */
#define SAMPLE_BINDINGS_MAX 20000

struct sample_counter {
	char name[48];
	char unit[16];
	uint64_t value;
};

struct sample_binding {
	char hoa[IP6_STRLEN], coa[IP6_STRLEN];
	uint64_t packets, bytes; /* both ways */
};

struct sample {
	uint64_t at_us; /* monotonic */
	uint64_t bound; /* bindings there are */
	bool has_bindings; /* they were asked for */
	struct sample_counter *counters; /* drops too; the order is the daemon's, always the same */
	size_t counter_count;
	struct sample_binding *bindings; /* sorted by home address */
	size_t binding_count;
};

/* EXIT_OK or EXIT_FAILED, said; s is to be freed either way. */
int sample_take(struct client *c, const struct cli *cli, struct sample *s);
void sample_free(struct sample *s);

/* Events per second between two values; 0 when there is no earlier one. */
double sample_rate(uint64_t now, uint64_t before, uint64_t span_us);
const struct sample_binding *sample_find(const struct sample *s, const char *hoa);
