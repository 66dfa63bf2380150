/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon as hamctl sees it, without a data plane: fake_hamd SOCKET [BINDINGS]. */
#include <signal.h>
#include <stdlib.h>

#include "fake_ctl.h"

int main(int argc, char *argv[])
{
	static struct fake_ctl fake;
	struct api_opts opts = {
		.path = argc > 1 ? argv[1] : "",
		.ops = { .ctx = &fake, .submit = fake_submit, .reap = fake_reap },
		.lanes = 2,
	};
	struct api *api;
	char err[256];
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL); /* before the threads */
	if (fake_start(&fake, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3) < 0)
		return 1;
	if (api_start(&opts, &api, err, sizeof(err)) < 0) {
		fprintf(stderr, "fake_hamd: %s\n", err);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	fake_stop(&fake);
	api_stop(api);
	return 0;
}
