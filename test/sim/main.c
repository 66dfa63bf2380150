/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of the simulator: one world told aloud, or a campaign of many. A campaign runs
 * in several processes, so that a crash of the code under test is found like any other failure.
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "fake.h"
#include "options.h"
#include "plan.h"
#include "scale.h"
#include "world.h"

#define QUOTA_MIN 500 /* worlds from which on a campaign must know its share of faults */

/* What the processes of a campaign share. */
struct shared {
	struct stats stats[JOBS_MAX];
	uint64_t at[JOBS_MAX]; /* the seed at hand */
	uint64_t failed_seed; /* the first of each process wins; 0: none */
	uint64_t done[JOBS_MAX];
	char failure[512];
	volatile bool is_failed;
};

/* --- one world --- */

static bool run_world(uint64_t seed, const struct opts *o, bool trace, struct stats *sum,
	char failure[static 512])
{
	struct shape shape;
	struct world *w;
	bool ok;

	if (shape_draw(seed, o->shape, &shape) < 0 || world_new(seed, &shape, trace, &w) < 0)
		abort();
	if (plan_begin(w, o->fake ? &fake_kind : &agent_kind) < 0)
		abort();
	if (trace)
		world_describe(w);
	plan_run(w);
	ok = !w->failed;
	snprintf(failure, 512, "%s", w->failure);
#define X(name, what) sum->name += w->stats.name;
	STATS_LIST(X)
#undef X
	plan_end(w);
	world_free(w);
	return ok;
}

static int one(const struct opts *o)
{
	struct stats stats = { 0 };
	char failure[512];

	if (run_world(o->first, o, o->trace, &stats, failure)) {
		printf("seed %llu: nothing found\n", (unsigned long long)o->first);
		return 0;
	}
	printf("seed %llu: %s\n", (unsigned long long)o->first, failure);
	return 1;
}

/* --- a campaign --- */

static void work(const struct opts *o, struct shared *sh, unsigned job)
{
	char failure[512];

	for (uint64_t seed = o->first + job; seed <= o->last && !sh->is_failed; seed += o->jobs) {
		sh->at[job] = seed;
		if (!run_world(seed, o, false, &sh->stats[job], failure)) {
			sh->is_failed = true;
			sh->failed_seed = seed;
			memcpy(sh->failure, failure, sizeof(failure));
			exit(1);
		}
		sh->done[job]++;
	}
	exit(0); /* not _exit(): what coverage was counted is written */
}

static void tell(const struct stats *s)
{
#define X(name, what) printf("%12llu  %s\n", (unsigned long long)s->name, what);
	STATS_LIST(X)
#undef X
}

/* A campaign that was kind to the code has shown nothing. Who asks for one kind of worlds, some of
 * which know few faults, has chosen so. */
static bool is_hard(const struct stats *s)
{
	return s->worlds < QUOTA_MIN ||
	       (2 * s->with_partition >= s->worlds && 2 * s->with_crash >= s->worlds &&
		       2 * s->with_clock >= s->worlds);
}

/* Of a campaign that found nothing: the exit status. */
static int status_of(const struct stats *s, const char *shape)
{
	bool is_chosen = strcmp(shape, "any") != 0;

	if (is_hard(s))
		return 0;
	printf("too few of these worlds had a partition, a crash or a clock step%s\n",
		is_chosen ? ": their kind was chosen" : "");
	return is_chosen ? 0 : 1;
}

static void wait_for(struct shared *sh, const pid_t *pid, unsigned jobs)
{
	for (unsigned i = 0; i < jobs; i++) {
		int status;
		pid_t p = wait(&status);
		unsigned job = 0;

		while (job < jobs && pid[job] != p)
			job++;
		if (job == jobs || !WIFSIGNALED(status) || sh->is_failed)
			continue;
		sh->is_failed = true;
		sh->failed_seed = sh->at[job];
		snprintf(sh->failure, sizeof(sh->failure), "killed by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
}

static int campaign(
	const struct opts *o, struct stats *sum, uint64_t *failed_seed, char failure[static 512])
{
	struct shared *sh =
		mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[JOBS_MAX];
	bool failed;

	if (sh == MAP_FAILED)
		abort();
	fflush(stdout);
	for (unsigned i = 0; i < o->jobs; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			abort();
		if (pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work(o, sh, i);
		}
	}
	wait_for(sh, pid, o->jobs);
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < o->jobs; i++) {
#define X(name, what) sum->name += sh->stats[i].name;
		STATS_LIST(X)
#undef X
	}
	failed = sh->is_failed;
	*failed_seed = sh->failed_seed;
	snprintf(failure, 512, "%s", sh->failure);
	munmap(sh, sizeof(*sh));
	return failed;
}

static int many(const struct opts *o)
{
	struct stats sum;
	uint64_t seed;
	char failure[512];
	bool failed = campaign(o, &sum, &seed, failure);

	if (!o->quiet)
		tell(&sum);
	if (o->must_fail) {
		if (failed)
			printf("found in seed %llu: %s\n", (unsigned long long)seed, failure);
		else
			puts("not found");
		return failed ? 0 : 1;
	}
	if (!failed)
		return status_of(&sum, o->shape);
	printf("seed %llu: %s\n", (unsigned long long)seed, failure);
	printf("again, as a story: sim --shape %s --trace --seed %llu\n", o->shape,
		(unsigned long long)seed);
	return 1;
}

/* --- the oracle's own test --- */

/* Is a campaign with too few faults a failure? */
static int test_quota(void)
{
	/* worlds; with a partition, a crash, a clock step */
	static const struct {
		struct stats sum;
		const char *shape;
		int status;
	} rows[] = {
		{ { 499 }, "any", 0 }, /* of a few worlds nothing is asked */
		{ { 500, 250, 250, 250 }, "any", 0 },
		{ { 500, 249, 500, 500 }, "any", 1 },
		{ { 500, 500, 249, 500 }, "any", 1 },
		{ { 500, 500, 500, 249 }, "any", 1 },
		{ { 501, 501, 501, 250 }, "any", 1 },
		{ { 2000 }, "any", 1 },
		{ { 2000 }, "crowd", 0 },
	};
	int failures = 0;

	for (unsigned i = 0; i < DIM(rows); i++)
		if (status_of(&rows[i].sum, rows[i].shape) != rows[i].status) {
			printf("%u: %s\n  which is wrong\n", i,
				rows[i].status == 0 ? "must pass" : "must not pass");
			failures++;
		}
	return failures;
}

/* The perfect sites pass; each mistake is found within so many worlds. */
static int self_test(struct opts *o)
{
	int failures = test_quota();

	o->fake = true;
	for (unsigned i = 0; i < FAKE_COUNT; i++) {
		struct stats sum;
		uint64_t seed;
		char failure[512] = "";
		bool found;

		fake_choose(i);
		o->first = 1;
		o->last = 300;
		found = campaign(o, &sum, &seed, failure);
		printf("%-13s %s%s\n", fake_name(i), found ? "found: " : "nothing found", failure);
		if (found == (i == FAKE_PERFECT)) {
			puts("  which is wrong");
			failures++;
		}
		if (i == FAKE_PERFECT && !o->quiet)
			tell(&sum);
	}
	return failures == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct opts o = { 0 };
	struct shape shape;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int what = 0;

	o.jobs = processors < 1 ? 1 : processors > JOBS_MAX ? JOBS_MAX : (unsigned)processors;
	if (!options_parse(argc, argv, &o, &what) || shape_draw(0, o.shape, &shape) < 0) {
		options_usage(stderr);
		return 2;
	}
	if (sodium_init() < 0) {
		fputs("sim: libsodium does not start\n", stderr);
		return 1;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	switch (what) {
	case 'h':
		options_usage(stdout);
		return 0;
	case 'o':
		return self_test(&o);
	case 'c':
		return scale_print();
	case 'P':
		options_list_plants();
		return 0;
	case 's':
		return one(&o);
	default:
		return many(&o);
	}
}
