/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnels of the mesh for the operator: what each carried and how old its keys are, never a
 * key. */
#include <errno.h>

#include "conf/conf.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/mesh.h"
#include "control/show_priv.h"
#include "tables/sa.h"
#include "tables/tables.h"

static const char *state_name(enum data_keys_state s)
{
	static const char *const names[] = {
		[DATA_KEYS_WAITING] = "waiting",
		[DATA_KEYS_IN_USE] = "in use",
		[DATA_KEYS_OLD] = "old",
	};

	return names[s];
}

/* What is sealed with is the generation in use: the session's keys made both directions. */
static void put_keys(struct ctl *ctl, struct jw *w, const struct sa_info *i)
{
	uint32_t generation = sa_spi_generation(i->spi);
	enum data_keys_state state = DATA_KEYS_IN_USE;
	uint64_t since_ms = 0;

	if (ctl->data_keys != NULL && i->outbound)
		since_ms = data_keys_since(ctl->data_keys, i->node);
	else if (ctl->data_keys != NULL)
		state = data_keys_state(ctl->data_keys, i->node, generation, &since_ms);
	jw_str(w, "state", state_name(state));
	if (i->spi == 0) /* in clear */
		return;
	jw_strf(w, "spi", "0x%08x", i->spi);
	jw_u64(w, "generation", generation);
	if (since_ms != 0)
		jw_u64(w, "age-s", (ctl->now_ms - since_ms) / 1000);
}

bool show_sa(struct ctl *ctl, struct ctl_req *req)
{
	struct jw *w = &req->out;
	struct sa_info i;
	int ret;

	if (ctl->mesh == NULL || ctl->t->sa == NULL)
		return show_fail(req, -ENOTSUP, "there is no mesh in the configuration");
	ret = sa_next(ctl->t->sa, &req->cursor, &i);
	if (ret <= 0)
		return ret == 0;
	jw_object(w, NULL);
	jw_str(w, "site", mesh_site_name(ctl, i.node));
	jw_u64(w, "id", i.node);
	jw_str(w, "direction", i.outbound ? "out" : "in");
	jw_str(w, "hop", i.relayed ? "relayed" : "first");
	jw_u64(w, "worker", i.worker);
	put_keys(ctl, w, &i);
	jw_u64(w, "number", i.number);
	jw_u64(w, "packets", i.count.packets);
	jw_u64(w, "bytes", i.count.octets);
	jw_end(w, '}');
	jw_newline(w);
	return true;
}
