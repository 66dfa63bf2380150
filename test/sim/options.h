/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator's command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JOBS_MAX 64

struct opts {
	uint64_t first, last; /* seeds */
	const char *shape; /* NULL: not said */
	unsigned jobs;
	bool trace, fake, quiet;
	bool must_fail; /* a planted fault: nothing found is the failure */
};

void options_usage(FILE *to);
void options_list_plants(void);
/* *what: the letter of what is to be done. False: usage. */
bool options_parse(int argc, char **argv, struct opts *o, int *what);
