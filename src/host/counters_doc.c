/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints docs/counters.md out of the lists that make the enums; with a file's name, says whether
 * that file is the same. Built, not installed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "control/alarm_rules.h"
#include "control/counter.h"
#include "control/metric.h"
#include "dataplane/counter.h"
#include "dataplane/drop.h"

struct row {
	const char *name, *unit, *help;
};

static const struct row dp_rows[] = {
#define X(id, name, unit, help) { name, unit, help },
	DP_COUNTER_LIST(X)
#undef X
};

static const struct row ctl_rows[] = {
#define X(id, name, unit, help) { name, unit, help },
	CTL_COUNTER_LIST(X)
#undef X
};

static const struct row drop_rows[] = {
#define X(id, name, help) { name, NULL, help },
	DP_DROP_LIST(X)
#undef X
};

static void print_table(FILE *to, const char *first, const struct row *rows, size_t n)
{
	bool units = rows[0].unit != NULL;

	fprintf(to, "| %s | %sMeaning |\n| --- | %s--- |\n", first, units ? "Unit | " : "",
		units ? "--- | " : "");
	for (size_t i = 0; i < n; i++)
		fprintf(to, "| `%s` | %s%s%s |\n", rows[i].name, units ? rows[i].unit : "",
			units ? " | " : "", rows[i].help);
}

static void print_alarms(FILE *to)
{
	static const struct {
		const char *name, *severity, *unit, *raise_at, *clear_below, *what, *todo;
		unsigned raise_ms, clear_ms;
	} rows[] = {
#define X(id, name, severity, unit, raise_at, clear_below, raise_ms, clear_ms, what, todo)         \
	{ name, #severity, unit, #raise_at, #clear_below, what, todo, raise_ms, clear_ms },
		ALARM_LIST(X)
#undef X
	};

	fprintf(to, "| Alarm | Severity | Raised | Cleared | Meaning | What to do |\n"
		    "| --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < DIM(rows); i++)
		fprintf(to,
			"| `%s` | %s | %s %s or more for %u ms | below %s for %u ms | %s | %s |\n",
			rows[i].name,
			strcmp(rows[i].severity, "CRITICAL") == 0 ? "critical" : "warning",
			rows[i].raise_at, rows[i].unit, rows[i].raise_ms, rows[i].clear_below,
			rows[i].clear_ms, rows[i].what, rows[i].todo);
}

static void print_metrics(FILE *to)
{
	static const struct {
		const char *name, *type, *labels, *help;
	} rows[] = {
#define X(id, name, type, unit, labels, help) { name, #type, labels, help },
		METRIC_LIST(X)
#undef X
	};

	fprintf(to, "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < DIM(rows); i++) {
		bool counter = strcmp(rows[i].type, "COUNTER") == 0;

		fprintf(to, "| `hamd_%s%s` | %s | %s | %s |\n", rows[i].name,
			counter ? "_total" : "", counter ? "counter" : "gauge", rows[i].labels,
			rows[i].help);
	}
}

static void print_all(FILE *to)
{
	fprintf(to, "# Counters and alarms\n\n"
		    "Made by `counters-doc` from the lists in src/dataplane/counter.h,\n"
		    "src/control/counter.h, src/dataplane/drop.h and src/control/alarm_rules.h;\n"
		    "do not edit. Counters only grow,\n"
		    "from the start of hamd on, and are never reset: who wants a rate subtracts\n"
		    "(`hamctl top` does).\n\n"
		    "## Data plane\n\n"
		    "`hamctl show counters`, scope data-plane: the sum over all lcores.\n\n");
	print_table(to, "Counter", dp_rows, DIM(dp_rows));
	fprintf(to, "\n## Control core\n\n`hamctl show counters`, scope control.\n\n");
	print_table(to, "Counter", ctl_rows, DIM(ctl_rows));
	fprintf(to,
		"\n## Drops\n\n"
		"`hamctl show drops`: every packet that hamd took and did not pass on was counted\n"
		"under exactly one of these.\n\n");
	print_table(to, "Reason", drop_rows, DIM(drop_rows));
	fprintf(to, "\n## Alarms\n\n"
		    "`hamctl show alarms`; raised and cleared ones are said in the log, too.\n\n");
	print_alarms(to);
	fprintf(to, "\n## Metrics\n\n"
		    "`hamctl metrics`: these, and each counter of the first two tables as\n"
		    "`hamd_NAME_total`.\n\n");
	print_metrics(to);
}

static bool is_same(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "r");
	char *there = malloc(len + 1);
	bool same = false;

	if (f != NULL && there != NULL)
		same = fread(there, 1, len + 1, f) == len && memcmp(there, text, len) == 0;
	free(there);
	if (f != NULL)
		fclose(f);
	return same;
}

int main(int argc, char *argv[])
{
	char *text = NULL;
	size_t len = 0;
	FILE *mem;
	bool same;

	if (argc < 2) {
		print_all(stdout);
		return 0;
	}
	mem = open_memstream(&text, &len);
	if (mem == NULL)
		return 1;
	print_all(mem);
	fclose(mem);
	same = is_same(argv[1], text, len);
	free(text);
	if (!same)
		fprintf(stderr, "%s is not what the lists say: counters-doc > %s\n", argv[1],
			argv[1]);
	return same ? 0 : 1;
}
