/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/store_clock.h"
#include "host/store_dir.h"
#include "records/put.h"

static int write_at(int fd, const void *buf, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int store_writer_append(struct store_writer *w, const void *buf, size_t len)
{
	int ret = write_at(w->fd, buf, len, w->length);

	if (ret == 0)
		w->length += len;
	return ret;
}

static int put_mark(int fd, const struct segment_mark *m, uint32_t nonce)
{
	uint8_t buf[SEGMENT_MARK_LEN];

	segment_mark_write(m, nonce, buf);
	return write_at(fd, buf, sizeof(buf), segment_mark_at(m->turn));
}

static int write_mark(struct store_writer *w, uint64_t length, uint32_t flags)
{
	struct store_moment now;

	store_clocks(&now);
	w->mark.turn++;
	w->mark.length = length;
	w->mark.at_ms = store_own_ms(w->clock_ms);
	w->mark.real_ms = now.real_ms;
	w->mark.up_ms = now.up_ms;
	w->mark.flags = flags;
	return put_mark(w->fd, &w->mark, w->nonce);
}

int store_writer_sync(struct store_writer *w, uint32_t flags)
{
	if (fdatasync(w->fd) < 0)
		return -errno;
	return write_mark(w, w->length, flags);
}

int store_writer_flag(struct store_writer *w, uint32_t flags)
{
	int ret = write_mark(w, w->mark.length, flags);

	if (ret == 0 && fdatasync(w->fd) < 0)
		ret = -errno;
	return ret;
}

int store_writer_mend(struct store_writer *w)
{
	if (ftruncate(w->fd, (off_t)w->length) < 0 || fdatasync(w->fd) < 0)
		return -errno;
	return 0;
}

static int append_frame(
	struct store_writer *w, uint8_t *frame, enum frame_type type, const uint8_t *end)
{
	size_t body = (size_t)(end - frame) - FRAME_HEAD;

	return store_writer_append(
		w, frame, frame_seal(frame, (uint8_t)type, (uint16_t)body, w->nonce));
}

static int append_domain(struct store_writer *w, uint16_t number, const char *name)
{
	uint8_t frame[FRAME_HEAD + FRAME_BODY_MAX];
	size_t len = strlen(name);

	assert(2 + len <= FRAME_BODY_MAX);
	return append_frame(
		w, frame, FRAME_DOMAIN, put_bytes(put_u16(frame + FRAME_HEAD, number), name, len));
}

static int append_known(struct store_writer *w, uint16_t number, bool waits, uint64_t since_ms)
{
	uint8_t frame[FRAME_HEAD + FRAME_KNOWN_LEN];
	uint8_t *p = put_u16(frame + FRAME_HEAD, number);

	return append_frame(w, frame, FRAME_KNOWN, put_u64(put_u8(p, waits), since_ms));
}

int store_writer_begin(struct store_writer *w, const struct store_file_opts *opts)
{
	struct segment_head head = { .number = opts->number };
	struct store_moment now;
	uint8_t page[SEGMENT_PAGE];
	int ret;

	*w = (struct store_writer){ .number = opts->number, .clock_ms = opts->clock_ms };
	w->fd = openat(
		opts->dir_fd, STORE_TMP, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0 || getrandom(&head.nonce, sizeof(head.nonce), 0) != sizeof(head.nonce))
		return -errno;
	store_clocks(&now);
	head.made_ms = now.real_ms;
	memcpy(head.boot, opts->boot, sizeof(head.boot));
	segment_head_write(&head, page);
	w->nonce = head.nonce;
	ret = store_writer_append(w, page, sizeof(page));
	for (uint32_t i = 0; ret == 0 && i < opts->domain_count; i++)
		ret = append_domain(w, (uint16_t)i, opts->domains[i]);
	for (uint32_t i = 0; ret == 0 && i < opts->domain_count; i++)
		ret = append_known(w, (uint16_t)i, opts->waits[i], opts->known_ms[i]);
	if (ret == 0)
		ret = write_mark(w, w->length, opts->flags);
	if (ret == 0 && fdatasync(w->fd) < 0)
		ret = -errno;
	return ret;
}

int store_writer_appear(struct store_writer *w, int dir_fd)
{
	char name[STORE_NAME_LEN];

	store_file_name(w->number, name);
	if (renameat(dir_fd, STORE_TMP, dir_fd, name) < 0 || fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

void store_writer_drop(struct store_writer *w, int dir_fd)
{
	store_writer_close(w);
	(void)unlinkat(dir_fd, STORE_TMP, 0);
}

int store_writer_open(struct store_writer *w, const struct store_file_opts *opts)
{
	int ret = store_writer_begin(w, opts);

	if (ret == 0)
		ret = store_writer_appear(w, opts->dir_fd);
	if (ret < 0)
		store_writer_drop(w, opts->dir_fd);
	return ret;
}

void store_writer_close(struct store_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

struct flags { /* of a mark */
	uint32_t on, off;
	uint32_t were;
};

/* Its times stay: they are those of what is in it. */
static int change_flags(int fd, struct flags *f)
{
	uint8_t page[SEGMENT_PAGE];
	struct segment_head head;
	struct segment_mark mark;

	if (pread(fd, page, sizeof(page), 0) != sizeof(page) ||
		segment_head_read(page, sizeof(page), &head) < 0 ||
		segment_mark_read(page, head.nonce, &mark) < 0)
		return -EBADMSG;
	f->were = mark.flags;
	mark.turn++;
	mark.flags = (mark.flags & ~(f->off | SEGMENT_CLOSED)) | f->on;
	return put_mark(fd, &mark, head.nonce);
}

/* Forces a file that was closed to disk, with other flags first if there are any. */
static int with_file(int dir_fd, uint64_t number, struct flags *f)
{
	char name[STORE_NAME_LEN];
	int fd, ret;

	store_file_name(number, name);
	fd = openat(dir_fd, name,
		(f != NULL ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = f != NULL ? change_flags(fd, f) : 0;
	if (ret == 0 && fdatasync(fd) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int store_file_sync(int dir_fd, uint64_t number)
{
	return with_file(dir_fd, number, NULL);
}

int store_file_set_lost(int dir_fd, uint64_t number)
{
	return with_file(dir_fd, number, &(struct flags){ .on = SEGMENT_LOST });
}

int store_file_set_first(int dir_fd, uint64_t number, bool *changes)
{
	struct flags f = { .on = SEGMENT_WHOLE | SEGMENT_LOST, .were = SEGMENT_WHOLE };
	int ret = with_file(dir_fd, number, &f);

	*changes = (f.were & SEGMENT_WHOLE) == 0;
	return ret;
}

int store_file_unset_first(int dir_fd, uint64_t number)
{
	return with_file(dir_fd, number, &(struct flags){ .off = SEGMENT_WHOLE });
}
