/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a machine does to the store: power that goes, disks that are full, read-only or broken. The
 * system calls that change files are this program's own: they do what they should, or fail as a
 * test wants it, and keep account of what is on disk and what is only in memory. A loss of power
 * leaves what is on disk, and of the rest whatever the kernel may have written by then: pages in
 * any order, changes of the directory in theirs.
 */
#include "store_lab.h"

#include "host/store_priv.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "rng.h"

/* --- the disk --- */

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

static struct {
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
	_Atomic bool sync_loses; /* a failure is told once, and what was to be written is gone */
	_Atomic unsigned short_writes; /* every so many writes does only a part */
	_Atomic unsigned writes;
	_Atomic int renames; /* that still succeed, -1: any number */
	_Atomic uint64_t skip_ms; /* the machine's clock is ahead by that */
	_Atomic int fail_stat; /* errno: nothing is said of any name */
	_Atomic unsigned stats; /* questions about a name */

	/* directories that were forced to disk */
	ino_t synced[64];
	unsigned synced_count;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = -1, .renames = -1 };

static void disk_reset(void)
{
	for (unsigned i = 0; i < disk.inodes; i++) {
		struct inode *in = &disk.inode[i];

		for (size_t j = 0; j < in->pending_count; j++)
			free(in->pending[j].octets);
		free(in->pending);
		free(in->disk);
	}
	memset(disk.inode, 0, sizeof(disk.inode));
	memset(disk.of_fd, 0, sizeof(disk.of_fd));
	disk.inodes = 0;
	disk.dir_count = disk.dir_disk = 0;
	disk.room = -1;
	disk.fail_sync = disk.fail_open = disk.fail_rename = disk.fail_unlink = 0;
	disk.fail_stat = 0;
	disk.short_writes = disk.writes = 0;
	disk.sync_loses = false;
	disk.renames = -1;
	disk.synced_count = 0;
}

static struct inode *inode_of(int fd)
{
	return disk.on && fd >= 0 && fd < 1024 && disk.of_fd[fd] > 0
		       ? &disk.inode[disk.of_fd[fd] - 1]
		       : NULL;
}

static void add_change(struct inode *in, uint64_t at, const uint8_t *octets, size_t len)
{
	if (in->pending == NULL)
		in->pending = calloc(PENDING, sizeof(*in->pending));
	if (octets == NULL) {
		in->pending[in->pending_count++] = (struct change){ .at = at };
		return;
	}
	while (len > 0) {
		size_t n = PAGE - at % PAGE < len ? PAGE - at % PAGE : len;
		struct change *c = &in->pending[in->pending_count++];

		assert_true(in->pending_count < PENDING);
		*c = (struct change){ .at = at, .len = (uint32_t)n, .octets = malloc(n) };
		memcpy(c->octets, octets, n);
		at += n;
		octets += n;
		len -= n;
	}
}

static void apply(uint8_t **p, size_t *have, const struct change *c)
{
	size_t end = c->at + c->len;

	if (end > *have) {
		*p = realloc(*p, end);
		memset(*p + *have, 0, end - *have);
		*have = end;
	}
	if (c->octets != NULL)
		memcpy(*p + c->at, c->octets, c->len);
	else
		*have = c->at;
}

static void add_entry(enum dir_op op, unsigned inode, const char *name)
{
	struct entry *e = &disk.dir[disk.dir_count++];

	assert_true(disk.dir_count < FILES);
	*e = (struct entry){ .op = op, .inode = inode };
	snprintf(e->name, sizeof(e->name), "%s", name);
}

/* The octets that are left of a file: all that is on disk, and of what is not, if any, some. */
static void write_remains(const char *path, const struct inode *in, uint64_t *rng)
{
	uint8_t *p = malloc(in->disk_len + 1);
	size_t len = in->disk_len;
	unsigned mood = (unsigned)rng_below(rng, 3); /* none, all, some of it */

	memcpy(p, in->disk, len);
	for (size_t i = 0; i < in->pending_count; i++)
		if (mood == 1 || (mood == 2 && rng_below(rng, 2) == 0))
			apply(&p, &len, &in->pending[i]);
	lab_write(path, p, len);
	free(p);
}

/* The power goes at this moment: `to` is what is found afterwards. */
static void lose_power(const char *to, uint64_t *rng)
{
	size_t upto = disk.dir_disk + rng_below(rng, disk.dir_count - disk.dir_disk + 1);
	char name[NAME];

	disk.on = false;
	(void)tree_remove(to);
	assert_int_equal(mkdir(to, 0700), 0);
	for (size_t i = 0; i < upto; i++) {
		lab_name(name, "%s/%s", to, disk.dir[i].name);
		if (disk.dir[i].op == UNLINK)
			unlink(name);
		else
			write_remains(name, &disk.inode[disk.dir[i].inode], rng);
	}
	disk.on = true;
}

/* inode + 1 of what has that name, 0: not one of ours. */
static int inode_named(const char *name)
{
	for (size_t i = disk.dir_count; i-- > 0;)
		if (strcmp(disk.dir[i].name, name) == 0)
			return disk.dir[i].op == LINK ? (int)disk.dir[i].inode + 1 : 0;
	return 0;
}

/* --- the system calls --- */

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;
	int fd;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (disk.on && (flags & O_CREAT) && disk.fail_open != 0) {
		errno = disk.fail_open;
		return -1;
	}
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (disk.on && fd >= 0 && fd < 1024 && !(flags & O_CREAT)) {
		pthread_mutex_lock(&disk.lock);
		disk.of_fd[fd] = inode_named(path);
		pthread_mutex_unlock(&disk.lock);
	}
	if (disk.on && fd >= 0 && fd < 1024 && (flags & O_CREAT)) {
		pthread_mutex_lock(&disk.lock);
		assert_true(disk.inodes < FILES);
		disk.of_fd[fd] = (int)++disk.inodes;
		pthread_mutex_unlock(&disk.lock);
	}
	return fd;
}

int close(int fd)
{
	if (fd >= 0 && fd < 1024)
		disk.of_fd[fd] = 0;
	return (int)syscall(SYS_close, fd);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at)
{
	struct inode *in = inode_of(fd);
	ssize_t n;

	if (in == NULL)
		return syscall(SYS_pwrite64, fd, buf, len, at);
	pthread_mutex_lock(&disk.lock);
	if (disk.short_writes > 0 && ++disk.writes % disk.short_writes == 0 && len > 1)
		len = 1 + len / 2;
	if (disk.room >= 0 && at >= PAGE && (int64_t)len > disk.room)
		len = (size_t)disk.room;
	if (len == 0) {
		pthread_mutex_unlock(&disk.lock);
		errno = ENOSPC;
		return -1;
	}
	n = syscall(SYS_pwrite64, fd, buf, len, at);
	if (n > 0) {
		add_change(in, (uint64_t)at, buf, (size_t)n);
		if (disk.room >= 0 && at >= PAGE)
			disk.room -= n;
	}
	pthread_mutex_unlock(&disk.lock);
	return n;
}

int ftruncate(int fd, off_t at)
{
	struct inode *in = inode_of(fd);

	pthread_mutex_lock(&disk.lock);
	if (in != NULL)
		add_change(in, (uint64_t)at, NULL, 0);
	pthread_mutex_unlock(&disk.lock);
	return (int)syscall(SYS_ftruncate, fd, at);
}

int fdatasync(int fd)
{
	struct inode *in = inode_of(fd);

	if (in != NULL && disk.fail_sync != 0 && !disk.sync_loses) {
		errno = disk.fail_sync;
		return -1;
	}
	pthread_mutex_lock(&disk.lock);
	if (in != NULL && disk.fail_sync != 0) {
		for (size_t i = 0; i < in->pending_count; i++)
			free(in->pending[i].octets);
		in->pending_count = 0;
		errno = disk.fail_sync;
		disk.fail_sync = 0;
		pthread_mutex_unlock(&disk.lock);
		return -1;
	}
	for (size_t i = 0; in != NULL && i < in->pending_count; i++) {
		apply(&in->disk, &in->disk_len, &in->pending[i]);
		free(in->pending[i].octets);
	}
	if (in != NULL)
		in->pending_count = 0;
	pthread_mutex_unlock(&disk.lock);
	return 0;
}

/* Of directories only. */
int fsync(int fd)
{
	struct stat st;

	pthread_mutex_lock(&disk.lock);
	if (disk.synced_count < DIM(disk.synced) && fstat(fd, &st) == 0)
		disk.synced[disk.synced_count++] = st.st_ino;
	disk.dir_disk = disk.dir_count;
	pthread_mutex_unlock(&disk.lock);
	return 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (disk.on && (disk.fail_rename != 0 || disk.renames == 0)) {
		errno = disk.fail_rename != 0 ? disk.fail_rename : EIO;
		return -1;
	}
	if (disk.renames > 0)
		disk.renames--;
	pthread_mutex_lock(&disk.lock);
	if (disk.on) /* the store renames what it has just made */
		add_entry(LINK, disk.inodes - 1, to);
	pthread_mutex_unlock(&disk.lock);
	return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int unlinkat(int dir, const char *path, int flags)
{
	if (disk.on && disk.fail_unlink != 0) {
		errno = disk.fail_unlink;
		return -1;
	}
	pthread_mutex_lock(&disk.lock);
	if (disk.on && strcmp(path, STORE_TMP) != 0)
		add_entry(UNLINK, 0, path);
	pthread_mutex_unlock(&disk.lock);
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	disk.stats++;
	if (disk.on && disk.fail_stat != 0) {
		errno = disk.fail_stat;
		return -1;
	}
	return (int)syscall(SYS_newfstatat, dir, path, st, flags);
}

int stat(const char *path, struct stat *st)
{
	return fstatat(AT_FDCWD, path, st, 0);
}

int fstatvfs(int fd, struct statvfs *st)
{
	(void)fd;
	*st = (struct statvfs){ .f_frsize = 1,
		.f_bavail = disk.room < 0 ? 1ULL << 40 : (uint64_t)disk.room };
	return 0;
}

/* A test does not wait for the next try: it lets the time pass. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_MONOTONIC)
		ts->tv_sec += (time_t)(disk.skip_ms / 1000);
	return ret;
}

int ppoll(struct pollfd *p, nfds_t n, const struct timespec *limit, const sigset_t *set)
{
	static const struct timespec soon = { .tv_nsec = 1000000 };

	(void)set;
	return (int)syscall(SYS_ppoll, p, n, limit != NULL ? &soon : NULL, NULL, 0);
}

static int setup(void **state)
{
	(void)state;
	lab_begin();
	disk_reset();
	disk.on = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk.on = false;
	disk_reset();
	lab_end();
	return 0;
}

/* --- power --- */

/* What the feed called on disk is there after a loss of power, at any moment; what is there is the
 * history up to some put. Then life goes on with what was found. */
static void test_power(void **state)
{
	uint64_t rng = rng_start("power");
	char after[NAME];
	bool torn = false;

	(void)state;
	lab_name(after, "%s/after", lab.base);
	for (unsigned run = 0; run < 60 || (!torn && run < 600); run++) {
		uint64_t synced;

		lab.opts.sync_ms = 1 + (unsigned)rng_below(&rng, 3);
		disk.short_writes = (unsigned)rng_below(&rng, 2) * 7;
		lab_start();
		for (uint64_t n = rng_below(&rng, 2000); n > 0; n--) {
			lab_put((unsigned)rng_below(&rng, KEYS));
			if (rng_below(&rng, 8) == 0)
				lab_flush();
			if (rng_below(&rng, 300) == 0)
				lab_checkpoint();
			if (rng_below(&rng, 200) == 0)
				pause_us((long)rng_below(&rng, 3000));
		}
		lab_flush();
		pthread_mutex_lock(&disk.lock);
		synced = feed_synced(lab.feed);
		lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		lab_stop();

		disk.on = false;
		lab.opts.refuse_damage = true;
		if (lab_look(after) < 0)
			fail_msg("%s", lab.err);
		lab.opts.refuse_damage = false;
		torn |= lab.start.found.torn > 0;
		assert_false(lab.start.found.is_lost);
		lab_check_history(synced);
		/* the next run's history begins with this */
		(void)tree_remove(lab.path);
		disk_reset();
		memset(lab.now, 0, sizeof(lab.now));
		lab.puts = 0;
		disk.on = true;
	}
	assert_true(torn); /* else nothing was tried */
}

/* What lies there was on disk before the power came, of each file at most so many octets; the rest
 * was written by a process that is no more. */
static void adopt_upto(const char *path, size_t most)
{
	const char *name;

	for (unsigned n = 0; *(name = lab_entry(path, ".seg", n)) != '\0'; n++) {
		struct buf b = lab_read(name);
		struct inode *in = &disk.inode[disk.inodes++];

		*in = (struct inode){ .disk = b.p, .disk_len = b.n < most ? b.n : most };
		if (b.n > most)
			add_change(in, most, b.p + most, b.n - most);
		add_entry(LINK, disk.inodes - 1, strrchr(name, '/') + 1);
	}
	disk.dir_disk = disk.dir_count;
}

static void adopt(const char *path)
{
	adopt_upto(path, SIZE_MAX);
}

/* This run's history up to some put behind `base`, on top of what the run began with. */
static void check_on_top(const uint64_t began[KEYS], uint64_t base, uint64_t least)
{
	uint64_t was[KEYS], upto = base;

	memcpy(was, began, sizeof(was));
	for (unsigned k = 0; k < KEYS; k++)
		if (lab.told[k] > upto)
			upto = lab.told[k];
	assert_true(upto >= least && upto <= lab.puts);
	for (uint64_t g = base + 1; g <= upto; g++)
		was[lab.history[g]] = g;
	for (unsigned k = 0; k < KEYS; k++)
		if (was[k] != lab.told[k])
			fail_msg("key %u: told %" PRIu64 ", at put %" PRIu64 " it was %" PRIu64, k,
				lab.told[k], upto, was[k]);
}

/* Power that goes on and off: each run starts from what the last one left, and some get to write
 * everything anew. */
static void test_power_again(void **state)
{
	uint64_t rng = rng_start("power again");
	uint64_t began[KEYS] = { 0 };
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	for (unsigned run = 0; run < 40; run++) {
		uint64_t base = lab.puts, synced;

		lab_start();
		assert_memory_equal(lab.told, began, sizeof(began));
		memcpy(lab.now, began, sizeof(began));
		if (rng_below(&rng, 3) > 0)
			lab_answer();
		for (uint64_t n = rng_below(&rng, 300); n > 0; n--) {
			lab_put((unsigned)rng_below(&rng, KEYS));
			if (rng_below(&rng, 20) == 0) {
				lab_flush();
				pause_us(300);
			}
		}
		lab_flush();
		pthread_mutex_lock(&disk.lock);
		synced = feed_synced(lab.feed);
		lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		lab_stop();
		disk.on = false;
		disk_reset();
		lab_copy(after, lab.path);
		lab.opts.refuse_damage = true;
		if (lab_look(after) < 0)
			fail_msg("%s", lab.err);
		lab.opts.refuse_damage = false;
		check_on_top(began, base, synced);
		memcpy(began, lab.told, sizeof(began));
		adopt(lab.path);
		disk.on = true;
	}
}

/* Killed with something written and not on disk; started again, which believes it, so a loss of
 * power must not undo it any more. */
static void test_power_after_a_kill(void **state)
{
	uint64_t rng = rng_start("after a kill");
	char after[NAME], copy[NAME];
	size_t on_disk;

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab_name(copy, "%s/copy", lab.base);
	lab.opts.sync_ms = 100000;
	lab_start();
	lab_put(0);
	lab_wait_synced();
	for (unsigned i = 0; i < 300; i++)
		lab_put(i % KEYS);
	lab_wait_written();
	assert_true(feed_synced(lab.feed) < lab.puts);
	on_disk = disk.inode[0].disk_len;
	lab_copy(lab.path, copy);
	lab_stop();
	for (unsigned run = 0; run < 20; run++) {
		disk.on = false;
		disk_reset();
		lab_copy(copy, lab.path);
		adopt_upto(lab.path, on_disk);
		disk.on = true;
		lab_start();
		lab_check_all();
		pthread_mutex_lock(&disk.lock);
		lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		lab_stop();
		disk.on = false;
		assert_int_equal(lab_look(after), 0);
		lab_check_all();
	}
}

/* Power that goes while all records are being written anew: the file before the new one is still
 * needed, and all of it has to be there. */
static void test_power_between_files(void **state)
{
	uint64_t rng = rng_start("between files");
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab.opts.sync_ms = 200;
	lab_start();
	lab_put(0);
	lab_wait_synced();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_written();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_put(1);
	lab_wait_synced();
	for (unsigned i = 0; i < 20; i++) {
		pthread_mutex_lock(&disk.lock);
		lose_power(after, &rng);
		pthread_mutex_unlock(&disk.lock);
		struct feed *feed = lab.feed;
		struct store *store = lab.store;

		disk.on = false;
		assert_int_equal(lab_look(after), 0);
		lab_check_history(lab.puts);
		disk.on = true;
		lab.feed = feed;
		lab.store = store;
	}
	lab_stop();
}

/* --- full, read-only, broken --- */

static bool is_failed(void)
{
	return feed_stat(lab.feed, FEED_STAT_FAILED) == 1;
}

static void check_recovers(unsigned failures, int error)
{
	uint64_t written;

	WAIT_FOR(feed_failures(lab.feed) >= failures);
	assert_true(is_failed());
	written = feed_written(lab.feed);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_ERRNO), error);
	/* hamd goes on: what it hands over is taken, and nothing of it is called written */
	for (unsigned i = 0; i < 3 * FEED_SIZE; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(feed_room(lab.feed) != NULL);
	assert_int_equal(feed_written(lab.feed), written);
	assert_false(feed_wants_all(lab.feed));

	disk.room = -1;
	disk.fail_sync = disk.fail_open = disk.fail_rename = 0;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_put(7);
	lab_wait_written();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

static void test_full(void **state)
{
	(void)state;
	lab_start();
	disk.room = 5000;
	for (unsigned i = 0; i < 200; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = 300; /* room for a few records is none */
	for (unsigned i = 0; i < 13; i++)
		pause_us(100000);
	assert_true(is_failed());
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 1);
	check_recovers(1, ENOSPC);
}

/* Killed while the disk is full: what had been written is there, and the store knows that there
 * was more. */
static void test_full_and_killed(void **state)
{
	char copy[NAME];
	uint64_t written;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	disk.room = 5000;
	for (unsigned i = 0; i < 200; i++) {
		lab_put(i % KEYS);
		if (i % 10 == 9)
			lab_flush(), pause_us(2000);
	}
	lab_flush();
	WAIT_FOR(is_failed());
	written = feed_written(lab.feed);
	assert_in_range(written, 1, lab.puts - 1);
	lab_copy(lab.path, copy);
	lab_stop();
	disk.room = -1;
	assert_int_equal(lab_look(copy), 0);
	assert_true(lab.start.found.is_lost);
	assert_false(lab.start.found.is_closed);
	lab_check_history(written);
	assert_int_equal(lab_look(lab.path), 0); /* stopped in that state */
	assert_true(lab.start.found.is_lost);
	assert_false(lab.start.found.is_closed);
}

/* Full again before all was written anew: what was acknowledged in between is not lost, and no
 * file is made for every try. */
static void test_full_again(void **state)
{
	char copy[NAME];
	uint64_t acknowledged;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	disk.room = 1000;
	for (unsigned i = 0; i < 2 * KEYS; i++)
		lab_put(i % KEYS);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = 4 << 20;
	WAIT_FOR(!is_failed());
	assert_true(feed_wants_all(lab.feed));
	lab_put(3);
	lab_wait_written();
	acknowledged = lab.puts;
	disk.room = 500;
	lab_checkpoint();
	WAIT_FOR(is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	lab_copy(lab.path, copy);
	disk.room = 4 << 20;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	assert_int_equal(lab_look(copy), 0);
	assert_int_equal(lab.told[3], acknowledged);
	assert_true(lab.start.found.is_lost);
}

/* Of a batch that failed some records were in the file already. They were given up, and are not to
 * turn up behind what is written in their place. */
static void test_nothing_given_up_comes_back(void **state)
{
	char copy[NAME];
	uint64_t written;

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	lab_start(); /* in a file that may be gone on with */
	written = lab.puts;
	disk.room = 5 * (FRAME_HEAD + 76) + 10;
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = -1;
	WAIT_FOR(!is_failed());
	lab_put(KEYS - 1);
	lab_wait_written();
	lab_copy(lab.path, copy);
	lab_stop();
	assert_int_equal(lab_look(copy), 0);
	assert_int_equal(lab.start.found.count, 2);
	for (unsigned k = 0; k < KEYS - 1; k++)
		assert_in_range(lab.told[k], 1, written);
	assert_int_equal(lab.told[KEYS - 1], lab.puts);
}

static void test_sync_fails(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	disk.fail_sync = EIO;
	lab_put(1);
	lab_flush();
	check_recovers(1, EIO);
}

/* No new file for the checkpoint. */
/* Linux tells of a page that could not be written once, and then takes it for clean: no later
 * success says that it is there. */
static void test_sync_fails_once(void **state)
{
	uint64_t rng = rng_start("power"), synced;
	char after[NAME];

	(void)state;
	lab_name(after, "%s/after", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	synced = lab.puts;
	disk.sync_loses = true;
	disk.fail_sync = EIO;
	lab_put(1);
	lab_flush();
	WAIT_FOR(is_failed());
	pthread_mutex_lock(&disk.lock);
	lose_power(after, &rng);
	pthread_mutex_unlock(&disk.lock);
	lab_stop();
	disk.on = false;
	lab.opts.refuse_damage = true;
	if (lab_look(after) < 0)
		fail_msg("%s", lab.err);
	lab_check_history(synced);
}

/* All records are being written, and that fails: what was written of them stays below what comes
 * then, also what is over in the meantime and will not be told again. */
static void test_broken_walk(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_put_item(FEED_RECORD, 0, lab.now[0]);
	lab_flush();
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_RECORDS) == KEYS + 1);
	disk.room = 10;
	lab_put_item(FEED_RECORD, 1, lab.now[1]);
	lab_flush();
	WAIT_FOR(is_failed());
	lab.now[0] = 0; /* de-registered, and its tombstone's time is over */
	disk.room = -1;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], lab.now[k]);
}

/* The end of such a walk comes when writing is possible again: it says nothing. */
static void test_end_of_a_broken_walk(void **state)
{
	char copy[NAME];

	(void)state;
	lab_name(copy, "%s/copy", lab.base);
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	lab_put_item(FEED_BEGIN, 0, 0);
	lab_flush();
	WAIT_FOR(lab_files(lab.path) == 2);
	disk.room = 10;
	lab_put_item(FEED_RECORD, 0, lab.now[0]);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.room = -1;
	WAIT_FOR(!is_failed());
	lab_put_item(FEED_END, 0, 0);
	lab_put(3);
	lab_wait_written();
	lab_copy(lab.path, copy);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_CHECKPOINTS), 0);
	lab_stop();
	assert_int_equal(lab_look(copy), 0);
	assert_true(lab.start.found.is_lost);
	lab_check_all();
}

static void test_no_new_file(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_open = EROFS;
	lab_checkpoint();
	check_recovers(1, EROFS);
}

static void test_no_rename(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_rename = ENOSPC;
	lab_checkpoint();
	check_recovers(1, ENOSPC);
	assert_int_equal(*lab_entry(lab.path, STORE_TMP, 0), '\0');
}

/* Read-only from the start: what is in it is told, hamd serves, and it is kept when it can be. */
static void test_read_only_at_start(void **state)
{
	(void)state;
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_stop();
	disk.fail_open = EROFS;
	lab_start();
	lab_check_all();
	assert_true(is_failed());
	check_recovers(1, EROFS);
}

/* --- moved and removed while hamd runs --- */

static void fill_all(void)
{
	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
}

/* Until that has been asked for whether all is there, and what came of it is told. */
static void look_again(void)
{
	unsigned stats = disk.stats;

	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(disk.stats > stats);
	lab_put(0);
	lab_flush();
	WAIT_FOR(is_failed() || feed_written(lab.feed) >= lab.puts);
	assert_false(is_failed());
}

/* It is told, and all is written anew where a start will look for it. */
static void check_is_missed(void)
{
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_ERRNO), ENOENT);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	lab_kill(); /* before it is told anew: no damage, and it is said that something is missing */
	disk.on = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost || lab.start.is_new);
	assert_false(lab.start.was_moved);
	disk.on = true;
	lab_start();
	disk.skip_ms += 1000 * STORE_LOOK_S;
	pause_us(5000);
	assert_false(is_failed());
	if (!lab_answer())
		lab_checkpoint();
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

static void test_directory_removed(void **state)
{
	(void)state;
	fill_all();
	(void)tree_remove(lab.path);
	check_is_missed();
}

static void test_file_removed(void **state)
{
	(void)state;
	fill_all();
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
	check_is_missed();
}

/* The file that is written, and those before it are there. */
static void test_last_file_removed(void **state)
{
	(void)state;
	fill_all();
	lab_stop();
	lab_start();
	assert_int_equal(lab_files(lab.path), 2);
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 1)), 0);
	check_is_missed();
}

/* Nor is it written among the files of another store: that has to be taken away first. */
static void test_directory_replaced(void **state)
{
	char moved[NAME];

	(void)state;
	lab_name(moved, "%s/moved", lab.base);
	fill_all();
	assert_int_equal(rename(lab.path, moved), 0);
	lab_copy(moved, lab.path);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == ENOTEMPTY);
	assert_int_equal(lab_files(lab.path), 1);
	(void)tree_remove(lab.path);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
	assert_int_equal(lab_files(moved), 1); /* as it was */
}

/* All files, to make room on a full disk; the directory stays. */
static void test_all_files_removed(void **state)
{
	(void)state;
	fill_all();
	disk.room = 10;
	lab_put(1);
	lab_flush();
	WAIT_FOR(is_failed());
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
	assert_int_equal(lab_files(lab.path), 0);
	disk.room = -1;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	look_again();
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 1);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* One that the file being written needs. */
static void test_needed_file_removed(void **state)
{
	(void)state;
	fill_all();
	lab_stop();
	lab_start();
	assert_int_equal(lab_files(lab.path), 2);
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 0)), 0);
	check_is_missed();
}

/* What is kept in the first file, in the second beside it, in the third: keys of a row. */
static void fill_three(void)
{
	fill_all();
	for (unsigned life = 0; life < 2; life++) {
		lab_stop();
		lab_start();
		for (unsigned k = 0; k < 10; k++)
			lab_put(5 * life + k);
		lab_wait_synced();
	}
	assert_int_equal(lab_files(lab.path), 3);
}

/* Killed before all is written anew, what is behind the missing file is there, as it was said last,
 * and nothing of what is before it. */
static void test_newest_are_kept(void **state)
{
	static const struct {
		unsigned missing;
		int fail_unlink; /* or killed before anything is removed */
		unsigned files, from; /* left; the first key that is told */
	} rows[] = { { 0, 0, 2, 0 }, { 1, 0, 1, 5 }, { 1, EIO, 2, 5 } };

	for (size_t i = 0; i < DIM(rows); i++) {
		fill_three();
		assert_int_equal(unlink(lab_entry(lab.path, ".seg", rows[i].missing)), 0);
		disk.fail_unlink = rows[i].fail_unlink;
		disk.skip_ms += 1000 * STORE_LOOK_S;
		WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
		disk.skip_ms += 61000;
		WAIT_FOR(!is_failed());
		disk.fail_unlink = 0;
		assert_int_equal(lab_files(lab.path), rows[i].files);
		lab_kill();
		disk.on = false;
		assert_int_equal(lab_look(lab.path), 0);
		assert_true(lab.start.found.is_lost);
		assert_false(lab.start.was_moved);
		for (unsigned k = 0; k < KEYS; k++)
			assert_int_equal(lab.told[k], k >= rows[i].from && k < 15 ? lab.now[k] : 0);
		teardown(state);
		setup(state);
	}
}

/* On a disk that takes no mark nothing is removed either. */
static void test_nothing_goes_without_a_mark(void **state)
{
	(void)state;
	fill_three();
	assert_int_equal(unlink(lab_entry(lab.path, ".seg", 1)), 0);
	disk.fail_sync = EIO;
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_FAILURES) == 1);
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == EIO);
	assert_true(is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	disk.fail_sync = 0;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* The path names another directory, all at once. */
static void turn_to(const char *to)
{
	char link[NAME];

	lab_name(link, "%s/link", lab.base);
	assert_int_equal(symlink(to, link), 0);
	assert_int_equal(rename(link, lab.path), 0);
}

/* The store is `mine`, and then there is another one where it was. */
static void put_other_there(char mine[static NAME], char other[static NAME])
{
	lab_name(mine, "%s/mine", lab.base);
	lab_name(other, "%s/other", lab.base);
	assert_int_equal(mkdir(mine, 0700), 0);
	turn_to(mine);
	fill_all();
	lab_copy(mine, other);
	turn_to(other);
	disk.skip_ms += 1000 * STORE_LOOK_S;
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(feed_stat(lab.feed, FEED_STAT_ERRNO) == ENOTEMPTY);
}

/* What comes back is hamd's own, and was nobody else's meanwhile. */
static void test_directory_comes_back(void **state)
{
	char mine[NAME], other[NAME];
	int fd;

	(void)state;
	put_other_there(mine, other);
	fd = open(mine, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fd);
	turn_to(mine);
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	lab_put(1);
	lab_wait_written();
	lab_copy(mine, other);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(other), 0); /* a kill before all was anew */
	assert_true(lab.start.found.is_lost);
	assert_int_equal(lab_look(mine), 0);
	assert_false(lab.start.found.is_lost);
	lab_check_all();
}

/* A file system that does not answer has not lost anything. */
static void test_nothing_is_said_of_a_name(void **state)
{
	static const int errors[] = { EIO, EACCES, ETIMEDOUT };

	(void)state;
	fill_all();
	for (unsigned i = 0; i < DIM(errors); i++) {
		disk.fail_stat = errors[i];
		look_again();
		disk.fail_stat = 0;
		lab_put(i);
		lab_wait_synced();
	}
	assert_int_equal(feed_stat(lab.feed, FEED_STAT_FAILURES), 0);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

static bool is_logged(const char *path, const char *text)
{
	struct buf b = lab_read(path);
	bool is = memmem(b.p, b.n, text, strlen(text)) != NULL;

	buf_free(&b);
	return is;
}

/* Why it does not come back is another reason than why it went. */
static void test_reasons_are_logged(void **state)
{
	char mine[NAME], other[NAME], log[NAME];
	int err = dup(STDERR_FILENO), to;

	(void)state;
	lab_name(log, "%s/log", lab.base);
	to = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(err >= 0 && to >= 0 && dup2(to, STDERR_FILENO) >= 0);
	log_set_level(LOG_WARN);
	put_other_there(mine, other);
	lab_stop();
	log_set_level(LOG_ERR);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	close(err);
	close(to);
	assert_true(is_logged(log, "it was moved or removed"));
	assert_true(is_logged(log, "there is another one now"));
}

/* Until the next try, whenever that would be. */
static void wait_recovered(void)
{
	WAIT_FOR(is_failed());
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
}

/* A disk that fails each time before everything is written anew, and takes what comes in between:
 * that is not lost, and the store does not come to an end of its files. */
static void check_fails_for_ever(unsigned times)
{
	uint64_t acknowledged[KEYS];

	lab_start();
	for (unsigned k = 0; k < KEYS; k++)
		lab_put(k);
	lab_wait_synced();
	for (unsigned i = 0; i < times; i++) {
		lab_wait_synced(); /* else a sync of what was before fails, and this is not taken */
		disk.fail_sync = EIO;
		lab_put(i % KEYS); /* in the file, and then its sync fails */
		lab_flush();
		WAIT_FOR(is_failed());
		disk.fail_sync = 0;
		wait_recovered();
		assert_true(feed_wants_all(lab.feed));
		lab_put_item(FEED_BEGIN, 0, 0);
		lab_put_item(FEED_RECORD, 3, lab.now[3]);
		lab_put((i + 7) % KEYS);
		lab_wait_written();
		assert_in_range(lab_files(lab.path), 1, STORE_FILES_MAX);
	}
	memcpy(acknowledged, lab.now, sizeof(acknowledged));
	lab_kill();
	disk.on = false;
	assert_int_equal(lab_look(lab.path), 0);
	assert_true(lab.start.found.is_lost);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], acknowledged[k]);
	disk.on = true;
	lab_start();
	assert_false(is_failed());
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	assert_int_equal(lab_files(lab.path), 1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_lost);
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(lab.told[k], acknowledged[k]);
}

static void test_sync_fails_again_and_again(void **state)
{
	(void)state;
	check_fails_for_ever(150);
}

/* One file of too many cannot be made now: later it can. */
static void test_no_room_for_one_file_of_many(void **state)
{
	(void)state;
	check_fails_for_ever(STORE_FILES_MAX - 2);
	(void)tree_remove(lab.path);
	disk_reset();
	lab_start();
	for (unsigned i = 0; i < STORE_FILES_MAX - 2; i++) {
		disk.fail_sync = EIO;
		lab_put(i % KEYS);
		lab_flush();
		WAIT_FOR(is_failed());
		disk.fail_sync = 0;
		wait_recovered();
	}
	lab_put(1);
	lab_wait_written();
	assert_int_equal(lab_files(lab.path), STORE_FILES_MAX - 1);
	disk.fail_rename = EIO;
	disk.fail_sync = EIO;
	lab_put(2);
	lab_flush();
	WAIT_FOR(is_failed());
	disk.fail_sync = 0;
	disk.skip_ms += 61000;
	for (unsigned i = 0; i < 10; i++)
		pause_us(10000);
	assert_true(is_failed());
	assert_int_equal(lab_files(lab.path), STORE_FILES_MAX - 1);
	disk.fail_rename = 0;
	disk.skip_ms += 61000;
	WAIT_FOR(!is_failed());
	assert_int_equal(lab_files(lab.path), 2);
	assert_true(lab_answer());
	lab_wait_checkpoints(1);
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	lab_check_all();
}

/* A file that nothing was written into is used again. */
static void test_empty_files_make_no_row(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	for (unsigned i = 0; i < 20; i++) {
		disk.room = 0;
		lab_put(2);
		lab_flush();
		WAIT_FOR(is_failed());
		disk.room = -1;
		wait_recovered();
		disk.fail_sync = EIO; /* for the end of the file before the walk */
		lab_put_item(FEED_BEGIN, 0, 0);
		lab_flush();
		pause_us(2000);
		disk.fail_sync = 0;
		if (is_failed())
			wait_recovered();
		assert_in_range(lab_files(lab.path), 1, 3);
	}
	lab_stop();
}

/* Ends in order before everything is written anew: that is no order. */
static void test_stopped_before_all_is_anew(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_wait_synced();
	disk.fail_sync = EIO;
	lab_put(2);
	lab_flush();
	WAIT_FOR(is_failed());
	for (unsigned i = 0; i <= FEED_SIZE; i++)
		lab_put(3); /* lost: when there is room for the last one, the first was taken */
	disk.fail_sync = 0;
	wait_recovered();
	lab_stop();
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_closed);
	assert_true(lab.start.found.is_lost);
	assert_int_equal(lab.start.known_ms[0], 0);
}

/* A start that can write nothing, after one that ended in order: its end counts no more. */
static void test_no_file_at_start(void **state)
{
	(void)state;
	lab_start();
	lab_put(1);
	lab_stop();
	disk.fail_open = ENOSPC;
	lab_start();
	assert_true(is_failed());
	assert_true(lab.start.found.is_closed);
	lab_stop();
	disk.fail_open = 0;
	assert_int_equal(lab_look(lab.path), 0);
	assert_false(lab.start.found.is_closed);
	assert_true(lab.start.known_ms[0] == 0 && lab.start.known_ms[1] == 0);
	lab_check_all();
}

/* The first start of all can write nothing, then it can, and is killed: no damage. */
static void test_no_file_at_first_start(void **state)
{
	(void)state;
	disk.fail_open = ENOSPC;
	lab_start();
	assert_true(is_failed());
	disk.fail_open = 0;
	wait_recovered();
	assert_true(feed_wants_all(lab.feed));
	lab_put(1);
	lab_wait_written();
	lab_kill();
	disk.on = false;
	lab.opts.refuse_damage = true;
	if (lab_look(lab.path) < 0)
		fail_msg("%s", lab.err);
	lab_check_all();
}

/* A directory that was made is on disk, and the one above it. */
static void test_new_directories(void **state)
{
	struct stat st;
	char above[NAME];
	unsigned found = 0;

	(void)state;
	lab_name(above, "%s/a", lab.base);
	snprintf(lab.path, sizeof(lab.path), "%s/a/s", lab.base);
	lab_start();
	lab_stop();
	for (unsigned dir = 0; dir < 2; dir++) {
		assert_int_equal(stat(dir == 0 ? lab.base : above, &st), 0);
		for (unsigned i = 0; i < disk.synced_count; i++)
			if (disk.synced[i] == st.st_ino) {
				found++;
				break;
			}
	}
	assert_int_equal(found, 2);
}

/* In all directories that damaged files were moved into. */
static unsigned files_aside(void)
{
	DIR *dir = opendir(lab.path);
	const struct dirent *e;
	unsigned files = 0;
	char name[NAME];

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		lab_name(name, "%s/%s", lab.path, e->d_name);
		files += strncmp(e->d_name, "bad-", 4) == 0 ? lab_files(name) : 0;
	}
	closedir(dir);
	return files;
}

/* Moving aside ends at any file: what is left is no store, and the next start moves that too. */
static void test_moved_in_part(void **state)
{
	char name[NAME];

	(void)state;
	for (int renames = 0; renames <= 3; renames++) {
		(void)tree_remove(lab.path);
		lab_start();
		lab_put(1);
		lab_stop();
		for (unsigned run = 0; run < 2; run++) {
			lab_start();
			lab_put_item(FEED_BEGIN, 0, 0);
			lab_put(2 + run);
			lab_wait_written();
			lab_kill();
		}
		assert_int_equal(lab_files(lab.path), 3);
		lab_name(name, "%s", lab_entry(lab.path, ".seg", 2));
		lab_write(name, "x", 1);
		disk.renames = renames;
		assert_int_equal(lab_open(lab.path), renames < 3 ? -EIO : 0);
		assert_int_equal(lab.told_count, 0);
		if (renames == 3)
			lab_stop();
		disk.renames = -1;
		if (renames < 3) {
			assert_int_equal(lab_files(lab.path), 3 - renames);
			assert_int_equal(lab_look(lab.path), 0);
			assert_true(lab.start.was_moved);
			assert_int_equal(lab.told_count, 0);
		}
		assert_int_equal(files_aside(), 3);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_power),
		T(test_power_again),
		T(test_power_after_a_kill),
		T(test_power_between_files),
		T(test_full),
		T(test_full_and_killed),
		T(test_full_again),
		T(test_nothing_given_up_comes_back),
		T(test_sync_fails),
		T(test_sync_fails_once),
		T(test_broken_walk),
		T(test_end_of_a_broken_walk),
		T(test_no_new_file),
		T(test_no_rename),
		T(test_read_only_at_start),
		T(test_sync_fails_again_and_again),
		T(test_no_room_for_one_file_of_many),
		T(test_empty_files_make_no_row),
		T(test_stopped_before_all_is_anew),
		T(test_no_file_at_start),
		T(test_no_file_at_first_start),
		T(test_new_directories),
		T(test_moved_in_part),
		T(test_directory_removed),
		T(test_file_removed),
		T(test_last_file_removed),
		T(test_directory_replaced),
		T(test_all_files_removed),
		T(test_newest_are_kept),
		T(test_nothing_goes_without_a_mark),
		T(test_needed_file_removed),
		T(test_directory_comes_back),
		T(test_nothing_is_said_of_a_name),
		T(test_reasons_are_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
