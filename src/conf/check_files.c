/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting appends to its file, cuts off half a line at its end, and renames files over others
 * when it rotates, and the log of session keys is appended to: none of that may happen to a file
 * that hamd needs for something else. Files are compared by what they are, not by how their paths
 * are written.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/check.h"

struct place {
	bool exists;
	dev_t dev;
	ino_t ino;
	char path[2 * PATH_MAX]; /* without links in its directories */
};

struct lookup {
	const struct conf_check *k;
	const char *key, *path; /* "accounting.file", and what it says */
	struct place file;
	uint32_t keep; /* it is renamed to FILE.1 up to that; 0: it is not */
};

static void look_up(const char *path, struct place *out)
{
	char dir[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat st;

	out->exists = stat(path, &st) == 0;
	out->dev = out->exists ? st.st_dev : 0;
	out->ino = out->exists ? st.st_ino : 0;
	if (realpath(path, real) != NULL) {
		snprintf(out->path, sizeof(out->path), "%s", real);
		return;
	}
	snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
		slash != NULL ? path : ".");
	if (realpath(dir, real) != NULL)
		snprintf(out->path, sizeof(out->path), "%s/%s", strcmp(real, "/") != 0 ? real : "",
			slash != NULL ? slash + 1 : path);
	else
		snprintf(out->path, sizeof(out->path), "%s", path);
}

static bool is_same(const struct place *a, const struct place *b)
{
	if (a->exists && b->exists)
		return a->dev == b->dev && a->ino == b->ino;
	return strcmp(a->path, b->path) == 0;
}

/* FILE.1, FILE.2, ... */
static bool is_rotated(const struct lookup *l, const struct place *other)
{
	size_t len = strlen(l->file.path);
	const char *number = other->path + len + 1;
	char *end;
	unsigned long n;

	if (strncmp(other->path, l->file.path, len) != 0 || other->path[len] != '.' ||
		*number < '1' || *number > '9')
		return false;
	n = strtoul(number, &end, 10);
	return *end == '\0' && n <= l->keep;
}

/* what: "the key file of domains[1].mobile-nodes[0]" */
static int check_other(const struct lookup *l, const char *path, const char *what)
{
	struct place other;

	if (path == NULL || path[0] == '\0')
		return 0;
	look_up(path, &other);
	if (is_same(&l->file, &other))
		return conf_refuse(l->k->c, "%s: \"%s\" is %s", l->key, l->path, what);
	if (is_rotated(l, &other))
		return conf_refuse(l->k->c, "%s: \"%s\" would be rotated over \"%s\", which is %s",
			l->key, l->path, path, what);
	return 0;
}

static int check_store(const struct lookup *l)
{
	const char *path = l->k->conf->store.path;
	struct place store;
	size_t len;

	if (path == NULL)
		return 0;
	look_up(path, &store);
	len = strlen(store.path);
	while (len > 0 && store.path[len - 1] == '/')
		len--;
	if (strncmp(l->file.path, store.path, len) != 0 ||
		(l->file.path[len] != '/' && l->file.path[len] != '\0'))
		return 0;
	return conf_refuse(l->k->c,
		"%s: \"%s\" is in the directory of the store, which is for the store alone", l->key,
		l->path);
}

static int check_log(const struct lookup *l)
{
	struct stat st;

	if (!l->file.exists || fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_dev != l->file.dev || st.st_ino != l->file.ino)
		return 0;
	return conf_refuse(l->k->c, "%s: \"%s\" is where the log goes", l->key, l->path);
}

static int check_domain(const struct lookup *l, uint32_t number)
{
	const struct conf_domain *d = &l->k->conf->domains[number];
	char what[128];
	int ret;

	snprintf(what, sizeof(what), "domains[%" PRIu32 "].subscribers.file", number);
	ret = check_other(l, d->subscribers.file, what);
	snprintf(what, sizeof(what), "the key file of domains[%" PRIu32 "].subscribers.default",
		number);
	if (ret == 0)
		ret = check_other(l, d->subscribers.def.auth.key_file, what);
	for (uint32_t i = 0; ret == 0 && i < d->subscribers.range_count; i++) {
		snprintf(what, sizeof(what),
			"the key file of domains[%" PRIu32 "].subscribers.ranges[%" PRIu32 "]",
			number, i);
		ret = check_other(l, d->subscribers.ranges[i].auth.key_file, what);
	}
	for (uint32_t i = 0; ret == 0 && i < d->mobile_node_count; i++) {
		snprintf(what, sizeof(what),
			"the key file of domains[%" PRIu32 "].mobile-nodes[%" PRIu32 "]", number,
			d->mobile_nodes[i].number);
		ret = check_other(l, d->mobile_nodes[i].auth.key_file, what);
	}
	return ret;
}

/* Everything that a file which hamd appends to must not be. */
static int check_file(struct lookup *l)
{
	const struct conf *conf = l->k->conf;
	int ret;

	look_up(l->path, &l->file);
	ret = check_other(l, l->k->c->name, "this configuration");
	if (ret == 0)
		ret = check_other(l, conf->runtime.socket, "runtime.socket");
	if (ret == 0)
		ret = check_other(l, conf->runtime.dpdk_drivers, "runtime.dpdk-drivers");
	if (ret == 0)
		ret = check_other(l, conf->mesh.private_key_file, "mesh.private-key-file");
	if (ret == 0)
		ret = check_store(l);
	if (ret == 0)
		ret = check_log(l);
	for (uint32_t i = 0; ret == 0 && i < conf->domain_count; i++)
		ret = check_domain(l, i);
	return ret;
}

int conf_check_accounting_file(const struct conf_check *k)
{
	const struct conf_accounting *a = &k->conf->accounting;
	struct lookup l = { .k = k,
		.key = "accounting.file",
		.path = a->file,
		.keep = a->rotate_mb > 0 || a->rotate_s > 0 ? a->rotate_keep : 0 };
	int ret = check_file(&l);

	return ret == 0 ? check_other(&l, k->conf->mesh.key_log_file, "mesh.key-log-file") : ret;
}

int conf_check_key_log_file(const struct conf_check *k)
{
	struct lookup l = {
		.k = k, .key = "mesh.key-log-file", .path = k->conf->mesh.key_log_file
	};

	return check_file(&l);
}
