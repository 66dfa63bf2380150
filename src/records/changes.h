/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changed here, in the order in which it did: one doubly linked list of handles, each in it
 * once, whatever number of times it changed. A change gives the handle the next number and moves
 * it to the end. Markers stand between two handles: whoever must be told of all changes has
 * markers for how far it has been told and how far it knows. So a million changes that wait cost
 * nothing but their links, which are there anyway, and a newer change takes the place of the one
 * that waits.
 *
 * Everything takes constant time, but for stands of markers that came to be neighbours because
 * all between them changed: they are passed one by one, each once by each marker behind it.
 * Plain C, one owner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* One for each handle, in an array of the user's: all zero is "not in the list". number is to be
 * read, the rest is the list's. */
struct change_link {
	uint64_t number;
	uint32_t prev, next;
};

struct changes;

struct changes_opts {
	void *links; /* the struct change_link of handle 0, which is no handle: the list's own */
	size_t stride; /* octets from one to that of the next handle */
	uint32_t max; /* handles are 1..max */
	uint16_t markers; /* most there are at a time */
};

int changes_new(const struct changes_opts *opts, struct changes **out); /* 0, -EINVAL, -ENOMEM */
void changes_free(struct changes *c); /* before the links go; NULL is fine */

/* It changed: its number from now on, which is the highest given. */
uint64_t changes_touch(struct changes *c, uint32_t handle);
/* Out of the list; fine when it is not in it. */
void changes_del(struct changes *c, uint32_t handle);
/* What changes_touch() of it will write is on its way here. */
void changes_prefetch(const struct changes *c, uint32_t handle);
uint64_t changes_number(const struct changes *c, uint32_t handle); /* its own, 0: not in it */
uint64_t changes_last(const struct changes *c); /* the highest number given, 0: none */
/* The next number, which no handle gets. */
uint64_t changes_skip(struct changes *c);
uint32_t changes_count(const struct changes *c); /* handles in the list */

/* --- markers: 1..markers, 0 is none --- */

uint32_t changes_marker_new(struct changes *c); /* before all changes; 0: none left */
void changes_marker_free(struct changes *c, uint32_t marker);
/* The first handle behind the marker, 0: there is none; it stays where it is. */
uint32_t changes_peek(const struct changes *c, uint32_t marker);
/* The same, and the marker stands behind it. */
uint32_t changes_next(struct changes *c, uint32_t marker);
/* Every change up to this number is before the marker, or has been overtaken by one behind it. */
uint64_t changes_at(const struct changes *c, uint32_t marker);
/* To where another one stands, in front of all changes, behind all. */
void changes_rewind(struct changes *c, uint32_t marker, uint32_t to);
void changes_to_start(struct changes *c, uint32_t marker);
void changes_to_end(struct changes *c, uint32_t marker);
