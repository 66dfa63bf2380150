/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/telemetry.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <rte_telemetry.h>

#include "common/util.h"
#include "dataplane/dp.h"

/* Commands outlive the data plane. */
static struct {
	pthread_mutex_t lock;
	const struct dp *dp; /* NULL: none */
} tel = { .lock = PTHREAD_MUTEX_INITIALIZER };

static_assert(DP_COUNTER_COUNT <= RTE_TEL_MAX_DICT_ENTRIES, "one answer");
static_assert(DP_DROP_COUNT <= RTE_TEL_MAX_DICT_ENTRIES, "one answer");
/* An answer has 16 KiB: the longest entry of a drop is its name and 20 digits. */
static_assert(DP_DROP_COUNT * (32 + 24) < 16384, "one answer");

static int put_counters(const struct dp *dp, struct rte_tel_data *d)
{
	struct dp_counters sum;

	dp_counters_sum(dp, &sum);
	for (enum dp_counter c = 0; c < DP_COUNTER_COUNT; c++)
		rte_tel_data_add_dict_u64(d, dp_counter_name(c), sum.c[c]);
	return 0;
}

static int put_drops(const struct dp *dp, struct rte_tel_data *d)
{
	struct dp_counters sum;

	dp_counters_sum(dp, &sum);
	for (enum dp_drop i = 0; i < DP_DROP_COUNT; i++)
		rte_tel_data_add_dict_u64(d, dp_drop_name(i), sum.drop[i]);
	return 0;
}

static int put_buffers(const struct dp *dp, struct rte_tel_data *d)
{
	uint32_t available, total;

	dp_pool_info(dp, &available, &total);
	rte_tel_data_add_dict_u64(d, "buffers", total);
	rte_tel_data_add_dict_u64(d, "buffers_free", available);
	return 0;
}

static uint64_t id_of(const struct dp_lcore_info *lc)
{
	return lc->lcore;
}

static uint64_t total_of(const struct dp_lcore_info *lc)
{
	return lc->busy_cycles + lc->idle_cycles;
}

static uint64_t busy_of(const struct dp_lcore_info *lc)
{
	return lc->busy_cycles;
}

/* Three arrays, the i-th of each for the i-th lcore; the dictionary owns them. */
static int put_lcores(const struct dp *dp, struct rte_tel_data *d)
{
	static const struct {
		const char *name;
		uint64_t (*of)(const struct dp_lcore_info *lc);
	} arrays[] = {
		{ "lcore_ids", id_of },
		{ "total_cycles", total_of },
		{ "busy_cycles", busy_of },
	};

	for (unsigned a = 0; a < DIM(arrays); a++) {
		struct rte_tel_data *array = rte_tel_data_alloc();
		struct dp_lcore_info lc;

		if (array == NULL)
			return -ENOMEM;
		rte_tel_data_start_array(array, RTE_TEL_U64_VAL);
		for (uint32_t i = 0; i < dp_lcore_count(dp); i++) {
			dp_lcore_info(dp, i, &lc);
			rte_tel_data_add_array_u64(array, arrays[a].of(&lc));
		}
		rte_tel_data_add_dict_container(d, arrays[a].name, array, 0);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*put)(const struct dp *dp, struct rte_tel_data *d);
	const char *help;
} commands[] = {
	{ "/hamd/counters", put_counters, "What went through the data plane of hamd." },
	{ "/hamd/drops", put_drops, "Packets that hamd dropped, by reason." },
	{ "/hamd/buffers", put_buffers, "Packet buffers of hamd." },
	{ "/hamd/lcores", put_lcores, "Cycles of the lcores of hamd: all, and busy ones." },
};

/* In DPDK's thread. */
static int answer(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int ret = -ENODEV;

	(void)params;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&tel.lock);
	for (unsigned i = 0; tel.dp != NULL && i < DIM(commands); i++) {
		if (strcmp(cmd, commands[i].name) == 0)
			ret = commands[i].put(tel.dp, d);
	}
	pthread_mutex_unlock(&tel.lock);
	return ret;
}

int telemetry_start(const struct dp *dp)
{
	int ret = 0;

	pthread_mutex_lock(&tel.lock);
	tel.dp = dp;
	pthread_mutex_unlock(&tel.lock);
	for (unsigned i = 0; ret == 0 && i < DIM(commands); i++)
		ret = rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
	return ret;
}

void telemetry_stop(void)
{
	pthread_mutex_lock(&tel.lock);
	tel.dp = NULL;
	pthread_mutex_unlock(&tel.lock);
}
