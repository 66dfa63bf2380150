/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "conf/scan.h"

#define S4  "[[[["
#define E4  "]]]]"
#define S16 S4 S4 S4 S4
#define E16 E4 E4 E4 E4

static const struct {
	const char *text;
	size_t len; /* 0 = strlen(text) */
	uint32_t line, column; /* 0 = it is JSON */
	const char *why;
} cases[] = {
	{ "{}", 0, 0, 0, NULL },
	{ " \t\r\n[ ] \n", 0, 0, 0, NULL },
	{ "{\"a\":1,\"b\":[true,false,null]}", 0, 0, 0, NULL },
	{ "[0,-0,1.5,-1.5e+10,1E-3,12e7]", 0, 0, 0, NULL },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"", 0, 0, 0, NULL },
	{ "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"", 0, 0, 0, NULL },
	{ S16 E16, 0, 0, 0, NULL },
	{ S16 "[" E16 "]", 0, 1, 17, "nested deeper than 16 levels" },
	{ "", 0, 1, 1, "the text ends too early" },
	{ "{", 0, 1, 2, "the text ends too early" },
	{ "[1,", 0, 1, 4, "the text ends too early" },
	{ "{\"a\"", 0, 1, 5, "the text ends too early" },
	{ "\"\\u12", 0, 1, 6, "the text ends too early" },
	{ "-", 0, 1, 2, "the text ends too early" },
	{ "\xef\xbb\xbf{}", 0, 1, 1, "a byte order mark; save the file without one" },
	{ "{} x", 0, 1, 4, "text after the end of the configuration" },
	{ "{}\0", 3, 1, 3, "text after the end of the configuration" },
	{ "{\0}", 3, 1, 2, "expected a key in double quotes" },
	{ "{'a':1}", 0, 1, 2, "expected a key in double quotes" },
	{ "{\n \"a\":1,\n}", 0, 3, 1, "expected a key in double quotes" },
	{ "{\"a\" 1}", 0, 1, 6, "expected \":\"" },
	{ "{\"a\":1 \"b\":2}", 0, 1, 8, "expected \",\" or \"}\"" },
	{ "[1 2]", 0, 1, 4, "expected \",\" or \"]\"" },
	{ "[1}", 0, 1, 3, "expected \",\" or \"]\"" },
	{ "[1,]", 0, 1, 4, "expected a value" },
	{ "[\n\n  NaN]", 0, 3, 3, "expected a value" },
	{ "[Infinity]", 0, 1, 2, "expected a value" },
	{ "[tru]", 0, 1, 2, "expected a value" },
	{ "[nul", 0, 1, 2, "expected a value" },
	{ "[+1]", 0, 1, 2, "expected a value" },
	{ "[.5]", 0, 1, 2, "expected a value" },
	{ "[\v1]", 0, 1, 2, "expected a value" },
	{ "[01]", 0, 1, 2, "a number begins with 0" },
	{ "[1.]", 0, 1, 4, "expected a digit" },
	{ "[1e]", 0, 1, 4, "expected a digit" },
	{ "[1e+-1]", 0, 1, 5, "expected a digit" },
	{ "[-a]", 0, 1, 3, "expected a digit" },
	{ "[0x10]", 0, 1, 3, "expected \",\" or \"]\"" },
	{ "[10000000000000000000000000000000000000000]", 0, 1, 2, "a number of too many digits" },
	{ "// x\n{}", 0, 1, 1, "expected a value; JSON has no comments" },
	{ "[\n# x\n]", 0, 2, 1, "expected a value; JSON has no comments" },
	{ "[\"a]", 0, 1, 2, "this string is not closed" },
	{ "[\"a\n\"]", 0, 1, 4, "a control character in a string; is a quote missing?" },
	{ "[\"a\0b\"]", 7, 1, 4, "a control character in a string; is a quote missing?" },
	{ "[\"a\\u0000b\"]", 0, 1, 4, "a string holds a zero octet" },
	{ "[\"\\x41\"]", 0, 1, 3, "unknown escape in a string" },
	{ "[\"\\\0\"]", 6, 1, 3, "unknown escape in a string" },
	{ "[\"\\u12g4\"]", 0, 1, 7, "four hexadecimal digits have to follow \\u" },
	{ "[\"\\ud83d\"]", 0, 1, 3, "half of a surrogate pair" },
	{ "[\"\\ud83d\\u0041\"]", 0, 1, 3, "half of a surrogate pair" },
	{ "[\"\\ude00\"]", 0, 1, 3, "half of a surrogate pair" },
	{ "[\"\x80\"]", 0, 1, 3, "not UTF-8" },
	{ "[\"\xc3\"]", 0, 1, 3, "not UTF-8" },
	{ "[\"\xc0\xaf\"]", 0, 1, 3, "not UTF-8" }, /* longer than need be */
	{ "[\"\xe0\x9f\xbf\"]", 0, 1, 3, "not UTF-8" },
	{ "[\"\xed\xa0\x80\"]", 0, 1, 3, "not UTF-8" }, /* a surrogate */
	{ "[\"\xf4\x90\x80\x80\"]", 0, 1, 3, "not UTF-8" }, /* above U+10FFFF */
	{ "[\"\xff\"]", 0, 1, 3, "not UTF-8" },
	{ "[\"\xf0\x9f\x98", 0, 1, 3, "not UTF-8" },
};

static void test_scan(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		size_t len = cases[i].len > 0 ? cases[i].len : strlen(cases[i].text);
		struct buf b = buf_copy(cases[i].text, len);
		struct conf_fault fault = { 0, 0, NULL };
		bool ok = conf_scan((const char *)b.p, b.n, &fault);

		buf_free(&b);
		if (ok != (cases[i].why == NULL) || fault.line != cases[i].line ||
			fault.column != cases[i].column ||
			(!ok && strcmp(fault.why, cases[i].why) != 0))
			fail_msg("%s: %d, %u:%u: %s", cases[i].text, ok, fault.line, fault.column,
				ok ? "" : fault.why);
	}
}

/* A text cut anywhere is refused, and nothing is read behind its end. */
static void test_cut(void **state)
{
	static const char text[] =
		"{\"a\": [1.5e3, \"\\u00e9\xc3\xa9\", {\"b\": null}], \"c\": true}";
	struct conf_fault fault;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct buf b = buf_copy(text, n);

		assert_int_equal(conf_scan((const char *)b.p, b.n, &fault), n == strlen(text));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
