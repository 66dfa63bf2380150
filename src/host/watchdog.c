/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/progress.h"

#define TAG "watchdog"

#define LOOKS 20 /* in limit_ms */

struct lcore {
	struct progress p;
	bool is_warned;
};

struct watchdog {
	struct watchdog_opts o;
	uint32_t look_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct lcore lcore[];
};

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void look(struct watchdog *w, uint32_t i, uint64_t now_ms)
{
	struct lcore *lc = &w->lcore[i];
	/* twice the time between two looks: this thread may be late, but not much later */
	uint64_t still =
		progress_look(&lc->p, w->o.turns(w->o.ctx, i), now_ms, 2 * (uint64_t)w->look_ms);

	if (still == 0) {
		if (lc->is_warned)
			log_warn(TAG, "goes on lcore=%u", w->o.number(w->o.ctx, i));
		lc->is_warned = false;
	} else if (still >= w->o.limit_ms) {
		log_err(TAG, "has finished no turn for %llu ms, hamd ends lcore=%u",
			(unsigned long long)still, w->o.number(w->o.ctx, i));
		log_stop(); /* what was said is written before */
		w->o.bite();
	} else if (still >= w->o.limit_ms / 2 && !lc->is_warned) {
		log_err(TAG, "has finished no turn for %llu ms lcore=%u", (unsigned long long)still,
			w->o.number(w->o.ctx, i));
		lc->is_warned = true;
	}
}

/* True: it is time to stop. */
static bool wait(struct watchdog *w)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->look_ms / 1000;
	until.tv_nsec += (long)(w->look_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&w->lock);
	if (!w->stop)
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

static void *watchdog_main(void *arg)
{
	struct watchdog *w = arg;

	while (!wait(w)) {
		bool is_running = w->o.is_running(w->o.ctx);

		for (uint32_t i = 0; i < w->o.lcores; i++) {
			if (is_running)
				look(w, i, clock_ms());
			else
				w->lcore[i].p.has_begun = false;
		}
	}
	return NULL;
}

int watchdog_start(const struct watchdog_opts *o, struct watchdog **out, char *err, size_t err_len)
{
	struct watchdog *w = calloc(1, sizeof(*w) + o->lcores * sizeof(w->lcore[0]));
	pthread_condattr_t attr;
	int ret = -ENOMEM;

	if (w == NULL)
		goto err_what;
	w->o = *o;
	w->look_ms = o->limit_ms / LOOKS > 0 ? o->limit_ms / LOOKS : 1;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	ret = -pthread_create(&w->thread, NULL, watchdog_main, w);
	if (ret < 0)
		goto err_thread;
	*out = w;
	return 0;

err_thread:
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
err_what:
	snprintf(err, err_len, "watchdog: %s", strerror(-ret));
	return ret;
}

void watchdog_stop(struct watchdog *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
