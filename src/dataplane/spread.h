/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether what is taken out of mesh tunnels is spread over the workers. RSS cannot look into a
 * tunnel: the packets of a peer with one sending worker all come to one of ours. What counts is
 * how many each worker opens, which spreading does not change, so that it does not swing. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SPREAD_MS 100 /* between two looks */
#define SPREAD_LEAST                                                                               \
	5000 /* packets opened by one worker in that time: a tenth, or less, of what one
                             carries; below it a ring costs more than it saves */
#define SPREAD_CALM 10 /* looks without need before it ends */

struct spread {
	bool is_on;
	uint32_t calm; /* looks in a row */
};

/* opened: packets of each of n workers since the last look. It begins when one has opened more than
 * twice as many as another, and ends when none has opened half as many again for a while. */
bool spread_look(struct spread *s, const uint64_t *opened, uint32_t n);
