/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"

/* Without anybody having touched them. */
static void check_pages(void *p, size_t bytes)
{
	unsigned char there[(9 << 20) / 4096];

	assert_int_equal(mincore(p, bytes, there), 0);
	for (size_t i = 0; i < (bytes + 4095) / 4096; i++)
		assert_int_equal(there[i] & 1, 1);
}

static void test_pages(void **state)
{
	static const size_t sizes[] = { 1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1,
		9 << 20 };

	(void)state;
	for (unsigned huge = 0; huge < 2; huge++) {
		mem_use_hugepages(huge);
		for (size_t i = 0; i < DIM(sizes); i++) {
			uint8_t *p = mem_zalloc(sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 4096, 0);
			if (sizes[i] >= 2 << 20)
				assert_int_equal((uintptr_t)p % (2 << 20), 0);
			check_pages(p, sizes[i]);
			for (size_t at = 0; at < sizes[i]; at += 512)
				assert_int_equal(p[at], 0);
			assert_int_equal(p[sizes[i] - 1], 0);
			p[0] = p[sizes[i] - 1] = 1;
			mem_free(p, sizes[i]);
		}
	}
	mem_use_hugepages(false);
	assert_null(mem_zalloc(0));
	assert_null(mem_zalloc(SIZE_MAX));
	assert_null(mem_zalloc(1ULL << 60));
	mem_free(NULL, 5);
}

/* --- the address sanitizer --- */

enum wrong {
	NONE,
	WRITES, /* one octet, `at` behind the beginning */
	READS,
	FREES, /* with a size that is `at` more */
};

/* So that the compiler does not know better. */
static volatile uint8_t *start;

static void do_wrong(enum wrong what, size_t bytes, long at)
{
	uint8_t *p = mem_zalloc(bytes);

	start = p;
	if (what == WRITES)
		start[at] = 1;
	else if (what == READS)
		(void)start[at];
	mem_free(p, what == FREES ? (size_t)((long)bytes + at) : bytes);
}

static bool survives(enum wrong what, size_t bytes, long at)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL); /* cmocka's would go on with the next test */
		signal(SIGSEGV, SIG_DFL);
		do_wrong(what, bytes, at);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* An index that is off by one, on either side; without the sanitizer nobody sees that. */
static void test_fences(void **state)
{
	static const size_t sizes[] = { 1, 7, 8, 4095, 4096, 4097, (2 << 20) - 4096, (2 << 20) - 1,
		2 << 20, (2 << 20) + 1, (4 << 20) - 1 };

	(void)state;
	if (!MEM_HAS_FENCES)
		skip();
	for (unsigned huge = 0; huge < 2; huge++) {
		mem_use_hugepages(huge);
		for (size_t i = 0; i < DIM(sizes); i++) {
			long n = (long)sizes[i];

			assert_true(survives(NONE, sizes[i], 0));
			assert_true(survives(WRITES, sizes[i], 0));
			assert_true(survives(WRITES, sizes[i], n - 1));
			assert_false(survives(WRITES, sizes[i], n));
			assert_false(survives(READS, sizes[i], n));
			assert_false(survives(WRITES, sizes[i], n + 4095));
			assert_false(survives(WRITES, sizes[i], -1));
			assert_false(survives(READS, sizes[i], -1));
			assert_false(survives(FREES, sizes[i], 1));
			if (n > 1)
				assert_false(survives(FREES, sizes[i], -1));
		}
	}
	mem_use_hugepages(false);
}

/* What was given back may be taken again, as something else. */
static void test_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		size_t bytes = 1 + i * 1237 % 20000;
		uint8_t *p = mem_zalloc(bytes);
		uint8_t *map = mmap(
			NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_non_null(p);
		assert_ptr_not_equal(map, MAP_FAILED);
		memset(p, 1, bytes);
		mem_free(p, bytes);
		memset(map, 1, 8192);
		munmap(map, 8192);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_fences),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
