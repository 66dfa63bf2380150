/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "common/jw.h"

/* What was written, as a string; the caller frees it. */
static char *text_of(const struct jw *w)
{
	char *s = strndup(w->buf != NULL ? w->buf : "", w->len);

	assert_non_null(s);
	return s;
}

static void assert_text(struct jw *w, const char *want)
{
	char *s = text_of(w);

	assert_false(w->failed);
	assert_string_equal(s, want);
	free(s);
	jw_done(w);
}

static void test_nested(void **state)
{
	struct jw w;
	struct ip6_addr a = addr("2001:db8::1");
	struct ip6_prefix p = prefix("2001:db8::/32");

	(void)state;
	jw_init(&w, 4096);
	jw_object(&w, NULL);
	jw_str(&w, "s", "x");
	jw_array(&w, "list");
	jw_object(&w, NULL);
	jw_end(&w, '}');
	jw_array(&w, NULL);
	jw_u64(&w, NULL, 1);
	jw_i64(&w, NULL, -2);
	jw_end(&w, ']');
	jw_end(&w, ']');
	jw_bool(&w, "t", true);
	jw_null(&w, "n");
	jw_dbl(&w, "d", 1.5);
	jw_strf(&w, "f", "%s-%d", "a", 7);
	jw_ip6(&w, "a", &a);
	jw_prefix(&w, "p", &p);
	jw_end(&w, '}');
	jw_newline(&w);
	jw_object(&w, NULL);
	jw_end(&w, '}');
	assert_text(&w,
		"{\"s\":\"x\",\"list\":[{},[1,-2]],\"t\":true,\"n\":null,\"d\":1.500,\"f\":\"a-7\","
		"\"a\":\"2001:db8::1\",\"p\":\"2001:db8::/32\"}\n{}");
}

static const struct {
	const char *name, *in, *out;
} strings[] = {
	{ "quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "controls", "\n\x01\x1f", "\"\\u000a\\u0001\\u001f\"" },
	{ "delete", "\x7f", "\"\\u007f\"" },
	{ "utf-8 stays", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "stray octet", "a\xff\xc3", "\"a\\ufffd\\ufffd\"" },
	{ "overlong", "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
	{ "overlong of three", "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "surrogate", "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "above the last", "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	{ "cut short", "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	{ "empty", "", "\"\"" },
};

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(strings); i++) {
		struct buf in = buf_copy(strings[i].in, strlen(strings[i].in) + 1);
		struct jw w;

		jw_init(&w, 4096);
		jw_str(&w, NULL, (const char *)in.p);
		char *s = text_of(&w);

		if (strcmp(s, strings[i].out) != 0)
			fail_msg("%s: got %s", strings[i].name, s);
		free(s);
		jw_done(&w);
		buf_free(&in);
	}
}

static void test_numbers(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 4096);
	jw_array(&w, NULL);
	jw_u64(&w, NULL, 1ULL << 53);
	jw_u64(&w, NULL, (1ULL << 53) + 1);
	jw_u64(&w, NULL, UINT64_MAX);
	jw_i64(&w, NULL, -(1LL << 53));
	jw_i64(&w, NULL, INT64_MIN);
	jw_dbl(&w, NULL, NAN);
	jw_dbl(&w, NULL, INFINITY);
	jw_dbl(&w, NULL, -0.12345);
	jw_end(&w, ']');
	assert_text(&w,
		"[9007199254740992,\"9007199254740993\",\"18446744073709551615\",-9007199254740992,"
		"\"-9223372036854775808\",null,null,-0.123]");

	jw_init(&w, 4096);
	jw_dbl(&w, NULL, 1e308);
	assert_false(w.failed);
	assert_int_equal(w.len, 313);
	jw_done(&w);
}

/* One octet less than it needs: failed, for good, and nothing past the bound. */
static void test_bound(void **state)
{
	struct jw w;

	(void)state;
	for (size_t max = 0; max <= 12; max++) {
		jw_init(&w, max);
		jw_object(&w, NULL);
		jw_str(&w, "key", "abc");
		jw_end(&w, '}');
		assert_int_equal(w.failed, max < 13);
		assert_true(w.len <= max);
		jw_newline(&w);
		assert_true(w.failed);
		jw_reset(&w);
		assert_false(w.failed);
		jw_done(&w);
	}
	jw_init(&w, 13);
	jw_object(&w, NULL);
	jw_str(&w, "key", "abc");
	jw_end(&w, '}');
	assert_text(&w, "{\"key\":\"abc\"}");
}

static void test_grows(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 1 << 20);
	jw_array(&w, NULL);
	for (unsigned i = 0; i < 50000; i++)
		jw_u64(&w, NULL, i);
	jw_end(&w, ']');
	assert_false(w.failed);

	cJSON *json = cJSON_ParseWithLength(w.buf, w.len);

	assert_int_equal(cJSON_GetArraySize(json), 50000);
	cJSON_Delete(json);

	size_t cap = w.cap;

	jw_reset(&w);
	assert_int_equal(w.len, 0);
	assert_int_equal(w.cap, cap); /* the memory is kept */
	jw_done(&w);
}

/* All at once, which what is written then does not change; what is in it stays. */
static void test_reserve(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 3000);
	jw_raw(&w, "abc", 3);
	assert_true(jw_reserve(&w));
	assert_int_equal(w.cap, 3000);
	assert_memory_equal(w.buf, "abc", 3);

	const char *buf = w.buf;

	for (unsigned i = 3; i < 3000; i++)
		jw_raw(&w, "x", 1);
	assert_false(w.failed);
	assert_ptr_equal(w.buf, buf);
	assert_true(jw_reserve(&w));
	assert_ptr_equal(w.buf, buf);
	jw_raw(&w, "x", 1);
	assert_true(w.failed);
	jw_done(&w);
	jw_init(&w, SIZE_MAX / 2);
	assert_false(jw_reserve(&w)); /* sanitizers: see below */
	assert_int_equal(w.cap, 0);
	jw_done(&w);
}

/* Sanitizers end the program where malloc() would say no, unless they are told. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void test_depth(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 4096);
	for (unsigned i = 0; i < 32; i++)
		jw_array(&w, NULL);
	assert_false(w.failed);
	for (unsigned i = 0; i < 32; i++)
		jw_end(&w, ']');
	assert_false(w.failed);
	assert_int_equal(w.len, 64);
	jw_end(&w, ']');
	assert_true(w.failed);

	jw_reset(&w);
	for (unsigned i = 0; i < 33; i++)
		jw_array(&w, NULL);
	assert_true(w.failed);
	jw_done(&w);
}

static void test_raw(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 4096);
	jw_raw(&w, "{\"a\":", 5);
	jw_raw(&w, "1}xx", 2);
	jw_raw(&w, NULL, 0);
	assert_text(&w, "{\"a\":1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
