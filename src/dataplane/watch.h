/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching packets: a trace says by which door each chosen packet left each stage, a capture
 * keeps its octets. Who asks for one (host/) makes a watch, control has it watched over
 * (dp_watch_on), workers and the control core write into it, each into a lane of its own: a
 * bounded ring. What does not fit is counted as lost; nobody waits. The maker reads, and says when
 * it has enough; control takes it away from the workers (dp_watch_off) and the maker frees it
 * after dp_watch_is_off().
 *
 * No DPDK in here. Threads: watch_new/free/stop/peek/next/lost by the maker, the rest as it says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/drop.h"
#include "dataplane/stage.h"

struct watch;

enum watch_kind { WATCH_TRACE, WATCH_CAPTURE, WATCH_KIND_COUNT };

#define WATCH_PORTS   16 /* the data plane has no more */
#define WATCH_NO_PORT UINT16_MAX

/* Where a capture's packets belong: a port's number, or behind them all. */
enum watch_place { WATCH_AT_DROPPED = WATCH_PORTS, WATCH_AT_CONTROL, WATCH_PLACES };

/* A packet has to meet all of it. Prefixes are looked for in every address of the packet
 * (net/parties.h). */
struct watch_filter {
	bool has_any, has_src, has_dst, has_hoa, has_stage, has_reason;
	bool dropped; /* only what is dropped; also set with has_reason */
	uint8_t stage; /* enum trace_stage: it went through it */
	struct ip6_prefix any, src, dst;
	struct ip6_addr hoa; /* a mobile node: its home address, or its care-of address as such */
	uint16_t port; /* came in by it, or of a capture: left by it; WATCH_NO_PORT: any */
	enum dp_drop reason;
};

struct watch_opts {
	enum watch_kind kind;
	struct watch_filter filter;
	uint32_t count; /* packets that are wanted; 0: all */
	uint32_t snaplen; /* octets of a packet that a capture keeps; 0: all */
	uint16_t lanes; /* dp_watch_lanes() */
};

/* 0 or -ENOMEM. Takes some hundred KiB to a MiB a lane. */
int watch_new(const struct watch_opts *opts, struct watch **out);
void watch_free(struct watch *w); /* NULL is fine */

/* Asks control to end it; any number of times. */
void watch_stop(struct watch *w);
bool watch_is_stopping(const struct watch *w); /* control reads it */
bool watch_is_on(const struct watch *w); /* control has given it to the workers; ports are filled */

/* The oldest record of a lane: a trace's struct trace_leg, a capture's struct watch_frame; NULL:
 * none. Valid until watch_next(). */
const void *watch_peek(struct watch *w, uint16_t lane, uint32_t *len);
void watch_next(struct watch *w, uint16_t lane);
uint16_t watch_lanes(const struct watch *w); /* the last one is the control core's */
uint32_t watch_octets(const struct watch *w); /* of a lane's ring */
/* A trace: as many packets as were asked for were chosen, more will not be. */
bool watch_is_used_up(const struct watch *w);
uint64_t watch_lost(const struct watch *w); /* records that found no room */
uint64_t watch_lost_at(const struct watch *w, unsigned place); /* a capture's, of one place */

/* What control tells about the ports, once it is on. */
struct watch_port {
	char name[32], hardware[80];
	uint8_t mac[6];
	uint32_t mbps; /* 0: unknown */
};
uint16_t watch_ports(const struct watch *w, const struct watch_port **out);

/* Nanoseconds since 1970 of a record's tsc. Compares the clocks now and then: to be called by one
 * thread, soon after the record was written. */
uint64_t watch_ns(struct watch *w, uint64_t tsc);
double watch_us(const struct watch *w, uint64_t from, uint64_t to); /* between two of them */

/* --- a trace's records --- */

/* The stages, and the control core behind them. */
enum trace_stage { TRACE_CONTROL = DP_STAGE_COUNT, TRACE_STAGE_COUNT };
const char *trace_stage_name(unsigned stage); /* "?": none */
const char *trace_vec_name(unsigned v); /* of the stage that takes what is in it */

/* X(id, name) */
#define TRACE_DOOR_LIST(X)                                                                         \
	X(VECTOR, "next") /* arg: enum dp_vec_id */                                                \
	X(PUNT, "punt") /* arg: enum dp_punt_class; reason and ICMPv6 error of class ERROR */      \
	X(DROP, "drop") /* arg: enum dp_drop */                                                    \
	X(TX, "tx") /* a finished frame; arg: port; next hop */                                    \
	X(RING, "ring") /* to the lcore that has a queue of the port; arg: port */                 \
	X(HANDED, "handed") /* to the worker whose business it is; arg: its number */              \
	X(WIRE, "wire") /* taken by the port; arg: port, queue */                                  \
	X(TAKEN, "taken") /* control took it out of a queue; arg: enum dp_punt_class */            \
	X(SAID, "verdict") /* an engine's */                                                       \
	X(COUNTED, "counted") /* control counted a reason for it; arg: enum dp_drop */             \
	X(SENT, "sent") /* control made this packet */                                             \
	X(WAITS, "waits") /* the stage keeps it: for a neighbour, for other fragments */           \
	X(DIVIDED, "divided") /* it goes on as its fragments */                                    \
	X(RESUMED, "resumed") /* control sends it on */                                            \
	X(DONE, "done") /* control is through with it */

enum trace_door {
#define X(id, name) TRACE_##id,
	TRACE_DOOR_LIST(X)
#undef X
		TRACE_DOOR_COUNT
};
const char *trace_door_name(enum trace_door d);

enum trace_more { TRACE_PLAIN, TRACE_BINDING, TRACE_NEXT_HOP, TRACE_VERDICT, TRACE_SITE };

/* A packet left a stage. */
struct trace_hop {
	uint64_t tsc;
	uint8_t stage, door;
	uint8_t more; /* what the union holds */
	uint8_t next_header, hop_limit;
	uint16_t arg, queue;
	uint16_t reason; /* of PUNT in class ERROR: why */
	uint16_t len; /* of the packet as it left; 0: no IPv6 packet, no addresses either */
	struct ip6_addr src, dst;
	union {
		struct {
			struct ip6_addr hoa, coa;
		} binding;
		struct {
			struct ip6_addr addr;
			uint8_t mac[6];
			bool has_addr;
		} hop;
		struct {
			const char *who, *what; /* literals of this process */
			int32_t status; /* -1: none */
		} verdict;
		struct {
			uint8_t node; /* of the mesh: where it came from, or goes to */
			bool relayed; /* from one that had it from another, or that is to keep it */
		} site;
	};
};

/*
 * A piece of a packet's way: from where one lcore got it to where it left it. Pieces with one id
 * are of one packet, or of what control sent because of it.
 */
enum trace_origin {
	TRACE_RECEIVED, /* begins with the packet */
	TRACE_MADE, /* begins with a packet that control made by itself */
	TRACE_CAUSED, /* begins with one that it made while it was busy with the packet `id` */
	TRACE_GOES_ON,
};

struct trace_leg {
	uint64_t id;
	uint16_t lane;
	uint16_t port, queue; /* where it came in, of TRACE_RECEIVED */
	uint8_t origin;
	uint8_t hops; /* that follow it */
};

static inline const struct trace_hop *trace_hops(const struct trace_leg *leg)
{
	return (const struct trace_hop *)(leg + 1);
}

/* --- a capture's records --- */

enum watch_what { WATCH_IN, WATCH_OUT, WATCH_DROPPED, WATCH_PUNTED };

struct watch_frame {
	uint64_t tsc;
	uint32_t len; /* on the wire; what was kept of it follows, the rest of the record */
	uint16_t port; /* IN: where it came in, OUT: left; else where it came in, or none */
	uint8_t what;
	uint8_t is_frame; /* begins with its Ethernet header, else with the IPv6 header */
	uint16_t arg; /* DROPPED, and frames that are: enum dp_drop; PUNTED: enum dp_punt_class */
	uint8_t is_dropped; /* arg is a reason: a frame refused at its port */
	uint8_t unused;
	uint8_t octets[];
};
