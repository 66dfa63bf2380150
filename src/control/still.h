/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcores stand still, as control sees it: hello, which looks too (mesh/beat.h), runs on one of
 * them and cannot say so when it is that one; and there may be no mesh. A site with one of them must
 * attract no packets, as a share of those is lost in it.
 *
 * No I/O, no clock. One owner, the control core; its own lcore is not looked at, as a control core
 * that stands still looks at nothing: then hello falls silent, and nobody gets an answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* It is looked this often. An lcore takes microseconds for a turn, and limits are half a second. */
#define STILL_LOOK_MS 50

struct still;

struct still_opts {
	uint32_t limit_ms; /* an lcore that finishes no turn for longer is wedged */
	uint32_t lcores;
	uint32_t own; /* of these, control's */
	uint64_t (*turns)(void *ctx, uint32_t lcore); /* that it has finished */
	uint32_t (*number)(void *ctx, uint32_t lcore); /* for people */
	void *ctx;
};

/* Of an lcore. */
struct still_lcore {
	uint32_t number;
	uint64_t ms; /* since it finished a turn; 0: it goes on */
};

int still_new(const struct still_opts *o, struct still **out); /* 0 or -ENOMEM */
void still_free(struct still *s); /* NULL is fine, here and below: all go on */

void still_run(struct still *s, uint64_t now_ms); /* looks when it is time to */
uint64_t still_ms(const struct still *s, uint32_t lcore);
struct still_lcore still_most(const struct still *s); /* the one that stands still for longest */
bool still_is_wedged(const struct still *s); /* that one, for longer than limit_ms */
