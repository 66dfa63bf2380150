/* SPDX-License-Identifier: BSD-3-Clause */
#include "line.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define NS_PER_MS   1000000.0
#define NS_PER_S    1000000000ULL
#define PER_MILLION 1000000U

/* splitmix64 */
static uint64_t chance(struct line *l)
{
	uint64_t x = l->seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static bool happens(struct line *l, uint32_t ppm)
{
	return ppm > 0 && chance(l) % PER_MILLION < ppm;
}

void line_init(struct line *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
	l->queue_ns = (uint64_t)(200 * NS_PER_MS);
	l->late_ns = (uint64_t)(10 * NS_PER_MS);
}

enum unit { UNIT_MS, UNIT_PERCENT, UNIT_MBPS, UNIT_BOOL };

static const struct {
	const char *key;
	enum unit unit;
	size_t at;
	double max;
} settings[] = {
	{ "delay-ms", UNIT_MS, offsetof(struct line, delay_ns), 60000 },
	{ "jitter-ms", UNIT_MS, offsetof(struct line, jitter_ns), 60000 },
	{ "late-ms", UNIT_MS, offsetof(struct line, late_ns), 60000 },
	{ "queue-ms", UNIT_MS, offsetof(struct line, queue_ns), 60000 },
	{ "rate-mbps", UNIT_MBPS, offsetof(struct line, bits_per_s), 100000 },
	{ "loss-percent", UNIT_PERCENT, offsetof(struct line, loss_ppm), 100 },
	{ "duplicate-percent", UNIT_PERCENT, offsetof(struct line, duplicate_ppm), 100 },
	{ "reorder-percent", UNIT_PERCENT, offsetof(struct line, reorder_ppm), 100 },
	{ "cut", UNIT_BOOL, offsetof(struct line, is_cut), 1 },
};

static void store(struct line *l, enum unit unit, size_t at, double value)
{
	char *p = (char *)l + at;

	switch (unit) {
	case UNIT_MS:
		*(uint64_t *)p = (uint64_t)llround(value * NS_PER_MS);
		break;
	case UNIT_MBPS:
		*(uint64_t *)p = (uint64_t)llround(value * 1e6);
		break;
	case UNIT_PERCENT:
		*(uint32_t *)p = (uint32_t)lround(value * PER_MILLION / 100);
		break;
	case UNIT_BOOL:
		*(bool *)p = value != 0;
		break;
	}
}

int line_set(struct line *l, const char *key, const char *value)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end != '\0' || !isfinite(v) || v < 0)
		return -EINVAL;
	for (size_t i = 0; i < DIM(settings); i++) {
		if (strcmp(settings[i].key, key) != 0)
			continue;
		if (v > settings[i].max || (settings[i].unit == UNIT_BOOL && v != 0 && v != 1))
			return -EINVAL;
		store(l, settings[i].unit, settings[i].at, v);
		return 0;
	}
	return -EINVAL;
}

/* When the last bit of it has left: a queue of a bounded length in front of the rate limit. */
static bool leaves(struct line *l, uint64_t now_ns, size_t octets, uint64_t *when_ns)
{
	uint64_t begin = l->free_ns > now_ns ? l->free_ns : now_ns;

	*when_ns = now_ns;
	if (l->bits_per_s == 0)
		return true;
	if (begin - now_ns > l->queue_ns)
		return false;
	*when_ns = l->free_ns = begin + octets * 8 * NS_PER_S / l->bits_per_s;
	return true;
}

unsigned line_pass(struct line *l, uint64_t now_ns, size_t octets, uint64_t due_ns[LINE_COPIES])
{
	uint64_t due;

	if (l->is_cut) {
		l->cut++;
		return 0;
	}
	if (happens(l, l->loss_ppm)) {
		l->lost++;
		return 0;
	}
	if (!leaves(l, now_ns, octets, &due)) {
		l->overflow++;
		return 0;
	}
	l->passed++;
	l->large += octets >= LINE_LARGE;
	due += l->delay_ns;
	if (l->jitter_ns > 0)
		due += chance(l) % (l->jitter_ns + 1);
	if (due < l->last_ns)
		due = l->last_ns;
	if (happens(l, l->reorder_ppm)) {
		l->late++;
		due += l->late_ns;
	} else {
		l->last_ns = due;
	}
	due_ns[0] = due_ns[1] = due;
	if (!happens(l, l->duplicate_ppm))
		return 1;
	l->duplicated++;
	return 2;
}
