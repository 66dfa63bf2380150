/* SPDX-License-Identifier: BSD-3-Clause */
/* accounting.file against the other files that hamd needs, by whatever name. */
#include "test.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

static char dir[] = "/tmp/hamd-files-XXXXXX";

#define PATH 128

static void write_file(const char *name, const char *text)
{
	char path[PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_link(int (*make)(const char *, const char *), const char *to, const char *name)
{
	char from[PATH], path[PATH];

	snprintf(from, sizeof(from), "%s/%s", dir, to);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(make(from, path), 0);
}

static int setup(void **state)
{
	char path[PATH];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("key", "000102030405060708090a0b0c0d0e0f");
	write_file("range.key", "000102030405060708090a0b0c0d0e0f");
	write_file("acct", "");
	write_file("acct.3", "000102030405060708090a0b0c0d0e0f");
	make_link(symlink, "", "same");
	make_link(symlink, "key", "soft");
	make_link(link, "key", "hard");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tree_remove(dir);
}

/* DIR stands for %s, ' for ". */
static const char text[] =
	"{'ports':[{'name':'wan','device':'net_null0','addresses':['2001:db8:1::10/64']}],"
	"'runtime':{'socket':'DIR/sock'},'store':{'path':'DIR/store'},"
	"'accounting':{'file':'FILE'ROTATE},"
	"'domains':[{'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"
	"'home-agent-address':'2001:db8:a::1',"
	"'mobile-nodes':[{'home-address':'2001:db8:a::9','auth':{'type':'none'}},"
	"{'home-address':'2001:db8:a::2','auth':{'type':'mn-ha','spi':256,'key-file':'DIR/KEY'}}],"
	"'subscribers':{'file':'DIR/subs.jsonl','ranges':[{'home-addresses':'2001:db8:a:1::/64',"
	"'auth':{'type':'mn-ha','spi':256,'key-file':'DIR/range.key'}}]}}]}";

static void put(char *out, size_t len, const char *file, const char *key, const char *rotate)
{
	static const char *const names[] = { "DIR", "FILE", "KEY", "ROTATE" };
	const char *const values[] = { dir, file, key, rotate };
	size_t n = 0;

	for (const char *p = text; *p != '\0';) {
		size_t i;

		for (i = 0; i < DIM(names); i++)
			if (strncmp(p, names[i], strlen(names[i])) == 0)
				break;
		if (i < DIM(names))
			n += (size_t)snprintf(out + n, len - n, "%s", values[i]);
		else
			out[n++] = *p;
		p += i < DIM(names) ? strlen(names[i]) : 1;
	}
	out[n] = '\0';
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
}

#define ROTATES ",'rotate-mb':1,'rotate-keep':3"

static const struct {
	const char *file, *key, *rotate;
	const char *why; /* NULL: it is taken */
} cases[] = {
	{ "acct", "key", "", NULL },
	{ "new", "key", "", NULL },
	{ "store.jsonl", "key", "", NULL },
	{ "stores/acct", "key", "", NULL },
	{ "conf.json", "key", "", "is this configuration" },
	{ "same/conf.json", "key", "", "is this configuration" },
	{ "store/../conf.json", "key", "", "is this configuration" },
	{ "key", "key", "", "is the key file of domains[0].mobile-nodes[1]" },
	{ "soft", "key", "", "is the key file of domains[0].mobile-nodes[1]" },
	{ "hard", "key", "", "is the key file of domains[0].mobile-nodes[1]" },
	{ "key", "hard", "", "is the key file of domains[0].mobile-nodes[1]" },
	{ "/range.key", "key", "", "is the key file of domains[0].subscribers.ranges[0]" },
	{ "subs.jsonl", "key", "", "is domains[0].subscribers.file" }, /* not there yet */
	{ "same/.//subs.jsonl", "key", "", "is domains[0].subscribers.file" },
	{ "sock", "key", "", "is runtime.socket" },
	{ "store", "key", "", "is in the directory of the store" },
	{ "store/0000000000000001.seg", "key", "", "is in the directory of the store" },
	{ "same/store/acct", "key", "", "is in the directory of the store" },
	{ "acct", "acct.3", "", NULL },
	{ "acct", "acct.3", ROTATES, "would be rotated over" },
	{ "acct", "acct.3", ",'rotate-s':60,'rotate-keep':2", NULL },
	{ "acct", "key", ROTATES, NULL },
	{ "log", "key", "", "is where the log goes" },
};

static void check(size_t i)
{
	char conf[4096], err[512] = "", file[PATH], path[PATH];
	struct conf *c = NULL;
	int ret;

	snprintf(file, sizeof(file), "%s/%s", dir, cases[i].file);
	put(conf, sizeof(conf), file, cases[i].key, cases[i].rotate);
	write_file("conf.json", conf);
	snprintf(path, sizeof(path), "%s/conf.json", dir);
	ret = conf_load(path, &c, err, sizeof(err));
	if (ret == 0)
		conf_free(c);
	if (ret != (cases[i].why == NULL ? 0 : -EINVAL))
		fail_msg("%s: %d %s", cases[i].file, ret, err);
	if (cases[i].why == NULL)
		return;
	if (strstr(err, cases[i].why) == NULL || strstr(err, "accounting.file: ") == NULL ||
		strstr(err, file) == NULL)
		fail_msg("%s: %s", cases[i].file, err);
}

/* The log goes to standard error, which a service manager may have pointed at a file. */
static void test_files(void **state)
{
	char log[PATH];
	int old = dup(STDERR_FILENO), fd;

	(void)state;
	snprintf(log, sizeof(log), "%s/log", dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(old >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	for (size_t i = 0; i < DIM(cases); i++)
		check(i);
	assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
	close(old);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
