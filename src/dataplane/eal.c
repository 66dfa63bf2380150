/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/eal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_pdump.h>

#include "common/log.h"
#include "common/util.h"
#include "conf/conf.h"

#define TAG "eal"

#define ARGS_MAX (18 + 2 * CONF_PORTS_MAX)

struct args {
	int n;
	char *v[ARGS_MAX + 1];
	char text[ARGS_MAX][CONF_DEVICE_MAX + 16];
};

static void add(struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text[a->n], sizeof(a->text[0]), fmt, ap);
	va_end(ap);
	a->v[a->n] = a->text[a->n];
	a->n++;
}

static void add_memory(struct args *a, const struct conf_runtime *rt)
{
	/* no files in the runtime directory, so nothing of a stopped or killed process is left;
	 * but a secondary process finds the primary by these files */
	if (rt->hugepages) {
		if (!rt->pdump)
			add(a, "--in-memory");
	} else {
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
	add(a, "-m");
	add(a, "%u", rt->memory_mb);
}

static void add_devices(struct args *a, const struct conf *conf)
{
	bool pci = false;

	for (uint32_t i = 0; i < conf->port_count; i++) {
		const struct conf_port *port = &conf->ports[i];

		pci |= !conf_port_is_virtual(port);
		add(a, conf_port_is_virtual(port) ? "--vdev=%s" : "--allow=%s", port->device);
	}
	if (!pci)
		add(a, "--no-pci");
}

static void make_args(struct args *a, const struct conf *conf)
{
	memset(a, 0, sizeof(*a));
	add(a, "hamd");
	add(a, "-l");
	add(a, "%s", conf->runtime.lcores);
	add(a, "--file-prefix=hamd-%s", conf->node.name);
	/* it warns of what it leaves out on purpose; of two patterns that match, the first counts */
	add(a, "--log-level=lib.telemetry:error");
	add(a, "--log-level=*:%s", log_get_level() == LOG_DEBUG ? "info" : "warning");
	add_memory(a, &conf->runtime);
	if (conf->runtime.dpdk_drivers != NULL) {
		add(a, "-d");
		a->v[a->n++] = conf->runtime.dpdk_drivers;
	}
	add_devices(a, conf);
}

static enum log_level level_of_message(void)
{
	int level = rte_log_cur_msg_loglevel();

	if (level <= (int)RTE_LOG_ERR)
		return LOG_ERR;
	return level == (int)RTE_LOG_WARNING ? LOG_WARN : LOG_INFO;
}

/* EAL writes whole lines, mostly. */
static ssize_t log_cookie(void *cookie, const char *buf, size_t len)
{
	enum log_level level = level_of_message();

	(void)cookie;
	for (size_t left = len; left > 0;) {
		const char *end = memchr(buf, '\n', left);
		size_t line = end != NULL ? (size_t)(end - buf) : left;

		if (line > 0)
			log_write(level, "dpdk", "%.*s", (int)line, buf);
		line += end != NULL;
		buf += line;
		left -= line;
	}
	return (ssize_t)len;
}

/* EAL leaves its runtime directory behind; one with anything of others in it stays. */
static void remove_runtime_dir(void)
{
	(void)rmdir(rte_eal_get_runtime_dir());
}

/* From here on a secondary process may ask for copies of a port's packets: DPDK's own thread
 * installs callbacks, workers run them. */
static int start_pdump(char *err, size_t err_len)
{
	int ret = rte_pdump_init() < 0 ? (rte_errno > 0 ? -rte_errno : -EIO) : 0;

	if (ret < 0) {
		snprintf(err, err_len, "runtime.pdump: %s", rte_strerror(-ret));
		rte_eal_cleanup();
	}
	return ret;
}

int eal_start(const struct conf *conf, char *err, size_t err_len)
{
	static struct args args; /* EAL keeps pointers into its arguments */
	FILE *log = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_cookie });

	/* EAL unlinks its telemetry socket in an exit handler, the last registered runs first */
	if (log == NULL || atexit(remove_runtime_dir) != 0) {
		snprintf(err, err_len, "DPDK's log: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	setvbuf(log, NULL, _IOLBF, 0);
	rte_openlog_stream(log);
	make_args(&args, conf);
	for (int i = 1; i < args.n; i++)
		log_debug(TAG, "argument %s", args.v[i]);
	if (rte_eal_init(args.n, args.v) < 0) {
		int ret = rte_errno > 0 ? -rte_errno : -EIO; /* EAL does not always say */

		snprintf(err, err_len,
			"DPDK does not start: %s (what it says is in the log; has this machine "
			"runtime.lcores \"%s\"? Does a hamd with node.name \"%s\" run "
			"already?%s%s)",
			rte_strerror(-ret), conf->runtime.lcores, conf->node.name,
			conf->runtime.hugepages ? " Are there free huge pages in /proc/meminfo?"
						: "",
			conf->runtime.pdump ? " Is a hugetlbfs mounted, for runtime.pdump?" : "");
		return ret;
	}
	return conf->runtime.pdump ? start_pdump(err, err_len) : 0;
}

void eal_stop(void)
{
	(void)rte_pdump_uninit(); /* fine without init */
	rte_eal_cleanup();
	rte_openlog_stream(NULL);
}
