/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is a text JSON (RFC 8259), to the letter? cJSON takes control characters for white space, cuts
 * strings at \u0000, passes any octets for UTF-8 and says no more than where it stopped: so the
 * text is checked here first, and what cJSON then gets it can only refuse for want of memory.
 * Pure, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_DEPTH_MAX 16 /* arrays and objects inside each other */

struct conf_fault {
	uint32_t line, column; /* from 1; the column counts octets */
	const char *why; /* static text */
};

/* False: what is wrong and where is in *fault. */
bool conf_scan(const char *text, size_t len, struct conf_fault *fault);
/* The same for one line of a file that holds an object a line. */
bool conf_scan_line(const char *text, size_t len, struct conf_fault *fault);
