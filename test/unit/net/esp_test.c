/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <inttypes.h>

#include "net/esp.h"
#include "rng.h"

#define SPI 0x01020304
#define MAX 1500

static struct gcm *gcm;
static struct gcm_key *key;
static const uint8_t salt[ESP_SALT_LEN] = { 0xca, 0xfe, 0xba, 0xbe };
static uint8_t room[ESP_HEAD + MAX + ESP_TAIL_MAX];

static int set_up(void **state)
{
	uint8_t octets[GCM_KEY_LEN];

	(void)state;
	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)i;
	if (gcm_new(&gcm) < 0)
		return -1;
	key = gcm_key_new(gcm, octets);
	return key == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	gcm_key_free(key);
	gcm_free(gcm);
	return 0;
}

static struct esp_out sender(uint64_t last)
{
	struct esp_out sa = { .key = key, .last = last, .spi = SPI };

	memcpy(sa.salt, salt, sizeof(salt));
	return sa;
}

static struct esp_in receiver(uint64_t highest)
{
	struct esp_in sa = { .key = key, .spi = SPI };

	memcpy(sa.salt, salt, sizeof(salt));
	if (highest != 0)
		window_take(&sa.window, highest);
	return sa;
}

static void fill(uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		room[ESP_HEAD + i] = (uint8_t)(i * 7 + len);
}

/* A packet of len octets, the next one of the sender's, in a buffer of its exact size. */
static struct buf make(struct esp_out *sa, uint32_t len, uint8_t next_header)
{
	uint32_t n;

	fill(len);
	n = esp_seal(gcm, sa, room + ESP_HEAD, len, next_header);
	assert_int_equal(n, esp_size(len));
	return buf_copy(room, n);
}

static enum esp_verdict open_copy(struct esp_in *sa, const struct buf *pkt)
{
	struct buf b = buf_copy(pkt->p, pkt->n);
	struct esp_inner in;
	enum esp_verdict v = esp_open(gcm, sa, b.p, (uint32_t)b.n, &in);

	buf_free(&b);
	return v;
}

/* Made with another implementation of AES-GCM (Python's cryptography) from RFC 4303's figures:
 * the key is 00 01 ... 0f, octet i of n is 7 i + n. */
static const struct {
	uint64_t number;
	uint32_t len;
	uint8_t next_header;
	const char *packet;
} vector[] = {
	{ 1, 0, 59, "01020304 00000001 0000000000000001 b3071ba26fbeeba69340cfa655b8aa64be267575" },
	{ 2, 1, 41, "01020304 00000002 0000000000000002 a8a8b854b929e6b67db37aa6d263e01cb6492f18" },
	{ 3, 2, 41, "01020304 00000003 0000000000000003 e1c2c157f1528ac27254fac8de38454a1c9d78a7" },
	{ 4, 3, 41,
		"01020304 00000004 0000000000000004 "
		"e9e662d87c3872ba8aa311196a8e2a7f0edaf9772c787b19" },
	{ 5, 40, 41,
		"01020304 00000005 0000000000000005 "
		"e3ff61724595457a8736c43fe1ae571a124283c6742ea2d7d4290e6df8aa7292843268a7eb088f45"
		"e0eb2adf21f2ca54f7575ad6c9437be80a6063d6" },
	{ 0xffffffff, 17, 41,
		"01020304 ffffffff 00000000ffffffff "
		"82ca52d931aa2f81d7d17c24e7bb57dfed12d208629904b623749d6703721831f13bd2c4" },
	{ 0x100000000, 5, 41,
		"01020304 00000000 0000000100000000 "
		"bd41af3905e776b8854181836d16d44244035f8856eca678" },
};

static void test_vectors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DIM(vector); i++) {
		struct esp_out out = sender(vector[i].number - 1);
		struct esp_in in = receiver(vector[i].number - 1);
		struct buf pkt = make(&out, vector[i].len, vector[i].next_header);
		struct buf due = buf_from_hex(vector[i].packet);
		struct esp_inner inner;

		assert_int_equal(pkt.n, due.n);
		assert_memory_equal(pkt.p, due.p, due.n);
		assert_int_equal(esp_open(gcm, &in, due.p, (uint32_t)due.n, &inner), ESP_OPENED);
		assert_ptr_equal(inner.at, due.p + ESP_HEAD);
		assert_int_equal(inner.len, vector[i].len);
		assert_int_equal(inner.next_header, vector[i].next_header);
		fill(vector[i].len);
		assert_memory_equal(inner.at, room + ESP_HEAD, inner.len);
		buf_free(&pkt);
		buf_free(&due);
	}
}

static void test_lengths(void **state)
{
	struct esp_out out = sender(0);
	struct esp_in in = receiver(0);

	(void)state;
	for (uint32_t len = 0; len <= MAX; len++) {
		struct buf pkt = make(&out, len, 41);
		struct esp_inner inner;

		assert_int_equal(pkt.n % 4, 0);
		assert_in_range(
			pkt.n, ESP_HEAD + len + 2 + GCM_TAG_LEN, ESP_HEAD + len + ESP_TAIL_MAX);
		assert_int_equal(esp_open(gcm, &in, pkt.p, (uint32_t)pkt.n, &inner), ESP_OPENED);
		assert_int_equal(inner.len, len);
		fill(len);
		assert_memory_equal(inner.at, room + ESP_HEAD, len);
		buf_free(&pkt);
	}
	assert_int_equal(out.last, MAX + 1);
}

/* Whatever is changed or cut off: nothing opens, and the window does not move. */
static void test_hostile(void **state)
{
	struct esp_out out = sender(99);
	struct esp_in in = receiver(99), before = in;
	struct buf pkt = make(&out, 43, 41);

	(void)state;
	for (size_t bit = 0; bit < 8 * pkt.n; bit++) {
		pkt.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(open_copy(&in, &pkt), ESP_OPENED);
		pkt.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < pkt.n; n++) {
		struct buf part = { pkt.p, n };
		enum esp_verdict v = open_copy(&in, &part);

		assert_int_equal(v, n >= esp_size(0) && n % 4 == 0 ? ESP_FORGED : ESP_SHORT);
	}
	in.spi++;
	assert_int_equal(open_copy(&in, &pkt), ESP_OTHER);
	in.spi--;
	assert_memory_equal(&in, &before, sizeof(in));
	assert_int_equal(open_copy(&in, &pkt), ESP_OPENED);
	buf_free(&pkt);
}

static void test_replay(void **state)
{
	struct esp_out out = sender(0);
	struct esp_in in = receiver(0);
	struct buf first = make(&out, 10, 41), second = make(&out, 10, 41), late;

	(void)state;
	assert_int_equal(open_copy(&in, &second), ESP_OPENED);
	assert_int_equal(open_copy(&in, &first), ESP_OPENED);
	assert_int_equal(open_copy(&in, &first), ESP_REPLAYED);
	assert_int_equal(open_copy(&in, &second), ESP_REPLAYED);
	out.last = WINDOW_SIZE + 1;
	late = make(&out, 10, 41);
	in = receiver(0);
	assert_int_equal(open_copy(&in, &late), ESP_OPENED);
	assert_int_equal(open_copy(&in, &first), ESP_FORGED); /* never taken, but too old */
	buf_free(&first);
	buf_free(&second);
	buf_free(&late);
}

/* No sender uses number 0, nor one before the first. */
static void test_before_the_first(void **state)
{
	struct esp_out out = sender(UINT64_MAX);
	struct esp_in in = receiver(0);
	uint8_t zero[36] = { 1, 2, 3, 4 };
	struct buf pkt = { zero, sizeof(zero) };

	(void)state;
	assert_int_equal(open_copy(&in, &pkt), ESP_REPLAYED);
	memset(zero + 4, 0xff, 4); /* of the half below */
	in = receiver(7);
	assert_int_equal(open_copy(&in, &pkt), ESP_REPLAYED);
	assert_int_equal(esp_seal(gcm, &out, room + ESP_HEAD, 10, 41), 0);
	out = sender(ESP_NUMBERS - 1);
	assert_int_not_equal(esp_seal(gcm, &out, room + ESP_HEAD, 10, 41), 0);
	assert_int_equal(esp_seal(gcm, &out, room + ESP_HEAD, 10, 41), 0);
	assert_int_equal(out.last, ESP_NUMBERS);
}

/* From the low half, for numbers from the window's lower end to far ahead. */
static void test_number(void **state)
{
	uint64_t rng = rng_start("number");

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t high = rng_below(&rng, 4) << 32, top, number;
		uint64_t near = rng_below(&rng, 3 * WINDOW_SIZE);
		struct window w = { 0 };

		/* around a carry as often as not */
		top = high + (rng_below(&rng, 2) == 0 ? near : 0xffffffff - near);
		w.next = top + 1;
		number = top + rng_below(&rng, 1ULL << (1 + rng_below(&rng, 31)));
		if (rng_below(&rng, 2) == 0 && top >= WINDOW_SIZE)
			number = top - rng_below(&rng, WINDOW_SIZE);
		if (esp_number(&w, (uint32_t)number) != number)
			fail_msg("%" PRIx64 " behind %" PRIx64 ": %" PRIx64, number, top,
				esp_number(&w, (uint32_t)number));
	}
}

/* Genuine, but made by somebody who pads otherwise, or by more than there is. */
static void test_padding(void **state)
{
	static const struct {
		uint8_t text[4];
		enum esp_verdict v;
	} row[] = {
		{ { 1, 2, 2, 59 }, ESP_OPENED },
		{ { 1, 3, 2, 59 }, ESP_PADDING },
		{ { 0, 2, 2, 59 }, ESP_PADDING },
		{ { 9, 1, 1, 59 }, ESP_OPENED },
		{ { 9, 9, 3, 59 }, ESP_PADDING },
		{ { 2, 3, 3, 59 }, ESP_PADDING }, /* as if the IV's last octet, 1, were padding */
		{ { 9, 9, 0xff, 59 }, ESP_PADDING },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(row); i++) {
		uint8_t pkt[36] = { 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 };
		uint8_t iv[GCM_IV_LEN] = { 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1 };
		uint8_t aad[12] = { 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 1 };
		struct buf b = { pkt, sizeof(pkt) };
		struct esp_in in = receiver(0);

		memcpy(pkt + ESP_HEAD, row[i].text, 4);
		gcm_seal(gcm, key, iv, aad, sizeof(aad), pkt + ESP_HEAD, 4, pkt + ESP_HEAD + 4);
		assert_int_equal(open_copy(&in, &b), row[i].v);
		assert_int_equal(in.window.next, row[i].v == ESP_OPENED ? 2 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_before_the_first),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
