/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who answers for a binding now: the owner that its record names while that site lives, else the
 * successor of its bucket. One table for each domain, next[owner][bucket], is made anew whole at
 * every change of the set of live sites: the death of a site costs one publication, not one store
 * for each of its bindings.
 *
 * Successors are chosen by rendezvous hashing of (domain, bucket, node id): sites that see the
 * same set choose the same without talking, and a change of the set moves only buckets of the
 * site that came or went. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NEXT_NODES   256 /* node ids 1..255; 0: nobody */
#define NEXT_BUCKETS 256 /* the low 8 bits of a key's hash */
#define NEXT_NOBODY  0

enum next_reach {
	NEXT_DEAD, /* neither heard nor vouched for */
	NEXT_UP, /* we hear each other; the site itself, too */
	NEXT_CUT_OFF, /* not heard here, but by a site that is: all goes through that one */
};

enum next_says {
	NEXT_JOINING, /* serves nothing of its own yet */
	NEXT_READY,
	NEXT_DRAINING, /* still owner, still answers; takes nothing over */
	NEXT_LEFT,
};

/* What is known of a site in one domain. */
struct next_site {
	enum next_reach reach;
	enum next_says says;
	uint8_t via; /* NEXT_CUT_OFF: the site to go through */
};

struct next_view {
	uint32_t domain; /* the same number at every site: next_domain() */
	uint8_t self;
	struct next_site site[NEXT_NODES]; /* all zero: no member */
};

/* A number for a domain's name that every site makes alike. */
uint32_t next_domain(const char *name);

/* In the live set: reached, and it says ready or draining. */
bool next_is_live(const struct next_view *v, uint8_t node);
/* A site that may take over: live and ready. */
bool next_is_ready(const struct next_view *v, uint8_t node);

/* The site that what is for a live one is handed to: itself, or the one it is reached through. */
uint8_t next_hop(const struct next_view *v, uint8_t node);

/* Of the bucket, among the ready sites; NEXT_NOBODY: there is none. */
uint8_t next_successor(const struct next_view *v, uint8_t bucket);

/* Where packets for a binding go: a node id to hand them to, self to deliver them here, or
 * NEXT_NOBODY. */
struct next_table {
	uint8_t hop[NEXT_NODES][NEXT_BUCKETS];
};

/*
 * Owners that are live stand for themselves, the others' buckets go to their successors; whoever
 * is cut off is reached through its via. A site that does not serve yet, or no more, goes by
 * hop[NEXT_NOBODY], the successors (forward.c).
 */
void next_fill(const struct next_view *v, struct next_table *out);
