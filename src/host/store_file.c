/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/store_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "host/store_dir.h"
#include "records/put.h"

static uint64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

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

static int write_mark(struct store_writer *w, uint64_t length, uint32_t flags)
{
	uint8_t buf[SEGMENT_MARK_LEN];

	w->mark.turn++;
	w->mark.length = length;
	w->mark.at_ms = unix_ms();
	w->mark.flags = flags;
	segment_mark_write(&w->mark, w->nonce, buf);
	return write_at(w->fd, buf, sizeof(buf), segment_mark_at(w->mark.turn));
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

static int append_domain(struct store_writer *w, uint16_t number, const char *name)
{
	uint8_t frame[FRAME_HEAD + FRAME_BODY_MAX];
	size_t len = strlen(name);
	uint8_t *p = frame + FRAME_HEAD;

	assert(2 + len <= FRAME_BODY_MAX);
	p = put_u16(p, number);
	put_bytes(p, name, len);
	return store_writer_append(
		w, frame, frame_seal(frame, FRAME_DOMAIN, (uint16_t)(2 + len), w->nonce));
}

/* The first page and the names, all of it on disk. */
static int begin(struct store_writer *w, const struct store_file_opts *opts)
{
	struct segment_head head = { .number = opts->number, .made_ms = unix_ms() };
	uint8_t page[SEGMENT_PAGE];
	int ret;

	if (getrandom(&head.nonce, sizeof(head.nonce), 0) != sizeof(head.nonce))
		return -errno;
	memcpy(head.boot, opts->boot, sizeof(head.boot));
	segment_head_write(&head, page);
	w->nonce = head.nonce;
	ret = store_writer_append(w, page, sizeof(page));
	for (uint32_t i = 0; ret == 0 && i < opts->domain_count; i++)
		ret = append_domain(w, (uint16_t)i, opts->domains[i]);
	if (ret == 0)
		ret = write_mark(w, w->length, opts->flags);
	if (ret == 0 && fdatasync(w->fd) < 0)
		ret = -errno;
	return ret;
}

int store_writer_open(struct store_writer *w, const struct store_file_opts *opts)
{
	char name[STORE_NAME_LEN];
	int ret;

	*w = (struct store_writer){ .number = opts->number };
	store_file_name(opts->number, name);
	w->fd = openat(
		opts->dir_fd, STORE_TMP, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		return -errno;
	ret = begin(w, opts);
	if (ret == 0 && renameat(opts->dir_fd, STORE_TMP, opts->dir_fd, name) < 0)
		ret = -errno;
	if (ret == 0 && fsync(opts->dir_fd) < 0)
		ret = -errno;
	if (ret == 0)
		return 0;
	store_writer_close(w);
	(void)unlinkat(opts->dir_fd, STORE_TMP, 0);
	return ret;
}

void store_writer_close(struct store_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
