/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long lines between interfaces: what comes in at one end goes out at the other, after a delay,
 * with what line.h can do to it, until told otherwise.
 *
 *     wire [-s SEED] NAME=DEV,DEV...
 *
 * Reads commands from standard input, one a line, and answers each with any number of JSON objects
 * and then a line "ok" or "error: why":
 *
 *     set NAME there|back|both KEY VALUE [KEY VALUE...]      there: from the first DEV on
 *     show                                                   counters, each line and direction
 *
 * Says "ready" before that; ends at the end of its input. What is on its way when a line is cut
 * still arrives. Packet sockets on both ends: the kernel's own protocols must not answer there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "line.h"
#include "transit.h"

#define WIRES_MAX   16
#define BURST       64 /* of one end before the others have their turn */
#define RECEIVE_MAX (16 << 20)
#define NS_PER_S    1000000000ULL

struct end {
	struct wire *wire;
	struct end *far;
	struct line line; /* from here to there */
	int fd;
	uint64_t refused; /* by the interface there, or no room among those on their way */
};

struct wire {
	char name[32];
	struct end end[2];
};

static struct wire wires[WIRES_MAX];
static unsigned wire_count;

static void die(const char *what)
{
	fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Returns when the next one is due, 0: none waits. */
static uint64_t send_due(void)
{
	const struct transit_frame *f;

	while ((f = transit_next(now_ns())) != NULL) {
		struct end *to = f->to;

		if (send(to->fd, f->data, f->len, MSG_DONTWAIT) < 0)
			to->far->refused++;
	}
	return transit_due();
}

static void take(struct end *e)
{
	uint8_t data[TRANSIT_FRAME_MAX];
	uint64_t due[LINE_COPIES];

	for (unsigned n = 0; n < BURST; n++) {
		ssize_t len = recv(e->fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC);
		unsigned copies;

		if (len < 0 || (size_t)len > sizeof(data)) {
			e->refused += len >= 0;
			return;
		}
		copies = line_pass(&e->line, now_ns(), (size_t)len, due);
		for (unsigned c = 0; c < copies; c++)
			e->refused += !transit_hold(e->far, due[c], data, (size_t)len);
	}
}

/* --- commands --- */

static const char *set_pairs(struct line *l, char *pairs)
{
	char *save = NULL, *key, *value;

	for (key = strtok_r(pairs, " ", &save); key != NULL; key = strtok_r(NULL, " ", &save)) {
		value = strtok_r(NULL, " ", &save);
		if (value == NULL || line_set(l, key, value) != 0)
			return "no such setting, or no such value";
	}
	return NULL;
}

static const char *set(const char *name, const char *way, const char *pairs)
{
	static const char *const ways[] = { "there", "back" };
	const char *why = "no such line and direction";

	for (unsigned i = 0; i < 2 * wire_count; i++) {
		struct wire *w = &wires[i / 2];
		struct line old = w->end[i % 2].line;
		char copy[512];

		if (strcmp(name, w->name) != 0 ||
			(strcmp(way, "both") != 0 && strcmp(way, ways[i % 2]) != 0))
			continue;
		snprintf(copy, sizeof(copy), "%s", pairs);
		why = set_pairs(&w->end[i % 2].line, copy);
		if (why != NULL) {
			w->end[i % 2].line = old;
			return why;
		}
	}
	return why;
}

static void show(void)
{
	for (unsigned i = 0; i < 2 * wire_count; i++) {
		const struct end *e = &wires[i / 2].end[i % 2];
		const struct line *l = &e->line;

		printf("{\"name\":\"%s\",\"way\":\"%s\"", e->wire->name, i % 2 ? "back" : "there");
#define X(counter, help) printf(",\"" #counter "\":%" PRIu64, l->counter);
		LINE_COUNTER_LIST(X)
#undef X
		printf(",\"refused\":%" PRIu64 "}\n", e->refused);
	}
}

static void obey(char *text)
{
	char name[32], way[8];
	const char *why = "no such command";
	int at = 0;

	if (sscanf(text, "set %31s %7s %n", name, way, &at) == 2 && at > 0) {
		why = set(name, way, text + at);
	} else if (strcmp(text, "show") == 0) {
		show();
		why = NULL;
	}
	if (why != NULL)
		printf("error: %s\n", why);
	else
		puts("ok");
	fflush(stdout);
}

/* false: there will be no more. */
static bool listen_to(int fd)
{
	static char text[1024];
	static size_t used;
	ssize_t n = read(fd, text + used, sizeof(text) - 1 - used);
	char *line = text, *end;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	used += (size_t)n;
	text[used] = '\0';
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		obey(line);
	}
	used -= (size_t)(line - text);
	memmove(text, line, used);
	return used < sizeof(text) - 1; /* such a long line is no command */
}

/* --- start --- */

static void open_end(struct end *e, const char *dev)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, size = RECEIVE_MAX;

	at.sll_ifindex = (int)if_nametoindex(dev);
	if (at.sll_ifindex == 0)
		die(dev);
	/* protocol 0: nothing arrives from elsewhere before it is bound */
	e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (e->fd < 0 ||
		setsockopt(e->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
		setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
		bind(e->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(dev);
}

static void open_wire(const char *arg, uint64_t seed)
{
	struct wire *w = &wires[wire_count];
	char dev[2][IFNAMSIZ];

	if (wire_count == WIRES_MAX ||
		sscanf(arg, "%31[^=]=%15[^,],%15s", w->name, dev[0], dev[1]) != 3) {
		fprintf(stderr, "wire: %s: not NAME=DEV,DEV, or too many\n", arg);
		exit(2);
	}
	for (unsigned i = 0; i < 2; i++) {
		w->end[i].wire = w;
		w->end[i].far = &w->end[1 - i];
		line_init(&w->end[i].line, seed + 2 * wire_count + i);
		open_end(&w->end[i], dev[i]);
	}
	wire_count++;
}

static void run(void)
{
	struct pollfd fds[2 * WIRES_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };

	for (unsigned i = 0; i < 2 * wire_count; i++)
		fds[i + 1] = (struct pollfd){ .fd = wires[i / 2].end[i % 2].fd, .events = POLLIN };
	for (;;) {
		uint64_t due = send_due(), now = now_ns(), left = due > now ? due - now : 0;
		struct timespec ts = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };

		if (ppoll(fds, 2 * wire_count + 1, due != 0 ? &ts : NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			die("poll");
		}
		if (fds[0].revents != 0 && !listen_to(STDIN_FILENO))
			return;
		for (unsigned i = 0; i < 2 * wire_count; i++)
			if (fds[i + 1].revents != 0)
				take(&wires[i / 2].end[i % 2]);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	int c;

	while ((c = getopt(argc, argv, "s:")) == 's')
		seed = strtoull(optarg, NULL, 0);
	if (c != -1 || optind == argc) {
		fputs("usage: wire [-s SEED] NAME=DEV,DEV...\n", stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		open_wire(argv[i], seed);
	errno = -transit_init();
	if (errno != 0)
		die("frames");
	/* a delay that the scheduler adds to is no delay of ours; without the right to, as it is */
	(void)setpriority(PRIO_PROCESS, 0, -15);
	puts("ready");
	fflush(stdout);
	run();
	return 0;
}
