/* SPDX-License-Identifier: BSD-3-Clause */
/* Stand-ins for what is around a site of the lab. */
#include "mesh_lab.h"

/* --- what is around --- */

int channel_send(struct ctl *ctl, uint8_t to, const uint8_t *buf, size_t len)
{
	const struct site *s = site_of(ctl), *other = &sites[to];

	assert_true(len > 0 && len <= CHANNEL_MAX);
	if (s->is_cut || s->is_deaf || other->is_cut || other->is_deaf || !other->runs)
		return 0;
	assert_true(queued < QUEUE);
	queue[queued].to = to;
	queue[queued].from = s->node;
	queue[queued].at_ms = lab_ms + WIRE_MS + s->wire_ms + other->wire_ms;
	memcpy(queue[queued].buf, buf, len);
	queue[queued++].len = len;
	return 0;
}

int channel_info(const struct ctl *ctl, uint8_t n, struct session_info *out)
{
	(void)ctl;
	(void)n;
	*out = (struct session_info){ 0 };
	return 0;
}

void channel_heard(struct ctl *ctl, uint8_t node, uint64_t heard_ms)
{
	(void)ctl;
	(void)node;
	(void)heard_ms;
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t n)
{
	(void)ctl;
	(void)n;
	return (struct channel_count){ 0 };
}

bool pulse_run(struct ctl *ctl)
{
	const struct site *s = site_of(ctl);
	struct next_view v = { .domain = next_domain("msp"), .self = s->node };

	for (unsigned n = 1; n <= SITES; n++)
		if (n == s->node || (sites[n].runs && !sites[n].is_cut && !s->is_cut))
			v.site[n] = (struct next_site){ .reach = NEXT_UP, .says = sites[n].says };
	mesh_on_view(ctl, 0, &v);
	return false;
}

void pulse_say(struct ctl *ctl, uint16_t domain, enum next_says says)
{
	assert_int_equal(domain, 0);
	site_of(ctl)->says = says;
}

bool pulse_is_known(const struct ctl *ctl, uint16_t domain)
{
	(void)ctl;
	(void)domain;
	return true;
}

void route_publish(struct ctl *ctl, uint16_t domain, const struct next_view *view,
	const struct next_table *next)
{
	(void)ctl;
	(void)domain;
	(void)view;
	(void)next;
}

void route_place(const struct ctl *ctl, const struct record *r, uint8_t *owner, uint8_t *bucket)
{
	*owner = records_mesh(ctl->records, r)->owner.node;
	*bucket = 0;
}

uint8_t route_agent(const struct conf *conf, uint16_t domain, const struct ip6_addr *agent)
{
	(void)domain;
	return lab.mode == CONF_MODE_UNICAST && agent->b[15] <= SITES ? agent->b[15]
								      : (uint8_t)conf->node.id;
}

void dp_relay_counts(const struct dp *dp, uint16_t domain, struct dp_relay_counts *out)
{
	(void)dp;
	(void)domain;
	*out = (struct dp_relay_counts){ 0 };
}

/* ctl->dp is the site itself here. */
void dp_count_drop(struct dp *dp, enum dp_drop reason)
{
	((struct site *)dp)->drops[reason]++;
}

void dp_watch_say(struct dp *dp, const char *who, const char *what, int32_t status)
{
	(void)dp;
	(void)who;
	(void)what;
	(void)status;
}

/* Read as its mobile node reads it. */
static int take_answer(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	struct site *s = site_of(ctl);
	struct answer *a = &s->got[s->answers++ % GOT];
	const struct net_ip6 *ip6 = (const struct net_ip6 *)pkt;
	struct ext_info x;
	struct mh_hdr hdr;
	struct ip6_addr final;
	uint16_t bad_at;

	assert_int_equal(ext_walk(pkt, len, EXT_TRANSIT, &x), EXT_OK);
	final = ip6->dst;
	if (x.flags & EXT_RH)
		memcpy(&final, pkt + x.rh_off + 8, sizeof(final));
	assert_int_equal(
		mh_check(pkt + x.upper_off, (uint16_t)(len - x.upper_off), &ip6->src, &final, &hdr),
		MH_OK);
	assert_int_equal(hdr.type, MH_BA);
	assert_int_equal(mh_ba_decode(pkt + x.upper_off, hdr.len, &a->ba, &bad_at), 0);
	a->src = ip6->src;
	a->dst = ip6->dst;
	a->at_ms = lab_ms;
	return 0;
}

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	return take_answer(ctl, pkt, len);
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	/* to wherever the home address is bound: what is authenticated says so */
	struct site *s = site_of(ctl);
	struct told *t = &s->told[s->tellings++ % GOT];
	const struct net_ip6 *ip6 = (const struct net_ip6 *)pkt;
	const uint8_t *mh = pkt + sizeof(*ip6);
	const struct bc_entry *e = bc_find(s->tables.bc, &ip6->dst);
	struct mh_switch_msg sw;
	uint8_t tag[MAC_LEN];
	uint16_t bad_at;

	assert_non_null(e);
	assert_int_equal(mh[2], MH_HA_SWITCH);
	assert_int_equal(len, sizeof(*ip6) + 8 * (mh[1] + 1u));
	assert_int_equal(mh_switch_decode(mh, (uint16_t)(len - sizeof(*ip6)), &sw, &bad_at), 0);
	assert_in_range(sw.agent_count, 1, SITES);
	*t = (struct told){ .src = ip6->src,
		.dst = ip6->dst,
		.agent_count = sw.agent_count,
		.opts = sw.opts,
		.at_ms = lab_ms };
	memcpy(t->agents, sw.agents, sw.agent_count * sizeof(t->agents[0]));
	assert_true(mh_opts_has(&sw.opts, MHOPT_MN_AUTH));
	mip6_sign(&signer, &e->coa, &ip6->dst, mh, sw.opts.mac_at, tag);
	t->is_signed = mac_equal(tag, sw.opts.mac) && sw.opts.spi == SPI;
	return 0;
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	(void)port;
	(void)mac;
	site_of(ctl)->by_link++;
	return take_answer(ctl, pkt, len);
}

bool icmp_send_error(
	struct ctl *ctl, const struct ctl_pkt *p, uint8_t type, uint8_t code, uint32_t arg)
{
	(void)ctl;
	(void)p;
	(void)type;
	(void)code;
	(void)arg;
	return true;
}

bool icmp_error_token(struct ctl *ctl)
{
	(void)ctl;
	return true;
}
