/* Rows as a table and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "app/rows.c"

static char *printed(bool json, const char *title, const struct dump_cell cells[][2], size_t n)
{
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);
	struct rows r;

	rows_init(&r, f, json, title);
	for (size_t i = 0; i < n; i++)
		rows_add(&r, cells[i], 2);
	rows_finish(&r);
	fclose(f);
	return p;
}

static void check(bool json, const char *title, const struct dump_cell cells[][2], size_t n, const char *expected)
{
	char *p = printed(json, title, cells, n);

	assert_string_equal(p, expected);
	free(p);
}

static const struct dump_cell some[][2] = {
	{ { "reason", "no_flow", 0 }, { "allPackets", NULL, 7 } },
	{ { "reason", "", 0 }, { "allPackets", NULL, UINT64_MAX } },
};

static void test_table(void **state)
{
	(void)state;
	check(false, NULL, some, 2, "REASON   ALL-PACKETS\nno_flow  7\n-        18446744073709551615\n");
	check(false, "counts", some, 1, "counts\nREASON   ALL-PACKETS\nno_flow  7\n");
	check(false, "counts", some, 0, "counts\nnone\n");
	check(false, NULL, some, 0, "");
}

static void test_json(void **state)
{
	(void)state;
	check(true, "ignored", some, 2,
	      "[{\"reason\": \"no_flow\", \"allPackets\": 7},\n {\"reason\": \"\", \"allPackets\": "
	      "18446744073709551615}]");
	check(true, NULL, some, 0, "[]");
}

static void test_hostile_text(void **state)
{
	static const struct dump_cell evil[][2] = { { { "a", "x\033[2J\n", 0 }, { "b", "\"\\\t", 0 } } };

	(void)state;
	check(false, NULL, evil, 1, "A       B\nx?[2J?  \"\\?\n");
	check(true, NULL, evil, 1, "[{\"a\": \"x\\u001b[2J\\n\", \"b\": \"\\\"\\\\\\t\"}]");
}

/* Every row comes out once, whatever the batches are. */
static void test_many_rows(void **state)
{
	char *p = NULL;
	size_t len = 0, lines = 0;
	FILE *f = open_memstream(&p, &len);
	struct rows r;

	(void)state;
	rows_init(&r, f, false, NULL);
	for (uint64_t i = 0; i < 2 * BATCH + 3; i++)
		rows_add(&r, (const struct dump_cell[]){ { "n", NULL, i } }, 1);
	rows_finish(&r);
	fclose(f);
	for (size_t i = 0; i < len; i++)
		lines += p[i] == '\n';
	assert_int_equal(lines, 2 * BATCH + 4);
	assert_string_equal(p + len - 6, "\n1026\n");
	free(p);
}

static void test_abandoned(void **state)
{
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);
	struct rows r;

	(void)state;
	rows_init(&r, f, true, "t");
	rows_abandon(&r);
	rows_init(&r, f, false, "t");
	rows_abandon(&r);
	fclose(f);
	assert_int_equal(len, 0);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	  cmocka_unit_test(test_json),	    cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_many_rows), cmocka_unit_test(test_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
