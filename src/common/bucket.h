/* SPDX-License-Identifier: BSD-3-Clause */
/* Token bucket. Pure: time is handed in. One owner. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t rate; /* tokens per second */
	uint32_t burst; /* most tokens that can be saved up */
	uint64_t millitokens;
	uint64_t last_ms;
};

void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms);
/* Take one token; false when there is none. Time that steps back counts as no time. */
bool bucket_take(struct bucket *b, uint64_t now_ms);
