/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose memory it is: every malloc() of the code under test is counted for the site on whose behalf
 * it runs. The linker puts these functions in the place of the C library's (--wrap).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Memory that is taken from now on belongs to this site; 0: to nobody. */
void mem_for(uint8_t node);
/* Whose it would be; 0: nobody's. */
uint8_t mem_current(void);
/* Octets that the site holds. */
uint64_t mem_of(uint8_t node);

/* The simulator's own, whoever's code runs; they never fail. Given back by free(). */
void *mem_own(size_t size);
void *mem_own_again(void *p, size_t size);
