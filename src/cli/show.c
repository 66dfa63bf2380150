/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that ask once and print what comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/table.h"
#include "common/util.h"

static const struct column stage_columns[] = {
	{ "LCORE", "lcore", true },
	{ "STAGE", "stage", false },
	{ "CALLS", "calls", true },
	{ "PACKETS", "packets", true },
	{ "CYCLES", "cycles", true },
	{ "CYCLES/PACKET", "cycles-per-packet", true },
	{ "BUSY %", "busy-percent", true },
	{ NULL },
};

static const struct column part_columns[] = {
	{ "LCORE", "lcore", true },
	{ "PART OF A TURN", "part", false },
	{ "LONGEST US", "longest-us", true },
	{ "WHAT", "what", false },
	{ NULL },
};

/* What an lcore has some of: rows of tables of their own, made when there are any. */
static const struct of_lcore {
	const char *key;
	const struct column *columns;
} of_lcores[] = {
	{ "stages", stage_columns },
	{ "parts", part_columns },
};

struct view {
	struct table *table; /* NULL: lines */
	struct table *more[DIM(of_lcores)];
	bool is_config;
};

static int keep_rows(struct table **table, const struct of_lcore *what, const cJSON *lcore)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(lcore, "lcore");
	cJSON *row;

	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(lcore, what->key))
	{
		if (*table == NULL)
			*table = table_new(what->columns);
		if (*table == NULL || !cJSON_IsNumber(id) ||
			cJSON_AddNumberToObject(row, "lcore", id->valuedouble) == NULL ||
			table_row(*table, row) < 0)
			return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int keep_all(struct view *v, const cJSON *lcore)
{
	int ret = EXIT_OK;

	for (size_t i = 0; i < DIM(of_lcores) && ret == EXIT_OK; i++)
		ret = keep_rows(&v->more[i], &of_lcores[i], lcore);
	return ret;
}

static int print_pretty(const cJSON *json)
{
	char *text = cJSON_Print(json);

	if (text == NULL)
		return EXIT_FAILED;
	puts(text);
	free(text);
	return EXIT_OK;
}

static int print_document(struct view *v, const char *line)
{
	cJSON *json = cJSON_Parse(line);
	int ret = EXIT_OK;

	if (json == NULL)
		return cli_error(EXIT_FAILED, "the daemon's answer is not JSON");
	if (v->is_config)
		ret = print_pretty(json);
	else if (v->table == NULL)
		table_lines(json);
	else if (table_row(v->table, json) < 0 || keep_all(v, json) != EXIT_OK)
		ret = EXIT_FAILED;
	if (ret != EXIT_OK)
		cli_error(ret, "no memory");
	cJSON_Delete(json);
	return ret;
}

static int print_answer(struct client *c, const struct cmd *cmd, bool as_json)
{
	struct view v = { .is_config = strcmp(cmd->name, "show config") == 0 };
	int ret = EXIT_OK, status = EXIT_OK;
	unsigned documents = 0;
	const char *line;

	if (!as_json && cmd->columns != NULL && (v.table = table_new(cmd->columns)) == NULL)
		return cli_error(EXIT_FAILED, "no memory");
	while (ret == EXIT_OK && (line = client_next(c, &status)) != NULL) {
		documents++;
		if (as_json)
			puts(line);
		else
			ret = print_document(&v, line);
	}
	if (documents == 0 && (ret != EXIT_OK || status != EXIT_OK)) {
		free(v.table); /* an error is no empty table */
		return EXIT_FAILED;
	}
	table_end(v.table);
	for (size_t i = 0; i < DIM(v.more); i++) {
		if (v.more[i] != NULL)
			putchar('\n');
		table_end(v.more[i]);
	}
	return ret == EXIT_OK ? status : ret;
}

int cmd_show(const struct cmd *cmd, const struct cli *cli)
{
	struct client *c;
	struct cli asked = *cli;
	int ret = client_open(cli, &c);

	if (ret != EXIT_OK)
		return ret;
	if (cmd->patience_s > 0)
		client_wait(c, cmd->patience_s);
	if (cmd->arg != NULL && strcmp(cmd->arg, "[DOMAIN]") == 0 && cli->arg != NULL) {
		asked.seen |= OPT_BIT(OPT_DOMAIN);
		asked.value[OPT_DOMAIN] = cli->arg;
		asked.arg = NULL;
	}
	ret = client_ask(c, cmd->name, asked.arg, &asked,
		OPT_BIT(OPT_PREFIX) | OPT_BIT(OPT_COA) | OPT_BIT(OPT_DOMAIN) | OPT_BIT(OPT_OWNER) |
			OPT_BIT(OPT_ALL) | OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_TO));
	if (ret == EXIT_OK)
		ret = print_answer(c, cmd, cli_has(cli, OPT_JSON));
	client_close(c);
	return ret;
}
