/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/counter.h"

#include <assert.h>

#include "dataplane/dp.h"

static const struct {
	const char *name, *help;
} drops[] = {
#define X(id, name, help) [DP_DROP_##id] = { name, help },
	DP_DROP_LIST(X)
#undef X
};

static const struct {
	const char *name, *unit, *help;
} counters[] = {
#define X(id, name, unit, help) [DP_COUNTER_##id] = { name, unit, help },
	DP_COUNTER_LIST(X)
#undef X
};

static_assert(DIM(drops) == DP_DROP_COUNT, "one row a reason");
static_assert(DIM(counters) == DP_COUNTER_COUNT, "one row a counter");

const char *dp_drop_name(enum dp_drop reason)
{
	return drops[reason].name;
}

const char *dp_drop_help(enum dp_drop reason)
{
	return drops[reason].help;
}

const char *dp_counter_name(enum dp_counter c)
{
	return counters[c].name;
}

const char *dp_counter_unit(enum dp_counter c)
{
	return counters[c].unit;
}

const char *dp_counter_help(enum dp_counter c)
{
	return counters[c].help;
}

enum dp_drop dp_punt_full(enum dp_punt_class c)
{
	static const enum dp_drop full[] = {
		[DP_PUNT_ND] = DP_DROP_PUNT_ND_FULL,
		[DP_PUNT_SYNC] = DP_DROP_PUNT_SYNC_FULL,
		[DP_PUNT_HELLO] = DP_DROP_PUNT_HELLO_FULL,
		[DP_PUNT_KNOWN] = DP_DROP_PUNT_KNOWN_FULL,
		[DP_PUNT_SIGNALLING] = DP_DROP_PUNT_SIGNALLING_FULL,
		[DP_PUNT_DISCOVERY] = DP_DROP_PUNT_DISCOVERY_FULL,
		[DP_PUNT_LOCAL] = DP_DROP_PUNT_LOCAL_FULL,
		[DP_PUNT_RESOLVE] = DP_DROP_PUNT_RESOLVE_FULL,
		[DP_PUNT_ERROR] = DP_DROP_PUNT_ERROR_FULL,
	};

	static_assert(DIM(full) == DP_PUNT_COUNT, "one reason a class");
	return full[c];
}

const char *dp_punt_class_name(enum dp_punt_class c)
{
	static const char *const names[] = {
		[DP_PUNT_ND] = "nd",
		[DP_PUNT_SYNC] = "sync",
		[DP_PUNT_HELLO] = "hello",
		[DP_PUNT_KNOWN] = "known",
		[DP_PUNT_SIGNALLING] = "signalling",
		[DP_PUNT_DISCOVERY] = "discovery",
		[DP_PUNT_LOCAL] = "local",
		[DP_PUNT_RESOLVE] = "resolve",
		[DP_PUNT_ERROR] = "error",
	};

	static_assert(DIM(names) == DP_PUNT_COUNT, "one name a class");
	return names[c];
}
