/* Unit tests of base/maglev: fidelity to the paper, weights, order, disruption, cost. */
#include "base/maglev.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"
#include <string.h>

#define SIZE 65537

static uint64_t identity(unsigned i)
{
	return hash_bytes(&i, sizeof(i), 99);
}

static size_t count(const uint16_t *rows, size_t size, uint16_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += rows[i] == id;
	return n;
}

static uint16_t *build(size_t size, const struct maglev_backend *b, size_t n)
{
	uint16_t *rows = mem_realloc(NULL, size, sizeof(*rows));

	assert_int_equal(maglev_build(rows, size, b, n), 0);
	return rows;
}

/* The pseudocode of the paper, with the same permutations, backends in order of their hashes. */
static void classic(uint16_t *rows, size_t size, const struct turn *sorted, size_t n)
{
	_cleanup_free_ uint64_t *next = mem_zalloc(n * sizeof(*next));

	for (size_t i = 0; i < size; i++)
		rows[i] = MAGLEV_NONE;
	for (size_t filled = 0;;) {
		for (size_t i = 0; i < n; i++) {
			uint64_t c;

			do
				c = (sorted[i].row + next[i]++ * sorted[i].skip) % size;
			while (rows[c] != MAGLEV_NONE);
			rows[c] = sorted[i].id;
			if (++filled == size)
				return;
		}
	}
}

static void test_equal_weights_are_classic(void **state)
{
	struct maglev_backend b[7];
	struct turn turns[7];
	_cleanup_free_ uint16_t *rows = NULL, *want = mem_alloc(1009 * sizeof(*want));

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		b[i] = (struct maglev_backend){ identity(i), 5, (uint16_t)i };
	assert_int_equal(prepare_turns(turns, b, 7, 1009), 7);
	classic(want, 1009, turns, 7);
	rows = build(1009, b, 7);
	assert_memory_equal(rows, want, 1009 * sizeof(*want));
}

static void test_order_does_not_matter(void **state)
{
	struct maglev_backend b[20], r[20];
	_cleanup_free_ uint16_t *rows = NULL, *other = NULL;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		b[i] = (struct maglev_backend){ identity(i / 2), i % 5, (uint16_t)i }; /* pairs share a hash */
	for (unsigned i = 0; i < 20; i++)
		r[i] = b[19 - i];
	rows = build(1009, b, 20);
	other = build(1009, r, 20);
	assert_memory_equal(rows, other, 1009 * sizeof(*rows));
}

static void test_shares_follow_weights(void **state)
{
	static const uint32_t weights[] = { 1, 2, 3, 10, 100, 100, 57, 0, 1000 };
	struct maglev_backend b[ARRAY_LEN(weights)];
	_cleanup_free_ uint16_t *rows = NULL;
	double total = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(weights); i++) {
		b[i] = (struct maglev_backend){ identity(i), weights[i], (uint16_t)(i + 10) };
		total += weights[i];
	}
	rows = build(SIZE, b, ARRAY_LEN(weights));
	for (unsigned i = 0; i < ARRAY_LEN(weights); i++) {
		double want = SIZE * weights[i] / total, got = (double)count(rows, SIZE, (uint16_t)(i + 10));

		assert_true(got >= want - 1.01 && got <= want + 1.01 * ARRAY_LEN(weights));
		assert_true(!weights[i] || (got > want * 0.99 && got < want * 1.01));
	}
	assert_int_equal(count(rows, SIZE, MAGLEV_NONE), 0);
}

static void test_equal_shares_differ_by_one(void **state)
{
	struct maglev_backend b[100];
	_cleanup_free_ uint16_t *rows = NULL;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		b[i] = (struct maglev_backend){ identity(i), 1, (uint16_t)i };
	rows = build(SIZE, b, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_in_range(count(rows, SIZE, (uint16_t)i), 655, 656);
}

static size_t rows_moved_without(struct maglev_backend *b, size_t n, size_t lost, const uint16_t *before)
{
	_cleanup_free_ uint16_t *after = NULL;
	size_t moved = 0;

	b[lost].weight = 0;
	after = build(SIZE, b, n);
	b[lost].weight = 1;
	for (size_t i = 0; i < SIZE; i++)
		moved += before[i] != after[i];
	assert_int_equal(count(after, SIZE, (uint16_t)lost), 0);
	assert_true(moved >= count(before, SIZE, (uint16_t)lost));
	return moved;
}

/* Losing one of 100 backends must move its own rows; how many others move besides is the table's quality (the paper's
 * figure 12). Averaged over each backend's loss; typically 1.57 %, more when, as here, two permutations share their
 * skip. */
static void test_removal_moves_little(void **state)
{
	enum { N = 100 };
	struct maglev_backend b[N];
	_cleanup_free_ uint16_t *before = NULL;
	size_t moved = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		b[i] = (struct maglev_backend){ identity(i), 1, (uint16_t)i };
	before = build(SIZE, b, N);
	for (size_t i = 0; i < N; i++)
		moved += rows_moved_without(b, N, i, before);
	printf("maglev: removing 1 of %d backends moves %.2f %% of %d rows, the minimum is %.2f %%\n", N,
	       (double)moved / SIZE, SIZE, 100.0 / N);
	assert_true(moved < 3 * (size_t)SIZE);
}

static void test_skewed_weights(void **state)
{
	struct maglev_backend two[2] = { { identity(1), 1, 1 }, { identity(2), 65535, 2 } };
	_cleanup_free_ struct maglev_backend *many = mem_zalloc(60000 * sizeof(*many));
	_cleanup_free_ uint16_t *rows = build(SIZE, two, 2), *crowd = NULL;

	(void)state;
	assert_int_equal(count(rows, SIZE, 1), 1);
	assert_int_equal(count(rows, SIZE, 2), SIZE - 1);
	/* The same hash 60000 times over: what would cost billions of collisions without the perturbation. */
	for (unsigned i = 0; i < 60000; i++)
		many[i] = (struct maglev_backend){ 7, i ? 1 : UINT32_MAX, (uint16_t)i };
	crowd = build(SIZE, many, 60000);
	assert_int_equal(count(crowd, SIZE, MAGLEV_NONE), 0);
	assert_true(count(crowd, SIZE, 0) > SIZE - 10);
	for (unsigned i = 0; i < 60000; i++)
		many[i].weight = 1;
	free(crowd);
	crowd = build(SIZE, many, 60000);
	assert_in_range(count(crowd, SIZE, 0), 1, 2);
}

/* Shares are rounded, not cut off: 0.998 of a row is a row. */
static void test_shares_are_rounded(void **state)
{
	struct maglev_backend b[101];
	_cleanup_free_ uint16_t *rows = NULL;

	(void)state;
	for (unsigned i = 0; i < 101; i++)
		b[i] = (struct maglev_backend){ identity(i), i ? 1 : 65535, (uint16_t)i };
	rows = build(SIZE, b, 101);
	for (unsigned i = 1; i < 101; i++)
		assert_int_equal(count(rows, SIZE, (uint16_t)i), 1);
}

static void test_equal_hashes_get_own_permutations(void **state)
{
	struct maglev_backend b[3] = { { 7, 1, 1 }, { 7, 1, 2 }, { 8, 1, 3 } };
	struct turn turns[3], alone[1];

	(void)state;
	assert_int_equal(prepare_turns(turns, b, 3, SIZE), 3);
	assert_true(turns[0].row != turns[1].row && turns[0].skip != turns[1].skip);
	assert_int_equal(prepare_turns(alone, b + 2, 1, SIZE), 1);
	assert_true(alone[0].row == turns[2].row && alone[0].skip == turns[2].skip);
}

static void test_more_backends_than_rows(void **state)
{
	struct maglev_backend b[10];
	_cleanup_free_ uint16_t *rows = NULL;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		b[i] = (struct maglev_backend){ identity(i), 1, (uint16_t)i };
	rows = build(7, b, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(count(rows, 7, (uint16_t)i), 0, 1);
	free(rows);
	rows = build(2, b, 1);
	assert_int_equal(count(rows, 2, 0), 2);
}

static void test_nobody(void **state)
{
	struct maglev_backend b = { 1, 0, 1 };
	uint16_t rows[5] = { 0 };

	(void)state;
	assert_int_equal(maglev_build(rows, 5, &b, 1), 0);
	assert_int_equal(count(rows, 5, MAGLEV_NONE), 5);
	memset(rows, 0, sizeof(rows));
	assert_int_equal(maglev_build(rows, 5, NULL, 0), 0);
	assert_int_equal(count(rows, 5, MAGLEV_NONE), 5);
}

static void test_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 4, 9, 65536, SIZE_MAX };
	struct maglev_backend b = { 1, 1, 1 };
	uint16_t rows[5] = { 1, 2, 3, 4, 5 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_int_equal(maglev_build(rows, sizes[i], &b, 1), -EINVAL);
	b.id = MAGLEV_NONE;
	assert_int_equal(maglev_build(rows, 5, &b, 1), -EINVAL);
	assert_int_equal(rows[4], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_weights_are_classic),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_equal_shares_differ_by_one),
		cmocka_unit_test(test_removal_moves_little),
		cmocka_unit_test(test_skewed_weights),
		cmocka_unit_test(test_more_backends_than_rows),
		cmocka_unit_test(test_shares_are_rounded),
		cmocka_unit_test(test_equal_hashes_get_own_permutations),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
