/* SPDX-License-Identifier: BSD-3-Clause */
/* The field tables as JSON Schema, draft 2020-12. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "conf/conf.h"
#include "conf/field.h"

#define ADDRESS_PATTERN "^[0-9A-Fa-f:.]+$"
#define KEY_PATTERN     "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"
#define PREFIX_PATTERN  "^[0-9A-Fa-f:.]+/(0|[1-9][0-9]?|1[01][0-9]|12[0-8])$"

static cJSON *describe(cJSON *json, const struct conf_section *s);

static cJSON *values(const struct conf_field *f)
{
	cJSON *array = cJSON_CreateArray();

	for (unsigned i = 0; f->values[i] != NULL; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(f->values[i]));
	return array;
}

static cJSON *typed(const char *type)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", type);
	return json;
}

static cJSON *number_schema(const struct conf_field *f)
{
	cJSON *json = typed("integer");

	cJSON_AddNumberToObject(json, "minimum", f->min);
	cJSON_AddNumberToObject(json, "maximum", f->max);
	if (f->multiple > 0)
		cJSON_AddNumberToObject(json, "multipleOf", f->multiple);
	return json;
}

static cJSON *string_schema(const struct conf_field *f, const char *format, const char *pattern)
{
	cJSON *json = typed("string");

	if (f->max > 0 && !f->list)
		cJSON_AddNumberToObject(json, "maxLength", f->max - 1);
	if (format != NULL)
		cJSON_AddStringToObject(json, "format", format);
	cJSON_AddStringToObject(json, "pattern", pattern);
	return json;
}

static cJSON *enum_schema(const struct conf_field *f)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddItemToObject(json, "enum", values(f));
	return json;
}

static cJSON *number_or_word_schema(const struct conf_field *f)
{
	cJSON *json = cJSON_CreateObject(), *any = cJSON_AddArrayToObject(json, "anyOf");

	cJSON_AddItemToArray(any, number_schema(f));
	cJSON_AddItemToArray(any, enum_schema(f));
	return json;
}

static cJSON *array_schema(const struct conf_field *f, cJSON *items)
{
	cJSON *json = typed("array");

	cJSON_AddItemToObject(json, "items", items);
	cJSON_AddNumberToObject(json, "minItems", f->min);
	cJSON_AddNumberToObject(json, "maxItems", f->max);
	if (f->type == CONF_SET)
		cJSON_AddTrueToObject(json, "uniqueItems");
	return json;
}

static cJSON *item_schema(const struct conf_field *f)
{
	cJSON *json;

	switch (f->type) {
	case CONF_U32:
		return f->values != NULL ? number_or_word_schema(f) : number_schema(f);
	case CONF_BOOL:
		return typed("boolean");
	case CONF_STR:
	case CONF_TEXT:
	case CONF_PORT:
		return string_schema(f, NULL, f->pattern);
	case CONF_WORD:
	case CONF_ENUM:
		return enum_schema(f);
	case CONF_SET:
		return array_schema(f, enum_schema(f));
	case CONF_IP6:
		return string_schema(f, "ipv6", ADDRESS_PATTERN);
	case CONF_KEY:
		return string_schema(f, NULL, KEY_PATTERN);
	case CONF_PREFIX:
	case CONF_IFADDR:
		return string_schema(f, NULL, PREFIX_PATTERN);
	case CONF_OBJECT:
		return describe(cJSON_CreateObject(), f->section);
	case CONF_EMPTY:
		json = typed("array");
		cJSON_AddNumberToObject(json, "maxItems", 0);
		return json;
	default:
		return typed("null");
	}
}

static cJSON *default_of(const struct conf_field *f)
{
	cJSON *array;

	if (f->list)
		return cJSON_CreateArray();
	switch (f->type) {
	case CONF_U32:
		return conf_word(f, f->def) != NULL ? cJSON_CreateString(conf_word(f, f->def))
						    : cJSON_CreateNumber(f->def);
	case CONF_BOOL:
		return cJSON_CreateBool(f->def != 0);
	case CONF_STR:
	case CONF_WORD:
		return cJSON_CreateString(f->def_text);
	case CONF_ENUM:
		return cJSON_CreateString(f->values[f->def]);
	case CONF_SET:
		array = cJSON_CreateArray();
		for (unsigned i = 0; f->values[i] != NULL; i++) {
			if (f->def >> i & 1)
				cJSON_AddItemToArray(array, cJSON_CreateString(f->values[i]));
		}
		return array;
	default:
		return cJSON_CreateNull();
	}
}

static void add_description(cJSON *json, const struct conf_field *f)
{
	char text[1024];

	if (f->derived == NULL) {
		cJSON_AddStringToObject(json, "description", f->help);
		return;
	}
	snprintf(text, sizeof(text), "%s Default: %s.", f->help, f->derived);
	cJSON_AddStringToObject(json, "description", text);
}

/* Add to json, which is returned, what an object of the section looks like. */
static cJSON *describe(cJSON *json, const struct conf_section *s)
{
	cJSON *required = cJSON_CreateArray();
	cJSON *properties;

	cJSON_AddStringToObject(json, "type", "object");
	cJSON_AddFalseToObject(json, "additionalProperties");
	properties = cJSON_AddObjectToObject(json, "properties");
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];
		cJSON *value = item_schema(f);

		if (f->list)
			value = array_schema(f, value);
		add_description(value, f);
		if (f->required)
			cJSON_AddItemToArray(required, cJSON_CreateString(f->key));
		else if (f->derived == NULL && !f->optional && (f->list || f->type != CONF_OBJECT))
			cJSON_AddItemToObject(value, "default", default_of(f));
		cJSON_AddItemToObject(properties, f->key, value);
	}
	cJSON_AddItemToObject(json, "required", required);
	return json;
}

void conf_print_schema(FILE *to)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(json, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(json, "title", "hamd.json");
	cJSON_AddStringToObject(
		json, "description", "Configuration of hamd, a Mobile IPv6 home agent.");
	text = cJSON_Print(describe(json, conf_root()));
	if (text != NULL)
		fprintf(to, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(json);
}
