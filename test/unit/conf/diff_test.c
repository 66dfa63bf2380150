/* SPDX-License-Identifier: BSD-3-Clause */
/* Which configurations a running one can become, and where the others differ first. */
#include "test.h"

#include "conf/conf.h"

#define BASE                                                                                       \
	"{'node':{'name':'n1','roles':['ha']},'runtime':{'lcores':'0','log-level':'info'},"        \
	"'ports':[{'name':'wan','device':'net_null0','addresses':['2001:db8:1::10/64']},"          \
	"{'name':'lan','device':'net_null1'}],"                                                    \
	"'routes':[{'prefix':'::/0','via':'2001:db8:1::1'}],"                                      \
	"'domains':[{'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"                         \
	"'home-agent-address':'2001:db8:a::1','lifetime-max-s':600,'limits':{'bu-per-s':10000},"   \
	"'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{'type':'none'}}],"                \
	"'subscribers':{'ranges':[]}}]}"

/* BASE with one text in another's place. */
static const struct {
	const char *from, *to;
	const char *path; /* NULL: it can */
} cases[] = {
	{ "'node'", "'node'", NULL },
	/* what is not the same only in how it is written */
	{ "'lcores':'0',", "", NULL },
	{ "'node':{", "'node':{'id':1,", NULL },
	{ ",'via':'2001:db8:1::1'", ",'port':'wan','via':'2001:DB8:1:0::1'", NULL },
	{ "'routes'", "'icmp':{'burst':100},'routes'", NULL },
	/* what a reload is for */
	{ "'info'", "'debug'", NULL },
	{ "'2001:db8:a::2'", "'2001:db8:a::3'", NULL },
	{ "'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{'type':'none'}}],", "", NULL },
	{ "'ranges':[]", "'file':'/x','default':{'lifetime-max-s':8}", NULL },
	{ ",'subscribers':{'ranges':[]}", "", NULL },
	/* the rest */
	{ "'n1'", "'n2'", "node.name" },
	{ "'node':{", "'node':{'id':2,", "node.id" },
	{ "'lcores':'0'", "'lcores':'0-1'", "runtime.lcores" },
	{ "'runtime':{", "'runtime':{'hugepages':false,", "runtime.hugepages" },
	{ "'runtime':{", "'runtime':{'max-subscribers':7,", "runtime.max-subscribers" },
	{ "'runtime':{", "'runtime':{'socket':'/x',", "runtime.socket" },
	/* of two the first in the tables; limits.max-bindings follows it */
	{ "'runtime':{", "'runtime':{'max-bindings':7,", "runtime.max-bindings" },
	{ "'routes'", "'icmp':{'burst':101},'routes'", "icmp.burst" },
	{ "{'name':'wan',", "{'name':'wan','mtu':1400,", "ports[0].mtu" },
	{ "{'name':'lan',", "{'name':'lan','dad':false,", "ports[1].dad" },
	{ "10/64'", "11/64'", "ports[0].addresses[0]" },
	{ "10/64'", "10/48'", "ports[0].addresses[0]" },
	{ "10/64'", "10/64','2001:db8:1::11/64'", "ports[0].addresses" },
	{ ",{'name':'lan','device':'net_null1'}", "", "ports" },
	{ "'via':'2001:db8:1::1'", "'via':'2001:db8:1::2'", "routes[0].via" },
	{ "'via':'2001:db8:1::1'", "'via':'fe80::1','port':'lan'", "routes[0].via" },
	{ "'prefix':'::/0'", "'prefix':'::/1'", "routes[0].prefix" },
	{ "'msp1'", "'msp2'", "domains[0].name" },
	{ "'2001:db8:a::/48'", "'2001:db8:a::/48','2001:db8:b::/48'",
		"domains[0].mobile-prefixes" },
	{ "'2001:db8:a::1'", "'2001:db8:a::9'", "domains[0].home-agent-address" },
	{ "'lifetime-max-s':600", "'lifetime-max-s':604", "domains[0].lifetime-max-s" },
	{ "'limits'", "'encap-limit':'always','limits'", "domains[0].encap-limit" },
	{ "'limits'", "'tcp-mss-clamp':'off','limits'", "domains[0].tcp-mss-clamp" },
	{ "'limits'", "'care-of-denied':['fc00::/7'],'limits'", "domains[0].care-of-denied" },
	{ "'bu-per-s':10000", "'bu-per-s':10001", "domains[0].limits.bu-per-s" },
};

static struct conf *parse(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char json[2048], err[256];
	struct conf *c = NULL;

	assert_non_null(at);
	snprintf(json, sizeof(json), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	for (char *p = json; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	if (conf_parse("t.json", json, strlen(json), &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

static void test_diff(void **state)
{
	struct conf *base = parse(BASE, "", "");

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct conf *c = parse(BASE, cases[i].from, cases[i].to);
		char path[CONF_DIFF_MAX];

		for (unsigned turned = 0; turned < 2; turned++) {
			bool can = turned ? conf_can_become(c, base, path)
					  : conf_can_become(base, c, path);

			if (can != (cases[i].path == NULL) ||
				(!can && strcmp(path, cases[i].path) != 0))
				fail_msg("%s -> %s: %d %s", cases[i].from, cases[i].to, can, path);
		}
		conf_free(c);
	}
	conf_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
