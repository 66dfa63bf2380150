/* SPDX-License-Identifier: BSD-3-Clause */
/* RCU with n registered readers, all online, as main makes it for workers. */
#pragma once

#include "test.h"

#include <rte_rcu_qsbr.h>

static inline struct rte_rcu_qsbr *readers_new(uint32_t n)
{
	struct rte_rcu_qsbr *rcu = NULL;

	assert_int_equal(posix_memalign((void **)&rcu, 64, rte_rcu_qsbr_get_memsize(n)), 0);
	assert_int_equal(rte_rcu_qsbr_init(rcu, n), 0);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(rcu, i), 0);
		rte_rcu_qsbr_thread_online(rcu, i);
	}
	return rcu;
}
