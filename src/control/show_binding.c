/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings for the operator: what was registered (records) and what it carried (tables). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conf/conf.h"
#include "control/mesh/mesh.h"
#include "control/show_priv.h"
#include "net/mh.h"
#include "records/records.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

static void put_flags(struct jw *w, uint16_t flags)
{
	static const struct {
		uint16_t bit;
		char letter;
	} letters[] = {
		{ MH_BU_A, 'A' },
		{ MH_BU_H, 'H' },
		{ MH_BU_L, 'L' },
		{ MH_BU_K, 'K' },
		{ MH_BU_M, 'M' },
		{ MH_BU_R, 'R' },
		{ MH_BU_P, 'P' },
	};
	char text[DIM(letters) + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < DIM(letters); i++) {
		if (flags & letters[i].bit)
			text[n++] = letters[i].letter;
	}
	jw_str(w, "flags", text);
}

/* What fits the tunnel whole, when that was learned to be less than the link would take. */
static void put_tunnel_mtu(struct jw *w, const struct bc_entry *e)
{
	uint32_t mtu = bc_path_mtu(e, UINT16_MAX);

	if (mtu != UINT16_MAX)
		jw_u64(w, "tunnel-mtu", mtu - bc_overhead(e));
}

/* Whose it is, and which of several copies is the newer one. */
static void put_versions(struct ctl *ctl, struct jw *w, const struct record *r)
{
	const struct record_mesh *m;

	if (ctl->mesh == NULL)
		return;
	m = records_mesh(ctl->records, r);
	jw_str(w, "owner", mesh_site_name(ctl, (uint8_t)m->owner.node));
	jw_strf(w, "version", "%" PRIu32 ".%" PRIu64 ".%" PRIx64 "@%u", m->content.epoch,
		m->content.ext_seq, m->content.hlc, m->content.node);
	jw_strf(w, "owner-version", "%" PRIu32 ".%" PRIu64 ".%u@%u", m->owner.epoch,
		m->owner.ext_seq, m->owner.term, m->owner.node);
	jw_bool(w, "alone", (m->flags & RECORD_ALONE) != 0);
}

static void put_binding(struct ctl *ctl, struct jw *w, const struct record *r)
{
	const struct bc_entry *e = r->state == RECORD_LIVE ? bc_find(ctl->t->bc, &r->hoa) : NULL;
	struct bc_counts counts = { 0 };

	if (e != NULL)
		bc_counts(ctl->t->bc, e, &counts);
	jw_object(w, NULL);
	jw_ip6(w, "home-address", &r->hoa);
	jw_ip6(w, "care-of-address", &r->coa);
	jw_ip6(w, "home-agent-address", &r->ha);
	jw_str(w, "domain", show_domain_name(ctl, r->domain));
	jw_str(w, "state", r->state == RECORD_LIVE ? "live" : "tombstone");
	jw_u64(w, "sequence", r->seq);
	jw_u64(w, "lifetime-s", r->lifetime_s);
	jw_u64(w, "remaining-s", r->ends_ms > ctl->now_ms ? (r->ends_ms - ctl->now_ms) / 1000 : 0);
	show_time(w, "since", ctl->now_ms - r->since_ms);
	put_flags(w, r->flags);
	put_versions(ctl, w, r);
	if (e != NULL)
		put_tunnel_mtu(w, e);
	jw_u64(w, "packets-to", counts.packets_to);
	jw_u64(w, "bytes-to", counts.bytes_to);
	jw_u64(w, "packets-from", counts.packets_from);
	jw_u64(w, "bytes-from", counts.bytes_from);
	jw_end(w, '}');
	jw_newline(w);
}

static bool has_domain(const struct ctl *ctl, const char *name)
{
	for (uint32_t i = 0; i < ctl->conf->domain_count; i++) {
		if (strcmp(ctl->conf->domains[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool is_owner(const struct ctl *ctl, const struct record *r, const char *site)
{
	uint8_t node;

	if (ctl->mesh == NULL)
		return false;
	node = (uint8_t)records_mesh(ctl->records, r)->owner.node;
	return strcmp(mesh_site_name(ctl, node), site) == 0;
}

static bool is_wanted(const struct ctl *ctl, const struct ctl_req *req, const struct record *r)
{
	return (req->all || r->state == RECORD_LIVE) &&
	       (!req->has_prefix || ip6_in_prefix(&r->hoa, &req->prefix)) &&
	       (!req->has_coa || ip6_in_prefix(&r->coa, &req->coa)) &&
	       (req->domain[0] == '\0' ||
		       strcmp(show_domain_name(ctl, r->domain), req->domain) == 0) &&
	       (req->site[0] == '\0' || is_owner(ctl, r, req->site));
}

/* What bindings are asked for by is there at all; else it has failed. */
static bool is_known(const struct ctl *ctl, struct ctl_req *req)
{
	if (req->domain[0] != '\0' && !has_domain(ctl, req->domain))
		return show_fail(req, -ENOENT, "no such domain: %s", req->domain);
	if (req->site[0] != '\0' && (ctl->mesh == NULL || mesh_find_site(ctl, req->site) == 0))
		return show_fail(req, -ENOENT, "no such site: %s", req->site);
	return true;
}

bool show_bindings(struct ctl *ctl, struct ctl_req *req)
{
	struct record *r;

	if (req->cursor == 0 && !is_known(ctl, req))
		return false;
	if (ctl->records == NULL)
		return false;
	r = records_next(ctl->records, &req->cursor);
	if (r == NULL)
		return false;
	if (is_wanted(ctl, req, r))
		put_binding(ctl, &req->out, r);
	return true;
}

static void add_up(const struct ctl *ctl, const struct record *r, struct ctl_sum *sum)
{
	const struct bc_entry *e = bc_find(ctl->t->bc, &r->hoa);
	struct bc_counts c = { 0 };

	if (e != NULL)
		bc_counts(ctl->t->bc, e, &c);
	sum->bindings++;
	sum->used_to += c.packets_to > 0;
	sum->used_from += c.packets_from > 0;
	sum->packets_to += c.packets_to;
	sum->bytes_to += c.bytes_to;
	sum->packets_from += c.packets_from;
	sum->bytes_from += c.bytes_from;
}

static void put_sum(struct jw *w, const struct ctl_sum *sum)
{
	jw_object(w, NULL);
	jw_u64(w, "bindings", sum->bindings);
	jw_u64(w, "used-to", sum->used_to);
	jw_u64(w, "used-from", sum->used_from);
	jw_u64(w, "packets-to", sum->packets_to);
	jw_u64(w, "bytes-to", sum->bytes_to);
	jw_u64(w, "packets-from", sum->packets_from);
	jw_u64(w, "bytes-from", sum->bytes_from);
	jw_end(w, '}');
	jw_newline(w);
}

/* No moment's: bindings come and go, and carry packets, while the walk lasts. */
bool show_summary(struct ctl *ctl, struct ctl_req *req)
{
	struct record *r = NULL;

	if (req->cursor == 0 && !is_known(ctl, req))
		return false;
	if (ctl->records != NULL)
		r = records_next(ctl->records, &req->cursor);
	if (r == NULL) {
		put_sum(&req->out, &req->sum);
		return false;
	}
	if (is_wanted(ctl, req, r))
		add_up(ctl, r, &req->sum);
	return true;
}

static bool fail_no_binding(struct ctl_req *req)
{
	char text[IP6_STRLEN];

	return show_fail(req, -ENOENT, "no such binding: %s", ip6_str(&req->key, text));
}

/* Mobile prefixes of domains do not overlap: at most one domain has this home address. */
bool show_binding(struct ctl *ctl, struct ctl_req *req)
{
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		struct record *r = records_find(ctl->records, (uint16_t)d, &req->key);

		if (r != NULL && r->state == RECORD_LIVE) {
			put_binding(ctl, &req->out, r);
			return false;
		}
	}
	return fail_no_binding(req);
}

bool show_binding_delete(struct ctl *ctl, struct ctl_req *req)
{
	int ret = ctl->mip6 != NULL ? mip6_delete(ctl, &req->key) : -ENOENT;

	if (ret == -ENOENT)
		return fail_no_binding(req);
	if (ret < 0)
		return show_fail(req, ret, "nothing can be deleted at this moment: %s; try again",
			strerror(-ret));
	jw_object(&req->out, NULL);
	jw_ip6(&req->out, "deleted", &req->key);
	jw_end(&req->out, '}');
	jw_newline(&req->out);
	return false;
}
