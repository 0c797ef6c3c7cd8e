/* The file provider on real directories: what it reads, what it notices, what it keeps quiet about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "provider/file.c"
#include "provider/overlay.c"

struct fixture {
	char dir[64];
	struct loop loop;
	struct provider_sink sink;
	void *file;
	int emits;
	size_t errors, warnings;
	struct arena *arena; /* the last delivery */
	struct tree *root;
	struct err_list errs;
};

static void drop(struct fixture *f)
{
	if (f->arena) {
		arena_reset(f->arena);
		free(f->arena);
	}
	f->arena = NULL;
	err_free(&f->errs);
	err_init(&f->errs);
}

static void on_emit(void *ctx, const char *provider, struct arena *arena, struct tree *root, struct err_list *errs)
{
	struct fixture *f = ctx;

	assert_string_equal(provider, "file");
	drop(f);
	f->emits++;
	f->arena = arena;
	f->root = root;
	f->errors = errs->errors;
	f->warnings = errs->n - errs->errors;
	err_move(&f->errs, errs);
	assert_int_equal(root == NULL, f->errors > 0);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	strcpy(f->dir, "/tmp/sluice-file-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(loop_init(&f->loop), 0);
	err_init(&f->errs);
	f->sink = (struct provider_sink){ .emit = on_emit, .ctx = f };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *rm = mem_printf("rm -rf %s", f->dir);

	if (f->file) {
		file_provider.stop(f->file);
		loop_once(&f->loop, 0);
	}
	drop(f);
	loop_free(&f->loop);
	assert_int_equal(system(rm), 0);
	free(f);
	return 0;
}

static const char *at(struct fixture *f, const char *name)
{
	static char path[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", f->dir, name);
	return path[turn];
}

static void put(struct fixture *f, const char *name, const char *text)
{
	FILE *to = fopen(at(f, name), "w");

	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static void start(struct fixture *f, const char *filename, const char *directory, const char *main_path)
{
	const struct file_options o = {
		.filename = filename, .directory = directory, .main_path = main_path, .watch = true
	};

	f->file = file_new(&o);
	assert_int_equal(file_provider.start(f->file, &f->loop, &f->sink), 0);
	assert_int_equal(f->emits, 1);
}

/* Runs the loop until there are n deliveries, or until nothing has come for long enough that none will. */
static void wait_for(struct fixture *f, int n)
{
	for (int i = 0; i < 400 && f->emits < n; i++)
		loop_once(&f->loop, 10);
	assert_int_equal(f->emits, n);
}

static void wait_for_nothing(struct fixture *f)
{
	int before = f->emits;
	uint64_t end = f->loop.now_ns + 4 * QUIET_MS * 1000000ull;

	while (f->loop.now_ns < end)
		loop_once(&f->loop, 10);
	assert_int_equal(f->emits, before);
}

static const struct tree *router(const struct fixture *f, const char *name)
{
	return tree_get(tree_get(tree_get(f->root, "http"), "routers"), name);
}

#define ROUTER(name) "http: { routers: { " name ": { rule: x } } }\n"

static void test_directory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(at(f, "sub"), 0755), 0);
	put(f, "b.yaml", ROUTER("b"));
	put(f, "a.yml", ROUTER("a"));
	put(f, "sub/c.yaml", "HTTP: { Routers: { c: { rule: x }, a: { rule: later } } }\n");
	put(f, "notes.txt", "[");
	put(f, ".x.yaml", "[");
	start(f, NULL, f->dir, NULL);
	assert_int_equal(f->errors, 0);
	assert_int_equal(f->warnings, 1);
	assert_non_null(strstr(f->errs.v[0].text, "a.yml:1:20"));
	assert_non_null(router(f, "a"));
	assert_non_null(router(f, "b"));
	assert_non_null(router(f, "c"));
	assert_true(str_eq(tree_get(router(f, "a"), "rule")->text, STR("x")));
}

static void test_changes(void **state)
{
	struct fixture *f = *state;

	put(f, "a.yaml", ROUTER("a"));
	start(f, NULL, f->dir, NULL);
	put(f, "b.yaml", ROUTER("b")); /* new file */
	wait_for(f, 2);
	assert_non_null(router(f, "b"));
	put(f, "tmp", ROUTER("c")); /* replaced by rename, as editors do */
	assert_int_equal(rename(at(f, "tmp"), at(f, "b.yaml")), 0);
	wait_for(f, 3);
	assert_null(router(f, "b"));
	assert_non_null(router(f, "c"));
	assert_int_equal(mkdir(at(f, "sub"), 0755), 0); /* an empty directory changes nothing that is delivered */
	wait_for_nothing(f);
	put(f, "sub/d.yaml", ROUTER("d"));
	wait_for(f, 4);
	assert_non_null(router(f, "d"));
	assert_int_equal(unlink(at(f, "b.yaml")), 0);
	wait_for(f, 5);
	assert_null(router(f, "c"));
}

static void test_same_content_is_not_delivered_again(void **state)
{
	struct fixture *f = *state;

	put(f, "a.yaml", ROUTER("a"));
	start(f, NULL, f->dir, NULL);
	put(f, "a.yaml", ROUTER("a"));
	put(f, "access.log", "line\n");
	wait_for_nothing(f);
	file_provider.reload(f->file); /* but a reload says so each time */
	assert_int_equal(f->emits, 2);
}

static void test_broken_file(void **state)
{
	struct fixture *f = *state;

	put(f, "a.yaml", ROUTER("a"));
	put(f, "b.yaml", "http: [");
	put(f, "c.yaml", "http: {");
	start(f, NULL, f->dir, NULL);
	assert_int_equal(f->errors, 2);
	put(f, "b.yaml", "");
	put(f, "c.yaml", ROUTER("c"));
	wait_for(f, 2);
	assert_int_equal(f->errors, 0);
	assert_non_null(router(f, "c"));
}

static void test_directory_that_appears(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *deep = mem_printf("%s/x/y", f->dir);

	start(f, NULL, deep, NULL);
	assert_int_equal(f->errors, 0);
	assert_int_equal(f->warnings, 1);
	assert_int_equal(mkdir(at(f, "x"), 0755), 0);
	wait_for_nothing(f);
	assert_int_equal(mkdir(at(f, "x/y"), 0755), 0);
	wait_for(f, 2);
	assert_int_equal(f->warnings, 0);
	put(f, "x/y/a.yaml", ROUTER("a"));
	wait_for(f, 3);
	assert_non_null(router(f, "a"));
}

static void test_one_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = mem_printf("%s/one.yaml", f->dir);

	start(f, path, NULL, NULL);
	assert_int_equal(f->errors, 1); /* missing */
	put(f, "other.yaml", ROUTER("other"));
	wait_for_nothing(f);
	put(f, "one.yaml", ROUTER("a"));
	wait_for(f, 2);
	assert_non_null(router(f, "a"));
	assert_null(router(f, "other"));
}

static void test_symbolic_link(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = mem_printf("%s/link.yaml", f->dir);

	assert_int_equal(mkdir(at(f, "real"), 0755), 0);
	put(f, "real/a.yaml", ROUTER("a"));
	assert_int_equal(symlink("real/a.yaml", path), 0);
	start(f, path, NULL, NULL);
	put(f, "real/a.yaml", ROUTER("b"));
	wait_for(f, 2);
	assert_non_null(router(f, "b"));
}

static struct tree *only_http(void *ctx, struct arena *a, struct tree *root, struct err_list *errs)
{
	struct tree *part = tree_new(a, TREE_MAP, root->at);

	(void)errs;
	++*(int *)ctx;
	tree_add(a, part, STR("http"), root->at, tree_get(root, "http"));
	return part;
}

static void test_main_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = mem_printf("%s/main.yaml", f->dir);
	int calls = 0;
	struct file_options o = {
		.directory = f->dir, .main_path = path, .watch = true, .main_part = only_http, .main_ctx = &calls
	};

	put(f, "main.yaml", "log: {}\n" ROUTER("m"));
	put(f, "a.yaml", ROUTER("a"));
	f->file = file_new(&o);
	assert_int_equal(file_provider.start(f->file, &f->loop, &f->sink), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(f->warnings, 0); /* it lies in the directory, and is read once all the same */
	assert_non_null(router(f, "m"));
	assert_non_null(router(f, "a"));
	assert_null(tree_get(f->root, "log"));
	put(f, "main.yaml", "log: {}\n" ROUTER("n"));
	wait_for(f, 2);
	assert_non_null(router(f, "n"));
}

static void test_odd_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(at(f, "dir.yaml"), 0755), 0);
	assert_int_equal(mkfifo(at(f, "pipe.yaml"), 0644), 0);
	assert_int_equal(symlink(".", at(f, "loop")), 0);
	assert_int_equal(symlink("nowhere", at(f, "dangling.yaml")), 0);
	put(f, "z.yaml", "http: { routers: 5 }\n");
	start(f, NULL, f->dir, NULL);
	assert_int_equal(f->errors, 0); /* whoever decodes says what is wrong with 5 */
}

static void test_without_loop(void **state)
{
	struct fixture *f = *state;
	struct file_options o = { .directory = f->dir, .watch = true };

	put(f, "a.yaml", ROUTER("a"));
	f->file = file_new(&o);
	assert_int_equal(file_provider.start(f->file, NULL, &f->sink), 0);
	assert_non_null(router(f, "a"));
	file_provider.stop(f->file);
	f->file = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_content_is_not_delivered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_that_appears, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symbolic_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_main_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_loop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
