/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a key of the configuration is: its name, type, default, range and help, and where its
 * value goes. One set of tables (fields.c) makes the parser (parse.c), what `hamd -t -v` shows
 * (print.c), the JSON Schema (schema.c) and the man page's tables (schema_gen.c).
 * Constant data, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONF_KEYS_MAX 32 /* keys of one object: `given` is 32 bits */

enum conf_type {
	CONF_U32, /* uint32_t; with `values` also one of these words, stored as word_base and its
		   * index: less than min, or more than max */
	CONF_BOOL, /* bool */
	CONF_STR, /* char[max], the zero included; `check` says whether it will do */
	CONF_TEXT, /* char *, at most max - 1 octets, or NULL; checked as a CONF_STR is */
	CONF_SECRET, /* char * to the octets that were read, not copied; never printed */
	CONF_WORD, /* char[max], one of `values` */
	CONF_ENUM, /* an enum: the index in `values` */
	CONF_SET, /* an array of `values`: the i-th turns on the i-th bool at offset */
	CONF_IP6, /* struct ip6_addr */
	CONF_PREFIX, /* struct ip6_prefix without host bits */
	CONF_IFADDR, /* struct ip6_prefix with host bits: an address and its prefix length */
	CONF_KEY, /* uint8_t[CONF_KEY_LEN], written in base64; no secret */
	CONF_PORT, /* int: the index of the port of that name */
	CONF_NULL, /* null and nothing else, for the reason in `why`; stored nowhere */
	CONF_EMPTY, /* an empty array and nothing else, likewise */
	CONF_OBJECT, /* the structure that `section` describes */
	CONF_TYPE_COUNT
};

struct conf_section;

struct conf_field {
	const char *key;
	enum conf_type type;
	size_t offset;
	bool required;
	bool optional; /* left out: zero, and nothing is said of it */
	bool quiet; /* messages do not quote the value: a secret may stand there by mistake */
	bool live; /* a reload may change it */
	bool list; /* an array: a pointer at offset, the uint32_t number of items at count */
	size_t count;
	uint32_t min, max; /* of a CONF_U32 the range, of a list and a set how many items */
	uint32_t word_base;
	uint32_t multiple; /* CONF_U32: a multiple of that, 0 = any */
	uint32_t def; /* CONF_U32, CONF_BOOL, CONF_ENUM, CONF_SET (bit i = values[i]) */
	const char *def_text; /* CONF_STR, CONF_WORD */
	const char *derived; /* the default comes from elsewhere: what to tell the reader */
	const char *const *values; /* ends in NULL */
	const char *(*check)(const char *text); /* text.h */
	const char *pattern; /* what check wants, for the schema */
	const char *why;
	const struct conf_section *section;
	const char *help; /* sentences; each ends in a full stop */
};

#define CONF_NONE_GIVEN SIZE_MAX

struct conf_section {
	const struct conf_field *fields;
	size_t field_count; /* <= CONF_KEYS_MAX */
	size_t size; /* of the structure; as one item of a list */
	size_t given; /* offset of the mask of written keys; CONF_NONE_GIVEN: all are required */
};

const struct conf_section *conf_root(void);
const struct conf_section *conf_node(void); /* struct conf_node */
/* An item of domains, into a struct conf_domain. */
const struct conf_section *conf_domain(void);
/* A line of a subscribers file, into a struct conf_mobile_node. */
const struct conf_section *conf_line(void);

/* An object called auth may stand in four places, which differ in what they may leave out. */
enum conf_auth_place {
	CONF_AUTH_NODE,
	CONF_AUTH_DEFAULT,
	CONF_AUTH_RANGE,
	CONF_AUTH_LINE,
	CONF_AUTH_PLACE_COUNT
};

const struct conf_section *conf_auth_section(enum conf_auth_place place);

/* Octets of one value of the field, of one item of its list. */
size_t conf_item_size(const struct conf_field *f);

/* Whether the i-th key of its table was written. */
static inline bool conf_is_given(const struct conf_section *s, const void *obj, size_t field)
{
	if (s->given == CONF_NONE_GIVEN)
		return true;
	return *(const uint32_t *)((const char *)obj + s->given) >> field & 1;
}

/* Whether the key that is stored at that offset was written; false: the table has none there. */
static inline bool conf_is_given_at(const struct conf_section *s, const void *obj, size_t offset)
{
	for (size_t i = 0; i < s->field_count; i++) {
		if (s->fields[i].offset == offset)
			return conf_is_given(s, obj, i);
	}
	return false;
}

/* The word that a CONF_U32 of this value is written as, or NULL. */
static inline const char *conf_word(const struct conf_field *f, uint32_t value)
{
	for (uint32_t i = 0; f->values != NULL && f->values[i] != NULL; i++) {
		if (value == f->word_base + i)
			return f->values[i];
	}
	return NULL;
}

static inline const void *conf_value(const struct conf_field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

static inline uint32_t conf_list_count(const struct conf_field *f, const void *obj)
{
	return *(const uint32_t *)((const char *)obj + f->count);
}

/* The pointer that a list's or a CONF_TEXT's member is. */
static inline void *conf_list(const struct conf_field *f, const void *obj)
{
	void *items; /* the member is a pointer of another type: read it as octets */

	memcpy(&items, conf_value(f, obj), sizeof(items));
	return items;
}

static inline const void *conf_list_item(const struct conf_field *f, const void *obj, uint32_t i)
{
	return (const char *)conf_list(f, obj) + i * conf_item_size(f);
}
