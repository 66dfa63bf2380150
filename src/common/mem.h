/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Big zeroed memory for tables, all of which is there from the start: huge pages where there are any,
 * ordinary (and transparent huge) pages otherwise. For what is used at any place of it, such as the
 * heads of hash chains; an array that fills from its beginning may as well be calloc()'s.
 * Independent of EAL, so that tables run in unit tests, and bounded by what
 * the configuration says, not by --memory-mb.
 *
 * The address sanitizer knows malloc()'s memory, not what is mapped. Where hamd is built with it, what
 * is in front of and behind what was asked for is poisoned, to the octet: an index that is off by one
 * ends the program, and so does mem_free() with another size.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) /* gcc's word for it, the other is clang's */
#define MEM_HAS_FENCES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_HAS_FENCES 1
#endif
#endif
#ifndef MEM_HAS_FENCES
#define MEM_HAS_FENCES 0
#endif

void *mem_zalloc(size_t bytes); /* page-aligned; NULL: no memory */
void mem_free(void *p, size_t bytes); /* NULL is fine */
void mem_use_hugepages(bool on); /* before the first mem_zalloc(); default off */
