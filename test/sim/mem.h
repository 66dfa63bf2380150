/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose memory it is: every malloc() of the code under test is counted for the site on whose behalf
 * it runs. The linker puts these functions in the place of the C library's (--wrap).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is taken from now on belongs to this site; 0: to nobody. */
void mem_for(uint8_t node);
/* Whose it would be; 0: nobody's. */
uint8_t mem_current(void);
/* Octets that the site holds. */
uint64_t mem_of(uint8_t node);

/* Of a thousand requests of that site so many fail from now on. */
void mem_lack(uint8_t node, uint16_t per_mille);
bool mem_is_lacking(uint8_t node);
/* The nth request of that site from now on fails, once; 0: none does. */
void mem_lack_once(uint8_t node, uint32_t nth);

/* The simulator's own, whoever's code runs; they never fail. Given back by free(). */
void *mem_own(size_t size);
void *mem_own_again(void *p, size_t size);
