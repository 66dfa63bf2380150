/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/subscribers.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/mac.h"
#include "conf/conf.h"
#include "conf/keyfile.h"
#include "conf/line.h"
#include "records/subs.h"

#define READ_OCTETS 65536 /* at a time; more than the longest line */
#define STOP_LINES  1024 /* between two looks at the flag: some milliseconds */

static_assert(READ_OCTETS > CONF_LINE_MAX, "a line has room");

struct loader {
	const struct conf *conf;
	const atomic_bool *stop;
	struct subs *subs;
	struct mac *mac; /* NULL until a key is read */
	struct keyfile *key; /* guarded; a key on its way */
	char *err;
	size_t err_len;

	/* of the domain at hand */
	uint32_t domain;
	uint32_t default_key; /* number in subs of the default's; SUB_NO_KEY: not there yet */

	/* of its file */
	const char *path;
	int fd;
	bool is_private; /* found to be a file that keys may stand in */
	char *buf; /* guarded: READ_OCTETS and a zero */
	size_t at, len; /* what is in it and was not taken yet */
	bool ended;
	uint32_t line;
};

static int refuse(struct loader *l, int ret, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(struct loader *l, int ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->err, l->err_len, fmt, args);
	va_end(args);
	return ret;
}

static int no_memory(struct loader *l)
{
	return refuse(l, -ENOMEM, "%s: not enough memory for the subscribers", l->conf->path);
}

/* --- keys --- */

/* One that conf_load() has read. */
static int copy_key(struct loader *l, uint32_t from, uint32_t *number)
{
	struct mac_key *key;

	if (subs_add_key(l->subs, &key, number) < 0)
		return no_memory(l);
	*key = l->conf->keys[from];
	return 0;
}

/* Everyone who leaves the key out has the same one. */
static int take_default_key(struct loader *l, uint32_t from, uint32_t *number)
{
	if (l->default_key == SUB_NO_KEY && copy_key(l, from, &l->default_key) < 0)
		return -ENOMEM;
	*number = l->default_key;
	return 0;
}

/* l->key, as what is kept of it. */
static int add_key(struct loader *l, uint32_t *number)
{
	struct mac_key *key;
	int ret = l->mac == NULL ? mac_new(&l->mac) : 0;

	if (ret == -ENOTSUP)
		return refuse(l, ret,
			"%s: this processor cannot do what IPsec-MB needs for auth.type", l->path);
	if (ret < 0 || subs_add_key(l->subs, &key, number) < 0)
		return no_memory(l);
	mac_key_set(l->mac, key, l->key->key, l->key->len);
	return 0;
}

static int read_line_key(struct loader *l, const struct conf_auth *a, uint32_t *number)
{
	char why[KEYFILE_WHY_MAX];

	if (a->key_file != NULL) {
		if (keyfile_read(a->key_file, l->key, why) < 0)
			return refuse(l, -EINVAL, "%s:%u: auth.key-file: %s: %s", l->path, l->line,
				a->key_file, why);
		return add_key(l, number);
	}
	if (a->key_text == NULL)
		return take_default_key(l, a->key, number);
	if (!l->is_private && keyfile_is_private(l->fd, why) < 0)
		return refuse(l, -EINVAL, "%s:%u: auth.key: a file with keys in it %s", l->path,
			l->line, why[0] != '\0' ? why : "cannot be looked at");
	l->is_private = true;
	if (keyfile_decode(a->key_text, strlen(a->key_text), l->key, why) < 0)
		return refuse(l, -EINVAL, "%s:%u: auth.key: %s", l->path, l->line, why);
	return add_key(l, number);
}

/* --- mobile-nodes and ranges --- */

static struct sub sub_of(const struct loader *l, const struct conf_auth *a, uint32_t lifetime_max_s)
{
	const struct conf_domain *d = &l->conf->domains[l->domain];

	return (struct sub){
		.nai = a->nai,
		.spi = a->spi,
		.lifetime_max_s = lifetime_max_s > 0 ? lifetime_max_s : d->lifetime_max_s,
		.key = SUB_NO_KEY,
		.domain = (uint16_t)l->domain,
		.auth = a->type == CONF_AUTH_MN_HA ? SUB_AUTH_MN_HA : SUB_AUTH_NONE,
		.replay = a->replay,
	};
}

static int add_nodes(struct loader *l)
{
	const struct conf_domain *d = &l->conf->domains[l->domain];
	struct sub_place there;

	for (uint32_t i = 0; i < d->mobile_node_count; i++) {
		const struct conf_mobile_node *mn = &d->mobile_nodes[i];
		struct sub sub = sub_of(l, &mn->auth, mn->lifetime_max_s);
		struct sub_place place = { SUB_NODE, mn->number };
		int ret;

		if (mn->auth.has_key && copy_key(l, mn->auth.key, &sub.key) < 0)
			return -ENOMEM;
		ret = subs_add(l->subs, &mn->home_address, &sub, place, &there);
		/* conf_load() has seen to it that there are few enough and none twice */
		assert(ret == 0 || ret == -ENOMEM);
		if (ret < 0)
			return no_memory(l);
	}
	return 0;
}

static int add_ranges(struct loader *l)
{
	const struct conf_subscribers *s = &l->conf->domains[l->domain].subscribers;
	int ret = 0;

	for (uint32_t i = 0; i < s->range_count && ret == 0; i++) {
		const struct conf_range *r = &s->ranges[i];
		uint32_t lifetime_max_s = r->lifetime_max_s > 0 ? r->lifetime_max_s
								: s->def.lifetime_max_s;
		struct sub sub = sub_of(l, &r->auth, lifetime_max_s);

		if (r->auth.key_file != NULL)
			ret = copy_key(l, r->auth.key, &sub.key);
		else if (r->auth.has_key)
			ret = take_default_key(l, r->auth.key, &sub.key);
		if (ret == 0 && subs_add_range(l->subs, &r->home_addresses, &sub, i) < 0)
			ret = no_memory(l);
	}
	return ret;
}

/* --- the file --- */

static int fill(struct loader *l)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->at, l->len - l->at);
	l->len -= l->at;
	l->at = 0;
	n = read(l->fd, l->buf + l->len, READ_OCTETS - l->len);
	if (n < 0)
		return refuse(l, -errno, "%s: %s", l->path, strerror(errno));
	l->ended = n == 0;
	l->len += (size_t)n;
	return 0;
}

/* The next line, with a zero in the newline's place. 1, 0 at the end, -errno. */
static int next_line(struct loader *l, char **text, size_t *len)
{
	for (;;) {
		size_t left = l->len - l->at;
		char *nl = memchr(l->buf + l->at, '\n', left);

		if (nl == NULL && !l->ended && left <= CONF_LINE_MAX) {
			int ret = fill(l);

			if (ret < 0)
				return ret;
			continue;
		}
		if (nl == NULL && left == 0)
			return 0;
		l->line++;
		*text = l->buf + l->at;
		*len = nl != NULL ? (size_t)(nl - *text) : left;
		if (*len > CONF_LINE_MAX)
			return refuse(l, -EINVAL, "%s:%u: longer than %d octets", l->path, l->line,
				CONF_LINE_MAX);
		(*text)[*len] = '\0';
		l->at += *len + (nl != NULL);
		return 1;
	}
}

static int refuse_twice(struct loader *l, const struct ip6_addr *hoa, struct sub_place there)
{
	char text[IP6_STRLEN];

	ip6_str(hoa, text);
	if (there.source == SUB_LINE)
		return refuse(l, -EINVAL, "%s:%u: home-address: %s is that of line %u", l->path,
			l->line, text, there.number);
	return refuse(l, -EINVAL, "%s:%u: home-address: %s is that of domains[%u].mobile-nodes[%u]",
		l->path, l->line, text, l->domain, there.number);
}

static int add_line(struct loader *l, const struct conf_mobile_node *mn)
{
	struct sub sub = sub_of(l, &mn->auth, mn->lifetime_max_s);
	struct sub_place place = { SUB_LINE, l->line }, there;
	int ret = 0;

	if (sub.auth == SUB_AUTH_MN_HA)
		ret = read_line_key(l, &mn->auth, &sub.key);
	if (ret < 0)
		return ret;
	ret = subs_add(l->subs, &mn->home_address, &sub, place, &there);
	if (ret == -EEXIST)
		return refuse_twice(l, &mn->home_address, there);
	if (ret == -ENOSPC)
		return refuse(l, -EINVAL,
			"%s:%u: more subscribers than runtime.max-subscribers (%u)", l->path,
			l->line, l->conf->runtime.max_subscribers);
	return ret < 0 ? no_memory(l) : 0;
}

static int read_lines(struct loader *l, struct conf_lines *lines)
{
	struct conf_mobile_node mn;
	char *text = NULL;
	size_t len = 0;
	int ret;

	while ((ret = next_line(l, &text, &len)) > 0) {
		ret = conf_line_read(lines, l->line, text, len, &mn, l->err, l->err_len);
		if (ret > 0)
			ret = add_line(l, &mn);
		if (ret < 0)
			return ret;
		if (l->line % STOP_LINES == 0 && l->stop != NULL && *l->stop)
			return refuse(l, -ECANCELED, "%s: not read to its end", l->path);
	}
	return ret;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Half of an old file and half of a new one would be taken for a file. */
static int read_unchanged(struct loader *l, struct conf_lines *lines)
{
	struct stat before, after;
	int ret;

	if (fstat(l->fd, &before) < 0)
		return refuse(l, -errno, "%s: %s", l->path, strerror(errno));
	if (!S_ISREG(before.st_mode))
		return refuse(l, -EINVAL, "%s: is not a regular file", l->path);
	ret = read_lines(l, lines);
	if (ret == 0 && (fstat(l->fd, &after) < 0 || !is_unchanged(&before, &after)))
		ret = refuse(l, -EAGAIN,
			"%s: was written to while it was read; write a new file and rename it",
			l->path);
	return ret;
}

static int read_file(struct loader *l)
{
	struct conf_lines *lines;
	int ret;

	l->at = l->len = 0;
	l->ended = l->is_private = false;
	l->line = 0;
	/* neither waits for a pipe's other end nor takes a terminal */
	l->fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (l->fd < 0)
		return refuse(l, -errno, "%s: domains[%u].subscribers.file: %s: %s", l->conf->path,
			l->domain, l->path, strerror(errno));
	ret = conf_lines_new(l->conf, l->domain, l->path, &lines);
	if (ret < 0) {
		no_memory(l);
	} else {
		ret = read_unchanged(l, lines);
		conf_lines_free(lines);
	}
	close(l->fd);
	return ret;
}

/* --- all of it --- */

static int add_domain(struct loader *l, uint32_t domain)
{
	int ret;

	l->domain = domain;
	l->default_key = SUB_NO_KEY;
	l->path = l->conf->domains[domain].subscribers.file;
	if (subs_set_file(l->subs, (uint16_t)domain, l->path) < 0)
		return no_memory(l);
	ret = add_nodes(l);
	if (ret == 0)
		ret = add_ranges(l);
	return ret == 0 && l->path != NULL ? read_file(l) : ret;
}

static int add_domains(struct loader *l)
{
	struct subs_opts opts = {
		.max = l->conf->runtime.max_subscribers,
		.domains = (uint16_t)l->conf->domain_count,
	};
	int ret = 0;

	if (sodium_init() < 0)
		return no_memory(l);
	randombytes_buf(&opts.seed, sizeof(opts.seed));
	l->buf = sodium_malloc(READ_OCTETS + 1);
	l->key = sodium_malloc(sizeof(*l->key));
	if (l->buf == NULL || l->key == NULL || subs_new(&opts, &l->subs) < 0)
		return no_memory(l);
	for (uint32_t i = 0; i < l->conf->domain_count && ret == 0; i++)
		ret = add_domain(l, i);
	if (ret == 0)
		subs_seal(l->subs);
	return ret;
}

int subscribers_load(const struct conf *conf, const atomic_bool *stop, struct subs **out, char *err,
	size_t err_len)
{
	struct loader l = { .conf = conf, .stop = stop, .err = err, .err_len = err_len };
	int ret = add_domains(&l);

	mac_free(l.mac);
	sodium_free(l.key);
	sodium_free(l.buf);
	if (ret < 0)
		subs_free(l.subs);
	else
		*out = l.subs;
	return ret;
}

void subscribers_warn(const struct conf *conf, const struct subs *subs,
	void (*print)(void *ctx, const char *line), void *ctx)
{
	char line[256];

	for (uint32_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];
		const struct subs_counts *n = subs_counts(subs, (uint16_t)i);

		if (d->subscribers.file != NULL && n->subscribers + n->ranges == 0) {
			snprintf(line, sizeof(line),
				"domains[%u] (%s): no subscribers in its file, nobody can register",
				i, d->name);
			print(ctx, line);
		}
		if (n->open_lines > 0) {
			snprintf(line, sizeof(line),
				"domains[%u] (%s): %u subscriber%s in its file without "
				"authentication (auth.type \"none\"): anyone may register in their "
				"place",
				i, d->name, n->open_lines, n->open_lines == 1 ? "" : "s");
			print(ctx, line);
		}
	}
}
