/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reload would have to change: two structures, field by field of the tables. */
#include <assert.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/field.h"
#include "conf/path.h"

static_assert(CONF_PATH_LEN <= CONF_DIFF_MAX, "a path has room");

static bool same_section(
	struct conf_path *p, const struct conf_section *s, const void *a, const void *b);

static bool same_text(const void *a, const void *b)
{
	const char *x, *y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static bool same_set(const struct conf_field *f, const bool *a, const bool *b)
{
	for (unsigned i = 0; f->values[i] != NULL; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool same_prefix(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_eq(&a->addr, &b->addr);
}

static bool same_value(
	struct conf_path *p, const struct conf_field *f, const void *a, const void *b)
{
	switch (f->type) {
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONF_STR:
	case CONF_WORD:
		return strcmp(a, b) == 0;
	case CONF_TEXT:
		return same_text(a, b);
	case CONF_SET:
		return same_set(f, a, b);
	case CONF_PREFIX:
	case CONF_IFADDR:
		return same_prefix(a, b);
	case CONF_NULL:
	case CONF_EMPTY:
		return true;
	case CONF_OBJECT:
		return same_section(p, f->section, a, b);
	default: /* numbers and addresses */
		return memcmp(a, b, conf_item_size(f)) == 0;
	}
}

static bool same_list(struct conf_path *p, const struct conf_field *f, const void *a, const void *b)
{
	uint32_t n = conf_list_count(f, a);

	if (conf_list_count(f, b) != n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		size_t old = conf_path_enter_item(p, i);

		if (!same_value(p, f, conf_list_item(f, a, i), conf_list_item(f, b, i)))
			return false;
		conf_path_leave(p, old);
	}
	return true;
}

/* Neither file says it, and what it comes from is compared. */
static bool is_derived(const struct conf_section *s, size_t i, const void *a, const void *b)
{
	return s->fields[i].derived != NULL && !conf_is_given(s, a, i) && !conf_is_given(s, b, i);
}

/* It comes from mobile nodes' auth, which a reload may change; but what is kept of numbers is laid
 * out at the start, and other sites are told. Without a mesh it begins with the next start. */
static bool same_remembering(struct conf_path *p, const struct conf *a, const struct conf *b)
{
	for (uint32_t d = 0; conf_has_mesh(a) && d < a->domain_count; d++) {
		if (a->domains[d].remember_sequence == b->domains[d].remember_sequence)
			continue;
		conf_path_enter(p, "domains");
		conf_path_enter_item(p, d);
		conf_path_enter(p, "remember-sequence");
		return false;
	}
	return true;
}

/* The file's name may be the same and the key in it another one. */
static bool same_private_key(struct conf_path *p, const struct conf *a, const struct conf *b)
{
	if (memcmp(a->mesh.public_key, b->mesh.public_key, CONF_KEY_LEN) == 0)
		return true;
	conf_path_enter(p, "mesh");
	conf_path_enter(p, "private-key-file");
	return false;
}

/* False: p is where they differ. */
static bool same_section(
	struct conf_path *p, const struct conf_section *s, const void *a, const void *b)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];
		size_t old;

		if (f->live || is_derived(s, i, a, b))
			continue;
		old = conf_path_enter(p, f->key);
		if (!(f->list ? same_list(p, f, a, b)
			      : same_value(p, f, conf_value(f, a), conf_value(f, b))))
			return false;
		conf_path_leave(p, old);
	}
	return true;
}

bool conf_can_become(
	const struct conf *running, const struct conf *wanted, char path[static CONF_DIFF_MAX])
{
	struct conf_path p = { .len = 0 };
	bool can = same_section(&p, conf_root(), running, wanted) &&
		   same_private_key(&p, running, wanted) && same_remembering(&p, running, wanted);

	memcpy(path, p.text, sizeof(p.text));
	return can;
}
