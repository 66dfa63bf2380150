/* SPDX-License-Identifier: BSD-3-Clause */
/* What the code takes for granted about the field tables. */
#include "test.h"

#include "conf/conf.h"
#include "conf/field.h"

#define REFUSE(f, why) fail_msg("%s: %s", (f)->key, why)

static void check_text(const struct conf_field *f)
{
	if (f->key[0] == '\0' || f->key[strspn(f->key, "abcdefghijklmnopqrstuvwxyz-")] != '\0')
		REFUSE(f, "a key is lower case with dashes");
	if (f->help == NULL || strlen(f->help) < 2 || f->help[strlen(f->help) - 1] != '.')
		REFUSE(f, "help is a sentence");
	if (strpbrk(f->help, "\\\n") != NULL || f->help[0] == '.')
		REFUSE(f, "help goes into mdoc as it is");
}

static void check_number(const struct conf_field *f)
{
	unsigned words = 0;

	while (f->values != NULL && f->values[words] != NULL)
		words++;
	if (f->min > f->max)
		REFUSE(f, "no number is in range");
	if (words > 0 && f->word_base + words > f->min && f->word_base <= f->max)
		REFUSE(f, "a word is stored as a number in range");
	if (!f->required && !f->optional && f->derived == NULL && conf_word(f, f->def) == NULL &&
		(f->def < f->min || f->def > f->max))
		REFUSE(f, "the default is out of range");
	if (f->optional && (f->min == 0 || f->def != 0))
		REFUSE(f, "0 stands for what is left out");
	if (f->derived != NULL && f->min == 0)
		REFUSE(f, "0 stands for the derived default");
	if (f->multiple > 0 && conf_word(f, f->def) == NULL && f->def % f->multiple != 0)
		REFUSE(f, "the default is not a multiple");
}

static void check_string(const struct conf_field *f)
{
	if (f->max < 2 || (f->type == CONF_STR && (f->check == NULL || f->pattern == NULL)))
		REFUSE(f, "a string needs room, a check and a pattern");
	if (!f->required && f->derived == NULL && f->def_text == NULL)
		REFUSE(f, "a string needs a default");
	if (f->def_text == NULL)
		return;
	if (strlen(f->def_text) >= f->max)
		REFUSE(f, "the default has no room");
	if (f->check != NULL && f->check(f->def_text) != NULL)
		REFUSE(f, "the default is refused");
}

static void check_values(const struct conf_field *f)
{
	unsigned n = 0;

	for (; f->values != NULL && f->values[n] != NULL; n++) {
		if (f->type == CONF_WORD && strlen(f->values[n]) >= f->max)
			REFUSE(f, "a value has no room");
	}
	if (n == 0 || (f->type == CONF_ENUM && f->def >= n))
		REFUSE(f, "values are missing");
	if (f->type == CONF_SET && (f->max != n || f->def >> n != 0))
		REFUSE(f, "a set has as many items as values");
}

static void check_section(const struct conf_section *s, bool optional, unsigned depth)
{
	assert_true(s->field_count > 0 && s->field_count <= CONF_KEYS_MAX);
	assert_true(depth < 8);
	for (size_t i = 0; i < s->field_count; i++) {
		const struct conf_field *f = &s->fields[i];

		check_text(f);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(f->key, s->fields[j].key);
		if (optional && f->required)
			REFUSE(f, "required in an object that may be left out");
		if (s->given == CONF_NONE_GIVEN && !f->required)
			REFUSE(f, "a default, and no mask to tell so");
		if (f->list && (f->min > 1 || f->max == 0))
			REFUSE(f, "a list has at least 0 or 1 item");
		if (f->type == CONF_U32)
			check_number(f);
		else if (f->type == CONF_STR)
			check_string(f);
		else if (f->type == CONF_WORD || f->type == CONF_ENUM || f->type == CONF_SET)
			check_values(f);
		else if ((f->type == CONF_NULL || f->type == CONF_EMPTY) && f->why == NULL)
			REFUSE(f, "no reason for null");
		else if (f->type == CONF_OBJECT)
			check_section(
				f->section, !f->required && !f->optional && !f->list, depth + 1);
	}
}

static void test_tables(void **state)
{
	(void)state;
	check_section(conf_root(), false, 0);
	check_section(conf_line(), false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
