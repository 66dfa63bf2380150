/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key pair of a site (X25519), without a daemon. The private key goes into a file that nobody
 * else may read, or to standard output; only the public one is meant to be seen. Private keys lie
 * in guarded memory and pass no stdio buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/cli.h"

#define FILE_MODE 0600
#define OTHERS    (S_IRWXG | S_IRWXO)
#define KEY_LEN   crypto_scalarmult_SCALARBYTES
#define BASE64    sodium_base64_VARIANT_ORIGINAL
#define KEY_TEXT  sodium_base64_ENCODED_LEN(KEY_LEN, BASE64) /* with the zero */
#define BLANK     " \t\r\n"

struct secret { /* in guarded memory */
	uint8_t key[KEY_LEN];
	char text[256]; /* the key as it is written, or what was read */
};

static struct secret *secret_new(void) /* NULL: there is no memory */
{
	return sodium_init() < 0 ? NULL : sodium_malloc(sizeof(struct secret));
}

static int print_public(const struct secret *s)
{
	uint8_t public_key[crypto_scalarmult_BYTES];
	char text[KEY_TEXT];

	crypto_scalarmult_base(public_key, s->key);
	puts(sodium_bin2base64(text, sizeof(text), public_key, sizeof(public_key), BASE64));
	return EXIT_OK;
}

/* --- genkey --- */

/* A random scalar, its bits set as RFC 7748, 5 has it, in base64 with a newline. */
static void make_key(struct secret *s)
{
	randombytes_buf(s->key, sizeof(s->key));
	s->key[0] &= 248;
	s->key[KEY_LEN - 1] &= 127;
	s->key[KEY_LEN - 1] |= 64;
	sodium_bin2base64(s->text, KEY_TEXT, s->key, sizeof(s->key), BASE64);
	s->text[KEY_TEXT - 1] = '\n';
	s->text[KEY_TEXT] = '\0';
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		n -= (size_t)put;
	}
	return 0;
}

static int print_private(const struct secret *s)
{
	struct stat st;
	int ret;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & OTHERS)
		fputs("hamctl: the key goes to a file that others may open: name it, hamctl genkey "
		      "FILE, or use umask 077\n",
			stderr);
	ret = write_all(STDOUT_FILENO, s->text, strlen(s->text));
	return ret == 0 ? EXIT_OK : cli_error(EXIT_FAILED, "standard output: %s", strerror(-ret));
}

/* Never over a key that is there: a site would be another one to its peers. */
static int write_private(const struct secret *s, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	int ret;

	if (fd < 0 && errno == EEXIST)
		return cli_error(EXIT_FAILED,
			"%s: is there already; move it away, or see its public key by hamctl "
			"pubkey",
			path);
	if (fd < 0)
		return cli_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
	ret = write_all(fd, s->text, strlen(s->text));
	if (ret == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0)
		return EXIT_OK;
	unlink(path); /* half a key is none */
	return cli_error(EXIT_FAILED, "%s: %s", path, strerror(-ret));
}

int cmd_genkey(const struct cmd *cmd, const struct cli *cli)
{
	struct secret *s = secret_new();
	int ret;

	(void)cmd;
	if (s == NULL)
		return cli_error(EXIT_FAILED, "%s", strerror(ENOMEM));
	make_key(s);
	ret = cli->arg == NULL ? print_private(s) : write_private(s, cli->arg);
	if (ret == EXIT_OK && cli->arg != NULL)
		ret = print_public(s);
	sodium_free(s);
	return ret;
}

/* --- pubkey --- */

/* All that comes, at most what has room and is one too many. */
static int read_all(int fd, struct secret *s, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len < sizeof(s->text) - 1; *len += (size_t)n) {
		n = read(fd, s->text + *len, sizeof(s->text) - 1 - *len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (n == 0)
			break;
	}
	s->text[*len] = '\0';
	return 0;
}

/* As a private-key-file of the configuration: 32 octets in base64 or hex, white space around. */
static bool decode(struct secret *s, size_t len)
{
	size_t start = strspn(s->text, BLANK), n = 0;
	const char *end;

	while (len > start && strchr(BLANK, s->text[len - 1]) != NULL && s->text[len - 1] != '\0')
		len--;
	s->text[len] = '\0';
	if (sodium_hex2bin(s->key, KEY_LEN, s->text + start, len - start, NULL, &n, &end) == 0 &&
		*end == '\0' && n == KEY_LEN)
		return true;
	return sodium_base642bin(s->key, KEY_LEN, s->text + start, len - start, NULL, &n, &end,
		       BASE64) == 0 &&
	       end == s->text + len && n == KEY_LEN;
}

int cmd_pubkey(const struct cmd *cmd, const struct cli *cli)
{
	const char *name = cli->arg != NULL ? cli->arg : "standard input";
	int fd = STDIN_FILENO, ret;
	struct secret *s;
	size_t len = 0;

	(void)cmd;
	if (cli->arg != NULL)
		fd = open(cli->arg, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_error(EXIT_FAILED, "%s: %s", name, strerror(errno));
	s = secret_new();
	ret = s != NULL ? read_all(fd, s, &len) : -ENOMEM;
	if (fd != STDIN_FILENO)
		close(fd);
	if (ret < 0)
		ret = cli_error(EXIT_FAILED, "%s: %s", name, strerror(-ret));
	else if (!decode(s, len))
		ret = cli_error(EXIT_FAILED, "%s: holds no private key: %d octets in base64", name,
			(int)KEY_LEN);
	else
		ret = print_public(s);
	sodium_free(s);
	return ret;
}
