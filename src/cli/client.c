/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/jw.h"

#define DIR_SOCKETS "/run/hamd"
#define LINE_MAX_MB 64 /* a configuration is the longest */
#define PATIENCE_S  10 /* between two pieces of an answer */
#define READ_OCTETS 65536

struct client {
	int fd;
	struct sockaddr_un addr;
	char *buf;
	size_t pos, len, cap; /* pos: behind the last document given out */
};

/* --- which socket --- */

/* The only daemon's; with several, the user must say which. */
static int find_socket(char *path, size_t n)
{
	glob_t found;
	int ret = EXIT_OK;

	snprintf(path, n, "%s/hamd.sock", DIR_SOCKETS);
	if (glob(DIR_SOCKETS "/*.sock", 0, NULL, &found) != 0)
		return EXIT_OK;
	if (found.gl_pathc == 1)
		snprintf(path, n, "%s", found.gl_pathv[0]);
	else
		ret = cli_error(EXIT_FAILED, "%zu daemons have a socket in %s: say which (-n NAME)",
			(size_t)found.gl_pathc, DIR_SOCKETS);
	globfree(&found);
	return ret;
}

static int choose_socket(const struct cli *cli, char *path, size_t n)
{
	int len = 0;

	if (cli_has(cli, OPT_SOCKET))
		len = snprintf(path, n, "%s", cli->value[OPT_SOCKET]);
	else if (!cli_has(cli, OPT_NAME))
		return find_socket(path, n);
	else if (strchr(cli->value[OPT_NAME], '/') != NULL)
		return cli_error(
			EXIT_USAGE, "%s is a path, not a name: use -s", cli->value[OPT_NAME]);
	else
		len = snprintf(path, n, "%s/%s.sock", DIR_SOCKETS, cli->value[OPT_NAME]);
	if (len <= 0 || (size_t)len >= n)
		return cli_error(EXIT_USAGE, "a socket's path has 1 to %zu octets", n - 1);
	return EXIT_OK;
}

static int say_connect_error(const char *path, int err)
{
	switch (err) {
	case ENOENT:
		return cli_error(EXIT_FAILED, "hamd is not running: there is no %s", path);
	case ECONNREFUSED:
		return cli_error(EXIT_FAILED, "hamd is not running: nobody listens at %s", path);
	case EACCES:
		return cli_error(
			EXIT_FAILED, "no permission for %s: its group's members have it", path);
	case EAGAIN:
		return cli_error(EXIT_FAILED, "hamd does not answer at %s", path);
	default:
		return cli_error(EXIT_FAILED, "%s: %s", path, strerror(err));
	}
}

int client_open(const struct cli *cli, struct client **out)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return cli_error(EXIT_FAILED, "no memory");
	c->fd = -1;
	c->addr.sun_family = AF_UNIX;
	ret = choose_socket(cli, c->addr.sun_path, sizeof(c->addr.sun_path));
	if (ret != EXIT_OK)
		goto err;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&c->addr, sizeof(c->addr)) < 0) {
		ret = say_connect_error(c->addr.sun_path, errno);
		goto err;
	}
	*out = c;
	return EXIT_OK;

err:
	client_close(c);
	return ret;
}

void client_wait(struct client *c, unsigned seconds)
{
	const struct timeval patience = { .tv_sec = seconds };

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	free(c);
}

/* --- asking --- */

int client_ask(
	struct client *c, const char *cmd, const char *key, const struct cli *cli, unsigned filters)
{
	struct jw w;
	size_t sent = 0;
	ssize_t n = 0;

	jw_init(&w, READ_OCTETS);
	jw_object(&w, NULL);
	jw_str(&w, "cmd", cmd);
	if (key != NULL)
		jw_str(&w, "key", key);
	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (!(filters & OPT_BIT(o)) || !cli_has(cli, o))
			continue;
		if (opt_is_number(&opts[o]))
			jw_u64(&w, opts[o].name, strtoull(cli->value[o], NULL, 10));
		else if (opts[o].arg != NULL)
			jw_str(&w, opts[o].name, cli->value[o]);
		else
			jw_bool(&w, opts[o].name, true);
	}
	jw_end(&w, '}');
	jw_newline(&w);
	if (w.failed) {
		jw_done(&w);
		return cli_error(EXIT_FAILED, "the request is too long");
	}
	while (sent < w.len && (n = send(c->fd, w.buf + sent, w.len - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	jw_done(&w);
	/* EPIPE: hamd has closed already and said why; that's what we read next. */
	if (n < 0 && errno != EPIPE)
		return say_connect_error(c->addr.sun_path, errno);
	return EXIT_OK;
}

/* --- reading --- */

static int read_more(struct client *c)
{
	if (c->pos > 0) {
		memmove(c->buf, c->buf + c->pos, c->len - c->pos);
		c->len -= c->pos;
		c->pos = 0;
	}
	if (c->cap - c->len < READ_OCTETS) {
		size_t cap = 2 * c->cap + READ_OCTETS;
		char *buf = cap <= (size_t)LINE_MAX_MB << 20 ? realloc(c->buf, cap) : NULL;

		if (buf == NULL)
			return cli_error(EXIT_FAILED, "the answer does not fit into memory");
		c->buf = buf;
		c->cap = cap;
	}
	ssize_t n = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);

	if (n < 0 && errno == EAGAIN)
		return cli_error(EXIT_FAILED, "hamd does not answer at %s", c->addr.sun_path);
	if (n < 0 && errno != ECONNRESET)
		return cli_error(EXIT_FAILED, "%s: %s", c->addr.sun_path, strerror(errno));
	if (n <= 0)
		return cli_error(EXIT_FAILED, "hamd closed the connection before its answer ended");
	c->len += (size_t)n;
	return EXIT_OK;
}

/* A line of the buffer, made a string; NULL after saying what is wrong. */
static const char *read_line(struct client *c)
{
	size_t looked = 0; /* octets behind pos without a newline */

	for (;;) {
		if (c->len - c->pos > looked) {
			char *from = c->buf + c->pos;
			char *nl = memchr(from + looked, '\n', c->len - c->pos - looked);

			if (nl != NULL) {
				*nl = '\0';
				c->pos += (size_t)(nl - from) + 1;
				return from;
			}
		}
		looked = c->len - c->pos;
		if (read_more(c) != EXIT_OK)
			return NULL;
	}
}

/* --- an answer that flows --- */

static volatile int flowing_fd = -1;

static void on_signal(int sig)
{
	(void)sig;
	shutdown(flowing_fd, SHUT_WR);
}

void client_flows(struct client *c)
{
	const struct timeval forever = { 0 };
	/* once: who asks twice does not want to wait for an answer */
	struct sigaction end = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND };

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	flowing_fd = c->fd;
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
}

const char *client_octets(struct client *c, size_t *n)
{
	const char *from;

	if (c->pos == c->len && read_more(c) != EXIT_OK)
		return NULL;
	from = c->buf + c->pos;
	if (*n > c->len - c->pos)
		*n = c->len - c->pos;
	c->pos += *n;
	return from;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static void say_error(const char *line)
{
	cJSON *json = cJSON_Parse(line);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, "error");

	cli_error(EXIT_FAILED, "%s", cJSON_IsString(v) ? v->valuestring : line);
	cJSON_Delete(json);
}

static int end_status(const char *line)
{
	cJSON *json = cJSON_Parse(line);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, "status");
	bool fine = cJSON_IsNumber(v) && v->valueint == 0;

	cJSON_Delete(json);
	return fine ? EXIT_OK : EXIT_FAILED;
}

/* No document of an answer begins with these two keys. */
const char *client_next(struct client *c, int *status)
{
	bool failed = false;
	const char *line;

	while ((line = read_line(c)) != NULL) {
		if (begins(line, "{\"end\":")) {
			*status = failed ? EXIT_FAILED : end_status(line);
			return NULL;
		}
		if (!begins(line, "{\"error\":"))
			return line;
		say_error(line);
		failed = true;
	}
	*status = EXIT_FAILED;
	return NULL;
}
