/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trace or a capture on its way to a client: takes what workers wrote into the watch and makes
 * what the client reads of it. A trace is JSON documents, one a packet, in the end
 * {"traced":N,"lost":N}. A capture is a pcapng file in pieces: a line {"octets":N} and N octets,
 * in the end {"captured":N,"lost":N}. It ends when it has as many packets as were asked for, when
 * its time is over, or when told; so it says to the watch, and control takes that off.
 *
 * What does not get to the client in time stays in the workers' rings until they are full: a
 * client that does not read loses packets, and nothing else happens. One owner, api's thread.
 */
#pragma once

#include "control/ctl.h"

struct stream;

/* lanes: dp_watch_lanes(). 0 or -ENOMEM. */
int stream_new(const struct ctl_req *req, uint16_t lanes, uint64_t now_ms, struct stream **out);
void stream_free(struct stream *s); /* no worker may see its watch any more; NULL is fine */
struct watch *stream_watch(struct stream *s);
void stream_stop(struct stream *s); /* the client has enough, or is gone */

/* Appends to out what there is, about CTL_SLICE_BYTES; true: there was something. */
bool stream_pump(struct stream *s, struct jw *out, uint64_t now_ms);
/* After the watch is off: the same with the rest; false: there is no more, the last document is
 * out. */
bool stream_end(struct stream *s, struct jw *out, uint64_t now_ms);
void stream_counts(const struct stream *s, uint64_t *packets, uint64_t *lost);
