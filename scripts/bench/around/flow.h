/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobile nodes by the thousand, what is sent to and from them, and the books of what became of it.
 * Pure: time is handed in, nanoseconds of one clock; frames are octets.
 *
 * Mobile node n of a crowd has the crowd's home and care-of address with n in the last four octets,
 * and its place, which Binding Updates change, in octet 11 of the care-of address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

#define NAME_MAX_LEN     24
#define PORTS_MAX        8
#define FLOW_PACKETS_MAX (1U << 22) /* of a flow: seven minutes at 10,000 a second */
#define FLOW_PACKET_LEN  64 /* octets of an inner packet: 78 in a frame */
#define OLD_LINK_NS      1000000000ULL /* so long a node that moved is still where it was, too */
#define FRAME_LEN_MAX    160 /* of what is made here */

struct mn {
	uint64_t moved_ns; /* when it went to its place, 0: it was there ever since */
	uint64_t asked_ns; /* its Binding Update that is not answered yet, 0: none */
	uint64_t took_ns; /* the answer to its last one that was acknowledged, 0: none was */
	uint16_t seq; /* of its last Binding Update */
	uint8_t place, old_place;
};

struct crowd {
	char name[NAME_MAX_LEN];
	struct ip6_addr hoa, coa;
	struct ip6_addr agent; /* home agent address of all their bindings */
	uint32_t first, count;
	struct mn *mn; /* of `count` */
};

struct flow_port { /* what arrived by one port */
	uint64_t packets, first_ns, last_ns;
};

struct flow {
	char name[NAME_MAX_LEN];
	struct crowd *crowd;
	uint8_t id;
	bool is_from; /* the mobile nodes, to the correspondent */
	bool is_on; /* more is sent */
	unsigned port; /* where it is sent */
	uint64_t begin_ns, interval_ns, sent;
	uint8_t *seen; /* a bit for each packet */
	uint32_t *newest; /* of each mobile node, the number after its newest packet's */

	uint64_t got, duplicates, overtaken;
	uint64_t old_link; /* taken where the node had been before */
	uint64_t stray; /* to a link that the node has left, or never was at: not taken */
	uint64_t wrong_source; /* tunnelled by somebody else's address: not taken */
	uint64_t last_ns, silence_ns, silence_from_ns, slowest_ns;
	struct flow_port by[PORTS_MAX];
};

/* 0; -EINVAL: no mobile nodes, or they begin with number 0; -ENOMEM. */
int crowd_init(struct crowd *c, uint32_t first, uint32_t count);

/* per_s packets a second from now on, to one node after the other. 0, -EINVAL, -ENOMEM. */
int flow_begin(struct flow *f, struct crowd *c, uint8_t id, uint32_t per_s, uint64_t now_ns);

/* The next packet of the flow if it is time for it, behind an Ethernet header that is left alone;
 * its length with that header, 0: none is due. */
size_t flow_next(
	struct flow *f, uint64_t now_ns, const struct ip6_addr *far, uint8_t buf[FRAME_LEN_MAX]);

/* A packet (without Ethernet header) that came by a port: false: none of the flows'. */
bool flow_take(struct flow *flows, unsigned count, const uint8_t *pkt, size_t len, unsigned port,
	uint64_t now_ns);

/* Home and care-of address of the crowd's i-th. */
struct ip6_addr crowd_home(const struct crowd *c, uint32_t i);
struct ip6_addr crowd_care_of(const struct crowd *c, uint32_t i, uint8_t place);
/* Whose care-of address that is; NULL: nobody's. */
struct mn *crowd_find(struct crowd *c, const struct ip6_addr *coa);
/* From now on it is at that place, and for OLD_LINK_NS where it was. */
void mn_move(struct mn *m, uint8_t place, uint64_t now_ns);
