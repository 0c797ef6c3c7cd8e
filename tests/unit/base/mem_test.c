/* Unit tests of base/mem: overflow-checked growth, copies, ownership helpers. */
#include "base/mem.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>

static void test_zero_sized_is_usable(void **state)
{
	_cleanup_free_ void *a = mem_alloc(0), *z = mem_zalloc(0), *r = mem_realloc(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(z);
	assert_non_null(r);
}

static void test_zalloc_zeroes(void **state)
{
	_cleanup_free_ unsigned char *p = mem_zalloc(333);

	(void)state;
	for (int i = 0; i < 333; i++)
		assert_int_equal(p[i], 0);
}

static void test_copies(void **state)
{
	_cleanup_free_ char *a = mem_strdup("hello"), *b = mem_strndup("hello", 2), *c = mem_strndup("hi", 100);
	_cleanup_free_ char *d = mem_printf("%d-%s", 42, "x");

	(void)state;
	assert_string_equal(a, "hello");
	assert_string_equal(b, "he");
	assert_string_equal(c, "hi");
	assert_string_equal(d, "42-x");
}

static void test_realloc_overflow_ends_process(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		mem_realloc(NULL, SIZE_MAX / 2, 3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_take_hands_on(void **state)
{
	char *p = mem_strdup("x");
	_cleanup_free_ char *q = take_ptr(p);
	int fd = 7;

	(void)state;
	assert_null(p);
	assert_string_equal(q, "x");
	assert_int_equal(take_fd(fd), 7);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_sized_is_usable),
		cmocka_unit_test(test_zalloc_zeroes),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_realloc_overflow_ends_process),
		cmocka_unit_test(test_take_hands_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
