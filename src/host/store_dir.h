/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory of a store: made when it is missing (0700, its parent 0750), locked against a
 * second daemon, listed. It holds the store's files, and in directories bad-TIME the files of
 * damaged ones before it: one may be a mount point, and what is above it need not be hamd's to
 * write. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_FILES_MAX 64 /* files of a store; more are never made */
#define STORE_NAME_LEN  24 /* of a file's name, with the terminating zero */
#define STORE_TMP       "new.tmp" /* a file that is not complete yet */
#define STORE_ASIDE_LEN 64 /* of the name of a directory for damaged files */

struct store_dir {
	char path[4096]; /* without slashes at its end */
	int fd; /* locked for as long as it is open; -1: closed */
	uint64_t number[STORE_FILES_MAX]; /* of the files, ascending */
	uint32_t count;
	char aside[STORE_ASIDE_LEN]; /* the last of the directories with damaged files, "": none */
};

/* 0, or -errno with a line in err: -EBUSY another daemon has it, -ENOTEMPTY something else is in
 * it, -EPERM others than hamd's user can write to it. */
int store_dir_open(struct store_dir *d, const char *path, char *err, size_t err_len);
void store_dir_close(struct store_dir *d); /* fine when it is closed */

/* That errno says of a name that there is nothing. Others (EIO, EACCES, ENOMEM) say nothing of it. */
bool store_is_gone(int error);
/* What is open is what the path names, as far as that can be told: nobody moved or removed it. */
bool store_dir_is_there(const struct store_dir *d);
/* Opens what the path names now, or makes it, in place of what is open. 0, or -errno with a line in
 * err, also -ENOTEMPTY, there is another store; what was open stays open and locked then: it may
 * be there again, and it is ours. */
int store_dir_again(struct store_dir *d, char *err, size_t err_len);

/*
 * Moves the files into a new directory d->aside. 0, or -errno with a line in err. Oldest first,
 * each on disk before the next one goes: wherever it ends, what is left needs a file that is not
 * there, so that it is no store, and will be moved aside by the next start.
 */
int store_dir_move_aside(struct store_dir *d, char *err, size_t err_len);

void store_file_name(uint64_t number, char name[static STORE_NAME_LEN]);
