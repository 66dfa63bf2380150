/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/mesh_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <sodium.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/labels.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/rules.h"
#include "records/records.h"
#include "records/seen.h"

#define TAG "mesh"

/* Of a turn of the engine, in records. One costs it 0.2 us, and up to 2 more where it changes and is
 * published. The longest turn was 0.7 ms (EPYC, Zen 3) while 100,000 bindings were taken over and
 * handed back; filling a site takes 0.2 ms of a turn. */
#define BUDGET 256

#define PAIRS_MOST 4 /* of a mobile node: the table of pairs */

#define ASK_MS   100 /* whether what we said is known: between two questions */
#define QUIET_MS 1000 /* nothing has come for so long: a drain need not wait any longer */

static_assert(ENGINE_DOMAINS >= CONF_DOMAINS_MAX && HELLO_DOMAINS >= CONF_DOMAINS_MAX,
	"a domain has one number everywhere");
static_assert(CONF_ACK_ALL == ENGINE_ACK_ALL, "copied");

/* --- making --- */

static void know_sites(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;
	const struct conf *conf = ctl->conf;

	for (uint32_t i = 0; i < conf->mesh.peer_count; i++)
		m->site[conf->mesh.peers[i].id].conf = &conf->mesh.peers[i];
	for (uint16_t d = 0; d < conf->domain_count; d++) {
		m->domain[d].id = next_domain(conf->domains[d].name);
		for (uint32_t i = 0; i < conf->domains[d].peer_count; i++) {
			int peer = conf->domains[d].peers[i].peer;

			m->site[conf->mesh.peers[peer].id].is_member[d] = true;
			m->site[conf->mesh.peers[peer].id].gone_ms[d] = ctl->now_ms;
		}
	}
}

/* Home agent addresses of all domains and sites, those of one domain apart. */
static uint32_t count_addresses(const struct conf *conf)
{
	uint32_t n = 0;

	for (uint32_t d = 0; d < conf->domain_count; d++)
		n += 1 + conf->domains[d].peer_count;
	return n;
}

/* Pairs that there is room for of each mobile node: one for each home agent address that it may have
 * registered with, but a node asks one site, and another one when that is gone. */
static uint32_t pairs_of_each(const struct conf *conf)
{
	uint32_t most = 1;

	for (uint32_t d = 0; d < conf->domain_count; d++)
		if (conf->domains[d].mode == CONF_MODE_UNICAST &&
			1 + conf->domains[d].peer_count > most)
			most = 1 + conf->domains[d].peer_count;
	return most < PAIRS_MOST ? most : PAIRS_MOST;
}

/* Room for what was seen of each mobile node that is bound, and of as many others. Pages are taken
 * as they are used. */
static int seen_make(struct ctl *ctl)
{
	const struct conf *conf = ctl->conf;
	struct seen_opts opts = {
		.max = records_max(ctl->records) * pairs_of_each(conf),
		.addresses = (uint16_t)count_addresses(conf),
		.markers = (uint16_t)ENGINE_MARKERS(conf->mesh.peer_count),
		.window_s = MIP6_REPLAY_WINDOW_S,
		.floor = ctl->ntp,
		.seed = ctl->seed,
	};

	return seen_new(&opts, &ctl->mesh->seen);
}

/* A domain as the engine is told of it; the lists are of its own. */
struct told_domain {
	struct engine_member members[CONF_PEERS_MAX];
	struct ip6_addr addresses[CONF_PEERS_MAX + 1];
};

static void describe(
	const struct conf *conf, uint16_t number, struct told_domain *t, struct engine_domain *out)
{
	const struct conf_domain *d = &conf->domains[number];
	bool is_unicast = d->mode == CONF_MODE_UNICAST;

	*out = (struct engine_domain){
		.number = number,
		.id = next_domain(d->name),
		.members = t->members,
		.member_count = d->peer_count,
		.addresses = t->addresses,
		.address_count = is_unicast ? d->peer_count + 1 : 1,
		/* what the store has is the store's to say */
		.ack_peers = d->ack_peers == CONF_ACK_STORE ? 0 : (uint16_t)d->ack_peers,
		.commit_timeout_ms = d->commit_timeout_ms,
		.remembers = d->remember_sequence,
		.cold_start_serve = d->cold_start == CONF_COLD_SERVE,
		.join_timeout_ms = d->join_timeout_ms,
		.drain_wait_ms = d->drain_wait_ms,
		.max_bindings = d->limits.max_bindings,
	};
	t->addresses[0] = d->home_agent_address;
	for (uint32_t i = 0; i < d->peer_count; i++) {
		const struct conf_mesh_peer *p = &conf->mesh.peers[d->peers[i].peer];

		t->members[i] =
			(struct engine_member){ .node = (uint8_t)p->id, .retired = p->retired };
		if (is_unicast) {
			t->members[i].ha = d->peers[i].home_agent_address;
			t->addresses[i + 1] = d->peers[i].home_agent_address;
		}
	}
}

static uint32_t longest_dead_ms(const struct conf_mesh *mesh)
{
	uint32_t ms = mesh->dead_ms;

	for (uint32_t i = 0; i < mesh->peer_count; i++)
		if (mesh->peers[i].dead_ms > ms)
			ms = mesh->peers[i].dead_ms;
	return ms;
}

static int engine_make(struct ctl *ctl)
{
	const struct conf *conf = ctl->conf;
	struct told_domain *told = calloc(conf->domain_count + 1ULL, sizeof(*told));
	struct engine_domain *domains = calloc(conf->domain_count + 1ULL, sizeof(*domains));
	uint8_t secret[32];
	struct engine_opts opts = {
		.self = (uint8_t)conf->node.id,
		.boot = ctl->mesh->boot,
		.records = ctl->records,
		.seen = ctl->mesh->seen,
		.secret = secret,
		.domains = domains,
		.domain_count = conf->domain_count,
		.dead_ms = longest_dead_ms(&conf->mesh),
		.rate_max = conf->mesh.rate_mbps * 125000ULL,
		.records_s = conf->mesh.records_per_s,
		.max_waits = conf->mesh.max_waits,
		.now_ms = ctl->now_ms,
		.wall_ms = ctl->wall_ms,
	};
	int ret = -ENOMEM;

	mesh_ops(ctl, &opts.ops);
	randombytes_buf(secret, sizeof(secret));
	if (told != NULL && domains != NULL) {
		for (uint16_t d = 0; d < conf->domain_count; d++)
			describe(conf, d, &told[d], &domains[d]);
		ret = engine_new(&opts, &ctl->mesh->engine);
	}
	sodium_memzero(secret, sizeof(secret));
	free(told);
	free(domains);
	return ret;
}

static int labels_make(struct ctl *ctl)
{
	const struct conf *conf = ctl->conf;
	int ret = labels_new(conf->icmp_errors_per_s, conf->icmp_burst, ctl->now_ms, &ctl->labels);

	for (uint16_t d = 0; ret == 0 && d < conf->domain_count; d++) {
		uint8_t nodes[CONF_PEERS_MAX];

		for (uint32_t i = 0; i < conf->domains[d].peer_count; i++)
			nodes[i] = (uint8_t)conf->mesh.peers[conf->domains[d].peers[i].peer].id;
		ret = labels_add_domain(ctl->labels, nodes, conf->domains[d].peer_count);
	}
	return ret;
}

static int make(struct ctl *ctl, char *err, size_t err_len)
{
	struct mesh *m = ctl->mesh;
	int ret;

	for (enum engine_event e = 0; e < ENGINE_EV_COUNT; e++)
		m->log[e] = (struct log_rl)LOG_RL_INIT;
	for (enum hello_event e = 0; e < HELLO_EVENTS; e++)
		m->hello_log[e] = (struct log_rl)LOG_RL_INIT;
	do
		randombytes_buf(&m->boot, sizeof(m->boot));
	while (m->boot == 0);
	know_sites(ctl);
	ret = labels_make(ctl);
	if (ret == 0)
		ret = seen_make(ctl);
	if (ret == 0)
		ret = engine_make(ctl);
	if (ret < 0) {
		snprintf(err, err_len, "mesh: %s", strerror(-ret));
		return ret;
	}
	ret = route_new(ctl, err, err_len);
	if (ret == 0)
		ret = pulse_new(ctl, err, err_len);
	return ret == 0 ? channel_new(ctl, err, err_len) : ret;
}

int mesh_new(struct ctl *ctl, char *err, size_t err_len)
{
	int ret;

	ctl->mesh = calloc(1, sizeof(*ctl->mesh));
	if (ctl->mesh == NULL) {
		snprintf(err, err_len, "mesh: no memory");
		return -ENOMEM;
	}
	ret = make(ctl, err, err_len);
	if (ret < 0)
		mesh_free(ctl);
	return ret;
}

void mesh_free(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;

	if (m == NULL)
		return;
	channel_free(ctl);
	pulse_free(ctl);
	engine_free(m->engine);
	route_free(ctl);
	seen_free(m->seen);
	labels_free(ctl->labels);
	ctl->labels = NULL;
	free(m);
	ctl->mesh = NULL;
}

/* --- a turn --- */

/* Who left serves on until everybody has heard of it. */
static void ask_who_knows(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;

	for (uint16_t d = 0; d < ctl->conf->domain_count; d++) {
		struct mesh_part *x = &m->domain[d];

		if (x->says != NEXT_LEFT || x->left_told || !pulse_is_known(ctl, d))
			continue;
		x->left_told = true;
		x->left_told_ms = x->quiet_from_ms = ctl->now_ms;
		engine_left_heard(m->engine, d, ctl->now_ms);
		log_info(TAG, "every site knows that this one has left domain=%s",
			ctl->conf->domains[d].name);
	}
}

/* What a drain waits for the end of: that routes bring mobile nodes' packets here. What peers hand on
 * to us as the owner ends with the handing over, not before. */
static uint64_t heard(const struct ctl *ctl, uint16_t d)
{
	struct dp_relay_counts sum;

	dp_relay_counts(ctl->dp, d, &sum);
	return ctl->mesh->domain[d].updates + sum.arrived;
}

static void follow_drain(struct ctl *ctl, uint16_t d)
{
	struct mesh_part *x = &ctl->mesh->domain[d];
	uint64_t now = heard(ctl, d);

	/* who was told to register elsewhere is about to say so */
	if (now != x->heard || mip6_is_switching(ctl, d)) {
		x->heard = now;
		x->quiet_from_ms = ctl->now_ms;
	} else if (ctl->now_ms - x->quiet_from_ms >= QUIET_MS) {
		engine_quiet(ctl->mesh->engine, d, ctl->now_ms);
	}
}

/* All of it: who has left has nothing of its own, and what it relays would be lost without it. */
static uint64_t passed_on(const struct ctl *ctl, uint16_t d)
{
	struct dp_relay_counts sum;

	dp_relay_counts(ctl->dp, d, &sum);
	return ctl->mesh->domain[d].updates + sum.arrived + sum.first_packets + sum.further_packets;
}

static void follow_left(struct ctl *ctl, uint16_t d)
{
	struct mesh_part *x = &ctl->mesh->domain[d];
	uint64_t now = passed_on(ctl, d);

	if (now != x->heard) {
		x->heard = now;
		x->quiet_from_ms = ctl->now_ms;
	}
	x->left_quiet = (ctl->now_ms - x->quiet_from_ms >= QUIET_MS &&
				engine_left_is_held(ctl->mesh->engine, d)) ||
			ctl->now_ms - x->left_told_ms >= ctl->conf->domains[d].drain_wait_ms;
}

static void follow(struct ctl *ctl, uint16_t d)
{
	const struct mesh_part *x = &ctl->mesh->domain[d];

	if (x->says == NEXT_DRAINING)
		follow_drain(ctl, d);
	else if (x->says == NEXT_LEFT && x->left_told && !x->left_quiet)
		follow_left(ctl, d);
}

static void ask(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;

	if (ctl->now_ms - m->asked_ms < ASK_MS)
		return;
	m->asked_ms = ctl->now_ms;
	ask_who_knows(ctl);
	for (uint16_t d = 0; d < ctl->conf->domain_count; d++)
		follow(ctl, d);
	mesh_watch_sites(ctl);
}

bool mesh_run(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;
	uint32_t wait_ms;
	bool busy = pulse_run(ctl);

	busy |= channel_run(ctl);
	busy |= route_run(ctl);
	ask(ctl);
	ctl_part(ctl, TURN_PEERS, true); /* a handshake that is the last one due tells nobody */
	if (ctl->now_ms < m->due_ms)
		return busy;
	m->due_ms = UINT64_MAX; /* unless something happens from within */
	wait_ms = engine_turn(m->engine, ctl->now_ms, ctl->wall_ms, BUDGET);
	if (m->due_ms > ctl->now_ms + wait_ms)
		m->due_ms = ctl->now_ms + wait_ms;
	ctl_part(ctl, TURN_ENGINE, true);
	return busy || wait_ms == 0;
}

/* --- what comes in --- */

void mesh_input(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len)
{
	ctl->mesh->due_ms = 0;
	engine_input(ctl->mesh->engine, node, buf, len, ctl->now_ms, ctl->wall_ms);
}

void mesh_on_view(struct ctl *ctl, uint16_t domain, const struct next_view *view)
{
	struct mesh *m = ctl->mesh;

	for (unsigned n = 1; n < NEXT_NODES; n++) {
		m->site[n].reach[domain] = view->site[n].reach;
		m->site[n].says[domain] = view->site[n].says;
	}
	m->due_ms = 0;
	engine_view(m->engine, domain, view, ctl->now_ms);
}

/* Others may have taken us for dead. Hello says joining by itself then, until pulse.c, which has read
 * this, tells it what the engine says now. */
static void stalled(struct ctl *ctl, uint64_t gap_ms)
{
	struct mesh *m = ctl->mesh;

	m->stalls++;
	m->due_ms = 0;
	engine_stall(m->engine, gap_ms, ctl->now_ms);
}

void mesh_on_hello(
	struct ctl *ctl, enum hello_event event, uint16_t domain, uint8_t node, int64_t value)
{
	struct mesh *m = ctl->mesh;

	mesh_say_hello(ctl, event, domain, node, value);
	switch (event) {
	case HELLO_STALL:
		stalled(ctl, (uint64_t)value);
		break;
	case HELLO_INCOMPATIBLE:
		m->site[node].is_incompatible = value != 0;
		break;
	case HELLO_DRIFT:
		m->site[node].drift[domain] = (uint32_t)value;
		break;
	case HELLO_CLOCK:
		m->domain[domain].clock_off_ms = value;
		engine_clock(m->engine, domain, value != 0, ctl->now_ms);
		break;
	case HELLO_LABEL_KEY:
		labels_heard(ctl->labels, domain, node, (uint64_t)value, ctl->now_ms);
		break;
	case HELLO_REACH: /* a view comes with it */
	case HELLO_RESTARTED:
		break;
	}
}

void mesh_on_info(struct ctl *ctl, uint8_t node, const struct hello_info *info,
	const uint64_t up[static NEXT_NODES / 64])
{
	struct mesh *m = ctl->mesh;
	struct mesh_site *s = &m->site[node];

	if (info->heard_ms != s->hello.heard_ms)
		channel_heard(ctl, node, info->heard_ms);
	s->hello = *info;
	memcpy(s->up, up, sizeof(s->up));
	engine_hears(m->engine, node, up, ctl->now_ms);
	if (info->has_rtt)
		engine_rtt(m->engine, node, info->rtt_ms);
}
