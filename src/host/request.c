/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/request.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum field { F_CMD, F_KEY, F_PREFIX, F_COA, F_DOMAIN, F_ALL, F_COUNT };

#define BIT(f) (1U << (f))

static const char *const field_names[F_COUNT] = {
	[F_CMD] = "cmd",
	[F_KEY] = "key",
	[F_PREFIX] = "prefix",
	[F_COA] = "coa",
	[F_DOMAIN] = "domain",
	[F_ALL] = "all",
};

static const struct {
	const char *name;
	unsigned takes, needs; /* bits of enum field */
} cmds[CTL_CMD_COUNT] = {
	[CTL_SHOW_BINDINGS] = { "show bindings",
		BIT(F_PREFIX) | BIT(F_COA) | BIT(F_DOMAIN) | BIT(F_ALL), 0 },
	[CTL_SHOW_BINDING] = { "show binding", BIT(F_KEY), BIT(F_KEY) },
	[CTL_SHOW_SUMMARY] = { "show summary", BIT(F_PREFIX) | BIT(F_COA) | BIT(F_DOMAIN), 0 },
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
	[CTL_METRICS] = { "metrics", 0, 0 },
	[CTL_SHOW_ALARMS] = { "show alarms", BIT(F_ALL), 0 },
	[CTL_BINDING_DELETE] = { "binding delete", BIT(F_KEY), BIT(F_KEY) },
	[CTL_RELOAD] = { "reload", 0, 0 },
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

static int read_key(const struct ctx *c, const cJSON *v)
{
	if (ip6_parse(v->valuestring, &c->req->key) < 0)
		return fault(c, "key: \"%.64s\" is not an IPv6 address", v->valuestring);
	c->req->has_key = true;
	return 0;
}

/* An address counts as a prefix of length 128. */
static int read_prefix(
	const struct ctx *c, const char *name, const cJSON *v, struct ip6_prefix *out, bool *has)
{
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

static int read_domain(const struct ctx *c, const cJSON *v)
{
	size_t n = strlen(v->valuestring);

	if (n == 0 || n >= sizeof(c->req->domain))
		return fault(c, "domain: a name has 1 to %zu octets", sizeof(c->req->domain) - 1);
	memcpy(c->req->domain, v->valuestring, n + 1);
	return 0;
}

static int read_field(const struct ctx *c, enum field f, const cJSON *v)
{
	struct ctl_req *req = c->req;

	if (f == F_ALL) {
		req->all = cJSON_IsTrue(v);
		return cJSON_IsBool(v) ? 0 : fault(c, "all: not true or false");
	}
	if (!cJSON_IsString(v))
		return fault(c, "%s: not a string", field_names[f]);
	switch (f) {
	case F_CMD:
		return read_cmd(c, v);
	case F_KEY:
		return read_key(c, v);
	case F_PREFIX:
		return read_prefix(c, "prefix", v, &req->prefix, &req->has_prefix);
	case F_COA:
		return read_prefix(c, "coa", v, &req->coa, &req->has_coa);
	default:
		return read_domain(c, v);
	}
}

static enum field find_field(const char *name)
{
	unsigned f = 0;

	while (f < F_COUNT && strcmp(field_names[f], name) != 0)
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
		return fault(c, "%s: \"%s\" does not take it", field_names[__builtin_ctz(extra)],
			cmds[c->req->cmd].name);
	if (missing != 0)
		return fault(c, "%s: missing", field_names[__builtin_ctz(missing)]);
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
