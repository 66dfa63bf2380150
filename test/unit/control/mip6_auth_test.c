/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4285: who signs, and what is replayed. */
#include "mip6_lab.h"

/* --- RFC 4285 --- */

/* The home agent again, with a key for HOA, its only subscriber; and who signs with it. */
static void give_key(bool replay)
{
	struct sub sub = {
		.auth = SUB_AUTH_MN_HA, .spi = SPI, .lifetime_max_s = 600, .replay = replay
	};
	struct ip6_addr hoa = addr(HOA);
	struct sub_place there;
	struct mac_key *key;

	assert_int_equal(mac_new(&signer.mac), 0);
	new_subscribers();
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)"0123456789abcdef", 16);
	signer.key = key;
	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	subs_seal(t.ctl.subs);
	mip6_free(t.ctl.mip6);
	t.ctl.ntp = START;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
}

static int teardown_key(void **state)
{
	mac_free(signer.mac);
	signer = (struct mip6_signer){ NULL, NULL };
	return teardown(state);
}

static void test_authentication(void **state)
{
	(void)state;
	give_key(false);
	send_bu(&(struct msg){ .seq = 1 });
	assert_int_equal(drops[DP_DROP_BU_AUTH_MISSING], 1);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI + 1 });
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .hao = HOA2 });
	send_bu(&(struct msg){ .seq = 1, .hao = HOA2 });
	assert_int_equal(drops[DP_DROP_BU_AUTH_UNKNOWN], 3);
	assert_int_equal(out.wire, 0);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .bad_mac = true });
	assert_signed_ba(HA_AUTH_FAIL, 1, 0);
	assert_null(entry(HOA));
	assert_int_equal(t.ctl.counters[CTL_BU_AUTH_FAILED], 1);
	assert_int_equal(t.ctl.counters[CTL_BU_AUTHENTICATED], 0);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_ACCEPTED, 1, 0);
	assert_bound(HOA, COA);
	assert_int_equal(t.ctl.counters[CTL_BU_AUTHENTICATED], 1);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_SEQUENCE, 1, 0);
}

static void test_replay(void **state)
{
	const uint64_t s = NTP_SECOND, sent = START + 2 * s + 7;

	(void)state;
	give_key(true);
	t.ctl.ntp = START + 3 * s;
	send_bu(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_MESG_ID_REQUIRED, 1, 0);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = START - 1 });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | 0xffffffff);
	assert_null(entry(HOA));
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent });
	assert_signed_ba(HA_ACCEPTED, 1, sent);
	/* replayed; delayed behind a newer one, though with a number of its own */
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | 7);
	send_bu(&(struct msg){ .seq = 2, .spi = SPI, .timestamp = sent - 1 });
	assert_signed_ba(HA_ID_MISMATCH, 2, (t.ctl.ntp >> 32 << 32) | 6);
	assert_int_equal(t.ctl.counters[CTL_BU_REPLAYED], 3);
	/* what is refused later is not remembered */
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent + s });
	assert_signed_ba(HA_SEQUENCE, 1, sent + s);
	send_bu(&(struct msg){ .seq = 2, .spi = SPI, .timestamp = sent + s });
	assert_signed_ba(HA_ACCEPTED, 2, sent + s);
}

/* Those of a range share a key and nothing else: the clock of one does not bind another. */
static void test_replay_in_range(void **state)
{
	struct sub sub = { .auth = SUB_AUTH_MN_HA, .spi = SPI, .lifetime_max_s = 600 };
	struct ip6_prefix all = prefix("2001:db8:a::/48");
	struct mac_key *key;

	(void)state;
	give_key(true);
	new_subscribers();
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)"fedcba9876543210", 16);
	signer.key = key;
	assert_int_equal(subs_add_range(t.ctl.subs, &all, &sub, 0), 0);
	subs_seal(t.ctl.subs);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = START + 6 * NTP_SECOND });
	assert_signed_ba(HA_ACCEPTED, 1, START + 6 * NTP_SECOND);
	send_bu(&(struct msg){ .hao = HOA2, .seq = 1, .spi = SPI, .timestamp = START + 1 });
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED], 2);
	send_bu(&(struct msg){ .hao = HOA2, .seq = 2, .spi = SPI, .timestamp = START + 1 });
	assert_int_equal(t.ctl.counters[CTL_BU_REPLAYED], 1);
}

/* The record is gone, the timestamp is not. */
static void test_replay_past_the_end(void **state)
{
	const uint64_t sent = START + NTP_SECOND;

	(void)state;
	give_key(true);
	t.ctl.ntp = START + NTP_SECOND;
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 1, sent);
	t.ctl.now_ms += 4001;
	t.ctl.ntp += 4 * NTP_SECOND;
	while (mip6_expire(&t.ctl))
		;
	assert_null(entry(HOA));
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	send_bu(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent, .lifetime = 1 });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | (uint32_t)sent);
	assert_null(entry(HOA));
}

static void let_pass(uint32_t ms)
{
	t.ctl.now_ms += ms;
	while (mip6_expire(&t.ctl))
		;
	assert_null(entry(HOA));
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
}

/* Without timestamps the number is what is left: of a binding that ran out, one that was ended, and
 * one that nobody came to end yet. */
static void test_number_past_the_end(void **state)
{
	(void)state;
	t.domains[0].remember_sequence = true;
	give_key(false);
	send_bu(&(struct msg){ .seq = 65535, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 65535, 0);
	t.ctl.now_ms += 4001;
	send_bu(&(struct msg){ .seq = 65535, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_SEQUENCE, 65535, 0);
	let_pass(0);
	for (uint16_t seq = 65530; seq != 0; seq++) {
		send_bu(&(struct msg){ .seq = seq, .spi = SPI, .lifetime = 1 });
		assert_signed_ba(HA_SEQUENCE, 65535, 0);
	}
	send_bu(&(struct msg){ .seq = 3, .spi = SPI });
	assert_signed_ba(HA_ACCEPTED, 3, 0);
	send_bu(&(struct msg){ .seq = 4, .spi = SPI, .lifetime = -1 });
	assert_signed_ba(HA_ACCEPTED, 4, 0);
	let_pass(RECORD_TOMBSTONE_MS + 1);
	send_bu(&(struct msg){ .seq = 3, .spi = SPI });
	assert_signed_ba(HA_SEQUENCE, 4, 0);
	assert_null(entry(HOA));
	/* more than half a round later in one binding: behind the first number, not behind the last */
	for (uint32_t seq = 5; seq <= 40000; seq += 30000) {
		send_bu(&(struct msg){ .seq = (uint16_t)seq, .spi = SPI, .lifetime = 1 });
		assert_signed_ba(HA_ACCEPTED, (int)seq, 0);
	}
	send_bu(&(struct msg){ .seq = 60000, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 60000, 0);
	let_pass(4001);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 5, 0); /* it is ahead */
	send_bu(&(struct msg){ .seq = 30005, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 30005, 0);
	let_pass(4001);
	send_bu(&(struct msg){ .seq = 60000, .spi = SPI, .lifetime = -1 });
	assert_signed_ba(HA_NOT_HOME_AGENT, 60000, 0);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_SEQUENCE, 30005, 0);
}

/* Where it is not wanted, and, by default, where timestamps do it. */
static void test_number_not_kept(void **state)
{
	(void)state;
	give_key(false);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .lifetime = 1 });
	let_pass(4001);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 5, 0);
	let_pass(4001);
	teardown_key(NULL);
	setup(NULL);
	t.domains[0].remember_sequence = true;
	give_key(true);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .timestamp = START + 1, .lifetime = 1 });
	let_pass(4001);
	send_bu(&(struct msg){ .seq = 5, .spi = SPI, .timestamp = START + 2, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 5, START + 2);
	let_pass(4001);
	t.domains[0].remember_given = true;
	send_bu(&(struct msg){ .seq = 6, .spi = SPI, .timestamp = START + 3, .lifetime = 1 });
	let_pass(4001);
	send_bu(&(struct msg){ .seq = 6, .spi = SPI, .timestamp = START + 4, .lifetime = 1 });
	assert_signed_ba(HA_SEQUENCE, 6, START + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_authentication, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay_in_range, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay_past_the_end, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_number_past_the_end, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_number_not_kept, setup, teardown_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
