/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a configuration to the set of its subscribers (records/subs.h): mobile-nodes, ranges, and
 * subscribers files, which are read line by line as a stream. Blocks for as long as that takes: for
 * main before anything runs and for a thread of its own afterwards.
 *
 * Memory beside the set: a buffer of 64 KiB. Keys pass through libsodium's guarded memory only.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct conf;
struct subs;

/*
 * 0 and *out, or -errno and one line in err, "msp1.jsonl:4711: auth.spi: ...". conf: as conf_load()
 * left it, with its keys. stop: NULL, or a flag that somebody may set, which ends it with
 * -ECANCELED.
 */
int subscribers_load(const struct conf *conf, const atomic_bool *stop, struct subs **out, char *err,
	size_t err_len);
/* What an operator should know of it, a line each for every start and reload, beside
 * conf->warnings: print(ctx, line). */
void subscribers_warn(const struct conf *conf, const struct subs *subs,
	void (*print)(void *ctx, const char *line), void *ctx);
