/* SPDX-License-Identifier: BSD-3-Clause */
/* A Binding Update under way: bu.c gathers and judges, change.c carries out what was judged, reply.c
 * sends the answer. Control core only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "control/mip6/rules.h"
#include "records/order.h"

struct ctl;
struct mip6_answer;
struct record;

struct bu {
	struct mip6_facts f;
	struct mip6_verdict v;
	struct ip6_addr agent; /* the home agent address that was asked, which answers */
	uint16_t domain; /* f.domain's number */
	struct order_result order; /* in a mesh: its version, if it is accepted */
};

/* What it changed. */
struct bu_change {
	struct record *rec; /* of its home address; NULL: there is none */
	bool is_accepted; /* its number was taken */
	bool waits; /* in a mesh: its answer must wait for other sites (mesh_accepted()) */
};

/* Workers, record, and what was last seen of the mobile node; c->rec: the record as it was found. 0;
 * -ENOSPC: a shortage that passes, nothing changed. */
int bu_carry_out(struct ctl *ctl, const struct bu *b, struct bu_change *c);

/* Sends the answer when it may go. */
void bu_reply(struct ctl *ctl, const struct bu *b, const struct bu_change *c,
	const struct mip6_answer *a);
