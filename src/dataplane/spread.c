/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/spread.h"

bool spread_look(struct spread *s, const uint64_t *opened, uint32_t n)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < n; i++) {
		least = opened[i] < least ? opened[i] : least;
		most = opened[i] > most ? opened[i] : most;
	}
	if (most >= SPREAD_LEAST && most > 2 * least) {
		s->is_on = true;
		s->calm = 0;
	} else if (s->is_on && (most < SPREAD_LEAST / 2 || 2 * most <= 3 * least)) {
		s->is_on = ++s->calm < SPREAD_CALM;
	} else {
		s->calm = 0;
	}
	return s->is_on;
}
