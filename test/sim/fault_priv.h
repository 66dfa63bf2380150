/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults, inside: fault.c plans them, fault_path.c does what befalls paths, fault_site.c what befalls
 * sites and what operators do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "shape.h"
#include "site.h"
#include "world.h"

/* One fault as it happens: what it needs to be undone. */
struct one {
	enum fault fault;
	bool begun;
	uint64_t lasts_us;
	uint8_t a, b; /* sites, or a domain */
	bool side[SHAPE_SITES + 1]; /* partition */
	bool one_way;
	int64_t step_ms;
	uint32_t loss_ppm, copy_ppm, jitter_us, octets_s;
	uint32_t boot; /* crash, pause: of that life of the site */
	struct one *next;
};

static inline uint8_t fault_some_site(struct world *w)
{
	return (uint8_t)rng_between(&w->rng_plan, 1, w->shape.sites);
}

/* begins: false: it cannot, now. */
#define FAULT_DECLARE(name)                                                                        \
	bool name##_begins(struct world *w, struct one *f);                                        \
	void name##_ends(struct world *w, struct one *f);
FAULT_DECLARE(partition)
FAULT_DECLARE(cut_pair)
FAULT_DECLARE(one_way)
FAULT_DECLARE(bad_links)
FAULT_DECLARE(crash)
FAULT_DECLARE(pause)
FAULT_DECLARE(clock)
FAULT_DECLARE(operator)
FAULT_DECLARE(drain)
FAULT_DECLARE(memory)
FAULT_DECLARE(room)
FAULT_DECLARE(release)
#undef FAULT_DECLARE
