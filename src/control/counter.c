/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/counter.h"

#include <assert.h>

static const struct {
	const char *name, *unit, *help;
} counter[] = {
#define X(id, name, unit, help) [CTL_##id] = { name, unit, help },
	CTL_COUNTER_LIST(X)
#undef X
};

const char *ctl_counter_name(enum ctl_counter c)
{
	assert(c < CTL_COUNTER_COUNT);
	return counter[c].name;
}

const char *ctl_counter_unit(enum ctl_counter c)
{
	assert(c < CTL_COUNTER_COUNT);
	return counter[c].unit;
}

const char *ctl_counter_help(enum ctl_counter c)
{
	assert(c < CTL_COUNTER_COUNT);
	return counter[c].help;
}
