/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tables of commands and options say, for people, bash and mandoc. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_option(enum opt o)
{
	const struct opt_desc *d = &opts[o];
	char name[64];
	char letter[] = { '-', d->letter, ',', '\0' };

	snprintf(name, sizeof(name), "--%s%s%s", d->name, d->arg != NULL ? " " : "",
		d->arg != NULL ? d->arg : "");
	printf("  %-3s %-26s %s\n", d->letter != 0 ? letter : "", name, d->help);
}

static void print_all(void)
{
	printf("usage: hamctl [OPTION...] COMMAND\n\ncommands:\n");
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s%s", c->name, c->arg != NULL ? " " : "",
			c->arg != NULL ? c->arg : "");
		printf("  %-27s %s\n", name, c->help);
	}
	printf("\noptions:\n");
	for (enum opt o = 0; o < OPT_COUNT; o++)
		print_option(o);
	printf("\nWithout -s and -n: the only socket in /run/hamd. Exit status: 0, 1 when "
	       "something\n"
	       "failed, 2 when hamctl was called in a wrong way. More: hamctl(1).\n");
}

static void print_one(const struct cmd *c)
{
	printf("usage: hamctl %s%s%s [OPTION...]\n\n%s\n\noptions:\n", c->name,
		c->arg != NULL ? " " : "", c->arg != NULL ? c->arg : "", c->help);
	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (cmd_takes(c, o))
			print_option(o);
	}
}

/* The argument is all words behind "help": a command's name. */
int cmd_help(const struct cmd *cmd, const struct cli *cli)
{
	(void)cmd;
	if (cli->arg == NULL) {
		print_all();
		return EXIT_OK;
	}
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		if (strcmp(c->name, cli->arg) == 0) {
			print_one(c);
			return EXIT_OK;
		}
	}
	return cli_error(EXIT_USAGE, "unknown command \"%s\", see hamctl help", cli->arg);
}

/* --- bash --- */

static void print_options_of(const struct cmd *c)
{
	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (cmd_takes(c, o))
			printf(" --%s", opts[o].name);
	}
}

/* First words, without repeating. */
static void print_first_words(void)
{
	const char *last = "";
	size_t last_len = 0;

	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		size_t len = strcspn(c->name, " ");

		if (len != last_len || strncmp(c->name, last, len) != 0)
			printf(" %.*s", (int)len, c->name);
		last = c->name;
		last_len = len;
	}
}

static void print_next_words(void)
{
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		size_t len = strcspn(c->name, " ");
		bool same_before = c > cmds && strncmp(c[-1].name, c->name, len) == 0 &&
				   c[-1].name[len] == ' ';

		if (c->name[len] == '\0' || same_before)
			continue;
		printf("\t\"%.*s\") COMPREPLY=($(compgen -W \"", (int)len, c->name);
		for (const struct cmd *d = c; d->name != NULL; d++) {
			if (strncmp(d->name, c->name, len) == 0 && d->name[len] == ' ')
				printf("%s%s", d > c ? " " : "", d->name + len + 1);
		}
		printf("\" -- \"$cur\"));;\n");
	}
}

/* A pattern of the options behind which a value stands. */
static void print_valued(void)
{
	const char *between = "";

	for (enum opt o = 0; o < OPT_COUNT; o++) {
		if (opts[o].arg == NULL)
			continue;
		if (opts[o].letter != 0)
			printf("%s-%c|", between, opts[o].letter);
		printf("%s--%s", opts[o].letter != 0 ? "" : between, opts[o].name);
		between = "|";
	}
}

int cmd_completion(const struct cmd *cmd, const struct cli *cli)
{
	(void)cmd;
	if (strcmp(cli->arg, "bash") != 0)
		return cli_error(EXIT_USAGE, "completion is there for bash only");
	printf("# hamctl's completion for bash, made by: hamctl completion bash\n"
	       "_hamctl()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal words=() word skip= opts=\n\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase $prev in\n"
	       "\t-s|--socket) compopt -o default; return;;\n"
	       "\t-n|--name) COMPREPLY=($(cd /run/hamd 2>/dev/null && "
	       "compgen -W \"$(printf '%%s\\n' *.sock | sed 's/\\.sock$//')\" -- \"$cur\"))\n"
	       "\t\treturn;;\n"
	       "\t");
	print_valued();
	printf(") return;;\n"
	       "\tesac\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tif [[ $skip ]]; then skip=; continue; fi\n"
	       "\t\tcase $word in\n"
	       "\t\t");
	print_valued();
	printf(") skip=1;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) words+=(\"$word\");;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tcase \"${words[*]}\" in\n");
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		printf("\t\t\"%s\"*) opts=\"", c->name);
		print_options_of(c);
		printf("\";;\n");
	}
	printf("\t\t*) opts=\"");
	for (enum opt o = 0; o < OPT_COUNT; o++)
		printf(" --%s", opts[o].name);
	printf("\";;\n\t\tesac\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
	       "\t\treturn\n\tfi\n"
	       "\tcase \"${words[*]}\" in\n\t\"\") COMPREPLY=($(compgen -W \"");
	print_first_words();
	printf("\" -- \"$cur\"));;\n");
	print_next_words();
	printf("\tcapture|genkey|pubkey) compopt -o default;;\n"
	       "\tcompletion) COMPREPLY=($(compgen -W bash -- \"$cur\"));;\n"
	       "\tesac\n}\ncomplete -F _hamctl hamctl\n");
	return EXIT_OK;
}

/* --- the man page --- */

/* A sentence: capital first, full stop last. */
static void print_sentence(const char *text)
{
	printf("%c%s.\n", toupper((unsigned char)text[0]), text + 1);
}

static void print_mdoc_arg(const char *arg)
{
	size_t len = strlen(arg);
	char lower[64];

	if (arg[0] == '[') {
		arg++;
		len -= 2;
	}
	for (size_t i = 0; i < len && i < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)arg[i]);
	printf(" Ar %.*s", (int)len, lower);
}

static void print_mdoc_opt(enum opt o)
{
	if (opts[o].letter != 0)
		printf(".It Fl %c , Fl Fl %s", opts[o].letter, opts[o].name);
	else
		printf(".It Fl Fl %s", opts[o].name);
	if (opts[o].arg != NULL)
		print_mdoc_arg(opts[o].arg);
	putchar('\n');
	print_sentence(opts[o].help);
}

void help_mdoc(void)
{
	printf(".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (const struct cmd *c = cmds; c->name != NULL; c++) {
		const char *between = " ";

		printf(".It Cm %s", c->name);
		if (c->arg != NULL && c->arg[0] == '[')
			printf(" Op");
		if (c->arg != NULL)
			print_mdoc_arg(c->arg);
		putchar('\n');
		print_sentence(c->help);
		for (enum opt o = 0; o < OPT_COUNT; o++) {
			if (!(c->opts & OPT_BIT(o)) || o <= OPT_JSON)
				continue;
			printf("%s.Fl Fl %s", *between == ' ' ? "Takes\n" : " ,\n", opts[o].name);
			between = "";
		}
		if (*between == '\0')
			printf(" .\n");
	}
	printf(".El\n.Sh OPTIONS\n.Bl -tag -width Ds\n");
	for (enum opt o = 0; o < OPT_COUNT; o++)
		print_mdoc_opt(o);
	printf(".El\n");
}
