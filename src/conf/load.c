/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int refuse_errno(struct conf_ctx *c)
{
	int ret = -errno;

	conf_refuse(c, "%s", strerror(-ret));
	return ret;
}

#define WRITER_MS 1000 /* to open a pipe's other end */

/* Opening it waits for no pipe's other end. Reading it does where one is allowed, for as long as
 * somebody is there who writes, or comes soon: a shell starts both beside each other. */
static int check_kind(struct conf_ctx *c, int fd, bool pipes, bool *is_pipe)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse_errno(c);
	*is_pipe = S_ISFIFO(st.st_mode);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return refuse_errno(c);
	}
	if (*is_pipe && !pipes)
		return conf_refuse(c, "is a pipe: it cannot be read again");
	if (!*is_pipe && !S_ISREG(st.st_mode))
		return conf_refuse(c, "is neither a regular file nor a pipe");
	if (!*is_pipe)
		return 0;
	poll(&p, 1, WRITER_MS); /* reading tells the rest */
	return fcntl(fd, F_SETFL, 0) < 0 ? refuse_errno(c) : 0;
}

/* Also of a pipe, whose size is not known before its end. */
static int read_all(struct conf_ctx *c, int fd, char **text, size_t *len)
{
	size_t size = 65536;
	char *more;
	ssize_t n;

	do {
		if (*text == NULL || *len == size) {
			size *= 2;
			more = realloc(*text, size);
			if (more == NULL)
				return conf_no_memory(c);
			*text = more;
		}
		n = read(fd, *text + *len, size - *len);
		if (n < 0 && errno != EINTR)
			return refuse_errno(c);
		*len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && *len <= FILE_MAX);
	return 0;
}

static int read_file(struct conf_ctx *c, bool pipes, char **text, size_t *len)
{
	int fd = open(c->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), ret;
	bool is_pipe = false;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return refuse_errno(c);
	ret = check_kind(c, fd, pipes, &is_pipe);
	if (ret == 0)
		ret = read_all(c, fd, text, len);
	if (ret == 0 && is_pipe && *len == 0)
		ret = conf_refuse(c, "is a pipe that nobody writes into");
	close(fd);
	if (ret < 0)
		free(*text);
	return ret;
}

static int load(const char *path, bool pipes, struct conf **out, char *err, size_t err_len)
{
	struct conf_ctx c = { .name = path, .err = err, .err_len = err_len };
	size_t len;
	char *text;
	int ret = read_file(&c, pipes, &text, &len);

	if (ret < 0)
		return ret;
	ret = conf_parse(path, text, len, out, err, err_len);
	free(text);
	return ret;
}

int conf_load(const char *path, struct conf **out, char *err, size_t err_len)
{
	return load(path, true, out, err, err_len);
}

int conf_load_again(const char *path, struct conf **out, char *err, size_t err_len)
{
	return load(path, false, out, err, err_len);
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
