/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One file made of many: where disks fail again and again before everything is written anew, each
 * attempt leaves a file that holds what was acknowledged in it, and their number is bounded. What
 * they say one after the other is copied, and appears in their place when all of it is on disk.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "host/store_priv.h"

#define TAG "store"

struct fold {
	struct store *s;
	struct store_writer w;
	struct store_moment began;
	uint64_t began_ms; /* by our clock */
	uint64_t shift_ms; /* from the clock of the file being read to ours */
	size_t len; /* in s->buf */
};

static int flush(struct fold *f)
{
	int ret = store_writer_append(&f->w, f->s->buf, f->len);

	f->len = 0;
	return ret;
}

static void on_clock(void *ctx, uint64_t now_ms)
{
	struct fold *f = ctx;

	f->shift_ms = f->began_ms - now_ms;
}

static int on_domain(void *ctx, const char *name)
{
	const struct store_opts *opts = &((struct fold *)ctx)->s->opts;

	for (uint32_t i = 0; i < opts->domain_count; i++)
		if (strcmp(opts->domains[i], name) == 0)
			return (int)i;
	return -1;
}

/* Of a domain that there is no more nothing would be written anew either. */
static int on_record(void *ctx, int domain, const struct record_image *image)
{
	struct fold *f = ctx;
	struct record_image mine = *image;
	uint8_t *frame = f->s->buf + f->len;

	if (domain < 0)
		return 0;
	mine.domain = (uint16_t)domain;
	mine.ends_ms += f->shift_ms;
	mine.since_ms += f->shift_ms;
	f->len += frame_seal(frame, FRAME_RECORD,
		(uint16_t)record_image_encode(&mine, frame + FRAME_HEAD), f->w.nonce);
	return f->len + FRAME_HEAD + RECORD_IMAGE_MAX > sizeof(f->s->buf) ? flush(f) : 0;
}

static int on_seen(void *ctx, int domain, const struct seen_pair *pair)
{
	struct fold *f = ctx;
	struct seen_pair mine = *pair;

	if (domain < 0)
		return 0;
	mine.domain = (uint16_t)domain;
	f->len += store_frame_seen(f->s->buf + f->len, &mine, f->w.nonce);
	return f->len + FRAME_HEAD + RECORD_IMAGE_MAX > sizeof(f->s->buf) ? flush(f) : 0;
}

static int on_end(void *ctx)
{
	return flush(ctx);
}

static int copy(struct fold *f, struct store_found *found)
{
	const struct store_reader reader = { f, on_clock, on_domain, on_record, on_seen, on_end };
	struct store_dir dir = f->s->dir;
	char err[512];
	int ret;

	dir.count = f->s->old_count;
	for (uint32_t i = 0; i < dir.count; i++)
		dir.number[i] = f->s->old[i].number;
	ret = store_read(&dir, &f->began, &reader, found, err, sizeof(err));
	if (ret == -EBADMSG || ret == -ENOTSUP)
		log_warn(TAG, "%s", err);
	return ret;
}

/* On disk, and the mark that says so, before it has a name. */
static int finish(struct fold *f, uint32_t flags)
{
	int ret = store_writer_sync(&f->w, flags);

	if (ret == 0)
		ret = store_writer_sync(&f->w, flags);
	return ret == 0 ? store_writer_appear(&f->w, f->s->dir.fd) : ret;
}

int store_fold(struct store *s)
{
	struct fold f = { .s = s, .began_ms = store_own_ms(s->opts.clock_ms) };
	struct store_file_opts opts;
	struct store_found found;
	int ret;

	store_now(&f.began);
	store_file_opts(s, &opts);
	ret = store_writer_begin(&f.w, &opts);
	if (ret == 0)
		ret = copy(&f, &found);
	if (ret == 0)
		ret = finish(&f, opts.flags | SEGMENT_WHOLE | (found.is_lost ? SEGMENT_LOST : 0));
	if (ret < 0) {
		store_writer_drop(&f.w, s->dir.fd);
		return ret;
	}
	store_remove_old(s, s->old_count);
	s->old[s->old_count++] = (struct old_file){ s->next_number++, f.w.length };
	store_writer_close(&f.w);
	log_info(TAG, "made one file of too many path=%s", s->dir.path);
	return 0;
}
