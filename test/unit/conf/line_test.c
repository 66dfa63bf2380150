/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a subscribers file: what each says, or the whole message that the operator reads. */
#include "test.h"

#include <errno.h>

#include "conf/conf.h"
#include "conf/line.h"

#define KEY        "00112233445566778899aabbccddeeff"
#define HOA        "'home-address':'2001:db8:a::2'"
#define LINE(keys) "{" HOA ",'auth':{" keys "}}"

/* The domain's lifetime is 600; the default 300, mn-ha, spi 256, replay, without a key. */
static const struct {
	const char *text; /* with ' for " */
	size_t len; /* 0: strlen(text) */
	const char *message; /* NULL: it is taken, and is this: */
	enum conf_auth_type type;
	uint32_t spi, lifetime_s;
	bool replay;
	const char *key, *key_file, *nai;
} cases[] = {
	/* what it takes from the default */
	{ LINE("'key':'" KEY "'"), 0, NULL, CONF_AUTH_MN_HA, 256, 300, true, KEY, NULL, NULL },
	{ LINE("'type':'mn-ha','key':'" KEY "'"), 0, NULL, CONF_AUTH_MN_HA, 256, 300, true, KEY,
		NULL, NULL },
	{ LINE("'spi':4294967295,'replay':false,'key-file':'/k/1','nai':'a@b'"), 0, NULL,
		CONF_AUTH_MN_HA, 4294967295, 300, false, NULL, "/k/1", "a@b" },
	{ LINE("'type':'none'"), 0, NULL, CONF_AUTH_NONE, 0, 300, false, NULL, NULL, NULL },
	{ "{" HOA ",'auth':{'type':'none'},'lifetime-max-s':600}", 0, NULL, CONF_AUTH_NONE, 0, 600,
		false, NULL, NULL, NULL },
	{ "{" HOA ",'auth':{'type':'none'},'lifetime-max-s':4,'prefixes':[]}", 0, NULL,
		CONF_AUTH_NONE, 0, 4, false, NULL, NULL, NULL },
	/* how it may be written */
	{ " \t{ 'auth' : { 'type' : 'none' } , 'home-address' : '2001:DB8:A:0::2' , 'prefixes' : [ "
	  "] }  \r",
		0, NULL, CONF_AUTH_NONE, 0, 300, false, NULL, NULL, NULL },
	{ "{'home\\u002daddress':'2001\\u003adb8:a:\\u003A2','auth':{'type':'none'}}", 0, NULL,
		CONF_AUTH_NONE, 0, 300, false, NULL, NULL, NULL },
	{ LINE("'key':'\\u00300112233445566778899AABBCCDDEEFF','nai':'\\u00e9\\ud83d\\ude00\\/"
	       "@\\u20ac'"),
		0, NULL, CONF_AUTH_MN_HA, 256, 300, true, "00112233445566778899AABBCCDDEEFF", NULL,
		"\xc3\xa9\xf0\x9f\x98\x80/@\xe2\x82\xac" },
	{ LINE("'type':'none'") "\n", 0, NULL, CONF_AUTH_NONE, 0, 300, false, NULL, NULL, NULL },
	{ "{" HOA ",'auth':{'type':'none'},'lifetime-max-s':3.2e2}", 0, NULL, CONF_AUTH_NONE, 0,
		320, false, NULL, NULL, NULL },
	/* no JSON */
	{ "{", 0, "s.jsonl:7:2: the text ends too early" },
	{ "{" HOA ",", 0, "s.jsonl:7:33: the text ends too early" },
	{ LINE("'type':'none'") " x", 0, "s.jsonl:7:57: text after the end of the object" },
	{ LINE("'type':'none'") "{}", 0, "s.jsonl:7:56: text after the end of the object" },
	{ "{\0}", 3, "s.jsonl:7:2: expected a key in double quotes" },
	{ "\0", 1, "s.jsonl:7:1: expected a value" },
	{ "{'home-address':'2001:db8:a::2\0'}", 33,
		"s.jsonl:7:31: a control character in a string; is a quote missing?" },
	{ "\xef\xbb\xbf{}", 0, "s.jsonl:7:1: a byte order mark; save the file without one" },
	{ "# comment", 0, "s.jsonl:7:1: expected a value; JSON has no comments" },
	{ "{" HOA ",'auth':{'nai':'\xff'}}", 0, "s.jsonl:7:48: not UTF-8" },
	{ "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 0, "s.jsonl:7:17: nested deeper than 16 levels" },
	/* no such object */
	{ "[]", 0, "s.jsonl:7: expected an object, not an array" },
	{ "7", 0, "s.jsonl:7: expected an object, not a number" },
	{ "'x'", 0, "s.jsonl:7: expected an object, not a string" },
	{ "null", 0, "s.jsonl:7: expected an object, not null" },
	{ "{}", 0, "s.jsonl:7: home-address: is missing" },
	{ "{'auth':{'type':'none'}}", 0, "s.jsonl:7: home-address: is missing" },
	{ "{" HOA "," HOA "}", 0, "s.jsonl:7: home-address: stands here twice" },
	{ "{'homeaddress':'2001:db8:a::2'}", 0,
		"s.jsonl:7: homeaddress: unknown key; did you mean \"home-address\"?" },
	{ "{" HOA ",'auth':[]}", 0, "s.jsonl:7: auth: expected an object, not an array" },
	{ "{" HOA ",'auth':{'type':'none','spi':256,'spi':256}}", 0,
		"s.jsonl:7: auth.spi: stands here twice" },
	{ "{" HOA
	  ",'x':[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
	  "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],["
	  "],"
	  "[],[],[],[],[],[],[],[],[]]}",
		0, "s.jsonl:7: more than 64 values" },
	/* values */
	{ "{'home-address':1,'auth':{}}", 0,
		"s.jsonl:7: home-address: expected an IPv6 address, not a number" },
	{ "{'home-address':'192.0.2.1','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: \"192.0.2.1\" is not an IPv6 address" },
	{ "{" HOA ",'prefixes':['2001:db8:f::/48']}", 0,
		"s.jsonl:7: prefixes: mobile network prefixes are not built; only an empty list is "
		"possible" },
	{ "{" HOA ",'lifetime-max-s':3}", 0, "s.jsonl:7: lifetime-max-s: 3 is outside 4..262140" },
	{ "{" HOA ",'lifetime-max-s':'4'}", 0,
		"s.jsonl:7: lifetime-max-s: expected an integer, not a string" },
	{ "{" HOA ",'auth':{'type':'none'},'lifetime-max-s':604}", 0,
		"s.jsonl:7: lifetime-max-s: 604 is more than that of the domain" },
	{ LINE("'type':'ipsec'"), 0,
		"s.jsonl:7: auth.type: \"ipsec\" is not one of \"none\", \"mn-ha\"" },
	{ LINE("'spi':255"), 0, "s.jsonl:7: auth.spi: 255 is outside 256..4294967295" },
	{ LINE("'spi':256.5"), 0, "s.jsonl:7: auth.spi: 256.5 is not an integer" },
	{ LINE("'spi':256"), 0, "s.jsonl:7: auth.key: is missing" },
	{ "{" HOA "}", 0, "s.jsonl:7: auth.key: is missing" },
	{ LINE("'key':'" KEY "','key-file':'/k'"), 0,
		"s.jsonl:7: auth.key-file: stands beside key" },
	{ LINE("'type':'none','key':'" KEY "'"), 0,
		"s.jsonl:7: auth.key: means nothing with type \"none\"" },
	{ LINE("'type':'none','nai':'a@b'"), 0,
		"s.jsonl:7: auth.nai: means nothing with type \"none\"" },
	{ LINE("'nai':'a b','key':'" KEY "'"), 0,
		"s.jsonl:7: auth.nai: \"a b\" holds a blank or a control character" },
	/* what may be a key is not quoted, wherever it stands */
	{ LINE("'key':256"), 0, "s.jsonl:7: auth.key: expected a string, not a number" },
	{ LINE("'key-file':'" KEY "'"), 0, "s.jsonl:7: auth.key-file: is not an absolute path" },
	/* home addresses */
	{ "{'home-address':'2001:db8:b::2','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:b::2 is in no mobile prefix of the domain" },
	{ "{'home-address':'2001:db8:a::1','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:a::1 is the home agent address" },
	{ "{'home-address':'2001:db8:a::','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:a:: is the anycast address of the link's "
		"routers" },
	{ "{'home-address':'2001:db8:a:0:fdff:ffff:ffff:fffe','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:a:0:fdff:ffff:ffff:fffe is an anycast address "
		"that RFC 2526 reserves" },
	{ "{'home-address':'fe80::1','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: fe80::1 is not a unicast routable address" },
	{ "{'home-address':'2001:db8:a:5:6::1','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:a:5:6::1 is hidden by routes[1] "
		"(2001:db8:a:5::/64)" },
	{ "{'home-address':'2001:db8:a:7::1','auth':{'type':'none'}}", 0,
		"s.jsonl:7: home-address: 2001:db8:a:7::1 is hidden by routes[0] "
		"(2001:db8:a:7::1/128)" },
};

static struct conf *conf;
static struct conf_lines *lines;

static struct conf *parse(const char *text)
{
	struct conf *c = NULL;
	char json[2048], err[256];

	snprintf(json, sizeof(json), "%s", text);
	for (char *p = json; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	if (conf_parse("t.json", json, strlen(json), &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

static int setup(void **state)
{
	(void)state;
	conf = parse("{'ports':[{'name':'wan','device':'net_null0','addresses':["
		     "'2001:db8:1::10/64']}],'routes':["
		     "{'prefix':'2001:db8:a:7::1/128','via':'2001:db8:1::1'},"
		     "{'prefix':'2001:db8:a:5::/64','via':'2001:db8:1::1'},"
		     "{'prefix':'2001:db8:a:5:6::/80','via':'2001:db8:1::2'},"
		     "{'prefix':'2001:db8:c::/48','via':'2001:db8:1::1'},"
		     "{'prefix':'::/0','via':'2001:db8:1::1'}],"
		     "'domains':[{'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"
		     "'home-agent-address':'2001:db8:a::1','lifetime-max-s':600,"
		     "'subscribers':{'default':{'lifetime-max-s':300,"
		     "'auth':{'type':'mn-ha','spi':256,'replay':true}}}},"
		     "{'name':'msp2','mobile-prefixes':['2001:db8:d::/64'],"
		     "'home-agent-address':'2001:db8:d::1','lifetime-max-s':420}]}");
	return conf_lines_new(conf, 0, "s.jsonl", &lines);
}

static int teardown(void **state)
{
	(void)state;
	conf_lines_free(lines);
	conf_lines_free(NULL);
	conf_free(conf);
	return 0;
}

/* A copy with its zero and nothing behind it, with " for '. */
static struct buf line_of(const char *text, size_t len)
{
	struct buf b = buf_copy(text, len + 1);

	b.p[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if (b.p[i] == '\'')
			b.p[i] = '"';
	}
	return b;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void test_lines(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::2");

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		size_t len = cases[i].len > 0 ? cases[i].len : strlen(cases[i].text);
		struct buf b = line_of(cases[i].text, len);
		struct conf_mobile_node mn;
		char err[256] = "";
		int ret = conf_line_read(lines, 7, (char *)b.p, len, &mn, err, sizeof(err));

		if (cases[i].message != NULL) {
			if (ret != -EINVAL || strcmp(err, cases[i].message) != 0)
				fail_msg("%s\ngot:    %d \"%s\"\nwanted: \"%s\"", cases[i].text,
					ret, err, cases[i].message);
			buf_free(&b);
			continue;
		}
		if (ret != 1)
			fail_msg("%s: %d %s", cases[i].text, ret, err);
		assert_true(ip6_eq(&mn.home_address, &hoa));
		if (mn.auth.type != cases[i].type || mn.auth.spi != cases[i].spi ||
			mn.auth.replay != cases[i].replay ||
			mn.lifetime_max_s != cases[i].lifetime_s ||
			!same_text(mn.auth.key_text, cases[i].key) ||
			!same_text(mn.auth.key_file, cases[i].key_file) ||
			!same_text(mn.auth.nai, cases[i].nai) || mn.auth.has_key)
			fail_msg("%s: not what it says", cases[i].text);
		buf_free(&b);
	}
}

static void test_blank(void **state)
{
	static const char *const blank[] = { "", " ", "\r", " \t\r" };

	(void)state;
	for (size_t i = 0; i < DIM(blank); i++) {
		struct buf b = line_of(blank[i], strlen(blank[i]));
		struct conf_mobile_node mn;
		char err[64];

		assert_int_equal(conf_line_read(lines, 1, (char *)b.p, strlen(blank[i]), &mn, err,
					 sizeof(err)),
			0);
		buf_free(&b);
	}
}

/* A domain without a default: everything has to be said, and its own limits hold. */
static void test_no_default(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "{'home-address':'2001:db8:d::2','auth':{'type':'none'}}", NULL },
		{ "{'home-address':'2001:db8:d::2'}", "x:1: auth.type: is missing" },
		{ "{'home-address':'2001:db8:d::2','auth':{'spi':256}}",
			"x:1: auth.type: is missing" },
		{ "{'home-address':'2001:db8:d::2','auth':{'type':'mn-ha'}}",
			"x:1: auth.spi: is missing" },
		{ "{'home-address':'2001:db8:d::2','auth':{'type':'none'},'lifetime-max-s':424}",
			"x:1: lifetime-max-s: 424 is more than that of the domain" },
	};
	struct conf_lines *other;

	(void)state;
	assert_int_equal(conf_lines_new(conf, 1, "x", &other), 0);
	for (size_t i = 0; i < DIM(rows); i++) {
		struct buf b = line_of(rows[i].text, strlen(rows[i].text));
		struct conf_mobile_node mn;
		char err[256] = "";
		int ret = conf_line_read(
			other, 1, (char *)b.p, strlen(rows[i].text), &mn, err, sizeof(err));

		if (ret != (rows[i].message == NULL ? 1 : -EINVAL) ||
			strcmp(err, rows[i].message != NULL ? rows[i].message : "") != 0)
			fail_msg("%s: %d %s", rows[i].text, ret, err);
		if (ret == 1)
			assert_int_equal(mn.lifetime_max_s, 420);
		buf_free(&b);
	}
	conf_lines_free(other);
}

/* Cut anywhere it is refused, and nothing is read behind its end. */
static void test_cut(void **state)
{
	static const char text[] = "{" HOA ",'lifetime-max-s':8,'auth':{'key':'" KEY
				   "','spi':300}}";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct buf b = line_of(text, n);
		struct conf_mobile_node mn;
		char err[256];
		int want = n == 0 ? 0 : n == strlen(text) ? 1 : -EINVAL;

		assert_int_equal(
			conf_line_read(lines, 1, (char *)b.p, n, &mn, err, sizeof(err)), want);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_no_default),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
