/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets and their way, as the daemon tells it: a block of lines for each. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"

static const char *text(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static double number(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(v) ? v->valuedouble : -1;
}

static bool is_true(const cJSON *json, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static void put(const char *before, const char *value)
{
	if (value != NULL)
		printf("%s%s", before, value);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Addresses and length, when they are not those of the hop before. */
static void put_change(const cJSON *hop, const cJSON *before)
{
	if (text(hop, "source") == NULL)
		return;
	if (before != NULL && same(text(hop, "source"), text(before, "source")) &&
		same(text(hop, "destination"), text(before, "destination")) &&
		number(hop, "length") == number(before, "length"))
		return;
	printf("  %s > %s, %.0f octets", text(hop, "source"), text(hop, "destination"),
		number(hop, "length"));
}

static void put_binding(const cJSON *binding)
{
	if (binding == NULL)
		return;
	put("  binding ", text(binding, "home-address"));
	put(" at ", text(binding, "care-of-address"));
}

static void put_site(const cJSON *site)
{
	if (site != NULL)
		printf("  site %.0f%s", number(site, "node"),
			is_true(site, "relayed") ? ", last hop" : "");
}

/* "> decap", "punt signalling", "drop no_route", ... */
static void put_door(const cJSON *hop)
{
	static const char *const doors[] = { "punt", "drop", "tx", "ring", "handed", "wire",
		"taken", "verdict", "counted", "sent", "waits", "divided", "resumed", "done" };
	const char *door = text(hop, "door");
	bool is_stage = true;

	for (size_t i = 0; i < DIM(doors); i++)
		is_stage &= !same(door, doors[i]);
	put(is_stage ? "to " : "", door);
	put(" ", text(hop, "class"));
	put(" ", text(hop, "reason"));
	put(" ", text(hop, "port"));
	if (number(hop, "queue") >= 0)
		printf(" queue %.0f", number(hop, "queue"));
	if (number(hop, "worker") >= 0)
		printf(" to worker %.0f", number(hop, "worker"));
	put(" ", text(hop, "engine"));
	put(": ", text(hop, "verdict"));
	if (number(hop, "status") >= 0)
		printf(" (status %.0f)", number(hop, "status"));
	put("  next hop ", text(hop, "next-hop"));
	put(text(hop, "next-hop") != NULL ? " " : "  to ", text(hop, "mac"));
}

static void print_hop(const cJSON *hop, const cJSON *before)
{
	const char *stage = text(hop, "stage"), *by = text(hop, "by");

	printf("%12.1f  %-9s  %-9s  ", number(hop, "us"), by != NULL ? by : "?",
		stage != NULL ? stage : "?");
	put_door(hop);
	put_binding(cJSON_GetObjectItemCaseSensitive(hop, "binding"));
	put_site(cJSON_GetObjectItemCaseSensitive(hop, "site"));
	put_change(hop, before);
	putchar('\n');
}

static void print_packet(const cJSON *json)
{
	const cJSON *hop, *before = json;

	printf("packet %.0f", number(json, "packet"));
	put(" at ", text(json, "at"));
	if (text(json, "port") != NULL)
		printf(", in by %s queue %.0f", text(json, "port"), number(json, "queue"));
	else
		printf(", made by hamd");
	if (text(json, "source") != NULL)
		printf(", %s > %s, %.0f octets", text(json, "source"), text(json, "destination"),
			number(json, "length"));
	put(": ", text(json, "fate"));
	put(" ", text(json, "reason"));
	if (!is_true(json, "whole"))
		printf(" (not all of it was seen)");
	putchar('\n');
	cJSON_ArrayForEach(hop, cJSON_GetObjectItemCaseSensitive(json, "stages"))
	{
		print_hop(hop, before);
		if (text(hop, "source") != NULL)
			before = hop;
	}
	putchar('\n');
}

static void print_summary(const cJSON *json)
{
	fprintf(stderr, "%.0f packets", number(json, "traced"));
	if (number(json, "lost") > 0)
		fprintf(stderr, ", %.0f pieces lost: too many at once", number(json, "lost"));
	fputc('\n', stderr);
}

static int print_document(const char *line)
{
	cJSON *json = cJSON_Parse(line);

	if (json == NULL)
		return cli_error(EXIT_FAILED, "the daemon's answer is not JSON");
	if (number(json, "traced") >= 0)
		print_summary(json);
	else
		print_packet(json);
	cJSON_Delete(json);
	/* at once: who watches does not want to wait for a buffer to fill */
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED; /* main() says it */
}

int cmd_trace(const struct cmd *cmd, const struct cli *cli)
{
	int ret, status = EXIT_OK;
	struct client *c;
	const char *line;

	ret = client_open(cli, &c);
	if (ret != EXIT_OK)
		return ret;
	ret = client_ask(c, cmd->name, NULL, cli, cmd->opts & ~OPTS_ASK);
	client_flows(c);
	while (ret == EXIT_OK && (line = client_next(c, &status)) != NULL) {
		if (!cli_has(cli, OPT_JSON))
			ret = print_document(line);
		else if (puts(line) < 0 || fflush(stdout) != 0)
			ret = EXIT_FAILED;
	}
	client_close(c);
	return ret == EXIT_OK ? status : ret;
}
