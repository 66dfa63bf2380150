/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a Binding Update stands in its mobile node's own order: too old, or which epoch and number
 * its content gets, so that it is newer than everything accepted before, here and wherever that
 * was heard of. A mobile node keeps one series of numbers for each home agent address (RFC 6275,
 * 11.1); a new epoch begins where it turns from one address, or one kind of order, to another.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "records/records.h"
#include "records/version.h"

struct seen_value;

struct order_facts {
	/* the record of the home address, a tombstone too; NULL: there is none */
	const struct content_version *content;
	enum record_order order; /* and its kind */
	bool is_live; /* no tombstone */
	bool is_same_ha; /* it was registered with the address that this update came to */

	/* last seen of (home address, that address); NULL: none */
	const struct seen_value *seen;
	uint32_t epoch; /* the highest of all pairs of the home address: seen_epoch() */
	bool remembers; /* numbers count without a record, too: the domain's remember-sequence */

	/* the update */
	bool is_deregistration;
	enum record_order by;
	uint64_t number; /* RECORD_BY_SEQUENCE: 16 bits; RECORD_BY_STAMP: the timestamp */
};

enum order_verdict {
	ORDER_TOO_OLD, /* out->ext_seq: the last accepted, whose low 16 bits are for the answer */
	ORDER_NEWER,
	/* a de-registration at another address than the record's, which stays as it is: only
	 * what was last seen of the pair changes, to out */
	ORDER_ELSEWHERE,
};

struct order_result {
	uint64_t ext_seq;
	uint32_t epoch; /* from 1 on */
};

enum order_verdict order_judge(const struct order_facts *f, struct order_result *out);

/* The version of an update that was accepted at `self`, and the claim of its owner. */
struct content_version order_content(const struct order_result *r, uint64_t hlc, uint8_t self);
struct owner_version order_claim(const struct content_version *content);
/* A claim without a new update: takeover, drain, hand-back, by hand. */
struct owner_version order_raise(const struct owner_version *owner, uint8_t to);
