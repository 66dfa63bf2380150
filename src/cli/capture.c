/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets into a file. The daemon makes the pcapng octets, hamctl opens and writes the file: with
 * the rights of who asked for it, and only when the daemon has agreed. A capture holds other
 * people's traffic: nobody but its owner may read a new one.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"

#define FILE_MODE 0600

struct file {
	const char *path;
	int fd; /* -1: not opened yet */
};

static int file_open(struct file *f)
{
	if (strcmp(f->path, "-") == 0)
		f->fd = STDOUT_FILENO;
	else
		f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	if (f->fd < 0)
		return cli_error(EXIT_FAILED, "%s: %s", f->path, strerror(errno));
	return EXIT_OK;
}

static int file_write(const struct file *f, const char *octets, size_t n)
{
	while (n > 0) {
		ssize_t put = write(f->fd, octets, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return cli_error(EXIT_FAILED, "%s: %s", f->path, strerror(errno));
		octets += put;
		n -= (size_t)put;
	}
	return EXIT_OK;
}

static int file_close(struct file *f)
{
	if (f->fd < 0 || f->fd == STDOUT_FILENO || close(f->fd) == 0)
		return EXIT_OK;
	return cli_error(EXIT_FAILED, "%s: %s", f->path, strerror(errno));
}

static int take_octets(struct client *c, struct file *f, double octets)
{
	int ret = f->fd < 0 ? file_open(f) : EXIT_OK;

	while (ret == EXIT_OK && octets > 0) {
		size_t n = (size_t)octets;
		const char *from = client_octets(c, &n);

		if (from == NULL)
			return EXIT_FAILED;
		ret = file_write(f, from, n);
		octets -= (double)n;
	}
	return ret;
}

static double number(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(v) ? v->valuedouble : -1;
}

static int take_document(struct client *c, struct file *f, const char *line)
{
	cJSON *json = cJSON_Parse(line);
	double octets = number(json, "octets"), lost = number(json, "lost");
	int ret = EXIT_OK;

	if (octets >= 0)
		ret = take_octets(c, f, octets);
	else if (lost > 0)
		fprintf(stderr, "%.0f packets, %.0f more were lost: too many at once\n",
			number(json, "captured"), lost);
	else if (lost == 0)
		fprintf(stderr, "%.0f packets\n", number(json, "captured"));
	else
		ret = cli_error(EXIT_FAILED, "the daemon's answer is not what was asked for");
	cJSON_Delete(json);
	return ret;
}

int cmd_capture(const struct cmd *cmd, const struct cli *cli)
{
	struct file f = { .path = cli->arg, .fd = -1 };
	int ret, status = EXIT_OK;
	struct client *c;
	const char *line;

	if (strcmp(f.path, "-") == 0 && isatty(STDOUT_FILENO))
		return cli_error(EXIT_USAGE, "standard output is a terminal: name a file");
	ret = client_open(cli, &c);
	if (ret != EXIT_OK)
		return ret;
	ret = client_ask(c, cmd->name, NULL, cli, cmd->opts & ~OPTS_ASK);
	client_flows(c);
	while (ret == EXIT_OK && (line = client_next(c, &status)) != NULL)
		ret = take_document(c, &f, line);
	client_close(c);
	if (file_close(&f) != EXIT_OK)
		ret = EXIT_FAILED;
	return ret == EXIT_OK ? status : ret;
}
