/* SPDX-License-Identifier: BSD-3-Clause */
/* Home agents for the operator: who may register, and how many have. */
#include "conf/conf.h"
#include "control/show_priv.h"
#include "records/records.h"
#include "records/subs.h"

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
	jw_end(w, '}');
	jw_newline(w);
	req->cursor++;
	return true;
}
