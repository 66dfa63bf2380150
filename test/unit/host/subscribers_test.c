/* SPDX-License-Identifier: BSD-3-Clause */
/* From files to the set: what is in it afterwards, and every way that a file is refused. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mac.h"
#include "conf/conf.h"
#include "conf/line.h"
#include "host/subscribers.h"
#include "records/subs.h"

#define KEY  "000102030405060708090a0b0c0d0e0f"
#define KEY2 "ff0102030405060708090a0b0c0d0e0f"

static char dir[] = "/tmp/hamd-subscribers-XXXXXX";
static char file[64], key_file[64];
static struct mac *mac;
static char err[512];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/s.jsonl", dir);
	snprintf(key_file, sizeof(key_file), "%s/key", dir);
	return mac_new(&mac);
}

static int teardown(void **state)
{
	(void)state;
	mac_free(mac);
	unlink(file);
	unlink(key_file);
	return rmdir(dir);
}

/* With ' for ". */
static void write_octets(const char *path, const char *text, size_t len, unsigned mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "we");
	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(fputc(text[i] == '\'' ? '"' : text[i], f),
			(unsigned char)(text[i] == '\'' ? '"' : text[i]));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_text(const char *path, const char *text, unsigned mode)
{
	write_octets(path, text, strlen(text), mode);
}

/* A configuration of one domain with these keys; FILE and KEYFILE stand for the paths. */
static struct conf *parse(const char *runtime, const char *keys)
{
	char text[2048], json[4096] = "";
	struct conf *c = NULL;
	size_t n = 0;

	snprintf(text, sizeof(text),
		"{'runtime':{%s},'ports':[{'name':'wan','device':'net_null0'}],'domains':[{"
		"'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"
		"'home-agent-address':'2001:db8:a::1','lifetime-max-s':600%s}]}",
		runtime, keys);
	for (const char *p = text; *p != '\0';) {
		const char *with = strncmp(p, "FILE", 4) == 0      ? file
				   : strncmp(p, "KEYFILE", 7) == 0 ? key_file
								   : NULL;

		if (with != NULL) {
			n += (size_t)snprintf(json + n, sizeof(json) - n, "%s", with);
			p += with == file ? 4 : 7;
		} else {
			json[n++] = *p == '\'' ? '"' : *p;
			p++;
		}
	}
	json[n] = '\0';
	if (conf_parse("t.json", json, n, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

static struct subs *load(const struct conf *c)
{
	struct subs *s = NULL;

	if (subscribers_load(c, NULL, &s, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return s;
}

static const struct sub *find(const struct subs *s, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return subs_find(s, 0, &a);
}

static bool has_key(const struct subs *s, const struct sub *sub, const char *hex)
{
	struct mac_key *key = mac_keys_new(1);
	struct buf b = buf_from_hex(hex);
	bool same;

	assert_non_null(key);
	mac_key_set(mac, key, b.p, b.n);
	same = subs_key(s, sub) != NULL && mac_key_equal(key, subs_key(s, sub));
	mac_keys_free(key);
	buf_free(&b);
	return same;
}

/* Nodes, ranges and lines side by side, with what each takes from where. */
static void test_all_sources(void **state)
{
	const struct sub *sub;
	char text[1024];
	struct subs *s;
	struct conf *c;

	(void)state;
	write_text(key_file, KEY2, 0600);
	snprintf(text, sizeof(text),
		"{'home-address':'2001:db8:a::20'}\n\n"
		"{'home-address':'2001:db8:a::21','auth':{'key':'" KEY "',"
		"'nai':'mn21@example.net','replay':false},'lifetime-max-s':60}\r\n"
		"{'home-address':'2001:db8:a::22','auth':{'type':'none'}}\n"
		"{'home-address':'2001:db8:a:5::5','auth':{'key-file':'%s','spi':300}}",
		key_file); /* without a newline at the end */
	write_text(file, text, 0600);
	c = parse("", ",'mobile-nodes':[{'home-address':'2001:db8:a::11','auth':{'type':'none'},"
		      "'lifetime-max-s':8},{'home-address':'2001:db8:a::10','auth':{'type':'mn-ha',"
		      "'spi':500,'key-file':'KEYFILE'}}],'subscribers':{'file':'FILE','default':{"
		      "'auth':{'type':'mn-ha','spi':256,'replay':true,'key-file':'KEYFILE'},"
		      "'lifetime-max-s':300},'ranges':[{'home-addresses':'2001:db8:a:5::/64'},"
		      "{'home-addresses':'2001:db8:a:6::/64','auth':{'type':'none'},"
		      "'lifetime-max-s':12}]}");
	s = load(c);
	conf_forget_keys(c);
	assert_int_equal(subs_count(s), 6);
	assert_int_equal(subs_counts(s, 0)->lines, 4);
	assert_int_equal(subs_counts(s, 0)->open_lines, 1);
	assert_int_equal(subs_counts(s, 0)->ranges, 2);
	assert_true(subs_counts(s, 0)->has_keys);

	sub = find(s, "2001:db8:a::10");
	assert_int_equal(sub->spi, 500);
	assert_int_equal(sub->lifetime_max_s, 600); /* default is for lines and ranges */
	assert_false(sub->replay);
	assert_true(has_key(s, sub, KEY2));
	assert_int_equal(subs_place(s, sub).source, SUB_NODE);
	assert_int_equal(subs_place(s, sub).number, 1);
	sub = find(s, "2001:db8:a::11");
	assert_int_equal(sub->auth, SUB_AUTH_NONE);
	assert_int_equal(sub->lifetime_max_s, 8);
	assert_null(subs_key(s, sub));

	sub = find(s, "2001:db8:a::20");
	assert_int_equal(sub->auth, SUB_AUTH_MN_HA);
	assert_int_equal(sub->spi, 256);
	assert_int_equal(sub->lifetime_max_s, 300);
	assert_true(sub->replay);
	assert_null(sub->nai);
	assert_true(has_key(s, sub, KEY2));
	assert_int_equal(subs_place(s, sub).source, SUB_LINE);
	assert_int_equal(subs_place(s, sub).number, 1);
	sub = find(s, "2001:db8:a::21");
	assert_string_equal(sub->nai, "mn21@example.net");
	assert_int_equal(sub->lifetime_max_s, 60);
	assert_false(sub->replay);
	assert_true(has_key(s, sub, KEY));
	assert_int_equal(subs_place(s, sub).number, 3);
	assert_int_equal(find(s, "2001:db8:a::22")->auth, SUB_AUTH_NONE);

	sub = find(s, "2001:db8:a:5::5");
	assert_int_equal(sub->spi, 300);
	assert_true(has_key(s, sub, KEY2));
	assert_int_equal(subs_place(s, sub).number, 5);
	sub = find(s, "2001:db8:a:5::6");
	assert_int_equal(sub->spi, 256);
	assert_int_equal(sub->lifetime_max_s, 300);
	assert_true(has_key(s, sub, KEY2));
	assert_int_equal(subs_place(s, sub).source, SUB_RANGE);
	sub = find(s, "2001:db8:a:6::6");
	assert_int_equal(sub->auth, SUB_AUTH_NONE);
	assert_int_equal(sub->lifetime_max_s, 12);
	assert_null(find(s, "2001:db8:a:7::7"));
	subs_free(s);
	conf_free(c);
}

/* --- what is refused --- */

#define NONE(hoa)  "{'home-address':'" hoa "','auth':{'type':'none'}}\n"
#define KEYED(hoa) "{'home-address':'" hoa "','auth':{'type':'mn-ha','spi':256,'key':'" KEY "'}}\n"
#define THREE      NONE("2001:db8:a::2") NONE("2001:db8:a::3") NONE("2001:db8:a::4")

static const struct {
	const char *text;
	size_t len; /* 0: strlen(text) */
	unsigned mode; /* 0600 */
	const char *message; /* behind the path; NULL: taken, with this many: */
	uint32_t lines;
} files[] = {
	{ "", 0, 0, NULL, 0 },
	{ "\n\n \n", 0, 0, NULL, 0 },
	{ THREE, 0, 0644, NULL, 3 },
	{ KEYED("2001:db8:a::2"), 0, 0400, NULL, 1 },
	{ NONE("2001:db8:a::2") "{'home-address':", 0, 0, ":2:17: the text ends too early", 0 },
	{ NONE("2001:db8:a::2") "\0" NONE("2001:db8:a::3"), 114, 0, ":2:1: expected a value", 0 },
	{ THREE "x", 0, 0, ":4:1: expected a value", 0 },
	{ THREE "{}", 0, 0, ":4: home-address: is missing", 0 },
	{ NONE("2001:db8:a::2") NONE("2001:db8:a::3") NONE("2001:db8:a::2"), 0, 0,
		":3: home-address: 2001:db8:a::2 is that of line 1", 0 },
	{ NONE("2001:db8:a::2") NONE("2001:DB8:A:0::99"), 0, 0,
		":2: home-address: 2001:db8:a::99 is that of domains[0].mobile-nodes[1]", 0 },
	{ THREE NONE("2001:db8:a::5"), 0, 0,
		":4: more subscribers than runtime.max-subscribers (5)", 0 },
	{ NONE("2001:db8:a::2") KEYED("2001:db8:a::3"), 0, 0640,
		":2: auth.key: a file with keys in it is open to others (mode 0640); use chmod 600",
		0 },
	{ KEYED("2001:db8:a::2"), 0, 0604,
		":1: auth.key: a file with keys in it is open to others (mode 0604); use chmod 600",
		0 },
	{ "{'home-address':'2001:db8:a::2','auth':{'type':'mn-ha','spi':256,'key':'" KEY "00x'}}\n",
		0, 0, ":1: auth.key: holds no key of 16 to 64 octets in hex or base64", 0 },
	{ "{'home-address':'2001:db8:a::2','auth':{'type':'mn-ha','spi':256,'key':'0011'}}\n", 0, 0,
		":1: auth.key: holds a key of less than 16 octets", 0 },
	{ "{'home-address':'2001:db8:a::2','auth':{'type':'mn-ha','spi':256,'key-file':'/dev/"
	  "null'}}\n",
		0, 0, ":1: auth.key-file: /dev/null: is not a regular file", 0 },
};

static void test_files(void **state)
{
	struct conf *c = parse("'max-subscribers':5",
		",'mobile-nodes':[{'home-address':'2001:db8:a::98','auth':{'type':'none'}},"
		"{'home-address':'2001:db8:a::99','auth':{'type':'none'}}],"
		"'subscribers':{'file':'FILE'}");

	(void)state;
	for (size_t i = 0; i < DIM(files); i++) {
		size_t len = files[i].len > 0 ? files[i].len : strlen(files[i].text);
		struct subs *s = NULL;
		char want[512];
		int ret;

		write_octets(file, files[i].text, len, files[i].mode > 0 ? files[i].mode : 0600);
		err[0] = '\0';
		ret = subscribers_load(c, NULL, &s, err, sizeof(err));
		snprintf(want, sizeof(want), "%s%s", files[i].message != NULL ? file : "",
			files[i].message != NULL ? files[i].message : "");
		if ((ret == 0) != (files[i].message == NULL) || strcmp(err, want) != 0)
			fail_msg("%s: %d\n%s\n%s", files[i].text, ret, err, want);
		if (ret < 0)
			continue;
		assert_int_equal(subs_counts(s, 0)->lines, files[i].lines);
		subs_free(s);
	}
	conf_free(c);
}

/* Lines of every length around the bound, where they fall across the edges of what is read. */
static void test_long_lines(void **state)
{
	static const char tail[] = NONE("2001:db8:a::2");
	static const int around[] = { 1, 2, 4095, CONF_LINE_MAX - 1, CONF_LINE_MAX,
		CONF_LINE_MAX + 1, 65535, 65536, 65537, 200000 };
	struct conf *c = parse("", ",'subscribers':{'file':'FILE'}");
	char *text = malloc(400000), want[512];
	struct subs *s = NULL;

	(void)state;
	for (size_t i = 0; i < DIM(around); i++) {
		/* a line of that length and one that says something, again and again */
		size_t n = 0, len = (size_t)around[i];
		int ret;

		for (unsigned k = 0; k < 2 && n + len < 390000; k++) {
			memset(text + n, ' ', len);
			n += len;
			text[n++] = '\n';
		}
		n += (size_t)sprintf(text + n, "%s", tail);
		write_octets(file, text, n, 0600);
		ret = subscribers_load(c, NULL, &s, err, sizeof(err));
		if (len <= CONF_LINE_MAX) {
			assert_int_equal(ret, 0);
			assert_int_equal(subs_count(s), 1);
			subs_free(s);
			continue;
		}
		snprintf(want, sizeof(want), "%s:1: longer than %d octets", file, CONF_LINE_MAX);
		assert_int_equal(ret, -EINVAL);
		assert_string_equal(err, want);
	}
	free(text);
	conf_free(c);
}

static void expect_refusal(const struct conf *c, const char *message)
{
	struct subs *s = NULL;
	char want[512];

	assert_true(subscribers_load(c, NULL, &s, err, sizeof(err)) < 0);
	snprintf(want, sizeof(want), message, file);
	assert_string_equal(err, want);
	assert_null(s);
}

static void test_no_file(void **state)
{
	struct conf *c = parse("", ",'subscribers':{'file':'FILE'}");

	(void)state;
	unlink(file);
	expect_refusal(c, "t.json: domains[0].subscribers.file: %s: No such file or directory");
	assert_int_equal(mkdir(file, 0700), 0);
	expect_refusal(c, "%s: is not a regular file");
	assert_int_equal(rmdir(file), 0);
	/* nobody waits for who writes into a pipe */
	assert_int_equal(mkfifo(file, 0600), 0);
	expect_refusal(c, "%s: is not a regular file");
	unlink(file);
	write_text(file, KEYED("2001:db8:a::2"), 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 4242, 0), 0);
		expect_refusal(c, "%s:1: auth.key: a file with keys in it belongs to user 4242, "
				  "neither root nor hamd's");
	}
	conf_free(c);
}

/* Told to stop: soon, and as an error. */
static void test_stop(void **state)
{
	struct conf *c = parse("", ",'subscribers':{'file':'FILE'}");
	FILE *f = fopen(file, "we");
	atomic_bool stop = true;
	struct subs *s = NULL;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		fprintf(f, "{\"home-address\":\"2001:db8:a:2::%x\",\"auth\":{\"type\":\"none\"}}\n",
			i);
	fclose(f);
	assert_int_equal(subscribers_load(c, &stop, &s, err, sizeof(err)), -ECANCELED);
	stop = false;
	assert_int_equal(subscribers_load(c, &stop, &s, err, sizeof(err)), 0);
	assert_int_equal(subs_count(s), 2000);
	subs_free(s);
	conf_free(c);
}

static atomic_bool done;

static void *touch(void *arg)
{
	(void)arg;
	while (!done) {
		utimensat(AT_FDCWD, file, NULL, 0);
		usleep(100);
	}
	return NULL;
}

/* Somebody writes to it meanwhile: neither the old file nor the new one. */
static void test_written_to(void **state)
{
	struct conf *c = parse("", ",'subscribers':{'file':'FILE'}");
	FILE *f = fopen(file, "we");
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 60000; i++)
		fprintf(f, "{\"home-address\":\"2001:db8:a:2::%x\",\"auth\":{\"type\":\"none\"}}\n",
			i);
	fclose(f);
	done = false;
	assert_int_equal(pthread_create(&thread, NULL, touch, NULL), 0);
	expect_refusal(c, "%s: was written to while it was read; write a new file and rename it");
	done = true;
	pthread_join(thread, NULL);
	conf_free(c);
}

static void collect(void *ctx, const char *line)
{
	char *all = ctx;

	snprintf(all + strlen(all), 1024 - strlen(all), "%s\n", line);
}

static void test_warnings(void **state)
{
	struct conf *c = parse("", ",'subscribers':{'file':'FILE'}");
	char all[1024] = "";
	struct subs *s;

	(void)state;
	assert_int_equal(c->warning_count, 0);
	write_text(file, "", 0600);
	s = load(c);
	subscribers_warn(c, s, collect, all);
	assert_string_equal(
		all, "domains[0] (msp1): no subscribers in its file, nobody can register\n");
	subs_free(s);
	write_text(file, NONE("2001:db8:a::2") KEYED("2001:db8:a::3"), 0600);
	s = load(c);
	all[0] = '\0';
	subscribers_warn(c, s, collect, all);
	assert_string_equal(all,
		"domains[0] (msp1): 1 subscriber in its file without authentication (auth.type "
		"\"none\"): anyone may register in their place\n");
	subs_free(s);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_sources),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_written_to),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
