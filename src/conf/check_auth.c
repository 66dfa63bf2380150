/* SPDX-License-Identifier: BSD-3-Clause */
/* How mobile nodes prove who they are: which keys belong to which type, and the key files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/mac.h"
#include "conf/check.h"
#include "conf/keyfile.h"

#define WHERE "domains[%u].mobile-nodes[%u].auth"

struct reader {
	const struct conf_check *k;
	struct mac *mac;
	struct keyfile *file;
	uint32_t keys; /* read so far */
};

static int refuse_unused(const struct conf_check *k, uint32_t i, uint32_t j, const char *key)
{
	return conf_refuse(k->c, WHERE ".%s: means nothing with type \"none\"", i, j, key);
}

static int check_keys(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_auth *a = &k->conf->domains[i].mobile_nodes[j].auth;

	if (a->type == CONF_AUTH_NONE) {
		if (a->spi != 0)
			return refuse_unused(k, i, j, "spi");
		if (a->key_file != NULL)
			return refuse_unused(k, i, j, "key-file");
		if (a->replay)
			return refuse_unused(k, i, j, "replay");
		if (a->nai != NULL)
			return refuse_unused(k, i, j, "nai");
		return 0;
	}
	if (a->spi == 0)
		return conf_refuse(k->c, WHERE ".spi: is missing", i, j);
	if (a->key_file == NULL)
		return conf_refuse(k->c, WHERE ".key-file: is missing", i, j);
	return 0;
}

static int read_key(struct reader *r, uint32_t i, uint32_t j)
{
	struct conf *conf = r->k->conf;
	struct conf_auth *a = &conf->domains[i].mobile_nodes[j].auth;
	char why[KEYFILE_WHY_MAX];

	if (a->type != CONF_AUTH_MN_HA)
		return 0;
	if (keyfile_read(a->key_file, r->file, why) < 0)
		return conf_refuse(r->k->c, WHERE ".key-file: %s: %s", i, j, a->key_file, why);
	a->key = r->keys++;
	mac_key_set(r->mac, &conf->keys[a->key], r->file->key, r->file->len);
	return 0;
}

/* Until one is refused. */
static int read_keys(struct reader *r)
{
	const struct conf *conf = r->k->conf;
	int ret = 0;

	for (uint32_t i = 0; i < conf->domain_count; i++)
		for (uint32_t j = 0; j < conf->domains[i].mobile_node_count && ret == 0; j++)
			ret = read_key(r, i, j);
	return ret;
}

/* How many keys there will be; -EINVAL. */
static int64_t count_keys(const struct conf_check *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->conf->domain_count; i++) {
		struct conf_domain *d = &k->conf->domains[i];

		for (uint32_t j = 0; j < d->mobile_node_count; j++) {
			if (check_keys(k, i, j) < 0)
				return -EINVAL;
			if (d->mobile_nodes[j].auth.type == CONF_AUTH_NONE)
				continue;
			d->has_auth = true;
			n++;
		}
	}
	return n;
}

int conf_check_auth(const struct conf_check *k)
{
	struct reader r = { .k = k };
	int64_t n = count_keys(k);
	int ret;

	if (n <= 0)
		return (int)n;
	k->conf->keys = mac_keys_new((size_t)n);
	k->conf->key_count = (uint32_t)n;
	r.file = sodium_malloc(sizeof(*r.file));
	ret = k->conf->keys == NULL || r.file == NULL ? -ENOMEM : mac_new(&r.mac);
	if (ret == -ENOMEM)
		conf_no_memory(k->c);
	else if (ret < 0)
		conf_refuse(k->c, "this processor cannot do what IPsec-MB needs for auth.type");
	else
		ret = read_keys(&r);
	mac_free(r.mac);
	sodium_free(r.file);
	return ret;
}
