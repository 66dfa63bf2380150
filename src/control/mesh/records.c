/* SPDX-License-Identifier: BSD-3-Clause */
/* For those who change records, and for those who ask: the engine's functions with control's time.
 * What the engine has to do is done later in the same turn. */
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh_priv.h"
#include "records/records.h"
#include "records/seen.h"

static struct engine *wake(struct ctl *ctl)
{
	ctl->mesh->due_ms = 0;
	return ctl->mesh->engine;
}

void mesh_updated(struct ctl *ctl, uint16_t domain)
{
	if (ctl->mesh != NULL)
		ctl->mesh->domain[domain].updates++;
}

bool mesh_accepted(struct ctl *ctl, struct record *r, const struct order_result *o,
	enum record_order by, bool is_refresh)
{
	return engine_accepted(wake(ctl), r, o, by, is_refresh, ctl->now_ms, ctl->wall_ms);
}

enum engine_commit mesh_wait(struct ctl *ctl, struct record *r, uint64_t token)
{
	return engine_wait(wake(ctl), r, token, ctl->now_ms);
}

void mesh_touched(struct ctl *ctl, struct record *r)
{
	if (ctl->mesh != NULL)
		engine_touched(wake(ctl), r, ctl->now_ms, ctl->wall_ms);
}

void mesh_soft(struct ctl *ctl, struct record *r)
{
	engine_soft(wake(ctl), r, ctl->now_ms);
}

int mesh_seen(struct ctl *ctl, const struct seen_pair *pair)
{
	return engine_seen(wake(ctl), pair, ctl->now_ms, ctl->wall_ms);
}

bool mesh_may_end(struct ctl *ctl, struct record *r)
{
	return ctl->mesh == NULL || engine_end(ctl->mesh->engine, r, ctl->now_ms);
}

void mesh_loaded(struct ctl *ctl, struct record *r)
{
	engine_loaded(ctl->mesh->engine, r);
}

void mesh_store_is_fresh(struct ctl *ctl, uint16_t domain, bool is_fresh)
{
	engine_store_is_fresh(ctl->mesh->engine, domain, is_fresh);
}

/* --- questions --- */

bool mesh_serves(const struct ctl *ctl, uint16_t domain)
{
	return ctl->mesh == NULL || engine_serves(ctl->mesh->engine, domain);
}

uint8_t mesh_owner(const struct ctl *ctl, const struct record *r)
{
	return ctl->mesh == NULL ? (uint8_t)ctl->conf->node.id : engine_owner(ctl->mesh->engine, r);
}

bool mesh_is_owner(const struct ctl *ctl, const struct record *r)
{
	return ctl->mesh == NULL || records_mesh(ctl->records, r)->owner.node == ctl->conf->node.id;
}

struct seen *mesh_seen_table(const struct ctl *ctl)
{
	return ctl->mesh == NULL ? NULL : ctl->mesh->seen;
}

uint32_t mesh_domain_id(const struct ctl *ctl, uint16_t domain)
{
	return ctl->mesh->domain[domain].id;
}

uint64_t mesh_boot(const struct ctl *ctl)
{
	return ctl->mesh->boot;
}
