/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies around the sites of a mesh: correspondents and mobile nodes by the thousand, one
 * program on one thread, with the books of all packets between them.
 *
 *     bench-around NAME=DEV,MAC,PLACE...       MAC: the router's; PLACE: 0, or that of the mobile
 *                                              nodes on this link
 *
 * Reads commands from standard input, one a line, and answers each with any number of JSON objects
 * and then a line "ok" or "error: why":
 *
 *     crowd NAME HOME CARE-OF AGENT FIRST COUNT    mobile nodes, flow.h says which addresses
 *     update CROWD PLACE RATE                      Binding Updates a second, from that place, of
 *                                                  all that are not registered there
 *     flow NAME CROWD to|from PORT FAR RATE        packets a second with correspondent FAR, which
 *                                                  is at PORT
 *     end NAME                                     of a flow; what is on its way still counts
 *     answers CROWD                                how long each one's last answer took
 *     show
 *
 * Says "ready" before that; ends at the end of its input. Times in answers are nanoseconds of
 * CLOCK_MONOTONIC.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "port.h"
#include "updates.h"

#define CROWDS_MAX 8
#define FLOWS_MAX  64
#define BURST      64 /* frames of one port, or of one flow, before the others have their turn */
#define NS_PER_S   1000000000ULL
#define TICK_NS    200000 /* what is due is sent that late at most, while the machine is idle */

static struct crowd crowds[CROWDS_MAX];
static struct updates updates[CROWDS_MAX]; /* of the crowd of the same number */
static struct flow flows[FLOWS_MAX];
static struct ip6_addr far[FLOWS_MAX]; /* correspondent of the flow of the same number */
static struct port ports[PORTS_MAX];
static unsigned crowd_count, flow_count, port_count;

static void die(const char *what)
{
	fprintf(stderr, "bench-around: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static struct port *port_at(uint8_t place)
{
	for (unsigned i = 0; i < port_count; i++)
		if (ports[i].place == place && place != 0)
			return &ports[i];
	return NULL;
}

/* --- frames --- */

static void send_flow(unsigned i)
{
	struct flow *f = &flows[i];
	uint8_t frame[FRAME_LEN_MAX];

	for (unsigned n = 0; n < BURST; n++) {
		const struct mn *mn = &f->crowd->mn[f->sent % f->crowd->count];
		struct port *port = f->is_from ? port_at(mn->place) : &ports[f->port];
		size_t len = flow_next(f, now_ns(), &far[i], frame);

		if (len == 0)
			return;
		port_send(port, frame, len);
	}
}

static void send_updates(struct updates *u)
{
	uint8_t frame[FRAME_MAX];

	for (unsigned n = 0; n < BURST; n++) {
		size_t len = updates_next(u, now_ns(), frame);

		if (len == 0)
			return;
		port_send(port_at(u->place), frame, len);
	}
}

static void take(unsigned i)
{
	uint8_t data[PORT_FRAME_MAX];
	size_t len;

	for (unsigned n = 0; n < BURST && (len = port_receive(&ports[i], data)) > 0; n++) {
		const uint8_t *pkt = data + FRAME_ETHER;
		uint64_t now = now_ns();
		bool is_known = flow_take(flows, flow_count, pkt, len - FRAME_ETHER, i, now);

		for (unsigned c = 0; c < crowd_count && !is_known; c++)
			is_known = updates_take(&updates[c], pkt, len - FRAME_ETHER, now);
		ports[i].others += !is_known;
	}
}

/* --- commands --- */

static struct crowd *crowd_named(const char *name)
{
	for (unsigned i = 0; i < crowd_count; i++)
		if (strcmp(crowds[i].name, name) == 0)
			return &crowds[i];
	return NULL;
}

static const char *add_crowd(const char *args)
{
	struct crowd *c = &crowds[crowd_count];
	char hoa[48], coa[48], agent[48];
	uint32_t first, count;

	if (crowd_count == CROWDS_MAX)
		return "too many crowds";
	if (sscanf(args, "%23s %47s %47s %47s %" SCNu32 " %" SCNu32, c->name, hoa, coa, agent,
		    &first, &count) != 6 ||
		ip6_parse(hoa, &c->hoa) != 0 || ip6_parse(coa, &c->coa) != 0 ||
		ip6_parse(agent, &c->agent) != 0 || crowd_named(c->name) != NULL)
		return "not NAME HOME CARE-OF AGENT FIRST COUNT, or there is one of that name";
	if (first < NODE_FIRST || crowd_init(c, first, count) != 0)
		return "no such mobile nodes, or no memory for them";
	updates_init(&updates[crowd_count++], c);
	return NULL;
}

static const char *update(const char *args)
{
	char name[NAME_MAX_LEN];
	struct crowd *c;
	unsigned place;
	uint32_t rate;

	if (sscanf(args, "%23s %u %" SCNu32, name, &place, &rate) != 3 || rate == 0)
		return "not CROWD PLACE RATE";
	c = crowd_named(name);
	if (c == NULL || place > UINT8_MAX || port_at((uint8_t)place) == NULL)
		return "no such crowd, or no such place";
	updates_begin(&updates[c - crowds], (uint8_t)place, rate, now_ns());
	return NULL;
}

static const char *answers(const char *name)
{
	const struct crowd *c = crowd_named(name);

	if (c == NULL)
		return "no such crowd";
	printf("{\"answers\":\"%s\",\"ns\":[", name);
	for (uint32_t i = 0; i < c->count; i++)
		printf("%s%" PRIu64, i > 0 ? "," : "", c->mn[i].took_ns);
	puts("]}");
	return NULL;
}

static const char *add_flow(const char *args)
{
	struct flow *f = &flows[flow_count];
	char name[NAME_MAX_LEN], crowd[NAME_MAX_LEN], way[8], port[NAME_MAX_LEN], to[48];
	uint32_t rate;
	unsigned at = 0;

	if (flow_count == FLOWS_MAX)
		return "too many flows";
	if (sscanf(args, "%23s %23s %7s %23s %47s %" SCNu32, name, crowd, way, port, to, &rate) !=
			6 ||
		ip6_parse(to, &far[flow_count]) != 0)
		return "not NAME CROWD to|from PORT FAR RATE";
	while (at < port_count && strcmp(ports[at].name, port) != 0)
		at++;
	if (at == port_count || crowd_named(crowd) == NULL)
		return "no such port, or no such crowd";
	f->is_from = strcmp(way, "from") == 0;
	if (!f->is_from && strcmp(way, "to") != 0)
		return "neither to nor from";
	/* whoever sends is somewhere */
	for (uint32_t i = 0; f->is_from && i < crowd_named(crowd)->count; i++)
		if (crowd_named(crowd)->mn[i].place == 0)
			return "not all of them are at a place";
	f->port = at;
	snprintf(f->name, sizeof(f->name), "%s", name);
	if (flow_begin(f, crowd_named(crowd), (uint8_t)flow_count, rate, now_ns()) != 0)
		return "no such rate, or no memory";
	flow_count++;
	return NULL;
}

static const char *end_flow(const char *name)
{
	for (unsigned i = 0; i < flow_count; i++) {
		if (strcmp(flows[i].name, name) == 0) {
			flows[i].is_on = false;
			return NULL;
		}
	}
	return "no such flow";
}

static void show_flow(const struct flow *f)
{
	printf("{\"flow\":\"%s\",\"sent\":%" PRIu64 ",\"got\":%" PRIu64 ",\"duplicates\":%" PRIu64
	       ",\"overtaken\":%" PRIu64 ",\"old-link\":%" PRIu64 ",\"stray\":%" PRIu64
	       ",\"wrong-source\":%" PRIu64 ",\"silence-ns\":%" PRIu64
	       ",\"silence-from-ns\":%" PRIu64 ",\"slowest-ns\":%" PRIu64 "}\n",
		f->name, f->sent, f->got, f->duplicates, f->overtaken, f->old_link, f->stray,
		f->wrong_source, f->silence_ns, f->silence_from_ns, f->slowest_ns);
	for (unsigned i = 0; i < port_count; i++)
		printf("{\"by\":\"%s\",\"port\":\"%s\",\"packets\":%" PRIu64
		       ",\"first-ns\":%" PRIu64 ",\"last-ns\":%" PRIu64 "}\n",
			f->name, ports[i].name, f->by[i].packets, f->by[i].first_ns,
			f->by[i].last_ns);
}

static void show(void)
{
	for (unsigned i = 0; i < flow_count; i++)
		show_flow(&flows[i]);
	for (unsigned i = 0; i < crowd_count; i++)
		printf("{\"crowd\":\"%s\",\"nodes\":%" PRIu32 ",\"updates\":%" PRIu64
		       ",\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64
		       ",\"unanswered\":%" PRIu32 ",\"slowest-ns\":%" PRIu64 "}\n",
			crowds[i].name, crowds[i].count, updates[i].sent, updates[i].acknowledged,
			updates[i].refused, updates_unanswered(&updates[i]), updates[i].slowest_ns);
	for (unsigned i = 0; i < port_count; i++)
		printf("{\"port\":\"%s\",\"refused\":%" PRIu64 ",\"missed\":%" PRIu64
		       ",\"others\":%" PRIu64 "}\n",
			ports[i].name, ports[i].refused, port_missed(&ports[i]), ports[i].others);
}

static void obey(const char *text)
{
	char verb[8] = "";
	const char *why = NULL;
	int at = 0;

	(void)sscanf(text, "%7s %n", verb, &at);
	if (strcmp(verb, "crowd") == 0)
		why = add_crowd(text + at);
	else if (strcmp(verb, "update") == 0)
		why = update(text + at);
	else if (strcmp(verb, "flow") == 0)
		why = add_flow(text + at);
	else if (strcmp(verb, "end") == 0)
		why = end_flow(text + at);
	else if (strcmp(verb, "answers") == 0)
		why = answers(text + at);
	else if (strcmp(verb, "show") == 0)
		show();
	else
		why = "no such command";
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

static void run(void)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	struct pollfd fds[PORTS_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };

	for (unsigned i = 0; i < port_count; i++)
		fds[i + 1] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	for (;;) {
		for (unsigned i = 0; i < flow_count; i++)
			send_flow(i);
		for (unsigned i = 0; i < crowd_count; i++)
			send_updates(&updates[i]);
		if (ppoll(fds, port_count + 1, &tick, NULL) < 0) {
			if (errno == EINTR)
				continue;
			die("poll");
		}
		if (fds[0].revents != 0 && !listen_to(STDIN_FILENO))
			return;
		for (unsigned i = 0; i < port_count; i++)
			if (fds[i + 1].revents != 0)
				take(i);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc - 1 > PORTS_MAX) {
		fputs("usage: bench-around NAME=DEV,MAC,PLACE... (8 at most)\n", stderr);
		return 2;
	}
	for (; port_count < (unsigned)argc - 1; port_count++) {
		errno = -port_open(&ports[port_count], argv[port_count + 1]);
		if (errno != 0)
			die(argv[port_count + 1]);
	}
	/* late packets would be ours; without the right to, as it is */
	(void)setpriority(PRIO_PROCESS, 0, -15);
	puts("ready");
	fflush(stdout);
	run();
	return 0;
}
