/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/accounting.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "host/acct_line.h"
#include "host/sink.h"

#define TAG "accounting"

/* An identifier of 253 octets of which each is escaped is the longest part: 1518. */
#define LINE_MAX   4096
#define TAKE_MAX   64 /* events taken in one go */
#define IDLE_MS    50 /* how often the ring is looked at; it holds more than a second's events */
#define AGAIN_MS   250 /* after an error of the disk */
#define PATIENT_MS 1000 /* a collector that takes nothing for so long is worth a word */
#define STOP_MS    5000

struct accounting {
	struct accounting_ops ops;
	struct acct_site site;
	struct sink *sink;
	struct acct_report report;
	uint32_t stop_ms;

	/* [line, sent) is the part of a line that was taken, [sent, end) waits. */
	char *buf;
	size_t size, line, sent, end;
	struct jw text;
	struct acct_event event[TAKE_MAX];

	int error; /* of the last attempt to write; 0: it was taken */
	int error_told;
	uint64_t now_ms;
	uint64_t again_ms; /* not before: to write, after an error */
	uint64_t progress_ms; /* last time something was taken, or nothing waited */
	int wake_fd;
	atomic_bool stopping, reopening;
	pthread_t thread;
};

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- the buffer --- */

/* Room for that many lines at its end; what was written makes room now and then, not always:
 * moving what waits costs. */
static bool has_room(struct accounting *a, size_t lines)
{
	if (a->line == a->end) {
		a->line = a->sent = a->end = 0;
	} else if (a->size - a->end < lines * LINE_MAX && a->line >= a->size / 2) {
		memmove(a->buf, a->buf + a->line, a->end - a->line);
		a->sent -= a->line;
		a->end -= a->line;
		a->line = 0;
	}
	return a->size - a->end >= lines * LINE_MAX;
}

static void put_line(struct accounting *a, const struct acct_event *e)
{
	jw_reset(&a->text);
	acct_line(&a->text, &a->site, e);
	if (a->text.failed) { /* no memory */
		a->report.lost++;
		return;
	}
	assert(a->text.len <= a->size - a->end);
	memcpy(a->buf + a->end, a->text.buf, a->text.len);
	a->end += a->text.len;
}

/* True: there may be more. */
static bool take_events(struct accounting *a)
{
	uint32_t n;

	if (!has_room(a, TAKE_MAX))
		return false;
	n = a->ops.take(a->ops.ctx, a->event, TAKE_MAX);
	for (uint32_t i = 0; i < n; i++)
		put_line(a, &a->event[i]);
	return n > 0;
}

/* --- writing --- */

/* Says once that it fails, once that it is well again. */
static void tell(struct accounting *a)
{
	if (a->error == a->error_told)
		return;
	if (a->error < 0)
		log_warn(TAG, "lines are not taken to=%s error=\"%s\"", a->sink->path,
			a->error == -EAGAIN ? "the collector does not read" : strerror(-a->error));
	else
		log_info(TAG, "lines are taken again to=%s waiting=%zu", a->sink->path,
			a->end - a->sent);
	a->error_told = a->error;
}

static void taken(struct accounting *a, size_t n)
{
	const char *nl = memrchr(a->buf + a->sent, '\n', n);

	a->report.bytes += n;
	for (size_t i = 0; nl != NULL && i < n; i++)
		a->report.lines += a->buf[a->sent + i] == '\n';
	a->sent += n;
	if (nl != NULL)
		a->line = (size_t)(nl + 1 - a->buf);
	a->progress_ms = a->now_ms;
	a->error = 0;
}

/* What began to fail is said, not that a line begins anew, and slowness when it lasts. */
static void note_failure(struct accounting *a, ssize_t n)
{
	bool is_anew = n == -EPIPE && a->error < 0;
	bool is_patient = n == -EAGAIN && a->now_ms - a->progress_ms < PATIENT_MS;

	if (!is_anew && !is_patient)
		a->error = (int)n;
}

/* True: something was taken. */
static bool write_some(struct accounting *a)
{
	ssize_t n;

	if (a->sent == a->line) {
		if (atomic_exchange(&a->reopening, false))
			sink_reopen(a->sink, a->now_ms);
		sink_between(a->sink, a->now_ms, time(NULL));
	}
	if (a->sent == a->end)
		a->progress_ms = a->now_ms;
	if (a->sent == a->end || a->now_ms < a->again_ms)
		return false;
	n = sink_write(a->sink, a->buf + a->sent, a->end - a->sent, a->now_ms);
	if (n > 0) {
		taken(a, (size_t)n);
		return true;
	}
	if (n == -EPIPE) {
		a->report.bytes -= a->sent - a->line; /* it will be sent whole */
		a->sent = a->line;
	} else if (n != -EAGAIN) {
		a->again_ms = a->now_ms + AGAIN_MS;
	}
	note_failure(a, n);
	return false;
}

/* --- the thread --- */

static void report(struct accounting *a)
{
	a->report.waiting = a->end - a->sent;
	a->report.blocked = a->error < 0;
	a->ops.report(a->ops.ctx, &a->report);
}

static void wait(struct accounting *a)
{
	bool wants = a->sent < a->end && a->now_ms >= a->again_ms;
	struct pollfd p[2] = {
		{ .fd = a->wake_fd, .events = POLLIN },
		/* a file is always ready: that's what again_ms is for */
		{ .fd = wants ? a->sink->fd : -1, .events = POLLOUT },
	};
	eventfd_t v;

	if (poll(p, 2, IDLE_MS) > 0 && p[0].revents != 0)
		eventfd_read(a->wake_fd, &v);
}

/* What is in the buffer and in the ring when the time is over. */
static void give_up(struct accounting *a)
{
	uint64_t lost = a->report.lost;
	uint32_t n;

	for (size_t i = a->line; i < a->end; i++)
		a->report.lost += a->buf[i] == '\n';
	while ((n = a->ops.take(a->ops.ctx, a->event, TAKE_MAX)) > 0)
		a->report.lost += n;
	if (a->report.lost > lost)
		log_err(TAG, "stops with lines not written lines=%" PRIu64 " to=%s",
			a->report.lost - lost, a->sink->path);
}

static void *accounting_main(void *arg)
{
	struct accounting *a = arg;
	uint64_t stop_at_ms = 0;

	pthread_setname_np(pthread_self(), "hamd-accounting");
	for (;;) {
		bool stopping = a->stopping, more; /* read before the ring: no event follows it */

		a->now_ms = clock_ms();
		more = take_events(a);
		more |= write_some(a);
		tell(a);
		report(a);
		if (stopping && stop_at_ms == 0)
			stop_at_ms = a->now_ms + a->stop_ms;
		if (more)
			continue;
		if (stopping && (a->sent == a->end || a->now_ms >= stop_at_ms))
			break;
		wait(a);
	}
	give_up(a);
	report(a);
	return NULL;
}

/* --- life --- */

static int open_sink(
	struct accounting *a, const struct conf_accounting *c, char *err, size_t err_len)
{
	const struct sink_file_opts file = {
		.path = c->file,
		.rotate_bytes = (uint64_t)c->rotate_mb << 20,
		.rotate_s = c->rotate_s,
		.rotate_keep = c->rotate_keep,
		.sync_s = c->sync_s,
	};

	if (c->file != NULL)
		return sink_file_open(&file, &a->sink, err, err_len);
	return sink_socket_open(c->socket, &a->sink);
}

int accounting_start(
	const struct accounting_opts *opts, struct accounting **out, char *err, size_t err_len)
{
	const struct conf_accounting *c = &opts->conf->accounting;
	struct accounting *a = calloc(1, sizeof(*a));
	int ret = -ENOMEM;

	snprintf(err, err_len, "accounting: no memory");
	if (a == NULL)
		return -ENOMEM;
	a->ops = opts->ops;
	a->stop_ms = opts->stop_ms > 0 ? opts->stop_ms : STOP_MS;
	a->site = (struct acct_site){ opts->conf->node.id, opts->conf->node.name, ntp_now() };
	jw_init(&a->text, LINE_MAX);
	a->size = (size_t)c->buffer_mb << 20;
	a->buf = malloc(a->size);
	if (a->buf == NULL)
		goto err_a;
	ret = open_sink(a, c, err, err_len);
	if (ret < 0)
		goto err_buf;
	a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (a->wake_fd < 0) {
		ret = -errno;
		snprintf(err, err_len, "accounting: eventfd: %s", strerror(-ret));
		goto err_sink;
	}
	ret = -pthread_create(&a->thread, NULL, accounting_main, a);
	if (ret < 0) {
		snprintf(err, err_len, "accounting: thread: %s", strerror(-ret));
		goto err_fd;
	}
	*out = a;
	return 0;

err_fd:
	close(a->wake_fd);
err_sink:
	sink_close(a->sink);
err_buf:
	free(a->buf);
err_a:
	free(a);
	return ret;
}

void accounting_reopen(struct accounting *a)
{
	a->reopening = true;
	eventfd_write(a->wake_fd, 1);
}

void accounting_stop(struct accounting *a)
{
	if (a == NULL)
		return;
	a->stopping = true;
	eventfd_write(a->wake_fd, 1);
	pthread_join(a->thread, NULL);
	sink_close(a->sink);
	close(a->wake_fd);
	jw_done(&a->text);
	free(a->buf);
	free(a);
}
