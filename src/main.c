/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wiring only: options, an ordered table of modules, signals, and the same table in reverse.
 * Order is data: no packet flows before the tables exist, no request is taken before control
 * does.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include <rte_lcore.h>
#include <rte_version.h>

#include <sodium.h>

#include "common/log.h"
#include "common/mem.h"
#include "conf/conf.h"
#include "control/acct.h"
#include "control/ctl.h"
#include "dataplane/dp.h"
#include "dataplane/eal.h"
#include "host/accounting.h"
#include "host/api.h"
#include "host/reload.h"
#include "host/store.h"
#include "host/subscribers.h"
#include "host/key_log_file.h"
#include "host/telemetry.h"
#include "host/watchdog.h"
#include "records/subs.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define TAG "hamd"

#define ERR_LEN 512

struct hamd {
	const char *path; /* of the configuration */
	struct conf *conf;
	struct subs *subs; /* until control has it */
	struct tables *tables;
	struct dp *dp;
	struct ctl *ctl;
	struct store *store; /* NULL: none */
	const char *domains[CONF_DOMAINS_MAX]; /* their names, for the store... */
	bool waits[CONF_DOMAINS_MAX]; /* ...and which of them wait for it */
	struct accounting *accounting; /* NULL: none */
	struct reload *reload;
	struct api *api;
	struct key_log_file *key_log; /* NULL: none */
	struct watchdog *watchdog; /* NULL: none */
};

static struct hamd *running; /* whom a signal is for */

static void on_signal(int sig)
{
	int saved = errno;

	if (running != NULL && sig != SIGUSR1)
		dp_stop(running->dp);
	else if (running != NULL && running->accounting != NULL)
		accounting_reopen(running->accounting);
	errno = saved;
}

static int start_log(struct hamd *h, char *err, size_t err_len)
{
	int ret = log_start();

	(void)h;
	if (ret < 0)
		snprintf(err, err_len, "log: %s", strerror(-ret));
	return ret;
}

static void stop_log(struct hamd *h)
{
	(void)h;
	log_stop();
}

/* EAL ties this thread, which runs the control core, to its core. Host threads are made by it and
 * would inherit that. */
static cpu_set_t lcore_cpus, host_cpus;

static void choose_host_cpus(const cpu_set_t *at_start)
{
	unsigned lcore;

	pthread_getaffinity_np(pthread_self(), sizeof(lcore_cpus), &lcore_cpus);
	host_cpus = *at_start;
	RTE_LCORE_FOREACH(lcore)
	CPU_CLR(rte_lcore_to_cpu_id((int)lcore), &host_cpus);
	if (CPU_COUNT(&host_cpus) == 0) /* there is no other */
		host_cpus = *at_start;
}

static int start_eal(struct hamd *h, char *err, size_t err_len)
{
	cpu_set_t at_start;
	int ret;

	pthread_getaffinity_np(pthread_self(), sizeof(at_start), &at_start);
	mem_use_hugepages(h->conf->runtime.hugepages);
	ret = eal_start(h->conf, err, err_len);
	if (ret == 0)
		choose_host_cpus(&at_start);
	return ret;
}

static void stop_eal(struct hamd *h)
{
	(void)h;
	eal_stop();
}

static int start_tables(struct hamd *h, char *err, size_t err_len)
{
	const struct conf_runtime *rt = &h->conf->runtime;
	struct tables_opts opts = {
		.readers = rte_lcore_count(),
		.max_bindings = h->conf->domain_count > 0 ? rt->max_bindings : 0,
		.mesh_domains = conf_has_mesh(h->conf) ? h->conf->domain_count : 0,
		.max_neighbors = rt->max_neighbors,
		.max_routes = rt->max_routes,
		.max_addrs = CONF_DOMAINS_MAX,
	};
	struct sa_opts mesh = {
		.node = (uint8_t)h->conf->node.id,
		.site = h->conf->mesh.site_address,
		/* workers, and the control core's own */
		.workers = rte_lcore_count() > 1 ? rte_lcore_count() : 2,
		.clear = !h->conf->mesh.protect_data,
	};
	int ret;

	for (uint32_t i = 0; i < h->conf->port_count; i++)
		opts.max_addrs += h->conf->ports[i].address_count + 1;
	for (uint32_t i = 0; i < h->conf->domain_count; i++)
		opts.max_addrs += h->conf->domains[i].peer_count; /* adopted ones */
	randombytes_buf(&opts.seed, sizeof(opts.seed));
	mesh.seed = opts.seed;
	if (conf_has_mesh(h->conf))
		opts.mesh = &mesh;
	ret = tables_new(&opts, &h->tables);
	if (ret < 0)
		snprintf(err, err_len, "tables: %s (runtime.max-bindings, runtime.memory-mb)",
			strerror(-ret));
	return ret;
}

static void stop_tables(struct hamd *h)
{
	tables_free(h->tables);
}

static int start_dataplane(struct hamd *h, char *err, size_t err_len)
{
	return dp_new(h->conf, h->tables, &h->dp, err, err_len);
}

static void stop_dataplane(struct hamd *h)
{
	dp_free(h->dp);
}

static int start_control(struct hamd *h, char *err, size_t err_len)
{
	int ret = ctl_new(h->conf, h->subs, h->tables, h->dp, &h->ctl, err, err_len);

	if (ret == 0)
		h->subs = NULL;
	conf_forget_private_key(h->conf);
	return ret;
}

static void stop_control(struct hamd *h)
{
	ctl_free(h->ctl);
}

/* So many files are left when hamd was killed again and again before it had written everything
 * anew; it does so now, before anything can kill it. */
#define STORE_MANY_FILES 8

static_assert(CONF_DOMAINS_MAX <= STORE_DOMAINS_MAX, "the store's numbers");

static int start_store(struct hamd *h, char *err, size_t err_len)
{
	const struct conf_store *conf = &h->conf->store;
	struct store_reader reader = { h->ctl, ctl_load_clock, ctl_load_domain, ctl_load_record,
		ctl_load_seen, ctl_load_end };
	struct store_opts opts = {
		.path = conf->path,
		.sync_ms = conf->sync_ms,
		.refuse_damage = conf->on_damage == CONF_DAMAGE_REFUSE,
		.domains = h->domains,
		.waits = h->waits,
		.domain_count = h->conf->domain_count,
		.feed = ctl_feed(h->ctl),
	};
	struct store_start start;
	struct ctl_past past;
	int ret;

	if (opts.feed == NULL)
		return 0;
	opts.clock_ms = ctl_store_clock(h->ctl);
	for (uint32_t i = 0; i < h->conf->domain_count; i++) {
		h->domains[i] = h->conf->domains[i].name;
		h->waits[i] = h->conf->domains[i].ack_peers == CONF_ACK_STORE;
	}
	ret = store_open(&opts, &reader, &h->store, &start, err, err_len);
	if (ret < 0)
		return ret;
	past = (struct ctl_past){
		.known_ms = start.known_ms,
		.was_damaged = start.was_moved,
		.is_lost = start.found.is_lost,
		.has_no_clock = start.found.clock != STORE_CLOCK_OK,
		.away_ms = start.found.away_ms,
	};
	ret = ctl_loaded(h->ctl, &past, err, err_len);
	if (ret == 0)
		ret = store_run(h->store, err, err_len);
	if (ret < 0) {
		store_stop(h->store, false);
		return ret;
	}
	if (start.found.count > STORE_MANY_FILES)
		ctl_store_settle(h->ctl);
	return 0;
}

static void stop_store(struct hamd *h)
{
	if (h->store == NULL)
		return;
	store_stop(h->store, ctl_store_finish(h->ctl));
}

static uint32_t take_events(void *acct, struct acct_event *out, uint32_t max)
{
	return acct_take(acct, out, max);
}

static void report(void *acct, const struct acct_report *r)
{
	acct_report(acct, r);
}

static int start_accounting(struct hamd *h, char *err, size_t err_len)
{
	struct accounting_opts opts = {
		.conf = h->conf,
		.ops = { .ctx = ctl_acct(h->ctl), .take = take_events, .report = report },
	};

	return opts.ops.ctx != NULL ? accounting_start(&opts, &h->accounting, err, err_len) : 0;
}

static void stop_accounting(struct hamd *h)
{
	ctl_finish(h->ctl);
	accounting_stop(h->accounting);
}

static int start_telemetry(struct hamd *h, char *err, size_t err_len)
{
	int ret = telemetry_start(h->dp);

	if (ret < 0)
		snprintf(err, err_len, "telemetry: %s", strerror(-ret));
	return ret;
}

static void stop_telemetry(struct hamd *h)
{
	(void)h;
	telemetry_stop();
}

static void update(void *ctl, struct ctl_update *u)
{
	ctl_update(ctl, u);
}

static bool is_updated(void *ctl)
{
	return ctl_is_updated(ctl);
}

static int start_reload(struct hamd *h, char *err, size_t err_len)
{
	struct reload_opts opts = {
		.path = h->path,
		.conf = h->conf,
		.subs = ctl_subscribers(h->ctl),
		.ops = { .ctx = h->ctl, .update = update, .is_updated = is_updated },
	};

	return reload_start(&opts, &h->reload, err, err_len);
}

static void stop_reload(struct hamd *h)
{
	reload_stop(h->reload);
}

static int submit(void *hamd, struct ctl_req *req)
{
	struct hamd *h = hamd;

	return req->cmd == CTL_RELOAD ? reload_submit(h->reload, req) : ctl_submit(h->ctl, req);
}

static struct ctl_req *reap(void *hamd)
{
	struct hamd *h = hamd;
	struct ctl_req *req = ctl_reap(h->ctl);

	return req != NULL ? req : reload_reap(h->reload);
}

static int start_api(struct hamd *h, char *err, size_t err_len)
{
	struct api_opts opts = {
		.path = h->conf->runtime.socket,
		.ops = { .ctx = h, .submit = submit, .reap = reap },
		.lanes = dp_watch_lanes(h->dp),
	};

	return api_start(&opts, &h->api, err, err_len);
}

static void stop_api(struct hamd *h)
{
	api_stop(h->api);
}

static int start_key_log(struct hamd *h, char *err, size_t err_len)
{
	struct bring *ring = ctl_key_log(h->ctl);

	return ring == NULL ? 0
			    : key_log_file_start(
				      h->conf->mesh.key_log_file, ring, &h->key_log, err, err_len);
}

static void stop_key_log(struct hamd *h)
{
	key_log_file_stop(h->key_log);
}

static bool lcores_run(void *dp)
{
	return dp_is_running(dp);
}

static uint64_t lcore_turns(void *dp, uint32_t i)
{
	return dp_lcore_turns(dp, i);
}

static uint32_t lcore_number(void *dp, uint32_t i)
{
	struct dp_lcore_info info;

	dp_lcore_info(dp, i, &info);
	return info.lcore;
}

static int start_watchdog(struct hamd *h, char *err, size_t err_len)
{
	struct watchdog_opts opts = {
		.limit_ms = h->conf->runtime.watchdog_ms,
		.lcores = dp_lcore_count(h->dp),
		.ctx = h->dp,
		.is_running = lcores_run,
		.turns = lcore_turns,
		.number = lcore_number,
		.bite = abort,
	};

	return opts.limit_ms == 0 ? 0 : watchdog_start(&opts, &h->watchdog, err, err_len);
}

static void stop_watchdog(struct hamd *h)
{
	watchdog_stop(h->watchdog);
}

static const struct {
	const char *name;
	int (*start)(struct hamd *h, char *err, size_t err_len);
	void (*stop)(struct hamd *h);
	bool has_thread; /* of the host's: not on an lcore where there is another core */
} modules[] = {
	{ "log", start_log, stop_log },
	{ "eal", start_eal, stop_eal },
	{ "tables", start_tables, stop_tables },
	{ "dataplane", start_dataplane, stop_dataplane },
	{ "control", start_control, stop_control },
	{ "store", start_store, stop_store, true },
	{ "accounting", start_accounting, stop_accounting, true },
	{ "telemetry", start_telemetry, stop_telemetry },
	{ "reload", start_reload, stop_reload, true },
	{ "key log", start_key_log, stop_key_log, true },
	{ "api", start_api, stop_api, true },
	{ "watchdog", start_watchdog, stop_watchdog, true },
};

static int start_module(struct hamd *h, size_t i, char *err, size_t err_len)
{
	int ret;

	if (!modules[i].has_thread)
		return modules[i].start(h, err, err_len);
	pthread_setaffinity_np(pthread_self(), sizeof(host_cpus), &host_cpus);
	ret = modules[i].start(h, err, err_len);
	pthread_setaffinity_np(pthread_self(), sizeof(lcore_cpus), &lcore_cpus);
	return ret;
}

static void warn_line(void *ctx, const char *line)
{
	(void)ctx;
	log_warn(TAG, "%s", line);
}

static void warn(const struct hamd *h)
{
	for (uint32_t i = 0; i < h->conf->warning_count; i++)
		warn_line(NULL, h->conf->warnings[i]);
	subscribers_warn(h->conf, h->subs, warn_line, NULL);
}

/* SIGTERM, SIGINT and SIGUSR1 are taken by this thread only, while there is something to stop;
 * sent earlier they wait. Every other thread is made while they are blocked. */
static void block_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

/* host/reload reads it from a descriptor. */
static void block_hup(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void set_signals(void)
{
	struct sigaction take = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

	block_signals(SIG_BLOCK);
	block_hup();
	sigaction(SIGTERM, &take, NULL);
	sigaction(SIGINT, &take, NULL);
	sigaction(SIGUSR1, &take, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* a file as large as may be is write()'s error */
}

static int run(struct hamd *h)
{
	char err[ERR_LEN] = "";
	size_t started = 0;
	int ret = 0;

	warn(h);
	set_signals();
	for (; started < DIM(modules); started++) {
		log_debug(TAG, "starting %s", modules[started].name);
		ret = start_module(h, started, err, sizeof(err));
		if (ret < 0)
			break;
	}
	if (ret < 0) {
		log_err(TAG, "%s", err);
	} else {
		log_info(TAG, "hamd %s runs node=%s socket=%s", HAMD_VERSION, h->conf->node.name,
			h->conf->runtime.socket);
		running = h;
		block_signals(SIG_UNBLOCK);
		ret = dp_run(h->dp, ctl_poll, h->ctl);
		block_signals(SIG_BLOCK);
		running = NULL;
		log_info(TAG, "stops");
	}
	while (started-- > 0)
		modules[started].stop(h);
	return ret < 0 ? 1 : 0;
}

static void usage(FILE *to)
{
	fputs("usage: hamd -c FILE [-t [-v]]\n"
	      "       hamd --print-schema | --version | --help\n"
	      "\n"
	      "  -c FILE, --config FILE  configuration, see hamd.json(5)\n"
	      "  -t, --test              check the configuration and exit: 0 good, 1 not\n"
	      "  -v, --verbose           with -t: show every value in force\n"
	      "  --print-schema          JSON Schema of the configuration\n"
	      "  -V, --version\n"
	      "  -h, --help\n",
		to);
}

struct options {
	const char *config;
	bool test, verbose;
};

/* 0, or the exit status plus one. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "print-schema", no_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tvVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 's':
			conf_print_schema(stdout);
			return 1;
		case 'V':
			printf("hamd %s, %s\n", HAMD_VERSION, rte_version());
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 3;
		}
	}
	if (o->config != NULL && optind == argc)
		return 0;
	if (optind < argc)
		fprintf(stderr, "hamd: unexpected argument %s\n", argv[optind]);
	usage(stderr);
	return 3;
}

/* The configuration and all that it names. */
static int load(struct hamd *h, char *err, size_t err_len)
{
	int ret = conf_load(h->path, &h->conf, err, err_len);

	if (ret < 0)
		return ret;
	ret = subscribers_load(h->conf, NULL, &h->subs, err, err_len);
	if (ret < 0) {
		conf_free(h->conf);
		return ret;
	}
	conf_forget_keys(h->conf);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct hamd h = { 0 };
	char err[ERR_LEN];
	int ret = parse_options(argc, argv, &o);

	h.path = o.config;
	if (ret > 0)
		return ret - 1;
	if (sodium_init() < 0) {
		fputs("hamd: libsodium does not start\n", stderr);
		return 1;
	}
	if (load(&h, err, sizeof(err)) < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	log_set_level_name(h.conf->runtime.log_level);
	if (!o.test) {
		ret = run(&h);
	} else {
		if (o.verbose)
			conf_print(h.conf, stdout);
		warn(&h);
		printf("%s: good\n", o.config);
	}
	subs_free(h.subs);
	conf_free(h.conf);
	return ret;
}
