/* SPDX-License-Identifier: BSD-3-Clause */
/* The sites of a mesh: what a configuration says of them, and what it may not. */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "conf/conf.h"

/* Private keys 00 01 .. 1f, 20 .. 3f, 40 .. 5f; the public ones come from another implementation
 * (Python's cryptography). */
#define OWN_PRIVATE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OWN_PUBLIC  "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="
#define TOKYO       "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ="
#define OSAKA       "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo="
#define NO_POINT    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* JSON, with ' for " and KEY for the file with the private key. */
#define BASE                                                                                       \
	"{'node':{'id':1,'name':'paris'},"                                                         \
	"'ports':[{'name':'wan','device':'net_null0','addresses':['2001:db8:1::10/64',"            \
	"'2001:db8:1::11/64']}],"                                                                  \
	"'routes':[{'prefix':'::/0','via':'2001:db8:1::1'}],"                                      \
	"'mesh':{'site-address':'2001:db8:1::10','private-key-file':'KEY','hello-ms':100,"         \
	"'peers':[{'id':2,'name':'tokyo','address':'2001:db8:2::10','public-key':'" TOKYO "'},"    \
	"{'id':3,'name':'osaka','address':'2001:db8:3::10','public-key':'" OSAKA "'}]},"           \
	"'domains':[{'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"                         \
	"'home-agent-address':'2001:db8:a::1','peers':["                                           \
	"{'name':'tokyo','home-agent-address':'2001:db8:a::2'},"                                   \
	"{'name':'osaka','home-agent-address':'2001:db8:a::3'}],"                                  \
	"'mobile-nodes':[{'home-address':'2001:db8:a::100','auth':{'type':'none'}}]},"             \
	"{'name':'msp2','mobile-prefixes':['2001:db8:b::/48'],'mode':'shared',"                    \
	"'home-agent-address':'2001:db8:b::1','peers':[{'name':'tokyo'}],"                         \
	"'mobile-nodes':[{'home-address':'2001:db8:b::100','auth':{'type':'none'}}]}]}"

#define HELLO      "'hello-ms':100,"
#define OSAKA_ITEM "{'id':3,'name':'osaka',"
#define D0_OSAKA   "{'name':'osaka','home-agent-address':'2001:db8:a::3'}"
#define D1_PEERS   "'peers':[{'name':'tokyo'}]"
#define PEER0      "t.json: mesh.peers[0]."
#define PEER1      "t.json: mesh.peers[1]."
#define MESH       "t.json: mesh."

/* BASE with one text in another's place. */
static const struct {
	const char *from, *to, *message;
} refused[] = {
	/* this site */
	{ "'id':1,'name':'paris'", "'name':'paris'",
		"t.json: node.id: is missing; each site of a mesh has its own" },
	{ "'site-address':'2001:db8:1::10',", "", MESH "site-address: is missing" },
	{ "'private-key-file':'KEY',", "", MESH "private-key-file: is missing" },
	{ "'site-address':'2001:db8:1::10'", "'site-address':'2001:db8:1::12'",
		MESH "site-address: 2001:db8:1::12 is not an address of a port" },
	{ "'site-address':'2001:db8:1::10'", "'site-address':'2001:db8:a::7'",
		MESH "site-address: 2001:db8:a::7 is in a mobile prefix" },
	{ "'site-address':'2001:db8:1::10'", "'site-address':'fe80::1'",
		MESH "site-address: fe80::1 is not a unicast routable address" },
	{ "'private-key-file':'KEY'", "'private-key-file':'site.key'",
		MESH "private-key-file: \"site.key\" is not an absolute path" },
	{ "'private-key-file':'KEY'", "'private-key-file':'/nowhere/site.key'",
		MESH "private-key-file: /nowhere/site.key: No such file or directory" },
	{ HELLO, "'hello-ms':9,", MESH "hello-ms: 9 is outside 10..10000" },
	{ HELLO, "'hello-ms':10001,", MESH "hello-ms: 10001 is outside 10..10000" },
	{ HELLO, "'dead-ms':29,", MESH "dead-ms: 29 is outside 30..600000" },
	{ HELLO, "'dead-ms':299,", MESH "dead-ms: 299 is less than 3 x hello-ms (100)" },
	{ HELLO, "'hello-ms':101,", MESH "dead-ms: 300 is less than 3 x hello-ms (101)" },
	{ HELLO, "'port':65535,", MESH "port: 65535 is outside 1..65534" },
	{ HELLO, "'clock-limit-ms':9,", MESH "clock-limit-ms: 9 is outside 10..60000" },
	{ HELLO, "'rate-mbps':0,", MESH "rate-mbps: 0 is outside 1..100000" },
	{ HELLO, "'records-per-s':99,", MESH "records-per-s: 99 is outside 100..10000000" },
	{ HELLO, "'max-waits':15,", MESH "max-waits: 15 is outside 16..1048576" },
	{ HELLO, "'protect-data':false,",
		MESH "protect-data: false needs \"accept-cleartext-mesh\": true" },
	{ HELLO, "'key-log-file':'keys',", MESH "key-log-file: \"keys\" is not an absolute path" },
	{ HELLO, "'key-log-file':'KEY',", MESH "key-log-file: \"KEY\" is mesh.private-key-file" },
	{ HELLO, "'key-log-file':'t.json',",
		MESH "key-log-file: \"t.json\" is not an absolute path" },
	{ "'mesh':{", "'accounting':{'file':'KEY'},'mesh':{",
		"t.json: accounting.file: \"KEY\" is mesh.private-key-file" },
	{ "'mesh':{", "'accounting':{'file':'/tmp/hamd-k'},'mesh':{'key-log-file':'/tmp/hamd-k',",
		"t.json: accounting.file: \"/tmp/hamd-k\" is mesh.key-log-file" },
	{ HELLO, "'helo-ms':100,", MESH "helo-ms: unknown key; did you mean \"hello-ms\"?" },

	/* its peers */
	{ "'id':2,", "", PEER0 "id: is missing" },
	{ "'id':2,", "'id':0,", PEER0 "id: 0 is outside 1..255" },
	{ "'id':2,", "'id':256,", PEER0 "id: 256 is outside 1..255" },
	{ "'id':2,", "'id':1,", PEER0 "id: 1 is node.id" },
	{ "'id':3,", "'id':2,", PEER1 "id: 2 is that of peers[0]" },
	{ "'name':'tokyo','address'", "'name':'Tokyo','address'",
		PEER0
		"name: \"Tokyo\" is not a name: a-z, 0-9 and \"-\" make one, no \"-\" in front" },
	{ "'name':'tokyo','address'", "'name':'paris','address'",
		PEER0 "name: \"paris\" is node.name" },
	{ "'name':'osaka','address'", "'name':'tokyo','address'",
		PEER1 "name: \"tokyo\" is that of peers[0]" },
	{ "'address':'2001:db8:2::10',", "", PEER0 "address: is missing" },
	{ "2001:db8:2::10", "ff02::1", PEER0 "address: ff02::1 is not a unicast routable address" },
	{ "2001:db8:2::10", "2001:db8:b::2", PEER0 "address: 2001:db8:b::2 is in a mobile prefix" },
	{ "2001:db8:2::10", "2001:db8:1::10",
		PEER0 "address: 2001:db8:1::10 is an address of this node" },
	{ "2001:db8:2::10", "2001:db8:1::11",
		PEER0 "address: 2001:db8:1::11 is an address of this node" },
	{ "2001:db8:3::10", "2001:db8:2:0::10",
		PEER1 "address: 2001:db8:2::10 is that of peers[0]" },
	{ ",'public-key':'" TOKYO "'", "", PEER0 "public-key: is missing" },
	{ TOKYO, "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ",
		PEER0 "public-key: \"NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ\" is not a public "
		      "key: 32 octets in base64" },
	{ TOKYO, "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=AA",
		PEER0 "public-key: \"NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=AA\" is not a "
		      "public key: 32 octets in base64" },
	{ TOKYO, "AAAA", PEER0 "public-key: \"AAAA\" is not a public key: 32 octets in base64" },
	{ "'" TOKYO "'", "7", PEER0 "public-key: expected a string, not a number" },
	{ TOKYO, OWN_PRIVATE,
		PEER0 "public-key: is this site's private key; who has read this file knows it: "
		      "make another one (hamctl genkey)" },
	{ TOKYO, OWN_PUBLIC, PEER0 "public-key: " OWN_PUBLIC " is this site's" },
	{ TOKYO, NO_POINT, PEER0 "public-key: " NO_POINT " is one that gives no secret" },
	{ OSAKA, TOKYO, PEER1 "public-key: " TOKYO " is that of peers[0]" },
	{ OSAKA_ITEM, OSAKA_ITEM "'dead-ms':100,'hello-ms':100,",
		PEER1 "dead-ms: 100 is less than 3 x hello-ms (100)" },
	{ OSAKA_ITEM, OSAKA_ITEM "'dead-ms':299,",
		PEER1 "dead-ms: 299 is less than 3 x hello-ms (100)" },
	{ OSAKA_ITEM, OSAKA_ITEM "'hello-ms':101,",
		PEER1 "dead-ms: 300 is less than 3 x hello-ms (101)" },
	{ OSAKA_ITEM, OSAKA_ITEM "'hello-ms':10001,",
		PEER1 "hello-ms: 10001 is outside 10..10000" },
	{ OSAKA_ITEM, OSAKA_ITEM "'dead-ms':29,", PEER1 "dead-ms: 29 is outside 30..600000" },
	{ OSAKA_ITEM, OSAKA_ITEM "'retired':1,",
		PEER1 "retired: expected true or false, not a number" },

	/* the sites of a domain */
	{ D1_PEERS, "'peers':[{'name':'kyoto'}]",
		"t.json: domains[1].peers[0].name: mesh.peers has no \"kyoto\"" },
	{ D1_PEERS, "'peers':[{'name':'paris'}]",
		"t.json: domains[1].peers[0].name: mesh.peers has no \"paris\"" },
	{ D1_PEERS, "'peers':[{'name':'tokyo'},{'name':'osaka'},{'name':'tokyo'}]",
		"t.json: domains[1].peers[2].name: \"tokyo\" is that of peers[0]" },
	{ D1_PEERS, "'peers':[{'name':'tokyo','home-agent-address':'2001:db8:b::2'}]",
		"t.json: domains[1].peers[0].home-agent-address: mode is \"shared\", all sites "
		"answer on that of the domain" },
	{ D0_OSAKA, "{'name':'osaka'}",
		"t.json: domains[0].peers[1].home-agent-address: is missing; in mode \"unicast\" "
		"each site has its own" },
	{ D0_OSAKA, "{'name':'osaka','home-agent-address':'2001:db8:b::3'}",
		"t.json: domains[0].peers[1].home-agent-address: 2001:db8:b::3 is in no mobile "
		"prefix of the domain" },
	{ D0_OSAKA, "{'name':'osaka','home-agent-address':'2001:db8:a::'}",
		"t.json: domains[0].peers[1].home-agent-address: 2001:db8:a:: is the anycast "
		"address of the link's routers" },
	{ D0_OSAKA, "{'name':'osaka','home-agent-address':'2001:db8:a::1'}",
		"t.json: domains[0].peers[1].home-agent-address: 2001:db8:a::1 is this site's" },
	{ D0_OSAKA, "{'name':'osaka','home-agent-address':'2001:db8:a::2'}",
		"t.json: domains[0].peers[1].home-agent-address: 2001:db8:a::2 is that of "
		"peers[0]" },
	{ "2001:db8:a::100", "2001:db8:a::3",
		"t.json: domains[0].mobile-nodes[0].home-address: 2001:db8:a::3 is the home agent "
		"address of a peer" },
	{ "'prefix':'::/0'", "'prefix':'2001:db8:a::2/127'",
		"t.json: routes[0].prefix: 2001:db8:a::2/127 hides "
		"domains[0].peers[0].home-agent-address (2001:db8:a::2)" },
	{ D1_PEERS, D1_PEERS ",'ack-peers':2",
		"t.json: domains[1].ack-peers: 2 is more than the domain has peers (1)" },
	{ OSAKA "'}]},'domains':[{", OSAKA "','retired':true}]},'domains':[{'ack-peers':2,",
		"t.json: domains[0].ack-peers: 2 is more than the domain has peers that are not "
		"retired (1)" },
	{ TOKYO "'}," OSAKA_ITEM "'address':'2001:db8:3::10','public-key':'" OSAKA
		"'}]},'domains':[{",
		TOKYO "','retired':true}," OSAKA_ITEM
		      "'address':'2001:db8:3::10','public-key':'" OSAKA
		      "','retired':true}]},'domains':[{'ack-peers':'all',",
		"t.json: domains[0].ack-peers: \"all\", but the domain has no peers that are not "
		"retired" },
	{ D1_PEERS, "'ack-peers':'all'",
		"t.json: domains[1].ack-peers: \"all\", but the domain has no peers" },
	{ D1_PEERS, D1_PEERS ",'home-agent-switch':true",
		"t.json: domains[1].home-agent-switch: true, but mode is \"shared\": there is no "
		"other address to switch to" },
	{ D1_PEERS, D1_PEERS ",'ack-peers':'store'",
		"t.json: domains[1].ack-peers: \"store\", but there is no store" },
};

static char key_path[] = "/tmp/hamd-mesh-XXXXXX";

static void write_key(const char *text, unsigned mode)
{
	FILE *f = fopen(key_path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(key_path, mode), 0);
}

static int setup(void **state)
{
	int fd = mkstemp(key_path);

	(void)state;
	if (fd < 0 || sodium_init() < 0)
		return -1;
	close(fd);
	write_key(OWN_PRIVATE "\n", 0600);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(key_path);
}

/* The key file's path for KEY. */
static void put_key(char *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text != '\0') {
		bool is_key = strncmp(text, "KEY", 3) == 0;

		assert_true(n + sizeof(key_path) < size);
		if (is_key)
			n += (size_t)snprintf(out + n, size - n, "%s", key_path);
		else
			out[n++] = *text;
		text += is_key ? 3 : 1;
	}
	out[n] = '\0';
}

static int parse(const char *from, const char *to, struct conf **out, char *err, size_t err_len)
{
	const char *at = strstr(BASE, from);
	char text[4096], json[4096];
	struct buf b;
	int ret;

	if (at == NULL)
		fail_msg("not in BASE: %s", from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - BASE), BASE, to, at + strlen(from));
	put_key(json, sizeof(json), text);
	for (char *p = json; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	b = buf_copy(json, strlen(json));
	ret = conf_parse("t.json", (const char *)b.p, b.n, out, err, err_len);
	buf_free(&b);
	return ret;
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(refused); i++) {
		struct conf *c = NULL;
		char err[512] = "", wanted[512];
		int ret = parse(refused[i].from, refused[i].to, &c, err, sizeof(err));

		put_key(wanted, sizeof(wanted), refused[i].message);
		if (ret != -EINVAL || strcmp(err, wanted) != 0)
			fail_msg("%s\ngot:    %d \"%s\"\nwanted: \"%s\"", refused[i].to, ret, err,
				wanted);
	}
}

static struct conf *load(const char *from, const char *to)
{
	struct conf *c = NULL;
	char err[512] = "";

	if (parse(from, to, &c, err, sizeof(err)) < 0)
		fail_msg("%s -> %s: %s", from, to, err);
	return c;
}

/* What only whoever writes the file can get wrong. */
static void test_key_file(void **state)
{
	static const struct {
		const char *text;
		unsigned mode;
		const char *why;
	} rows[] = {
		{ OWN_PRIVATE, 0640, "is open to others (mode 0640); use chmod 600" },
		{ OWN_PRIVATE, 0604, "is open to others (mode 0604); use chmod 600" },
		{ "", 0600, "holds a key of less than 16 octets" },
		{ "AAECAwQFBgcICQoLDA0ODw==", 0600, "holds a key of 16 octets, not of 32" },
		{ OWN_PRIVATE "\n" OWN_PRIVATE "\n", 0600,
			"holds no key of 16 to 64 octets in hex or base64" },
		{ "-----BEGIN PRIVATE KEY-----\n", 0600,
			"holds no key of 16 to 64 octets in hex or base64" },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		char err[512] = "", wanted[512];
		struct conf *c = NULL;

		write_key(rows[i].text, rows[i].mode);
		assert_int_equal(parse("KEY", "KEY", &c, err, sizeof(err)), -EINVAL);
		snprintf(wanted, sizeof(wanted), MESH "private-key-file: %s: %s", key_path,
			rows[i].why);
		assert_string_equal(err, wanted);
	}
	write_key(OWN_PRIVATE "\n", 0600);
}

static void printed(const struct conf *c, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
}

static const char *const shown[] = {
	"node.id = 1\n",
	"mesh.site-address = \"2001:db8:1::10\"\n",
	"mesh.port = 4750 (default)\n",
	"mesh.hello-ms = 100\n",
	"mesh.dead-ms = 300 (default)\n",
	"mesh.clock-limit-ms = 500 (default)\n",
	"mesh.rate-mbps = 1000 (default)\n",
	"mesh.records-per-s = 500000 (default)\n",
	"mesh.max-waits = 16384 (default)\n",
	"mesh.protect-data = true (default)\n",
	"mesh.accept-cleartext-mesh = false (default)\n",
	"mesh.peers[0].id = 2\n",
	"mesh.peers[0].name = \"tokyo\"\n",
	"mesh.peers[0].address = \"2001:db8:2::10\"\n",
	"mesh.peers[0].public-key = \"" TOKYO "\"\n",
	"mesh.peers[0].hello-ms = 100 (default)\n",
	"mesh.peers[0].dead-ms = 300 (default)\n",
	"mesh.peers[0].retired = false (default)\n",
	"domains[0].mode = \"unicast\" (default)\n",
	"domains[0].peers[0].name = \"tokyo\"\n",
	"domains[0].peers[1].home-agent-address = \"2001:db8:a::3\"\n",
	"domains[0].ack-peers = 1 (default)\n",
	"domains[1].mode = \"shared\"\n",
};

static void test_read(void **state)
{
	struct conf *c = load("'hello-ms':100", "'hello-ms':100");
	static const uint8_t own[CONF_KEY_LEN] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
		15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
	char text[16384], b64[64];

	(void)state;
	assert_true(conf_has_mesh(c));
	assert_memory_equal(c->mesh.private_key, own, sizeof(own));
	sodium_bin2base64(
		b64, sizeof(b64), c->mesh.public_key, CONF_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	assert_string_equal(b64, OWN_PUBLIC);
	assert_int_equal(c->domains[0].peers[1].peer, 1);
	assert_int_equal(c->domains[1].peers[0].peer, 0);
	assert_int_equal(c->domains[1].mode, CONF_MODE_SHARED);
	printed(c, text, sizeof(text));
	for (size_t i = 0; i < DIM(shown); i++)
		if (strstr(text, shown[i]) == NULL)
			fail_msg("not in\n%s:\n%s", text, shown[i]);
	assert_null(strstr(text, OWN_PRIVATE));
	assert_null(strstr(text, "domains[1].peers[0].home-agent-address"));
	assert_null(strstr(conf_json(c), OWN_PRIVATE));
	assert_int_equal(c->warning_count, 2); /* two open mobile nodes */
	conf_forget_private_key(c);
	assert_null(c->mesh.private_key);
	conf_forget_private_key(c);
	conf_free(c);
}

/* What is taken, and which warning comes first. */
static void test_taken(void **state)
{
	static const struct {
		const char *from, *to, *warning; /* NULL: none of the mesh */
	} rows[] = {
		{ "'hello-ms':100", "'hello-ms':10,'dead-ms':30", NULL },
		{ "'hello-ms':100", "'hello-ms':10000,'dead-ms':600000", NULL },
		{ OSAKA_ITEM, OSAKA_ITEM "'hello-ms':50,'dead-ms':150,'retired':true,", NULL },
		{ D0_OSAKA, D0_OSAKA "],'ack-peers':2,'care-of-denied':[", NULL },
		{ D1_PEERS, D1_PEERS ",'ack-peers':'all'", NULL },
		{ D1_PEERS, "'peers':[]", NULL },
		{ "," D0_OSAKA, "",
			"mesh.peers[1] (osaka): is in no domain, so nothing is sent to it" },
		{ "'prefix':'::/0'", "'prefix':'2001:db8:2::/48'",
			"mesh.peers[1].address: no route leads to 2001:db8:3::10, so the site is "
			"never heard" },
		{ "2001:db8:3::10", "2001:db8:1::3:10", NULL }, /* on the link */
		{ HELLO, "'protect-data':false,'accept-cleartext-mesh':true,",
			"mesh.protect-data: false: what is relayed between sites is neither "
			"encrypted nor authenticated; anyone who can send with a peer's address "
			"can put packets into the mobile prefixes" },
		{ HELLO, "'accept-cleartext-mesh':true,",
			"mesh.accept-cleartext-mesh: means nothing while protect-data is true" },
		{ HELLO, "'key-log-file':'/var/tmp/k',",
			"mesh.key-log-file: the keys of all sessions are written to /var/tmp/k: "
			"who reads it reads the mesh" },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct conf *c = load(rows[i].from, rows[i].to);
		const char *last = c->warnings[c->warning_count - 1];

		if (rows[i].warning == NULL ? c->warning_count != 2
					    : strcmp(last, rows[i].warning) != 0)
			fail_msg("%s: %u warnings, the last: %s", rows[i].to, c->warning_count,
				last);
		conf_free(c);
	}
}

/* "ack-peers" is 1 with peers that are not retired and none without; 0 and "none" are the same. */
static void test_ack_peers(void **state)
{
	static const struct {
		const char *to;
		uint32_t wanted;
	} rows[] = {
		{ D1_PEERS, 1 },
		{ D1_PEERS ",'ack-peers':'auto'", 1 },
		{ D1_PEERS ",'ack-peers':0", CONF_ACK_NONE },
		{ D1_PEERS ",'ack-peers':'none'", CONF_ACK_NONE },
		{ D1_PEERS ",'ack-peers':1", 1 },
		{ D1_PEERS ",'ack-peers':'all'", CONF_ACK_ALL },
		{ "'peers':[]", CONF_ACK_NONE },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct conf *c = load(D1_PEERS, rows[i].to);

		assert_int_equal(c->domains[1].ack_peers, rows[i].wanted);
		conf_free(c);
	}
	{
		struct conf *c = load(TOKYO "'", TOKYO "','retired':true");

		assert_int_equal(c->domains[0].ack_peers, 1); /* osaka is left */
		assert_int_equal(c->domains[1].ack_peers, CONF_ACK_NONE);
		conf_free(c);
	}
}

/* Where nothing but numbers orders Binding Updates that are authenticated they are remembered. */
static void test_remember(void **state)
{
#define SUBS(def, ranges) D1_PEERS ",'subscribers':{" def "'ranges':[" ranges "]}"
#define RANGE(auth)       "{'home-addresses':'2001:db8:b:1::/64','auth':{" auth "}}"
#define MN_HA(keys)       "'type':'mn-ha','spi':256,'key-file':'KEY'" keys
#define DEFAULT(auth)     "'default':{'auth':{" auth "}},"
	static const struct {
		const char *to;
		bool wanted;
	} rows[] = {
		{ D1_PEERS, false },
		{ D1_PEERS ",'remember-sequence':true", true },
		{ SUBS("", RANGE(MN_HA(""))), true },
		{ SUBS("", RANGE(MN_HA(""))) ",'remember-sequence':false", false },
		{ SUBS("", RANGE(MN_HA(",'replay':true"))), false },
		{ SUBS(DEFAULT(MN_HA("")), ""), true },
		{ SUBS(DEFAULT(MN_HA(",'replay':true")), RANGE("")), false },
		{ SUBS(DEFAULT(MN_HA(",'replay':true")), RANGE("'replay':false")), true },
		{ SUBS(DEFAULT("'type':'none'") "'file':'/x',", ""), false },
		{ SUBS("'file':'/x',", ""), true },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct conf *c = load(D1_PEERS, rows[i].to);

		if (c->domains[1].remember_sequence != rows[i].wanted)
			fail_msg("%s", rows[i].to);
		conf_free(c);
	}
}

/* What a reload is refused for. */
static void test_reload(void **state)
{
	static const struct {
		const char *from, *to, *path;
	} rows[] = {
		{ HELLO, "", NULL },
		{ HELLO, "'dead-ms':300,", NULL },
		{ HELLO, "'dead-ms':301,", "mesh.dead-ms" },
		{ HELLO, "'port':4752,", "mesh.port" },
		{ HELLO, "'rate-mbps':10,", "mesh.rate-mbps" },
		{ OSAKA_ITEM, OSAKA_ITEM "'retired':true,", "mesh.peers[1].retired" },
		{ OSAKA_ITEM, OSAKA_ITEM "'dead-ms':301,", "mesh.peers[1].dead-ms" },
		{ "'id':3,", "'id':4,", "mesh.peers[1].id" },
		{ "2001:db8:3::10", "2001:db8:3::11", "mesh.peers[1].address" },
		{ OSAKA, "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KFw=",
			"mesh.peers[1].public-key" },
		{ D1_PEERS, "'peers':[]", "domains[1].peers" },
		{ D1_PEERS, "'peers':[{'name':'osaka'}]", "domains[1].peers[0].name" },
		{ D0_OSAKA, "{'name':'osaka','home-agent-address':'2001:db8:a::4'}",
			"domains[0].peers[1].home-agent-address" },
		{ D1_PEERS, D1_PEERS ",'delivery':'primary'", "domains[1].delivery" },
		{ D1_PEERS, D1_PEERS ",'ack-peers':0", "domains[1].ack-peers" },
		{ D1_PEERS, D1_PEERS ",'remember-sequence':true", "domains[1].remember-sequence" },
		/* another default, by what a reload may change otherwise */
		{ D1_PEERS, SUBS("", RANGE(MN_HA(""))), "domains[1].remember-sequence" },
		{ D1_PEERS, SUBS("", RANGE(MN_HA(",'replay':true"))), NULL },
		{ D1_PEERS, SUBS("", RANGE(MN_HA(""))) ",'remember-sequence':false", NULL },
	};
	struct conf *running = load(HELLO, HELLO), *wanted;
	char path[CONF_DIFF_MAX];

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		bool can;

		wanted = load(rows[i].from, rows[i].to);
		can = conf_can_become(running, wanted, path);
		if (can != (rows[i].path == NULL) || (!can && strcmp(path, rows[i].path) != 0))
			fail_msg("%s: %d %s", rows[i].to, can, path);
		conf_free(wanted);
	}
	/* the file's name is the same, and the key in it another one */
	write_key("ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj4=", 0600);
	wanted = load(HELLO, HELLO);
	write_key(OWN_PRIVATE "\n", 0600);
	conf_forget_private_key(running);
	assert_false(conf_can_become(running, wanted, path));
	assert_string_equal(path, "mesh.private-key-file");
	conf_free(wanted);
	conf_free(running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_ack_peers),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
