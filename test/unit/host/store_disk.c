/* SPDX-License-Identifier: BSD-3-Clause */
#include "store_disk.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "rng.h"

struct disk disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = -1, .renames = -1 };

void disk_reset(void)
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
	disk.fail_stat = disk.fail_change = 0;
	disk.at_ms = 0;
	disk.short_writes = disk.writes = 0;
	disk.syncs = 0;
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

void disk_add_change(struct inode *in, uint64_t at, const uint8_t *octets, size_t len)
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

void disk_add_entry(enum dir_op op, unsigned inode, const char *name)
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

void disk_lose_power(const char *to, uint64_t *rng)
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
	if (disk.on && (flags & (O_CREAT | O_ACCMODE)) == O_RDWR && disk.fail_change != 0) {
		errno = disk.fail_change;
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
		disk_add_change(in, (uint64_t)at, buf, (size_t)n);
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
		disk_add_change(in, (uint64_t)at, NULL, 0);
	pthread_mutex_unlock(&disk.lock);
	return (int)syscall(SYS_ftruncate, fd, at);
}

int fdatasync(int fd)
{
	struct inode *in = inode_of(fd);

	if (in != NULL && disk.fail_sync != 0 && !disk.sync_loses && disk.syncs-- <= 0) {
		errno = disk.fail_sync;
		return -1;
	}
	pthread_mutex_lock(&disk.lock);
	if (in != NULL && disk.fail_sync != 0 && disk.sync_loses) {
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
		disk_add_entry(LINK, disk.inodes - 1, to);
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
		disk_add_entry(UNLINK, 0, path);
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

void disk_stop_clock(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	disk.at_ms = ((uint64_t)ts.tv_sec + 1) * 1000; /* not back */
}

/* A test does not wait for the next try: it lets the time pass. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_MONOTONIC && disk.at_ms > 0)
		*ts = (struct timespec){ .tv_sec = (time_t)(disk.at_ms / 1000) };
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
