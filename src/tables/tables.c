/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/tables.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "common/mem.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/sa.h"

/* 300,000 changes a second and workers that report within 50 ms: 15,000 wait. */
#define DQ_SIZE 16384

static int rcu_new(struct tables *t, uint32_t readers)
{
	t->rcu_bytes = rte_rcu_qsbr_get_memsize(readers);
	t->rcu = mem_zalloc(t->rcu_bytes);
	if (t->rcu == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(t->rcu, readers) == 0)
		return 0;
	mem_free(t->rcu, t->rcu_bytes);
	t->rcu = NULL;
	return -EINVAL;
}

static int fill(struct tables *t, const struct tables_opts *o)
{
	struct fib_opts fib = { .max_routes = o->max_routes, .seed = o->seed };
	struct adj_opts adj = { .max = o->max_neighbors, .seed = o->seed };
	struct bc_opts bc = { .max = o->max_bindings, .seed = o->seed };
	int ret = rcu_new(t, o->readers);

	if (ret == 0)
		ret = dq_new(t->rcu, DQ_SIZE, &t->dq);
	if (ret == 0)
		ret = fib_new(&fib, t->dq, &t->fib);
	if (ret == 0)
		ret = adj_new(&adj, t->dq, &t->adj);
	if (ret == 0 && o->max_bindings > 0)
		ret = bc_new(&bc, t->dq, &t->bc);
	if (ret == 0 && o->mesh_domains > 0)
		ret = meshtab_new(o->mesh_domains, t->dq, &t->mesh);
	if (ret == 0)
		ret = addrs_new(o->max_addrs, &t->addrs);
	if (ret == 0 && o->mesh != NULL)
		ret = sa_new(o->mesh, t->dq, &t->sa);
	return ret;
}

int tables_new(const struct tables_opts *opts, struct tables **out)
{
	struct tables *t = mem_zalloc(sizeof(*t)); /* shares no line with anything else */
	int ret;

	if (t == NULL)
		return -ENOMEM;
	ret = fill(t, opts);
	if (ret < 0)
		tables_free(t);
	else
		*out = t;
	return ret;
}

void tables_free(struct tables *t)
{
	if (t == NULL)
		return;
	sa_free(t->sa);
	addrs_free(t->addrs);
	meshtab_free(t->mesh);
	bc_free(t->bc);
	adj_free(t->adj);
	fib_free(t->fib);
	dq_free(t->dq);
	mem_free(t->rcu, t->rcu_bytes);
	mem_free(t, sizeof(*t));
}
