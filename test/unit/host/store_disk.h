/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a machine does to the store: power that goes, disks that are full, read-only or broken. The
 * system calls that change files are the test program's own (store_disk.c): they do what they should,
 * or fail as a test wants it, and keep account of what is on disk and what is only in memory. A loss of
 * power leaves what is on disk, and of the rest whatever the kernel may have written by then: pages in
 * any order, changes of the directory in theirs.
 */
#pragma once

#include "store_lab.h"

#include <pthread.h>

#include "host/store_priv.h"

#define FILES   4096
#define PENDING 65536
#define PAGE    4096

struct change { /* of a file, not on disk yet: octets of one page, or a new length */
	uint64_t at;
	uint32_t len;
	uint8_t *octets; /* NULL: the file ends at `at` */
};

struct inode {
	uint8_t *disk;
	size_t disk_len;
	struct change *pending;
	size_t pending_count;
};

enum dir_op { LINK, UNLINK };

struct entry { /* what happens to the directory */
	enum dir_op op;
	unsigned inode;
	char name[64];
};

extern struct disk {
	_Atomic bool on;
	pthread_mutex_t lock;
	struct inode inode[FILES];
	unsigned inodes;
	_Atomic int of_fd[1024]; /* inode + 1 */
	char tmp[64]; /* STORE_TMP's inode is the last one made */
	struct entry dir[FILES];
	size_t dir_count, dir_disk; /* of these are on disk */

	/* faults */
	_Atomic int64_t room; /* octets that may still be written, -1: any number */
	_Atomic int fail_sync, fail_open, fail_rename, fail_unlink; /* errno, 0: none */
	_Atomic int syncs; /* that succeed before fail_sync */
	_Atomic int fail_change; /* to open what is there, to change it */
	_Atomic bool sync_loses; /* a failure is told once, and what was to be written is gone */
	_Atomic unsigned short_writes; /* every so many writes does only a part */
	_Atomic unsigned writes;
	_Atomic int renames; /* that still succeed, -1: any number */
	_Atomic uint64_t skip_ms; /* the machine's clock is ahead by that */
	_Atomic uint64_t at_ms; /* it stands there, but for that; 0: it goes */
	_Atomic int fail_stat; /* errno: nothing is said of any name */
	_Atomic unsigned stats; /* questions about a name */

	/* directories that were forced to disk */
	ino_t synced[64];
	unsigned synced_count;
} disk;

void disk_reset(void);
void disk_stop_clock(void); /* no time passes but disk.skip_ms */
/* With disk.lock held by whoever lets a store run. */
void disk_add_change(struct inode *in, uint64_t at, const uint8_t *octets, size_t len);
void disk_add_entry(enum dir_op op, unsigned inode, const char *name);
/* The power goes at this moment: `to` is what is found afterwards. */
void disk_lose_power(const char *to, uint64_t *rng);

static inline int disk_setup(void **state)
{
	(void)state;
	lab_begin();
	disk_reset();
	disk.on = true;
	return 0;
}

static inline int disk_teardown(void **state)
{
	(void)state;
	disk.on = false;
	disk_reset();
	lab_end();
	return 0;
}

static inline bool is_failed(void)
{
	return feed_stat(lab.feed, FEED_STAT_FAILED) == 1;
}
