/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"

#define EVERYWHERE (OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))
#define ASKS       OPTS_ASK
#define RELOAD_S   600 /* millions of subscribers on a busy machine */
#define READY_S    1 /* a site that takes longer to say so is none to bring packets to */
#define FILTERS    (OPT_BIT(OPT_PREFIX) | OPT_BIT(OPT_COA) | OPT_BIT(OPT_DOMAIN) | OPT_BIT(OPT_OWNER))
#define WATCHES                                                                                    \
	(OPT_BIT(OPT_PREFIX) | OPT_BIT(OPT_SOURCE) | OPT_BIT(OPT_DESTINATION) |                    \
		OPT_BIT(OPT_MOBILE_NODE) | OPT_BIT(OPT_PORT) | OPT_BIT(OPT_REASON) |               \
		OPT_BIT(OPT_DROPS) | OPT_BIT(OPT_PACKETS) | OPT_BIT(OPT_SECONDS))

const struct opt_desc opts[OPT_COUNT] = {
	[OPT_SOCKET] = { "socket", 's', "SOCKET", "the daemon's socket" },
	[OPT_NAME] = { "name", 'n', "NAME", "the daemon whose socket is /run/hamd/NAME.sock" },
	[OPT_JSON] = { "json", 'j', NULL,
		"print the daemon's answer as it comes: JSON, one a line" },
	[OPT_PREFIX] = { "prefix", 0, "PREFIX",
		"only home addresses inside PREFIX; of packets: any address in them" },
	[OPT_COA] = { "coa", 0, "PREFIX", "only care-of addresses inside PREFIX" },
	[OPT_DOMAIN] = { "domain", 0, "NAME", "only bindings of this domain" },
	[OPT_OWNER] = { "owner", 0, "SITE", "only bindings that this site of the mesh owns" },
	[OPT_ALL] = { "all", 'a', NULL, "also what is left out otherwise" },
	[OPT_FORCE] = { "force", 0, NULL, "also where something may be lost by it" },
	[OPT_TO] = { "to", 0, "SITE", "the site that is to have it" },
	[OPT_WAIT] = { "wait", 0, NULL, "return when it is done" },
	[OPT_SOURCE] = { "source", 0, "PREFIX", "only packets from PREFIX, outside or inside" },
	[OPT_DESTINATION] = { "destination", 0, "PREFIX",
		"only packets to PREFIX, outside or inside" },
	[OPT_MOBILE_NODE] = { "mobile-node", 0, "HOME-ADDRESS",
		"only packets of this mobile node, wherever it is" },
	[OPT_PORT] = { "port", 0, "NAME", "only packets that came in by this port" },
	[OPT_STAGE] = { "stage", 0, "NAME", "only packets that went through this stage" },
	[OPT_REASON] = { "reason", 0, "NAME", "only packets that were dropped for this reason" },
	[OPT_DROPS] = { "drops", 0, NULL, "only packets that were dropped" },
	[OPT_PACKETS] = { "count", 'c', "N", "end after N packets; 0: do not" },
	[OPT_SECONDS] = { "seconds", 0, "N", "end after N seconds; 0: do not" },
	[OPT_SNAPLEN] = { "snaplen", 0, "N", "keep the first N octets of a packet; 0: all" },
	[OPT_ONCE] = { "once", '1', NULL, "print once and exit" },
	[OPT_HELP] = { "help", 'h', NULL, "say what there is" },
	[OPT_VERSION] = { "version", 'V', NULL, "print hamctl's version" },
};

static const struct column binding_columns[] = {
	{ "HOME ADDRESS", "home-address", false },
	{ "CARE-OF ADDRESS", "care-of-address", false },
	{ "DOMAIN", "domain", false },
	{ "STATE", "state", false },
	{ "FLAGS", "flags", false },
	{ "OWNER", "owner", false, true },
	{ "VERSION", "version", false, true },
	{ "SEQ", "sequence", true },
	{ "LIFETIME S", "lifetime-s", true },
	{ "LEFT S", "remaining-s", true },
	{ "TUNNEL MTU", "tunnel-mtu", true },
	{ "PACKETS TO", "packets-to", true },
	{ "BYTES TO", "bytes-to", true },
	{ "PACKETS FROM", "packets-from", true },
	{ "BYTES FROM", "bytes-from", true },
	{ NULL },
};

static const struct column port_columns[] = {
	{ "PORT", "port", false },
	{ "LINK", "link", false },
	{ "MBPS", "link-mbps", true },
	{ "MAC", "mac", false },
	{ "MTU", "mtu", true },
	{ "RX PACKETS", "rx-packets", true },
	{ "RX BYTES", "rx-bytes", true },
	{ "MISSED", "rx-missed", true },
	{ "ERRORS", "rx-errors", true },
	{ "TX PACKETS", "tx-packets", true },
	{ "TX BYTES", "tx-bytes", true },
	{ "ERRORS", "tx-errors", true },
	{ "DEVICE", "device", false },
	{ "GRANTED", "granted", false },
	{ NULL },
};

static const struct column lcore_columns[] = {
	{ "LCORE", "lcore", true },
	{ "ROLE", "role", false },
	{ "BUSY %", "busy-percent", true },
	{ "TURNS", "turns", true },
	{ "LONGEST US", "longest-turn-us", true },
	{ "SLOW", "slow-turns", true },
	{ "CPU US", "longest-turn-cpu-us", true },
	{ "MOSTLY", "longest-turn-cpu-part", false },
	{ "STILL MS", "still-ms", true },
	{ "SLEEP US", "sleep-us", true },
	{ "RX PACKETS", "rx-packets", true },
	{ "TX PACKETS", "tx-packets", true },
	{ "FRAGMENTS HELD", "fragments-held", true },
	{ NULL },
};

static const struct column counter_columns[] = {
	{ "COUNTER", "counter", false },
	{ "VALUE", "value", true },
	{ "UNIT", "unit", false },
	{ "WHAT", "help", false },
	{ NULL },
};

static const struct column drop_columns[] = {
	{ "DROP", "drop", false },
	{ "PACKETS", "count", true },
	{ "WHY", "help", false },
	{ NULL },
};

static const struct column route_columns[] = {
	{ "PREFIX", "prefix", false },
	{ "KIND", "kind", false },
	{ "NEXT HOP", "next-hop", false },
	{ "PORT", "port", false },
	{ "DOMAIN", "domain", false },
	{ NULL },
};

static const struct column neighbor_columns[] = {
	{ "ADDRESS", "address", false },
	{ "PORT", "port", false },
	{ "MAC", "mac", false },
	{ "STATE", "state", false },
	{ "AGE MS", "age-ms", true },
	{ "GATEWAY", "gateway", false },
	{ "QUEUED", "queued", true },
	{ NULL },
};

static const struct column domain_columns[] = {
	{ "DOMAIN", "domain", false },
	{ "HOME AGENT ADDRESS", "home-agent-address", false },
	{ "STATE", "state", false, true },
	{ "WAITS FOR", "waits-for", false, true },
	{ "ALONE", "alone", true, true },
	{ "BINDINGS", "bindings", true },
	{ "SUBSCRIBERS", "subscribers", true },
	{ "RANGES", "ranges", true },
	{ "LOADED", "loaded", false },
	{ "FILE", "file", false },
	{ NULL },
};

static const struct column peer_columns[] = {
	{ "SITE", "site", false },
	{ "ID", "id", true },
	{ "ADDRESS", "address", false },
	{ "STATE", "state", false },
	{ "RTT MS", "rtt-ms", true },
	{ "CLOCK MS", "clock-offset-ms", true },
	{ "HEARD MS", "heard-ms", true },
	{ "LAG RECORDS", "lag-records", true },
	{ "LAG MS", "lag-ms", true },
	{ "KEYS S", "keys-s", true },
	{ "HANDSHAKES", "handshakes", true },
	{ "VERSIONS", "versions", false },
	{ "HEARS", "hears", false },
	{ "LAST FAILURE", "last-failure", false, true },
	{ "S AGO", "last-failure-s", true, true },
	{ "DOMAINS", "domains", false },
	{ NULL },
};

static const struct column ready_columns[] = {
	{ "DOMAIN", "domain", false },
	{ "READY", "ready", false },
	{ NULL },
};

static const struct column state_columns[] = {
	{ "DOMAIN", "domain", false },
	{ "STATE", "state", false },
	{ NULL },
};

static const struct column address_columns[] = {
	{ "ADDRESS", "address", false },
	{ "LENGTH", "prefix-length", true },
	{ "OWNER", "owner", false },
	{ "PORT", "port", false },
	{ "DOMAIN", "domain", false },
	{ "STATE", "state", false },
	{ NULL },
};

static const struct column sa_columns[] = {
	{ "SITE", "site", false },
	{ "DIRECTION", "direction", false },
	{ "HOP", "hop", false },
	{ "WORKER", "worker", true },
	{ "SPI", "spi", false },
	{ "STATE", "state", false },
	{ "AGE S", "age-s", true },
	{ "NUMBER", "number", true },
	{ "PACKETS", "packets", true },
	{ "BYTES", "bytes", true },
	{ NULL },
};

static const struct column alarm_columns[] = {
	{ "ALARM", "alarm", false },
	{ "SEVERITY", "severity", false },
	{ "STATE", "state", false },
	{ "SINCE", "since", false },
	{ "LAST", "last", false },
	{ "COUNT", "count", true },
	{ "VALUE", "value", true },
	{ "UNIT", "unit", false },
	{ "DETAIL", "detail", false },
	{ "WHAT TO DO", "todo", false },
	{ NULL },
};

const struct cmd cmds[] = {
	{ "show bindings", NULL,
		"which home address is reachable where; --all: de-registered ones too",
		ASKS | FILTERS | OPT_BIT(OPT_ALL), cmd_show, binding_columns },
	{ "show binding", "HOME-ADDRESS", "one binding", ASKS, cmd_show, NULL },
	{ "show domains", NULL, "home agents, who may register there and since when that holds",
		ASKS, cmd_show, domain_columns },
	{ "show peers", NULL,
		"the other sites of the mesh: there or not, how far away and how far behind", ASKS,
		cmd_show, peer_columns },
	{ "show sa", NULL,
		"the tunnels to other sites that have carried something: their numbers, packets, "
		"age and state, never a key",
		ASKS, cmd_show, sa_columns },
	{ "show summary", NULL, "what all bindings amount to: how many, how many in use, traffic",
		ASKS | FILTERS, cmd_show, NULL },
	{ "show ports", NULL, "ports, their links and what they carried", ASKS, cmd_show,
		port_columns },
	{ "show lcores", NULL, "how busy each lcore is, and with what", ASKS, cmd_show,
		lcore_columns },
	{ "show counters", NULL, "what was counted", ASKS, cmd_show, counter_columns },
	{ "show drops", NULL, "why packets were dropped; --all: reasons that never came up too",
		ASKS | OPT_BIT(OPT_ALL), cmd_show, drop_columns },
	{ "show routes", NULL, "what becomes of a destination", ASKS, cmd_show, route_columns },
	{ "show neighbors", NULL, "neighbours on the links", ASKS, cmd_show, neighbor_columns },
	{ "show addresses", NULL, "addresses that hamd answers for", ASKS, cmd_show,
		address_columns },
	{ "show store", NULL, "whether bindings are kept, and how far behind that is", ASKS,
		cmd_show, NULL },
	{ "show config", NULL, "the configuration that runs", ASKS, cmd_show, NULL },
	{ "show version", NULL, "version, bindings and packet buffers", ASKS, cmd_show, NULL },
	{ "show alarms", NULL, "what is wrong, and what to do about it; --all: also what is not",
		ASKS | OPT_BIT(OPT_ALL), cmd_show, alarm_columns },
	{ "binding delete", "HOME-ADDRESS", "forget a binding", ASKS, cmd_show, NULL },
	{ "binding move", "HOME-ADDRESS", "give a binding of this site to another one: --to SITE",
		ASKS | OPT_BIT(OPT_TO), cmd_show, NULL, OPT_BIT(OPT_TO) },
	{ "ready", "[DOMAIN]",
		"exits with 0 when this site serves, in all domains or this one: the health check "
		"of a routing daemon; --force: end its waiting for other sites",
		ASKS | OPT_BIT(OPT_FORCE), cmd_show, ready_columns, 0, READY_S },
	{ "drain", "[DOMAIN]",
		"leave: let others take over what this site has; --force: even if nobody can, or "
		"one does not acknowledge them; --wait: until it has left",
		ASKS | OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_WAIT) | OPT_BIT(OPT_SECONDS), cmd_drain,
		state_columns },
	{ "undrain", "[DOMAIN]", "come back, or stay", ASKS, cmd_show, state_columns },
	{ "reload", NULL,
		"read configuration and subscribers again, use what is new, say what changed", ASKS,
		cmd_show, NULL, 0, RELOAD_S },
	{ "metrics", NULL, "all figures in OpenMetrics text, for a textfile collector", ASKS,
		cmd_metrics, NULL },
	{ "top", NULL, "what happens in a second: counters that move, the busiest bindings",
		ASKS | FILTERS | OPT_BIT(OPT_ONCE), cmd_top, NULL },
	{ "trace", NULL, "follow packets through every stage; 20 packets, 60 s at most",
		ASKS | WATCHES | OPT_BIT(OPT_STAGE), cmd_trace, NULL },
	{ "capture", "FILE", "packets into a pcapng file (-: standard output) until Ctrl-C",
		(ASKS & ~OPT_BIT(OPT_JSON)) | WATCHES | OPT_BIT(OPT_SNAPLEN), cmd_capture, NULL },
	{ "genkey", "[FILE]",
		"make a site's private key: into FILE, and print the public one; or print it", 0,
		cmd_genkey, NULL },
	{ "pubkey", "[FILE]", "print the public key of the private key in FILE, or as it is typed",
		0, cmd_pubkey, NULL },
	{ "help", "[COMMAND]", "what there is, or what a command takes", 0, cmd_help, NULL },
	{ "completion", "bash", "print a script that completes hamctl's command line", 0,
		cmd_completion, NULL },
	{ NULL },
};

int cli_error(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("hamctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

bool cmd_takes(const struct cmd *cmd, enum opt o)
{
	return (cmd->opts | EVERYWHERE) & OPT_BIT(o);
}

/* How many of the words are the name's, all of them; 0: it is another. */
static int match(const char *name, int n, char *const words[])
{
	int used = 0;

	while (*name != '\0') {
		size_t len = strcspn(name, " ");

		if (used == n || strlen(words[used]) != len || strncmp(words[used], name, len) != 0)
			return 0;
		used++;
		name += len + (name[len] == ' ');
	}
	return used;
}

/* Edits from a to b (Levenshtein), one row of the table at a time. */
static unsigned distance(const char *a, const char *b)
{
	uint8_t row[64];
	size_t n = strlen(b);

	if (n >= sizeof(row) || strlen(a) >= sizeof(row))
		return UINT8_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (uint8_t)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		uint8_t corner = row[0];

		row[0] = (uint8_t)(i + 1);
		for (size_t j = 0; j < n; j++) {
			uint8_t best = (uint8_t)(corner + (a[i] != b[j]));

			corner = row[j + 1];
			if (corner + 1 < best)
				best = (uint8_t)(corner + 1);
			if (row[j] + 1 < best)
				best = (uint8_t)(row[j] + 1);
			row[j + 1] = best;
		}
	}
	return row[n];
}

static void suggest(int n, char *const words[])
{
	const char *nearest = NULL;
	unsigned least = UINT8_MAX;
	char given[64], first[64];

	snprintf(first, sizeof(first), "%s", words[0]);
	snprintf(given, sizeof(given), "%s%s%s", words[0], n > 1 ? " " : "", n > 1 ? words[1] : "");
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		bool two = strchr(c->name, ' ') != NULL;
		unsigned d = distance(two ? given : first, c->name);

		if (d < least && 3 * d <= strlen(c->name)) { /* else it is another word */
			least = d;
			nearest = c->name;
		}
	}
	if (nearest != NULL)
		cli_error(
			EXIT_USAGE, "unknown command \"%s\", did you mean \"%s\"?", given, nearest);
	else
		cli_error(EXIT_USAGE, "unknown command \"%s\", see hamctl help", given);
}

/* "show" alone: what can follow. */
static bool is_beginning(const char *word)
{
	char list[256] = "";
	size_t len = strlen(word), used = 0;

	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ' && used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
				used > 0 ? ", " : "", c->name + len + 1);
	}
	if (used > 0)
		cli_error(EXIT_USAGE, "%s what? %s", word, list);
	return used > 0;
}

const struct cmd *cmd_find(int n, char *const words[], int *used)
{
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		*used = match(c->name, n, words);
		if (*used > 0)
			return c;
	}
	if (n == 0)
		cli_error(EXIT_USAGE, "no command, see hamctl help");
	else if (n > 1 || !is_beginning(words[0]))
		suggest(n, words);
	return NULL;
}
