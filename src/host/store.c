/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "host/store_priv.h"
#include "net/cursor.h"
#include "records/feed.h"
#include "records/wire.h"

#define TAG "store"

#define SPARE_BYTES (1U << 20) /* besides a copy of all there is: less is a full disk */

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t disk_bytes(const struct store *s)
{
	uint64_t sum = s->w.fd >= 0 ? s->w.length : 0;

	for (uint32_t i = 0; i < s->old_count; i++)
		sum += s->old[i].length;
	return sum;
}

static void tell_files(struct store *s)
{
	feed_stat_set(s->feed, FEED_STAT_FILES, s->old_count + (s->w.fd >= 0));
	feed_stat_set(s->feed, FEED_STAT_DISK_BYTES, disk_bytes(s));
}

/* --- failing and coming back --- */

/* Once, again when the reason is another one, and each time when it has lasted long. */
static void say_failure(struct store *s, bool is_news, int error, const char *why)
{
	if (!is_news && error == s->error_told && s->retry_s < STORE_RETRY_MAX_S)
		return;
	s->error_told = error;
	log_warn(TAG, "bindings are not being kept: %s; hamd goes on, and tries again path=%s", why,
		s->dir.path);
}

void store_fail_why(struct store *s, int error, const char *why)
{
	bool is_news = !s->failed;

	s->retry_us = clock_us() + s->retry_s * 1000000ULL;
	/* counted last: whoever sees the failure counted must see that it lasts, and why */
	feed_stat_set(s->feed, FEED_STAT_ERRNO, (uint64_t)-error);
	feed_stat_set(s->feed, FEED_STAT_FAILED_MS, unix_ms());
	feed_stat_set(s->feed, FEED_STAT_FAILED, 1);
	if (is_news)
		feed_stat_add(s->feed, FEED_STAT_FAILURES, 1);
	feed_fail(s->feed);
	s->failed = s->has_lost = true;
	s->has_gap = s->has_records;
	s->walking = false;
	s->dirty = false;
	say_failure(s, is_news, error, why);
	s->retry_s = s->retry_s * 2 < STORE_RETRY_MAX_S ? s->retry_s * 2 : STORE_RETRY_MAX_S;
}

void store_fail(struct store *s, int error, const char *what)
{
	char why[128];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(-error));
	store_fail_why(s, error, why);
}

/* No more than a try: on a disk that is read-only, or gone, the old mark stays. The new one
 * claims no more of the file than the old one: after a failure nobody knows what is there. */
static void mark_lost(struct store *s)
{
	(void)store_writer_flag(&s->w, s->w.mark.flags | SEGMENT_LOST);
}

bool store_unlink_written(const struct store *s)
{
	char name[STORE_NAME_LEN];

	store_file_name(s->w.number, name);
	return unlinkat(s->dir.fd, name, 0) == 0 || errno != EISDIR;
}

/* It goes, and makes room for the next: a start would ask for those before it, which somebody may
 * remove before there is a next one. That it was there says of them that they are not the last word:
 * they have to say so themselves. */
static void retire_empty(struct store *s)
{
	if (s->old_count > 0 &&
		store_file_set_lost(s->dir.fd, s->old[s->old_count - 1].number) < 0) {
		s->next_number = s->w.number; /* the next one takes its name */
		return;
	}
	if (store_unlink_written(s))
		s->next_number = s->w.number;
}

/* The file is not to be gone on with. */
static void retire(struct store *s)
{
	if (s->w.fd < 0)
		return;
	if (s->has_records || (s->w.mark.flags & SEGMENT_WHOLE) != 0)
		s->old[s->old_count++] = (struct old_file){ s->w.number, s->w.length };
	else
		retire_empty(s);
	store_writer_close(&s->w);
}

void store_file_opts(const struct store *s, struct store_file_opts *out)
{
	*out = (struct store_file_opts){
		.dir_fd = s->dir.fd,
		.number = s->next_number,
		.domains = s->opts.domains,
		.domain_count = s->opts.domain_count,
		.known_ms = s->known_ms,
		.waits = s->opts.waits,
		.clock_ms = s->opts.clock_ms,
		.flags = (s->has_lost ? SEGMENT_LOST : 0) |
			 (s->old_count == 0 ? SEGMENT_WHOLE : 0), /* there is none that it needs */
	};
	memcpy(out->boot, s->began.boot, sizeof(out->boot));
}

int store_new_file(struct store *s)
{
	struct store_file_opts opts;
	int ret = 0;

	if (s->old_count + 1 >= STORE_FILES_MAX)
		ret = store_fold(s);
	if (ret == 0) {
		store_file_opts(s, &opts);
		ret = store_writer_open(&s->w, &opts);
	}
	if (ret == 0) {
		s->next_number++;
		s->has_records = s->has_gap = false;
	}
	tell_files(s);
	return ret;
}

void store_remove_old(struct store *s, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char name[STORE_NAME_LEN];

		store_file_name(s->old[i].number, name);
		if (unlinkat(s->dir.fd, name, 0) < 0 && errno != ENOENT)
			log_warn(TAG, "cannot remove a file that is not needed: %s file=%s/%s",
				strerror(errno), s->dir.path, name);
	}
	s->old_count -= count;
	memmove(s->old, s->old + count, s->old_count * sizeof(s->old[0]));
}

static int check_space(const struct store *s)
{
	struct statvfs st;

	if (fstatvfs(s->dir.fd, &st) < 0)
		return -errno;
	return st.f_bavail * (uint64_t)st.f_frsize < disk_bytes(s) + SPARE_BYTES ? -ENOSPC : 0;
}

static void recover(struct store *s)
{
	char why[sizeof(s->dir.path) + 128];
	int ret = store_come_back(s, why, sizeof(why));

	if (ret < 0) {
		store_fail_why(s, ret, why);
		return;
	}
	ret = check_space(s);
	if (ret == 0 && s->w.fd < 0)
		ret = store_new_file(s);
	if (ret < 0) {
		store_fail(s, ret, "a new file");
		return;
	}
	s->failed = false;
	feed_set_synced(s->feed, s->mark, s->taken); /* nothing waits for the disk */
	feed_want_all(s->feed); /* before it is said that all is well */
	feed_stat_set(s->feed, FEED_STAT_FAILED, 0);
	log_info(TAG, "bindings are being kept again, all of them are written anew path=%s",
		s->dir.path);
}

/* A file that took a part of a batch can be gone on with when that part is taken away; one that
 * failed to reach the disk cannot: nobody knows what of it is there. */
static void fail_append(struct store *s, int error)
{
	bool is_whole = (s->w.mark.flags & SEGMENT_WHOLE) != 0;
	int ret = store_writer_mend(&s->w);

	mark_lost(s);
	if (ret < 0 || is_whole)
		retire(s);
	store_fail(s, error, "writing");
}

static void fail_sync(struct store *s, int error)
{
	mark_lost(s);
	retire(s);
	store_fail(s, error, "forcing to disk");
}

/* --- writing --- */

static int sync_file(struct store *s, uint32_t flags)
{
	uint64_t took;
	int ret;

	s->sync_us = clock_us();
	ret = store_writer_sync(&s->w, flags);
	took = clock_us() - s->sync_us;
	feed_stat_add(s->feed, FEED_STAT_SYNCS, 1);
	feed_stat_set(s->feed, FEED_STAT_SYNC_US, took);
	if (took > feed_stat(s->feed, FEED_STAT_SYNC_LONGEST_US))
		feed_stat_set(s->feed, FEED_STAT_SYNC_LONGEST_US, took);
	if (ret < 0) {
		fail_sync(s, ret);
		return ret;
	}
	s->dirty = false;
	feed_set_synced(s->feed, s->mark, s->taken);
	return 0;
}

static int sync_on(struct store *s)
{
	return sync_file(s, s->w.mark.flags);
}

static bool is_sync_due(const struct store *s, uint64_t now_us)
{
	return s->dirty && now_us >= s->sync_us + s->opts.sync_ms * 500ULL;
}

/* All records follow. A file that was made for them will do, after a start or a failure, unless
 * it has a gap: a binding that ended in there would come back. */
static void begin_all(struct store *s)
{
	int ret;

	if (s->has_gap || (s->w.mark.flags & SEGMENT_WHOLE) != 0) {
		if (sync_on(s) < 0)
			return;
		retire(s);
		ret = store_new_file(s);
		if (ret < 0) {
			store_fail(s, ret, "a new file");
			return;
		}
	}
	s->walking = true;
}

/* All records are in the file: on disk, marked, and the mark on disk, before anything goes. The
 * end of a walk that a failure broke off is the end of nothing. */
static void end_all(struct store *s)
{
	if (!s->walking)
		return;
	s->walking = false;
	if (sync_file(s, SEGMENT_WHOLE) < 0 || sync_on(s) < 0)
		return;
	store_remove_old(s, s->old_count);
	s->has_lost = false;
	s->retry_s = STORE_RETRY_MIN_S;
	feed_stat_add(s->feed, FEED_STAT_CHECKPOINTS, 1);
	tell_files(s);
}

static_assert(FRAME_SEEN_MAX == 2 + SEEN_WIRE_MAX && FRAME_SEEN_MAX <= RECORD_IMAGE_MAX, "room");

size_t store_frame_seen(uint8_t frame[static FRAME_HEAD + FRAME_SEEN_MAX],
	const struct seen_pair *p, uint32_t nonce)
{
	struct net_wr w = net_wr_init(frame + FRAME_HEAD, FRAME_SEEN_MAX);
	bool has_room;

	net_wr_u16(&w, p->domain);
	has_room = seen_wire_put(&w, p);
	assert(has_room);
	(void)has_room;
	return frame_seal(frame, FRAME_SEEN, (uint16_t)net_wr_len(&w), nonce);
}

static size_t put_frame(const struct store *s, uint8_t *frame, const struct feed_item *it)
{
	if (it->kind == FEED_MARK)
		return 0;
	if (it->kind == FEED_SEEN)
		return store_frame_seen(frame, &it->pair, s->w.nonce);
	return frame_seal(frame, FRAME_RECORD,
		(uint16_t)record_image_encode(&it->image, frame + FRAME_HEAD), s->w.nonce);
}

static bool is_bracket(const struct feed_item *it)
{
	return it->kind == FEED_BEGIN || it->kind == FEED_END;
}

/* Puts what waits, up to the begin or the end of everything, into the buffer. How many. */
static uint32_t fill(struct store *s, size_t *len, uint64_t *mark)
{
	const struct feed_item *it;
	uint32_t n = 0;

	*len = 0;
	while (n < STORE_BATCH && (it = feed_peek(s->feed, n)) != NULL && !is_bracket(it)) {
		*len += put_frame(s, s->buf + *len, it);
		*mark = it->mark;
		n++;
	}
	return n;
}

static uint32_t write_records(struct store *s)
{
	uint64_t mark = 0;
	size_t len;
	uint32_t n = fill(s, &len, &mark);
	int ret;

	if (n == 0)
		return 0;
	ret = len > 0 ? store_writer_append(&s->w, s->buf, len) : 0;
	if (ret < 0) {
		fail_append(s, ret); /* before they are taken: their mark is not written */
	} else {
		s->mark = mark;
		s->dirty = true; /* also where nothing was: the mark is to be on disk, too */
		s->has_records |= len > 0;
		feed_set_written(s->feed, mark);
		feed_stat_add(s->feed, FEED_STAT_RECORDS, n);
		feed_stat_add(s->feed, FEED_STAT_BYTES, len);
		tell_files(s);
	}
	return n;
}

/* True: something was taken. */
static bool work(struct store *s)
{
	const struct feed_item *it = feed_peek(s->feed, 0);
	uint32_t n = 1;

	if (it == NULL)
		return false;
	if (s->failed)
		;
	else if (it->kind == FEED_BEGIN)
		begin_all(s);
	else if (it->kind == FEED_END)
		end_all(s);
	else
		n = write_records(s);
	s->taken += n;
	feed_take(s->feed, n);
	return true;
}

/* --- the thread --- */

void store_on_wake(void *store)
{
	struct store *s = store;

	eventfd_write(s->wake_fd, 1);
}

static uint64_t next_us(const struct store *s)
{
	uint64_t sync_us = s->sync_us + s->opts.sync_ms * 500ULL;

	if (s->failed)
		return s->retry_us;
	return s->dirty && sync_us < s->look_us ? sync_us : s->look_us;
}

static void wait_for(struct store *s, uint64_t now_us)
{
	struct pollfd p = { .fd = s->wake_fd, .events = POLLIN };
	uint64_t until_us = next_us(s);
	uint64_t us = until_us > now_us ? until_us - now_us : 0;
	struct timespec ts = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
	eventfd_t value;

	if (!feed_may_sleep(s->feed))
		return;
	if (ppoll(&p, 1, &ts, NULL) > 0)
		eventfd_read(s->wake_fd, &value);
}

/*
 * Where files are missing, and the directory is there, the rest is made a store before anything else
 * is taken: it would not say what was said last, and the next start would not believe it. It counts
 * as a failure all the same: who asks now and then sees it by FEED_STAT_FAILURES.
 */
static void look(struct store *s, uint64_t now_us)
{
	s->look_us = now_us + STORE_LOOK_S * 1000000ULL;
	if (store_is_there(s))
		return;
	/* it may be there again, and is gone on with then: on disk, and with what follows lost */
	if (s->w.fd >= 0 && store_writer_flag(&s->w, s->w.mark.flags | SEGMENT_LOST) < 0)
		retire(s);
	store_fail(s, -ENOENT, "it was moved or removed");
	if (store_dir_is_there(&s->dir))
		recover(s);
}

/* The next start does not look for files that are missing: it needs them. */
static void look_at_end(struct store *s)
{
	if (!store_dir_is_there(&s->dir) || store_is_there(s))
		return;
	if (s->failed)
		recover(s);
	else
		look(s, clock_us());
}

static void turn(struct store *s)
{
	bool did = work(s);
	uint64_t now_us = clock_us();

	if (!s->failed && now_us >= s->look_us)
		look(s, now_us);
	if (s->failed && now_us >= s->retry_us)
		recover(s);
	else if (!s->failed && is_sync_due(s, now_us))
		sync_on(s);
	else if (!did && !s->stopping)
		wait_for(s, now_us);
}

static void *store_main(void *arg)
{
	struct store *s = arg;

	pthread_setname_np(pthread_self(), "hamd-store");
	while (!s->stopping || feed_peek(s->feed, 0) != NULL)
		turn(s);
	return NULL;
}

int store_run(struct store *s, char *err, size_t err_len)
{
	int ret = -pthread_create(&s->thread, NULL, store_main, s);

	if (ret < 0)
		snprintf(err, err_len, "store: thread: %s", strerror(-ret));
	s->running = ret == 0;
	return ret;
}

/* Twice: what was written, then the mark that says so. */
static void close_file(struct store *s, bool is_all)
{
	uint32_t end = is_all && !s->has_lost ? SEGMENT_CLOSED : SEGMENT_LOST;
	uint32_t flags = s->w.mark.flags | end;
	int ret;

	if (s->w.fd < 0 || s->failed)
		return;
	ret = store_writer_sync(&s->w, flags);
	if (ret == 0)
		ret = store_writer_sync(&s->w, flags);
	if (ret < 0)
		log_warn(TAG, "the last bindings may not be on disk: %s path=%s", strerror(-ret),
			s->dir.path);
}

void store_stop(struct store *s, bool is_all)
{
	if (s == NULL)
		return;
	if (s->running) {
		s->stopping = true;
		store_on_wake(s);
		pthread_join(s->thread, NULL);
		look_at_end(s);
		close_file(s, is_all);
		if (s->failed || s->has_lost || !is_all)
			log_warn(TAG, "stops without having kept the last bindings path=%s",
				s->dir.path);
	}
	store_writer_close(&s->w);
	store_dir_close(&s->dir);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}
