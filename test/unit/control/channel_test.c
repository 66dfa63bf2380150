/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two control cores that talk, over a wire that a test may touch: what channel_send() takes comes
 * out of the other's mesh_input(), and what is refused is counted by its name. Stand-ins below for
 * the way out, hello and the engine.
 */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include <sodium.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/mesh.h"
#include "control/mesh/pulse.h"
#include "net/udp.h"

#define PORT 4750
#define WIRE 512
#define WALL 1700000000000ULL

struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_mesh_peer peer;
	uint8_t secret[32];
	unsigned keys;
	struct session_keys hello_keys;
	int seals, opens; /* data tunnels; first octet of what keys are made of */
	unsigned confirmed;
	unsigned inputs;
	uint8_t from;
	uint8_t got[CHANNEL_MAX];
	size_t got_len;
	int send_ret; /* what the way out says */
};

struct packet {
	uint8_t to;
	uint16_t n;
	uint8_t b[IP6_MIN_MTU];
};

static struct site site[3]; /* by node id */
static struct packet wire[WIRE];
static unsigned wire_count;

static struct site *at(const struct ctl *ctl)
{
	return ctl == &site[1].ctl ? &site[1] : &site[2];
}

/* --- stand-ins --- */

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	struct packet *p = &wire[wire_count];

	assert_in_range(len, 49, IP6_MIN_MTU);
	if (at(ctl)->send_ret < 0)
		return at(ctl)->send_ret;
	assert_in_range(wire_count, 0, WIRE - 1);
	p->to = at(ctl) == &site[1] ? 2 : 1;
	p->n = len;
	memcpy(p->b, pkt, len);
	wire_count++;
	return 0;
}

void pulse_keys(struct ctl *ctl, uint8_t node, const struct session_keys *keys)
{
	assert_int_equal(node, at(ctl) == &site[1] ? 2 : 1);
	at(ctl)->keys++;
	at(ctl)->hello_keys = *keys;
}

void data_keys_established(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms)
{
	(void)now_ms;
	assert_int_equal(node, d == site[1].ctl.data_keys ? 2 : 1);
	(d == site[1].ctl.data_keys ? &site[1] : &site[2])->seals = keys->data[0];
}

void data_keys_answered(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms)
{
	(void)now_ms;
	assert_int_equal(node, d == site[1].ctl.data_keys ? 2 : 1);
	(d == site[1].ctl.data_keys ? &site[1] : &site[2])->opens = keys->data[0];
}

void data_keys_confirmed(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct site *s = d == site[1].ctl.data_keys ? &site[1] : &site[2];

	assert_int_equal(node, s == &site[1] ? 2 : 1);
	assert_int_equal(now_ms, s->ctl.now_ms);
	s->confirmed++;
}

void mesh_input(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len)
{
	struct site *s = at(ctl);

	s->inputs++;
	s->from = node;
	assert_in_range(len, 1, sizeof(s->got));
	memcpy(s->got, buf, len);
	s->got_len = len;
}

const char *mesh_site_name(const struct ctl *ctl, uint8_t node)
{
	(void)ctl;
	return node == 1 ? "paris" : "tokyo";
}

/* --- the two of them --- */

static struct ip6_addr address(uint8_t node)
{
	return addr(node == 1 ? "2001:db8:51::1" : "2001:db8:52::2");
}

static void start(uint8_t node)
{
	struct site *s = &site[node];
	char err[256] = "";

	s->conf.node.id = node;
	s->conf.mesh = (struct conf_mesh){ .site_address = address(node),
		.private_key = s->secret,
		.port = PORT,
		.peers = &s->peer,
		.peer_count = 1 };
	s->peer.id = 3 - node;
	s->peer.address = address(3 - node);
	session_public_key(site[3 - node].secret, s->peer.public_key);
	s->ctl.conf = &s->conf;
	s->ctl.data_keys = (struct data_keys *)s;
	s->seals = s->opens = -1;
	s->ctl.now_ms = 5000;
	s->ctl.wall_ms = WALL;
	if (channel_new(&s->ctl, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static int set_up(void **state)
{
	(void)state;
	memset(site, 0, sizeof(site));
	wire_count = 0;
	for (uint8_t i = 1; i <= 2; i++)
		randombytes_buf(site[i].secret, 32);
	start(1);
	start(2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	channel_free(&site[1].ctl);
	channel_free(&site[2].ctl);
	channel_free(&site[1].ctl); /* once more is fine */
	return 0;
}

static int input(const struct packet *p)
{
	struct buf exact = buf_copy(p->b, p->n);
	struct ctl_pkt c = { .data = exact.p, .len = p->n, .walked = true };
	int ret;

	c.ext.upper = IP6_UDP;
	c.ext.upper_off = sizeof(struct net_ip6);
	ret = channel_input(&site[p->to].ctl, &c);
	buf_free(&exact);
	return ret;
}

static void run(unsigned ms)
{
	for (unsigned t = 0; t < ms; t++) {
		unsigned n = wire_count;
		struct packet in_flight[WIRE];

		memcpy(in_flight, wire, n * sizeof(wire[0]));
		wire_count = 0;
		for (unsigned i = 0; i < n; i++)
			input(&in_flight[i]);
		for (unsigned i = 1; i <= 2; i++) {
			site[i].ctl.now_ms++;
			site[i].ctl.wall_ms++;
			channel_run(&site[i].ctl);
		}
	}
}

/* The packet that site 1 would send. */
static struct packet sealed(const char *text)
{
	assert_int_equal(wire_count, 0);
	assert_int_equal(channel_send(&site[1].ctl, 2, (const uint8_t *)text, strlen(text)), 0);
	assert_int_equal(wire_count, 1);
	wire_count = 0;
	return wire[0];
}

static bool is_up(uint8_t node)
{
	struct session_info info;

	assert_int_equal(channel_info(&site[node].ctl, 3 - node, &info), 0);
	return info.established;
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

/* --- tests --- */

static void test_talk(void **state)
{
	uint8_t big[CHANNEL_MAX + 1] = { 0 };
	struct packet p;

	(void)state;
	assert_int_equal(channel_send(&site[1].ctl, 2, big, 10), -ENOTCONN);
	assert_int_equal(site[1].ctl.counters[CTL_SYNC_NOT_SENT], 1);
	assert_int_equal(channel_send(&site[1].ctl, 9, big, 10), -EINVAL);
	run(500);
	assert_true(is_up(1) && is_up(2));
	assert_int_equal(site[1].keys, 1);
	assert_memory_equal(site[1].hello_keys.hello, site[2].hello_keys.hello, NOISE_HASH_LEN);
	assert_int_equal(site[1].ctl.counters[CTL_SESSIONS_MADE], 1);
	/* paris began, as the lower node: tokyo could open before paris could seal */
	assert_int_equal(site[1].opens, -1);
	assert_int_equal(site[2].opens, site[1].seals);
	assert_int_equal(site[2].seals, site[1].seals);
	assert_int_not_equal(site[1].seals, -1);
	assert_int_equal(site[1].confirmed, 1);
	assert_int_equal(site[2].confirmed, 1);

	p = sealed("hello tokyo");
	assert_true(ip6_eq(&((struct net_ip6 *)p.b)->src, &site[1].conf.mesh.site_address));
	assert_true(ip6_eq(&((struct net_ip6 *)p.b)->dst, &site[2].conf.mesh.site_address));
	assert_int_equal(input(&p), -1);
	assert_int_equal(site[2].inputs, 1);
	assert_int_equal(site[2].from, 1);
	assert_int_equal(site[2].got_len, 11);
	assert_memory_equal(site[2].got, "hello tokyo", 11);
	assert_int_equal(input(&p), DP_DROP_SYNC_REPLAYED);
	assert_int_equal(site[2].inputs, 1);
	assert_int_equal(channel_count(&site[2].ctl, 1).rx, 1);
	assert_int_equal(channel_count(&site[2].ctl, 1).rx_bytes, 11);
	assert_int_equal(channel_count(&site[2].ctl, 1).refused, 1);
	assert_int_equal(channel_count(&site[1].ctl, 2).tx, 1);
	assert_int_equal(channel_count(&site[1].ctl, 2).tx_bytes, 11);

	memset(big, 7, sizeof(big));
	assert_int_equal(channel_send(&site[1].ctl, 2, big, sizeof(big)), -EMSGSIZE);
	assert_int_equal(channel_send(&site[1].ctl, 2, big, 0), -EMSGSIZE);
	assert_int_equal(channel_send(&site[1].ctl, 2, big, CHANNEL_MAX), 0);
	assert_int_equal(wire[0].n, IP6_MIN_MTU);
	assert_int_equal(input(&wire[0]), -1);
	assert_int_equal(site[2].got_len, CHANNEL_MAX);
	site[1].send_ret = -EHOSTUNREACH;
	assert_int_equal(channel_send(&site[1].ctl, 2, big, 5), -EHOSTUNREACH);
	assert_int_equal(site[1].ctl.counters[CTL_SYNC_NOT_SENT], 3);
	assert_int_equal(channel_count(&site[1].ctl, 2).not_sent, 2);
}

/* Changes octet `at` behind the UDP header. */
static struct packet twist(struct packet p, unsigned at, uint8_t to)
{
	p.b[48 + at] = to;
	return p;
}

static struct packet cut(struct packet p, uint16_t n)
{
	p.n = (uint16_t)(48 + n);
	return p;
}

static void test_refused(void **state)
{
	struct packet p, longer, q;

	(void)state;
	run(500);
	p = sealed("something");
	longer = p;
	longer.n = IP6_MIN_MTU;
	assert_int_equal(input(&(struct packet){ .to = 2, .n = 48 }), DP_DROP_SYNC_MALFORMED);
	assert_int_equal(input(&longer), DP_DROP_SYNC_FORGED); /* whole, but not as it was sealed */
	assert_int_equal(input(&(struct packet){ .to = 2, .n = 48 + 31 }), DP_DROP_SYNC_MALFORMED);
	q = cut(p, 31);
	assert_int_equal(input(&q), DP_DROP_SYNC_MALFORMED);
	q = twist(p, 1, 9);
	assert_int_equal(input(&q), DP_DROP_SYNC_OTHER_VERSION);
	q = twist(p, 0, 9);
	assert_int_equal(input(&q), DP_DROP_SYNC_MALFORMED);
	q = twist(p, 7, 200);
	assert_int_equal(input(&q), DP_DROP_SYNC_STRANGER);
	q = twist(p, 4, (uint8_t)(p.b[48 + 4] ^ 1));
	assert_int_equal(input(&q), DP_DROP_SYNC_NO_KEYS);
	q = twist(p, 20, (uint8_t)(p.b[48 + 20] ^ 1));
	assert_int_equal(input(&q), DP_DROP_SYNC_FORGED);
	site[2].ctl.now_ms += SESSION_REJECT_MS;
	assert_int_equal(input(&p), DP_DROP_SYNC_EXPIRED);
	assert_int_equal(site[2].inputs, 0);
}

/* Nothing that is longer than a datagram of the mesh is looked into. */
static void test_too_long(void **state)
{
	uint8_t big[48 + CHANNEL_MAX + SESSION_OVERHEAD + 1] = { 0 };
	struct ctl_pkt c = { .data = big, .len = sizeof(big), .walked = true };
	struct packet p;

	(void)state;
	run(500);
	p = sealed("something");
	memcpy(big, p.b, p.n);
	c.ext.upper_off = sizeof(struct net_ip6);
	assert_int_equal(channel_input(&site[2].ctl, &c), DP_DROP_SYNC_MALFORMED);
	c.len--;
	assert_int_equal(channel_input(&site[2].ctl, &c), DP_DROP_SYNC_FORGED);
}

/* Handshakes that are refused: the first message of one that site 1 begins. */
static void test_handshakes_refused(void **state)
{
	struct packet init, other;

	(void)state;
	channel_run(&site[1].ctl);
	assert_int_equal(wire_count, 1);
	init = wire[0];
	wire_count = 0;
	other = twist(init, 64, (uint8_t)(init.b[48 + 64] ^ 1));
	assert_int_equal(input(&other), DP_DROP_SYNC_MAC);
	channel_run(&site[2].ctl);
	assert_int_equal(wire_count, 1);
	other = wire[0];
	wire_count = 0;
	assert_int_equal(input(&other), DP_DROP_SYNC_CROSSED); /* ours goes first: a lower node */
	assert_int_equal(input(&init), -1);
	assert_int_equal(input(&init), DP_DROP_SYNC_OLD);
	assert_int_equal(wire_count, 1); /* the answer */
	other = wire[0];
	assert_int_equal(input(&other), -1);
	assert_int_equal(input(&other), DP_DROP_SYNC_UNASKED);
}

/* Tokyo knows another key of paris than paris has. */
static void test_wrong_key(void **state)
{
	struct session_info info;
	char err[64];

	(void)state;
	channel_free(&site[1].ctl);
	randombytes_buf(site[1].secret, 32);
	assert_int_equal(channel_new(&site[1].ctl, err, sizeof(err)), 0);
	run(3000);
	assert_false(is_up(1) || is_up(2));
	assert_int_equal(channel_info(&site[2].ctl, 1, &info), 0);
	assert_int_equal(info.last_failure, SESSION_HANDSHAKE);
	/* and paris gets handshakes that are made for a key that it has not */
	assert_int_equal(channel_info(&site[1].ctl, 2, &info), 0);
	assert_int_equal(info.last_failure, SESSION_MAC);
	assert_true(channel_count(&site[2].ctl, 1).refused > 0);
}

/* More handshakes than are taken are asked for a cookie, whoever makes them. */
static void test_flood(void **state)
{
	unsigned flooded = 0;

	(void)state;
	for (unsigned i = 0; i < SESSION_HANDSHAKES_S + 5; i++) {
		struct packet p;

		site[1].ctl.now_ms += 3000;
		site[1].ctl.wall_ms += 3000;
		channel_run(&site[1].ctl);
		assert_int_equal(wire_count, 1);
		p = wire[0];
		wire_count = 0;
		flooded += input(&p) == DP_DROP_SYNC_FLOOD;
		wire_count = 0;
	}
	assert_int_equal(flooded, 5);
}

/* Paris makes keys all the time, a new life each: of that the log has ten lines in five seconds,
 * and then how many more there were. */
static void test_few_words(void **state)
{
	enum { LIVES = 40, LINES = 10, NAP_MS = 30 };
	char said[64 * LOG_LINE_MAX], err[64], last[64];
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(f);
	assert_true(before >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
	for (unsigned i = 0; i <= LIVES; i++) {
		channel_free(&site[1].ctl);
		wire_count = 0;
		if (i == LIVES)
			site[2].ctl.now_ms += 5000;
		assert_int_equal(channel_new(&site[1].ctl, err, sizeof(err)), 0);
		run(NAP_MS);
	}
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	rewind(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	fclose(f);
	assert_int_equal(site[2].ctl.counters[CTL_SESSIONS_MADE], LIVES + 1);
	assert_int_equal(count_of(said, "keys made peer=paris"), LINES + 1);
	snprintf(last, sizeof(last), "peer=paris by=it suppressed=%d\n", LIVES - LINES);
	assert_int_equal(count_of(said, last), 1);
}

static void test_new_refused(void **state)
{
	struct ctl ctl = site[1].ctl;
	char err[128] = "";

	(void)state;
	ctl.channel = NULL;
	site[1].peer.id = 1; /* its own */
	assert_int_equal(channel_new(&ctl, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "mesh: sessions: Invalid argument");
	assert_null(ctl.channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_talk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_handshakes_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_few_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_refused, set_up, tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
