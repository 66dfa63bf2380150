/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store's files share: store.c its thread, store_open.c the start, store_fold.c one file
 * made of many. Belongs to who opened it until the thread runs, then to the thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/store.h"
#include "host/store_dir.h"
#include "host/store_file.h"
#include "records/image.h"
#include "records/seen.h"

#define STORE_BATCH       512 /* items for one write() */
#define STORE_LOOK_S      2 /* between two looks whether it is still there */
#define STORE_RETRY_MIN_S 1
#define STORE_RETRY_MAX_S 60

struct old_file {
	uint64_t number, length;
	bool is_cut; /* its mark says, or may say, that it needs none before it: store_look.c */
};

struct store {
	struct store_dir dir;
	struct store_opts opts;
	struct feed *feed;
	struct store_moment began; /* when it was opened */
	uint64_t known_ms[STORE_DOMAINS_MAX]; /* by number, by clock_ms' clock: since when */
	struct store_writer w;
	bool is_cut; /* so does w's */
	uint64_t next_number;
	struct old_file old[STORE_FILES_MAX]; /* those before w that are still needed */
	uint32_t old_count;

	uint64_t taken; /* items, ever */
	uint64_t mark; /* of the last one written */
	bool dirty; /* something is written and not forced to disk */
	uint64_t sync_us; /* when the last sync began */
	bool failed;
	bool has_lost; /* something that is not told anew yet */
	bool has_records; /* in w */
	bool has_gap; /* between those in w something was lost */
	bool walking; /* all records are coming, from FEED_BEGIN on, and none was lost */
	uint64_t look_us; /* when to look whether it is still there */
	uint64_t retry_us;
	uint32_t retry_s;
	int error_told; /* of this failure, in the log */

	int wake_fd;
	atomic_bool stopping;
	bool running;
	pthread_t thread;
	uint8_t buf[STORE_BATCH * (FRAME_HEAD + RECORD_IMAGE_MAX)]; /* frames on their way */
};

/* --- store.c --- */
void store_file_opts(const struct store *s, struct store_file_opts *out); /* of the next one */
/* Begins the file that is written from now on. 0 or -errno. */
int store_new_file(struct store *s);
/* What is in the file stays good; what was handed over and is not in it is lost, until all is
 * written anew. */
void store_fail(struct store *s, int error, const char *what);
/* The same; why says it all. */
void store_fail_why(struct store *s, int error, const char *why);
/* A frame of a pair last seen; its length. */
size_t store_frame_seen(uint8_t frame[static FRAME_HEAD + FRAME_SEEN_MAX],
	const struct seen_pair *p, uint32_t nonce);
/* The first so many of the files before the next one are needed for nothing. */
void store_remove_old(struct store *s, uint32_t count);
/* Removes the name of the file that is written. False: a directory has it, and the next file needs
 * another one. (After another failure the next one takes it.) */
bool store_unlink_written(const struct store *s);
void store_on_wake(void *store); /* a feed_wake_fn */

/* --- store_look.c --- */
/* All its files are where the next start looks for them. */
bool store_is_there(const struct store *s);
/* Where they are not: forgets what has gone, and opens the directory anew. 0, or -errno with a line
 * in err and all as it was, but that a start may believe less than all: taken back by the next call
 * that finds the missing file again. */
int store_come_back(struct store *s, char *err, size_t err_len);

/* --- store_fold.c --- */
/* Makes one file of all old ones, without which it is whole. 0 or -errno: all is as it was. Reads
 * and writes everything: only where there are too many. */
int store_fold(struct store *s);
