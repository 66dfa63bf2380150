/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Home agents of one domain in virtual time: each with its own records, tables, engine, Binding
 * Update path, and, if it is to have one, a store, all as control puts them together. Stand-ins for
 * what is around: datagrams take WIRE_MS from site to site, hello knows at once who is up, and a
 * disk is the list of what its store was told. Mobile nodes are what the test sends and reads.
 */
#pragma once

#include "test.h"

#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "common/log.h"
#include "common/mac.h"
#include "common/ntp.h"
#include "common/wheel.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/answer.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/pending.h"
#include "control/pmtu.h"
#include "net/mh.h"
#include "records/feed.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SITES    3
#define START_MS 1000000
#define WALL_MS  1800000000000ULL
#define WIRE_MS  20
#define MAX      100 /* bindings */
#define QUEUE    1024
#define GOT      64 /* answers kept */
#define DISK     4096
#define WAITS    16
#define DEAD_MS  300
#define LIFE_S   600
#define HOA      "2001:db8:a::100"
#define HOA2     "2001:db8:a::101"
#define HOA3     "2001:db8:a::102"
#define KEYED    "2001:db8:a::200" /* has a key */
#define RANGE    "2001:db8:a::300/120" /* have one, too */
#define COA      "2001:db8:c::1"
#define COA2     "2001:db8:d::1"
#define SPI      0x12345678
#define KEY      "0123456789abcdef"

struct answer {
	struct ip6_addr src, dst;
	struct mh_ba_msg ba;
	uint64_t at_ms;
};

/* A Home Agent Switch that a site sent. */
struct told {
	struct ip6_addr src, dst, agents[SITES];
	unsigned agent_count;
	struct mh_opts opts;
	bool is_signed; /* by the key of the lab */
	uint64_t at_ms;
};

struct disk {
	struct feed_item item[DISK];
	unsigned count, begun;
	bool walking;
};

static struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain;
	struct conf_domain_peer members[SITES - 1];
	struct conf_mesh_peer peers[SITES - 1];
	struct ip6_prefix served;
	struct tables tables;
	uint8_t node;
	bool runs, is_cut; /* hello says that the others are dead, and nothing gets anywhere */
	bool is_deaf; /* hello works, the channel does not */
	bool disk_stuck;
	enum next_says says;
	struct disk *disk; /* stays when the site does not */
	struct answer got[GOT];
	unsigned answers, by_link;
	struct told told[GOT];
	unsigned tellings;
	uint64_t drops[DP_DROP_COUNT];
	unsigned wire_ms; /* to it and from it, more than WIRE_MS */
} sites[SITES + 1];

/* What the domain is like, for sites that are started from now on. */
static struct {
	enum conf_mode mode;
	uint32_t ack_peers;
	bool has_store, remembers, serve_cold;
	bool switches; /* home-agent-switch, so many a second, after so many: */
	uint32_t switch_per_s, switch_after_s;
} lab;

static struct {
	uint8_t to, from, buf[CHANNEL_MAX];
	size_t len;
	uint64_t at_ms;
} queue[QUEUE];
static unsigned queued;
static uint64_t lab_ms; /* since START_MS */
static struct mip6_signer signer; /* as mobile nodes sign, and check */
static struct mac_key *signer_key;

static struct site *site_of(const struct ctl *ctl)
{
	return container_of(ctl, struct site, ctl);
}

/* --- what is around --- */

int channel_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void channel_free(struct ctl *ctl)
{
	(void)ctl;
}

bool channel_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

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

struct channel_count channel_count(const struct ctl *ctl, uint8_t n)
{
	(void)ctl;
	(void)n;
	return (struct channel_count){ 0 };
}

int pulse_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void pulse_free(struct ctl *ctl)
{
	(void)ctl;
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

int route_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void route_free(struct ctl *ctl)
{
	(void)ctl;
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

bool route_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

void dp_counters_sum(const struct dp *dp, struct dp_counters *out)
{
	(void)dp;
	memset(out, 0, sizeof(*out));
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

/* --- sites --- */

static struct ip6_addr agent_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:a::1");

	if (lab.mode == CONF_MODE_UNICAST)
		a.b[15] = (uint8_t)n;
	return a;
}

static void describe_peers(struct site *s)
{
	unsigned i = 0;

	for (unsigned n = 1; n <= SITES; n++) {
		if (n == s->node)
			continue;
		s->peers[i] =
			(struct conf_mesh_peer){ .id = n, .hello_ms = 100, .dead_ms = DEAD_MS };
		snprintf(s->peers[i].name, CONF_NAME_MAX, "site%u", n);
		s->members[i] = (struct conf_domain_peer){ .peer = (int)i };
		snprintf(s->members[i].name, CONF_NAME_MAX, "site%u", n);
		if (lab.mode == CONF_MODE_UNICAST)
			s->members[i].home_agent_address = agent_of(n);
		i++;
	}
}

static void configure(struct site *s)
{
	describe_peers(s);
	s->served = prefix("2001:db8:a::/48");
	s->domain = (struct conf_domain){
		.name = "msp",
		.mobile_prefixes = &s->served,
		.mobile_prefix_count = 1,
		.home_agent_address = agent_of(s->node),
		.mode = lab.mode,
		.peers = s->members,
		.peer_count = SITES - 1,
		.ack_peers = lab.ack_peers,
		.remember_sequence = lab.remembers,
		.cold_start = lab.serve_cold ? CONF_COLD_SERVE : CONF_COLD_WAIT,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 60000,
		.home_agent_switch = lab.switches,
		.switch_after_s = lab.switch_after_s,
		.lifetime_max_s = LIFE_S,
		.limits = { .max_bindings = MAX,
			.max_bindings_per_care_of = 1000,
			.bu_per_s_per_source = 1000,
			.bu_burst_per_source = 1000,
			.bu_per_s_per_mobile_node = 1000,
			.bu_burst_per_mobile_node = 1000,
			.bu_per_s = 10000,
			.switch_per_s = lab.switch_per_s },
	};
	s->conf = (struct conf){
		.node = { .id = s->node },
		.domains = &s->domain,
		.domain_count = 1,
		.runtime.max_bindings = MAX,
		.mesh = { .site_address = addr("2001:db8:f::1"),
			.dead_ms = DEAD_MS,
			.rate_mbps = 100,
			.records_per_s = 100000,
			.max_waits = WAITS,
			.peers = s->peers,
			.peer_count = SITES - 1 },
	};
	if (lab.has_store)
		s->conf.store = (struct conf_store){ .path = (char *)"/s", .sync_ms = 10 };
}

static void make_tables(struct site *s)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct tables *t = &s->tables;
	struct ip6_prefix all = prefix("::/0"), served = prefix("2001:db8:a::/48"), ha;

	t->rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t->rcu, 1), 0);
	assert_int_equal(dq_new(t->rcu, 256, &t->dq), 0);
	assert_int_equal(bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t->dq, &t->bc), 0);
	assert_int_equal(fib_new(&(struct fib_opts){ .max_routes = 16 }, t->dq, &t->fib), 0);
	assert_int_equal(fib_set(t->fib, &all, fib_value(FIB_VIA, 7)), 0);
	assert_int_equal(fib_set(t->fib, &served, fib_value(FIB_DOMAIN, 0)), 0);
	for (unsigned n = 1; n <= SITES; n++) {
		ha = (struct ip6_prefix){ .addr = agent_of(n), .len = 128 };
		assert_int_equal(
			fib_set(t->fib, &ha,
				fib_value(FIB_HOME_AGENT,
					fib_agent(0,
						lab.mode == CONF_MODE_UNICAST ? (uint8_t)n : 0))),
			0);
	}
	assert_int_equal(addrs_new(8, &t->addrs), 0);
}

/* A set of these who have no key, and KEYED. */
static void subscribe(struct site *s, const char *const *homes, unsigned count)
{
	struct subs_opts opts = { .max = 10, .domains = 1, .seed = 1 };
	struct sub sub = { .lifetime_max_s = LIFE_S, .key = SUB_NO_KEY };
	struct ip6_addr hoa = addr(KEYED);
	struct ip6_prefix keyed = prefix(RANGE);
	struct sub_place there;
	struct mac_key *key;

	assert_int_equal(subs_new(&opts, &s->ctl.subs), 0);
	for (unsigned i = 0; i < count; i++) {
		struct ip6_addr a = addr(homes[i]);

		assert_int_equal(
			subs_add(s->ctl.subs, &a, &sub, (struct sub_place){ 0 }, &there), 0);
	}
	assert_int_equal(subs_add_key(s->ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)KEY, strlen(KEY));
	sub.auth = SUB_AUTH_MN_HA;
	sub.spi = SPI;
	assert_int_equal(subs_add(s->ctl.subs, &hoa, &sub, (struct sub_place){ 0 }, &there), 0);
	assert_int_equal(subs_add_range(s->ctl.subs, &keyed, &sub, 0), 0);
	subs_seal(s->ctl.subs);
}

static void set_clocks(struct site *s)
{
	s->ctl.now_ms = START_MS + lab_ms;
	s->ctl.wall_ms = WALL_MS + lab_ms;
	s->ctl.ntp =
		ntp_from_unix(s->ctl.wall_ms / 1000, (uint32_t)(s->ctl.wall_ms % 1000) * 1000000);
}

/* The process's own clocks are those of the lab. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ms = (id == CLOCK_REALTIME ? WALL_MS : START_MS) + lab_ms;

	*ts = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	return 0;
}

/* Of the store that is read. */
static uint64_t away_ms;
static bool no_clock;

static void read_disk(struct site *s)
{
	struct ctl_past past = { .away_ms = away_ms, .has_no_clock = no_clock };
	char err[160];

	if (s->disk == NULL)
		s->disk = calloc(1, sizeof(*s->disk));
	if (s->disk->count > 0)
		ctl_load_clock(&s->ctl, s->ctl.wall_ms);
	for (unsigned i = 0; i < s->disk->count; i++) {
		const struct feed_item *it = &s->disk->item[i];
		struct record_image image = it->image;

		if (it->kind == FEED_SEEN) {
			assert_int_equal(ctl_load_seen(&s->ctl, 0, &it->pair), 0);
			continue;
		}
		image.extra = it->extra;
		assert_int_equal(ctl_load_record(&s->ctl, 0, &image), 0);
	}
	if (s->disk->count > 0)
		assert_int_equal(ctl_load_end(&s->ctl), 0);
	assert_int_equal(ctl_loaded(&s->ctl, &past, err, sizeof(err)), 0);
	s->disk->walking = false;
}

static const char *const all_homes[] = { HOA, HOA2, HOA3 };

static void start(unsigned n)
{
	struct site *s = &sites[n];
	struct records_opts records = {
		.max = 2 * MAX + 16, .seed = 1, .now_ms = START_MS + lab_ms, .mesh = true
	};
	struct disk *disk = s->disk;
	char err[160];

	*s = (struct site){ .node = (uint8_t)n, .disk = disk, .runs = true };
	configure(s);
	make_tables(s);
	s->ctl.conf = &s->conf;
	s->ctl.t = &s->tables;
	s->ctl.dp = (struct dp *)s;
	s->ctl.seed = n;
	s->ctl.ready = true;
	set_clocks(s);
	assert_int_equal(records_new(&records, &s->ctl.records), 0);
	assert_int_equal(pmtu_new(MAX, 1, &s->ctl.pmtu), 0);
	s->ctl.wheel = wheel_new(s->ctl.now_ms);
	assert_non_null(s->ctl.wheel);
	subscribe(s, all_homes, DIM(all_homes));
	assert_int_equal(mip6_new(&s->ctl, &s->ctl.mip6), 0);
	assert_int_equal(mesh_new(&s->ctl, err, sizeof(err)), 0);
	if (!lab.has_store)
		return;
	assert_int_equal(persist_new(&s->ctl, &s->ctl.persist), 0);
	read_disk(s);
}

/* Gone without a word. */
static void stop(unsigned n)
{
	struct site *s = &sites[n];

	s->runs = false;
	persist_load_free(s->ctl.load);
	persist_free(&s->ctl, s->ctl.persist);
	mesh_free(&s->ctl);
	mip6_free(s->ctl.mip6);
	subs_free(s->ctl.subs);
	pmtu_free(s->ctl.pmtu);
	wheel_free(s->ctl.wheel);
	records_free(s->ctl.records);
	addrs_free(s->tables.addrs);
	bc_free(s->tables.bc);
	fib_free(s->tables.fib);
	dq_free(s->tables.dq);
	free(s->tables.rcu);
}

/* --- time --- */

static void deliver(void)
{
	unsigned left = 0, n = queued;

	for (unsigned i = 0; i < n; i++) {
		struct site *s = &sites[queue[i].to];

		if (queue[i].at_ms > lab_ms)
			queue[left++] = queue[i];
		else if (s->runs && !s->is_cut && !s->is_deaf && !sites[queue[i].from].is_cut)
			mesh_input(&s->ctl, queue[i].from, queue[i].buf, queue[i].len);
	}
	memmove(queue + left, queue + n, (queued - n) * sizeof(queue[0]));
	queued -= n - left;
}

static void write_disk(struct site *s)
{
	struct feed *feed = ctl_feed(&s->ctl);
	struct disk *d = s->disk;
	const struct feed_item *it;

	while (!s->disk_stuck && (it = feed_peek(feed, 0)) != NULL) {
		assert_true(d->count < DISK);
		if (it->kind == FEED_BEGIN) {
			d->begun = d->count;
			d->walking = true;
		} else if (it->kind == FEED_END && d->walking) {
			d->count -= d->begun;
			memmove(d->item, d->item + d->begun, d->count * sizeof(*it));
			d->walking = false;
		} else if (it->kind == FEED_RECORD || it->kind == FEED_SEEN) {
			d->item[d->count++] = *it;
		}
		feed_set_written(feed, it->mark);
		feed_take(feed, 1);
		feed_set_synced(feed, feed_written(feed), feed_count(feed));
	}
}

static void on_wheel(void *ctx, struct wheel_timer *timer)
{
	struct ctl_timer *t = container_of(timer, struct ctl_timer, t);

	t->fn(ctx, t);
}

static void turn(struct site *s)
{
	set_clocks(s);
	wheel_advance(s->ctl.wheel, s->ctl.now_ms, 64, on_wheel, &s->ctl);
	mip6_expire(&s->ctl);
	mip6_switch(&s->ctl);
	mesh_run(&s->ctl);
	if (s->ctl.persist != NULL) {
		persist_run(&s->ctl);
		write_disk(s);
		mip6_release(&s->ctl);
	}
	dq_run(s->tables.dq, 256);
}

/* A long time in longer steps. */
static void pass(unsigned ms)
{
	unsigned step = ms > 1000 ? 20 : 1;

	for (unsigned i = 0; i < ms; i += step) {
		lab_ms += step;
		deliver();
		for (unsigned n = 1; n <= SITES; n++)
			if (sites[n].runs)
				turn(&sites[n]);
	}
}

static void lab_begin(void)
{
	log_set_level(LOG_ERR);
	assert_int_equal(mac_new(&signer.mac), 0);
	signer_key = mac_keys_new(1);
	assert_non_null(signer_key);
	mac_key_set(signer.mac, signer_key, (const uint8_t *)KEY, strlen(KEY));
	signer.key = signer_key;
	memset(sites, 0, sizeof(sites));
	queued = 0;
	lab_ms = 0;
	for (unsigned n = 1; n <= SITES; n++)
		start(n);
	pass(1500);
	for (unsigned n = 1; n <= SITES; n++)
		assert_int_equal(sites[n].says, NEXT_READY);
}

static void lab_end(void)
{
	for (unsigned n = 1; n <= SITES; n++) {
		if (sites[n].runs)
			stop(n);
		free(sites[n].disk);
	}
	mac_keys_free(signer_key);
	mac_free(signer.mac);
	signer = (struct mip6_signer){ NULL, NULL };
}

/* --- Binding Updates --- */

struct msg {
	unsigned at; /* the site that it is handed to */
	unsigned agent; /* the site whose home agent address it is sent to; 0: the same */
	const char *hoa, *coa; /* HOA, COA */
	uint16_t seq;
	int lifetime; /* units; 0: 100, -1: 0 */
	uint64_t timestamp; /* 0: not signed */
	uint8_t peer; /* relayed by that site */
	bool is_home; /* from the home address itself */
};

static uint16_t put_bu(const struct msg *m, uint8_t *at, const struct ip6_addr *hoa,
	const struct ip6_addr *coa, const struct ip6_addr *to)
{
	struct mh_bu_msg bu = {
		.seq = m->seq,
		.flags = MH_BU_A | MH_BU_H,
		.lifetime = (uint16_t)(m->lifetime < 0   ? 0
				       : m->lifetime > 0 ? m->lifetime
							 : 100),
		.opts = { .present = 1ULL << MHOPT_ALT_COA, .alt_coa = *coa },
	};
	int len;

	if (m->timestamp != 0) {
		bu.opts.present |= 1ULL << MHOPT_MN_AUTH | 1ULL << MHOPT_REPLAY;
		bu.opts.spi = SPI;
		bu.opts.timestamp = m->timestamp;
	}
	len = mh_bu_encode(&bu, hoa, to, at, 256);
	assert_true(len > 0);
	if (m->timestamp != 0) {
		mip6_sign(&signer, coa, hoa, at, (uint16_t)(len - MAC_LEN), at + len - MAC_LEN);
		mh_set_cksum(at, (uint16_t)len, hoa, to);
	}
	return (uint16_t)len;
}

static void send_bu(const struct msg *m)
{
	struct site *s = &sites[m->at];
	struct ip6_addr to = agent_of(m->agent != 0 ? m->agent : m->at);
	struct ip6_addr hoa = addr(m->hoa != NULL ? m->hoa : HOA);
	struct ip6_addr coa = m->is_home ? hoa : addr(m->coa != NULL ? m->coa : COA);
	uint8_t buf[512] = { 0 };
	uint16_t off = 40, len;
	struct ctl_pkt p;

	if (!m->is_home) {
		memcpy(buf + 40, (uint8_t[]){ IP6_MH, 2, 1, 2, 0, 0, 0xc9, 16 }, 8);
		memcpy(buf + 48, &hoa, sizeof(hoa));
		off += 24;
	}
	len = (uint16_t)(off + put_bu(m, buf + off, &hoa, &coa, &to));
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(len - 40), m->is_home ? IP6_MH : IP6_DSTOPT,
		64, &coa, &to);
	p = (struct ctl_pkt){
		.data = buf,
		.len = len,
		.walked = true,
		.peer = m->peer,
		.fib = fib_lookup(s->tables.fib, &to),
	};
	assert_int_equal(ext_walk(buf, len, EXT_TO_US, &p.ext), EXT_OK);
	mip6_input(&s->ctl, &p);
}

/* The last one that a site sent; status -1: not more than `before` of them. */
static void assert_answered(unsigned n, unsigned before, int status, unsigned seq)
{
	const struct site *s = &sites[n];
	const struct answer *a = &s->got[(s->answers - 1) % GOT];

	if (status < 0) {
		assert_int_equal(s->answers, before);
		return;
	}
	assert_int_equal(s->answers, before + 1);
	assert_int_equal(a->ba.status, status);
	assert_int_equal(a->ba.seq, seq);
}

/* Sends it, and waits until it is answered, so. */
static void ask(const struct msg *m, int status, unsigned seq)
{
	unsigned before = sites[m->at].answers;

	send_bu(m);
	for (unsigned i = 0; i < 1000 && sites[m->at].answers == before; i++)
		pass(1);
	assert_answered(m->at, before, status, seq);
}

static struct record *record_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return records_find(sites[n].ctl.records, 0, &a);
}

static const struct record_mesh *mesh_at(unsigned n, const char *hoa)
{
	return records_mesh(sites[n].ctl.records, record_at(n, hoa));
}

static const struct bc_entry *entry_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(sites[n].tables.bc, &a);
}

/* Bound at all that run, to coa, registered with site `agent`'s address; owner 0: any. */
static void assert_bound(const char *hoa, const char *coa, unsigned agent, unsigned owner)
{
	struct ip6_addr want = addr(coa), ha = agent_of(agent);

	for (unsigned n = 1; n <= SITES; n++) {
		if (!sites[n].runs)
			continue;
		assert_non_null(entry_at(n, hoa));
		assert_true(ip6_eq(&entry_at(n, hoa)->coa, &want));
		assert_true(ip6_eq(&entry_at(n, hoa)->ha, &ha));
		if (owner != 0)
			assert_int_equal(mesh_at(n, hoa)->owner.node, owner);
		assert_int_equal(entry_at(n, hoa)->owner, mesh_at(n, hoa)->owner.node);
	}
}

static inline void assert_unbound(const char *hoa)
{
	for (unsigned n = 1; n <= SITES; n++) {
		if (!sites[n].runs)
			continue;
		assert_null(entry_at(n, hoa));
		assert_non_null(record_at(n, hoa));
		assert_int_equal(record_at(n, hoa)->state, RECORD_TOMBSTONE);
	}
}
