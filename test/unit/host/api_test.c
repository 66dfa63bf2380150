/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket with well-behaved and hostile clients; fake_ctl.h plays the control core. */
#include "test.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "common/log.h"
#include "fake_ctl.h"

#define STALL_MS 700
#define BINDINGS 100000

static struct fake_ctl fake;
static struct api *api;
static char dir[64], path[100];

static int start(void **state)
{
	struct api_opts opts = {
		.path = path,
		.ops = { .ctx = &fake, .submit = fake_submit, .reap = fake_reap },
		.stall_ms = STALL_MS,
		.lanes = 2,
	};
	char err[256];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hamd-api-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	if (fake_start(&fake, BINDINGS) < 0)
		return -1;
	return api_start(&opts, &api, err, sizeof(err));
}

/* In main's order: control stops first, whatever is in flight. */
static int stop(void **state)
{
	(void)state;
	fake_stop(&fake);
	api_stop(api);
	if (access(path, F_OK) == 0)
		return -1; /* the socket is left behind */
	return rmdir(dir);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

struct answer {
	unsigned lines; /* before the end line */
	int status;
	char error[200];
};

static void take_line(struct answer *a, const char *line, bool *ended)
{
	cJSON *json = cJSON_Parse(line), *v;

	if (json == NULL)
		fail_msg("not JSON: %.200s", line);
	if ((v = cJSON_GetObjectItem(json, "end")) != NULL) {
		a->status = cJSON_GetObjectItem(json, "status")->valueint;
		*ended = true;
	} else if ((v = cJSON_GetObjectItem(json, "error")) != NULL) {
		snprintf(a->error, sizeof(a->error), "%s", v->valuestring);
	} else {
		a->lines++;
	}
	cJSON_Delete(json);
}

/* One answer up to its end line; it peeks, so that nothing of the next is taken. False: the
 * connection ended before. */
static bool hear(int fd, struct answer *a)
{
	static char buf[1 << 16];
	size_t len = 0;
	bool ended = false;

	*a = (struct answer){ .status = 1 };
	while (!ended) {
		assert_true(len + 1024 < sizeof(buf));
		ssize_t n = recv(fd, buf + len, 1024, MSG_PEEK);

		if (n <= 0)
			return false;
		buf[len + (size_t)n] = '\0';

		char *nl = strchr(buf + len, '\n');
		size_t take = nl != NULL ? (size_t)(nl - buf) + 1 - len : (size_t)n;

		assert_int_equal(recv(fd, buf + len, take, 0), take);
		len += take;
		if (nl == NULL)
			continue;
		*nl = '\0';
		take_line(a, buf, &ended);
		len = 0;
	}
	return true;
}

static void ask(int fd, const char *request, struct answer *a)
{
	say(fd, request);
	assert_true(hear(fd, a));
}

static void assert_served(void)
{
	struct answer a;
	int fd = dial();

	ask(fd, "{\"cmd\":\"show version\"}\n", &a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 1);
	close(fd);
}

static void test_requests(void **state)
{
	struct answer a;
	int fd = dial();

	(void)state;
	ask(fd, "{\"cmd\":\"show routes\"}\n", &a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 2);
	ask(fd, "{\"cmd\":\"show binding\",\"key\":\"2001:db8:a::1\"}\n", &a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 1);
	ask(fd, "{\"cmd\":\"show binding\",\"key\":\"2001:db8:a::9\"}\n", &a);
	assert_int_equal(a.status, -ENOENT);
	assert_string_equal(a.error, "no such binding: 2001:db8:a::9");
	ask(fd, "nonsense\n", &a);
	assert_int_equal(a.status, -EINVAL);
	assert_string_equal(a.error, "not JSON");
	assert_int_equal(a.lines, 0);
	/* Two in one go, and one in pieces. */
	say(fd, "{\"cmd\":\"show ports\"}\n{\"cmd\":\"show drops\",\"all\":true}\n");
	assert_true(hear(fd, &a));
	assert_int_equal(a.lines, 1);
	assert_true(hear(fd, &a));
	assert_int_equal(a.lines, 2);
	say(fd, "{\"cmd\":\"sho");
	usleep(20000);
	ask(fd, "w ports\"}\n", &a);
	assert_int_equal(a.status, 0);
	close(fd);
}

static void test_stream(void **state)
{
	struct answer a;
	int fd = dial();

	(void)state;
	ask(fd, "{\"cmd\":\"show bindings\"}\n", &a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, BINDINGS);
	assert_true(fake.slices >= BINDINGS / 256);
	close(fd);
}

/* A client that says it has no more to say still reads. */
static void test_half_close(void **state)
{
	struct answer a;
	int fd = dial();

	(void)state;
	say(fd, "{\"cmd\":\"show ports\"}\n{\"cmd\":\"show ports\"}\n");
	shutdown(fd, SHUT_WR);
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, 0);
	assert_true(hear(fd, &a));
	assert_false(hear(fd, &a)); /* then hamd closes */
	close(fd);
}

static void test_half_a_line(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * API_CLIENTS; i++) {
		int fd = dial();

		say(fd, "{\"cmd\":\"show");
		close(fd);
		usleep(1000);
	}
	assert_served();
}

static void test_long_line(void **state)
{
	size_t n = 1 << 20;
	char *line = malloc(n);
	struct answer a;
	int fd = dial();

	(void)state;
	memset(line, 'x', n);
	line[n - 1] = '\n';
	for (size_t sent = 0; sent < n;) {
		ssize_t w = send(fd, line + sent, n - sent, MSG_NOSIGNAL);

		assert_true(w > 0);
		sent += (size_t)w;
	}
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, -EINVAL);
	assert_string_equal(a.error, "request longer than 65536 octets");
	ask(fd, "{\"cmd\":\"show ports\"}\n", &a); /* in step again */
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 1);

	/* The longest that is taken, and one octet more. */
	memset(line, ' ', n);
	memcpy(line, "{\"cmd\":\"show ports\"}", 20);
	line[65535] = '\n';
	assert_int_equal(send(fd, line, 65536, MSG_NOSIGNAL), 65536);
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, 0);
	line[65535] = ' ';
	line[65536] = '\n';
	assert_int_equal(send(fd, line, 65537, MSG_NOSIGNAL), 65537);
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, -EINVAL);
	close(fd);
	free(line);
}

static void test_binary(void **state)
{
	char junk[5000];
	struct answer a;
	int fd = dial();
	unsigned seed = 7, lines = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(junk); i++) {
		junk[i] = (char)rand_r(&seed);
		lines += junk[i] == '\n';
	}
	assert_int_equal(send(fd, junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
	say(fd, "\n");
	for (unsigned i = 0; i < lines; i++) {
		assert_true(hear(fd, &a));
		assert_int_equal(a.status, -EINVAL);
	}
	ask(fd, "{\"cmd\":\"show ports\"}\n", &a);
	assert_int_equal(a.status, 0);
	close(fd);
}

static void test_many(void **state)
{
	struct answer a;
	int fd[50], served = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < DIM(fd); i++)
		fd[i] = dial();
	for (size_t i = 0; i < DIM(fd); i++) {
		const char *q = "{\"cmd\":\"show ports\"}\n";

		send(fd[i], q, strlen(q), MSG_NOSIGNAL); /* a refused one is closed */
	}
	for (size_t i = 0; i < DIM(fd); i++) {
		assert_true(hear(fd[i], &a));
		served += a.status == 0 && a.lines == 1;
		refused += a.status == -EAGAIN && strcmp(a.error, "too many clients") == 0;
	}
	assert_int_equal(served, API_CLIENTS);
	assert_int_equal(refused, DIM(fd) - API_CLIENTS);
	for (size_t i = 0; i < DIM(fd); i++)
		close(fd[i]);
	usleep(50000);
	assert_served();
	assert_true(fake.refused > 0 || fake.slices == API_CLIENTS + 1);
}

/* It asks for 100,000 bindings and reads nothing: it waits alone, and not for ever. */
static void test_never_reads(void **state)
{
	int fd = dial();
	unsigned slices;
	struct answer a;
	uint64_t start_ms, waited_ms = 0;

	(void)state;
	say(fd, "{\"cmd\":\"show bindings\"}\n");
	do { /* until its socket's buffer is full and nothing is asked for it any more */
		slices = fake.slices;
		usleep(100000);
	} while (slices == 0 || slices != fake.slices);
	assert_true(slices < 10);
	for (unsigned i = 0; i < 20; i++) {
		start_ms = now_ms();
		assert_served();
		waited_ms += now_ms() - start_ms;
	}
	assert_true(waited_ms < 1000);
	assert_int_equal(fake.slices, slices + 20);
	usleep((STALL_MS + 300) * 1000);
	assert_false(hear(fd, &a)); /* cut off in the middle */
	assert_true(a.lines > 0 && a.lines < BINDINGS);
	close(fd);
}

/* Slow, but it goes on: it gets all of it, and is not closed. */
static void test_slow_reader(void **state)
{
	char buf[20000];
	size_t total = 0;
	ssize_t n;
	int fd = dial();
	uint64_t start_ms = now_ms();

	(void)state;
	fake.bindings = 3000;
	say(fd, "{\"cmd\":\"show bindings\"}\n");
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		total += (size_t)n;
		usleep(50000);
	}
	assert_int_equal(n, 0);
	assert_true(total > 3000 * 300);
	assert_true(now_ms() - start_ms > STALL_MS);
	close(fd);
}

static void test_idle_is_closed(void **state)
{
	struct pollfd p = { .fd = dial(), .events = POLLIN };
	char c;

	(void)state;
	say(p.fd, "{\"cmd\":");
	assert_int_equal(poll(&p, 1, STALL_MS / 2), 0);
	assert_int_equal(poll(&p, 1, 2 * STALL_MS), 1);
	assert_int_equal(recv(p.fd, &c, 1, 0), 0);
	close(p.fd);
}

/* Clients that vanish while the control core has their requests: every place becomes free. */
static void test_vanishes(void **state)
{
	(void)state;
	fake.hold = true;
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		int fd = dial();

		say(fd, "{\"cmd\":\"show bindings\"}\n");
		close(fd);
	}
	usleep(100000);
	fake.hold = false;
	usleep(100000);
	assert_true(fake.slices <= FAKE_QUEUE + 1); /* nobody goes on with them */

	int fd[API_CLIENTS];
	struct answer a;

	for (unsigned i = 0; i < API_CLIENTS; i++)
		fd[i] = dial();
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		ask(fd[i], "{\"cmd\":\"show ports\"}\n", &a);
		assert_int_equal(a.status, 0);
		close(fd[i]);
	}
}

/* In the middle of a long answer. */
static void test_vanishes_reading(void **state)
{
	char buf[5000];

	(void)state;
	for (unsigned i = 0; i < 2 * API_CLIENTS; i++) {
		int fd = dial();

		say(fd, "{\"cmd\":\"show bindings\"}\n");
		assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
		close(fd);
	}
	usleep(50000);
	assert_served();
	assert_true(fake.slices < 20 * API_CLIENTS);
}

/* --- traces and captures --- */

static void wait_watching(unsigned n)
{
	for (unsigned ms = 0; fake.watching != n && ms < 5000; ms++)
		usleep(1000);
	assert_int_equal(fake.watching, n);
}

static void test_trace(void **state)
{
	struct answer a;
	int fd = dial();

	(void)state;
	ask(fd, "{\"cmd\":\"trace\",\"count\":6}\n", &a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 7); /* and the summary */
	assert_int_equal(fake.watching, 0);
	ask(fd, "{\"cmd\":\"show ports\"}\n", &a); /* in step */
	assert_int_equal(a.lines, 1);
	ask(fd, "{\"cmd\":\"trace\",\"count\":2,\"reason\":\"intercept_no_binding\"}\n", &a);
	assert_int_equal(a.lines, 3);
	close(fd);
}

static void test_trace_refused(void **state)
{
	struct answer a;
	int fd = dial(), other = dial();

	(void)state;
	ask(fd, "{\"cmd\":\"trace\",\"port\":\"nix\"}\n", &a);
	assert_int_equal(a.status, -ENOENT);
	assert_int_equal(a.lines, 0);
	assert_string_equal(a.error, "no such port: nix");
	ask(fd, "{\"cmd\":\"show ports\"}\n", &a);
	assert_int_equal(a.status, 0);
	say(fd, "{\"cmd\":\"capture\",\"port\":\"wan\"}\n");
	wait_watching(1);
	ask(other, "{\"cmd\":\"trace\"}\n", &a);
	assert_int_equal(a.status, -EBUSY);
	close(fd);
	close(other);
	wait_watching(0);
}

/* It ends when its time is over, with or without packets. */
static void test_trace_time(void **state)
{
	uint64_t start_ms = now_ms();
	struct answer a;
	int fd = dial();

	(void)state;
	fake.packets = 0;
	ask(fd, "{\"cmd\":\"trace\",\"seconds\":1}\n", &a);
	assert_true(now_ms() - start_ms >= 1000); /* longer than STALL_MS: it waits for us */
	assert_int_equal(a.status, 0);
	assert_int_equal(a.lines, 1);
	close(fd);
}

/* Whoever has enough says so, and gets the end of the answer; then the next. */
static void test_trace_enough(void **state)
{
	struct answer a;
	int fd = dial();

	(void)state;
	say(fd, "{\"cmd\":\"trace\",\"count\":0}\n");
	wait_watching(1);
	say(fd, "{\"cmd\":\"show ports\"}\n");
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, 0);
	assert_true(a.lines >= 1);
	assert_true(hear(fd, &a));
	assert_int_equal(a.lines, 1);
	say(fd, "{\"cmd\":\"trace\",\"count\":0}\n");
	wait_watching(1);
	shutdown(fd, SHUT_WR);
	assert_true(hear(fd, &a));
	assert_int_equal(a.status, 0);
	assert_false(hear(fd, &a));
	close(fd);
	wait_watching(0);
}

static void test_trace_vanishes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * API_CLIENTS; i++) {
		int fd = dial();

		say(fd, i % 2 == 0 ? "{\"cmd\":\"trace\",\"count\":0}\n"
				   : "{\"cmd\":\"capture\"}\n");
		wait_watching(1);
		close(fd);
		wait_watching(0);
	}
	assert_served();
}

/* It takes nothing: rings run over, nobody else waits, and it is closed. */
static void test_trace_never_reads(void **state)
{
	uint64_t start_ms;
	int fd = dial();

	(void)state;
	fake.packets = 50;
	say(fd, "{\"cmd\":\"capture\"}\n");
	wait_watching(1);
	start_ms = now_ms();
	for (unsigned i = 0; i < 20; i++)
		assert_served();
	assert_true(now_ms() - start_ms < 1000);
	wait_watching(0); /* within 5 s */
	assert_true(now_ms() - start_ms >= STALL_MS);
	close(fd);
	assert_served();
}

static void recv_all(int fd, void *buf, size_t n)
{
	assert_int_equal(recv(fd, buf, n, MSG_WAITALL), n);
}

/* A line, without its newline. */
static void recv_line(int fd, char *line, size_t n)
{
	size_t len = 0;

	for (char c = 0; c != '\n'; line[len++] = c) {
		assert_true(len < n);
		recv_all(fd, &c, 1);
	}
	line[len - 1] = '\0';
}

/* Pieces of a file, each announced with its length. */
static void test_capture(void **state)
{
	static const uint8_t magic[] = { 0x0a, 0x0d, 0x0d, 0x0a };
	uint8_t octets[200000];
	char line[200];
	size_t total = 0;
	unsigned n;
	int fd = dial();

	(void)state;
	say(fd, "{\"cmd\":\"capture\",\"count\":1000}\n");
	for (;;) {
		recv_line(fd, line, sizeof(line));
		if (sscanf(line, "{\"octets\":%u}", &n) != 1)
			break;
		assert_true(n > 0 && n <= sizeof(octets));
		recv_all(fd, octets, n);
		if (total == 0)
			assert_memory_equal(octets, magic, sizeof(magic));
		total += n;
	}
	assert_true(total > 1000 * 100);
	assert_string_equal(line, "{\"captured\":1000,\"lost\":0}");
	recv_line(fd, line, sizeof(line));
	assert_string_equal(line, "{\"end\":true,\"status\":0}");
	close(fd);
}

/* Something flows when everything stops. */
static void test_stop_streaming(void **state)
{
	(void)state;
	fake.packets = 50;
	say(dial(), "{\"cmd\":\"trace\",\"count\":0}\n"); /* left open on purpose */
	wait_watching(1);
	usleep(10000);
}

/* Requests are away and one waits for room when everything stops. */
static void test_stop_in_flight(void **state)
{
	(void)state;
	fake.hold = true;
	for (unsigned i = 0; i < FAKE_QUEUE + 2; i++)
		say(dial(), "{\"cmd\":\"show bindings\"}\n"); /* left open on purpose */
	for (unsigned ms = 0; fake.refused == 0 && ms < 10000; ms += 10)
		usleep(10000);
	assert_true(fake.refused > 0);
}

static void test_second_is_refused(void **state)
{
	struct api_opts opts = { .path = path, .ops = { .ctx = &fake } };
	struct api *second = NULL;
	char err[256];

	(void)state;
	assert_int_equal(api_start(&opts, &second, err, sizeof(err)), -EADDRINUSE);
	assert_null(second);
	assert_served();
	api_stop(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_stream),
		TEST(test_half_close),
		TEST(test_half_a_line),
		TEST(test_long_line),
		TEST(test_binary),
		TEST(test_many),
		TEST(test_never_reads),
		TEST(test_slow_reader),
		TEST(test_idle_is_closed),
		TEST(test_vanishes),
		TEST(test_vanishes_reading),
		TEST(test_trace),
		TEST(test_trace_refused),
		TEST(test_trace_time),
		TEST(test_trace_enough),
		TEST(test_trace_vanishes),
		TEST(test_trace_never_reads),
		TEST(test_capture),
		TEST(test_stop_streaming),
		TEST(test_stop_in_flight),
		TEST(test_second_is_refused),
	};

	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
