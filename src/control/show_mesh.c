/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator tells a site of a mesh: leave, come back, be ready, give a binding away; and
 * whether it is ready, mesh or not, which is what a routing daemon's health check asks. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/mesh/mesh_priv.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "records/records.h"

#define TAG "mesh"

/* Which domains a request is about: one by its name, or all. -1, and it has failed: none. */
static int choose(struct ctl *ctl, struct ctl_req *req, uint16_t *first, uint16_t *end)
{
	*first = 0;
	*end = (uint16_t)ctl->conf->domain_count;
	if (req->domain[0] == '\0')
		return 0;
	for (uint16_t d = 0; d < ctl->conf->domain_count; d++) {
		if (strcmp(ctl->conf->domains[d].name, req->domain) != 0)
			continue;
		*first = d;
		*end = d + 1;
		return 0;
	}
	show_fail(req, -ENOENT, "no such domain: %s", req->domain);
	return -1;
}

static int choose_in_mesh(struct ctl *ctl, struct ctl_req *req, uint16_t *first, uint16_t *end)
{
	if (ctl->mesh != NULL)
		return choose(ctl, req, first, end);
	show_fail(req, -ENOTSUP, "there is no mesh in the configuration");
	return -1;
}

static enum next_says says(const struct ctl *ctl, uint16_t d)
{
	return ctl->mesh->domain[d].says;
}

static const char *name_of(const struct ctl *ctl, uint16_t d)
{
	return ctl->conf->domains[d].name;
}

static void put_state(struct ctl *ctl, struct jw *w, uint16_t d)
{
	jw_object(w, NULL);
	jw_str(w, "domain", name_of(ctl, d));
	jw_str(w, "state", mesh_says_name(says(ctl, d)));
	jw_end(w, '}');
	jw_newline(w);
}

/* --- drain, undrain --- */

static bool has_ready_peer(const struct ctl *ctl, uint16_t d)
{
	const struct next_view *v = engine_view_of(ctl->mesh->engine, d);

	for (unsigned n = 1; v != NULL && n < NEXT_NODES; n++)
		if (n != v->self && next_is_ready(v, (uint8_t)n))
			return true;
	return false;
}

/* All that are asked for or none: nothing is left half done by one that cannot. */
static bool may_drain(struct ctl *ctl, struct ctl_req *req, uint16_t d)
{
	if (says(ctl, d) == NEXT_DRAINING || says(ctl, d) == NEXT_LEFT)
		return true; /* it does already */
	if (says(ctl, d) == NEXT_JOINING)
		return show_fail(req, -EBUSY, "domain %s is joining: it serves nothing to drain",
			name_of(ctl, d));
	if (!req->force && !has_ready_peer(ctl, d))
		return show_fail(req, -EHOSTUNREACH,
			"domain %s: no other site is ready to take its bindings over; with --force "
			"it is left all the same",
			name_of(ctl, d));
	return true;
}

bool show_drain(struct ctl *ctl, struct ctl_req *req)
{
	uint16_t first, end;

	if (choose_in_mesh(ctl, req, &first, &end) < 0)
		return false;
	for (uint16_t d = first; d < end; d++)
		if (!may_drain(ctl, req, d))
			return false;
	for (uint16_t d = first; d < end; d++) {
		if (engine_drain(ctl->mesh->engine, d, req->force, ctl->now_ms) == 0)
			log_info(TAG, "is drained by the operator domain=%s force=%d",
				name_of(ctl, d), req->force);
		put_state(ctl, &req->out, d);
	}
	ctl->mesh->due_ms = 0;
	return false;
}

bool show_undrain(struct ctl *ctl, struct ctl_req *req)
{
	uint16_t first, end;
	unsigned n = 0;

	if (choose_in_mesh(ctl, req, &first, &end) < 0)
		return false;
	for (uint16_t d = first; d < end; d++) {
		if (engine_undrain(ctl->mesh->engine, d, ctl->now_ms) < 0)
			continue;
		log_info(TAG, "is not drained any more domain=%s", name_of(ctl, d));
		put_state(ctl, &req->out, d);
		n++;
	}
	ctl->mesh->due_ms = 0;
	if (n == 0)
		return show_fail(req, -EALREADY, "%s does not drain",
			req->domain[0] != '\0' ? req->domain : "any domain");
	return false;
}

/* --- ready --- */

/* Beyond the mesh: it can be spoken to, and no worker swallows its share of what comes. Hello is
 * silent then, and others serve. */
static bool is_able(const struct ctl *ctl)
{
	return ctl->ready && !still_is_wedged(ctl->still);
}

static bool is_ready(const struct ctl *ctl, uint16_t d)
{
	return is_able(ctl) && (ctl->mesh == NULL || says(ctl, d) == NEXT_READY);
}

static void say_why_not(struct ctl *ctl, struct ctl_req *req, uint16_t d)
{
	struct engine_domain_info info = { 0 };

	if (!ctl->ready) {
		show_fail(req, -EAGAIN, "not ready: its addresses may not be used yet");
		return;
	}
	if (still_is_wedged(ctl->still)) {
		struct still_lcore most = still_most(ctl->still);

		show_fail(req, -EAGAIN, "not ready: lcore %u has finished no turn for %llu ms",
			most.number, (unsigned long long)most.ms);
		return;
	}
	engine_domain_info(ctl->mesh->engine, d, &info);
	if (info.waits_for != 0)
		show_fail(req, -EAGAIN, "not ready: domain %s waits for %s", name_of(ctl, d),
			mesh_site_name(ctl, info.waits_for));
	else
		show_fail(req, -EAGAIN, "not ready: domain %s is %s", name_of(ctl, d),
			mesh_says_name(info.says));
}

static bool force_ready(struct ctl *ctl, struct ctl_req *req, uint16_t d)
{
	if (engine_force_ready(ctl->mesh->engine, d, ctl->now_ms) < 0)
		return show_fail(req, -EALREADY, "domain %s does not wait: it is %s",
			name_of(ctl, d), mesh_says_name(says(ctl, d)));
	log_warn(TAG, "is ready because the operator says so domain=%s", name_of(ctl, d));
	ctl->mesh->due_ms = 0;
	jw_object(&req->out, NULL);
	jw_str(&req->out, "domain", name_of(ctl, d));
	jw_bool(&req->out, "forced", true);
	jw_end(&req->out, '}');
	jw_newline(&req->out);
	return false;
}

bool show_ready(struct ctl *ctl, struct ctl_req *req)
{
	uint16_t first, end;
	int not_ready = -1;

	if (req->force && req->domain[0] == '\0')
		return show_fail(req, -EINVAL, "--force needs a domain");
	if (req->force)
		return choose_in_mesh(ctl, req, &first, &end) == 0 && force_ready(ctl, req, first);
	if (choose(ctl, req, &first, &end) < 0)
		return false;
	for (uint16_t d = first; d < end; d++) {
		jw_object(&req->out, NULL);
		jw_str(&req->out, "domain", name_of(ctl, d));
		jw_bool(&req->out, "ready", is_ready(ctl, d));
		jw_end(&req->out, '}');
		jw_newline(&req->out);
		if (not_ready < 0 && !is_ready(ctl, d))
			not_ready = d;
	}
	if (not_ready >= 0 || !is_able(ctl))
		say_why_not(ctl, req, (uint16_t)(not_ready < 0 ? 0 : not_ready));
	return false;
}

/* --- binding move --- */

static struct record *find_record(struct ctl *ctl, const struct ip6_addr *hoa)
{
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		struct record *r = records_find(ctl->records, (uint16_t)d, hoa);

		if (r != NULL && r->state == RECORD_LIVE)
			return r;
	}
	return NULL;
}

static bool fail_not_ours(struct ctl *ctl, struct ctl_req *req, uint8_t owner)
{
	if (owner == 0)
		return show_fail(req, -EPERM,
			"the site that owns this binding is gone, and no "
			"other one has it yet; try again");
	if (owner == ctl->conf->node.id)
		return show_fail(
			req, -EPERM, "this binding is taken over at this moment; try again");
	return show_fail(
		req, -EPERM, "another site owns this binding: ask %s", mesh_site_name(ctl, owner));
}

static bool fail_move(struct ctl *ctl, struct ctl_req *req, const struct record *r, int ret)
{
	if (ret == -EINVAL)
		return show_fail(req, ret, "%s is no ready site of domain %s", req->site,
			name_of(ctl, r->domain));
	if (ret == -EPERM)
		return fail_not_ours(ctl, req, mesh_owner(ctl, r));
	return show_fail(req, ret, "nothing can be moved at this moment; try again");
}

bool show_binding_move(struct ctl *ctl, struct ctl_req *req)
{
	char text[IP6_STRLEN];
	struct record *r;
	uint8_t node;
	int ret;

	if (ctl->mesh == NULL)
		return show_fail(req, -ENOTSUP, "there is no mesh in the configuration");
	r = find_record(ctl, &req->key);
	if (r == NULL)
		return show_fail(req, -ENOENT, "no such binding: %s", ip6_str(&req->key, text));
	node = mesh_find_site(ctl, req->site);
	if (node == 0)
		return show_fail(req, -ENOENT, "no such site: %s", req->site);
	ret = engine_move(ctl->mesh->engine, r, node, ctl->now_ms, ctl->wall_ms);
	if (ret < 0)
		return fail_move(ctl, req, r, ret);
	ctl->mesh->due_ms = 0;
	log_info(TAG, "binding moved by the operator hoa=%s site=%s", ip6_str(&r->hoa, text),
		req->site);
	jw_object(&req->out, NULL);
	jw_ip6(&req->out, "moved", &req->key);
	jw_str(&req->out, "site", req->site);
	jw_end(&req->out, '}');
	jw_newline(&req->out);
	return false;
}
