/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Big zeroed memory for tables, all of which is there from the start: huge pages where there are any,
 * ordinary (and transparent huge) pages otherwise. For what is used at any place of it, such as the
 * heads of hash chains; an array that fills from its beginning may as well be calloc()'s.
 * Independent of EAL, so that tables run in unit tests, and bounded by what
 * the configuration says, not by --memory-mb.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *mem_zalloc(size_t bytes); /* page-aligned; NULL: no memory */
void mem_free(void *p, size_t bytes); /* NULL is fine */
void mem_use_hugepages(bool on); /* before the first mem_zalloc(); default off */
