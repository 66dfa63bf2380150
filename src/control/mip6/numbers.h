/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * remember-sequence without a mesh: the last sequence number of a mobile node outlives its binding,
 * where nothing else keeps an old Binding Update from being taken once more (RFC 6275, 15.3). While
 * there is a record that has the number; when it goes it is noted here, and the store has it. In a
 * mesh all numbers are in one table of all sites (mesh_seen_table()). Control core only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/ctl_priv.h"

struct record;
struct seen;
struct sub;

/* *out NULL: no domain remembers, or there is a mesh. 0 or -ENOMEM. */
int numbers_new(struct ctl *ctl, struct seen **out);

/* Is this mobile node's number remembered? sub: whose it is, NULL: nobody's any more. */
bool numbers_are_kept(const struct ctl *ctl, uint16_t domain, const struct sub *sub);

/* The number that a message of it has to follow; false: any. rec: its record, or NULL. */
bool numbers_last(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct record *rec, uint16_t *seq);

/* Of a record that goes, or is not taken from the store: at the domain's home agent address, the only
 * one there is without a mesh. Nothing, where none of the mobile prefixes has hoa. */
void numbers_note(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa, uint16_t seq);

/* So few records end a turn where each has to find room: 1 ms, of two tries at 60 us each. */
#define NUMBERS_FULL_SLICE 8
bool numbers_are_full(const struct ctl *ctl);
