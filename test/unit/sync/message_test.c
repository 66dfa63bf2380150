/* SPDX-License-Identifier: BSD-3-Clause */
/* The octets of what engines say, and what is refused. */
#include "test.h"

#include <errno.h>

#include "message_again.h"
#include "sync/message.h"

#define KEY  "0000018bcfe56800 000102030405060708090a0b0c0d0e0f"
#define HEAD "01 00000000000000aa 00000000000000bb"

static const struct {
	const char *name, *hex;
	int ret;
} heads[] = {
	{ "a head", HEAD, 0 },
	{ "the receiver is not known yet", "01 00000000000000aa 0000000000000000", 0 },
	{ "no sender", "01 0000000000000000 00000000000000bb", -EBADMSG },
	{ "cut short", "01 00000000000000aa 000000000000", -EBADMSG },
	{ "nothing", "", -EBADMSG },
	{ "another version", "02 00000000000000aa 00000000000000bb", -EPROTONOSUPPORT },
};

static void test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(heads); i++) {
		struct buf b = buf_from_hex(heads[i].hex);
		struct net_rd r = net_rd_init(b.p, b.n);
		struct message_head h;
		int ret = message_read_head(&r, &h);

		buf_free(&b);
		if (ret != heads[i].ret)
			fail_msg("%s: %d", heads[i].name, ret);
		if (ret == 0)
			assert_int_equal(h.boot, 0xaa);
	}
}

#define DELTA "00 01 00000005 00000007 00000000 0000000000000001"

static const struct {
	const char *name, *hex;
	int ret; /* of the first message */
	enum message_type type;
} messages[] = {
	{ "nothing", "", 0, MESSAGE_NONE },
	{ "cut behind the type", "01", -EBADMSG, MESSAGE_NONE },
	{ "length past the end", "7f 0003 0000", -EBADMSG, MESSAGE_NONE },
	{ "a type that is not known", "7f 0003 000000", 1, MESSAGE_NONE },

	{ "delta", "01 0026" DELTA "0000000000000002 0000000000000009", 1, MESSAGE_DELTA },
	{ "delta with sections", "01 002c" DELTA "0000000000000002 0000000000000009 00001234 0000",
		1, MESSAGE_DELTA },
	{ "delta, first in front of the base", "01 0026" DELTA "0000000000000000 0000000000000009",
		-EBADMSG, MESSAGE_DELTA },
	{ "delta, last in front of first", "01 0026" DELTA "0000000000000005 0000000000000004",
		-EBADMSG, MESSAGE_DELTA },
	{ "delta, last that cannot be followed",
		"01 0026" DELTA "0000000000000005 ffffffffffffffff", -EBADMSG, MESSAGE_DELTA },
	{ "delta, base 0",
		"01 0026 00 01 00000005 00000007 00000000 0000000000000000 0000000000000001"
		"0000000000000001",
		-EBADMSG, MESSAGE_DELTA },
	{ "delta, stream 3",
		"01 0026 03 01 00000005 00000007 00000000 0000000000000001 0000000000000001"
		"0000000000000001",
		-EBADMSG, MESSAGE_DELTA },
	{ "delta cut short", "01 0025" DELTA "0000000000000002 00000000000000", -EBADMSG,
		MESSAGE_DELTA },

	{ "ack", "02 001f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00", 1,
		MESSAGE_ACK },
	{ "ack with a hole",
		"02 002f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 01"
		"000000000000000a 000000000000000b",
		1, MESSAGE_ACK },
	{ "ack with a later field",
		"02 0026 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00"
		"01 00000004 00 ff",
		1, MESSAGE_ACK },
	{ "ack with a later field behind all others",
		"02 0042 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00"
		"02 0000000000000003 00000004 0000000000000008 00000007 0000000000000005 ff",
		1, MESSAGE_ACK },
	{ "ack, two domains are full",
		"02 0028 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00"
		"02 00000004 00000007",
		1, MESSAGE_ACK },
	{ "ack, nine domains are full",
		"02 0020 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00 09",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, a full domain cut short",
		"02 0023 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00"
		"01 000000",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, something was refused of all",
		"02 001f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00", 1,
		MESSAGE_ACK },
	{ "ack, something was refused of two domains, and of others",
		"02 0041 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00"
		"02 0000000000000003 00000004 0000000000000008 00000007 0000000000000005",
		1, MESSAGE_ACK },
	{ "ack, one domain is full, and something of another was refused",
		"02 0039 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00"
		"01 00000004 01 0000000000000000 00000007 0000000000000008",
		1, MESSAGE_ACK },
	{ "ack, refused of seven domains",
		"02 0021 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00 "
		"07",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, refused of a domain cut short",
		"02 0034 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00"
		"01 0000000000000000 00000007 00000000000000",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, refused of a domain later than of any",
		"02 0035 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00"
		"01 0000000000000000 00000007 0000000000000009",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, refused of others later than of any",
		"02 0035 00 00 00000005 00000007 00000006 0000000000000009 0000000000000008 00 00"
		"01 0000000000000009 00000007 0000000000000008",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, hole not behind what it has",
		"02 002f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 01"
		"0000000000000009 000000000000000b",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, hole the wrong way round",
		"02 002f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 01"
		"000000000000000c 000000000000000b",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, nine holes",
		"02 001f 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 09",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, hole cut short",
		"02 0027 00 00 00000005 00000007 00000006 0000000000000009 0000000000000000 01"
		"000000000000000a",
		-EBADMSG, MESSAGE_ACK },
	{ "ack, stream 3",
		"02 001f 03 00 00000005 00000007 00000006 0000000000000009 0000000000000000 00",
		-EBADMSG, MESSAGE_ACK },

	{ "ask", "03 0008 00001234 00000001", 1, MESSAGE_ASK },
	{ "ask for the rest", "03 0010 00001234 00000002 0000000000000400", 1, MESSAGE_ASK },
	{ "ask for a rest cut short", "03 000f 00001234 00000002 00000000000004", -EBADMSG,
		MESSAGE_ASK },
	{ "ask cut short", "03 0007 00001234 000000", -EBADMSG, MESSAGE_ASK },

	{ "digest", "04 002f 00001234 00000001" KEY "05 00 01 00000000 1122334455667788", 1,
		MESSAGE_DIGEST },
	{ "digest of nothing", "04 0027 00001234 00000001" KEY "05 00 00 00000000", -EBADMSG,
		MESSAGE_DIGEST },
	{ "digest, one range too many",
		"04 0037 00001234 00000001" KEY "05 00 02 00000000 1122334455667788"
		"1122334455667788",
		-EBADMSG, MESSAGE_DIGEST },
	{ "digest of ranges behind the last",
		"04 002f 00001234 00000001" KEY "05 01 01 00000002 1122334455667788", -EBADMSG,
		MESSAGE_DIGEST },
	{ "digest, 33 bits", "04 002f 00001234 00000001" KEY "05 21 01 00000000 1122334455667788",
		-EBADMSG, MESSAGE_DIGEST },
	{ "digest, more bits than there are at most",
		"04 002f 00001234 00000001" KEY "20 01 01 00000000 1122334455667788", -EBADMSG,
		MESSAGE_DIGEST },
	{ "digest cut short", "04 002e 00001234 00000001" KEY "05 00 01 00000000 11223344556677",
		-EBADMSG, MESSAGE_DIGEST },

	{ "differ",
		"05 0038 00001234 00000001" KEY
		"00 05 07 80 00000000 8000000000000001 0000000000000001",
		1, MESSAGE_DIFFER },
	{ "differ, 129 ranges",
		"05 0038 00001234 00000001" KEY
		"00 05 08 81 00000000 8000000000000001 0000000000000001",
		-EBADMSG, MESSAGE_DIFFER },

	{ "keys",
		"06 0025 00001234 00000001 0000000000000000 ffffffffffffffff 01"
		"1122334455667788 01020304",
		1, MESSAGE_KEYS },
	{ "no keys", "06 0019 00001234 00000001 0000000000000000 ffffffffffffffff 00", 1,
		MESSAGE_KEYS },
	{ "keys, the wrong way round",
		"06 0019 00001234 00000001 0000000000000002 0000000000000001 00", -EBADMSG,
		MESSAGE_KEYS },
	{ "keys, one outside",
		"06 0025 00001234 00000001 0000000000000000 1000000000000000 01"
		"1122334455667788 01020304",
		-EBADMSG, MESSAGE_KEYS },
	{ "keys that are not in order",
		"06 0031 00001234 00000001 0000000000000000 ffffffffffffffff 02"
		"1122334455667788 01020304 1122334455667787 01020304",
		-EBADMSG, MESSAGE_KEYS },
	{ "95 keys", "06 0019 00001234 00000001 0000000000000000 ffffffffffffffff 5f", -EBADMSG,
		MESSAGE_KEYS },

	{ "want",
		"07 0023 00001234 00000001 0000000000000000 ffffffffffffffff 0002 01"
		"1122334455667788",
		1, MESSAGE_WANT },
	{ "want, the second for a young change",
		"07 003b 00001234 00000001 0000000000000000 ffffffffffffffff 0001 02"
		"1122334455667788 1122334455667789 0000000000000002 0000000000000000",
		1, MESSAGE_WANT },
	{ "95 wants", "07 001b 00001234 00000001 0000000000000000 ffffffffffffffff 0002 5f",
		-EBADMSG, MESSAGE_WANT },

	{ "records", "08 0006 00001234 0000", 1, MESSAGE_RECORDS },
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(messages); i++) {
		struct buf b = buf_from_hex(messages[i].hex);
		struct net_rd r = net_rd_init(b.p, b.n);
		uint8_t out[MESSAGE_MAX];
		struct net_wr w = net_wr_init(out, sizeof(out));
		struct message m;
		int ret = message_read(&r, &m);

		if (ret != messages[i].ret || (ret == 1 && m.type != messages[i].type))
			fail_msg("%s: %d", messages[i].name, ret);
		if (ret == 1 && strstr(messages[i].name, "later") == NULL && write_again(&w, &m)) {
			assert_int_equal(net_wr_len(&w), b.n);
			assert_memory_equal(out, b.p, b.n);
		}
		if (ret == 1)
			assert_int_equal(message_read(&r, &m), 0);
		buf_free(&b);
	}
}

static void put_item(struct net_wr *w, struct message_builder *b, uint32_t domain, uint8_t item)
{
	message_section(w, b, domain);
	net_wr_u8(w, item);
}

static void test_items(void **state)
{
	static const char hex[] =
		"01 0035 00 01 00000005 00000007 00000000 0000000000000001 0000000000000002"
		"0000000000000009 00001234 0002 aabb 00005678 0001 cc";
	struct message_delta delta = {
		.flags = DELTA_ACK_NOW, .id = 5, .number = 7, .base = 1, .first = 2, .last = 9
	};
	uint8_t out[MESSAGE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out)), was;
	struct message_builder b, was_b;
	struct buf want = buf_from_hex(hex);
	struct net_rd r, items;
	struct message m;
	uint32_t domain;

	(void)state;
	message_open_delta(&w, &b);
	put_item(&w, &b, 0x1234, 0xaa);
	put_item(&w, &b, 0x1234, 0xbb);
	/* one that is taken back */
	was = w;
	was_b = b;
	put_item(&w, &b, 0x9999, 0xdd);
	w = was;
	b = was_b;
	put_item(&w, &b, 0x5678, 0xcc);
	message_close(&w, &b, &delta);
	assert_false(w.bad);
	assert_int_equal(net_wr_len(&w), want.n);
	assert_memory_equal(out, want.p, want.n);

	r = net_rd_init(want.p, want.n);
	assert_int_equal(message_read(&r, &m), 1);
	assert_int_equal(m.delta.last, 9);
	assert_int_equal(message_read_section(&m.delta.sections, &domain, &items), 1);
	assert_int_equal(domain, 0x1234);
	assert_int_equal(net_rd_left(&items), 2);
	assert_int_equal(message_read_section(&m.delta.sections, &domain, &items), 1);
	assert_int_equal(domain, 0x5678);
	assert_int_equal(net_rd_u8(&items), 0xcc);
	assert_int_equal(message_read_section(&m.delta.sections, &domain, &items), 0);
	buf_free(&want);
}

static void test_bad_sections(void **state)
{
	static const char *const bad[] = { "0000", "00001234 00", "00001234 0002 aa" };

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++) {
		struct buf b = buf_from_hex(bad[i]);
		struct net_rd r = net_rd_init(b.p, b.n), items;
		uint32_t domain;

		assert_int_equal(message_read_section(&r, &domain, &items), -EBADMSG);
		buf_free(&b);
	}
}

/* Whatever is written into too little room, nothing is written outside. */
static void test_no_room(void **state)
{
	struct message_ack ack = { .hole_count = MESSAGE_HOLES,
		.full_count = MESSAGE_FULL,
		.refused.count = REFUSED_DOMAINS };

	(void)state;
	for (size_t n = 0; n < MESSAGE_ACK_MAX + MESSAGE_REFUSED_MAX; n++) {
		uint8_t *p = malloc(n + 1);
		struct net_wr w;
		struct message_builder b;

		assert_non_null(p);
		w = net_wr_init(p, n);
		message_write_ack(&w, &ack);
		assert_true(w.bad);
		w = net_wr_init(p, n < 44 ? n : 40);
		message_open_delta(&w, &b);
		message_section(&w, &b, 1);
		message_close(&w, &b, &(struct message_delta){ .base = 1 });
		assert_true(w.bad);
		free(p);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(message_name(MESSAGE_DELTA), "delta");
	assert_string_equal(message_name(MESSAGE_RECORDS), "records");
	assert_string_equal(message_name(MESSAGE_NONE), "?");
	assert_string_equal(message_name(MESSAGE_TYPE_COUNT), "?");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_heads),
	cmocka_unit_test(test_messages),
	cmocka_unit_test(test_items),
	cmocka_unit_test(test_bad_sections),
	cmocka_unit_test(test_no_room),
	cmocka_unit_test(test_names),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
