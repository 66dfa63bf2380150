/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is told of a record to whoever must know it without having been there: the store, and
 * other sites. No handle, no monotonic clock of this run; the domain's number belongs to a table
 * of names that goes with the images. Pure.
 *
 * As octets, all numbers big-endian:
 *
 *      0  form, 1
 *      1  state
 *      2  domain
 *      4  sequence number
 *      6  flags
 *      8  lifetime granted, seconds
 *     12  end, milliseconds by the clock that goes with the images
 *     20  first registered, the same
 *     28  home address
 *     44  home agent address
 *     60  care-of address
 *     76  fields: number, length of the value, value; in the order of their numbers
 *
 * A field that a reader does not know is skipped, unless its number is 128 or more: then the
 * record is not to be understood without it. What cannot be said by fields gets another form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "records/records.h"

#define RECORD_IMAGE_MAX 434 /* octets of the longest one that is written */

struct record_image {
	struct ip6_addr hoa, ha, coa;
	uint64_t ends_ms, since_ms;
	uint64_t ntp_last; /* highest timestamp accepted from the mobile node, 0: none */
	uint64_t packets_to, bytes_to, packets_from, bytes_from;
	uint64_t session; /* accounting's number of it, 0: none */
	uint32_t lifetime_s; /* at most RECORD_LIFETIME_MAX_S */
	uint16_t domain;
	uint16_t seq;
	uint16_t flags;
	uint8_t state; /* enum record_state */

	/* in a mesh; content.node 0: it never was in one, and none of these is there */
	uint8_t order; /* enum record_order */
	struct owner_term remaining_by;
	bool alone; /* acknowledged while no other site had it */
	struct content_version content;
	struct owner_version owner;
	uint8_t extra_len;
	const uint8_t *extra; /* fields of wire.h's that this release does not know; borrowed */
};

/* Returns the length. */
size_t record_image_encode(const struct record_image *r, uint8_t buf[static RECORD_IMAGE_MAX]);

/* out->extra points into buf. 0; -EBADMSG: no record, whoever wrote it; -ENOTSUP: of a form, or with a field, that this
 * version does not understand. */
int record_image_decode(const uint8_t *buf, size_t len, struct record_image *out);
