/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store.h"

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
#include "host/store_dir.h"
#include "host/store_file.h"
#include "records/feed.h"

#define TAG "store"

#define BATCH       512 /* items for one write() */
#define RETRY_MIN_S 1
#define RETRY_MAX_S 60
#define SPARE_BYTES (1U << 20) /* besides a copy of all there is: less is a full disk */
#define BOOT_ID     "/proc/sys/kernel/random/boot_id"

struct old_file {
	uint64_t number, length;
};

struct store {
	struct store_dir dir;
	struct store_opts opts;
	struct feed *feed;
	uint8_t boot[SEGMENT_BOOT_LEN];
	struct store_writer w;
	uint64_t next_number;
	struct old_file old[STORE_FILES_MAX]; /* those before w that are still needed */
	uint32_t old_count;

	uint64_t taken; /* items, ever */
	uint64_t mark; /* of the last one written */
	bool dirty; /* something is written and not forced to disk */
	uint64_t sync_us; /* when the last sync began */
	bool failed;
	bool has_records; /* in w */
	bool has_gap; /* between those in w something was lost */
	bool walking; /* all records are coming, from FEED_BEGIN on, and none was lost */
	uint64_t retry_us;
	uint32_t retry_s;

	int wake_fd;
	atomic_bool stopping;
	bool running;
	pthread_t thread;
	uint8_t buf[BATCH * (FRAME_HEAD + RECORD_IMAGE_MAX)];
};

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

/* What is in the file stays good; what was handed over and is not in it is lost, until all is
 * written anew. */
static void fail(struct store *s, int error, const char *what)
{
	bool is_news = !s->failed;

	/* told first: whoever sees the failure counted must see that it lasts */
	feed_stat_set(s->feed, FEED_STAT_FAILED, 1);
	feed_fail(s->feed);
	feed_stat_set(s->feed, FEED_STAT_ERRNO, (uint64_t)-error);
	feed_stat_set(s->feed, FEED_STAT_FAILED_MS, unix_ms());
	if (is_news)
		feed_stat_add(s->feed, FEED_STAT_FAILURES, 1);
	s->failed = true;
	s->has_gap = s->has_records;
	s->walking = false;
	s->dirty = false;
	s->retry_us = clock_us() + s->retry_s * 1000000ULL;
	if (is_news || s->retry_s == RETRY_MAX_S)
		log_warn(TAG,
			"bindings are not being kept: %s: %s; hamd goes on, and tries again "
			"path=%s",
			what, strerror(-error), s->dir.path);
	s->retry_s = s->retry_s * 2 < RETRY_MAX_S ? s->retry_s * 2 : RETRY_MAX_S;
}

/* No more than a try: on a disk that is read-only, or gone, the old mark stays. The new one
 * claims no more of the file than the old one: after a failure nobody knows what is there. */
static void mark_lost(struct store *s)
{
	(void)store_writer_flag(&s->w, s->w.mark.flags | SEGMENT_LOST);
}

/* The file is not to be gone on with. */
static void retire(struct store *s)
{
	if (s->w.fd < 0)
		return;
	s->old[s->old_count++] = (struct old_file){ s->w.number, s->w.length };
	store_writer_close(&s->w);
}

static int new_file(struct store *s, uint32_t flags)
{
	struct store_file_opts opts = {
		.dir_fd = s->dir.fd,
		.number = s->next_number,
		.domains = s->opts.domains,
		.domain_count = s->opts.domain_count,
		.flags = flags,
	};
	int ret;

	if (s->old_count + 1 >= STORE_FILES_MAX)
		return -EMFILE;
	memcpy(opts.boot, s->boot, sizeof(opts.boot));
	ret = store_writer_open(&s->w, &opts);
	if (ret == 0) {
		s->next_number++;
		s->has_records = s->has_gap = false;
	}
	tell_files(s);
	return ret;
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
	int ret = check_space(s);

	if (ret == 0 && s->w.fd < 0)
		ret = new_file(s, 0);
	if (ret < 0) {
		fail(s, ret, "a new file");
		return;
	}
	s->failed = false;
	feed_set_synced(s->feed, s->mark, s->taken); /* nothing waits for the disk */
	feed_stat_set(s->feed, FEED_STAT_FAILED, 0);
	feed_want_all(s->feed);
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
	fail(s, error, "writing");
}

static void fail_sync(struct store *s, int error)
{
	mark_lost(s);
	retire(s);
	fail(s, error, "forcing to disk");
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
		ret = new_file(s, 0);
		if (ret < 0) {
			fail(s, ret, "a new file");
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
	for (uint32_t i = 0; i < s->old_count; i++) {
		char name[STORE_NAME_LEN];

		store_file_name(s->old[i].number, name);
		if (unlinkat(s->dir.fd, name, 0) < 0 && errno != ENOENT)
			log_warn(TAG, "cannot remove a file that is not needed: %s file=%s/%s",
				strerror(errno), s->dir.path, name);
	}
	s->old_count = 0;
	s->retry_s = RETRY_MIN_S;
	feed_stat_add(s->feed, FEED_STAT_CHECKPOINTS, 1);
	tell_files(s);
}

/* Puts records that wait, up to another kind of item, into the buffer. How many. */
static uint32_t fill(struct store *s, size_t *len, uint64_t *mark)
{
	const struct feed_item *it;
	uint32_t n = 0;

	*len = 0;
	while (n < BATCH && (it = feed_peek(s->feed, n)) != NULL && it->kind == FEED_RECORD) {
		uint8_t *frame = s->buf + *len;
		size_t body = record_image_encode(&it->image, frame + FRAME_HEAD);

		*len += frame_seal(frame, FRAME_RECORD, (uint16_t)body, s->w.nonce);
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
	ret = store_writer_append(&s->w, s->buf, len);
	if (ret < 0) {
		fail_append(s, ret); /* before they are taken: their mark is not written */
	} else {
		s->mark = mark;
		s->dirty = s->has_records = true;
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

static void on_wake(void *ctx)
{
	struct store *s = ctx;

	eventfd_write(s->wake_fd, 1);
}

static void wait_for(struct store *s, uint64_t now_us)
{
	struct pollfd p = { .fd = s->wake_fd, .events = POLLIN };
	uint64_t until_us = s->failed ? s->retry_us : s->sync_us + s->opts.sync_ms * 500ULL;
	uint64_t us = until_us > now_us ? until_us - now_us : 0;
	struct timespec ts = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
	eventfd_t value;

	if (!feed_may_sleep(s->feed))
		return;
	if (ppoll(&p, 1, s->failed || s->dirty ? &ts : NULL, NULL) > 0)
		eventfd_read(s->wake_fd, &value);
}

static void turn(struct store *s)
{
	bool did = work(s);
	uint64_t now_us = clock_us();

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
static void close_in_order(struct store *s)
{
	uint32_t flags = s->w.mark.flags | SEGMENT_CLOSED;
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

void store_stop(struct store *s)
{
	if (s == NULL)
		return;
	if (s->running) {
		s->stopping = true;
		on_wake(s);
		pthread_join(s->thread, NULL);
		close_in_order(s);
		if (s->failed)
			log_warn(TAG, "stops without having kept the last bindings path=%s",
				s->dir.path);
	}
	store_writer_close(&s->w);
	store_dir_close(&s->dir);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}

/* --- opening --- */

/* All zero when the machine does not say: then every start counts as one of the machine. */
static void read_boot_id(uint8_t boot[static SEGMENT_BOOT_LEN])
{
	FILE *f = fopen(BOOT_ID, "re");
	unsigned n = 0, digit;

	memset(boot, 0, SEGMENT_BOOT_LEN);
	if (f == NULL)
		return;
	for (int c; n < 2 * SEGMENT_BOOT_LEN && (c = fgetc(f)) != EOF;) {
		if (c == '-')
			continue;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a' + 10);
		else
			break;
		boot[n / 2] |= (uint8_t)(digit << (n % 2 == 0 ? 4 : 0));
		n++;
	}
	fclose(f);
}

/* Damaged, why stands in err. */
static int set_aside(struct store *s, struct store_start *start, char *err, size_t err_len)
{
	char why[400], to_err[400];
	int ret;

	snprintf(why, sizeof(why), "%s", err);
	if (s->opts.refuse_damage) {
		snprintf(err, err_len,
			"%s; nothing was touched: move %s away to start without its bindings", why,
			s->dir.path);
		return -EBADMSG;
	}
	ret = store_dir_move_aside(
		&s->dir, start->moved_to, sizeof(start->moved_to), to_err, sizeof(to_err));
	if (ret < 0) {
		snprintf(err, err_len, "%s; %s", why, to_err);
		return ret;
	}
	log_warn(TAG, "%s: moved aside, hamd starts without bindings moved-to=%s", why,
		start->moved_to);
	start->was_moved = start->is_new = true;
	start->found = (struct store_found){ 0 };
	return 0;
}

static int read_store(struct store *s, const struct store_reader *reader, struct store_start *start,
	char *err, size_t err_len)
{
	int ret = store_read(&s->dir, s->boot, reader, &start->found, err, err_len);

	if (ret == -EBADMSG)
		return set_aside(s, start, err, err_len);
	start->is_new = ret == 0 && start->found.last_number == 0;
	if (ret == 0 && start->found.torn > 0)
		log_info(TAG,
			"the last octets were not written to their end and are left out "
			"octets=%" PRIu64 " path=%s",
			start->found.torn, s->dir.path);
	return ret;
}

/* Files that a mark made superfluous and nobody came to remove go with the others. */
static void take_over(struct store *s, const struct store_found *found)
{
	for (uint32_t i = 0; i < s->dir.count; i++)
		s->old[s->old_count++] = (struct old_file){ s->dir.number[i], 0 };
	s->next_number = found->last_number + 1;
	if (found->is_last_empty) { /* one that is killed at each start makes no row of files */
		s->old_count--;
		s->next_number--;
	}
	if (s->old_count > 0)
		s->old[s->old_count - 1].length = found->octets;
}

static void begin_writing(struct store *s, bool is_new)
{
	int ret = new_file(s, is_new ? SEGMENT_WHOLE : 0);

	if (ret < 0)
		fail(s, ret, "a new file");
	else if (!is_new)
		feed_want_all(s->feed);
}

int store_open(const struct store_opts *opts, const struct store_reader *reader, struct store **out,
	struct store_start *start, char *err, size_t err_len)
{
	struct store *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	*start = (struct store_start){ 0 };
	snprintf(err, err_len, "store %s: %s", opts->path, strerror(ENOMEM));
	if (s == NULL)
		return ret;
	s->opts = *opts;
	s->feed = opts->feed;
	s->w.fd = s->dir.fd = -1;
	s->retry_s = RETRY_MIN_S;
	s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->wake_fd >= 0) {
		read_boot_id(s->boot);
		ret = store_dir_open(&s->dir, opts->path, err, err_len);
	}
	if (ret == 0)
		ret = read_store(s, reader, start, err, err_len);
	if (ret < 0) {
		store_stop(s);
		return ret;
	}
	take_over(s, &start->found);
	begin_writing(s, start->is_new);
	feed_on_wake(s->feed, on_wake, s);
	*out = s;
	return 0;
}
