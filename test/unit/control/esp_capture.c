/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a capture of mesh tunnel packets, sealed with keys as control derives them, and prints the
 * key log's line of these keys, for esp_keys_test.py: both directions, both kinds of hop, three of
 * the sender's workers.
 *
 *      esp_capture CAPTURE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/util.h"
#include "control/mesh/data_keys.h"
#include "net/ip6hdr.h"
#include "tables/dq.h"
#include "tables/readers.h"
#include "tables/sa.h"

#define LINKTYPE_IPV6 229

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "esp_capture: %s\n", what);
	exit(1);
}

static void put(FILE *f, const void *p, size_t n)
{
	check(fwrite(p, n, 1, f) == 1, "write");
}

/* The inner packet tells what it is: its flow label is the lane, its length grows. */
static void put_packet(
	FILE *f, const struct sa *sa, const struct sa_peer *p, uint32_t lane, uint32_t len)
{
	struct ip6_addr cn = addr("2001:db8:99::1"), mn = addr("2001:db8:a::100");
	uint8_t pkt[1500] = { 0 }, *inner = pkt + sizeof(struct net_ip6) + ESP_HEAD;
	struct sa_lane_out *l = &sa_out_of(p)->lane[lane];
	uint32_t head[4] = { 0, lane }, size;

	net_ip6_fill((struct net_ip6 *)inner, (uint16_t)(len - 40), IP6_NONE, 63, &cn, &mn);
	net_ip6_set_vtf((struct net_ip6 *)inner, 0, lane + 1);
	size = esp_seal(sa_view(sa)->gcm, &l->esp, inner, len, IP6_IN_IP6);
	net_ip6_fill((struct net_ip6 *)pkt, (uint16_t)size, IP6_ESP, 64, &sa_view(sa)->site,
		&p->address);
	head[2] = head[3] = size + (uint32_t)sizeof(struct net_ip6);
	put(f, head, sizeof(head));
	put(f, pkt, head[2]);
}

int main(int argc, char *argv[])
{
	const uint32_t pcap[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, LINKTYPE_IPV6 };
	struct session_keys k = { .initiator = true };
	struct rte_rcu_qsbr *rcu = readers_new(1);
	FILE *f = fopen(argv[argc - 1], "wb");
	struct dq *dq;

	check(argc == 2 && f != NULL && sodium_init() >= 0 && dq_new(rcu, 8, &dq) == 0, "start");
	put(f, pcap, sizeof(pcap));
	randombytes_buf(k.data, sizeof(k.data));
	for (uint8_t node = 1; node <= 2; node++) {
		struct sa_opts o = { .node = node, .workers = 3, .site = addr("2001:db8:1::10") };
		struct ip6_addr other = addr("2001:db8:2::10");
		struct data_keys *d = NULL;
		struct sa *sa = NULL;

		check(sa_new(&o, dq, &sa) == 0 && sa_add_peer(sa, 3 - node, &other) == 0 &&
				data_keys_new(sa, &d) == 0,
			"tables");
		data_keys_established(d, (uint8_t)(3 - node), &k, 1000);
		for (uint32_t lane = 0; lane < 6; lane++)
			put_packet(f, sa, sa_view(sa)->peer[3 - node], lane, 100 * node + 7 * lane);
		data_keys_free(d);
		sa_free(sa);
		k.initiator = false;
	}
	printf("DATA ");
	for (unsigned i = 0; i < sizeof(k.data); i++)
		printf("%s%02x", i == 32 ? " " : "", k.data[i]);
	printf(" 01 02\n");
	dq_free(dq);
	free(rcu);
	return fclose(f) == 0 ? 0 : 1;
}
