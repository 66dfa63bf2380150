/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The octets of one record, and of one pair last seen, between sites. Numbers of fixed length are
 * big-endian; "n" are numbers as in records/varint.h. So each value has exactly one form.
 *
 *      length n       of all that follows, at most RECORD_WIRE_BODY_MAX
 *      marks 1        1 tombstone, 2 RECORD_BY_STAMP, 4, 8 and 16 as below; any other: refused
 *      flags 2        of the Binding Update
 *      hoa 16
 *      ha             how many first octets are hoa's (1), the others
 *      coa 16         not with mark 4, then it is unspecified
 *      content        epoch n, ext_seq n, hlc 8, node 1
 *      owner          not with mark 8 (then as order_claim() makes it): epoch n, ext_seq n,
 *                     term n, node 1
 *      granted n      seconds
 *      remaining n    milliseconds
 *      remaining_by   only with mark 16 (else the owner's): term n, node 1, 0: nobody's
 *      fields         number 1, length 1, value; in the order of their numbers
 *
 * Fields: 1, the last RFC 4285 timestamp (8); 2, path MTU to coa (2) and since how many seconds it
 * is known (2).
 *
 * A pair: length n, marks 1, hoa 16, ha, epoch n, ext_seq n, fields (1: timestamp). Its fields that
 * are not known are skipped, unless their number is 128 or more.
 *
 * A field of a record that is not known is kept with the record and passed on, unless its number
 * is 128 or more: then the record is refused, because it is not to be understood without it. An
 * ordinary record takes some 75 octets, 100 at most: the oldest encodings that must be understood
 * are vectors in test/unit/records/wire_test.c. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/cursor.h"

struct record_copy;
struct seen_pair;

#define RECORD_WIRE_BODY_MAX 460 /* all that is known at its longest, and RECORD_EXTRA_MAX */
#define RECORD_WIRE_MAX      (RECORD_WIRE_BODY_MAX + 2)
#define SEEN_WIRE_MAX        80

/* As a whole, or false: there is no room, and nothing was written. */
bool record_wire_put(struct net_wr *w, const struct record_copy *c);
bool seen_wire_put(struct net_wr *w, const struct seen_pair *p);

/*
 * 0; -ENOTSUP: with something that this release does not understand, the cursor is behind it;
 * -EBADMSG: none at all, the rest of the message is of no use. out->extra points into the message.
 * Addresses are whatever was sent: whether they may be there is for whoever knows the domain.
 */
int record_wire_get(struct net_rd *r, struct record_copy *out);
int seen_wire_get(struct net_rd *r, struct seen_pair *out);
