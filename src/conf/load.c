/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/mac.h"
#include "conf/conf.h"
#include "conf/parse.h"
#include "conf/scan.h"

#define FILE_MAX ((size_t)64 << 20)

static int too_large(struct conf_ctx *c)
{
	conf_refuse(c, "larger than 64 MiB");
	return -EFBIG;
}

/* The tree of a text that is JSON to the letter. */
static int read_json(struct conf_ctx *c, const char *text, size_t len, cJSON **out)
{
	struct conf_fault fault;

	if (len > FILE_MAX)
		return too_large(c);
	if (!conf_scan(text, len, &fault)) {
		snprintf(c->err, c->err_len, "%s:%u:%u: %s", c->name, fault.line, fault.column,
			fault.why);
		return -EINVAL;
	}
	*out = cJSON_ParseWithLength(text, len);
	return *out != NULL ? 0 : conf_no_memory(c);
}

int conf_parse(const char *name, const char *text, size_t len, struct conf **out, char *err,
	size_t err_len)
{
	struct conf_ctx c = { .name = name, .err = err, .err_len = err_len };
	cJSON *json = NULL;
	int ret;

	c.conf = calloc(1, sizeof(*c.conf));
	if (c.conf == NULL)
		return conf_no_memory(&c);
	snprintf(c.conf->path, sizeof(c.conf->path), "%s", name);
	ret = read_json(&c, text, len, &json);
	if (ret < 0)
		goto err_conf;
	ret = conf_object(&c, json, conf_root(), c.conf);
	if (ret == 0)
		ret = conf_check(&c);
	if (ret < 0)
		goto err_json;
	c.conf->json = cJSON_PrintUnformatted(json);
	if (c.conf->json == NULL) {
		ret = conf_no_memory(&c);
		goto err_json;
	}
	cJSON_Delete(json);
	*out = c.conf;
	return 0;

err_json:
	cJSON_Delete(json);
err_conf:
	conf_free(c.conf);
	return ret;
}

/* All of a file, also of a pipe, whose size is not known before its end. */
static int read_file(struct conf_ctx *c, char **text, size_t *len)
{
	FILE *f = fopen(c->name, "re");
	size_t size = 65536;
	char *more;
	int ret;

	*text = NULL;
	*len = 0;
	if (f == NULL)
		goto err_errno;
	do {
		size *= 2;
		more = realloc(*text, size);
		if (more == NULL) {
			errno = ENOMEM;
			goto err_errno;
		}
		*text = more;
		*len += fread(*text + *len, 1, size - *len, f);
		if (ferror(f))
			goto err_errno;
	} while (*len == size && size <= FILE_MAX);
	fclose(f);
	return 0;

err_errno:
	ret = errno > 0 ? -errno : -EIO; /* a read error need not say which */
	conf_refuse(c, "%s", strerror(-ret));
	if (f != NULL)
		fclose(f);
	free(*text);
	return ret;
}

int conf_load(const char *path, struct conf **out, char *err, size_t err_len)
{
	struct conf_ctx c = { .name = path, .err = err, .err_len = err_len };
	size_t len;
	char *text;
	int ret = read_file(&c, &text, &len);

	if (ret < 0)
		return ret;
	ret = conf_parse(path, text, len, out, err, err_len);
	free(text);
	return ret;
}

void conf_forget_keys(struct conf *c)
{
	mac_keys_free(c->keys);
	c->keys = NULL;
	c->key_count = 0;
}

void conf_forget_private_key(struct conf *c)
{
	sodium_free(c->mesh.private_key);
	c->mesh.private_key = NULL;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	conf_release(conf_root(), c);
	for (uint32_t i = 0; i < c->warning_count; i++)
		free(c->warnings[i]);
	free(c->warnings);
	conf_forget_keys(c);
	conf_forget_private_key(c);
	cJSON_free(c->json);
	free(c);
}

const char *conf_json(const struct conf *c)
{
	return c->json;
}
