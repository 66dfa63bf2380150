/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What docs/decisions/010-store.md compares the store's journal with: the same load on LMDB and
 * on a file that is only appended to. Random updates of RECORDS records of 100 octets under keys
 * of 18 (domain, home address), BATCH a transaction, each transaction on disk before the next.
 *
 *     cc -O2 -o /tmp/store-lmdb scripts/bench/store-lmdb.c -llmdb      (liblmdb-dev)
 *     /tmp/store-lmdb lmdb|lmdb-nosync|append DIR RECORDS BATCH SECONDS
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEY    18
#define VALUE  100
#define FRAMED 112 /* what an appended record takes with its length and checksum */

static MDB_env *env;
static MDB_dbi dbi;
static int fd = -1;
static uint64_t rng = 1;

static void check(int ret, const char *what)
{
	if (ret == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ret > 0 ? strerror(ret) : mdb_strerror(ret));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static uint32_t random_below(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((rng >> 32) * n >> 32);
}

static void put_lmdb(const uint32_t *id, uint32_t n)
{
	MDB_txn *txn;

	check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
	for (uint32_t i = 0; i < n; i++) {
		/* home addresses of real nodes are no row of numbers */
		uint64_t spread = id[i] * 0x9e3779b97f4a7c15ULL;
		uint8_t key[KEY] = { 0 }, value[VALUE];
		MDB_val k = { KEY, key }, v = { VALUE, value };

		memcpy(key + 10, &spread, sizeof(spread));
		memset(value, (int)rng, sizeof(value));
		check(mdb_put(txn, dbi, &k, &v, 0), "mdb_put");
	}
	check(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void put_append(const uint32_t *id, uint32_t n)
{
	uint8_t *buf = calloc(n, FRAMED);

	for (uint32_t i = 0; i < n; i++)
		memcpy(buf + (size_t)i * FRAMED, &id[i], sizeof(id[i]));
	if (write(fd, buf, (size_t)n * FRAMED) != (ssize_t)n * FRAMED || fdatasync(fd) < 0) {
		perror("append");
		exit(1);
	}
	free(buf);
}

static void lmdb_open(const char *dir, unsigned flags)
{
	MDB_txn *txn;

	check(mdb_env_create(&env), "mdb_env_create");
	check(mdb_env_set_mapsize(env, 4UL << 30), "mdb_env_set_mapsize");
	check(mdb_env_open(env, dir, flags, 0600), dir);
	check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
	check(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
	check(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void fill(uint32_t records)
{
	static uint32_t id[10000];

	for (uint32_t i = 0; i < records;) {
		uint32_t n = 0;

		while (n < 10000 && i < records)
			id[n++] = i++;
		put_lmdb(id, n);
	}
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s lmdb|lmdb-nosync|append DIR RECORDS BATCH SECONDS\n",
			argv[0]);
		return 2;
	}
	uint32_t records = (uint32_t)atoi(argv[3]), batch = (uint32_t)atoi(argv[4]);
	uint32_t *id = calloc(batch, sizeof(*id));
	double begin, end = 0, longest = 0, seconds = atof(argv[5]);
	uint64_t done = 0, bytes;
	struct stat st;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", argv[2], argv[1][0] == 'a' ? "journal" : "data.mdb");
	if (argv[1][0] == 'a') {
		fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	} else {
		lmdb_open(argv[2], strcmp(argv[1], "lmdb-nosync") == 0 ? MDB_NOSYNC : 0);
		fill(records);
	}
	begin = now();
	for (double t = begin; t < begin + seconds; t = end) {
		for (uint32_t i = 0; i < batch; i++)
			id[i] = random_below(records);
		if (fd >= 0)
			put_append(id, batch);
		else
			put_lmdb(id, batch);
		end = now();
		if (end - t > longest)
			longest = end - t;
		done += batch;
	}
	bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
	printf("%s: %.0f records/s, longest transaction %.1f ms, file %.0f MiB\n", argv[1],
		(double)done / (end - begin), longest * 1e3, (double)bytes / (1 << 20));
	free(id);
	return 0;
}
