/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/plant.h"
#include "common/util.h"
#include "fake.h"
#include "shape.h"

#ifdef HAMD_PLANT
enum plant plant_chosen;
#endif

/* Of the product's own code there are none. */
static const struct {
	const char *name, *help;
} plants[] = {
#ifdef HAMD_PLANT
#define X(id, text, what) { text, what },
	PLANT_LIST(X)
#undef X
#endif
		{ "", "" },
};

/* The kind of world that shows what was planted, where others hardly do. */
static const char *shape_of_plant(void)
{
#ifdef HAMD_PLANT
	static const struct {
		enum plant plant;
		const char *kind;
	} rows[] = {
		{ PLANT_SNAPSHOT_INSERTS, "joins" },
		{ PLANT_UNADOPT_EARLY, "joins" },
		{ PLANT_QUEUE_PURGES, "crowd" },
		{ PLANT_JOIN_AT_ONCE, "joins" },
		{ PLANT_FULL_STAYS, "cramped" },
		{ PLANT_PACE_IGNORED, "heavy" },
		{ PLANT_STREAMS_IGNORED, "joins" },
		{ PLANT_STAMP_IGNORED, "attacked" },
		{ PLANT_WINDOW_IGNORED, "attacked" },
		{ PLANT_KEYS_AT_ONCE, "attacked" },
		{ PLANT_HELLO_REPLAYED, "attacked" },
	};

	for (unsigned i = 0; i < DIM(rows); i++)
		if (rows[i].plant == plant_chosen)
			return rows[i].kind;
#endif
	return "any";
}

void options_usage(FILE *to)
{
	fputs("Usage: sim [--shape KIND] [--trace] --seed N\n"
	      "       sim [--shape KIND] [--jobs N] --seeds A-B\n"
	      "       sim --self-test\n"
	      "       sim --scale\n"
	      "\n"
	      "Sites of a mesh, mobile nodes and a network that fails them, in virtual time. A "
	      "seed is\n"
	      "a world; --trace tells its story. docs/simulator.md says how to read it.\n"
	      "\n"
	      "  --seed N      one world\n"
	      "  --seeds A-B   a campaign; the first failure ends it and is told with its seed\n"
	      "  --shape KIND  what the worlds are like:\n",
		to);
	if (to == stdout)
		shape_list();
	fputs("  --jobs N      processes (as many as there are processors)\n"
	      "  --fake NAME   sites with one known mistake instead of the real code\n"
	      "  --self-test   does the oracle find each of these mistakes, and no other?\n",
		to);
	fputs("  --scale       how much a mesh says, by sites and bindings: lines of a table\n",
		to);
	fputs("  --plant NAME  the real code with one planted fault (sim-planted only)\n"
	      "  --plants      their names\n"
	      "  --expect-failure  it is a failure when a campaign finds nothing\n"
	      "  --quiet       no statistics\n",
		to);
	for (unsigned i = 0; to == stdout && plants[i].name[0] != '\0'; i++)
		printf("    %-18s %s\n", plants[i].name, plants[i].help);
	fputs("Exit status: 0 nothing found, 1 a failure, 2 usage.\n", to);
}

static bool parse_seeds(const char *text, struct opts *o)
{
	char *end;

	errno = 0;
	o->first = strtoull(text, &end, 0);
	if (*end != '-' || end == text)
		return false;
	text = end + 1;
	o->last = strtoull(text, &end, 0);
	return errno == 0 && *end == '\0' && end != text && o->first <= o->last;
}

static bool choose_fake(const char *name)
{
	for (unsigned i = 0; i < FAKE_COUNT; i++)
		if (strcmp(name, fake_name(i)) == 0) {
			fake_choose(i);
			return true;
		}
	return false;
}

static bool choose_plant(const char *name)
{
	for (unsigned i = 0; plants[i].name[0] != '\0'; i++)
		if (strcmp(name, plants[i].name) == 0) {
#ifdef HAMD_PLANT
			plant_chosen = i + 1;
#endif
			return true;
		}
	return false;
}

void options_list_plants(void)
{
	for (unsigned i = 0; plants[i].name[0] != '\0'; i++)
		puts(plants[i].name);
}

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seeds", required_argument, NULL, 'S' },
	{ "shape", required_argument, NULL, 'k' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "trace", no_argument, NULL, 't' },
	{ "fake", required_argument, NULL, 'f' },
	{ "plant", required_argument, NULL, 'p' },
	{ "self-test", no_argument, NULL, 'o' },
	{ "scale", no_argument, NULL, 'c' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "expect-failure", no_argument, NULL, 'x' },
	{ "plants", no_argument, NULL, 'P' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False: usage. */
bool options_parse(int argc, char **argv, struct opts *o, int *what)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *end = NULL;

		switch (c) {
		case 's':
			o->first = o->last = strtoull(optarg, &end, 0);
			break;
		case 'S':
			if (!parse_seeds(optarg, o))
				return false;
			break;
		case 'j':
			o->jobs = (unsigned)strtoul(optarg, &end, 10);
			break;
		case 'k':
			o->shape = optarg;
			break;
		case 't':
			o->trace = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'f':
			o->fake = true;
			if (!choose_fake(optarg))
				return false;
			break;
		case 'p':
			if (!choose_plant(optarg))
				return false;
			break;
		case 'x':
			o->must_fail = true;
			break;
		case 'o':
		case 'c':
		case 'h':
		case 'P':
			break;
		default:
			return false;
		}
		if (end != NULL && (*end != '\0' || end == optarg))
			return false;
		if (strchr("sSohPc", c) != NULL)
			*what = c;
	}
	if (o->shape == NULL)
		o->shape = shape_of_plant();
	return optind == argc && *what != 0 && o->jobs >= 1 && o->jobs <= JOBS_MAX;
}
