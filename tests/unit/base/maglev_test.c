/* Unit tests of base/maglev: walks, bounds, weights, balance, order and ids, disruption. */
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

/* A race before its start, for which all have room. */
static struct race lined_up(size_t size, const struct maglev_backend *b, size_t n)
{
	struct race race = { .size = (uint32_t)size, .nfree = (uint32_t)size };

	race.rows = mem_alloc(size * sizeof(*race.rows));
	memset(race.rows, 0xff, size * sizeof(*race.rows));
	assert_int_equal(prepare(&race, n), 0);
	enlist(&race, b, n);
	for (uint32_t i = 0; i < race.n; i++)
		race.racers[i].room = (uint32_t)size;
	set_paces(&race);
	return race;
}

static void go_home(struct race *race)
{
	free(race->rows);
	dispose(race);
}

static uint32_t row_of_step(const struct race *race, const struct racer *r, uint64_t step)
{
	return bend(race, r, (uint32_t)((r->first + step * r->skip) % race->size));
}

static void test_walk_visits_every_row_once(void **state)
{
	static const size_t sizes[] = { 2, 3, 5, 251, 1009, 4099, SIZE };
	struct maglev_backend b = { identity(1), 1, 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct race race = lined_up(sizes[i], &b, 1);
		const struct racer *r = race.racers;

		walk(race, *r, HOPELESS);
		for (uint32_t k = 0; k < race.size; k++) {
			uint32_t row = row_of_step(&race, r, k);

			assert_int_equal(race.claims[row], claim_of_step(&race, r, k));
			assert_int_equal(step_to(&race, r, row), k);
			assert_true(!k || race.claims[row] > race.claims[row_of_step(&race, r, k - 1)]);
		}
		go_home(&race);
	}
}

/* How far walks go decides on nothing: not at all, all the way, or as far as is cheap. */
static void test_looking_finds_what_walks_find(void **state)
{
	struct maglev_backend b[5] = { { identity(1), 1, 1 },
				       { identity(2), 1, 2 },
				       { identity(3), 7, 3 },
				       { identity(4), 600, 4 },
				       { identity(5), 65535, 5 } };

	(void)state;
	for (size_t n = 1; n <= ARRAY_LEN(b); n++) {
		struct race walked = lined_up(4099, b, n), looked = lined_up(4099, b, n), both = lined_up(4099, b, n);

		for (uint32_t i = 0; i < looked.size; i++)
			looked.late[i] = i;
		for (uint32_t i = 0; i < n; i++) {
			walk(walked, walked.racers[i], HOPELESS);
			visit_late(looked, looked.racers[i], looked.size);
		}
		heat(&both);
		assert_memory_equal(looked.claims, walked.claims, 4099 * sizeof(*walked.claims));
		assert_memory_equal(both.claims, walked.claims, 4099 * sizeof(*walked.claims));
		go_home(&walked);
		go_home(&looked);
		go_home(&both);
	}
}

/* Who trails another's walk finds every row taken. Two that have nothing in common meet at one row for a lag. */
static void test_shared_skips_do_not_trail(void **state)
{
	struct maglev_backend b[2] = { { identity(1), 1, 1 }, { identity(2), 1, 2 } };
	struct race race = lined_up(SIZE, b, 2);
	struct racer *r = race.racers;

	(void)state;
	r[1].skip = r[0].skip;
	r[1].first = r[0].first; /* on straight walks they would meet always, at no lag */
	assert_int_not_equal(r[0].key, r[1].key);
	for (uint32_t lag = 0; lag < 300; lag++) {
		unsigned met = 0;

		for (uint32_t k = 0; k < SIZE; k++)
			met += row_of_step(&race, &r[0], k + lag) == row_of_step(&race, &r[1], k);
		assert_in_range(met, 0, SIZE / 50);
	}
	go_home(&race);
}

static int compare_u64(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static void test_select_least(void **state)
{
	uint64_t v[97], sorted[97], work[97];

	(void)state;
	for (unsigned order = 0; order < 3; order++) {
		for (unsigned i = 0; i < 97; i++)
			sorted[i] = v[i] = order == 0 ? i : order == 1 ? 1000 - i : identity(i);
		qsort(sorted, 97, sizeof(*sorted), compare_u64);
		for (uint32_t k = 0; k < 97; k++) {
			memcpy(work, v, sizeof(v));
			assert_int_equal(select_least(work, 97, k), sorted[k]);
		}
	}
}

/* Another instance met the backends in another order and gave them other ids. */
static void test_order_and_ids_do_not_matter(void **state)
{
	struct maglev_backend b[20], r[20];
	_cleanup_free_ uint16_t *rows = NULL, *other = NULL;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		b[i] = (struct maglev_backend){ identity(i / 2), i % 5, (uint16_t)i }; /* pairs share a hash */
	for (unsigned i = 0; i < 20; i++) {
		r[i] = b[(7 * i + 3) % 20];
		r[i].id = (uint16_t)(5000 - 11 * r[i].id);
	}
	rows = build(1009, b, 20);
	other = build(1009, r, 20);
	for (unsigned i = 0; i < 1009; i++)
		assert_int_equal(other[i], 5000 - 11 * rows[i]);
}

static void test_shares_follow_weights(void **state)
{
	static const uint32_t weights[] = { 1, 2, 3, 10, 100, 100, 57, 0, 1000, 65535 };
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

		assert_true(got < want * (1 + 1.0 / 33) + 1 && got > want * (1 - 1.0 / 16) - 1);
		assert_true(weights[i] ? got >= 1 : got == 0);
	}
	assert_int_equal(count(rows, SIZE, MAGLEV_NONE), 0);
}

/* Chance is exact before the bounds come in: of two with weights 1 and 2, who comes first to a row does so in one third
 * of many small tables. */
static void test_race_is_proportional(void **state)
{
	size_t light = 0, all = 0;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		struct maglev_backend b[2] = { { identity(2 * i), 1, 1 }, { identity(2 * i + 1), 2, 2 } };
		struct race race = lined_up(101, b, 2);

		race.racers[0].cap = race.racers[1].cap = 101;
		race.racers[0].floor = race.racers[1].floor = 0;
		run(&race);
		light += count(race.rows, 101, 1);
		all += 101;
		go_home(&race);
	}
	assert_in_range(light * 1000 / all, 328, 338);
}

static void test_equal_shares(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 10; seed++) {
		struct maglev_backend b[100];
		_cleanup_free_ uint16_t *rows = NULL;

		for (unsigned i = 0; i < 100; i++)
			b[i] = (struct maglev_backend){ identity(1000 * seed + i), 1, (uint16_t)i };
		rows = build(SIZE, b, 100);
		for (unsigned i = 0; i < 100; i++)
			assert_in_range(count(rows, SIZE, (uint16_t)i), SIZE / 100 * 15 / 16, SIZE * 34 / 33 / 100 + 1);
	}
}

static size_t rows_moved(const uint16_t *before, const struct maglev_backend *b, size_t n)
{
	_cleanup_free_ uint16_t *after = build(SIZE, b, n);
	size_t moved = 0;

	for (size_t i = 0; i < SIZE; i++)
		moved += before[i] != after[i];
	return moved;
}

/* Losing one of 100 backends, or getting it back, must move its rows; how many others move besides is the table's
 * quality (figure 12 of the Maglev paper). Over each backend's loss. */
static void test_removal_and_return_move_little(void **state)
{
	enum { N = 100 };
	struct maglev_backend b[N];
	_cleanup_free_ uint16_t *before = NULL;
	size_t moved = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		b[i] = (struct maglev_backend){ identity(i), 1, (uint16_t)i };
	before = build(SIZE, b, N);
	for (size_t i = 0; i < N; i++) {
		size_t one;

		b[i].weight = 0;
		one = rows_moved(before, b, N);
		b[i].weight = 1;
		assert_in_range(one * 100 / count(before, SIZE, (uint16_t)i), 100, 112);
		moved += one;
	}
	printf("maglev: removing 1 of %d backends moves %.3f %% of %d rows, the minimum is %.3f %%\n", N,
	       (double)moved / SIZE, SIZE, 100.0 / N);
	assert_in_range(moved * 100 / SIZE, 100, 110);
}

/* Of the rows that shares say must move. */
static double moved_by_weight(uint32_t from, uint32_t to)
{
	enum { N = 100 };
	double moved = 0, must = 0;

	for (unsigned seed = 1; seed <= 40; seed++) {
		_cleanup_free_ uint16_t *before = NULL;
		struct maglev_backend b[N];

		for (unsigned i = 0; i < N; i++)
			b[i] = (struct maglev_backend){ identity(1000 * seed + i), from, (uint16_t)i };
		before = build(SIZE, b, N);
		b[seed].weight = to;
		moved += (double)rows_moved(before, b, N);
		must += SIZE * ((double)to / (99 * from + to) - 0.01);
	}
	return must < 0 ? -moved / must : moved / must;
}

static void test_weights_move_little(void **state)
{
	double twice = moved_by_weight(10, 20), half = moved_by_weight(10, 5), none = moved_by_weight(10, 0);

	(void)state;
	printf("maglev: weight of 1 in 100 doubled, halved, zero: %.3f, %.3f, %.3f times the minimum\n", twice, half,
	       none);
	assert_true(twice < 1.1 && half < 1.1 && none < 1.1);
}

/* Share + 1/33 is 65.05 rows, and 64.99 when one weight doubles: caps that all were cut off at the same point would all
 * change. */
static void test_bounds_do_not_change_together(void **state)
{
	enum { N = 1038 };
	_cleanup_free_ struct maglev_backend *b = mem_zalloc(N * sizeof(*b));
	_cleanup_free_ uint16_t *before = NULL;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		b[i] = (struct maglev_backend){ identity(i), 1, (uint16_t)i };
	before = build(SIZE, b, N);
	b[17].weight = 2;
	assert_in_range(rows_moved(before, b, N), SIZE / N, 5 * SIZE / N);
}

/* Few rows for each, and light ones beside heavy ones: what is missing to the floors comes from those above their
 * share, however little that is. */
static void test_everyone_has_its_floor(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct maglev_backend b[10];
		_cleanup_free_ uint16_t *rows = NULL;
		double total = 0;

		for (unsigned i = 0; i < 10; i++) {
			b[i] = (struct maglev_backend){ identity(10 * seed + i), seed % 2 ? 1 : 1u << i, (uint16_t)i };
			total += b[i].weight;
		}
		rows = build(251, b, 10);
		for (unsigned i = 0; i < 10; i++) {
			double share = 251 * b[i].weight / total, got = (double)count(rows, 251, (uint16_t)i);

			assert_true(got > share * 15 / 16 - 1 && got < share * 34 / 33 + 1);
			assert_true(share < 0.5 || got >= 1);
		}
	}
}

static void test_skewed_weights(void **state)
{
	struct maglev_backend two[2] = { { identity(1), 1, 1 }, { identity(2), 65535, 2 } };
	_cleanup_free_ struct maglev_backend *many = mem_zalloc(60000 * sizeof(*many));
	_cleanup_free_ uint16_t *rows = build(SIZE, two, 2), *crowd = NULL;

	(void)state;
	assert_in_range(count(rows, SIZE, 1), 1, 2);
	/* The same hash 60000 times over: what would cost billions of collisions if they walked in step. */
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

static void test_equal_hashes_get_own_walks(void **state)
{
	struct maglev_backend b[3] = { { 7, 1, 1 }, { 7, 1, 2 }, { 8, 1, 3 } };
	struct race race = lined_up(SIZE, b, 3), alone = lined_up(SIZE, b + 2, 1);
	const struct racer *r = race.racers;

	(void)state;
	assert_true(r[0].first != r[1].first && r[0].skip != r[1].skip && r[0].key != r[1].key);
	assert_true(r[2].first == alone.racers->first && r[2].skip == alone.racers->skip);
	assert_true(r[2].key == alone.racers->key && r[2].phase == alone.racers->phase);
	go_home(&race);
	go_home(&alone);
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

/* Nodes of another build or machine come to the same table, or flows change hands between them. A change of the
 * algorithm changes this number, and moves connections where nodes of both versions are at work. */
static void test_table_is_the_same_everywhere(void **state)
{
	struct maglev_backend b[50];
	_cleanup_free_ uint16_t *rows = NULL;
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		b[i] = (struct maglev_backend){ 0x9e3779b97f4a7c15ull * (i + 1), 1 + i * i, (uint16_t)i };
	rows = build(SIZE, b, 50);
	for (size_t i = 0; i < SIZE; i++)
		sum = sum * 31 + rows[i];
	assert_true(sum == 0xa2a6dddf0c3b69a4ull);
}

static void test_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 4, 9, 65536, SIZE_MAX };
	struct maglev_backend b = { 1, 1, 1 };
	uint16_t rows[5] = { 1, 2, 3, 4, 5 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_int_equal(maglev_build(rows, sizes[i], &b, 1), -EINVAL);
	assert_int_equal(maglev_build(rows, 5, &b, MAGLEV_MAX_BACKENDS + 1), -EINVAL);
	b.id = MAGLEV_NONE;
	assert_int_equal(maglev_build(rows, 5, &b, 1), -EINVAL);
	assert_int_equal(rows[4], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_visits_every_row_once),
		cmocka_unit_test(test_shared_skips_do_not_trail),
		cmocka_unit_test(test_select_least),
		cmocka_unit_test(test_looking_finds_what_walks_find),
		cmocka_unit_test(test_order_and_ids_do_not_matter),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_race_is_proportional),
		cmocka_unit_test(test_equal_shares),
		cmocka_unit_test(test_removal_and_return_move_little),
		cmocka_unit_test(test_weights_move_little),
		cmocka_unit_test(test_bounds_do_not_change_together),
		cmocka_unit_test(test_everyone_has_its_floor),
		cmocka_unit_test(test_skewed_weights),
		cmocka_unit_test(test_shares_are_rounded),
		cmocka_unit_test(test_equal_hashes_get_own_walks),
		cmocka_unit_test(test_more_backends_than_rows),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_table_is_the_same_everywhere),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
