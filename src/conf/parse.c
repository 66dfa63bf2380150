/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/parse.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"

#define QUOTED "\"%.100s\""

static int expected(struct conf_ctx *c, const cJSON *json, const char *what)
{
	const char *is = cJSON_IsObject(json)   ? "an object"
			 : cJSON_IsArray(json)  ? "an array"
			 : cJSON_IsString(json) ? "a string"
			 : cJSON_IsNumber(json) ? "a number"
			 : cJSON_IsNull(json)   ? "null"
						: "true or false";

	return conf_err(c, NULL, "expected %s, not %s", what, is);
}

static int read_bool(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)f;
	if (!cJSON_IsBool(json))
		return expected(c, json, "true or false");
	*(bool *)to = cJSON_IsTrue(json);
	return 0;
}

/* 0: the string will do for the field. */
static int check_str(struct conf_ctx *c, const cJSON *json, const struct conf_field *f)
{
	const char *why;

	if (!cJSON_IsString(json))
		return expected(c, json, "a string");
	if (strlen(json->valuestring) >= f->max)
		return conf_err(c, NULL, "longer than %u octets", f->max - 1);
	why = f->check(json->valuestring);
	if (why == NULL)
		return 0;
	if (f->quiet)
		return conf_err(c, NULL, "%s", why);
	return conf_err(c, NULL, QUOTED " %s", json->valuestring, why);
}

static int read_str(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	int ret = check_str(c, json, f);

	if (ret == 0)
		memcpy(to, json->valuestring, strlen(json->valuestring) + 1);
	return ret;
}

static int read_text(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	int ret = check_str(c, json, f);
	char *text;

	if (ret < 0)
		return ret;
	text = c->in_place ? json->valuestring : strdup(json->valuestring);
	if (text == NULL)
		return conf_no_memory(c);
	memcpy(to, &text, sizeof(text));
	return 0;
}

/* What stands in a secret's place is quoted by no message. */
static int read_secret(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	assert(c->in_place);
	if (!cJSON_IsString(json))
		return expected(c, json, "a string");
	if (strlen(json->valuestring) >= f->max)
		return conf_err(c, NULL, "longer than %u octets", f->max - 1);
	memcpy(to, &json->valuestring, sizeof(json->valuestring));
	return 0;
}

/* The index of a string in f->values, or -EINVAL. */
static int read_value(struct conf_ctx *c, const cJSON *json, const struct conf_field *f)
{
	char all[128] = "";
	size_t len = 0;

	if (!cJSON_IsString(json))
		return expected(c, json, "a string");
	for (int i = 0; f->values[i] != NULL; i++) {
		if (strcmp(f->values[i], json->valuestring) == 0)
			return i;
		len += (size_t)snprintf(
			all + len, sizeof(all) - len, "%s\"%s\"", i > 0 ? ", " : "", f->values[i]);
		assert(len < sizeof(all));
	}
	if (f->values[1] == NULL)
		return conf_err(c, NULL, QUOTED " is not supported, %s is the only choice",
			json->valuestring, all);
	return conf_err(c, NULL, QUOTED " is not one of %s", json->valuestring, all);
}

static int read_word(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	int i = read_value(c, json, f);

	if (i < 0)
		return i;
	memcpy(to, f->values[i], strlen(f->values[i]) + 1);
	return 0;
}

static int read_enum(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	int i = read_value(c, json, f);
	uint32_t v = f->word_base + (uint32_t)i;

	if (i < 0)
		return i;
	memcpy(to, &v, sizeof(v));
	return 0;
}

static int read_u32(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	double d = json->valuedouble;
	uint32_t v;

	if (f->values != NULL && cJSON_IsString(json))
		return read_enum(c, json, f, to);
	if (!cJSON_IsNumber(json))
		return expected(c, json, f->values != NULL ? "an integer or a word" : "an integer");
	if (!(d >= f->min && d <= f->max))
		return conf_err(c, NULL, "%.15g is outside %u..%u", d, f->min, f->max);
	v = (uint32_t)d;
	if (v != d)
		return conf_err(c, NULL, "%.15g is not an integer", d);
	if (f->multiple > 0 && v % f->multiple != 0)
		return conf_err(c, NULL, "%u is not a multiple of %u", v, f->multiple);
	memcpy(to, &v, sizeof(v));
	return 0;
}

static int read_set(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	bool *on = to;
	const cJSON *item;

	if (!cJSON_IsArray(json))
		return expected(c, json, "an array");
	if (json->child == NULL && f->min > 0)
		return conf_err(c, NULL, "an empty list; at least %u is needed", f->min);
	cJSON_ArrayForEach(item, json)
	{
		c->path[c->depth - 1].index++;
		int i = read_value(c, item, f);

		if (i < 0)
			return i;
		if (on[i])
			return conf_err(c, NULL, QUOTED " stands here twice", f->values[i]);
		on[i] = true;
	}
	return 0;
}

static int read_ip6(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)f;
	if (!cJSON_IsString(json))
		return expected(c, json, "an IPv6 address");
	if (ip6_parse(json->valuestring, to) < 0)
		return conf_err(c, NULL, QUOTED " is not an IPv6 address", json->valuestring);
	return 0;
}

static int read_prefix(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	struct ip6_prefix *prefix = to;
	char text[IP6_PREFIX_STRLEN];
	int ret;

	if (!cJSON_IsString(json))
		return expected(c, json, "an IPv6 prefix");
	ret = ip6_prefix_parse(json->valuestring, prefix);
	if (ret == -EDOM && f->type == CONF_IFADDR)
		return 0;
	if (ret == -EDOM) {
		ip6_prefix_mask(prefix);
		return conf_err(c, NULL,
			QUOTED " has bits set behind its prefix length; %s is meant?",
			json->valuestring, ip6_prefix_str(prefix, text));
	}
	if (ret < 0)
		return conf_err(c, NULL, QUOTED " is not %s", json->valuestring,
			f->type == CONF_IFADDR ? "an IPv6 address with its prefix length"
					       : "an IPv6 prefix");
	return 0;
}

static int read_key(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)f;
	if (!cJSON_IsString(json))
		return expected(c, json, "a string");
	if (!conf_key_parse(json->valuestring, to))
		return conf_err(c, NULL, QUOTED " is not a public key: %d octets in base64",
			json->valuestring, CONF_KEY_LEN);
	return 0;
}

static int read_port(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)f;
	if (!cJSON_IsString(json))
		return expected(c, json, "the name of a port");
	for (uint32_t i = 0; i < c->conf->port_count; i++) {
		if (strcmp(c->conf->ports[i].name, json->valuestring) == 0) {
			*(int *)to = (int)i;
			return 0;
		}
	}
	return conf_err(c, NULL, "no port is named " QUOTED, json->valuestring);
}

static int read_null(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)to;
	return cJSON_IsNull(json) ? 0 : conf_err(c, NULL, "%s; only null is possible", f->why);
}

static int read_empty(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	(void)to;
	if (!cJSON_IsArray(json))
		return expected(c, json, "an array");
	return json->child == NULL
		       ? 0
		       : conf_err(c, NULL, "%s; only an empty list is possible", f->why);
}

static int read_object(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	return conf_object(c, json, f->section, to);
}

static int read_item(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, void *to)
{
	static int (*const read[CONF_TYPE_COUNT])(
		struct conf_ctx * c, const cJSON *json, const struct conf_field *f, void *to) = {
		[CONF_U32] = read_u32,
		[CONF_BOOL] = read_bool,
		[CONF_STR] = read_str,
		[CONF_TEXT] = read_text,
		[CONF_SECRET] = read_secret,
		[CONF_WORD] = read_word,
		[CONF_ENUM] = read_enum,
		[CONF_SET] = read_set,
		[CONF_IP6] = read_ip6,
		[CONF_PREFIX] = read_prefix,
		[CONF_IFADDR] = read_prefix,
		[CONF_KEY] = read_key,
		[CONF_PORT] = read_port,
		[CONF_NULL] = read_null,
		[CONF_EMPTY] = read_empty,
		[CONF_OBJECT] = read_object,
	};

	return read[f->type](c, json, f, to);
}

static int read_list(struct conf_ctx *c, const cJSON *json, const struct conf_field *f, char *obj)
{
	uint32_t *count = (uint32_t *)(obj + f->count);
	size_t size = conf_item_size(f);
	const cJSON *item;
	char *items;
	int n;

	if (!cJSON_IsArray(json))
		return expected(c, json, "an array");
	n = cJSON_GetArraySize(json);
	if ((uint32_t)n < f->min)
		return conf_err(c, NULL, "an empty list; at least %u is needed", f->min);
	if ((uint32_t)n > f->max)
		return conf_err(c, NULL, "%d items are more than %u", n, f->max);
	if (n == 0)
		return 0;
	items = calloc((size_t)n, size);
	if (items == NULL)
		return conf_no_memory(c);
	memcpy(obj + f->offset, &items, sizeof(items));
	*count = (uint32_t)n;
	cJSON_ArrayForEach(item, json)
	{
		c->path[c->depth - 1].index++;
		int ret = read_item(c, item, f, items);

		if (ret < 0)
			return ret;
		items += size;
	}
	return 0;
}

static int take_default(struct conf_ctx *c, const struct conf_field *f, void *to)
{
	static const int no_port = -1;

	if (f->required)
		return conf_err(c, NULL, "is missing");
	if (f->list || f->optional) /* empty, as it is */
		return 0;
	switch (f->type) {
	case CONF_U32:
	case CONF_ENUM:
		memcpy(to, &f->def, sizeof(f->def));
		break;
	case CONF_BOOL:
		*(bool *)to = f->def != 0;
		break;
	case CONF_STR:
	case CONF_WORD:
		if (f->def_text != NULL)
			memcpy(to, f->def_text, strlen(f->def_text) + 1);
		break;
	case CONF_SET:
		for (unsigned i = 0; f->values[i] != NULL; i++)
			((bool *)to)[i] = f->def >> i & 1;
		break;
	case CONF_PORT:
		memcpy(to, &no_port, sizeof(no_port));
		break;
	case CONF_OBJECT:
		return conf_object(c, NULL, f->section, to);
	default:
		break;
	}
	return 0;
}

/* Which key is in the file: fills found[] by the index in the table. */
static int find_keys(struct conf_ctx *c, const cJSON *json, const struct conf_section *s,
	const cJSON *found[static CONF_KEYS_MAX])
{
	const char *keys[CONF_KEYS_MAX + 1] = { NULL };
	const char *near;
	const cJSON *item;
	size_t i;

	cJSON_ArrayForEach(item, json)
	{
		for (i = 0; i < s->field_count; i++) {
			if (strcmp(s->fields[i].key, item->string) == 0)
				break;
		}
		if (i == s->field_count)
			break;
		if (found[i] != NULL)
			return conf_err(c, item->string, "stands here twice");
		found[i] = item;
	}
	if (item == NULL)
		return 0;
	for (i = 0; i < s->field_count; i++)
		keys[i] = s->fields[i].key;
	near = conf_nearest(item->string, keys);
	if (near == NULL)
		return conf_err(c, item->string, "unknown key");
	return conf_err(c, item->string, "unknown key; did you mean \"%s\"?", near);
}

int conf_object(struct conf_ctx *c, const cJSON *json, const struct conf_section *s, void *obj)
{
	const cJSON *found[CONF_KEYS_MAX] = { NULL };
	uint32_t given = 0;
	int ret = 0;

	assert(c->depth < CONF_PATH_DEPTH && s->field_count <= CONF_KEYS_MAX);
	if (json != NULL && !cJSON_IsObject(json))
		return expected(c, json, "an object");
	if (json != NULL && find_keys(c, json, s, found) < 0)
		return -EINVAL;
	for (size_t i = 0; i < s->field_count && ret == 0; i++) {
		const struct conf_field *f = &s->fields[i];
		char *to = (char *)obj + f->offset;

		c->path[c->depth].key = f->key;
		c->path[c->depth++].index = -1;
		if (found[i] == NULL)
			ret = take_default(c, f, to);
		else
			ret = f->list ? read_list(c, found[i], f, obj)
				      : read_item(c, found[i], f, to);
		c->depth--;
		given |= (uint32_t)(found[i] != NULL) << i;
	}
	if (s->given != CONF_NONE_GIVEN)
		memcpy((char *)obj + s->given, &given, sizeof(given));
	return ret;
}

void conf_release(const struct conf_section *s, void *obj)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];
		uint32_t n = f->list ? conf_list_count(f, obj) : 1;

		for (uint32_t j = 0; f->type == CONF_OBJECT && j < n; j++)
			conf_release(f->section,
				(void *)(f->list ? conf_list_item(f, obj, j) : conf_value(f, obj)));
		if (f->list || f->type == CONF_TEXT)
			free(conf_list(f, obj));
	}
}
