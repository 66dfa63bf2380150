/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accounting thread between a ring that this test fills and real files and sockets: no line is
 * torn, none is twice, and what is missing is counted, whatever happens to the file or the
 * collector.
 */
#include "test.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/acct.h"
#include "host/accounting.h"

#define LINES_MAX 200000

/* --- the ring: numbers that have been said and not taken yet --- */

static struct {
	pthread_mutex_t lock;
	uint64_t said, taken;
	struct acct_report report;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint32_t take(void *ctx, struct acct_event *out, uint32_t max)
{
	uint32_t n = 0;

	(void)ctx;
	pthread_mutex_lock(&ring.lock);
	while (n < max && ring.taken < ring.said)
		out[n++] = (struct acct_event){
			.seq = ++ring.taken, .type = ACCT_INTERIM, .session = 1, .domain = "msp1"
		};
	pthread_mutex_unlock(&ring.lock);
	return n;
}

static void report(void *ctx, const struct acct_report *r)
{
	(void)ctx;
	pthread_mutex_lock(&ring.lock);
	ring.report = *r;
	pthread_mutex_unlock(&ring.lock);
}

static void say(uint64_t n)
{
	pthread_mutex_lock(&ring.lock);
	ring.said += n;
	pthread_mutex_unlock(&ring.lock);
}

static uint64_t taken(void)
{
	uint64_t n;

	pthread_mutex_lock(&ring.lock);
	n = ring.taken;
	pthread_mutex_unlock(&ring.lock);
	return n;
}

static struct acct_report reported(void)
{
	struct acct_report r;

	pthread_mutex_lock(&ring.lock);
	r = ring.report;
	pthread_mutex_unlock(&ring.lock);
	return r;
}

/* --- the thread under test --- */

static struct {
	char dir[32], path[64], err[256];
	struct conf conf;
	struct accounting *a;
	unsigned char seen[LINES_MAX + 1];
	uint64_t last; /* highest number read */
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	ring.said = ring.taken = 0;
	memset(&ring.report, 0, sizeof(ring.report));
	snprintf(t.dir, sizeof(t.dir), "/tmp/hamd-acct-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/a", t.dir);
	t.conf.node.id = 1;
	snprintf(t.conf.node.name, CONF_NAME_MAX, "paris");
	t.conf.accounting = (struct conf_accounting){
		.file = t.path, .interim_s = 300, .rotate_keep = 3, .buffer_mb = 1
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accounting_stop(t.a);
	t.a = NULL;
	return tree_remove(t.dir);
}

static int start(uint32_t stop_ms)
{
	struct accounting_opts opts = {
		.conf = &t.conf,
		.ops = { .take = take, .report = report },
		.stop_ms = stop_ms,
	};

	return accounting_start(&opts, &t.a, t.err, sizeof(t.err));
}

static void stop(void)
{
	accounting_stop(t.a);
	t.a = NULL;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		unsigned tries = 0;                                                                \
		while (!(condition)) {                                                             \
			if (++tries == 2000)                                                       \
				fail_msg("not within 10 s: " #condition);                          \
			pause_ms(5);                                                               \
		}                                                                                  \
	} while (0)

/* A whole line: its number is new. */
static void read_line(const char *line, size_t len)
{
	static const char begin[] = "{\"event\":\"interim\",\"seq\":";
	uint64_t seq;

	assert_true(len > sizeof(begin) && line[len - 1] == '}');
	assert_memory_equal(line, begin, sizeof(begin) - 1);
	seq = strtoull(line + sizeof(begin) - 1, NULL, 10);
	assert_in_range(seq, 1, LINES_MAX);
	assert_int_equal(t.seen[seq], 0);
	t.seen[seq] = 1;
	assert_true(seq > t.last);
	t.last = seq;
}

/* Lines of a file, oldest first; the file ends with one. */
static unsigned read_file(const char *path)
{
	char *line = NULL;
	unsigned n = 0;
	size_t room = 0;
	ssize_t len;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	while ((len = getline(&line, &room, f)) > 0) {
		assert_int_equal(line[len - 1], '\n');
		read_line(line, (size_t)len - 1);
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

static unsigned read_numbered(unsigned number)
{
	char path[80];

	snprintf(path, sizeof(path), "%s.%u", t.path, number);
	return read_file(path);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static bool exists(unsigned number)
{
	char path[80];

	snprintf(path, sizeof(path), "%s.%u", t.path, number);
	return access(path, F_OK) == 0;
}

/* --- files --- */

static void test_file(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(start(0), 0);
	say(1000);
	UNTIL(reported().lines == 1000);
	assert_int_equal(reported().bytes, size_of(t.path));
	assert_false(reported().blocked);
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640, 0);
	say(5); /* the last ones before the end */
	stop();
	assert_int_equal(read_file(t.path), 1005);
	/* appended to */
	assert_int_equal(start(0), 0);
	say(1);
	stop();
	t.last = 0;
	memset(t.seen, 0, sizeof(t.seen));
	assert_int_equal(read_file(t.path), 1006);
}

/* Cannot be written: said at once, with the path. */
static void test_refused(void **state)
{
	char want[256];
	int fd;

	(void)state;
	assert_int_equal(mkdir(t.path, 0700), 0);
	assert_int_equal(start(0), -EISDIR);
	snprintf(want, sizeof(want), "accounting.file: %s: Is a directory", t.path);
	assert_string_equal(t.err, want);
	rmdir(t.path);

	t.conf.accounting.file = (char[]){ "/dev/null" };
	assert_int_equal(start(0), -EINVAL);
	assert_string_equal(t.err, "accounting.file: /dev/null: not a regular file");
	t.conf.accounting.file = (char[]){ "/nowhere/at/all" };
	assert_int_equal(start(0), -ENOENT);

	t.conf.accounting.file = t.path;
	fd = open(t.path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(start(0), -EWOULDBLOCK);
	snprintf(want, sizeof(want), "accounting.file: %s: another process writes it", t.path);
	assert_string_equal(t.err, want);
	close(fd);
	assert_null(t.a);
}

/* What a killed process left half done gets an end, and what follows lines of its own. */
static void test_torn_line(void **state)
{
	static const char torn[] = "{\"event\":\"inte";
	char *text = NULL;
	size_t room = 0;
	FILE *f = fopen(t.path, "w");

	(void)state;
	fputs(torn, f);
	fclose(f);
	assert_int_equal(start(0), 0);
	say(10);
	stop();
	f = fopen(t.path, "r");
	assert_int_equal(getline(&text, &room, f), sizeof(torn));
	assert_memory_equal(text, torn, sizeof(torn) - 1);
	for (unsigned n = 0; n < 10; n++) {
		ssize_t len = getline(&text, &room, f);

		assert_true(len > 0);
		read_line(text, (size_t)len - 1);
	}
	assert_int_equal(getline(&text, &room, f), -1);
	free(text);
	fclose(f);
}

/* logrotate: renames, sends the signal; events flow all the while. */
static void test_reopen(void **state)
{
	char moved[80];
	unsigned n = 0;

	(void)state;
	assert_int_equal(start(0), 0);
	for (unsigned i = 1; i <= 5; i++) {
		say(2000);
		pause_ms(3);
		snprintf(moved, sizeof(moved), "%s.%u", t.path, i);
		assert_int_equal(rename(t.path, moved), 0);
		say(1000);
		accounting_reopen(t.a);
		say(1000);
		UNTIL(size_of(t.path) >= 0);
	}
	stop();
	for (unsigned i = 1; i <= 5; i++)
		n += read_numbered(i);
	n += read_file(t.path);
	assert_int_equal(n, 5 * 4000);
}

/* The new file cannot be made: the old one is written on, and the new one when it can be. */
static void test_reopen_fails(void **state)
{
	char moved[80];
	unsigned n;

	(void)state;
	assert_int_equal(start(0), 0);
	say(10);
	UNTIL(reported().lines == 10);
	snprintf(moved, sizeof(moved), "%s.1", t.path);
	assert_int_equal(rename(t.path, moved), 0);
	assert_int_equal(mkdir(t.path, 0700), 0); /* in its place */
	accounting_reopen(t.a);
	say(10);
	UNTIL(reported().lines == 20);
	assert_int_equal(rmdir(t.path), 0);
	UNTIL(size_of(t.path) == 0); /* within a second */
	say(10);
	stop();
	n = read_numbered(1);
	assert_int_equal(n, 20);
	assert_int_equal(read_file(t.path), 10);
}

/* Without a name nobody would ever read it: a new one is begun, and where that cannot be lines wait. */
static void test_removed(void **state)
{
	(void)state;
	assert_int_equal(start(0), 0);
	say(10);
	UNTIL(reported().lines == 10);
	assert_int_equal(unlink(t.path), 0);
	UNTIL(size_of(t.path) == 0); /* within a second */
	say(10);
	UNTIL(reported().lines == 20);
	assert_int_equal(read_file(t.path), 10);

	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(mkdir(t.path, 0700), 0); /* in its place */
	UNTIL((say(1), reported().blocked));
	assert_int_equal(rmdir(t.path), 0);
	UNTIL(!reported().blocked && reported().waiting == 0);
	stop();
	assert_int_equal(reported().lost, 0);
	assert_true(read_file(t.path) > 0);
}

static void test_rotate_by_size(void **state)
{
	const uint64_t total = 40000; /* some 10 MB */
	uint64_t first;
	unsigned n = 0;

	(void)state;
	t.conf.accounting.rotate_mb = 1;
	assert_int_equal(start(0), 0);
	for (uint64_t i = 0; i < total; i += 500) {
		say(500);
		pause_ms(1);
	}
	stop();
	assert_true(exists(1) && exists(2) && exists(3) && !exists(4));
	for (unsigned i = 3; i >= 1; i--)
		n += read_numbered(i);
	n += read_file(t.path);
	for (first = 1; t.seen[first] == 0; first++)
		; /* older ones are overwritten */
	assert_true(first > 1);
	assert_int_equal(n, total - first + 1);
	snprintf(t.err, sizeof(t.err), "%s.1", t.path);
	assert_in_range(size_of(t.err), 1 << 20, (1 << 20) + 262144);
}

static void test_rotate_by_time(void **state)
{
	unsigned n = 0, files = 0;

	(void)state;
	t.conf.accounting.rotate_s = 1;
	t.conf.accounting.rotate_keep = 10;
	assert_int_equal(start(0), 0);
	for (unsigned i = 0; i < 25; i++) {
		say(10);
		pause_ms(100);
	}
	pause_ms(1500); /* nothing is written: nothing is rotated but what there was */
	stop();
	for (unsigned i = 10; i >= 1; i--) {
		if (exists(i)) {
			assert_true(read_numbered(i) > 0);
			files++;
		}
	}
	n = read_file(t.path);
	assert_int_equal(n, 0);
	assert_in_range(files, 3, 4);
	assert_int_equal(t.last, 250);
}

/* A rename that fails is no reason to stop writing. */
static void test_rotate_fails(void **state)
{
	char in_the_way[80], file[96];

	(void)state;
	t.conf.accounting.rotate_mb = 1;
	snprintf(in_the_way, sizeof(in_the_way), "%s.1", t.path);
	snprintf(file, sizeof(file), "%s.1/x", t.path);
	t.conf.accounting.rotate_keep = 1;
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(start(0), 0);
	say(8000);
	stop();
	assert_int_equal(read_file(t.path), 8000);
	assert_true(size_of(t.path) > 1 << 20);
}

/* The disk is full, by way of the limit on a file's size: short writes, errors, and room again. */
static void test_disk_full(void **state)
{
	struct rlimit limit, old;
	char moved[80];
	unsigned n;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(start(0), 0);
	say(10);
	UNTIL(reported().lines == 10);
	limit = old;
	limit.rlim_cur = 100001; /* in the middle of a line */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	say(20000); /* more than the buffer holds */
	UNTIL(reported().blocked);
	assert_int_equal(size_of(t.path), 100001);
	UNTIL(reported().waiting > 512 << 10);
	pause_ms(100);
	assert_true(taken() < 20010); /* the rest waits in the ring */
	snprintf(moved, sizeof(moved), "%s.1", t.path);
	assert_int_equal(rename(t.path, moved), 0);
	accounting_reopen(t.a); /* waits for the line's end */
	pause_ms(300);
	assert_int_equal(size_of(t.path), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	UNTIL(reported().lines == 20010);
	assert_false(reported().blocked);
	assert_int_equal(reported().waiting, 0);
	stop();
	n = read_numbered(1);
	assert_in_range(n, 11, 20009);
	assert_int_equal(n + read_file(t.path), 20010);
}

/* It stays full: the end does not wait for ever, and says what is lost. */
/* Removed to make room, in the middle of a line: that one and what waits go into a new one. */
static void test_removed_when_full(void **state)
{
	struct rlimit limit, old;
	uint64_t waiting;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(start(0), 0);
	limit = old;
	limit.rlim_cur = 100001; /* in the middle of a line */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	say(600);
	UNTIL(reported().blocked && taken() == 600);
	assert_int_equal(size_of(t.path), 100001);
	waiting = 600 - reported().lines;
	assert_in_range(waiting, 1, 599);
	assert_int_equal(unlink(t.path), 0);
	UNTIL(!reported().blocked); /* the file that is held is as full as it was */
	UNTIL(reported().waiting == 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(reported().lines, 600);
	stop();
	assert_int_equal(read_file(t.path), waiting);
	assert_int_equal(t.last, 600);
}

static void test_stop_when_full(void **state)
{
	struct rlimit limit, old;
	unsigned written = 0;
	char c;
	FILE *f;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 100001;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(start(300), 0);
	say(20000);
	UNTIL(reported().blocked);
	stop();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	f = fopen(t.path, "r");
	while (fread(&c, 1, 1, f) == 1)
		written += c == '\n';
	fclose(f);
	assert_int_equal(reported().lines, written);
	assert_int_equal(reported().lost, 20000 - written);
}

/* --- a collector --- */

struct collector {
	int listener, conn;
	char buf[1 << 20];
	size_t len;
};

static struct collector *collector_new(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct collector *c = calloc(1, sizeof(*c));

	unlink(t.path);
	memcpy(sa.sun_path, t.path, sizeof(t.path));
	c->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	c->conn = -1;
	assert_int_equal(bind(c->listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(c->listener, 1), 0);
	return c;
}

static void collector_accept(struct collector *c)
{
	c->conn = accept(c->listener, NULL, NULL);
	assert_true(c->conn >= 0);
	c->len = 0;
}

/* Reads until so many whole lines have come; how many octets of another one there are then. */
static size_t collector_read(struct collector *c, unsigned lines)
{
	unsigned n = 0;

	while (n < lines) {
		char *nl = memchr(c->buf, '\n', c->len);
		size_t used;
		ssize_t got;

		if (nl == NULL) {
			got = recv(c->conn, c->buf + c->len, sizeof(c->buf) - c->len, 0);
			assert_true(got > 0);
			c->len += (size_t)got;
			continue;
		}
		read_line(c->buf, (size_t)(nl - c->buf));
		n++;
		used = (size_t)(nl - c->buf) + 1;
		memmove(c->buf, c->buf + used, c->len - used);
		c->len -= used;
	}
	return c->len;
}

static void collector_hang_up(struct collector *c)
{
	close(c->conn);
	c->conn = -1;
}

static void collector_free(struct collector *c)
{
	close(c->conn);
	close(c->listener);
	free(c);
}

static void use_socket(void)
{
	t.conf.accounting.file = NULL;
	t.conf.accounting.socket = t.path;
}

static void test_socket(void **state)
{
	struct collector *c;

	(void)state;
	use_socket();
	assert_int_equal(start(0), 0); /* nobody is there yet */
	say(100);
	UNTIL(reported().blocked);
	c = collector_new();
	collector_accept(c);
	collector_read(c, 100);
	UNTIL(!reported().blocked);
	say(5);
	stop();
	assert_int_equal(collector_read(c, 5), 0);
	assert_int_equal(recv(c->conn, c->buf, 1, 0), 0); /* the end */
	collector_free(c);
}

/* A collector that is slow, then gone, then there again: what it did not read of its connection is
 * lost to it, which the numbers show; what follows begins with a whole line. */
static void test_socket_again(void **state)
{
	struct collector *c;
	uint64_t before;

	(void)state;
	use_socket();
	c = collector_new();
	assert_int_equal(start(0), 0);
	say(20000);
	collector_accept(c);
	UNTIL(reported().blocked); /* the socket and the buffer are full */
	assert_true(reported().waiting > 0);
	collector_read(c, 1000);
	UNTIL(reported().lines > 1000);
	before = t.last;
	collector_hang_up(c);
	collector_accept(c);
	collector_read(c, 1);
	assert_true(t.last > before + 1);
	collector_read(c, (unsigned)(20000 - t.last));
	UNTIL(!reported().blocked);
	accounting_reopen(t.a); /* SIGUSR1: a new connection, and nothing is lost */
	assert_int_equal(recv(c->conn, c->buf, 1, 0), 0);
	collector_hang_up(c);
	say(10);
	collector_accept(c);
	collector_read(c, 10);
	assert_int_equal(t.last, 20010);
	stop();
	collector_free(c);
}

static void test_no_memory_hogged(void **state)
{
	(void)state;
	use_socket();
	assert_int_equal(start(1), 0);
	say(LINES_MAX);
	UNTIL(reported().waiting > 512 << 10);
	pause_ms(200);
	assert_true(reported().waiting <= 1 << 20);
	assert_true(taken() < 8000);
	stop();
	assert_int_equal(reported().lost, LINES_MAX);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_file),
		TEST(test_refused),
		TEST(test_torn_line),
		TEST(test_reopen),
		TEST(test_reopen_fails),
		TEST(test_removed),
		TEST(test_rotate_by_size),
		TEST(test_rotate_by_time),
		TEST(test_rotate_fails),
		TEST(test_disk_full),
		TEST(test_removed_when_full),
		TEST(test_stop_when_full),
		TEST(test_socket),
		TEST(test_socket_again),
		TEST(test_no_memory_hogged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
