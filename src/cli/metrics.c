/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's figures in OpenMetrics text, for a textfile collector. Only such types and escapes
 * are used that the older Prometheus text format reads the same way: node_exporter's collector
 * speaks that one.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"

#define PREFIX "hamd_"

struct family {
	struct family *next;
	char *name, *help, *unit;
	bool is_counter;
	char *samples; /* lines, as they are printed */
	size_t len;
	FILE *to; /* writes them */
};

struct families {
	struct family *first, **last; /* in the order in which they came */
};

static const char *text(const cJSON *json, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static void put_escaped(FILE *to, const char *s, bool quotes)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			fputs("\\n", to);
		else if (*s == '\\' || (quotes && *s == '"'))
			fprintf(to, "\\%c", *s);
		else
			fputc(*s, to);
	}
}

/* --- what comes --- */

static struct family *find(const struct families *all, const char *name)
{
	struct family *f = all->first;

	while (f != NULL && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static void family_free(struct family *f)
{
	if (f->to != NULL)
		fclose(f->to);
	free(f->samples);
	free(f->name);
	free(f->help);
	free(f->unit);
	free(f);
}

static int describe(struct families *all, const cJSON *json)
{
	struct family *f;

	if (find(all, text(json, "metric")) != NULL)
		return -EBADMSG;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->name = strdup(text(json, "metric"));
	f->help = strdup(text(json, "help"));
	f->unit = strdup(text(json, "unit"));
	f->is_counter = strcmp(text(json, "type"), "counter") == 0;
	if (f->name == NULL || f->help == NULL || f->unit == NULL) {
		family_free(f);
		return -ENOMEM;
	}
	*all->last = f;
	all->last = &f->next;
	return 0;
}

static void put_labels(FILE *to, const cJSON *labels)
{
	const char *before = "{";
	const cJSON *l;

	cJSON_ArrayForEach(l, labels)
	{
		fprintf(to, "%s%s=\"", before, l->string);
		put_escaped(to, cJSON_IsString(l) ? l->valuestring : "", true);
		fputc('"', to);
		before = ",";
	}
	if (*before == ',')
		fputc('}', to);
}

/* Large numbers and fractions come as strings. */
static int put_value(FILE *to, const cJSON *v)
{
	if (!cJSON_IsNumber(v) && !cJSON_IsString(v))
		return -EBADMSG;
	if (cJSON_IsNumber(v))
		fprintf(to, " %.17g\n", v->valuedouble);
	else
		fprintf(to, " %s\n", v->valuestring);
	return 0;
}

static int add_sample(struct families *all, const cJSON *labels, const cJSON *v)
{
	struct family *f = find(all, v->string);

	if (f == NULL)
		return -EBADMSG;
	if (f->to == NULL && (f->to = open_memstream(&f->samples, &f->len)) == NULL)
		return -ENOMEM;
	fprintf(f->to, PREFIX "%s%s", f->name, f->is_counter ? "_total" : "");
	put_labels(f->to, labels);
	return put_value(f->to, v);
}

static int take(struct families *all, const cJSON *json)
{
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(json, "labels");
	const cJSON *v;
	int ret = 0;

	if (cJSON_HasObjectItem(json, "metric"))
		return describe(all, json);
	cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(json, "values"))
	{
		ret = add_sample(all, labels, v);
		if (ret < 0)
			break;
	}
	return ret;
}

/* --- what is printed --- */

static bool ends_with(const char *name, const char *unit)
{
	size_t n = strlen(name), u = strlen(unit);

	return u > 0 && n > u && name[n - u - 1] == '_' && strcmp(name + n - u, unit) == 0;
}

/* Metrics without a sample (accounting that is off) are left out. */
static int print_family(struct family *f)
{
	int ret;

	if (f->to == NULL)
		return 0;
	ret = fclose(f->to);
	f->to = NULL;
	if (ret != 0)
		return -ENOMEM;
	printf("# TYPE " PREFIX "%s %s\n", f->name, f->is_counter ? "counter" : "gauge");
	if (ends_with(f->name, f->unit))
		printf("# UNIT " PREFIX "%s %s\n", f->name, f->unit);
	printf("# HELP " PREFIX "%s ", f->name);
	put_escaped(stdout, f->help, false);
	printf("\n%s", f->samples);
	return 0;
}

static int print_all(const struct families *all)
{
	for (struct family *f = all->first; f != NULL; f = f->next) {
		if (print_family(f) < 0)
			return cli_error(EXIT_FAILED, "no memory");
	}
	puts("# EOF");
	return EXIT_OK;
}

static void families_free(struct families *all)
{
	struct family *next;

	for (struct family *f = all->first; f != NULL; f = next) {
		next = f->next;
		family_free(f);
	}
}

static int read_all(struct client *c, bool as_json, struct families *all)
{
	const char *line;
	int ret = 0, status;

	while ((line = client_next(c, &status)) != NULL) {
		cJSON *json;

		if (as_json) {
			puts(line);
			continue;
		}
		json = cJSON_Parse(line);
		ret = json != NULL ? take(all, json) : -EBADMSG;
		cJSON_Delete(json);
		if (ret < 0)
			return cli_error(EXIT_FAILED, "metrics: %s", strerror(-ret));
	}
	return status;
}

/* Printed when all of it is there: half a file would look like metrics that are gone. */
int cmd_metrics(const struct cmd *cmd, const struct cli *cli)
{
	bool as_json = cli_has(cli, OPT_JSON);
	struct families all = { .last = &all.first };
	struct client *c;
	int ret = client_open(cli, &c);

	if (ret != EXIT_OK)
		return ret;
	ret = client_ask(c, cmd->name, NULL, cli, 0);
	if (ret == EXIT_OK)
		ret = read_all(c, as_json, &all);
	if (ret == EXIT_OK && !as_json)
		ret = print_all(&all);
	families_free(&all);
	client_close(c);
	return ret;
}
