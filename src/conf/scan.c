/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/scan.h"

#include <string.h>

/* cJSON reads at most 63 characters of a number and stumbles over the rest. */
#define NUMBER_MAX 40

struct scan {
	const uint8_t *text;
	size_t len, at;
	const char *why; /* set: it is over, `at` is where */
};

static bool scan_value(struct scan *s, unsigned depth);

/* The octet at hand, -1 at the end. */
static int peek(const struct scan *s)
{
	return s->at < s->len ? s->text[s->at] : -1;
}

static bool fail(struct scan *s, const char *why)
{
	s->why = s->at < s->len ? why : "the text ends too early";
	return false;
}

static bool fail_at(struct scan *s, size_t at, const char *why)
{
	s->at = at;
	return fail(s, why);
}

static bool take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
		s->at++;
}

/* Octets of the UTF-8 character at p, 0 when it is none (RFC 3629, 4). left >= 1. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (n <= 1)
		return n;
	if (n > left || p[0] > 0xf4)
		return 0;
	code = p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? n : 0;
}

static bool scan_hex4(struct scan *s, uint32_t *code)
{
	*code = 0;
	for (unsigned i = 0; i < 4; i++, s->at++) {
		int c = peek(s);

		if (c >= '0' && c <= '9')
			*code = *code << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*code = *code << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return fail(s, "four hexadecimal digits have to follow \\u");
	}
	return true;
}

/* What follows a backslash. */
static bool scan_escape(struct scan *s)
{
	size_t start = s->at - 1;
	uint32_t code;

	if (peek(s) > 0 && strchr("\"\\/bfnrt", peek(s)) != NULL) {
		s->at++;
		return true;
	}
	if (!take(s, 'u'))
		return fail_at(s, start, "unknown escape in a string");
	if (!scan_hex4(s, &code))
		return false;
	if (code == 0)
		return fail_at(s, start, "a string holds a zero octet");
	if (code >= 0xd800 && code <= 0xdbff) { /* the first half of a pair (RFC 8259, 7) */
		if (!take(s, '\\') || !take(s, 'u') || !scan_hex4(s, &code) || code < 0xdc00 ||
			code > 0xdfff)
			return fail_at(s, start, "half of a surrogate pair");
	} else if (code >= 0xdc00 && code <= 0xdfff) {
		return fail_at(s, start, "half of a surrogate pair");
	}
	return true;
}

static bool scan_string(struct scan *s)
{
	size_t start = s->at++;
	size_t n;

	while (s->at < s->len && s->text[s->at] != '"') {
		if (s->text[s->at] < 0x20)
			return fail(s, "a control character in a string; is a quote missing?");
		if (take(s, '\\')) {
			if (!scan_escape(s))
				return false;
			continue;
		}
		n = utf8_len(s->text + s->at, s->len - s->at);
		if (n == 0)
			return fail(s, "not UTF-8");
		s->at += n;
	}
	return take(s, '"') || fail_at(s, start, "this string is not closed");
}

static bool scan_digits(struct scan *s)
{
	size_t start = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at > start || fail(s, "expected a digit");
}

static bool scan_number(struct scan *s)
{
	size_t start = s->at;

	take(s, '-');
	if (take(s, '0')) {
		if (peek(s) >= '0' && peek(s) <= '9')
			return fail_at(s, start, "a number begins with 0");
	} else if (!scan_digits(s)) {
		return false;
	}
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '-'))
			take(s, '+');
		if (!scan_digits(s))
			return false;
	}
	return s->at - start <= NUMBER_MAX || fail_at(s, start, "a number of too many digits");
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
		return fail(s, "expected a value");
	s->at += n;
	return true;
}

static bool scan_member(struct scan *s, unsigned depth)
{
	skip_space(s);
	if (peek(s) != '"')
		return fail(s, "expected a key in double quotes");
	if (!scan_string(s))
		return false;
	skip_space(s);
	return take(s, ':') ? scan_value(s, depth) : fail(s, "expected \":\"");
}

/* An array or an object; `item` reads what stands between the commas. */
static bool scan_list(struct scan *s, unsigned depth, char close,
	bool (*item)(struct scan *s, unsigned depth), const char *expected)
{
	if (depth == CONF_DEPTH_MAX)
		return fail(s, "nested deeper than 16 levels");
	s->at++;
	skip_space(s);
	if (take(s, close))
		return true;
	do {
		if (!item(s, depth + 1))
			return false;
		skip_space(s);
	} while (take(s, ','));
	return take(s, close) || fail(s, expected);
}

static bool scan_value(struct scan *s, unsigned depth)
{
	skip_space(s);
	switch (peek(s)) {
	case '{':
		return scan_list(s, depth, '}', scan_member, "expected \",\" or \"}\"");
	case '[':
		return scan_list(s, depth, ']', scan_value, "expected \",\" or \"]\"");
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '/':
	case '#':
		return fail(s, "expected a value; JSON has no comments");
	case '-':
		return scan_number(s);
	default:
		return peek(s) >= '0' && peek(s) <= '9' ? scan_number(s)
							: fail(s, "expected a value");
	}
}

static void locate(const struct scan *s, struct conf_fault *fault)
{
	size_t line_start = 0;

	fault->line = 1;
	for (size_t i = 0; i < s->at && i < s->len; i++) {
		if (s->text[i] == '\n') {
			fault->line++;
			line_start = i + 1;
		}
	}
	fault->column = (uint32_t)(s->at - line_start + 1);
	fault->why = s->why;
}

static bool scan_text(const char *text, size_t len, const char *behind, struct conf_fault *fault)
{
	struct scan s = { (const uint8_t *)text, len, 0, NULL };
	bool ok;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		ok = fail(&s, "a byte order mark; save the file without one");
	} else {
		ok = scan_value(&s, 0);
		if (ok)
			skip_space(&s);
		if (ok && s.at < s.len)
			ok = fail(&s, behind);
	}
	if (!ok)
		locate(&s, fault);
	return ok;
}

bool conf_scan(const char *text, size_t len, struct conf_fault *fault)
{
	return scan_text(text, len, "text after the end of the configuration", fault);
}

bool conf_scan_line(const char *text, size_t len, struct conf_fault *fault)
{
	return scan_text(text, len, "text after the end of the object", fault);
}
