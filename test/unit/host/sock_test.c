/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/sock.h"

static char dir[64], path[100], err[256];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hamd-sock-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/run/a.sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char run[80];

	(void)state;
	unlink(path);
	snprintf(run, sizeof(run), "%s/run", dir);
	rmdir(run);
	return rmdir(dir);
}

static mode_t mode_of(const char *p)
{
	struct stat st;

	return lstat(p, &st) == 0 ? st.st_mode : 0;
}

static void test_makes(void **state)
{
	char run[80];
	struct sock s;

	(void)state;
	umask(077); /* must not matter for the socket */
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), 0);
	umask(022);
	snprintf(run, sizeof(run), "%s/run", dir);
	assert_int_equal(mode_of(path), S_IFSOCK | 0660);
	assert_int_equal(mode_of(run) & S_IFMT, S_IFDIR);
	assert_int_equal(mode_of(run) & 027, 0);
	sock_close(&s);
	assert_int_equal(mode_of(path), 0);
	sock_close(&s);
}

static void test_live_is_refused(void **state)
{
	struct sock s, second;

	(void)state;
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), 0);
	assert_int_equal(sock_open(&second, path, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "another daemon listens there"));
	assert_int_equal(second.fd, -1);
	sock_close(&second);
	assert_int_equal(mode_of(path), S_IFSOCK | 0660);

	/* Also when its backlog is full: it does not answer, but it lives. */
	int c[64];

	for (size_t i = 0; i < DIM(c); i++) {
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(c[i], (struct sockaddr *)&s.addr, sizeof(s.addr));
	}
	assert_int_equal(sock_open(&second, path, err, sizeof(err)), -EADDRINUSE);
	for (size_t i = 0; i < DIM(c); i++)
		close(c[i]);
	sock_close(&s);
}

static void test_stale_is_replaced(void **state)
{
	struct sock s, fresh;

	(void)state;
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), 0);
	close(s.fd); /* as a kill would */
	close(s.file_fd);
	assert_int_equal(mode_of(path), S_IFSOCK | 0660);
	assert_int_equal(sock_open(&fresh, path, err, sizeof(err)), 0);
	sock_close(&fresh);
	assert_int_equal(mode_of(path), 0);
}

/* Somebody removed the file, and another daemon made its own: that one stays. */
static void test_closes_its_own(void **state)
{
	struct sock s, fresh;

	(void)state;
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), 0);
	unlink(path);
	assert_int_equal(sock_open(&fresh, path, err, sizeof(err)), 0);
	sock_close(&s);
	assert_int_equal(mode_of(path), S_IFSOCK | 0660);
	sock_close(&fresh);
	assert_int_equal(mode_of(path), 0);
}

static void test_not_a_socket(void **state)
{
	struct sock s;
	int fd;

	(void)state;
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), 0);
	sock_close(&s);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(sock_open(&s, path, err, sizeof(err)), -EEXIST);
	assert_non_null(strstr(err, "is not a socket"));
	assert_int_equal(mode_of(path), S_IFREG | 0600);
}

static void test_bad_paths(void **state)
{
	char longest[200];
	struct sock s;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[108] = '\0';
	assert_int_equal(sock_open(&s, longest, err, sizeof(err)), -ENAMETOOLONG);
	assert_int_equal(sock_open(&s, "", err, sizeof(err)), -ENAMETOOLONG);
	snprintf(longest, sizeof(longest), "%s/no/such/x.sock", dir);
	assert_int_equal(sock_open(&s, longest, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/no/such: cannot make the directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_makes, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_live_is_refused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_stale_is_replaced, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_closes_its_own, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_not_a_socket, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_bad_paths, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
