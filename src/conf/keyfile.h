/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key from a file: text, hex or base64, nothing else in it but white space around. Digits of
 * hex alone are hex. The file is regular, belongs to root or to us, and has no permission bits
 * for group and others. Where the key passes is the caller's memory only. Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KEYFILE_KEY_MIN  16 /* octets: what RFC 4285, 5.1 gives a key */
#define KEYFILE_KEY_MAX  64 /* a block of SHA-1; more would be hashed */
#define KEYFILE_TEXT_MAX 256
#define KEYFILE_WHY_MAX  96

struct keyfile { /* in guarded memory; whoever made it frees it, which wipes it */
	size_t len;
	uint8_t key[KEYFILE_KEY_MAX + 1]; /* one more shows what is too long */
	char text[KEYFILE_TEXT_MAX + 1]; /* the file */
};

/* 0; or -EINVAL, -errno and in `why` what is wrong, without the path and without the content. */
int keyfile_read(const char *path, struct keyfile *out, char why[static KEYFILE_WHY_MAX]);

/* The same of a text that stands elsewhere, len octets and a zero; out->text is not used. */
int keyfile_decode(
	const char *text, size_t len, struct keyfile *out, char why[static KEYFILE_WHY_MAX]);
/* Whether the open file is one that keys may stand in; of the descriptor, not of the path: nobody
 * can put another one in its place meanwhile. */
int keyfile_is_private(int fd, char why[static KEYFILE_WHY_MAX]);
