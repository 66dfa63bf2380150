/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "host/store_dir.h"
#include "net/cursor.h"
#include "records/image.h"
#include "records/seen.h"
#include "records/wire.h"

#define CHUNK         (1U << 20)
#define NAME_MAX_LEN  255
#define DOMAIN_UNSAID (-2)

struct reading {
	const struct store_dir *dir;
	struct store_found *found;
	struct store_file file[STORE_FILES_MAX];
	char *err;
	size_t err_len;

	/* one pass over the files: to check (reader is NULL) or to tell */
	const struct store_reader *reader;
	uint64_t records, pairs, torn;
	uint64_t in_file; /* records and pairs of the file being read */
	int domain
		[STORE_DOMAINS_MAX]; /* of the file being read: today's number, or DOMAIN_UNSAID */
	uint8_t *buf;
};

static int fault(struct reading *x, const struct store_file *f, int ret, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int fault(struct reading *x, const struct store_file *f, int ret, const char *fmt, ...)
{
	char name[STORE_NAME_LEN];
	va_list ap;
	int n;

	store_file_name(f->number, name);
	n = snprintf(x->err, x->err_len, "store %s: %s: ", x->dir->path, name);
	if (n > 0 && (size_t)n < x->err_len) {
		va_start(ap, fmt);
		vsnprintf(x->err + n, x->err_len - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return ret;
}

static int no_read(struct reading *x, const struct store_file *f, int ret)
{
	return fault(x, f, ret, "cannot be read: %s", strerror(-ret));
}

static int newer(struct reading *x, const struct store_file *f)
{
	return fault(x, f, -ENOTSUP,
		"written by a newer version of hamd than this one; nothing was touched");
}

static int open_file(struct reading *x, const struct store_file *f)
{
	char name[STORE_NAME_LEN];
	int fd;

	store_file_name(f->number, name);
	/* a pipe of that name would wait for a writer */
	fd = openat(x->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 ? fd : no_read(x, f, -errno);
}

/* Fills as much as the file has; how much, or -errno. */
static ssize_t read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* --- first pages --- */

static int judge_head(struct reading *x, struct store_file *f, const uint8_t *page, size_t len)
{
	int ret = segment_head_read(page, len, &f->head);

	if (ret == -ENOTSUP)
		return newer(x, f);
	if (ret == -ENOMSG)
		return fault(x, f, -EBADMSG, "is no file of a store");
	if (ret < 0)
		return fault(x, f, -EBADMSG, "is damaged at its beginning");
	if (f->head.number != f->number)
		return fault(x, f, -EBADMSG, "was written as number %" PRIu64, f->head.number);
	if (len < SEGMENT_PAGE || segment_mark_read(page, f->head.nonce, &f->mark) < 0)
		return fault(x, f, -EBADMSG, "is damaged: no mark of what was written");
	if (f->size < f->mark.length)
		return fault(x, f, -EBADMSG,
			"is cut off: it has %" PRIu64 " octets, there were %" PRIu64, f->size,
			f->mark.length);
	return 0;
}

static int read_head(struct reading *x, struct store_file *f)
{
	uint8_t page[SEGMENT_PAGE];
	int fd = open_file(x, f);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fstat(fd, &st) < 0 ? -errno : 0;
	if (n == 0 && S_ISREG(st.st_mode))
		n = read_all(fd, page, sizeof(page));
	close(fd);
	if (n < 0)
		return no_read(x, f, (int)n);
	if (!S_ISREG(st.st_mode))
		return fault(x, f, -EBADMSG, "is no file of a store");
	f->size = (uint64_t)st.st_size;
	return judge_head(x, f, page, (size_t)n);
}

/* From the last file back to the first that needs none before it: these count. */
static int choose(struct reading *x, struct store_found *out)
{
	uint32_t n = x->dir->count, i = n;

	while (i > 0) {
		struct store_file *f = &x->file[--i];
		int ret;

		f->number = x->dir->number[i];
		ret = read_head(x, f);
		if (ret < 0)
			return ret;
		out->count++;
		if (f->mark.flags & SEGMENT_WHOLE)
			break;
		if (i == 0 || x->dir->number[i - 1] != f->number - 1)
			return fault(x, f, -EBADMSG, "needs the file before it, which is missing");
	}
	out->first = i;
	return 0;
}

static void moment_of(const struct store_file *f, struct store_moment *out)
{
	memcpy(out->boot, f->head.boot, sizeof(out->boot));
	out->real_ms = f->mark.real_ms;
	out->up_ms = f->mark.up_ms;
}

/* How long ago their last marks were written, from the newest file back. */
static void look_at_clocks(struct reading *x, const struct store_moment *now)
{
	struct store_found *out = x->found;
	struct store_moment later = *now;
	uint64_t away_ms = 0;

	for (uint32_t i = out->first + out->count; i-- > out->first;) {
		struct store_file *f = &x->file[i];
		enum store_clock clock;
		struct store_moment then;

		moment_of(f, &then);
		away_ms += store_passed_ms(&then, &later, &clock);
		f->away_ms = away_ms;
		if (out->clock == STORE_CLOCK_OK)
			out->clock = clock;
		later = then;
	}
}

/* --- frames --- */

static int take_domain(struct reading *x, const struct store_file *f, const struct frame *frame)
{
	char name[NAME_MAX_LEN + 1];
	size_t len = frame->len;
	unsigned number;

	if (len < 3 || len - 2 > NAME_MAX_LEN)
		return fault(x, f, -EBADMSG, "is damaged: the name of a domain");
	number = (unsigned)frame->body[0] << 8 | frame->body[1];
	if (number >= STORE_DOMAINS_MAX)
		return fault(x, f, -EBADMSG, "is damaged: the number of a domain");
	memcpy(name, frame->body + 2, len - 2);
	name[len - 2] = '\0';
	x->domain[number] = x->reader != NULL ? x->reader->domain(x->reader->ctx, name) : -1;
	return 0;
}

static int take_known(struct reading *x, const struct store_file *f, const struct frame *frame)
{
	struct net_rd r = net_rd_init(frame->body, frame->len);
	uint16_t number = net_rd_u16(&r);
	bool waited = net_rd_u8(&r) == 1;
	uint64_t since_ms = net_rd_u64(&r), now_ms = f->mark.at_ms + f->away_ms;
	int today;

	if (r.bad || net_rd_left(&r) > 0 || number >= STORE_DOMAINS_MAX ||
		x->domain[number] == DOMAIN_UNSAID)
		return fault(x, f, -EBADMSG, "is damaged: since when a domain is known");
	today = x->domain[number];
	if (x->reader == NULL || today < 0)
		return 0;
	x->found->known_ms[today] = now_ms > since_ms ? now_ms - since_ms : 0;
	x->found->waited[today] = waited;
	return 0;
}

static int take_record(struct reading *x, const struct store_file *f, const struct frame *frame)
{
	struct record_image image;
	int ret = record_image_decode(frame->body, frame->len, &image);

	if (ret == -ENOTSUP)
		return newer(x, f);
	if (ret < 0 || image.domain >= STORE_DOMAINS_MAX ||
		x->domain[image.domain] == DOMAIN_UNSAID)
		return fault(x, f, -EBADMSG, "is damaged: a record");
	x->records++;
	x->in_file++;
	return x->reader != NULL
		       ? x->reader->record(x->reader->ctx, x->domain[image.domain], &image)
		       : 0;
}

static int take_seen(struct reading *x, const struct store_file *f, const struct frame *frame)
{
	struct net_rd r = net_rd_init(frame->body, frame->len);
	uint16_t number = net_rd_u16(&r);
	struct seen_pair pair;
	int ret = seen_wire_get(&r, &pair);

	if (ret == -ENOTSUP)
		return newer(x, f);
	if (ret < 0 || net_rd_left(&r) > 0 || number >= STORE_DOMAINS_MAX ||
		x->domain[number] == DOMAIN_UNSAID)
		return fault(x, f, -EBADMSG, "is damaged: what was last seen of a mobile node");
	x->pairs++;
	x->in_file++;
	return x->reader != NULL ? x->reader->seen(x->reader->ctx, x->domain[number], &pair) : 0;
}

static int take_frame(struct reading *x, const struct store_file *f, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_DOMAIN:
		return take_domain(x, f, frame);
	case FRAME_RECORD:
		return take_record(x, f, frame);
	case FRAME_KNOWN:
		return take_known(x, f, frame);
	case FRAME_SEEN:
		return take_seen(x, f, frame);
	default:
		return frame->type >= FRAME_CRITICAL ? newer(x, f) : 0;
	}
}

/* The frames of buf; how many octets they take, or -errno. *ended: what follows is no frame. */
static int take_frames(
	struct reading *x, const struct store_file *f, const uint8_t *buf, size_t len, bool *ended)
{
	size_t at = 0;

	while (!*ended) {
		struct frame frame;
		int n = frame_read(buf + at, len - at, f->head.nonce, &frame);
		int ret = n > 0 ? take_frame(x, f, &frame) : 0;

		if (ret < 0)
			return ret;
		if (n == 0)
			break;
		*ended = n < 0;
		at += n > 0 ? (size_t)n : 0;
	}
	return (int)at;
}

static int read_frames(struct reading *x, const struct store_file *f, int fd)
{
	uint64_t at = SEGMENT_PAGE;
	size_t have = 0;
	bool ended = false;
	ssize_t got;

	if (lseek(fd, SEGMENT_PAGE, SEEK_SET) < 0)
		return no_read(x, f, -errno);
	do {
		int used;

		got = read_all(fd, x->buf + have, CHUNK - have);
		if (got < 0)
			return no_read(x, f, (int)got);
		have += (size_t)got;
		used = take_frames(x, f, x->buf, have, &ended);
		if (used < 0)
			return used;
		at += (uint64_t)used;
		have -= (size_t)used;
		memmove(x->buf, x->buf + used, have);
	} while (got > 0 && !ended);
	if (at < f->mark.length)
		return fault(x, f, -EBADMSG, "is damaged at octet %" PRIu64 " of %" PRIu64, at,
			f->mark.length);
	x->torn += f->size > at ? f->size - at : 0;
	return 0;
}

static int read_file(struct reading *x, const struct store_file *f)
{
	int fd = open_file(x, f), ret;

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < DIM(x->domain); i++)
		x->domain[i] = DOMAIN_UNSAID;
	x->in_file = 0;
	if (x->reader != NULL)
		x->reader->clock(x->reader->ctx, f->mark.at_ms + f->away_ms);
	ret = read_frames(x, f, fd);
	close(fd);
	return ret;
}

static int pass(struct reading *x, const struct store_reader *reader)
{
	const struct store_found *found = x->found;
	int ret = 0;

	x->reader = reader;
	x->records = x->pairs = x->torn = 0;
	for (uint32_t i = 0; ret == 0 && i < found->count; i++)
		ret = read_file(x, &x->file[found->first + i]);
	return ret;
}

static void summarize(const struct reading *x, const struct store_moment *now)
{
	const struct store_file *last = &x->file[x->dir->count - 1];
	struct store_found *out = x->found;
	struct store_moment then;

	moment_of(last, &then);
	out->records = x->records;
	out->pairs = x->pairs;
	out->torn = x->torn;
	for (uint32_t i = out->first; i < out->first + out->count; i++) {
		out->octets += x->file[i].size;
		out->is_lost |= (x->file[i].mark.flags & SEGMENT_LOST) != 0;
	}
	out->last_number = last->number;
	out->is_last_empty = x->in_file == 0 && (last->mark.flags & SEGMENT_WHOLE) == 0;
	out->away_ms = last->away_ms;
	out->is_closed = (last->mark.flags & SEGMENT_CLOSED) != 0;
	out->is_same_boot = store_is_same_boot(&then, now);
}

/* Everything was told: is there room for it? */
static int end(struct reading *x, const struct store_reader *reader)
{
	int ret = reader->end(reader->ctx);

	if (ret == -ENOSPC)
		snprintf(x->err, x->err_len,
			"store %s: has more bindings than runtime.max-bindings allows: raise it, "
			"or move the store away to start without them",
			x->dir->path);
	return ret;
}

/* All is checked before anything is told: what is damaged is told to nobody. */
int store_read(const struct store_dir *d, const struct store_moment *now,
	const struct store_reader *reader, struct store_found *out, char *err, size_t err_len)
{
	struct reading *x = calloc(1, sizeof(*x));
	int ret = -ENOMEM;

	*out = (struct store_found){ 0 };
	snprintf(err, err_len, "store %s: %s", d->path, strerror(ENOMEM));
	if (x == NULL)
		return ret;
	x->dir = d;
	x->found = out;
	x->err = err;
	x->err_len = err_len;
	x->buf = malloc(CHUNK);
	if (x->buf != NULL)
		ret = choose(x, out);
	if (ret == 0) {
		look_at_clocks(x, now);
		ret = pass(x, NULL);
	}
	if (ret == 0)
		ret = pass(x, reader);
	if (ret == 0 && d->count > 0)
		ret = end(x, reader);
	if (ret == 0 && d->count > 0)
		summarize(x, now);
	free(x->buf);
	free(x);
	return ret;
}
