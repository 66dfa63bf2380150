/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A site as a machine: it is up or down, frozen or running, its clocks are right or wrong, what
 * reaches it while it is frozen waits in a socket's buffer, and what it wrote to its store outlives
 * it, not always the newest. What runs on it is a `struct site_kind`: the real modules
 * (agent.c), or, to test the oracle, a fake (fake.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"
#include "pkt.h"
#include "shape.h"

struct site;
struct world;

enum site_drain {
	DRAIN_OFF,
	DRAIN_ON,
	DRAIN_FORCE, /* also of a drain under way */
	DRAIN_NOTHING_COMES, /* it need not wait any longer */
};

/* What runs on a site. Every function but `start` is called while it runs only. */
struct site_kind {
	const char *name;
	bool has_mesh; /* sites tell each other what they know; fakes know it all */
	int (*start)(struct site *s); /* s->store: what it finds there; 0 or -errno */
	void (*stop)(struct site *s); /* free all, say nothing to anybody */
	uint32_t (*turn)(struct site *s); /* milliseconds until it wants another one */
	void (*datagram)(
		struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len);
	/* from: the peer it came from by the mesh; 0: the own port */
	void (*packet)(struct site *s, struct pkt *p, uint8_t from, bool may_relay);
	bool (*is_ready)(struct site *s, uint8_t domain);
	/* Packets go by that one's being one of those that serve. */
	bool (*lets_in)(struct site *s, uint8_t domain, uint8_t node);
	/* It has room for another binding of that domain; it takes that peer for one without. */
	bool (*has_room)(struct site *s, uint8_t domain);
	bool (*calls_full)(struct site *s, uint8_t node);
	/* What must be equal everywhere once all is quiet. */
	uint64_t (*digest)(struct site *s, uint8_t domain, uint32_t *records);
	uint64_t (*memory)(struct site *s); /* octets */
	void (*drain)(struct site *s, uint8_t domain, enum site_drain how);
	/* Its keys have sealed nearly as much as they may, or half of it. NULL: it has none. */
	void (*wear)(struct site *s, bool is_out);
	/* What an operator is shown; when all is quiet it must be so. NULL: nothing. */
	void (*info)(struct site *s, bool is_quiet);
	/* A line about what it knows of a mobile node, for the story. */
	void (*tell)(struct site *s, uint8_t mn);
	/* The operator gives the order to serve, whoever else is missing. */
	void (*force)(struct site *s, uint8_t domain);
	/* ... and to give a binding to another site; false: that cannot be. NULL: cannot do it. */
	/* An ICMPv6 error tells it a path MTU; it says what it knows of it. */
	void (*path_mtu)(struct site *s, uint8_t mn, uint16_t mtu);
	void (*look)(struct site *s, uint8_t mn);
	bool (*move)(struct site *s, uint8_t mn, uint8_t node);
	/* ... and to end one, which the mobile node hears nothing of. False: it holds none. */
	bool (*remove)(struct site *s, uint8_t mn);
};

enum site_release {
	RELEASE_OURS,
	RELEASE_NEXT, /* speaks ours, too */
	RELEASE_OTHER, /* does not */
};

struct site {
	struct world *w;
	const struct site_kind *kind;
	uint8_t node;
	bool up, paused;
	uint64_t paused_us; /* since when */
	bool is_waking; /* it goes on, and has read nothing yet of what waits */
	uint32_t boot; /* raised by every start */
	uint8_t release; /* enum site_release that it starts */
	uint16_t no_room; /* of a thousand changes so many cannot be published now */
	void *impl; /* the kind's own */
	void *store; /* the kind's own, outlives a stop; NULL: there is none */
	void (*store_free)(void *store);

	uint64_t memory_at_start; /* octets */
	uint64_t
		mono_base_ms; /* the monotonic clock at the world's begin; another with each boot */
	int64_t wall_off_ms; /* the time of day is wrong by this much */
	uint64_t keys_age_ms; /* sealed worlds: by so much its keys are older than they are */
	uint64_t turn_at_us; /* when the next turn is due */
	uint32_t turn_gen; /* only the newest request for a turn counts */
	struct waiting *waiting, **waiting_end; /* while frozen */
	uint32_t waiting_count;
	bool announced[SHAPE_DOMAINS];
};

int site_new(struct world *w, uint8_t node, const struct site_kind *kind);
void site_free(struct site *s);

void site_start(struct site *s);
void site_crash(struct site *s);
void site_pause(struct site *s);
void site_resume(struct site *s);
bool site_is_up(const struct site *s); /* frozen ones too */
bool site_runs(const struct site *s);
/* Its process in this life: a number as the product makes one. */
uint64_t site_boot(const struct site *s);
bool site_is_member(const struct site *s, uint8_t domain);

uint64_t site_mono_ms(const struct site *s);
uint64_t site_wall_ms(const struct site *s);

void site_datagram(
	struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len);
void site_packet(struct site *s, const struct pkt *p, uint8_t from, bool may_relay);

/* For kinds: a turn is wanted soon. */
void site_wake(struct site *s);
