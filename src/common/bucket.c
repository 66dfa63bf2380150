/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/bucket.h"

void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	*b = (struct bucket){
		.rate = rate, .burst = burst, .millitokens = 1000ULL * burst, .last_ms = now_ms
	};
}

bool bucket_take(struct bucket *b, uint64_t now_ms)
{
	if (now_ms > b->last_ms) {
		uint64_t full = 1000ULL * b->burst;
		uint64_t passed = now_ms - b->last_ms;

		/* rate per second = millitokens per millisecond; 32 + 31 bits can't overflow */
		b->millitokens += b->rate * (passed < INT32_MAX ? passed : INT32_MAX);
		if (b->millitokens > full)
			b->millitokens = full;
		b->last_ms = now_ms;
	}
	if (b->millitokens < 1000)
		return false;
	b->millitokens -= 1000;
	return true;
}
