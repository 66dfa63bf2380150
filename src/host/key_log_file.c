/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/key_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bring.h"
#include "common/log.h"

#define TAG "key-log"

#define LOOK_MS 200

struct key_log_file {
	struct bring *ring;
	char *path;
	int fd;
	bool has_failed; /* and the log says so */
	uint64_t lost; /* as the log says */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* 0 or -errno, and why. */
static int open_file(struct key_log_file *k, const char **why)
{
	struct stat st;

	*why = "open";
	/* does not wait for who reads a pipe */
	k->fd = open(k->path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
		0600);
	if ((k->fd < 0 && errno != ENXIO) || (k->fd >= 0 && fstat(k->fd, &st) < 0))
		return -errno;
	*why = "not a regular file";
	if (k->fd < 0 || !S_ISREG(st.st_mode)) /* ENXIO: a pipe that nobody reads */
		return -EINVAL;
	*why = "others may read it: chmod 600";
	return (st.st_mode & 077) != 0 ? -EPERM : 0;
}

static void write_line(struct key_log_file *k, const char *line, size_t len)
{
	ssize_t n = write(k->fd, line, len);
	bool fails = n < 0 || (size_t)n < len;

	if (fails && !k->has_failed)
		log_err(TAG, "keys are not written path=%s: %s", k->path,
			n < 0 ? strerror(errno) : "disk full");
	else if (!fails && k->has_failed)
		log_info(TAG, "keys are written again path=%s", k->path);
	k->has_failed = fails;
}

static void drain(struct key_log_file *k)
{
	const char *line;
	uint64_t lost;
	uint32_t len;

	while ((line = bring_peek(k->ring, &len)) != NULL) {
		write_line(k, line, len);
		bring_drop(k->ring);
	}
	lost = bring_lost(k->ring);
	if (lost != k->lost)
		log_err(TAG, "lines lost, they came too fast count=%llu",
			(unsigned long long)(lost - k->lost));
	k->lost = lost;
}

/* True: it is time to stop. */
static bool wait(struct key_log_file *k)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&k->lock);
	if (!k->stop)
		pthread_cond_timedwait(&k->wake, &k->lock, &until);
	stop = k->stop;
	pthread_mutex_unlock(&k->lock);
	return stop;
}

static void *key_log_main(void *arg)
{
	struct key_log_file *k = arg;

	while (!wait(k))
		drain(k);
	drain(k);
	return NULL;
}

static int run(struct key_log_file *k)
{
	pthread_condattr_t attr;
	int ret;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	ret = -pthread_create(&k->thread, NULL, key_log_main, k);
	if (ret < 0) {
		pthread_cond_destroy(&k->wake);
		pthread_mutex_destroy(&k->lock);
	}
	return ret;
}

static void discard(struct key_log_file *k)
{
	if (k->fd >= 0)
		close(k->fd);
	free(k->path);
	free(k);
}

int key_log_file_start(
	const char *path, struct bring *ring, struct key_log_file **out, char *err, size_t err_len)
{
	struct key_log_file *k = calloc(1, sizeof(*k));
	const char *why = "memory";
	int ret = -ENOMEM;

	if (k == NULL)
		goto err_what;
	k->ring = ring;
	k->fd = -1;
	k->path = strdup(path);
	if (k->path != NULL)
		ret = open_file(k, &why);
	if (ret == 0) {
		why = "thread";
		ret = run(k);
	}
	if (ret < 0)
		goto err_file;
	*out = k;
	return 0;

err_file:
	discard(k);
err_what:
	snprintf(err, err_len, "mesh.key-log-file: %s: %s: %s", path, why, strerror(-ret));
	return ret;
}

void key_log_file_stop(struct key_log_file *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	discard(k);
}
