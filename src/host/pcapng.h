/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture file's blocks (draft-ietf-opsawg-pcapng): one section, its interfaces, packets with
 * nanoseconds, direction and comment, statistics. Big-endian, which the format leaves to the
 * writer. A block that does not fit the cursor makes it `bad`, as everything in net/cursor.h.
 * Pure.
 */
#pragma once

#include "net/cursor.h"

#define PCAPNG_ETHERNET 1 /* link types */
#define PCAPNG_IPV6     229

#define PCAPNG_COMMENT_MAX 200 /* octets of a comment; longer ones are cut */
#define PCAPNG_PACKET_ROOM 320 /* what a packet's block takes beside its octets, at most */

void pcapng_section(struct net_wr *w, const char *application);

struct pcapng_interface {
	uint16_t link_type;
	uint32_t snaplen; /* 0: no limit */
	const char *name, *description;
	const char *hardware; /* NULL: none, and so with the next */
	const uint8_t *mac;
	uint64_t bits_per_s; /* 0: unknown */
};
/* They are numbered from 0 in the order in which they are written. */
void pcapng_interface(struct net_wr *w, const struct pcapng_interface *i);

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_IN, PCAPNG_OUT };

struct pcapng_packet {
	uint32_t interface;
	uint64_t ns; /* since 1970 */
	uint32_t len, kept; /* on the wire, and what there is of it at octets */
	const uint8_t *octets;
	enum pcapng_direction direction;
	const char *comment; /* NULL: none */
};
void pcapng_packet(struct net_wr *w, const struct pcapng_packet *p);

struct pcapng_statistics {
	uint32_t interface;
	uint64_t start_ns, end_ns;
	uint64_t received; /* packets that were to be kept */
	uint64_t lost; /* of them, for want of room */
};
void pcapng_statistics(struct net_wr *w, const struct pcapng_statistics *s);
