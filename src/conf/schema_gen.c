/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Build tool, not installed: prints what is made from the field tables and kept in the tree, the
 * JSON Schema or the tables of hamd.json(5). A test compares the copies with its output.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/field.h"

static void print_words(const struct conf_field *f)
{
	for (unsigned i = 0; f->values[i] != NULL; i++)
		printf("%s%s", i > 0 ? ", " : "", f->values[i]);
}

/* "IPv6 address": what one value is. */
static void print_type(const struct conf_field *f)
{
	static const char *const type[CONF_TYPE_COUNT] = {
		[CONF_BOOL] = "true or false",
		[CONF_WORD] = "one of ",
		[CONF_ENUM] = "one of ",
		[CONF_SET] = "array of the words ",
		[CONF_IP6] = "IPv6 address",
		[CONF_PREFIX] = "IPv6 prefix",
		[CONF_IFADDR] = "IPv6 address with prefix length",
		[CONF_KEY] = "32 octets in base64",
		[CONF_PORT] = "name of a port",
		[CONF_NULL] = "null",
		[CONF_EMPTY] = "empty array",
		[CONF_OBJECT] = "object",
	};

	if (f->list)
		printf("array of %u to %u items, each: ", f->min, f->max);
	if (f->type == CONF_U32)
		printf("integer from %u to %u%s", f->min, f->max,
			f->values != NULL ? ", or one of " : "");
	else if (f->type == CONF_STR || f->type == CONF_TEXT || f->type == CONF_SECRET)
		printf("string of at most %u octets", f->max - 1);
	else
		printf("%s", type[f->type]);
	if (f->values != NULL)
		print_words(f);
}

static void print_default(const struct conf_field *f)
{
	if (f->required) {
		printf("; required");
	} else if (f->optional) {
		printf("; optional");
	} else if (f->derived != NULL) {
		printf("; default: %s", f->derived);
	} else if (f->list) {
		printf("; default: none");
	} else if (f->type == CONF_U32 && conf_word(f, f->def) != NULL) {
		printf("; default: %s", conf_word(f, f->def));
	} else if (f->type == CONF_U32) {
		printf("; default: %u", f->def);
	} else if (f->type == CONF_BOOL) {
		printf("; default: %s", f->def ? "true" : "false");
	} else if (f->type == CONF_ENUM) {
		printf("; default: %s", f->values[f->def]);
	} else if (f->type == CONF_SET) {
		printf("; default: all");
	} else if (f->def_text != NULL) {
		printf("; default: %s", f->def_text);
	}
}

/* mdoc wants each sentence on a line of its own, and no line above 80 columns. */
static void print_help(const char *help)
{
	size_t column = 0;

	while (*help != '\0') {
		size_t len = strcspn(help, " ");
		bool ends = help[len - 1] == '.';

		if (column > 0 && column + 1 + len > 80) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column > 0 ? " " : "", (int)len, help);
		help += len;
		help += strspn(help, " ");
		if (ends || *help == '\0') {
			putchar('\n');
			column = 0;
		}
	}
}

static void print_section(const struct conf_section *s, const char *path)
{
	char inner[128];

	printf(".Ss %s\\&\n.Bl -tag -width Ds\n", path[0] != '\0' ? path : "The file");
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];

		printf(".It Ic %s\n.Pq ", f->key);
		print_type(f);
		print_default(f);
		putchar('\n');
		printf(".br\n");
		print_help(f->help);
	}
	printf(".El\n");
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];

		if (f->type != CONF_OBJECT)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s%s", path, path[0] != '\0' ? "." : "", f->key,
			f->list ? "[]" : "");
		print_section(f->section, inner);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "schema") == 0) {
		conf_print_schema(stdout);
	} else if (argc == 2 && strcmp(argv[1], "man") == 0) {
		print_section(conf_root(), "");
		print_section(conf_line(), "subscribers file: line");
	} else {
		fprintf(stderr, "usage: %s schema|man\n", argv[0]);
		return EXIT_FAILURE;
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
