/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/request.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a trace or a capture is when nothing else is said. */
#define TRACE_COUNT   20
#define TRACE_SECONDS 60
#define DAY_S         86400
#define SNAPLEN_MAX   65535

enum field {
	F_CMD,
	F_KEY,
	F_PREFIX,
	F_COA,
	F_DOMAIN,
	F_OWNER,
	F_ALL,
	F_FORCE,
	F_TO,
	F_SOURCE,
	F_DESTINATION,
	F_MOBILE_NODE,
	F_PORT,
	F_STAGE,
	F_REASON,
	F_DROPS,
	F_PACKETS,
	F_SECONDS,
	F_SNAPLEN,
	F_COUNT
};

#define BIT(f) (1U << (f))

enum type { TEXT, FLAG, NUMBER };

static const struct {
	const char *name;
	enum type type;
	uint32_t max; /* of a NUMBER */
} fields[F_COUNT] = {
	[F_CMD] = { "cmd", TEXT, 0 },
	[F_KEY] = { "key", TEXT, 0 },
	[F_PREFIX] = { "prefix", TEXT, 0 },
	[F_COA] = { "coa", TEXT, 0 },
	[F_DOMAIN] = { "domain", TEXT, 0 },
	[F_OWNER] = { "owner", TEXT, 0 },
	[F_ALL] = { "all", FLAG, 0 },
	[F_FORCE] = { "force", FLAG, 0 },
	[F_TO] = { "to", TEXT, 0 },
	[F_SOURCE] = { "source", TEXT, 0 },
	[F_DESTINATION] = { "destination", TEXT, 0 },
	[F_MOBILE_NODE] = { "mobile-node", TEXT, 0 },
	[F_PORT] = { "port", TEXT, 0 },
	[F_STAGE] = { "stage", TEXT, 0 },
	[F_REASON] = { "reason", TEXT, 0 },
	[F_DROPS] = { "drops", FLAG, 0 },
	[F_PACKETS] = { "count", NUMBER, UINT32_MAX },
	[F_SECONDS] = { "seconds", NUMBER, DAY_S },
	[F_SNAPLEN] = { "snaplen", NUMBER, SNAPLEN_MAX },
};

#define WATCH_FIELDS                                                                               \
	(BIT(F_PREFIX) | BIT(F_SOURCE) | BIT(F_DESTINATION) | BIT(F_MOBILE_NODE) | BIT(F_PORT) |   \
		BIT(F_REASON) | BIT(F_DROPS) | BIT(F_PACKETS) | BIT(F_SECONDS))

static const struct {
	const char *name;
	unsigned takes, needs; /* bits of enum field */
} cmds[CTL_CMD_COUNT] = {
	[CTL_SHOW_BINDINGS] = { "show bindings",
		BIT(F_PREFIX) | BIT(F_COA) | BIT(F_DOMAIN) | BIT(F_OWNER) | BIT(F_ALL), 0 },
	[CTL_SHOW_BINDING] = { "show binding", BIT(F_KEY), BIT(F_KEY) },
	[CTL_SHOW_SUMMARY] = { "show summary",
		BIT(F_PREFIX) | BIT(F_COA) | BIT(F_DOMAIN) | BIT(F_OWNER), 0 },
	[CTL_SHOW_PORTS] = { "show ports", 0, 0 },
	[CTL_SHOW_LCORES] = { "show lcores", 0, 0 },
	[CTL_SHOW_COUNTERS] = { "show counters", 0, 0 },
	[CTL_SHOW_DROPS] = { "show drops", BIT(F_ALL), 0 },
	[CTL_SHOW_ROUTES] = { "show routes", 0, 0 },
	[CTL_SHOW_NEIGHBORS] = { "show neighbors", 0, 0 },
	[CTL_SHOW_ADDRESSES] = { "show addresses", 0, 0 },
	[CTL_SHOW_CONFIG] = { "show config", 0, 0 },
	[CTL_SHOW_STORE] = { "show store", 0, 0 },
	[CTL_SHOW_VERSION] = { "show version", 0, 0 },
	[CTL_SHOW_DOMAINS] = { "show domains", 0, 0 },
	[CTL_SHOW_PEERS] = { "show peers", 0, 0 },
	[CTL_SHOW_SA] = { "show sa", 0, 0 },
	[CTL_METRICS] = { "metrics", 0, 0 },
	[CTL_SHOW_ALARMS] = { "show alarms", BIT(F_ALL), 0 },
	[CTL_BINDING_DELETE] = { "binding delete", BIT(F_KEY), BIT(F_KEY) },
	[CTL_BINDING_MOVE] = { "binding move", BIT(F_KEY) | BIT(F_TO), BIT(F_KEY) | BIT(F_TO) },
	[CTL_READY] = { "ready", BIT(F_DOMAIN) | BIT(F_FORCE), 0 },
	[CTL_DRAIN] = { "drain", BIT(F_DOMAIN) | BIT(F_FORCE), 0 },
	[CTL_UNDRAIN] = { "undrain", BIT(F_DOMAIN), 0 },
	[CTL_RELOAD] = { "reload", 0, 0 },
	[CTL_TRACE] = { "trace", WATCH_FIELDS | BIT(F_STAGE), 0 },
	[CTL_CAPTURE] = { "capture", WATCH_FIELDS | BIT(F_SNAPLEN), 0 },
};

struct ctx {
	struct ctl_req *req;
	char *err;
	size_t err_len;
};

static int fault(const struct ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int fault(const struct ctx *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->err, c->err_len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int read_cmd(const struct ctx *c, const cJSON *v)
{
	for (unsigned i = 0; i < CTL_CMD_COUNT; i++) {
		if (strcmp(cmds[i].name, v->valuestring) == 0) {
			c->req->cmd = (enum ctl_cmd)i;
			return 0;
		}
	}
	return fault(c, "cmd: unknown command \"%.64s\"", v->valuestring);
}

static int read_addr(
	const struct ctx *c, enum field f, const cJSON *v, struct ip6_addr *out, bool *has)
{
	if (ip6_parse(v->valuestring, out) < 0)
		return fault(
			c, "%s: \"%.64s\" is not an IPv6 address", fields[f].name, v->valuestring);
	*has = true;
	return 0;
}

/* An address counts as a prefix of length 128. */
static int read_prefix(
	const struct ctx *c, enum field f, const cJSON *v, struct ip6_prefix *out, bool *has)
{
	const char *name = fields[f].name;
	int ret = 0;

	if (ip6_parse(v->valuestring, &out->addr) == 0)
		out->len = 128;
	else
		ret = ip6_prefix_parse(v->valuestring, out);
	if (ret == -EDOM)
		return fault(
			c, "%s: \"%.64s\" has bits set behind its length", name, v->valuestring);
	if (ret < 0)
		return fault(c, "%s: \"%.64s\" is not an IPv6 prefix", name, v->valuestring);
	*has = true;
	return 0;
}

/* No more than names have in a configuration: it may be logged before anybody has looked it up, and
 * is not to say more there than a name. */
static bool is_name(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("-_.", *text) == NULL)
			return false;
	return true;
}

static int read_name(const struct ctx *c, enum field f, const cJSON *v, char *out, size_t room)
{
	size_t n = strlen(v->valuestring);

	if (n == 0 || n >= room)
		return fault(c, "%s: a name has 1 to %zu octets", fields[f].name, room - 1);
	if (!is_name(v->valuestring))
		return fault(c, "%s: \"%.64s\" is not a name", fields[f].name, v->valuestring);
	memcpy(out, v->valuestring, n + 1);
	return 0;
}

static int read_stage(const struct ctx *c, const cJSON *v)
{
	struct watch_filter *f = &c->req->ask.filter;

	for (unsigned i = 0; i < TRACE_STAGE_COUNT; i++) {
		if (strcmp(trace_stage_name(i), v->valuestring) == 0) {
			f->stage = (uint8_t)i;
			f->has_stage = true;
			return 0;
		}
	}
	return fault(c, "stage: \"%.64s\" is none, see hamctl show lcores", v->valuestring);
}

static int read_reason(const struct ctx *c, const cJSON *v)
{
	struct watch_filter *f = &c->req->ask.filter;

	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		if (strcmp(dp_drop_name((enum dp_drop)i), v->valuestring) == 0) {
			f->reason = (enum dp_drop)i;
			f->has_reason = true;
			f->dropped = true;
			return 0;
		}
	}
	return fault(c, "reason: \"%.64s\" is none, see hamctl show drops --all", v->valuestring);
}

static int read_text(const struct ctx *c, enum field f, const cJSON *v)
{
	struct ctl_req *req = c->req;
	struct watch_filter *filter = &req->ask.filter;

	switch (f) {
	case F_CMD:
		return read_cmd(c, v);
	case F_KEY:
		return read_addr(c, f, v, &req->key, &req->has_key);
	case F_PREFIX:
		return read_prefix(c, f, v, &req->prefix, &req->has_prefix);
	case F_COA:
		return read_prefix(c, f, v, &req->coa, &req->has_coa);
	case F_DOMAIN:
		return read_name(c, f, v, req->domain, sizeof(req->domain));
	case F_OWNER:
	case F_TO:
		return read_name(c, f, v, req->site, sizeof(req->site));
	case F_SOURCE:
		return read_prefix(c, f, v, &filter->src, &filter->has_src);
	case F_DESTINATION:
		return read_prefix(c, f, v, &filter->dst, &filter->has_dst);
	case F_MOBILE_NODE:
		return read_addr(c, f, v, &filter->hoa, &filter->has_hoa);
	case F_PORT:
		return read_name(c, f, v, req->port, sizeof(req->port));
	case F_STAGE:
		return read_stage(c, v);
	default:
		return read_reason(c, v);
	}
}

static int read_number(const struct ctx *c, enum field f, const cJSON *v)
{
	uint32_t n;

	if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > fields[f].max ||
		v->valuedouble != (uint32_t)v->valuedouble)
		return fault(c, "%s: not a number from 0 to %u", fields[f].name, fields[f].max);
	n = (uint32_t)v->valuedouble;
	if (f == F_PACKETS)
		c->req->ask.count = n;
	else if (f == F_SECONDS)
		c->req->ask_seconds = n;
	else
		c->req->ask.snaplen = n;
	return 0;
}

static int read_field(const struct ctx *c, enum field f, const cJSON *v)
{
	switch (fields[f].type) {
	case FLAG:
		if (!cJSON_IsBool(v))
			return fault(c, "%s: not true or false", fields[f].name);
		if (f == F_ALL)
			c->req->all = cJSON_IsTrue(v);
		else if (f == F_FORCE)
			c->req->force = cJSON_IsTrue(v);
		else
			c->req->ask.filter.dropped |= cJSON_IsTrue(v);
		return 0;
	case NUMBER:
		return read_number(c, f, v);
	default:
		if (!cJSON_IsString(v))
			return fault(c, "%s: not a string", fields[f].name);
		return read_text(c, f, v);
	}
}

/* What a watch is asked for in the words of the other commands, and what was left out. */
static void complete(struct ctl_req *req, unsigned seen)
{
	req->ask.kind = req->cmd == CTL_TRACE ? WATCH_TRACE : WATCH_CAPTURE;
	req->ask.filter.has_any = req->has_prefix;
	req->ask.filter.any = req->prefix;
	if (req->cmd != CTL_TRACE)
		return;
	if (!(seen & BIT(F_PACKETS)))
		req->ask.count = TRACE_COUNT;
	if (!(seen & BIT(F_SECONDS)))
		req->ask_seconds = TRACE_SECONDS;
}

static enum field find_field(const char *name)
{
	unsigned f = 0;

	while (f < F_COUNT && strcmp(fields[f].name, name) != 0)
		f++;
	return (enum field)f;
}

static int read_object(const struct ctx *c, const cJSON *json)
{
	unsigned seen = 0, extra, missing;
	const cJSON *v;
	int ret;

	if (!cJSON_IsObject(json))
		return fault(c, "not a JSON object");
	cJSON_ArrayForEach(v, json)
	{
		enum field f = find_field(v->string);

		if (f == F_COUNT)
			return fault(c, "unknown key \"%.64s\"", v->string);
		if (seen & BIT(f))
			return fault(c, "duplicate key \"%s\"", v->string);
		seen |= BIT(f);
		ret = read_field(c, f, v);
		if (ret < 0)
			return ret;
	}
	if (!(seen & BIT(F_CMD)))
		return fault(c, "cmd: missing");
	extra = seen & ~BIT(F_CMD) & ~cmds[c->req->cmd].takes;
	missing = cmds[c->req->cmd].needs & ~seen;
	if (extra != 0)
		return fault(c, "%s: \"%s\" does not take it", fields[__builtin_ctz(extra)].name,
			cmds[c->req->cmd].name);
	if (missing != 0)
		return fault(c, "%s: missing", fields[__builtin_ctz(missing)].name);
	complete(c->req, seen);
	return 0;
}

int request_parse(const char *line, size_t len, struct ctl_req *req, char *err, size_t err_len)
{
	const struct ctx c = { .req = req, .err = err, .err_len = err_len };
	const char *end = line;
	cJSON *json = cJSON_ParseWithLengthOpts(line, len, &end, false);
	int ret;

	if (json == NULL)
		return fault(&c, "not JSON");
	/* cJSON stops behind the value: only spaces may follow. */
	while (end < line + len && strchr(" \t\r", *end) != NULL && *end != '\0')
		end++;
	ret = end == line + len ? read_object(&c, json) : fault(&c, "something behind the object");
	cJSON_Delete(json);
	return ret;
}
