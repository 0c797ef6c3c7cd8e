/* Prefix files: what is read, what is refused, with which words and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "conf/prefix_file.c"

static char path[] = "/tmp/prefix_file_test.XXXXXX";

static void write_bytes(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void write_file(const char *text)
{
	write_bytes(text, strlen(text));
}

static int read_it(struct prefix_set *s, struct err_list *errs)
{
	*s = (struct prefix_set){ 0 };
	err_init(errs);
	return prefix_file_read(path, (struct place){ "main.yml", 3, 5 }, "key", s, errs);
}

static void test_what_is_read(void **state)
{
	struct prefix_set s;
	struct err_list errs;

	(void)state;
	write_file("# head\n\n10.1.2.3/8\n  192.0.2.1 \t# one host\r\n2001:db8::1/32#close\n\n203.0.113.0/24");
	assert_int_equal(read_it(&s, &errs), 0);
	assert_int_equal(errs.n, 0);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.v[0].len, 96 + 8);
	assert_int_equal(s.v[0].addr.b[13], 0); /* host bits are gone */
	assert_int_equal(s.v[1].len, 128);
	assert_int_equal(s.v[2].len, 32);
	assert_int_equal(s.v[3].len, 120);
	prefix_set_free(&s);
	err_free(&errs);
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *says;
	} cases[] = {
		{ "10.0.0.0/33\n", 1, "\"10.0.0.0/33\" is not valid" },
		{ "10.0.0.0/8\nexample.org\n", 2, "\"example.org\" is not valid" },
		{ "\n\n10.0.0.0/8 10.1.0.0/16\n", 3, "is not valid" },
		{ "10.0.0.0-10.0.0.9\n", 1, "is not valid" },
		{ "2001:db8::/129", 1, "is not valid" },
		{ "10.0.0.0/", 1, "is not valid" },
	};
	struct prefix_set s;
	struct err_list errs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_file(cases[i].text);
		assert_int_equal(read_it(&s, &errs), -EINVAL);
		assert_int_equal(errs.errors, 1);
		assert_string_equal(errs.v[0].file, path);
		assert_int_equal(errs.v[0].line, cases[i].line);
		assert_non_null(strstr(errs.v[0].text, cases[i].says));
		prefix_set_free(&s);
		err_free(&errs);
	}
}

/* Told once, and what follows has its right line number. */
static void test_long_lines_and_zero_bytes(void **state)
{
	static const char zero[] = "10.0.0.0/8\n10.0.0.0\000/8\nx\n";
	char text[3000];
	struct prefix_set s;
	struct err_list errs;

	(void)state;
	memset(text, '1', sizeof(text));
	memcpy(text + 2000, "\nx\n", 4);
	write_file(text);
	assert_int_equal(read_it(&s, &errs), -EINVAL);
	assert_int_equal(errs.errors, 2);
	assert_non_null(strstr(errs.v[0].text, "too long"));
	assert_int_equal(errs.v[1].line, 2);
	prefix_set_free(&s);
	err_free(&errs);
	write_bytes(zero, sizeof(zero) - 1);
	assert_int_equal(read_it(&s, &errs), -EINVAL);
	assert_int_equal(errs.errors, 2);
	assert_int_equal(errs.v[0].line, 2);
	assert_int_equal(errs.v[1].line, 3);
	prefix_set_free(&s);
	err_free(&errs);
}

static void test_many_errors_are_summed_up(void **state)
{
	char text[1000] = "";
	struct prefix_set s;
	struct err_list errs;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "bad\n");
	write_file(text);
	assert_int_equal(read_it(&s, &errs), -EINVAL);
	assert_int_equal(errs.errors, 21);
	assert_non_null(strstr(errs.v[20].text, "80 more"));
	prefix_set_free(&s);
	err_free(&errs);
}

static void test_no_file(void **state)
{
	static const char *const paths[] = { "/nonexistent/prefixes", "/tmp", "/dev/null" };
	struct prefix_set s = { 0 };
	struct err_list errs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		err_init(&errs);
		assert_int_equal(prefix_file_read(paths[i], (struct place){ "main.yml", 3, 5 }, "key", &s, &errs),
				 -EINVAL);
		assert_int_equal(errs.errors, 1);
		assert_string_equal(errs.v[0].file, "main.yml");
		assert_int_equal(errs.v[0].line, 3);
		err_free(&errs);
	}
	assert_int_equal(s.n, 0);
}

static void test_a_million_is_the_end(void **state)
{
	struct prefix_set s;
	struct err_list errs;
	FILE *f = fopen(path, "w");

	(void)state;
	for (int i = 0; i <= PREFIX_FILE_MAX; i++)
		fputs("::1\n", f);
	fclose(f);
	assert_int_equal(read_it(&s, &errs), -EINVAL);
	assert_int_equal(errs.errors, 1);
	assert_non_null(strstr(errs.v[0].text, "more than 1000000"));
	prefix_set_free(&s);
	err_free(&errs);
}

static void test_lists(void **state)
{
	char *inline_allow[] = { (char *)"10.0.0.0/8" };
	struct protection_conf c = { .allow = { inline_allow, 1 }, .deny_file = path };
	struct prefix_lists l;
	struct err_list errs;

	(void)state;
	write_file("192.0.2.0/24\n");
	err_init(&errs);
	assert_int_equal(prefix_lists_load(&c, &l, &errs), 0);
	assert_int_equal(l.allow.n, 1);
	assert_int_equal(l.deny.n, 1);
	prefix_lists_free(&l);
	write_file("# nothing\n");
	assert_int_equal(prefix_lists_load(&c, &l, &errs), 0); /* nobody is denied */
	assert_int_equal(l.deny.n, 0);
	prefix_lists_free(&l);
	c.allow_file = path;
	assert_int_equal(prefix_lists_load(&c, &l, &errs),
			 -EINVAL); /* even with others inline: a slip of whoever wrote it */
	assert_non_null(strstr(errs.v[0].text, "allow nobody"));
	err_free(&errs);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_long_lines_and_zero_bytes),
		cmocka_unit_test(test_many_errors_are_summed_up),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_a_million_is_the_end),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
