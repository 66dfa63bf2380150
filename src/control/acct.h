/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting as the host thread that writes it sees it: events by a bounded ring. The control core
 * never waits for the reader: what does not fit is lost and counted, and the numbers of the events
 * show the gap. A session is one binding from its registration to its end, however often it is
 * refreshed or moved. In a mesh each site has sessions of its own for what it carries itself: of a
 * binding that was registered at another site from the first packet here on. A packet is counted
 * at one site; the sum over sites is what a mobile node used.
 *
 * Its functions belong to one host thread; control's own are in ctl_priv.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct acct;

#define ACCT_NAI_MAX    254 /* RFC 4283: 253 octets, and the zero */
#define ACCT_DOMAIN_MAX 32

/* X(id, name) */
#define ACCT_TYPE_LIST(X)                                                                          \
	X(ON, "on") /* the first of a run of hamd */                                               \
	X(START, "start")                                                                          \
	X(MOVE, "move") /* another care-of address */                                              \
	X(INTERIM, "interim")                                                                      \
	X(STOP, "stop")                                                                            \
	X(OFF, "off") /* the last of a run that ended in order */

#define ACCT_CAUSE_LIST(X)                                                                         \
	X(NONE, "") /* of what needs none */                                                       \
	X(REGISTERED, "registered")                                                                \
	X(HEARD, "heard") /* start: registered at another site, and carries packets here */        \
	X(DEREGISTERED, "deregistered") /* by the mobile node */                                   \
	X(EXPIRED, "expired")                                                                      \
	X(DELETED, "deleted") /* by the operator */                                                \
	X(REMOVED, "removed") /* the subscriber, by a reload */                                    \
	X(ELSEWHERE, "elsewhere") /* ended at another site */                                      \
	X(SHUTDOWN, "shutdown")

enum acct_type {
#define X(id, name) ACCT_##id,
	ACCT_TYPE_LIST(X)
#undef X
		ACCT_TYPE_COUNT
};

enum acct_cause {
#define X(id, name) ACCT_CAUSE_##id,
	ACCT_CAUSE_LIST(X)
#undef X
		ACCT_CAUSE_COUNT
};

struct acct_event {
	uint64_t seq; /* 1, 2, ... in this run; lost ones have numbers too */
	uint64_t lost; /* events lost in this run before this one */
	uint64_t time; /* NTP's 64 bits: when it happened */
	uint64_t session; /* 0: ON and OFF have none */
	uint64_t duration_ms; /* of the session until now */
	uint64_t packets_to, bytes_to, packets_from, bytes_from; /* of the session until now */
	struct ip6_addr hoa, coa;
	struct ip6_addr old_coa; /* MOVE */
	uint32_t lifetime_s; /* granted last */
	uint8_t type, cause;
	char domain[ACCT_DOMAIN_MAX];
	char nai[ACCT_NAI_MAX]; /* "": none is configured */
};

const char *acct_type_name(enum acct_type t);
const char *acct_cause_name(enum acct_cause c);

/* At most max events out of the ring; how many. */
uint32_t acct_take(struct acct *a, struct acct_event *out, uint32_t max);

/* What the host thread has done so far, and whether its file or socket takes lines. */
struct acct_report {
	uint64_t lines, bytes; /* written */
	uint64_t lost; /* taken from the ring, but not written when hamd stopped */
	uint64_t waiting; /* octets in its buffer */
	bool blocked;
};
void acct_report(struct acct *a, const struct acct_report *r);
