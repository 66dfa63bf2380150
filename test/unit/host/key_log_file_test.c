/* SPDX-License-Identifier: BSD-3-Clause */
/* From keys to lines in a file that nobody else may read. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bring.h"
#include "host/key_log_file.h"

static char dir[] = "/tmp/key-log-XXXXXX", path[64];
static struct bring *ring;

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/keys", dir);
	return bring_new(256, &ring);
}

static int tear_down(void **state)
{
	(void)state;
	bring_free(ring);
	unlink(path);
	return rmdir(dir);
}

static void say(const char *line)
{
	char *room;

	/* the thread empties it a few times a second */
	while ((room = bring_prepare(ring, (uint32_t)strlen(line))) == NULL)
		usleep(1000);
	memcpy(room, line, strlen(line));
	bring_publish(ring, bring_at(ring));
}

static void check_file(const char *want)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	assert_string_equal(text, want);
}

static struct key_log_file *start(int want, const char *text)
{
	struct key_log_file *k = NULL;
	char err[256] = "", line[512];
	int ret = key_log_file_start(path, ring, &k, err, sizeof(err));

	assert_int_equal(ret, want);
	if (want < 0) {
		snprintf(line, sizeof(line), "mesh.key-log-file: %s: %s", path, text);
		assert_string_equal(err, line);
		assert_null(k);
	}
	return k;
}

static void test_lines(void **state)
{
	struct stat st;
	struct key_log_file *k;

	(void)state;
	umask(0);
	k = start(0, NULL);
	say("first\n");
	key_log_file_stop(k); /* what is in the ring is written before */
	check_file("first\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	k = start(0, NULL); /* appended */
	for (unsigned i = 0; i < 9; i++)
		say("a longer line, more of which do not fit into the ring\n");
	key_log_file_stop(k);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 6 + 9 * 54);
	key_log_file_stop(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0640)), 0);
	assert_int_equal(chmod(path, 0640), 0);
	start(-EPERM, "others may read it: chmod 600: Operation not permitted");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	start(-ELOOP, "open: Too many levels of symbolic links");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	start(-EISDIR, "open: Is a directory");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody waits for who reads it */
	start(-EINVAL, "not a regular file: Invalid argument");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
