/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue is a ring of fixed lines with a ticket a slot (D. Vyukov's bounded queue, one
 * consumer): a slot whose ticket equals the producer's position is free, one with position + 1
 * holds a line. Producers race for the position with one compare-and-swap and never wait; the
 * writing thread sleeps in poll() on an eventfd that a producer only touches when it sleeps.
 */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOTS      1024 /* power of two; 0.5 MiB */
#define STUCK_MS   1000 /* standard error takes nothing: how long log_stop() waits for it */
#define RL_SPAN_MS 5000

struct line {
	_Atomic uint32_t ticket;
	uint16_t len;
	char text[LOG_LINE_MAX];
};

static struct {
	_Atomic int level;
	atomic_bool journal;
	_Atomic uint64_t lost;

	atomic_bool running; /* lines go through the queue */
	atomic_bool stopping; /* the thread ends when the queue is empty */
	atomic_uint inside; /* producers between reading `running` and having queued */
	atomic_bool asleep; /* the thread wants the eventfd written */

	struct line *slot;
	_Atomic uint32_t tail; /* producers */
	uint32_t head; /* the thread */
	uint64_t lost_told;
	int wake_fd;
	pthread_t thread;
} lg = { .level = LOG_INFO, .wake_fd = -1 };

static const struct {
	const char *name, *journal;
} levels[LOG_LEVEL_COUNT] = {
	[LOG_ERR] = { "err ", "<3>" },
	[LOG_WARN] = { "warn ", "<4>" },
	[LOG_INFO] = { "info ", "<6>" },
	[LOG_DEBUG] = { "debug ", "<7>" },
};

void log_set_level(enum log_level level)
{
	lg.level = (int)level;
}

bool log_set_level_name(const char *name)
{
	for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
		size_t len = strlen(levels[i].name) - 1; /* a blank follows */

		if (strlen(name) == len && strncmp(name, levels[i].name, len) == 0) {
			log_set_level((enum log_level)i);
			return true;
		}
	}
	return false;
}

enum log_level log_get_level(void)
{
	return (enum log_level)lg.level;
}

void log_set_journal(bool on)
{
	lg.journal = on;
}

uint64_t log_lost(void)
{
	return lg.lost;
}

/* Writes "LEVEL tag: text\n" into buf, returns its length. */
static uint16_t format_line(char buf[static LOG_LINE_MAX], enum log_level level, const char *tag,
	const char *fmt, va_list ap)
{
	const size_t room = LOG_LINE_MAX - 1; /* the newline's octet */
	int n = snprintf(
		buf, room, "%s%s: ", lg.journal ? levels[level].journal : levels[level].name, tag);
	size_t len = n > 0 && (size_t)n < room ? (size_t)n : 0;

	n = vsnprintf(buf + len, room - len, fmt, ap);
	if (n > 0 && (size_t)n < room - len) {
		len += (size_t)n;
	} else if (n > 0) {
		len = room - 1;
		memcpy(buf + len - 3, "...", 3);
	}
	/* Names come from peers too: nobody writes a second line, or to the terminal. */
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)buf[i] < ' ' || buf[i] == 0x7f)
			buf[i] = '?';
	}
	buf[len++] = '\n';
	return (uint16_t)len;
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDERR_FILENO, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

/* False: the ring is full. */
static bool queue_line(const char *text, uint16_t len)
{
	uint32_t pos = atomic_load_explicit(&lg.tail, memory_order_relaxed);
	struct line *l;

	for (;;) {
		l = &lg.slot[pos % SLOTS];
		int32_t ahead =
			(int32_t)(atomic_load_explicit(&l->ticket, memory_order_acquire) - pos);

		if (ahead < 0)
			return false;
		if (ahead > 0)
			pos = atomic_load_explicit(&lg.tail, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(&lg.tail, &pos, pos + 1,
				 memory_order_relaxed, memory_order_relaxed))
			break;
	}
	memcpy(l->text, text, len);
	l->len = len;
	/* Sequentially consistent, as is the load of `asleep` behind it: either the thread sees
	 * this line before it sleeps, or we see that it sleeps. */
	l->ticket = pos + 1;
	if (lg.asleep)
		eventfd_write(lg.wake_fd, 1); /* non-blocking */
	return true;
}

void log_write(enum log_level level, const char *tag, const char *fmt, ...)
{
	char buf[LOG_LINE_MAX];
	int saved = errno;
	va_list ap;

	if ((int)level > lg.level)
		return;
	va_start(ap, fmt);
	uint16_t len = format_line(buf, level, tag, fmt, ap);
	va_end(ap);

	lg.inside++;
	if (!lg.running)
		write_all(buf, len);
	else if (!queue_line(buf, len))
		lg.lost++;
	lg.inside--;
	errno = saved;
}

/* Waits until standard error takes a line (a pipe does when it has PIPE_BUF octets free). False:
 * it takes none and we are to stop. */
static bool stderr_ready(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	for (unsigned waited_ms = 0;;) {
		if (poll(&p, 1, 100) != 0)
			return true; /* an error: write() will say the same */
		waited_ms = lg.stopping ? waited_ms + 100 : 0;
		if (waited_ms >= STUCK_MS)
			return false;
	}
}

static bool has_line(void)
{
	return lg.slot[lg.head % SLOTS].ticket == lg.head + 1;
}

static void write_lost(void)
{
	uint64_t lost = lg.lost;
	char buf[80];

	if (lost == lg.lost_told)
		return;
	int n = snprintf(buf, sizeof(buf), "%slog: queue full, lines lost count=%llu\n",
		lg.journal ? levels[LOG_WARN].journal : levels[LOG_WARN].name,
		(unsigned long long)(lost - lg.lost_told));
	lg.lost_told = lost;
	write_all(buf, (size_t)n);
}

static void write_queued(void)
{
	bool ready = true;

	while (has_line()) {
		struct line *l = &lg.slot[lg.head % SLOTS];

		ready = ready && stderr_ready(); /* the patience of log_stop() is for all lines */
		if (ready)
			write_all(l->text, l->len);
		else
			lg.lost++;
		l->ticket = lg.head + SLOTS; /* free for the next round */
		lg.head++;
	}
}

static void *log_main(void *arg)
{
	(void)arg;
	pthread_setname_np(pthread_self(), "hamd-log");
	for (;;) {
		bool last = lg.stopping; /* read before the queue: what came before it is written */

		write_queued();
		if (stderr_ready())
			write_lost();
		if (last)
			return NULL;
		lg.asleep = true;
		if (!has_line() && !lg.stopping) {
			struct pollfd p = { .fd = lg.wake_fd, .events = POLLIN };
			eventfd_t v;

			poll(&p, 1, -1);
			eventfd_read(lg.wake_fd, &v);
		}
		lg.asleep = false;
	}
}

int log_start(void)
{
	int ret;

	if (lg.running)
		return -EALREADY;
	lg.slot = calloc(SLOTS, sizeof(*lg.slot));
	if (lg.slot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < SLOTS; i++)
		lg.slot[i].ticket = i;
	lg.lost_told = lg.lost; /* what an earlier run lost is no news of this one */
	lg.head = 0;
	lg.tail = 0;
	lg.stopping = false;
	lg.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (lg.wake_fd < 0) {
		ret = -errno;
		goto err_slot;
	}
	ret = -pthread_create(&lg.thread, NULL, log_main, NULL);
	if (ret < 0)
		goto err_fd;
	lg.running = true;
	return 0;

err_fd:
	close(lg.wake_fd);
	lg.wake_fd = -1;
err_slot:
	free(lg.slot);
	lg.slot = NULL;
	return ret;
}

void log_stop(void)
{
	if (!lg.running)
		return;
	lg.running = false;
	while (lg.inside > 0) /* a producer never waits, so this is short */
		sched_yield();
	lg.stopping = true;
	eventfd_write(lg.wake_fd, 1);
	pthread_join(lg.thread, NULL);
	close(lg.wake_fd);
	lg.wake_fd = -1;
	free(lg.slot);
	lg.slot = NULL;
}

bool log_rl_pass(struct log_rl *rl, uint64_t now_ms, uint32_t *suppressed)
{
	if (now_ms >= rl->window_ms) { /* the window's end; 0 at first */
		rl->window_ms = now_ms + RL_SPAN_MS;
		rl->left = rl->burst;
	}
	if (rl->left == 0) {
		rl->suppressed++;
		return false;
	}
	rl->left--;
	*suppressed = rl->suppressed;
	rl->suppressed = 0;
	return true;
}
