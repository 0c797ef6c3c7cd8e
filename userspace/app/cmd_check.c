/* sluice check: reads everything that `sluice run` would read at the start, says all that is wrong with it at once, and
 * touches nothing. */
#include "app/cmd_check.h"
#include <getopt.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/yaml.h"
#include "conf/check_tls.h"
#include "conf/decode.h"
#include "conf/merge.h"
#include "conf/static.h"
#include "provider/file.h"

enum { EXIT_VALID, EXIT_INVALID, EXIT_USAGE };

struct checked {
	struct arena arena;
	struct err_list errs;
	struct static_conf st;
	bool st_ok;
	struct tree *root; /* routing, names qualified */
	struct dynamic_conf dynamic;
	struct arena *delivered; /* what root shares values with */
};

static struct tree *main_part(void *ctx, struct arena *a, struct tree *root, struct err_list *errs)
{
	(void)ctx;
	(void)errs;
	return static_dynamic_part(a, root);
}

static void on_emit(void *ctx, const char *provider, struct arena *arena, struct tree *root, struct err_list *errs)
{
	struct checked *c = ctx;

	err_move(&c->errs, errs);
	c->delivered = arena;
	if (root)
		merge_add(&c->arena, c->root, provider, root, &c->errs);
}

/* Without valid start-up options where the files are is unknown; the sections of the main file can be checked all the
 * same. */
static void read_providers(struct checked *c, const char *path)
{
	const struct provider_env env = {
		.conf = c->st_ok ? &c->st.providers : NULL,
		.main_path = path,
		.main_part = main_part,
	};
	const struct provider_sink sink = { .emit = on_emit, .ctx = c };
	void *file = file_provider.create(&env);

	file_provider.start(file, NULL, &sink);
	file_provider.stop(file);
}

static void check_file(struct checked *c, const char *path)
{
	struct tree *root = yaml_load(&c->arena, path, &c->errs);

	if (!root)
		return;
	c->st_ok = static_decode(root, &c->arena, &c->st, &c->errs) == 0;
	c->root = tree_new(&c->arena, TREE_MAP, (struct place){ 0 });
	read_providers(c, path);
	if (decode_dynamic(c->root, c->st_ok ? &c->st : NULL, &c->arena, &c->dynamic, &c->errs) == 0)
		check_tls_files(&c->dynamic, c->st_ok ? &c->st : NULL, &c->errs);
}

static void print_normalised(struct checked *c)
{
	_cleanup_(buf_free) struct buf out = { 0 };

	buf_init(&out, 0);
	merge_unqualify(&c->dynamic, file_provider.name);
	opt_print(&static_table, &c->st, OPT_YAML, false, 0, &out);
	opt_print(&dynamic_table, &c->dynamic, OPT_YAML, false, 0, &out);
	fwrite(out.p, 1, out.n, stdout);
}

static int report(struct checked *c, const char *path, bool print)
{
	err_sort(&c->errs);
	err_print(&c->errs, stderr);
	if (c->errs.errors)
		return EXIT_INVALID;
	if (print)
		print_normalised(c);
	else
		printf("%s: ok\n", path);
	return EXIT_VALID;
}

static int run_check(const char *path, bool print)
{
	struct checked c = { 0 };
	int r;

	arena_init(&c.arena);
	err_init(&c.errs);
	check_file(&c, path);
	r = report(&c, path, print);
	if (c.delivered) {
		arena_reset(c.delivered);
		free(c.delivered);
	}
	arena_reset(&c.arena);
	err_free(&c.errs);
	return r;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "print", no_argument, NULL, 'p' },
		{ 0 },
	};
	const char *path = NULL;
	bool print = false;

	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
		if (o == 'c')
			path = optarg;
		else if (o == 'p')
			print = true;
		else
			return EXIT_USAGE;
	}
	if (!path || optind != argc) {
		fprintf(stderr, "usage: sluice check -c FILE [--print]\n");
		return EXIT_USAGE;
	}
	return run_check(path, print);
}
