/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/text.h"

#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "common/util.h"

#define DIGITS     "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define LETTERS    "abcdefghijklmnopqrstuvwxyz"

const char *conf_check_name(const char *text)
{
	if (text[0] == '\0' || text[0] == '-' || text[strspn(text, LETTERS DIGITS "-")] != '\0')
		return "is not a name: a-z, 0-9 and \"-\" make one, no \"-\" in front";
	return NULL;
}

/* "3b:" of exactly `digits` digits; the text behind it, or NULL. */
static const char *skip_hex(const char *p, size_t digits, char end)
{
	return strspn(p, HEX_DIGITS) == digits && p[digits] == end ? p + digits + 1 : NULL;
}

/* "0000:3b:00.0": domain, bus, device 00..1f, function 0..7. */
static bool is_pci(const char *id, size_t len)
{
	const char *p = skip_hex(id, 4, ':');

	if (p != NULL)
		p = skip_hex(p, 2, ':');
	if (p == NULL || skip_hex(p, 2, '.') == NULL || p[0] > '1')
		return false;
	return p[3] >= '0' && p[3] <= '7' && p + 4 == id + len;
}

static bool is_vdev(const char *id, size_t len)
{
	return len > 4 && strncmp(id, "net_", 4) == 0 &&
	       strspn(id + 4, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "_") >= len - 4;
}

const char *conf_check_device(const char *text)
{
	size_t len = conf_device_id_len(text);

	for (const char *p = text; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return "holds white space or what is not printable";
	}
	if (!is_pci(text, len) && !is_vdev(text, len))
		return "is neither a PCI address like 0000:3b:00.0 "
		       "nor a DPDK device like net_af_packet0,iface=eth0";
	if (text[len] == ',' && text[len + 1] == '\0')
		return "ends in a comma";
	return NULL;
}

size_t conf_device_id_len(const char *device)
{
	return strcspn(device, ",");
}

const char *conf_device_iface(const char *device, size_t *len)
{
	const char *p = strchr(device, ',');

	while (p != NULL && strncmp(p, ",iface=", 7) != 0)
		p = strchr(p + 1, ',');
	if (p == NULL)
		return NULL;
	p += 7;
	*len = strcspn(p, ",");
	return p;
}

bool conf_key_parse(const char *text, uint8_t out[static CONF_KEY_LEN])
{
	size_t len;
	const char *end;

	return sodium_base642bin(out, CONF_KEY_LEN, text, strlen(text), NULL, &len, &end,
		       sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == CONF_KEY_LEN && *end == '\0';
}

const char *conf_key_str(const uint8_t key[static CONF_KEY_LEN], char out[static CONF_KEY_TEXT])
{
	return sodium_bin2base64(
		out, CONF_KEY_TEXT, key, CONF_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
}

/* A core's number; -1 when there is none, too large ones come back as CONF_LCORE_MAX + 1. */
static int read_core(const char **p)
{
	int core = 0;

	if (**p < '0' || **p > '9')
		return -1;
	for (; **p >= '0' && **p <= '9'; ++*p) {
		if (core <= CONF_LCORE_MAX)
			core = core * 10 + (**p - '0');
	}
	return core <= CONF_LCORE_MAX ? core : CONF_LCORE_MAX + 1;
}

/* As EAL's -l wants it: "0", "0-3", "0,2-3". */
static const char *read_lcores(const char *p, uint32_t *count)
{
	bool seen[CONF_LCORE_MAX + 1] = { false };

	*count = 0;
	do {
		int first = read_core(&p), last = first;

		if (*p == '-') {
			p++;
			last = read_core(&p);
		}
		if (first < 0 || last < first || (*p != '\0' && *p != ','))
			return "is not a list of cores like \"0\", \"0-3\" or \"0,2-3\"";
		if (last > CONF_LCORE_MAX)
			return "names a core above 127";
		for (int core = first; core <= last; core++, ++*count) {
			if (seen[core])
				return "names a core twice";
			seen[core] = true;
		}
	} while (*p++ == ',');
	return NULL;
}

const char *conf_check_lcores(const char *text)
{
	uint32_t count;

	return read_lcores(text, &count);
}

uint32_t conf_lcore_count(const char *text)
{
	uint32_t count;

	read_lcores(text, &count);
	return count;
}

const char *conf_check_path(const char *text)
{
	if (text[0] != '/')
		return "is not an absolute path";
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "holds a control character";
	}
	return NULL;
}

const char *conf_check_nai(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "holds a blank or a control character";
	}
	return text[0] == '\0' ? "is empty" : NULL;
}

#define WORD_MAX 32

/* Levenshtein's distance of two words of at most WORD_MAX characters. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[WORD_MAX + 1];

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			unsigned indel = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < indel ? change : indel;
		}
	}
	return row[n];
}

const char *conf_nearest(const char *text, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = 3; /* two slips are a typing error, three another word */

	if (strlen(text) > WORD_MAX)
		return NULL;
	for (; *words != NULL; words++) {
		unsigned d = strcasecmp(text, *words) == 0 ? 0 : distance(text, *words);

		if (d < best_distance && d < strlen(*words)) {
			best = *words;
			best_distance = d;
		}
	}
	return best;
}
