/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the files that make streams to a peer: where a stream's items come from, one piece of it,
 * what was acknowledged of it, how fast it goes. The control core's alone.
 */
#pragma once

#include "sync/engine_priv.h"

/* What one piece is made from. It holds records or pairs. */
struct piece {
	struct out *out;
	enum message_stream stream;
	uint32_t *mark; /* where to take it from; moves on */
	uint64_t first, limit; /* positions to be told at most */
	uint64_t last; /* told */
	uint32_t items;
	bool is_whole; /* all up to limit is in it */
};

/* --- piece.c --- */

/* The list that a stream of changes or pairs comes from. */
struct changes *stream_list(struct engine *e, enum message_stream s);
/* What lies behind the mark, and at which position; 0: nothing. */
uint32_t stream_peek(struct engine *e, enum message_stream s, uint32_t mark, uint64_t *pos);
void stream_pass(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t handle);
void stream_move_mark(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t to);
/* One datagram; false: there was nothing to say. A piece without items is sent only when it closes
 * something: a gap, or a part of a snapshot. */
bool piece_send(
	struct engine *e, struct peer *p, struct piece *x, bool even_empty, uint32_t *budget);

/* --- acked.c --- */

/* acked_mark follows what was acknowledged, in slices. */
void acked_follow(struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget);

/* --- pace.c --- */

/* How long it takes until a peer has said what became of a datagram. */
uint32_t pace_answer_ms(const struct peer *p);
uint32_t pace_under_way(const struct peer *p); /* datagrams */
bool pace_may_send(const struct peer *p);
void pace_slow_down(struct engine *e, struct peer *p);
void pace_heard(struct engine *e, struct peer *p, const struct message_ack *m);
