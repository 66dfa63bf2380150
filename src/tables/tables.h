/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything workers read, made together and in one order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct adj_tbl;
struct addrs;
struct bc;
struct dq;
struct fib;
struct meshtab;
struct rte_rcu_qsbr;
struct sa;
struct sa_opts;

struct tables_opts {
	uint32_t readers; /* most RCU reader ids: workers */
	uint32_t max_bindings; /* 0: no binding cache (no domain) */
	uint32_t mesh_domains; /* 0: no mesh */
	uint32_t max_neighbors;
	uint32_t max_routes;
	uint32_t max_addrs;
	const struct sa_opts *mesh; /* NULL: no mesh */
	uint64_t seed;
};

struct tables {
	struct rte_rcu_qsbr *rcu;
	struct dq *dq;
	struct fib *fib;
	struct adj_tbl *adj;
	struct bc *bc; /* NULL without domains */
	struct meshtab *mesh; /* NULL without a mesh */
	struct addrs *addrs; /* control only */
	struct sa *sa; /* NULL without a mesh */
	size_t rcu_bytes;
};

int tables_new(const struct tables_opts *opts, struct tables **out);
void tables_free(struct tables *t); /* workers must have stopped */
