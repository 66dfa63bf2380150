/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of hello: a poll function on the first worker's lcore, which takes datagrams, lets
 * beat.h turn and sends; and control's end of the mail.
 */
#include "control/mesh/pulse.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/beat.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/mail.h"
#include "control/mesh/mesh.h"
#include "control/still.h"
#include "net/udp.h"
#include "sync/message.h"

/* Microseconds a turn for datagrams, some for each; the others wait in the ring. A genuine one must
 * not wait long behind copies of old ones, and the worker beside has packets to carry. */
#define TAKE_US     50
#define TAKE_BATCH  16 /* datagrams before the clock is looked at */
#define READ_BUDGET 16 /* messages that control reads in a turn */
#define HOP_LIMIT   64

/* Octets of mail that wait for a control core at work, for each domain: a few views. */
#define MAIL_ROOM 16384

struct said {
	struct mail_say now;
	bool is_known; /* of the saying `known` */
	uint32_t known;
};

struct pulse {
	struct dp *dp;
	struct beat *beat;
	struct mail *mail;

	/* the lcore's */
	uint64_t due_tsc;
	uint64_t tsc_ms; /* in a millisecond */
	uint8_t node[CONF_PEERS_MAX];
	uint32_t node_count;
	struct ip6_addr site;
	uint16_t port;
	struct ip6_addr address[NEXT_NODES];
	uint8_t pkt[IP6_MIN_MTU];

	/* control's */
	uint16_t stalls;
	uint32_t generation; /* of what may be reloaded, as hello tells it */
	uint32_t domain_count;
	struct said said[CONF_DOMAINS_MAX];
};

static_assert(CONF_DOMAINS_MAX <= HELLO_DOMAINS, "hello numbers domains as the configuration does");
static_assert(sizeof(struct net_ip6) + NET_UDP_LEN + HELLO_MAX <= IP6_MIN_MTU, "one packet");

/* --- hello's lcore --- */

int pulse_drop(enum hello_verdict v)
{
	static const int drop[] = { [HELLO_TAKEN] = -1,
#define X(id, name, help) [HELLO_##id] = DP_DROP_HELLO_##id,
		HELLO_REFUSED_LIST(X)
#undef X
	};

	static_assert(DIM(drop) == HELLO_VERDICT_COUNT, "one each");
	return drop[v];
}

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct pulse *p = ctx;
	int n = net_udp_packet(p->pkt, sizeof(p->pkt), &p->site, &p->address[node], p->port,
		p->port, HOP_LIMIT, buf, (uint32_t)len);

	if (n > 0)
		(void)dp_hello_send(p->dp, p->pkt, (uint16_t)n); /* counted there */
}

static void on_keys(void *ctx, uint8_t node, const uint32_t *names, unsigned n)
{
	struct pulse *p = ctx;
	struct dp_hello_keys keys = { .n = n };

	memcpy(keys.name, names, n * sizeof(names[0]));
	dp_hello_keys(p->dp, node, &keys);
}

static uint64_t turns_of(void *ctx, uint32_t lcore)
{
	const struct pulse *p = ctx;

	return dp_lcore_turns(p->dp, lcore);
}

static void take(struct pulse *p, uint64_t now_ms, uint64_t wall_ms)
{
	uint64_t until = rte_rdtsc() + TAKE_US * p->tsc_ms / 1000;
	struct dp_hello h[TAKE_BATCH];
	uint32_t n;

	do {
		n = dp_hello_take(p->dp, h, TAKE_BATCH);
		for (uint32_t i = 0; i < n; i++) {
			enum hello_verdict v;

			dp_hello_begin(p->dp, &h[i]);
			v = beat_input(p->beat, &h[i].src, h[i].data, h[i].len, now_ms, wall_ms);
			dp_hello_end(p->dp, &h[i], pulse_drop(v));
		}
	} while (n == TAKE_BATCH && rte_rdtsc() < until);
}

/* What workers dropped is told of their sender all the same: somebody may look for the reason. */
static void note_unknown(struct pulse *p, uint64_t now_ms)
{
	for (uint32_t i = 0; i < p->node_count; i++)
		if (dp_hello_was_unknown(p->dp, p->node[i]))
			beat_no_keys(p->beat, p->node[i], now_ms);
}

/* A dp_poll_fn. Nearly always there is nothing to do, which costs a look at a ring, a clock and a
 * word. */
static bool poll(void *ctx)
{
	struct pulse *p = ctx;
	bool has_come = dp_hello_waits(p->dp);
	uint64_t now_ms, wall_ms;

	if (!has_come && rte_rdtsc() < p->due_tsc && !mail_waits(p->mail))
		return false;
	now_ms = clock_ms(CLOCK_MONOTONIC);
	wall_ms = clock_ms(CLOCK_REALTIME);
	if (has_come)
		take(p, now_ms, wall_ms);
	note_unknown(p, now_ms);
	p->due_tsc = rte_rdtsc() + beat_turn(p->beat, now_ms, wall_ms) * p->tsc_ms;
	dp_hello_wake_at(p->dp, p->due_tsc);
	return true;
}

/* --- control --- */

void pulse_say(struct ctl *ctl, uint16_t domain, enum next_says says)
{
	struct pulse *p = ctl->pulse;
	struct said *s = &p->said[domain];

	s->now.says = (uint8_t)says;
	s->now.stalls = p->stalls;
	s->now.number++;
	mail_post_say(p->mail, domain, s->now);
}

bool pulse_is_known(const struct ctl *ctl, uint16_t domain)
{
	const struct said *s = &ctl->pulse->said[domain];

	return s->is_known && s->known == s->now.number;
}

void pulse_keys(struct ctl *ctl, uint8_t node, const struct session_keys *keys)
{
	mail_post_keys(ctl->pulse->mail, node, keys);
}

uint64_t pulse_silent_ms(const struct ctl *ctl)
{
	uint64_t since;

	if (ctl->pulse == NULL)
		return 0;
	/* perhaps hello's own lcore, which then says nothing at all */
	if (still_is_wedged(ctl->still))
		return still_most(ctl->still).ms;
	since = beat_silent_since(ctl->pulse->beat);
	return since == 0 || since > ctl->now_ms ? 0 : ctl->now_ms - since;
}

static void on_event(struct ctl *ctl, const struct mail_event *e)
{
	struct pulse *p = ctl->pulse;

	p->stalls = e->stalls;
	mesh_on_hello(ctl, e->event, e->domain, e->node, e->value);
	/* what was said before we knew counts no more */
	for (uint16_t i = 0; e->event == HELLO_STALL && i < p->domain_count; i++)
		pulse_say(ctl, i, (enum next_says)p->said[i].now.says);
}

static void read_one(struct ctl *ctl, const struct mail_msg *m)
{
	struct said *s;

	switch (m->kind) {
	case MAIL_EVENT:
		on_event(ctl, &m->event);
		break;
	case MAIL_VIEW:
		mesh_on_view(ctl, m->view.domain, &m->view.view);
		break;
	case MAIL_INFO:
		if (m->info.info.has_rtt)
			data_keys_rtt(ctl->data_keys, m->info.node, m->info.info.rtt_ms);
		mesh_on_info(ctl, m->info.node, &m->info.info, m->info.up);
		break;
	case MAIL_KNOWN:
		s = &ctl->pulse->said[m->known.domain];
		s->is_known = m->known.is_known;
		s->known = m->known.number;
		break;
	}
}

/* A reload may have changed what all sites must have alike. */
static void check_settings(struct ctl *ctl)
{
	uint32_t all[CONF_DOMAINS_MAX][HELLO_SETTING_COUNT];
	struct pulse *p = ctl->pulse;

	if (p->generation == ctl->generation)
		return;
	p->generation = ctl->generation;
	for (uint16_t i = 0; i < p->domain_count; i++)
		mesh_settings(ctl, i, all[i]);
	mail_post_settings(p->mail, all[0]);
}

bool pulse_run(struct ctl *ctl)
{
	struct mail *mail = ctl->pulse->mail;
	const struct mail_msg *m;
	uint32_t n = 0;

	check_settings(ctl);
	mail_push(mail);
	for (; n < READ_BUDGET && (m = mail_read(mail)) != NULL; n++) {
		read_one(ctl, m);
		mail_done(mail);
	}
	return n > 0;
}

/* --- life --- */

struct plan {
	struct hello_opts hello;
	struct hello_peer peers[CONF_PEERS_MAX];
	struct hello_domain domains[CONF_DOMAINS_MAX];
	uint8_t nodes[CONF_PEERS_MAX];
	uint8_t members[CONF_DOMAINS_MAX][CONF_PEERS_MAX];
};

static void plan_peers(const struct conf_mesh *mesh, struct plan *plan)
{
	for (uint32_t i = 0; i < mesh->peer_count; i++) {
		const struct conf_mesh_peer *c = &mesh->peers[i];

		if (c->retired)
			continue;
		plan->nodes[plan->hello.peer_count] = (uint8_t)c->id;
		plan->peers[plan->hello.peer_count++] =
			(struct hello_peer){ (uint8_t)c->id, c->address, c->hello_ms, c->dead_ms };
	}
}

static void plan_domain(const struct ctl *ctl, uint16_t i, struct plan *plan)
{
	const struct conf_domain *d = &ctl->conf->domains[i];
	struct hello_domain *h = &plan->domains[i];

	h->id = mesh_domain_id(ctl, i);
	h->members = plan->members[i];
	for (uint32_t j = 0; j < d->peer_count; j++) {
		const struct conf_mesh_peer *c = &ctl->conf->mesh.peers[d->peers[j].peer];

		if (!c->retired)
			plan->members[i][h->member_count++] = (uint8_t)c->id;
	}
	mesh_settings(ctl, i, h->setting);
	h->label_key = dp_label_key(ctl->dp, i);
}

static void plan_hello(const struct ctl *ctl, struct plan *plan)
{
	const struct conf_mesh *mesh = &ctl->conf->mesh;

	plan->hello = (struct hello_opts){
		.node = (uint8_t)ctl->conf->node.id,
		.boot = mesh_boot(ctl),
		.version_min = MESSAGE_VERSION,
		.version_max = MESSAGE_VERSION,
		.hello_ms = mesh->hello_ms,
		.dead_ms = mesh->dead_ms,
		.clock_limit_ms = mesh->clock_limit_ms,
		.peers = plan->peers,
		.domains = plan->domains,
		.domain_count = ctl->conf->domain_count,
	};
	plan_peers(mesh, plan);
	for (uint16_t i = 0; i < ctl->conf->domain_count; i++)
		plan_domain(ctl, i, plan);
}

static int make(struct pulse *p, const struct plan *plan)
{
	struct mail_opts mail = { .domains = plan->hello.domain_count,
		.peers = plan->nodes,
		.peer_count = plan->hello.peer_count,
		.ring_octets = MAIL_ROOM };
	struct beat_opts beat = { .hello = &plan->hello,
		.lcores = dp_lcore_count(p->dp),
		.turns = turns_of,
		.send = on_send,
		.keys = on_keys,
		.ctx = p };
	int ret;

	while (mail.ring_octets < MAIL_ROOM * mail.domains)
		mail.ring_octets *= 2;
	ret = mail_new(&mail, &p->mail);
	beat.mail = p->mail;
	return ret < 0 ? ret : beat_new(&beat, &p->beat);
}

int pulse_new(struct ctl *ctl, char *err, size_t err_len)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct pulse *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	ctl->pulse = p;
	if (plan != NULL && p != NULL) {
		plan_hello(ctl, plan);
		p->dp = ctl->dp;
		p->tsc_ms = rte_get_tsc_hz() / 1000;
		p->site = ctl->conf->mesh.site_address;
		p->port = (uint16_t)(ctl->conf->mesh.port + 1);
		p->domain_count = ctl->conf->domain_count;
		p->generation = ctl->generation;
		for (uint32_t i = 0; i < plan->hello.peer_count; i++)
			p->address[plan->peers[i].node] = plan->peers[i].address;
		p->node_count = plan->hello.peer_count;
		memcpy(p->node, plan->nodes, sizeof(p->node));
		ret = make(p, plan);
	}
	free(plan);
	if (ret < 0) {
		snprintf(err, err_len, "mesh: hello: %s", strerror(-ret));
		pulse_free(ctl);
		return ret;
	}
	dp_add_first(ctl->dp, poll, p);
	return 0;
}

void pulse_free(struct ctl *ctl)
{
	struct pulse *p = ctl->pulse;

	if (p == NULL)
		return;
	beat_free(p->beat);
	mail_free(p->mail);
	free(p);
	ctl->pulse = NULL;
}
