/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/dq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

struct dq_item {
	uint64_t token;
	dq_free_fn fn;
	void *ctx;
	uint64_t item;
};

struct dq {
	struct rte_rcu_qsbr *rcu;
	uint32_t size; /* power of two */
	uint32_t head, tail; /* counted on without end: used = head - tail */
	uint64_t refused;
	struct dq_item ring[];
};

int dq_new(struct rte_rcu_qsbr *rcu, uint32_t size, struct dq **out)
{
	struct dq *dq;

	if (size == 0 || size > 1U << 31 || (size & (size - 1)) != 0)
		return -EINVAL;
	dq = calloc(1, sizeof(*dq) + size * sizeof(dq->ring[0]));
	if (dq == NULL)
		return -ENOMEM;
	dq->rcu = rcu;
	dq->size = size;
	*out = dq;
	return 0;
}

/* Taken out before it runs: what it frees may push again. */
static void dq_pop(struct dq *dq)
{
	struct dq_item it = dq->ring[dq->tail++ & (dq->size - 1)];

	it.fn(it.ctx, it.item);
}

void dq_drain(struct dq *dq)
{
	while (dq_used(dq) > 0)
		dq_pop(dq);
}

void dq_free(struct dq *dq)
{
	if (dq == NULL)
		return;
	dq_drain(dq);
	free(dq);
}

uint32_t dq_used(const struct dq *dq)
{
	return dq->head - dq->tail;
}

uint32_t dq_done(const struct dq *dq)
{
	return dq->tail;
}

uint32_t dq_room(const struct dq *dq)
{
	return dq->size - dq_used(dq);
}

int dq_need(struct dq *dq, uint32_t n)
{
	if (dq_room(dq) >= n)
		return 0;
	dq->refused++;
	return -ENOSPC;
}

int dq_push(struct dq *dq, dq_free_fn fn, void *ctx, uint64_t item)
{
	if (dq_need(dq, 1) < 0)
		return -ENOSPC;
	dq->ring[dq->head++ & (dq->size - 1)] = (struct dq_item){
		.token = rte_rcu_qsbr_start(dq->rcu), .fn = fn, .ctx = ctx, .item = item
	};
	return 0;
}

uint32_t dq_run(struct dq *dq, uint32_t max)
{
	uint32_t n;

	for (n = 0; n < max && dq_used(dq) > 0; n++) {
		const struct dq_item *it = &dq->ring[dq->tail & (dq->size - 1)];

		/* Tokens only grow: what follows isn't due either. */
		if (rte_rcu_qsbr_check(dq->rcu, it->token, false) == 0)
			break;
		dq_pop(dq);
	}
	return n;
}

uint64_t dq_refused(const struct dq *dq)
{
	return dq->refused;
}
