/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every fuzz target includes. libFuzzer hands over a buffer of the exact size, so that the
 * address sanitizer sees one octet too many; FUZZ_CHECK() is for everything else that must hold
 * whatever the octets are, and also works in builds without assert().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(x)                                                                              \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Called by libFuzzer; the first only where there is one, once, before anything else. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
