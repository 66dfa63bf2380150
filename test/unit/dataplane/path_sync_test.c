/* SPDX-License-Identifier: BSD-3-Clause */
/* The mesh's ports: only what is from a site, whole and intact, gets into a queue. */
#include "path_lab.h"

/* --- the mesh's ports --- */

#define SITE "2001:db8:1::10"
#define PEER "2001:db8:51::2"
#define SYNC 4750
#define KEY  0x11223344 /* a name of the peer's keys */

static struct dp_sync *make_sync(void)
{
	struct conf_mesh_peer peers[] = { { .id = 4, .address = addr("2001:db8:53::4") },
		{ .id = 2, .address = addr(PEER) }, { .id = 5, .address = addr(HOA) },
		{ .id = 3, .address = addr("2001:db8:52::3"), .retired = true } };
	struct conf_mesh mesh = {
		.site_address = addr(SITE), .port = SYNC, .peers = peers, .peer_count = DIM(peers)
	};
	struct dp_sync *s;

	assert_int_equal(dp_sync_new(&mesh, &s), 0);
	return s;
}

static struct pkt datagram(const char *src, const char *dst, uint16_t port, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	uint8_t data[1500] = { 4, 1 };
	struct pkt p;

	p.n = (uint16_t)net_udp_packet(p.b, sizeof(p.b), &s, &d, SYNC, port, 64, data, len);
	return p;
}

static struct pkt hello_of(const char *src, uint8_t version, uint32_t key, uint16_t len)
{
	uint8_t data[1500] = { NET_HELLO_TYPE, version, 2, 0, (uint8_t)(key >> 24),
		(uint8_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key };
	struct ip6_addr s = addr(src), d = addr(SITE);
	struct pkt p;

	p.n = (uint16_t)net_udp_packet(p.b, sizeof(p.b), &s, &d, SYNC + 1, SYNC + 1, 64, data, len);
	return p;
}

static struct pkt hello(const char *src, uint32_t key, uint16_t len)
{
	return hello_of(src, NET_HELLO_VERSION, key, len);
}

static struct pkt twist(struct pkt p, unsigned at, uint8_t to)
{
	p.b[at] = to;
	return p;
}

/* Only what is from a site, whole and intact, gets into a queue. */
static void test_sync(void **state)
{
	struct dp_sync *s = make_sync();
	struct pkt good = datagram(PEER, SITE, SYNC, 100);
	const struct {
		const char *name;
		struct pkt p;
		int door;
	} rows[] = {
		{ "session", good, DOOR_PUNT(DP_PUNT_SYNC) },
		{ "session, the largest", datagram(PEER, SITE, SYNC, 1232),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "the other peer's", datagram("2001:db8:53::4", SITE, SYNC, 1),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "hello", hello(PEER, KEY, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "behind an extension header",
			with_ext(good, IP6_DSTOPT, "00 00 01 04 00 00 00 00"),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "another port", datagram(PEER, SITE, SYNC + 2, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "the port below", datagram(PEER, SITE, SYNC - 1, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "another address of ours", datagram(PEER, "2001:db8:2::10", SYNC, 100),
			DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "a home agent address", datagram(PEER, HA, SYNC, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "a stranger", datagram(CN, SITE, SYNC, 100), DP_DROP_MESH_STRANGER },
		{ "a stranger's hello", datagram(CN, SITE, SYNC + 1, 100), DP_DROP_MESH_STRANGER },
		{ "who is gone for good", datagram("2001:db8:52::3", SITE, SYNC, 100),
			DP_DROP_MESH_STRANGER },
		{ "in the name of a home address",
			with_ext(good, IP6_DSTOPT,
				"00 02 01 02 00 00 c9 10 2001 0db8 000a 0000 0000 0000 0000 0100"),
			DP_DROP_MESH_STRANGER },
		{ "from ourselves", datagram("2001:db8:2::10", SITE, SYNC, 8), DP_DROP_SRC_OURS },
		{ "length of less", twist(good, 45, 107), DP_DROP_UDP_LENGTH },
		{ "length of more", twist(good, 45, 109), DP_DROP_UDP_LENGTH },
		{ "no length", twist(twist(good, 44, 0), 45, 0), DP_DROP_UDP_LENGTH },
		{ "changed", twist(good, 100, 1), DP_DROP_UDP_CHECKSUM },
		{ "without a checksum", twist(twist(good, 46, 0), 47, 0), DP_DROP_UDP_CHECKSUM },
	};

	(void)state;
	check_door("without a mesh it is not ours", good, DOOR_PUNT(DP_PUNT_LOCAL));
	worker.sync = s;
	dp_sync_keys(s, 2, &(struct dp_hello_keys){ 1, { KEY } });
	for (size_t i = 0; i < DIM(rows); i++)
		check_door(rows[i].name, rows[i].p, rows[i].door);
	check_door("in a tunnel, though of a peer's address",
		tunnel(COA, HA, datagram(HOA, SITE, SYNC, 100)), DP_DROP_MESH_STRANGER);
	check_full(good, DP_PUNT_SYNC, DP_DROP_PUNT_SYNC_FULL);
	check_full(hello(PEER, KEY, 100), DP_PUNT_HELLO, DP_DROP_PUNT_HELLO_FULL);
	worker.sync = NULL;
	dp_sync_free(s);
}

/* Hellos under keys that there are: of that peer, in use or before, by their names. */
static void test_hello_keys(void **state)
{
	enum { OTHERS = 2 };
	struct dp_sync *s = make_sync();
	const struct dp_hello_keys two = { 2, { 0, KEY } }, other = { 1, { KEY + 1 } };
	const struct {
		const char *name;
		struct pkt p;
		int door;
	} rows[] = {
		{ "in use", hello(PEER, 0, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "before", hello(PEER, KEY, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		[OTHERS] = { "the other peer's", hello(PEER, KEY + 1, 100), DP_DROP_HELLO_NO_KEYS },
		{ "the other peer", hello("2001:db8:53::4", KEY + 1, 100),
			DOOR_PUNT(DP_PUNT_HELLO) },
		{ "none, though the other has no second one", hello("2001:db8:53::4", 0, 100),
			DP_DROP_HELLO_NO_KEYS },
		{ "of a peer without keys", hello(HOA, KEY, 100), DP_DROP_HELLO_NO_KEYS },
		{ "the shortest", hello(PEER, KEY, NET_HELLO_OVERHEAD), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "too short", hello(PEER, KEY, NET_HELLO_OVERHEAD - 1), DP_DROP_HELLO_MALFORMED },
		{ "nothing", hello(PEER, KEY, 0), DP_DROP_HELLO_MALFORMED },
		{ "the longest", hello(PEER, KEY, NET_HELLO_MAX), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "too long", hello(PEER, KEY, NET_HELLO_MAX + 1), DP_DROP_HELLO_MALFORMED },
		{ "another type", datagram(PEER, SITE, SYNC + 1, 100), DP_DROP_HELLO_MALFORMED },
		{ "another version", hello_of(PEER, NET_HELLO_VERSION + 1, KEY, 100),
			DP_DROP_HELLO_OTHER_VERSION },
	};

	(void)state;
	worker.sync = s;
	check_door("no keys yet", hello(PEER, 0, 100), DP_DROP_HELLO_NO_KEYS);
	dp_sync_keys(s, 2, &two);
	dp_sync_keys(s, 4, &other);
	dp_sync_keys(s, 77, &other); /* no peer */
	assert_true(dp_sync_was_unknown(s, 2));
	for (size_t i = 0; i < DIM(rows); i++) {
		check_door(rows[i].name, rows[i].p, rows[i].door);
		assert_int_equal(dp_sync_was_unknown(s, 2), i == OTHERS);
		assert_false(dp_sync_was_unknown(s, 2));
	}
	assert_true(dp_sync_was_unknown(s, 4) && dp_sync_was_unknown(s, 5));
	assert_false(dp_sync_was_unknown(s, 77));
	dp_sync_keys(s, 2, &other);
	check_door("not any more", hello(PEER, KEY, 100), DP_DROP_HELLO_NO_KEYS);
	worker.sync = NULL;
	dp_sync_free(s);
}

/* Whoever speaks with a peer's address, but has never seen its hellos, fills no queue: each genuine
 * one in between gets in, and at once. */
static void test_hello_flood(void **state)
{
	struct dp_counters before = worker.counters;
	struct dp_sync *s = make_sync();
	struct pkt genuine = hello(PEER, KEY, 100);
	uint32_t key = KEY;
	void *m;

	(void)state;
	worker.sync = s;
	dp_sync_keys(s, 2, &(struct dp_hello_keys){ 1, { KEY } });
	for (unsigned turn = 1; turn <= 100; turn++) {
		for (unsigned i = 0; i < 50; i++) {
			struct pkt p = hello(PEER, ++key, 100);

			put(i == turn % 50 ? &genuine : &p);
		}
		dp_carry(&worker);
		assert_int_equal(rte_ring_count(punt[DP_PUNT_HELLO]), turn);
	}
	assert_int_equal(
		worker.counters.drop[DP_DROP_HELLO_NO_KEYS] - before.drop[DP_DROP_HELLO_NO_KEYS],
		100 * 49);
	assert_int_equal(worker.counters.drop[DP_DROP_PUNT_HELLO_FULL],
		before.drop[DP_DROP_PUNT_HELLO_FULL]);
	while (rte_ring_dequeue(punt[DP_PUNT_HELLO], &m) == 0)
		rte_pktmbuf_free(m);
	worker.sync = NULL;
	dp_sync_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_hello_keys),
		cmocka_unit_test(test_hello_flood),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
