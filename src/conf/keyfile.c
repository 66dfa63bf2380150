/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define OTHERS    (S_IRWXG | S_IRWXO)
#define MODE_BITS 07777U

#define BLANK      " \t\r\n"
#define HEX_DIGITS "0123456789abcdefABCDEF"

int keyfile_is_private(int fd, char why[static KEYFILE_WHY_MAX])
{
	struct stat st;
	unsigned mode;

	why[0] = '\0';
	if (fstat(fd, &st) < 0)
		return -errno;
	mode = st.st_mode & MODE_BITS;
	if (!S_ISREG(st.st_mode))
		snprintf(why, KEYFILE_WHY_MAX, "is not a regular file");
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(why, KEYFILE_WHY_MAX, "belongs to user %u, neither root nor hamd's",
			(unsigned)st.st_uid);
	else if (mode & OTHERS)
		snprintf(
			why, KEYFILE_WHY_MAX, "is open to others (mode %04o); use chmod 600", mode);
	else
		return 0;
	return -EINVAL;
}

static int check_size(int fd, char *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= KEYFILE_TEXT_MAX)
		return 0;
	snprintf(why, KEYFILE_WHY_MAX, "is longer than %d octets", KEYFILE_TEXT_MAX);
	return -EINVAL;
}

static int read_text(int fd, struct keyfile *k, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len < KEYFILE_TEXT_MAX; *len += (size_t)n) {
		n = read(fd, k->text + *len, KEYFILE_TEXT_MAX - *len);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
	}
	k->text[*len] = '\0';
	return 0;
}

/* False: neither hex nor base64, or more octets than k->key takes. */
static bool decode(struct keyfile *k, const char *text, size_t len)
{
	const char *end = NULL;

	if (strspn(text, HEX_DIGITS) >= len)
		return len % 2 == 0 &&
		       sodium_hex2bin(k->key, sizeof(k->key), text, len, NULL, &k->len, NULL) == 0;
	return sodium_base642bin(k->key, sizeof(k->key), text, len, NULL, &k->len, &end,
		       sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       end == text + len;
}

int keyfile_decode(
	const char *text, size_t len, struct keyfile *out, char why[static KEYFILE_WHY_MAX])
{
	size_t start = strspn(text, BLANK);

	why[0] = '\0';
	while (len > start && strchr(BLANK, text[len - 1]) != NULL && text[len - 1] != '\0')
		len--;
	if (!decode(out, text + start, len - start)) {
		snprintf(why, KEYFILE_WHY_MAX, "holds no key of %d to %d octets in hex or base64",
			KEYFILE_KEY_MIN, KEYFILE_KEY_MAX);
		return -EINVAL;
	}
	if (out->len >= KEYFILE_KEY_MIN && out->len <= KEYFILE_KEY_MAX)
		return 0;
	snprintf(why, KEYFILE_WHY_MAX, "holds a key of %s than %d octets",
		out->len < KEYFILE_KEY_MIN ? "less" : "more",
		out->len < KEYFILE_KEY_MIN ? KEYFILE_KEY_MIN : KEYFILE_KEY_MAX);
	return -EINVAL;
}

static int read_key(int fd, struct keyfile *k, char *why)
{
	size_t len = 0;
	int ret = keyfile_is_private(fd, why);

	if (ret == 0)
		ret = check_size(fd, why);
	if (ret == 0)
		ret = read_text(fd, k, &len);
	return ret == 0 ? keyfile_decode(k->text, len, k, why) : ret;
}

int keyfile_read(const char *path, struct keyfile *out, char why[static KEYFILE_WHY_MAX])
{
	/* neither waits for a pipe's other end nor takes a terminal */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int ret;

	out->len = 0;
	why[0] = '\0';
	if (fd < 0) {
		ret = -errno;
	} else {
		ret = read_key(fd, out, why);
		close(fd);
	}
	if (ret < 0 && why[0] == '\0')
		snprintf(why, KEYFILE_WHY_MAX, "%s", strerror(-ret));
	return ret;
}
