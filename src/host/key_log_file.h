/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mesh.key-log-file: a thread that appends what control puts into a ring, line by line, a few times
 * a second. The file is made readable by hamd's user only; one that others may read is refused.
 */
#pragma once

#include <stddef.h>

struct bring;
struct key_log_file;

/* 0, or -errno with a line in err. */
int key_log_file_start(
	const char *path, struct bring *ring, struct key_log_file **out, char *err, size_t err_len);
void key_log_file_stop(struct key_log_file *k); /* writes what is left; NULL is fine */
