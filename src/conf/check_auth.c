/* SPDX-License-Identifier: BSD-3-Clause */
/* How mobile nodes prove who they are: which keys belong to which type, and the key files. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/mac.h"
#include "conf/check.h"
#include "conf/keyfile.h"

/* --- what an object says and leaves out --- */

#define GIVEN(member)                                                                              \
	conf_is_given_at(conf_auth_section(place), a, offsetof(struct conf_auth, member))

/* The first key beside type that was written, or NULL. */
static const char *first_given(enum conf_auth_place place, const struct conf_auth *a)
{
	const struct conf_section *s = conf_auth_section(place);

	for (size_t i = 0; i < s->field_count; i++) {
		if (conf_is_given(s, a, i) &&
			s->fields[i].offset != offsetof(struct conf_auth, type))
			return s->fields[i].key;
	}
	return NULL;
}

struct conf_auth_fault conf_auth_complete(
	enum conf_auth_place place, const struct conf_auth *def, struct conf_auth *a)
{
	const char *extra;

	if (!GIVEN(type)) {
		if (def == NULL || def->given == 0)
			return (struct conf_auth_fault){ "type", "is missing" };
		a->type = def->type;
	}
	if (a->type == CONF_AUTH_NONE) {
		extra = first_given(place, a);
		return (struct conf_auth_fault){ extra,
			extra != NULL ? "means nothing with type \"none\"" : NULL };
	}
	if (a->key_file != NULL && a->key_text != NULL)
		return (struct conf_auth_fault){ "key-file", "stands beside key" };
	if (def != NULL && def->type == a->type) {
		if (!GIVEN(spi))
			a->spi = def->spi;
		if (!GIVEN(replay))
			a->replay = def->replay;
		if (a->key_file == NULL && a->key_text == NULL) {
			a->has_key = def->has_key;
			a->key = def->key;
		}
	}
	if (place == CONF_AUTH_DEFAULT)
		return (struct conf_auth_fault){ NULL, NULL };
	if (a->spi == 0)
		return (struct conf_auth_fault){ "spi", "is missing" };
	if (a->key_file == NULL && a->key_text == NULL && !a->has_key)
		return (struct conf_auth_fault){ place == CONF_AUTH_LINE ? "key" : "key-file",
			"is missing" };
	return (struct conf_auth_fault){ NULL, NULL };
}

static bool has_bare_numbers(const struct conf_auth *a)
{
	return a->type == CONF_AUTH_MN_HA && !a->replay;
}

bool conf_has_bare_numbers(const struct conf_domain *d)
{
	const struct conf_subscribers *s = &d->subscribers;
	bool is_bare = has_bare_numbers(&s->def.auth);

	for (uint32_t i = 0; i < d->mobile_node_count; i++)
		is_bare |= has_bare_numbers(&d->mobile_nodes[i].auth);
	for (uint32_t i = 0; i < s->range_count; i++)
		is_bare |= has_bare_numbers(&s->ranges[i].auth);
	/* whose lines say by themselves what they are */
	return is_bare || (s->file != NULL && s->def.auth.given == 0);
}

/* --- every auth object of the configuration --- */

/* "domains[0].mobile-nodes[7].auth": where an object stands. */
struct where {
	enum conf_auth_place place;
	uint32_t i, j;
};

static int refuse(const struct conf_check *k, struct where w, const char *key, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int refuse(const struct conf_check *k, struct where w, const char *key, const char *fmt, ...)
{
	char why[KEYFILE_WHY_MAX + 4096 + 8];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	switch (w.place) {
	case CONF_AUTH_NODE:
		return conf_refuse(
			k->c, "domains[%u].mobile-nodes[%u].auth.%s: %s", w.i, w.j, key, why);
	case CONF_AUTH_RANGE:
		return conf_refuse(
			k->c, "domains[%u].subscribers.ranges[%u].auth.%s: %s", w.i, w.j, key, why);
	default:
		return conf_refuse(
			k->c, "domains[%u].subscribers.default.auth.%s: %s", w.i, key, why);
	}
}

/* fn for each object, default before the ranges that may take its key. Until one is refused. */
static int for_each(const struct conf_check *k,
	int (*fn)(const struct conf_check *k, struct where w, struct conf_auth *a, void *ctx),
	void *ctx)
{
	int ret = 0;

	for (uint32_t i = 0; i < k->conf->domain_count; i++) {
		struct conf_domain *d = &k->conf->domains[i];
		struct conf_subscribers *s = &d->subscribers;

		for (uint32_t j = 0; ret == 0 && j < d->mobile_node_count; j++)
			ret = fn(k, (struct where){ CONF_AUTH_NODE, i, j },
				&d->mobile_nodes[j].auth, ctx);
		if (ret == 0 && s->def.auth.given != 0)
			ret = fn(k, (struct where){ CONF_AUTH_DEFAULT, i, 0 }, &s->def.auth, ctx);
		for (uint32_t j = 0; ret == 0 && j < s->range_count; j++)
			ret = fn(k, (struct where){ CONF_AUTH_RANGE, i, j }, &s->ranges[j].auth,
				ctx);
	}
	return ret;
}

static int count_key(const struct conf_check *k, struct where w, struct conf_auth *a, void *ctx)
{
	uint32_t *n = ctx;

	(void)k;
	(void)w;
	*n += a->key_file != NULL;
	return 0;
}

struct reader {
	struct mac *mac;
	struct keyfile *file;
	uint32_t keys; /* read so far */
};

static int complete(const struct conf_check *k, struct where w, struct conf_auth *a, void *ctx)
{
	const struct conf_auth *def = &k->conf->domains[w.i].subscribers.def.auth;
	struct conf_auth_fault fault =
		conf_auth_complete(w.place, w.place == CONF_AUTH_RANGE ? def : NULL, a);
	struct reader *r = ctx;
	char why[KEYFILE_WHY_MAX];

	if (fault.why != NULL)
		return refuse(k, w, fault.key, "%s", fault.why);
	if (a->key_file == NULL)
		return 0;
	if (keyfile_read(a->key_file, r->file, why) < 0)
		return refuse(k, w, "key-file", "%s: %s", a->key_file, why);
	a->key = r->keys++;
	a->has_key = true;
	mac_key_set(r->mac, &k->conf->keys[a->key], r->file->key, r->file->len);
	return 0;
}

int conf_check_auth(const struct conf_check *k)
{
	struct reader r = { 0 };
	uint32_t n = 0;
	int ret = 0;

	for_each(k, count_key, &n);
	if (n > 0) {
		k->conf->keys = mac_keys_new(n);
		k->conf->key_count = n;
		r.file = sodium_malloc(sizeof(*r.file));
		ret = k->conf->keys == NULL || r.file == NULL ? -ENOMEM : mac_new(&r.mac);
	}
	if (ret == -ENOMEM)
		conf_no_memory(k->c);
	else if (ret < 0)
		conf_refuse(k->c, "this processor cannot do what IPsec-MB needs for auth.type");
	else
		ret = for_each(k, complete, &r);
	mac_free(r.mac);
	sodium_free(r.file);
	return ret;
}
