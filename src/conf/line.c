/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/scan.h"

#define NODES 64 /* values in a line; the tables have 11 keys */

struct conf_lines {
	struct conf_ctx c;
	const struct conf *conf;
	const struct conf_domain *domain;
	struct conf_place *hidden; /* parts of mobile prefixes that routes take away, disjoint */
	uint32_t hidden_count;
	cJSON node[NODES];
};

/* --- home addresses behind routes --- */

/* Routes that are longer than a mobile prefix which holds them. One inside another adds nothing. */
static int find_hidden(struct conf_lines *r)
{
	const struct conf *conf = r->conf;
	uint32_t n = 0;

	r->hidden = calloc(conf->route_count > 0 ? conf->route_count : 1, sizeof(*r->hidden));
	if (r->hidden == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < conf->route_count; i++) {
		const struct ip6_prefix *p = &conf->routes[i].prefix;

		for (uint32_t j = 0; j < r->domain->mobile_prefix_count; j++) {
			if (p->len > r->domain->mobile_prefixes[j].len &&
				ip6_in_prefix(&p->addr, &r->domain->mobile_prefixes[j]))
				r->hidden[n++] = (struct conf_place){ *p, i, j };
		}
	}
	qsort(r->hidden, n, sizeof(*r->hidden), conf_place_cmp);
	for (uint32_t i = 0; i < n; i++) {
		if (r->hidden_count == 0 || !ip6_prefix_overlap(&r->hidden[i].prefix,
						    &r->hidden[r->hidden_count - 1].prefix))
			r->hidden[r->hidden_count++] = r->hidden[i];
	}
	return 0;
}

int conf_lines_new(
	const struct conf *conf, uint32_t domain, const char *name, struct conf_lines **out)
{
	struct conf_lines *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->c.name = name;
	r->c.in_place = true;
	r->conf = conf;
	r->domain = &conf->domains[domain];
	if (find_hidden(r) < 0) {
		conf_lines_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void conf_lines_free(struct conf_lines *r)
{
	if (r == NULL)
		return;
	free(r->hidden);
	free(r);
}

/* --- from text to cJSON's tree, in place --- */

/* A text that conf_scan_line() let through: nothing in it is out of place. */
struct tree {
	char *at;
	cJSON *next, *end; /* values to be used */
};

static void skip_space(struct tree *t)
{
	while (*t->at == ' ' || *t->at == '\t' || *t->at == '\r' || *t->at == '\n')
		t->at++;
}

static uint32_t take_hex4(const char *p)
{
	uint32_t code = 0;

	for (unsigned i = 0; i < 4; i++)
		code = code << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return code;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* What follows the backslash at *from; never more octets than it was (RFC 8259, 7). */
static char *take_escape(const char **from, char *to)
{
	static const char letters[] = "bfnrt", octets[] = "\b\f\n\r\t";
	const char *p = *from, *letter = strchr(letters, *p);
	uint32_t code;

	if (*p != 'u') {
		*to++ = letter != NULL ? octets[letter - letters] : *p;
		*from = p + 1;
		return to;
	}
	code = take_hex4(p + 1);
	p += 5;
	if (code >= 0xd800 && code <= 0xdbff) {
		code = 0x10000 + ((code - 0xd800) << 10) + (take_hex4(p + 2) - 0xdc00);
		p += 6;
	}
	*from = p;
	return put_utf8(to, code);
}

/* The string that begins here, ended by a zero. */
static char *take_string(struct tree *t)
{
	char *start = t->at + 1, *to = start;
	const char *from = start;

	while (*from != '"') {
		if (*from == '\\') {
			from++;
			to = take_escape(&from, to);
		} else {
			*to++ = *from++;
		}
	}
	t->at = (char *)from + 1;
	*to = '\0';
	return start;
}

static cJSON *take_value(struct tree *t);

/* False: more values than there is room for. */
static bool take_items(struct tree *t, cJSON *list, bool is_object)
{
	const char close = is_object ? '}' : ']';
	cJSON **link = &list->child, *item;
	char *key = NULL;

	t->at++;
	skip_space(t);
	while (*t->at != close) {
		if (is_object) {
			key = take_string(t);
			skip_space(t);
			t->at++; /* the colon */
		}
		item = take_value(t);
		if (item == NULL)
			return false;
		item->string = key;
		*link = item;
		link = &item->next;
		skip_space(t);
		t->at += *t->at == ',';
		skip_space(t);
	}
	t->at++;
	return true;
}

/* The value that begins here, NULL: there is no room for it. */
static cJSON *take_value(struct tree *t)
{
	cJSON *v = t->next;
	char *end;

	if (v == t->end)
		return NULL;
	t->next++;
	memset(v, 0, sizeof(*v));
	skip_space(t);
	switch (*t->at) {
	case '{':
		v->type = cJSON_Object;
		return take_items(t, v, true) ? v : NULL;
	case '[':
		v->type = cJSON_Array;
		return take_items(t, v, false) ? v : NULL;
	case '"':
		v->type = cJSON_String;
		v->valuestring = take_string(t);
		return v;
	case 't':
		v->type = cJSON_True;
		t->at += strlen("true");
		return v;
	case 'f':
		v->type = cJSON_False;
		t->at += strlen("false");
		return v;
	case 'n':
		v->type = cJSON_NULL;
		t->at += strlen("null");
		return v;
	default:
		v->type = cJSON_Number;
		v->valuedouble = strtod(t->at, &end);
		t->at = end;
		return v;
	}
}

/* --- what it says --- */

static int check_address(struct conf_lines *r, const struct ip6_addr *a)
{
	const char *why = conf_why_no_home_address(r->domain, a);
	char text[IP6_STRLEN], prefix[IP6_PREFIX_STRLEN];
	uint32_t low = 0, high = r->hidden_count;

	if (why != NULL)
		return conf_err(&r->c, "home-address", "%s %s", ip6_str(a, text), why);
	/* the last one that begins at or before the address: no other can hold it */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(&r->hidden[middle].prefix.addr, a, sizeof(*a)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !ip6_in_prefix(a, &r->hidden[low - 1].prefix))
		return 0;
	return conf_err(&r->c, "home-address", "%s is hidden by routes[%u] (%s)", ip6_str(a, text),
		r->hidden[low - 1].i, ip6_prefix_str(&r->hidden[low - 1].prefix, prefix));
}

static int complete(struct conf_lines *r, struct conf_mobile_node *mn)
{
	const struct conf_subscriber_default *def = &r->domain->subscribers.def;
	struct conf_auth_fault fault = conf_auth_complete(CONF_AUTH_LINE, &def->auth, &mn->auth);
	const char *why;

	if (fault.why != NULL) {
		r->c.path[r->c.depth].key = "auth";
		r->c.path[r->c.depth++].index = -1;
		return conf_err(&r->c, fault.key, "%s", fault.why);
	}
	why = conf_why_no_lifetime(r->domain, mn->lifetime_max_s);
	if (why != NULL)
		return conf_err(&r->c, "lifetime-max-s", "%u %s", mn->lifetime_max_s, why);
	if (mn->lifetime_max_s == 0)
		mn->lifetime_max_s = def->lifetime_max_s;
	if (mn->lifetime_max_s == 0)
		mn->lifetime_max_s = r->domain->lifetime_max_s;
	return check_address(r, &mn->home_address);
}

int conf_line_read(struct conf_lines *r, uint32_t number, char *text, size_t len,
	struct conf_mobile_node *out, char *err, size_t err_len)
{
	struct tree t = { .at = text, .next = r->node, .end = r->node + NODES };
	struct conf_fault fault;
	const cJSON *json;

	assert(text[len] == '\0');
	if (strspn(text, " \t\r") == len)
		return 0;
	r->c.line = number;
	r->c.err = err;
	r->c.err_len = err_len;
	r->c.depth = 0;
	if (!conf_scan_line(text, len, &fault)) {
		snprintf(err, err_len, "%s:%u:%u: %s", r->c.name, number, fault.column, fault.why);
		return -EINVAL;
	}
	json = take_value(&t);
	if (json == NULL)
		return conf_refuse(&r->c, "more than %d values", NODES);
	memset(out, 0, sizeof(*out));
	if (conf_object(&r->c, json, conf_line(), out) < 0)
		return -EINVAL;
	return complete(r, out) < 0 ? -EINVAL : 1;
}
