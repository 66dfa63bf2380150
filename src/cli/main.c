/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "common/ip6.h"

#define OPT_VALUE 256 /* what getopt says for an option without a letter: OPT_VALUE + enum opt */

static enum opt option_of(int got)
{
	if (got >= OPT_VALUE)
		return (enum opt)(got - OPT_VALUE);
	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (opts[o].letter == got)
			return o;
	}
	return OPT_COUNT;
}

/* getopt's own tables, out of ours. */
static int read_options(int argc, char *argv[], struct cli *cli)
{
	struct option longs[OPT_COUNT + 1] = { 0 };
	char letters[3 * OPT_COUNT + 1] = "";
	size_t n = 0;
	int got;

	for (enum opt o = 0; o < OPT_COUNT; o++) {
		longs[o] = (struct option){ opts[o].name,
			opts[o].arg != NULL ? required_argument : no_argument, NULL,
			OPT_VALUE + (int)o };
		if (opts[o].letter != 0)
			letters[n++] = opts[o].letter;
		if (opts[o].letter != 0 && opts[o].arg != NULL)
			letters[n++] = ':';
	}
	while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		enum opt o = option_of(got);

		if (o == OPT_COUNT)
			return EXIT_USAGE; /* getopt has said it */
		cli->seen |= OPT_BIT(o);
		cli->value[o] = optarg;
	}
	return EXIT_OK;
}

static int check_prefix(const struct cli *cli, enum opt o)
{
	struct ip6_prefix p;
	int ret;

	if (ip6_parse(cli->value[o], &p.addr) == 0)
		return EXIT_OK;
	ret = ip6_prefix_parse(cli->value[o], &p);
	if (ret == 0)
		return EXIT_OK;
	return cli_error(EXIT_USAGE, "--%s: \"%s\" %s", opts[o].name, cli->value[o],
		ret == -EDOM ? "has bits set behind its length" : "is not an IPv6 prefix");
}

static int check_number(const struct cli *cli, enum opt o)
{
	const char *text = cli->value[o];

	/* Nine digits fit whatever it is for; the daemon knows the range. */
	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10)
		return EXIT_OK;
	return cli_error(EXIT_USAGE, "--%s: \"%s\" is not a number", opts[o].name, text);
}

static int check_home_address(const char *text)
{
	struct ip6_addr a;

	if (ip6_parse(text, &a) == 0)
		return EXIT_OK;
	return cli_error(EXIT_USAGE, "\"%s\" is not an IPv6 address", text);
}

static int check_value(const struct cli *cli, enum opt o)
{
	if (!cli_has(cli, o) || opts[o].arg == NULL)
		return EXIT_OK;
	if (opt_is_number(&opts[o]))
		return check_number(cli, o);
	if (strcmp(opts[o].arg, "PREFIX") == 0)
		return check_prefix(cli, o);
	return strcmp(opts[o].arg, "HOME-ADDRESS") == 0 ? check_home_address(cli->value[o])
							: EXIT_OK;
}

/* What can be known without the daemon. */
static int check(const struct cmd *cmd, const struct cli *cli)
{
	int ret = EXIT_OK;

	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (cli_has(cli, o) && !cmd_takes(cmd, o))
			return cli_error(
				EXIT_USAGE, "\"%s\" does not take --%s", cmd->name, opts[o].name);
	}
	if (cmd->arg == NULL && cli->arg != NULL)
		return cli_error(EXIT_USAGE, "\"%s\" does not take \"%s\"", cmd->name, cli->arg);
	if (cmd->arg != NULL && cmd->arg[0] != '[' && cli->arg == NULL)
		return cli_error(EXIT_USAGE, "\"%s\" needs %s", cmd->name, cmd->arg);
	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (cmd->needs & OPT_BIT(o) && !cli_has(cli, o))
			return cli_error(EXIT_USAGE, "\"%s\" needs --%s %s", cmd->name,
				opts[o].name, opts[o].arg);
	}
	if (cmd->arg != NULL && strcmp(cmd->arg, "HOME-ADDRESS") == 0)
		ret = check_home_address(cli->arg);
	for (enum opt o = 0; o < OPT_COUNT && ret == EXIT_OK; o++)
		ret = check_value(cli, o);
	return ret;
}

/* What stands behind the command's words: one argument, for help several words. */
static int read_argument(const struct cmd *cmd, int n, char *words[], struct cli *cli)
{
	static char joined[4096]; /* a path may be that long */
	size_t used = 0;

	if (n > 1 && cmd->run != cmd_help)
		return cli_error(
			EXIT_USAGE, "\"%s\": nobody knows what \"%s\" is for", cmd->name, words[1]);
	if (n == 0)
		return EXIT_OK;
	for (int i = 0; i < n && used < sizeof(joined); i++)
		used += (size_t)snprintf(
			joined + used, sizeof(joined) - used, "%s%s", i > 0 ? " " : "", words[i]);
	if (used >= sizeof(joined))
		return cli_error(EXIT_USAGE, "\"%s\": the argument is too long", cmd->name);
	cli->arg = joined;
	return EXIT_OK;
}

static int run(int argc, char *argv[])
{
	struct cli cli = { 0 };
	const struct cmd *cmd;
	int ret = read_options(argc, argv, &cli), used;

	if (ret != EXIT_OK)
		return ret;
	if (cli_has(&cli, OPT_VERSION)) {
		puts("hamctl " HAMD_VERSION);
		return EXIT_OK;
	}
	if (cli_has(&cli, OPT_HELP) && optind == argc)
		return cmd_help(NULL, &cli);
	cmd = cmd_find(argc - optind, argv + optind, &used);
	if (cmd == NULL)
		return EXIT_USAGE;
	if (cli_has(&cli, OPT_HELP)) {
		cli.arg = cmd->name;
		return cmd_help(NULL, &cli);
	}
	ret = read_argument(cmd, argc - optind - used, argv + optind + used, &cli);
	if (ret == EXIT_OK)
		ret = check(cmd, &cli);
	return ret == EXIT_OK ? cmd->run(cmd, &cli) : ret;
}

int main(int argc, char *argv[])
{
	int ret = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		ret = cli_error(EXIT_FAILED, "standard output: write failed");
	return ret;
}
