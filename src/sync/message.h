/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What engines say to each other. A datagram: version, the sender's boot number and the one it
 * believes the receiver to have (0: not heard yet), then messages, each with type, length and a
 * body. What a body has behind the fields known here is skipped, so is a message of an unknown
 * type: later releases add both. Everything is big-endian and was sealed by a session, but its
 * sender may be broken or bought: nothing in it is trusted. Pure.
 *
 * Records and last seen numbers travel as sections of a message, one for each domain, which hold
 * items of records/wire.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/cursor.h"
#include "records/digest.h"
#include "sync/refused.h"

#define MESSAGE_VERSION 1
#define MESSAGE_HEADER  17 /* octets of a datagram in front of the first message */
#define MESSAGE_MAX     1200 /* octets of a datagram */
#define MESSAGE_HOLES   8 /* reported in one acknowledgement */
#define MESSAGE_HASHES  128 /* in one digest */
#define MESSAGE_LISTED  94 /* keys in one list: what fits into a datagram */
#define MESSAGE_WANTED  MESSAGE_LISTED
#define MESSAGE_YOUNG   ((MESSAGE_WANTED + 63) / 64) /* words with a bit for each */

/* X(id, name) */
#define MESSAGE_LIST(X)                                                                            \
	X(DELTA, "delta") /* a piece of a stream */                                                \
	X(ACK, "ack") /* of streams */                                                             \
	X(ASK, "ask") /* for a snapshot of a domain */                                             \
	X(DIGEST, "digest") /* of ranges of keys: which differ? */                                 \
	X(DIFFER, "differ") /* the answer */                                                       \
	X(KEYS, "keys") /* all records of a range: who has newer ones? */                          \
	X(WANT, "want") /* the answer: what is wanted; what is newer comes in RECORDS */           \
	X(RECORDS, "records") /* outside of streams */

enum message_type {
	MESSAGE_NONE,
#define X(id, name) MESSAGE_##id,
	MESSAGE_LIST(X)
#undef X
		MESSAGE_TYPE_COUNT
};

/* Which of a peer's streams. */
enum message_stream {
	STREAM_CHANGES, /* positions are change numbers */
	STREAM_SNAPSHOT, /* of one domain; positions are the sender's handles: records, then pairs */
	STREAM_SEEN, /* last seen numbers; positions are change numbers */
	STREAM_COUNT
};

#define DELTA_ACK_NOW 1 /* somebody waits */
#define DELTA_END     2 /* snapshot: nothing follows */
#define DELTA_READY   4 /* snapshot: of a site that is ready */
#define DELTA_SEEN    8 /* items are last seen numbers, not records */
#define DELTA_TOLD                                                                                 \
	16 /* all that was to be told when the stream began is in this piece or before it */

/* Everything that lies at positions first..last, as it is now: what changed again since is not in
 * it, but comes later. */
struct message_delta {
	uint8_t stream, flags;
	uint32_t id; /* of the stream: a later one begins it anew */
	uint32_t number; /* of the datagram, counted from 1 over all streams to that peer; goes
	                    round */
	uint32_t domain; /* snapshot: of which domain; else 0 */
	uint64_t base; /* where the stream began: everything in front of it is not sent */
	uint64_t first, last;
	struct net_rd sections; /* decoded only */
};

#define ACK_FULL     1 /* records are refused now, whatever the domain */
#define MESSAGE_FULL 8 /* domains listed; of more, ACK_FULL */
/* Octets: without the list of domains that something was refused of, and that list. */
#define MESSAGE_ACK_MAX     (3 + 31 + 16 * MESSAGE_HOLES + 1 + 4 * MESSAGE_FULL)
#define MESSAGE_REFUSED_MAX (1 + 8 + 12 * REFUSED_DOMAINS)

struct message_hole {
	uint64_t first, last;
};

struct message_ack {
	uint8_t stream, flags;
	uint8_t hole_count;
	uint32_t id;
	uint32_t highest, received; /* of datagrams, over all streams */
	uint64_t until; /* everything up to here was applied */
	struct refused refused; /* but for something here, or before; where no domain is listed,
	                           `any` is meant of all */
	struct message_hole hole[MESSAGE_HOLES]; /* missing, in order, behind until */
	uint8_t full_count; /* left out when there is none */
	uint32_t full[MESSAGE_FULL]; /* domains whose records are refused now */
};

struct message_ask {
	uint32_t domain, request; /* the request's number becomes the stream's id */
	uint64_t from; /* position, of what was not told before; left out where it is 1. A release
	                  that does not know it begins at 1, and says so by the stream's base */
};

/* Digests of count ranges of keys: range i holds the keys whose highest `bits` bits are i. */
struct message_digest {
	uint32_t domain, round;
	struct digest_key digest_key; /* that the sender has */
	uint8_t most; /* bits of its finest ranges */
	uint8_t bits; /* 0..32 */
	uint8_t count; /* 1..MESSAGE_HASHES */
	uint32_t from;
	uint64_t hash[MESSAGE_HASHES];
};

#define DIFFER_NOT_NOW 1 /* digests are being made, or keys differ: ask again later */

struct message_differ {
	uint32_t domain, round;
	struct digest_key digest_key;
	uint8_t flags;
	uint8_t most, bits, count;
	uint32_t from;
	uint64_t bitmap[MESSAGE_HASHES / 64]; /* bit i: range from + i differs */
};

struct message_key {
	uint64_t key;
	uint32_t hash;
};

/* All that the sender has between two keys, in order. */
struct message_keys {
	uint32_t domain, round;
	uint64_t first, last;
	uint8_t count;
	struct message_key key[MESSAGE_LISTED];
};

struct message_want {
	uint32_t domain, round;
	uint64_t first, last; /* of the keys asked about */
	uint16_t differ; /* of them differ, or lack at one end, and not for a change made since the
	                    round began: 0 ends the range */
	uint8_t count;
	uint64_t key[MESSAGE_WANTED];
	uint64_t young[MESSAGE_YOUNG]; /* bit i: key i has such a change at the sender, and is not
	                                  part of differ; left out where there is none */
};

struct message {
	enum message_type type; /* MESSAGE_NONE: of a type that is not known here */
	union {
		struct message_delta delta;
		struct message_ack ack;
		struct message_ask ask;
		struct message_digest digest;
		struct message_differ differ;
		struct message_keys keys;
		struct message_want want;
		struct net_rd sections; /* MESSAGE_RECORDS */
	};
};

struct message_head {
	uint64_t boot, your_boot;
};

const char *message_name(enum message_type t); /* "?": no type */

/* --- reading --- */

/* 0, -EBADMSG, or -EPROTONOSUPPORT: another version. */
int message_read_head(struct net_rd *r, struct message_head *out);
/* 1: there is a message; 0: that was all; -EBADMSG: cut short, or fields that contradict each
 * other; what came before it holds. */
int message_read(struct net_rd *r, struct message *out);
/* Sections of a delta or of records: 1, 0, -EBADMSG as above; the items of a domain. */
int message_read_section(struct net_rd *sections, uint32_t *domain, struct net_rd *items);

/* --- writing; too little room makes w->bad, and what is in it is no message --- */

void message_write_head(struct net_wr *w, const struct message_head *h);
void message_write_ack(struct net_wr *w, const struct message_ack *m);
void message_write_ask(struct net_wr *w, const struct message_ask *m);
void message_write_digest(struct net_wr *w, const struct message_digest *m);
void message_write_differ(struct net_wr *w, const struct message_differ *m);
void message_write_keys(struct net_wr *w, const struct message_keys *m);
void message_write_want(struct net_wr *w, const struct message_want *m);

/*
 * A message with items is open while they are added: message_open_*(), then for each item
 * message_section() and the item itself, then message_close(). An item that does not fit is taken
 * back by restoring *w and the builder as they were before its message_section().
 */
struct message_builder {
	uint8_t *start; /* of the message */
	uint8_t *section; /* where the open section's length stands, NULL: none is open */
	uint32_t domain;
};

void message_open_delta(struct net_wr *w, struct message_builder *b);
void message_open_records(struct net_wr *w, struct message_builder *b);
void message_section(struct net_wr *w, struct message_builder *b, uint32_t domain);
/* delta: what it turned out to be; NULL for records. */
void message_close(struct net_wr *w, struct message_builder *b, const struct message_delta *delta);
