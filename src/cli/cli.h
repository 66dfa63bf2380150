/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hamctl: what a run of it is. One table of commands and one of options (cmd.c) make the parser,
 * the help, bash's completion and the man page's lists. Single-threaded; errors are said once, to
 * standard error, where they are found; functions return what the process exits with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/util.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum opt {
	OPT_SOCKET,
	OPT_NAME,
	OPT_JSON,
	OPT_PREFIX,
	OPT_COA,
	OPT_DOMAIN,
	OPT_OWNER,
	OPT_ALL,
	OPT_FORCE,
	OPT_TO,
	OPT_WAIT,
	OPT_SOURCE,
	OPT_DESTINATION,
	OPT_MOBILE_NODE,
	OPT_PORT,
	OPT_STAGE,
	OPT_REASON,
	OPT_DROPS,
	OPT_PACKETS,
	OPT_SECONDS,
	OPT_SNAPLEN,
	OPT_ONCE,
	OPT_HELP,
	OPT_VERSION,
	OPT_COUNT
};

#define OPT_BIT(o) (1U << (o))
/* Of every command that asks the daemon; no business of the daemon's. */
#define OPTS_ASK (OPT_BIT(OPT_SOCKET) | OPT_BIT(OPT_NAME) | OPT_BIT(OPT_JSON))

struct opt_desc {
	const char *name;
	char letter; /* 0: none */
	const char *arg; /* NULL: it takes none; "N": a number */
	const char *help;
};

static inline bool opt_is_number(const struct opt_desc *d)
{
	return d->arg != NULL && d->arg[0] == 'N' && d->arg[1] == '\0';
}

struct cli {
	unsigned seen; /* OPT_BIT() of the options given */
	const char *value[OPT_COUNT]; /* of those that take one */
	const char *arg; /* the command's argument, NULL */
};

static inline bool cli_has(const struct cli *cli, enum opt o)
{
	return cli->seen & OPT_BIT(o);
}

struct cmd;
struct column;

typedef int (*cmd_fn)(const struct cmd *cmd, const struct cli *cli);

struct cmd {
	const char *name; /* also what the daemon is asked */
	const char *arg; /* NULL: it takes none; in brackets: it may be left out */
	const char *help;
	unsigned opts; /* OPT_BIT() of those it takes beside the ones every command takes */
	cmd_fn run;
	const struct column *columns; /* of cmd_show()'s table; NULL: "key  value" lines */
	unsigned needs; /* OPT_BIT() of those it cannot do without */
	unsigned patience_s; /* how long the daemon may take for it; 0: as for anything */
};

extern const struct cmd cmds[]; /* ends with a name of NULL */
extern const struct opt_desc opts[OPT_COUNT];

/* The command that the first words name, *used of them; NULL after saying what is wrong. */
const struct cmd *cmd_find(int n, char *const words[], int *used);
bool cmd_takes(const struct cmd *cmd, enum opt o);

int cmd_show(const struct cmd *cmd, const struct cli *cli); /* show.c */
int cmd_drain(const struct cmd *cmd, const struct cli *cli); /* drain.c */
int cmd_top(const struct cmd *cmd, const struct cli *cli); /* top.c */
int cmd_trace(const struct cmd *cmd, const struct cli *cli); /* trace.c */
int cmd_capture(const struct cmd *cmd, const struct cli *cli); /* capture.c */
int cmd_metrics(const struct cmd *cmd, const struct cli *cli); /* metrics.c */
int cmd_genkey(const struct cmd *cmd, const struct cli *cli); /* key.c */
int cmd_pubkey(const struct cmd *cmd, const struct cli *cli);
int cmd_help(const struct cmd *cmd, const struct cli *cli); /* help.c */
int cmd_completion(const struct cmd *cmd, const struct cli *cli);
void help_mdoc(void); /* the man page's lists of commands and options */

/* "hamctl: ..." on standard error; returns `status`. */
int cli_error(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);
