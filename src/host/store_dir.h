/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory of a store: made when it is missing (0700, its parent 0750), locked against a
 * second daemon, listed, moved aside. It holds the store's files and nothing else, so that it can
 * be moved aside whole without taking anybody's data with it. One owner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STORE_FILES_MAX 64 /* files of a store; more are never made */
#define STORE_NAME_LEN  24 /* of a file's name, with the terminating zero */
#define STORE_TMP       "new.tmp" /* a file that is not complete yet */

struct store_dir {
	char path[4096]; /* without slashes at its end */
	int fd; /* locked for as long as it is open; -1: closed */
	uint64_t number[STORE_FILES_MAX]; /* of the files, ascending */
	uint32_t count;
};

/* 0, or -errno with a line in err: -EBUSY another daemon has it, -ENOTEMPTY something else is in
 * it, -EPERM others than hamd's user can write to it. */
int store_dir_open(struct store_dir *d, const char *path, char *err, size_t err_len);
void store_dir_close(struct store_dir *d); /* fine when it is closed */

/* Renames it to PATH.bad-TIME and opens a new one in its place; d->path stays, to (of to_len
 * octets) says where it went. 0, or -errno with a line in err: it is where it was. */
int store_dir_move_aside(struct store_dir *d, char *to, size_t to_len, char *err, size_t err_len);

void store_file_name(uint64_t number, char name[static STORE_NAME_LEN]);
