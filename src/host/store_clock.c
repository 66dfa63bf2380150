/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store_clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/*
 * A machine that was off for longer than that is rarer than a clock that began in 1970, in 2000, or
 * on the day its system was built. No binding lasts longer than three days (RFC 6275, 6.1.8), so
 * what is mistaken ends soon.
 */
#define OFF_MAX_MS (30 * 86400000ULL)

static uint64_t read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int digit_of(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* All zero when the machine does not say: then every start counts as one of the machine. */
static void read_boot_id(uint8_t boot[static SEGMENT_BOOT_LEN])
{
	FILE *f = fopen(BOOT_ID, "re");
	unsigned n = 0;
	int c, digit;

	memset(boot, 0, SEGMENT_BOOT_LEN);
	if (f == NULL)
		return;
	while (n < 2 * SEGMENT_BOOT_LEN && (c = fgetc(f)) != EOF) {
		if (c == '-')
			continue;
		digit = digit_of(c);
		if (digit < 0)
			break;
		boot[n / 2] |= (uint8_t)(digit << (n % 2 == 0 ? 4 : 0));
		n++;
	}
	fclose(f);
}

void store_clocks(struct store_moment *out)
{
	out->real_ms = read_ms(CLOCK_REALTIME);
	out->up_ms = read_ms(CLOCK_BOOTTIME);
}

void store_now(struct store_moment *out)
{
	read_boot_id(out->boot);
	store_clocks(out);
}

uint64_t store_own_ms(int64_t clock_ms)
{
	return read_ms(CLOCK_MONOTONIC) + (uint64_t)clock_ms;
}

bool store_is_same_boot(const struct store_moment *a, const struct store_moment *b)
{
	static const uint8_t unknown[SEGMENT_BOOT_LEN];

	return memcmp(a->boot, unknown, sizeof(unknown)) != 0 &&
	       memcmp(a->boot, b->boot, sizeof(a->boot)) == 0;
}

uint64_t store_passed_ms(
	const struct store_moment *from, const struct store_moment *to, enum store_clock *clock)
{
	*clock = STORE_CLOCK_OK;
	/* a container may have been given another beginning of that clock */
	if (store_is_same_boot(from, to) && from->up_ms > 0 && to->up_ms >= from->up_ms)
		return to->up_ms - from->up_ms;
	if (to->real_ms < from->real_ms)
		*clock = STORE_CLOCK_BACK;
	else if (to->real_ms - from->real_ms > OFF_MAX_MS)
		*clock = STORE_CLOCK_AHEAD;
	else
		return to->real_ms - from->real_ms;
	return 0;
}

const char *store_clock_text(enum store_clock clock)
{
	static const char *const texts[] = {
#define X(id, text) [STORE_CLOCK_##id] = text,
		STORE_CLOCK_LIST(X)
#undef X
	};

	assert(clock < STORE_CLOCK_COUNT);
	return texts[clock];
}
