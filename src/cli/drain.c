/* SPDX-License-Identifier: BSD-3-Clause */
/* Leave, and, where asked to, wait until this site has left: its bindings are held by others, all
 * of them know that they are, and nothing comes any more that it had to relay. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/client.h"

#define ASK_MS 200

static bool says(const cJSON *json, const char *key, const char *value)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(v) && strcmp(v->valuestring, value) == 0;
}

/* One document of "show domains": is it a domain that we wait for, and has not been left? An
 * undrain meanwhile ends the waiting, and it has failed. */
static int look(const char *line, const char *domain, bool *is_over)
{
	cJSON *json = cJSON_Parse(line);
	int ret = EXIT_OK;

	if (domain == NULL || says(json, "domain", domain)) {
		bool has_left = says(json, "state", "left");

		if (!has_left && !says(json, "state", "draining"))
			ret = cli_error(EXIT_FAILED, "it does not drain any more");
		/* a hamd that was not started anew since it was updated tells no more than that */
		*is_over &= has_left &&
			    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "left-is-known")) &&
			    !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "left-is-quiet"));
	}
	cJSON_Delete(json);
	return ret;
}

static int ask(const struct cli *cli, const char *domain, bool *is_over)
{
	struct client *c;
	int ret = client_open(cli, &c), status = EXIT_OK;
	const char *line;

	if (ret != EXIT_OK)
		return ret;
	*is_over = true;
	ret = client_ask(c, "show domains", NULL, cli, 0);
	while (ret == EXIT_OK && (line = client_next(c, &status)) != NULL)
		ret = look(line, domain, is_over);
	client_close(c);
	return ret == EXIT_OK ? status : ret;
}

static int wait_until_left(const struct cli *cli)
{
	const struct timespec pause = { .tv_nsec = ASK_MS * 1000000L };
	const char *limit = cli->value[OPT_SECONDS];
	unsigned long left = limit != NULL ? 1000 * strtoul(limit, NULL, 10) : 0;
	bool is_over = false;

	for (;;) {
		int ret = ask(cli, cli->arg, &is_over);

		if (ret != EXIT_OK || is_over)
			return ret;
		if (limit != NULL && left < ASK_MS)
			return cli_error(EXIT_FAILED, "not left after %s s: it drains on", limit);
		left -= limit != NULL ? ASK_MS : 0;
		nanosleep(&pause, NULL);
	}
}

int cmd_drain(const struct cmd *cmd, const struct cli *cli)
{
	int ret;

	if (cli_has(cli, OPT_SECONDS) && !cli_has(cli, OPT_WAIT))
		return cli_error(EXIT_USAGE, "--seconds says how long to --wait");
	ret = cmd_show(cmd, cli);
	return ret == EXIT_OK && cli_has(cli, OPT_WAIT) ? wait_until_left(cli) : ret;
}
