/* SPDX-License-Identifier: BSD-3-Clause */
/* `hamd -t -v`: the structure back as "path = value" lines, the values written as in JSON. */
#include <inttypes.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/field.h"
#include "conf/path.h"
#include "conf/text.h"

struct printer {
	const struct conf *conf;
	FILE *to;
	struct conf_path path;
};

static void print_str(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void print_set(FILE *to, const struct conf_field *f, const bool *on)
{
	const char *comma = "";

	fputc('[', to);
	for (unsigned i = 0; f->values[i] != NULL; i++) {
		if (on[i]) {
			fputs(comma, to);
			print_str(to, f->values[i]);
			comma = ", ";
		}
	}
	fputc(']', to);
}

static void print_value(struct printer *p, const struct conf_field *f, const void *value)
{
	char text[IP6_PREFIX_STRLEN], key[CONF_KEY_TEXT];
	const char *word;

	switch (f->type) {
	case CONF_U32:
		word = conf_word(f, *(const uint32_t *)value);
		if (word != NULL)
			print_str(p->to, word);
		else
			fprintf(p->to, "%" PRIu32, *(const uint32_t *)value);
		break;
	case CONF_BOOL:
		fputs(*(const bool *)value ? "true" : "false", p->to);
		break;
	case CONF_STR:
	case CONF_WORD:
		print_str(p->to, value);
		break;
	case CONF_TEXT: {
		const char *str;

		memcpy(&str, value, sizeof(str));
		print_str(p->to, str);
		break;
	}
	case CONF_ENUM: {
		uint32_t i;

		memcpy(&i, value, sizeof(i));
		print_str(p->to, f->values[i]);
		break;
	}
	case CONF_SET:
		print_set(p->to, f, value);
		break;
	case CONF_IP6:
		print_str(p->to, ip6_str(value, text));
		break;
	case CONF_PREFIX:
	case CONF_IFADDR:
		print_str(p->to, ip6_prefix_str(value, text));
		break;
	case CONF_PORT:
		print_str(p->to, p->conf->ports[*(const int *)value].name);
		break;
	case CONF_KEY:
		print_str(p->to, conf_key_str(value, key));
		break;
	case CONF_EMPTY:
		fputs("[]", p->to);
		break;
	default:
		fputs("null", p->to);
		break;
	}
}

static void print_list(struct printer *p, const struct conf_field *f, const void *obj)
{
	uint32_t n = conf_list_count(f, obj);

	fputc('[', p->to);
	for (uint32_t i = 0; i < n; i++) {
		fputs(i > 0 ? ", " : "", p->to);
		print_value(p, f, conf_list_item(f, obj, i));
	}
	fputc(']', p->to);
}

static void print_line(struct printer *p, const struct conf_field *f, const void *obj, bool given)
{
	fprintf(p->to, "%s = ", p->path.text);
	if (f->list)
		print_list(p, f, obj);
	else
		print_value(p, f, conf_value(f, obj));
	fputs(given ? "\n" : " (default)\n", p->to);
}

static void print_section(struct printer *p, const struct conf_section *s, const void *obj)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];
		uint32_t n = f->list ? conf_list_count(f, obj) : 1;
		size_t old = conf_path_enter(&p->path, f->key);

		if (f->optional && !conf_is_given(s, obj, i)) {
			conf_path_leave(&p->path, old);
			continue;
		}
		if (f->type != CONF_OBJECT || n == 0) {
			print_line(p, f, obj, conf_is_given(s, obj, i));
		} else if (!f->list) {
			print_section(p, f->section, conf_value(f, obj));
		} else {
			for (uint32_t j = 0; j < n; j++) {
				size_t key = conf_path_enter_item(&p->path, j);

				print_section(p, f->section, conf_list_item(f, obj, j));
				conf_path_leave(&p->path, key);
			}
		}
		conf_path_leave(&p->path, old);
	}
}

void conf_print(const struct conf *c, FILE *to)
{
	struct printer p = { .conf = c, .to = to };

	print_section(&p, conf_root(), c);
}
