/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/meshtab.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tables/dq.h"

/* What a domain's buffers are for; their numbers change places. */
enum { READ, STILL_READ, FILLED, BUFFERS };

struct places {
	uint8_t at[BUFFERS];
	bool waits; /* for those who may have STILL_READ */
};

struct meshtab_own {
	struct dq *dq;
	struct mesh_domain *table; /* BUFFERS of each domain */
	struct places place[];
};

static size_t tables_size(uint32_t domains)
{
	return (size_t)domains * BUFFERS * sizeof(struct mesh_domain);
}

int meshtab_new(uint32_t domains, struct dq *dq, struct meshtab **out)
{
	struct meshtab *t = calloc(1, sizeof(*t) + domains * sizeof(t->domain[0]));

	if (t == NULL)
		return -ENOMEM;
	t->count = domains;
	t->own = calloc(1, sizeof(*t->own) + domains * sizeof(t->own->place[0]));
	if (t->own == NULL)
		goto err_tab;
	t->own->dq = dq;
	t->own->table = mem_zalloc(tables_size(domains));
	if (t->own->table == NULL)
		goto err_own;
	for (uint32_t d = 0; d < domains; d++)
		t->own->place[d] = (struct places){ .at = { READ, STILL_READ, FILLED } };
	*out = t;
	return 0;

err_own:
	free(t->own);
err_tab:
	free(t);
	return -ENOMEM;
}

void meshtab_free(struct meshtab *t)
{
	if (t == NULL)
		return;
	dq_drain(t->own->dq); /* what waits there is about tables that go now */
	mem_free(t->own->table, tables_size(t->count));
	free(t->own);
	free(t);
}

size_t meshtab_memory(const struct meshtab *t)
{
	return sizeof(*t) + t->count * (sizeof(t->domain[0]) + sizeof(t->own->place[0])) +
	       sizeof(*t->own) + tables_size(t->count);
}

static struct mesh_domain *buffer(struct meshtab *t, uint32_t domain, unsigned place)
{
	return &t->own->table[domain * BUFFERS + t->own->place[domain].at[place]];
}

struct mesh_domain *meshtab_buffer(struct meshtab *t, uint32_t domain)
{
	return buffer(t, domain, FILLED);
}

static void is_read_no_more(void *ctx, uint64_t domain)
{
	struct meshtab *t = ctx;

	t->own->place[domain].waits = false;
}

int meshtab_publish(struct meshtab *t, uint32_t domain)
{
	struct places *p = &t->own->place[domain];
	bool first = atomic_load_explicit(&t->domain[domain], memory_order_relaxed) == NULL;

	if (p->waits || (!first && dq_need(t->own->dq, 1) < 0))
		return -EAGAIN;
	atomic_store_explicit(&t->domain[domain], buffer(t, domain, FILLED), memory_order_release);
	*p = (struct places){ .at = { p->at[FILLED], p->at[READ], p->at[STILL_READ] } };
	if (!first) {
		p->waits = true;
		(void)dq_push(t->own->dq, is_read_no_more, t, domain);
	}
	return 0;
}
