/* SPDX-License-Identifier: BSD-3-Clause */
/* Home agents for the operator: who may register, and how many have. */
#include "conf/conf.h"
#include "control/mesh/mesh_priv.h"
#include "control/mip6/switch.h"
#include "control/show_priv.h"
#include "records/records.h"
#include "records/subs.h"

/* Mobile nodes that are told to register elsewhere: those of which sites, and how far that is. */
static void put_switch(struct ctl *ctl, struct jw *w, uint16_t d)
{
	struct switch_info info;

	if (!switch_info(ctl, d, &info))
		return;
	jw_object(w, "home-agent-switch");
	jw_array(w, "sites");
	for (unsigned n = 1; n < NEXT_NODES; n++)
		if (switch_is_from(ctl, d, (uint8_t)n))
			jw_str(w, NULL, mesh_site_name(ctl, (uint8_t)n));
	jw_end(w, ']');
	jw_bool(w, "all-told", info.all_told);
	jw_u64(w, "waiting", info.waiting);
	jw_end(w, '}');
}

/* How this site stands to the others in it. */
static void put_mesh(struct ctl *ctl, struct jw *w, uint16_t d)
{
	const struct conf_domain *conf = &ctl->conf->domains[d];
	struct engine_domain_info info;
	struct dp_relay_counts relayed;

	if (ctl->mesh == NULL || engine_domain_info(ctl->mesh->engine, d, &info) < 0)
		return;
	jw_str(w, "state", mesh_says_name(info.says));
	show_time(w, "state-since", ctl->now_ms - ctl->mesh->domain[d].says_ms);
	jw_bool(w, "serves", info.serves);
	if (info.says == NEXT_LEFT) {
		jw_bool(w, "left-is-known", ctl->mesh->domain[d].left_told);
		jw_bool(w, "left-is-quiet", ctl->mesh->domain[d].left_quiet);
	}
	if (info.waits_for != 0)
		jw_str(w, "waits-for", mesh_site_name(ctl, info.waits_for));
	put_switch(ctl, w, d);
	jw_str(w, "mode", conf->mode == CONF_MODE_SHARED ? "shared" : "unicast");
	jw_str(w, "delivery", conf->delivery == CONF_DELIVERY_PRIMARY ? "primary" : "direct");
	jw_array(w, "peers");
	for (uint32_t i = 0; i < conf->peer_count; i++)
		jw_str(w, NULL, conf->peers[i].name);
	jw_end(w, ']');
	jw_u64(w, "alone", info.alone);
	jw_u64(w, "acks-waiting", info.waiting);
	jw_u64(w, "walk-left", info.walk_left);
	dp_relay_counts(ctl->dp, d, &relayed);
	jw_object(w, "relayed");
	jw_u64(w, "packets", relayed.first_packets);
	jw_u64(w, "bytes", relayed.first_octets);
	jw_u64(w, "further-packets", relayed.further_packets);
	jw_u64(w, "further-bytes", relayed.further_octets);
	jw_u64(w, "mismatches", relayed.mismatches);
	jw_end(w, '}');
	jw_strf(w, "digest", "%016llx", (unsigned long long)info.digest);
}

bool show_domains(struct ctl *ctl, struct ctl_req *req)
{
	uint16_t d = (uint16_t)req->cursor;
	const struct conf_domain *conf;
	const struct subs_counts *n;
	struct jw *w = &req->out;

	if (d >= ctl->conf->domain_count)
		return false;
	conf = &ctl->conf->domains[d];
	n = subs_counts(ctl->subs, d);
	jw_object(w, NULL);
	jw_str(w, "domain", conf->name);
	jw_ip6(w, "home-agent-address", &conf->home_agent_address);
	jw_array(w, "mobile-prefixes");
	for (uint32_t i = 0; i < conf->mobile_prefix_count; i++)
		jw_prefix(w, NULL, &conf->mobile_prefixes[i]);
	jw_end(w, ']');
	jw_u64(w, "bindings", records_live_in(ctl->records, d));
	jw_u64(w, "subscribers", n->subscribers);
	jw_u64(w, "ranges", n->ranges);
	if (n->file != NULL)
		jw_str(w, "file", n->file);
	else
		jw_null(w, "file");
	show_time(w, "loaded", ctl->now_ms - ctl->loaded_ms);
	jw_u64(w, "dropped-above-limits", dp_domain_dropped(ctl->dp, d));
	put_mesh(ctl, w, d);
	jw_end(w, '}');
	jw_newline(w);
	req->cursor++;
	return true;
}
