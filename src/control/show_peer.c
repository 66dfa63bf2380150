/* SPDX-License-Identifier: BSD-3-Clause */
/* The other sites of the mesh for the operator: are they there, how far away, how far behind, and
 * what went wrong last. */
#include <errno.h>

#include "conf/conf.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/show_priv.h"
#include "tables/sa.h"
#include "tables/sa_view.h"
#include "tables/tables.h"

static const char *state_of(const struct ctl *ctl, const struct mesh_site *s)
{
	const char *state = s->hello.up ? "no domain" : "dead";

	if (s->conf->retired)
		return "retired";
	if (s->is_incompatible)
		return "incompatible";
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		if (s->is_member[d] && s->reach[d] == NEXT_UP)
			return "up";
		if (s->is_member[d] && s->reach[d] == NEXT_CUT_OFF)
			state = "cut off";
	}
	return state;
}

static void put_domains(struct ctl *ctl, struct jw *w, const struct mesh_site *s)
{
	char names[160];

	jw_array(w, "domains");
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		if (!s->is_member[d])
			continue;
		jw_object(w, NULL);
		jw_str(w, "domain", ctl->conf->domains[d].name);
		jw_str(w, "reach", mesh_lacks(s, d) ? "not there" : mesh_reach_name(s->reach[d]));
		if (s->reach[d] != NEXT_DEAD)
			jw_str(w, "says", mesh_says_name(s->says[d]));
		if (s->drift[d] != 0)
			jw_str(w, "settings-differ",
				mesh_setting_names(s->drift[d], names, sizeof(names)));
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

/* What hello knows. */
static void put_hello(struct ctl *ctl, struct jw *w, const struct mesh_site *s)
{
	const struct hello_info *h = &s->hello;

	if (h->heard_ms != 0)
		jw_u64(w, "heard-ms", ctl->now_ms - h->heard_ms);
	if (h->has_rtt)
		jw_u64(w, "rtt-ms", h->rtt_ms);
	if (h->has_offset)
		jw_i64(w, "clock-offset-ms", h->offset_ms);
	if (h->version_max != 0)
		jw_strf(w, "versions", "%u-%u", h->version_min, h->version_max);
	if (h->interval_ms != 0)
		jw_u64(w, "hello-ms", h->interval_ms);
	jw_array(w, "hears");
	if (h->up) /* that it hears us is said in another way */
		jw_str(w, NULL, ctl->conf->node.name);
	for (unsigned n = 1; n < NEXT_NODES; n++)
		if (s->up[n / 64] >> n % 64 & 1)
			jw_str(w, NULL, mesh_site_name(ctl, (uint8_t)n));
	jw_end(w, ']');
}

static void put_session(struct ctl *ctl, struct jw *w, const struct session_info *i, uint8_t node)
{
	struct channel_count c = channel_count(ctl, node);

	jw_bool(w, "session", i->established);
	if (i->established)
		jw_u64(w, "keys-s", (ctl->now_ms - i->since_ms) / 1000);
	jw_u64(w, "handshakes", i->handshakes);
	jw_u64(w, "rx-datagrams", c.rx);
	jw_u64(w, "rx-bytes", c.rx_bytes);
	jw_u64(w, "tx-datagrams", c.tx);
	jw_u64(w, "tx-bytes", c.tx_bytes);
	jw_u64(w, "rx-refused", c.refused);
	jw_u64(w, "tx-failed", c.not_sent);
}

/* What of mobile nodes' packets was relayed. */
static void put_data(struct ctl *ctl, struct jw *w, uint8_t node)
{
	struct sa_count out = { 0 }, in = { 0 };

	if (ctl->t->sa == NULL || sa_count(ctl->t->sa, node, &out, &in) < 0)
		return;
	jw_u64(w, "relayed-tx-packets", out.packets);
	jw_u64(w, "relayed-tx-bytes", out.octets);
	jw_u64(w, "relayed-rx-packets", in.packets);
	jw_u64(w, "relayed-rx-bytes", in.octets);
}

/* The newer one of the channel's and hello's. */
static void put_failure(
	struct ctl *ctl, struct jw *w, const struct mesh_site *s, const struct session_info *i)
{
	uint64_t at_ms = i->failed_ms > s->hello.failed_ms ? i->failed_ms : s->hello.failed_ms;

	if (at_ms == 0)
		return;
	if (at_ms == i->failed_ms)
		jw_strf(w, "last-failure", "channel: %s", session_verdict_name(i->last_failure));
	else
		jw_strf(w, "last-failure", "hello: %s", hello_verdict_name(s->hello.last_failure));
	jw_u64(w, "last-failure-s", (ctl->now_ms - at_ms) / 1000);
}

static void put_streams(struct ctl *ctl, struct jw *w, uint8_t node)
{
	struct engine_peer_info e;

	if (engine_peer_info(ctl->mesh->engine, node, &e) < 0)
		return;
	jw_u64(w, "lag-records", e.behind);
	jw_u64(w, "lag-ms", mesh_behind_ms(ctl, node));
	jw_bool(w, "full", e.full);
	jw_dbl(w, "rate-mbps", (double)e.rate / 125000);
	jw_u64(w, "stream-sent", e.sent);
	jw_u64(w, "stream-sent-again", e.sent_again);
	jw_u64(w, "stream-received", e.received);
	jw_u64(w, "records-in", e.records_in);
	jw_u64(w, "records-newer", e.records_newer);
	jw_u64(w, "records-refused", e.refused);
	jw_u64(w, "malformed", e.malformed);
	jw_u64(w, "digest-rounds", e.rounds);
	jw_u64(w, "ranges-differed", e.ranges);
	jw_u64(w, "records-repaired", e.repaired);
}

static void put_peer(struct ctl *ctl, struct jw *w, uint8_t node)
{
	const struct mesh_site *s = &ctl->mesh->site[node];
	struct session_info session = { 0 };

	jw_object(w, NULL);
	jw_str(w, "site", s->conf->name);
	jw_u64(w, "id", node);
	jw_ip6(w, "address", &s->conf->address);
	jw_str(w, "state", state_of(ctl, s));
	put_hello(ctl, w, s);
	if (channel_info(ctl, node, &session) == 0)
		put_session(ctl, w, &session, node);
	put_streams(ctl, w, node);
	put_data(ctl, w, node);
	put_failure(ctl, w, s, &session);
	put_domains(ctl, w, s);
	jw_end(w, '}');
	jw_newline(w);
}

bool show_peers(struct ctl *ctl, struct ctl_req *req)
{
	if (ctl->mesh == NULL)
		return show_fail(req, -ENOTSUP, "there is no mesh in the configuration");
	req->cursor++;
	if (req->cursor >= NEXT_NODES)
		return false;
	if (ctl->mesh->site[req->cursor].conf != NULL)
		put_peer(ctl, &req->out, (uint8_t)req->cursor);
	return true;
}
