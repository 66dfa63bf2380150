/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up to which position of a stream something was refused, for each domain: what is full, or not
 * there, in one domain says nothing of the others. Domains are known by id, because a peer may send
 * what is of none of ours; those refused last are listed, and all the others share the highest
 * position that was true of one of them. Pure.
 */
#pragma once

#include <stdint.h>

/* Listed: as many as leave room for the longest record behind all acknowledgements (receive.c). */
#define REFUSED_DOMAINS 6

/* Positions, 0: nothing was refused. All zero is a new one. */
struct refused {
	uint64_t any; /* of any domain: not below the others */
	uint64_t rest; /* of a domain that is not listed */
	uint8_t count;
	struct refused_domain {
		uint32_t domain;
		uint64_t until;
	} of[REFUSED_DOMAINS];
};

/* Something of that domain at this position, or in front of it. */
void refused_note(struct refused *r, uint32_t domain, uint64_t at);
/* The same of every domain. */
void refused_note_all(struct refused *r, uint64_t at);
void refused_add(struct refused *r, const struct refused *more);
uint64_t refused_of(const struct refused *r, uint32_t domain);
