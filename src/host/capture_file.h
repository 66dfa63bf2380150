/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture as a pcapng file: an interface for each port; "dropped" for packets that were dropped
 * inside, as they were at that moment, with the reason; "control" for those that were handed to
 * an engine, with their queue. Frames that a port refused, or that found no room on their way
 * out, stand at their port with the reason. Comments begin with "drop=" and "punt=". One owner.
 */
#pragma once

#include "common/jw.h"
#include "dataplane/watch.h"

struct capture_file;

int capture_file_new(struct watch *w, uint32_t snaplen, struct capture_file **out); /* -ENOMEM */
void capture_file_free(struct capture_file *f); /* NULL is fine */

bool capture_file_has_room(const struct capture_file *f); /* for another packet of any size */
/* A record of the watch, which must be on: len octets. */
void capture_file_add(struct capture_file *f, const struct watch_frame *frame, uint32_t len);
/* What was added goes out: {"octets":N}, and the octets. */
void capture_file_flush(struct capture_file *f, struct jw *out);
/* The same with the statistics behind it. */
void capture_file_end(struct capture_file *f, struct jw *out);
