/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of hello in two sites, with stand-ins for the data plane and the engine: datagrams go
 * from one to the other's queue, each site's poll function is called as its lcore would.
 */
#include "test.h"

#include <rte_eal.h>
#include <sodium.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/mesh.h"
#include "control/mesh/pulse.h"
#include "control/still.h"
#include "net/hello.h"
#include "net/udp.h"
#include "sync/hello_seal.h"
#include "sync/session.h"

#define PORT  4750
#define QUEUE 64

struct packet {
	uint16_t n;
	uint8_t b[IP6_MIN_MTU];
};

struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_mesh_peer peers[2];
	struct conf_domain domains[2];
	struct conf_domain_peer domain_peers[2];
	dp_poll_fn poll;
	void *poll_ctx;
	struct packet queue[QUEUE];
	unsigned queued;
	bool endless; /* the queue is never empty */
	struct dp_hello_keys keys; /* of the other one's */
	bool was_unknown;
	uint64_t turns, wake;
	int last_drop;
	unsigned views[2], infos, restarts, stalls, label_keys;
	struct next_view view[2];
	struct hello_info info;
};

static struct site site[3];

static struct site *at(const struct ctl *ctl)
{
	return ctl == &site[1].ctl ? &site[1] : &site[2];
}

/* A site is its own data plane. */
static struct site *of(const struct dp *dp)
{
	return (struct site *)(uintptr_t)dp;
}

/* --- stand-ins --- */

void dp_add_first(struct dp *dp, dp_poll_fn fn, void *ctx)
{
	of(dp)->poll = fn;
	of(dp)->poll_ctx = ctx;
}

bool dp_hello_waits(const struct dp *dp)
{
	return of(dp)->queued > 0;
}

uint32_t dp_hello_take(struct dp *dp, struct dp_hello *out, uint32_t max)
{
	struct site *s = of(dp);
	uint32_t n = s->queued < max ? s->queued : max;

	for (uint32_t i = 0; i < n; i++) {
		const struct net_ip6 *ip = (const struct net_ip6 *)s->queue[i].b;

		out[i] = (struct dp_hello){ .src = ip->src,
			.data = s->queue[i].b + 48,
			.len = (uint16_t)(s->queue[i].n - 48) };
	}
	if (!s->endless)
		s->queued -= n;
	return n;
}

void dp_hello_keys(struct dp *dp, uint8_t node, const struct dp_hello_keys *keys)
{
	assert_int_equal(node, of(dp) == &site[1] ? 2 : 1);
	of(dp)->keys = *keys;
}

bool dp_hello_was_unknown(struct dp *dp, uint8_t node)
{
	bool was = of(dp)->was_unknown;

	assert_int_equal(node, of(dp) == &site[1] ? 2 : 1);
	of(dp)->was_unknown = false;
	return was;
}

void dp_hello_begin(struct dp *dp, const struct dp_hello *h)
{
	(void)dp;
	(void)h;
}

void dp_hello_end(struct dp *dp, const struct dp_hello *h, int reason)
{
	(void)h;
	of(dp)->last_drop = reason;
}

int dp_hello_send(struct dp *dp, const uint8_t *pkt, uint16_t len)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)pkt;
	struct site *to = of(dp) == &site[1] ? &site[2] : &site[1];
	struct net_udp u;

	assert_int_equal(net_udp_decode(pkt + 40, len - 40u, &u), 0);
	assert_true(net_udp_is_intact(&ip->src, &ip->dst, pkt + 40, len - 40u));
	assert_int_equal(u.dst_port, PORT + 1);
	assert_true(ip6_eq(&ip->src, &of(dp)->conf.mesh.site_address));
	assert_true(ip6_eq(&ip->dst, &to->conf.mesh.site_address)); /* never who has retired */
	assert_in_range(to->queued, 0, QUEUE - 1);
	to->queue[to->queued].n = len;
	memcpy(to->queue[to->queued++].b, pkt, len);
	return 0;
}

void dp_hello_wake_at(struct dp *dp, uint64_t tsc)
{
	of(dp)->wake = tsc;
}

uint32_t dp_lcore_count(const struct dp *dp)
{
	(void)dp;
	return 1;
}

uint64_t dp_lcore_turns(const struct dp *dp, uint32_t i)
{
	(void)i;
	return of(dp)->turns;
}

#define KEY_OF(node, domain) (UINT64_MAX - 10 * (node) - (domain))

uint64_t dp_label_key(const struct dp *dp, uint16_t domain)
{
	return KEY_OF((uint64_t)(of(dp) - site), domain);
}

uint32_t mesh_domain_id(const struct ctl *ctl, uint16_t domain)
{
	(void)ctl;
	return 100u + domain;
}

uint64_t mesh_boot(const struct ctl *ctl)
{
	return 1 + (uint64_t)(at(ctl) - site);
}

void mesh_settings(const struct ctl *ctl, uint16_t domain, uint32_t out[static HELLO_SETTING_COUNT])
{
	memset(out, 0, HELLO_SETTING_COUNT * sizeof(out[0]));
	out[HELLO_SETTING_AUTH] = ctl->generation + domain;
}

void data_keys_rtt(struct data_keys *d, uint8_t node, uint32_t ms)
{
	(void)node;
	assert_null(d);
	assert_in_range(ms, 0, 600000);
}

static uint32_t drift;

void mesh_on_view(struct ctl *ctl, uint16_t domain, const struct next_view *view)
{
	at(ctl)->views[domain]++;
	at(ctl)->view[domain] = *view;
}

void mesh_on_hello(
	struct ctl *ctl, enum hello_event event, uint16_t domain, uint8_t node, int64_t value)
{
	if (event == HELLO_LABEL_KEY) {
		assert_true((uint64_t)value == KEY_OF(node, domain));
		at(ctl)->label_keys++;
	}
	at(ctl)->restarts += event == HELLO_RESTARTED;
	at(ctl)->stalls += event == HELLO_STALL;
	if (event == HELLO_DRIFT && at(ctl) == &site[1] && domain == 1)
		drift = (uint32_t)value;
}

void mesh_on_info(struct ctl *ctl, uint8_t node, const struct hello_info *info,
	const uint64_t up[static NEXT_NODES / 64])
{
	(void)up;
	assert_int_equal(node, at(ctl) == &site[1] ? 2 : 1);
	at(ctl)->infos++;
	at(ctl)->info = *info;
}

/* --- the two of them --- */

static struct ip6_addr address(uint8_t node)
{
	return addr(node == 1 ? "2001:db8:51::1" : "2001:db8:52::2");
}

/* Two domains, the second with a peer that is gone for good, too. */
static void start(uint8_t node)
{
	struct site *s = &site[node];
	char err[128];

	s->peers[0] = (struct conf_mesh_peer){
		.id = 3, .address = addr("2001:db8:53::3"), .retired = true
	};
	s->peers[1] = (struct conf_mesh_peer){ .id = 3 - node, .address = address(3 - node) };
	s->domain_peers[0].peer = 1;
	s->domains[0] = (struct conf_domain){ .peers = s->domain_peers, .peer_count = 1 };
	s->domains[1] = (struct conf_domain){ .peers = s->domain_peers, .peer_count = 2 };
	s->conf.node.id = node;
	s->conf.mesh = (struct conf_mesh){ .site_address = address(node),
		.port = PORT,
		.hello_ms = 10,
		.dead_ms = 600000, /* it may be slow where this runs */
		.clock_limit_ms = 500,
		.peers = s->peers,
		.peer_count = 2 };
	s->conf.domains = s->domains;
	s->conf.domain_count = 2;
	s->ctl.conf = &s->conf;
	s->ctl.dp = (struct dp *)s;
	assert_int_equal(pulse_new(&s->ctl, err, sizeof(err)), 0);
	assert_non_null(s->poll);
}

static int set_up(void **state)
{
	struct session_keys k = { .initiator = true };

	(void)state;
	memset(site, 0, sizeof(site));
	drift = 0;
	start(1);
	start(2);
	randombytes_buf(k.hello, sizeof(k.hello));
	pulse_keys(&site[1].ctl, 2, &k);
	k.initiator = false;
	pulse_keys(&site[2].ctl, 1, &k);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pulse_free(&site[1].ctl);
	pulse_free(&site[2].ctl);
	pulse_free(&site[2].ctl); /* once more is fine */
	return 0;
}

static void turn(void)
{
	for (unsigned i = 1; i <= 2; i++) {
		site[i].turns++;
		site[i].poll(site[i].poll_ctx);
		pulse_run(&site[i].ctl);
	}
}

/* Turns until it holds: hello's time is the machine's. */
#define UNTIL(x)                                                                                   \
	for (uint64_t turns = 0; !(x); turns++) {                                                  \
		if (turns > 200000000)                                                             \
			fail_msg("never: " #x);                                                    \
		turn();                                                                            \
	}

static bool is_up(const struct site *s, uint16_t domain, enum next_says says)
{
	const struct next_site *other = &s->view[domain].site[s == &site[1] ? 2 : 1];

	return other->reach == NEXT_UP && other->says == says;
}

/* --- tests --- */

static void test_talk(void **state)
{
	(void)state;
	pulse_say(&site[1].ctl, 1, NEXT_READY);
	UNTIL(is_up(&site[2], 1, NEXT_READY) && is_up(&site[1], 0, NEXT_JOINING));
	assert_true(is_up(&site[2], 0, NEXT_JOINING)); /* each domain by itself */
	assert_int_equal(site[2].view[1].site[3].reach, NEXT_DEAD);
	UNTIL(pulse_is_known(&site[1].ctl, 1));
	pulse_say(&site[1].ctl, 1, NEXT_LEFT);
	assert_false(pulse_is_known(&site[1].ctl, 1)); /* not that */
	UNTIL(pulse_is_known(&site[1].ctl, 1));
	UNTIL(is_up(&site[2], 1, NEXT_LEFT));
	UNTIL(site[1].info.up && site[1].info.has_rtt);
	/* the key of each domain's labels, in turns */
	UNTIL(site[1].label_keys == 2 && site[2].label_keys == 2);
	assert_int_equal(pulse_silent_ms(&site[1].ctl), 0);
	assert_true(site[1].wake > 0);
}

/* Nothing to do costs nothing: no turn of hello, and it says so. */
static void test_idle(void **state)
{
	uint64_t wake;

	(void)state;
	UNTIL(is_up(&site[1], 0, NEXT_JOINING));
	site[1].queued = 0;
	do
		wake = site[1].wake;
	while (site[1].poll(site[1].poll_ctx));
	assert_int_equal(site[1].wake, wake);
	pulse_say(&site[1].ctl, 0, NEXT_READY); /* mail is something to do */
	assert_true(site[1].poll(site[1].poll_ctx));
}

/* A reload that changes what all must have alike. */
static void test_settings(void **state)
{
	(void)state;
	UNTIL(is_up(&site[1], 1, NEXT_JOINING));
	site[2].ctl.generation++;
	UNTIL(drift == 1U << HELLO_SETTING_AUTH);
	site[1].ctl.generation++;
	UNTIL(drift == 0);
}

static int fate(const struct packet *p, unsigned twist, uint8_t by)
{
	site[1].queue[0] = *p;
	site[1].queue[0].b[twist] ^= by;
	site[1].queued = 1;
	site[1].last_drop = -2;
	site[1].poll(site[1].poll_ctx);
	return site[1].last_drop;
}

static void test_drops(void **state)
{
	struct packet p;

	(void)state;
	UNTIL(is_up(&site[1], 0, NEXT_JOINING));
	site[1].queued = 0;
	while (site[1].queued == 0)
		site[2].turns++, site[2].poll(site[2].poll_ctx);
	p = site[1].queue[0];
	assert_int_equal(fate(&p, 48, 0xff), DP_DROP_HELLO_MALFORMED);
	assert_int_equal(fate(&p, 49, 0xff), DP_DROP_HELLO_OTHER_VERSION);
	assert_int_equal(fate(&p, 50, 0x80), DP_DROP_HELLO_STRANGER);
	assert_int_equal(fate(&p, 8 + 15, 0x80), DP_DROP_HELLO_STRANGER); /* its address */
	assert_int_equal(fate(&p, 52, 0x80), DP_DROP_HELLO_NO_KEYS);
	assert_int_equal(fate(&p, 70, 1), DP_DROP_HELLO_FORGED);
	assert_int_equal(fate(&p, 0, 0), -1);
	assert_int_equal(fate(&p, 0, 0), DP_DROP_HELLO_REPLAYED);
	assert_int_equal(pulse_drop(HELLO_TAKEN), -1);
	assert_int_equal(pulse_drop(HELLO_OLDER), DP_DROP_HELLO_OLDER);
	assert_int_equal(pulse_drop(HELLO_LATE), DP_DROP_HELLO_LATE);
	assert_int_equal(pulse_drop(HELLO_EXPIRED), DP_DROP_HELLO_EXPIRED);
	assert_int_equal(pulse_drop(HELLO_CONTENT), DP_DROP_HELLO_CONTENT);
}

/* Workers hear which keys there are, and hello of what they dropped for want of one. */
static void test_keys(void **state)
{
	struct session_keys k = { .initiator = true };
	struct packet *p = &site[1].queue[0];
	uint32_t first;

	(void)state;
	assert_int_equal(site[1].keys.n, 0);
	UNTIL(is_up(&site[1], 0, NEXT_JOINING));
	assert_int_equal(site[1].keys.n, 1);
	first = site[1].keys.name[0];
	assert_int_equal(site[2].keys.name[0], first);
	site[1].queued = 0;
	while (site[1].queued == 0)
		site[2].turns++, site[2].poll(site[2].poll_ctx);
	assert_int_equal(net_hello_check(p->b + 48, p->n - 48u), 0);
	assert_int_equal(net_hello_key(p->b + 48), first);
	randombytes_buf(k.hello, sizeof(k.hello));
	pulse_keys(&site[1].ctl, 2, &k);
	UNTIL(site[1].keys.n == 2);
	assert_int_equal(site[1].keys.name[0], hello_seal_name(&k));
	assert_int_equal(site[1].keys.name[1], first); /* it goes on with that */
	assert_int_equal(site[1].info.last_failure, 0);
	site[1].was_unknown = true;
	UNTIL(site[1].info.last_failure == HELLO_NO_KEYS);
}

/* What waits is taken in one turn when that takes no time to speak of (here it may take a few
 * tries: the machine is not ours alone), and a turn ends when what comes does not. */
static void test_budget(void **state)
{
	bool all = false;

	(void)state;
	for (unsigned try = 0; !all && try < 100000; try++) {
		memset(site[1].queue, 0, sizeof(site[1].queue));
		for (unsigned i = 0; i < QUEUE; i++)
			site[1].queue[i].n = 48 + 40;
		site[1].queued = QUEUE;
		site[1].poll(site[1].poll_ctx);
		all = site[1].queued == 0;
	}
	assert_true(all);
	site[1].queued = QUEUE;
	site[1].endless = true;
	assert_true(site[1].poll(site[1].poll_ctx));
	assert_int_equal(site[1].last_drop, DP_DROP_HELLO_MALFORMED);
}

static uint32_t same_number(void *ctx, uint32_t lcore)
{
	(void)ctx;
	return lcore;
}

static uint64_t no_turns(void *ctx, uint32_t lcore)
{
	(void)ctx;
	(void)lcore;
	return 7;
}

/* Hello's own lcore stands still and says nothing at all, not even that it is silent. */
static void test_own_lcore(void **state)
{
	const struct still_opts opts = {
		.limit_ms = 500, .lcores = 2, .turns = no_turns, .number = same_number
	};
	struct ctl *ctl = &site[1].ctl, alone = { 0 };

	(void)state;
	UNTIL(is_up(&site[1], 0, NEXT_JOINING));
	assert_int_equal(still_new(&opts, &ctl->still), 0);
	for (unsigned ms = 0; ms <= 500; ms += STILL_LOOK_MS)
		still_run(ctl->still, 1000 + ms);
	assert_int_equal(pulse_silent_ms(ctl), 0);
	still_run(ctl->still, 1550);
	assert_int_equal(pulse_silent_ms(ctl), 550);
	alone.still = ctl->still;
	assert_int_equal(pulse_silent_ms(&alone), 0); /* there is no mesh to be silent in */
	still_free(ctl->still);
	ctl->still = NULL;
}

/* For rte_get_tsc_hz(). */
static int start_eal(void **state)
{
	char args[][24] = { "pulse-test", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(DIM(args), argv) < 0 ? -1 : 0;
}

static int stop_eal(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_talk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_budget, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_lcore, set_up, tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
