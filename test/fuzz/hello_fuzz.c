/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: what a hello says. What is decoded is encoded to something that is decoded to the same;
 * and a site to which a peer says it, and says it as a datagram in clear, stays in its senses: its
 * view names only sites that there are, and it still understands an honest hello afterwards.
 */
#include "fuzz.h"

#include <sodium.h>

#include "sync/hello.h"
#include "sync/hello_seal.h"
#include "sync/hello_wire.h"

#define SITES 3
#define WALL  1700000000000ULL

static struct hello *site;
static struct hello_seal seal[SITES + 1];
static struct ip6_addr address[SITES + 1];
static uint64_t now_ms = 1000;

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t plain[HELLO_MAX];
	struct hello_msg m;

	(void)ctx;
	FUZZ_CHECK(len <= HELLO_MAX);
	FUZZ_CHECK(hello_open(&seal[node], buf, len, now_ms, plain) == HELLO_TAKEN);
	FUZZ_CHECK(hello_decode(plain, len - HELLO_SEAL_OVERHEAD, &m) == 0);
}

static void op_view(void *ctx, uint32_t domain, const struct next_view *v)
{
	(void)ctx;
	(void)domain;
	for (unsigned n = 0; n < NEXT_NODES; n++) {
		const struct next_site *s = &v->site[n];

		FUZZ_CHECK(s->reach == NEXT_DEAD || (n >= 1 && n <= SITES));
		FUZZ_CHECK(s->says <= NEXT_LEFT);
		FUZZ_CHECK(s->reach != NEXT_CUT_OFF || v->site[s->via].reach == NEXT_UP);
	}
}

static void op_event(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	(void)ctx;
	(void)value;
	FUZZ_CHECK(e < HELLO_EVENTS && domain < 2 && node <= SITES);
}

static void share_keys(void)
{
	static uint8_t number;

	number++;
	for (uint8_t id = 2; id <= SITES; id++) {
		struct session_keys k = { .initiator = true, .hello = { id, number } };

		hello_keys(site, id, &k, now_ms);
		k.initiator = false;
		hello_seal_keys(&seal[id], &k, now_ms);
	}
}

static void start(void)
{
	static const uint8_t members[] = { 2, 3 };
	const struct hello_domain domains[] = { { .id = 1, .members = members, .member_count = 2 },
		{ .id = 2, .members = members, .member_count = 1 } };
	struct hello_peer peers[SITES - 1];

	FUZZ_CHECK(sodium_init() >= 0);
	for (uint8_t id = 2; id <= SITES; id++) {
		address[id].b[15] = id;
		peers[id - 2] = (struct hello_peer){ id, address[id] };
	}
	FUZZ_CHECK(hello_new(&(struct hello_opts){ .node = 1,
				     .boot = 5,
				     .version_min = 1,
				     .version_max = 2,
				     .hello_ms = 100,
				     .dead_ms = 300,
				     .clock_limit_ms = 500,
				     .peers = peers,
				     .peer_count = SITES - 1,
				     .domains = domains,
				     .domain_count = 2,
				     .ops = { NULL, op_send, op_view, op_event } },
			   &site) == 0);
}

static enum hello_verdict say(uint8_t node, const uint8_t *plain, size_t len)
{
	uint8_t *sealed = malloc(len + HELLO_SEAL_OVERHEAD);
	enum hello_verdict v;

	FUZZ_CHECK(sealed != NULL);
	FUZZ_CHECK(hello_seal(&seal[node], node, plain, len, now_ms, sealed));
	v = hello_input(
		site, &address[node], sealed, len + HELLO_SEAL_OVERHEAD, now_ms, WALL + now_ms);
	free(sealed);
	return v;
}

static void check_honest(void)
{
	struct hello_msg m = { .version_min = 1,
		.version_max = 1,
		.boot = 7,
		.interval_ms = 100,
		.wall_ms = WALL + now_ms,
		.has_echo = true,
		.hears = true,
		.echo_boot = 5,
		.echo_sent_ms = now_ms,
		.states = { { 1, NEXT_READY, HELLO_WIRE_UNHEARD } },
		.state_count = 1 };
	uint8_t plain[HELLO_MAX];
	size_t n = hello_encode(&m, plain, sizeof(plain));

	FUZZ_CHECK(say(3, plain, n) == HELLO_TAKEN);
	FUZZ_CHECK(hello_view(site, 0)->site[3].reach == NEXT_UP);
}

static void check_wire(const uint8_t *data, size_t size)
{
	static struct hello_msg m, again;
	uint8_t *buf;
	size_t n;

	if (hello_decode(data, size, &m) < 0)
		return;
	n = hello_wire_size(&m);
	buf = malloc(n);
	FUZZ_CHECK(buf != NULL);
	FUZZ_CHECK(hello_encode(&m, buf, n) == n);
	FUZZ_CHECK(hello_decode(buf, n, &again) == 0);
	FUZZ_CHECK(memcmp(&m, &again, sizeof(m)) == 0);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello_msg m;
	enum hello_verdict v;

	if (site == NULL) {
		start();
		share_keys();
	}
	if (now_ms % 60000 < 50)
		share_keys(); /* before the old ones end */
	check_wire(data, size);
	v = hello_input(site, &address[2], data, size, now_ms, WALL + now_ms);
	FUZZ_CHECK(v != HELLO_TAKEN && v != HELLO_OLDER);
	if (size <= HELLO_MAX - HELLO_SEAL_OVERHEAD) {
		v = say(2, data, size);
		FUZZ_CHECK(v == HELLO_TAKEN || v == HELLO_LATE || v == HELLO_CONTENT);
		FUZZ_CHECK((v == HELLO_CONTENT) == (hello_decode(data, size, &m) < 0));
	}
	hello_turn(site, now_ms, WALL + now_ms, true);
	check_honest();
	now_ms += 50;
	return 0;
}
