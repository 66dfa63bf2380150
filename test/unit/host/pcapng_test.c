/* SPDX-License-Identifier: BSD-3-Clause */
/* The blocks, octet by octet; whether others read them is for the end-to-end tests. */
#include "test.h"

#include "host/pcapng.h"

static uint8_t out[4096];

static struct net_wr start(void)
{
	memset(out, 0xee, sizeof(out));
	return net_wr_init(out, sizeof(out));
}

static void check(const char *what, const struct net_wr *w, const char *hex)
{
	struct buf b = buf_from_hex(hex);

	assert_false(w->bad);
	if (net_wr_len(w) != b.n || memcmp(out, b.p, b.n) != 0) {
		for (size_t i = 0; i < net_wr_len(w); i++)
			printf("%02x%s", out[i], i % 4 == 3 ? " " : "");
		fail_msg("%s", what);
	}
	buf_free(&b);
}

static void test_section(void **state)
{
	struct net_wr w = start();

	(void)state;
	pcapng_section(&w, "hamd");
	check("section", &w,
		"0a0d0d0a 00000028 1a2b3c4d 0001 0000 ffffffff ffffffff"
		"0004 0004 68616d64 0000 0000 00000028");
}

static void test_interface(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };
	struct pcapng_interface port = { .link_type = PCAPNG_ETHERNET,
		.snaplen = 256,
		.name = "wan",
		.description = "port wan",
		.hardware = "null",
		.mac = mac,
		.bits_per_s = 10000000000 };
	struct pcapng_interface bare = { .link_type = PCAPNG_IPV6, .name = "d" };
	struct net_wr w = start();

	(void)state;
	pcapng_interface(&w, &port);
	check("port", &w,
		"00000001 00000054 0001 0000 00000100"
		"0002 0003 77616e 00 0003 0008 706f72742077616e"
		"0006 0006 020000000001 0000 0008 0008 00000002540be400"
		"0009 0001 09 000000 000f 0004 6e756c6c 0000 0000 00000054");
	w = start();
	pcapng_interface(&w, &bare);
	check("bare", &w,
		"00000001 00000028 00e5 0000 00000000 0002 0001 64 000000"
		"0009 0001 09 000000 0000 0000 00000028");
}

static void test_packet(void **state)
{
	struct pcapng_packet p = { .interface = 3,
		.ns = 0x0102030405060708,
		.len = 1500,
		.kept = 5,
		.octets = (const uint8_t *)"\x60\x01\x02\x03\x04",
		.direction = PCAPNG_OUT,
		.comment = "no" };
	struct net_wr w = start();

	(void)state;
	pcapng_packet(&w, &p);
	check("with everything", &w,
		"00000006 0000003c 00000003 01020304 05060708 00000005 000005dc"
		"6001020304 000000 0001 0002 6e6f 0000 0002 0004 00000002"
		"0000 0000 0000003c");
	p.direction = PCAPNG_IN;
	p.comment = NULL;
	p.kept = 4;
	w = start();
	pcapng_packet(&w, &p);
	check("in", &w,
		"00000006 00000030 00000003 01020304 05060708 00000004 000005dc"
		"60010203 0002 0004 00000001 0000 0000 00000030");
	p.direction = PCAPNG_UNKNOWN;
	p.kept = 0;
	w = start();
	pcapng_packet(&w, &p);
	check("nothing of it", &w,
		"00000006 00000024 00000003 01020304 05060708 00000000 000005dc"
		"0000 0000 00000024");
}

static void test_statistics(void **state)
{
	struct pcapng_statistics s = {
		.interface = 1, .start_ns = 5, .end_ns = 7, .received = 256, .lost = 255
	};
	struct net_wr w = start();

	(void)state;
	pcapng_statistics(&w, &s);
	check("statistics", &w,
		"00000005 0000004c 00000001 00000000 00000007"
		"0002 0008 0000000000000005 0003 0008 0000000000000007"
		"0004 0008 0000000000000100 0005 0008 00000000000000ff"
		"0000 0000 0000004c");
}

/* Longer comments are cut, and the room that is promised is enough. */
/* Octets of a comment that are kept: the last character is there or is not. */
static void test_text(void **state)
{
	static const struct {
		const char *end; /* of a comment, behind `fill` times "x" */
		unsigned fill, kept;
	} cases[] = {
		{ "", 0, 0 }, { "\xc3\xa4", 0, 2 }, { "\xc3\xa4", 198, 200 },
		{ "\xc3\xa4", 199, 199 }, { "\xe2\x82\xac", 197, 200 },
		{ "\xe2\x82\xac", 198, 198 }, { "\xe2\x82\xac", 199, 199 },
		{ "\xf0\x9f\x90\xa2", 196, 200 }, { "\xf0\x9f\x90\xa2", 197, 197 },
		{ "\xf0\x9f\x90\xa2", 200, 200 },
		{ "\xf0\x9f\x90", 3, 3 }, /* cut by somebody else */
		{ "\xc3", 3, 3 }, { "\xc3\xa4z", 3, 6 },
		{ "\x80\x80\x80\x80", 0, 4 }, /* no UTF-8: as it is */
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		char text[256] = { 0 };
		struct pcapng_packet p = { .comment = text };
		struct net_wr w = start();

		memset(text, 'x', cases[i].fill);
		strcpy(text + cases[i].fill, cases[i].end);
		pcapng_packet(&w, &p);
		assert_false(w.bad);
		if (out[28] != 0 || out[29] != 1 ||
			(out[30] << 8 | out[31]) != (int)cases[i].kept ||
			memcmp(out + 32, text, cases[i].kept) != 0)
			fail_msg("case %zu: %d octets", i, out[30] << 8 | out[31]);
	}
}

static void test_room(void **state)
{
	char comment[2 * PCAPNG_COMMENT_MAX];
	struct pcapng_packet p = { .len = 3,
		.kept = 3,
		.octets = (const uint8_t *)"abc",
		.direction = PCAPNG_IN,
		.comment = comment };
	struct net_wr w;

	(void)state;
	memset(comment, 'c', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	for (size_t room = 0; room <= 3 + PCAPNG_PACKET_ROOM; room++) {
		struct buf b = { malloc(room > 0 ? room : 1), room }; /* of the exact size */

		w = net_wr_init(b.p, b.n);
		pcapng_packet(&w, &p);
		buf_free(&b);
	}
	assert_false(w.bad);
	w = start();
	pcapng_packet(&w, &p);
	assert_int_equal(out[32 + 2] << 8 | out[32 + 3], PCAPNG_COMMENT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
