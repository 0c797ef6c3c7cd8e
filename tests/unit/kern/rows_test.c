/* Moving rows: what is remembered, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "kern/rows.c"

#define N LB_ROW_NONE
#define M LB_ROW_MOVED

struct world {
	uint16_t row[4];
	struct lb_past past[4];
	struct rows r;
	int forgotten; /* this id is strange; -1: none */
};

static struct world *world(uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
	static struct world w;

	w = (struct world){ .row = { a, b, c, d }, .forgotten = -1 };
	for (int i = 0; i < 4; i++)
		w.past[i].id = N;
	w.r = (struct rows){ .size = 4, .row = w.row, .past = w.past };
	return &w;
}

static bool strange(void *ctx, uint16_t id)
{
	return ((struct world *)ctx)->forgotten == id;
}

static void move(struct world *w, const uint16_t want[4], bool remember, uint16_t now)
{
	rows_move(&w->r, want, remember, now, strange, w);
}

static void test_a_row_that_moves_remembers(void **state)
{
	struct world *w = world(1, 1, 2, 2);

	(void)state;
	move(w, (uint16_t[]){ 1, 3, 2, 3 }, true, 77);
	assert_int_equal(w->row[0], 1);
	assert_int_equal(w->row[1], 3 | M);
	assert_int_equal(w->past[1].id, 1);
	assert_int_equal(w->past[1].when, 77);
	assert_int_equal(w->row[3], 3 | M);
	assert_int_equal(w->past[3].id, 2);
	assert_int_equal(w->past[0].id, N);
	assert_int_equal(w->r.moved, 2);
}

/* Connections of the time between have entries in the flow table; those without are of the time before. */
static void test_two_changes_keep_the_first_past(void **state)
{
	struct world *w = world(1, 1, 1, 1);

	(void)state;
	move(w, (uint16_t[]){ 2, 1, 1, 1 }, true, 10);
	move(w, (uint16_t[]){ 3, 1, 1, 1 }, true, 20);
	assert_int_equal(w->row[0], 3 | M);
	assert_int_equal(w->past[0].id, 1);
	assert_int_equal(w->past[0].when, 10);
	move(w, (uint16_t[]){ 1, 1, 1, 1 }, true, 30);
	assert_int_equal(w->row[0], 1 | M); /* connections with 2 and 3 live on */
	assert_int_equal(w->r.moved, 1);
}

static void test_nobodys_row_has_no_past(void **state)
{
	struct world *w = world(N, 1, 1, 1);

	(void)state;
	move(w, (uint16_t[]){ 2, N, 1, 1 }, true, 10);
	assert_int_equal(w->row[0], 2);
	assert_int_equal(w->row[1], N | M); /* all backends down: who is connected stays */
	assert_int_equal(w->past[1].id, 1);
}

static void test_an_id_that_changed_hands_is_forgotten(void **state)
{
	struct world *w = world(1, 1, 1, 1);

	(void)state;
	move(w, (uint16_t[]){ 2, 1, 1, 1 }, true, 10);
	w->forgotten = 1;
	move(w, (uint16_t[]){ 2, 2, 1, 1 }, true, 20);
	assert_int_equal(w->past[0].id, N);
	assert_int_equal(w->row[0], 2 | M); /* still: connections begun since then have entries */
	assert_int_equal(w->past[1].id, N);
}

static void test_where_all_is_tracked_nothing_is_marked(void **state)
{
	struct world *w = world(1, 1, 1, 1);

	(void)state;
	move(w, (uint16_t[]){ 2, 2, 1, 1 }, false, 10);
	assert_int_equal(w->row[0], 2);
	assert_int_equal(w->r.moved, 0);
	assert_int_equal(w->past[0].id, N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_that_moves_remembers),
		cmocka_unit_test(test_two_changes_keep_the_first_past),
		cmocka_unit_test(test_nobodys_row_has_no_past),
		cmocka_unit_test(test_an_id_that_changed_hands_is_forgotten),
		cmocka_unit_test(test_where_all_is_tracked_nothing_is_marked),
	};
	return cmocka_run_group_tests_name("kern/rows", tests, NULL, NULL);
}
