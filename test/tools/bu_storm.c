/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding Updates by the thousand, from mobile nodes that keep books: each remembers the highest
 * sequence number that was acknowledged to it. Written to a file at the end, that is what a home
 * agent has promised and must still know after it was killed.
 *
 *     bu-storm -i DEV -m MAC -a HOME-AGENT -p HOME-PREFIX -c CARE-OF-PREFIX -n NODES -r RATE
 *              [-t SECONDS] [-f BOOKS]
 *
 * Sends from a packet socket on DEV to the Ethernet address MAC, evenly, RATE a second, and reads
 * the acknowledgements that come back over DEV. Node k has the home address HOME-PREFIX::k and, for
 * its Binding Update number s, the care-of address CARE-OF-PREFIX:s::k: what is bound tells which
 * of them it was. Ends after SECONDS, or by SIGTERM or SIGINT. BOOKS, if it is there, says where
 * the numbers go on; its lines are "node acknowledged sent", - for none.
 *
 * Prints one JSON object. The messages come from hamd's own encoder, which is tested elsewhere
 * against others'.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/ip6.h"
#include "common/seq.h"
#include "common/util.h"
#include "net/ip6hdr.h"
#include "net/mh.h"

#define LIFETIME    900 /* units of 4 s: an hour */
#define FRAME_MAX   256
#define HAO_LEN     24
#define RECEIVE_MAX (64 << 20)
#define LINGER_MS   300 /* for the last answers */

struct node {
	uint16_t sent, acked;
	bool has_sent, has_acked;
};

static struct {
	const char *dev, *books;
	uint8_t mac[ETH_ALEN], own_mac[ETH_ALEN];
	struct ip6_addr ha, home, care_of;
	uint32_t nodes, rate;
	double seconds;
} opt = { .seconds = 1e9 };

static struct node *node;
static int sock;
static uint64_t sent, acked, refused;
static volatile sig_atomic_t stop;

static void die(const char *what)
{
	fprintf(stderr, "bu-storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* --- messages --- */

static struct ip6_addr home_address(uint32_t k)
{
	struct ip6_addr a = opt.home;
	uint32_t be = htonl(k + 1);

	memcpy(a.b + 12, &be, sizeof(be));
	return a;
}

static struct ip6_addr care_of_address(uint32_t k, uint16_t seq)
{
	struct ip6_addr a = opt.care_of;
	uint32_t be = htonl(k + 1);

	a.b[6] = (uint8_t)(seq >> 8);
	a.b[7] = (uint8_t)seq;
	memcpy(a.b + 12, &be, sizeof(be));
	return a;
}

static size_t write_update(uint8_t *frame, uint32_t k, uint16_t seq)
{
	struct ip6_addr hoa = home_address(k), coa = care_of_address(k, seq);
	struct mh_bu_msg bu = {
		.seq = seq,
		.flags = MH_BU_A | MH_BU_H,
		.lifetime = LIFETIME,
		.opts = { .present = 1ULL << MHOPT_ALT_COA, .alt_coa = coa },
	};
	uint8_t *ip = frame + ETH_HLEN, *hao = ip + sizeof(struct net_ip6);
	/* PadN of 4, then the Home Address option at 8n + 6 */
	static const uint8_t head[8] = { IP6_MH, HAO_LEN / 8 - 1, 1, 2, 0, 0, 0xc9, 16 };
	int len;

	memcpy(frame, opt.mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, opt.own_mac, ETH_ALEN);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	memcpy(hao, head, sizeof(head));
	memcpy(hao + sizeof(head), &hoa, sizeof(hoa));
	/* the checksum is over the home address (RFC 6275, 6.1.1) */
	len = mh_bu_encode(&bu, &hoa, &opt.ha, hao + HAO_LEN,
		(uint16_t)(FRAME_MAX - ETH_HLEN - sizeof(struct net_ip6) - HAO_LEN));
	if (len < 0)
		abort();
	net_ip6_fill(
		(struct net_ip6 *)ip, (uint16_t)(HAO_LEN + len), IP6_DSTOPT, 64, &coa, &opt.ha);
	return ETH_HLEN + sizeof(struct net_ip6) + HAO_LEN + (size_t)len;
}

/* Of a node of ours; what else comes along the link is nobody's business. */
static void read_answer(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_HLEN, *rh = ip + sizeof(struct net_ip6);
	const uint8_t *mh = rh + MH_RH2_LEN;
	uint16_t seq;
	uint32_t k;

	if (len < ETH_HLEN + sizeof(struct net_ip6) + MH_RH2_LEN + 12 || frame[12] != 0x86 ||
		frame[13] != 0xdd || ip[6] != IP6_ROUTING || rh[0] != IP6_MH || mh[2] != MH_BA ||
		memcmp(rh + 8, &opt.home, 12) != 0)
		return;
	memcpy(&k, rh + 20, sizeof(k));
	k = ntohl(k) - 1;
	if (k >= opt.nodes)
		return;
	if (mh[6] >= 128) {
		refused++;
		return;
	}
	acked++;
	seq = (uint16_t)(mh[8] << 8 | mh[9]);
	if (!node[k].has_acked || seq16_is_newer(seq, node[k].acked))
		node[k].acked = seq;
	node[k].has_acked = true;
}

static void read_answers(void)
{
	uint8_t frame[2048];
	struct sockaddr_ll from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(sock, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from,
			&from_len)) > 0) {
		if (from.sll_pkttype != PACKET_OUTGOING)
			read_answer(frame, (size_t)n);
		from_len = sizeof(from);
	}
}

static void send_update(uint32_t k)
{
	uint8_t frame[FRAME_MAX];
	uint16_t seq = (uint16_t)(node[k].sent + 1);
	size_t len = write_update(frame, k, seq);

	if (send(sock, frame, len, MSG_DONTWAIT) != (ssize_t)len)
		return; /* the device is busy: the same number again next time */
	node[k].sent = seq;
	node[k].has_sent = true;
	sent++;
}

static void storm(void)
{
	double begin = now(), at;
	uint64_t turn = 0;

	while (!stop && (at = now() - begin) < opt.seconds) {
		/* what is due, but no more than 20 ms worth of it in one go */
		uint64_t due = (uint64_t)(at * opt.rate), most = opt.rate / 50 + 1;

		if (due > turn + most)
			turn = due - most;
		for (; turn < due; turn++) {
			send_update((uint32_t)(turn % opt.nodes));
			if (turn % 64 == 0)
				read_answers();
		}
		read_answers();
		nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
	}
	for (unsigned ms = 0; ms < LINGER_MS; ms++) {
		read_answers();
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

/* --- books --- */

static void read_books(void)
{
	FILE *f = opt.books != NULL ? fopen(opt.books, "re") : NULL;
	unsigned k, number;
	char was[8];

	while (f != NULL && fscanf(f, "%u %7s %u", &k, was, &number) == 3) {
		if (k >= opt.nodes)
			continue;
		node[k].sent = (uint16_t)number;
		node[k].has_sent = true;
		node[k].has_acked = was[0] != '-';
		node[k].acked = (uint16_t)atoi(was);
	}
	if (f != NULL)
		fclose(f);
}

static void write_books(void)
{
	FILE *f = opt.books != NULL ? fopen(opt.books, "we") : NULL;

	if (opt.books == NULL)
		return;
	if (f == NULL)
		die(opt.books);
	for (uint32_t k = 0; k < opt.nodes; k++) {
		if (node[k].has_acked)
			fprintf(f, "%u %u %u\n", k, node[k].acked, node[k].sent);
		else if (node[k].has_sent)
			fprintf(f, "%u - %u\n", k, node[k].sent);
	}
	if (fclose(f) != 0)
		die(opt.books);
}

/* --- start --- */

static void open_socket(void)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(opt.dev) };
	socklen_t len = sizeof(addr);
	int bytes = RECEIVE_MAX;

	sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (sock < 0 || addr.sll_ifindex == 0 ||
		setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
		bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		getsockname(sock, (struct sockaddr *)&addr, &len) < 0)
		die(opt.dev);
	memcpy(opt.own_mac, addr.sll_addr, ETH_ALEN);
}

static void usage(void)
{
	fputs("usage: bu-storm -i DEV -m MAC -a HOME-AGENT -p HOME-PREFIX -c CARE-OF-PREFIX\n"
	      "                -n NODES -r RATE [-t SECONDS] [-f BOOKS]\n",
		stderr);
	exit(2);
}

static void take_address(const char *text, struct ip6_addr *to)
{
	if (ip6_parse(text, to) < 0)
		usage();
}

static void parse_options(int argc, char **argv)
{
	unsigned given = 0;
	int c;

	while ((c = getopt(argc, argv, "i:m:a:p:c:n:r:t:f:")) != -1) {
		uint8_t *m = opt.mac;

		given++;
		if (c == 'i')
			opt.dev = optarg;
		else if (c == 'm' && sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1,
					     m + 2, m + 3, m + 4, m + 5) == 6)
			continue;
		else if (c == 'a')
			take_address(optarg, &opt.ha);
		else if (c == 'p')
			take_address(optarg, &opt.home);
		else if (c == 'c')
			take_address(optarg, &opt.care_of);
		else if (c == 'n')
			opt.nodes = (uint32_t)atoi(optarg);
		else if (c == 'r')
			opt.rate = (uint32_t)atoi(optarg);
		else if (c == 't')
			opt.seconds = atof(optarg);
		else if (c == 'f')
			opt.books = optarg;
		else
			usage();
	}
	if (given < 7 || optind < argc || opt.dev == NULL || opt.nodes == 0 || opt.rate == 0)
		usage();
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	double begin;

	parse_options(argc, argv);
	node = calloc(opt.nodes, sizeof(*node));
	if (node == NULL)
		die("memory");
	read_books();
	open_socket();
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	begin = now();
	storm();
	write_books();
	printf("{\"seconds\": %.3f, \"sent\": %" PRIu64 ", \"acknowledged\": %" PRIu64
	       ", \"refused\": %" PRIu64 "}\n",
		now() - begin, sent, acked, refused);
	free(node);
	return 0;
}
