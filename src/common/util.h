/* SPDX-License-Identifier: BSD-3-Clause */
/* Small things every file needs. No state, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIM(a) (sizeof(a) / sizeof((a)[0]))

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#ifndef container_of /* DPDK has one too */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif
