/* Does every BPF object load with every setting of its knobs, and how large is each program then? Objects are loaded
 * with libbpf as they are (no agent, no skeleton), once per line of variants.txt, under the verifier's statistics.
 *   verify [-v] [-t table] [-w] variants.txt object...
 * -v prints every load, -t compares with a table recorded earlier, -w writes that table to standard output instead.
 * Exit 0, 1 (refused, or grown), or 77 when it cannot run here. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "chain.h"
#include "variant.h"

#define LOG_SIZE     (64 << 10)
#define LOG_STATS    4 /* BPF_LOG_STATS */
#define PROGRAMS_MAX 8 /* in one object */
#define ROWS_MAX     64
#define TOLERANCE    10 /* per cent by which a program may grow before the table must be renewed */

/* The largest a program was over all variants. */
struct row {
	char object[64], program[64], variant[VARIANT_NAME_MAX];
	unsigned xlated, walked, stack;
	bool compared;
};

static struct row rows[ROWS_MAX];
static size_t nrows;
static bool verbose;
static char logs[PROGRAMS_MAX][LOG_SIZE];

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && verbose ? vfprintf(stderr, fmt, ap) : 0;
}

static struct row *row_find(const char *object, const char *program)
{
	for (size_t i = 0; i < nrows; i++)
		if (!strcmp(rows[i].object, object) && !strcmp(rows[i].program, program))
			return &rows[i];
	return NULL;
}

static struct row *row_get(const char *object, const char *program)
{
	struct row *r = row_find(object, program);

	if (r || nrows == ROWS_MAX)
		return r;
	snprintf(rows[nrows].object, sizeof(rows[nrows].object), "%s", object);
	snprintf(rows[nrows].program, sizeof(rows[nrows].program), "%s", program);
	return &rows[nrows++];
}

static void row_raise(struct row *r, const struct row *now)
{
	if (now->xlated > r->xlated) {
		r->xlated = now->xlated;
		snprintf(r->variant, sizeof(r->variant), "%s", now->variant);
	}
	if (now->walked > r->walked)
		r->walked = now->walked;
	if (now->stack > r->stack)
		r->stack = now->stack;
}

/* Sizes of one loaded program; log: the verifier's text about it. */
static int measure(const struct bpf_program *p, const char *log, struct row *ret)
{
	const char *walked = strstr(log, "processed ");
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len) < 0)
		return -errno;
	ret->xlated = info.xlated_prog_len / 8;
	ret->walked = walked ? (unsigned)strtoul(walked + strlen("processed "), NULL, 10) : 0;
	ret->stack = chain_depth(bpf_program__fd(p), log);
	return 0;
}

static int record(const char *object, const char *variant, const struct bpf_program *p, const char *log)
{
	struct row now = { 0 }, *r = row_get(object, bpf_program__name(p));

	if (!r || measure(p, log, &now) < 0)
		return -EINVAL;
	snprintf(now.variant, sizeof(now.variant), "%s", variant);
	row_raise(r, &now);
	if (verbose)
		printf("  %-10s %-20s %-24s %6u insns, %7u walked, stack %3u\n", object, bpf_program__name(p), variant,
		       now.xlated, now.walked, now.stack);
	return 0;
}

/* Each program's log apart: an object is loaded as a whole, since programs may be values of its maps. */
static void collect_logs(struct bpf_object *o)
{
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, o)
	{
		if (i == PROGRAMS_MAX)
			return;
		logs[i][0] = '\0';
		bpf_program__set_log_buf(p, logs[i++], LOG_SIZE);
		bpf_program__set_log_level(p, LOG_STATS);
	}
}

static int record_all(const char *object, const char *variant, struct bpf_object *o)
{
	struct bpf_program *p;
	size_t i = 0;
	int r = 0;

	bpf_object__for_each_program(p, o) if (r == 0) r =
		i == PROGRAMS_MAX ? -E2BIG : record(object, variant, p, logs[i++]);
	return r;
}

static int load_variant(const char *path, const char *object, const struct variant *v)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	int r, rows_fd = -1;

	if (!o)
		return -errno;
	collect_logs(o);
	r = variant_apply(v, o, &rows_fd);
	if (r == 0)
		r = bpf_object__load(o);
	if (r == 0)
		r = record_all(object, v->name, o);
	if (rows_fd >= 0)
		close(rows_fd);
	bpf_object__close(o);
	return r;
}

/* The end of the verifier's text for the program it refused: the last that has any. */
static void explain(const char *object, const char *variant, int r)
{
	size_t i = PROGRAMS_MAX, n;

	while (i > 1 && !logs[i - 1][0])
		i--;
	n = strlen(logs[i - 1]);
	printf("FAIL %s is refused with \"%s\": %s\n", object, variant, strerror(-r));
	printf("%s%s\n", n > 1500 ? "    ...\n" : "", logs[i - 1] + (n > 1500 ? n - 1500 : 0));
}

/* The number of refusals. */
static int load_object(const char *path, const struct variant_list *l)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	const char *slash = strrchr(path, '/');
	char name[64];
	int failed;

	if (!o) {
		printf("FAIL %s cannot be opened: %s\n", path, strerror(errno));
		return 1;
	}
	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = '\0';
	failed = variant_cover(l, o, name);
	bpf_object__close(o);
	for (size_t i = 0; i < l->n; i++) {
		int r;

		memset(logs, 0, sizeof(logs));
		r = load_variant(path, name, &l->v[i]);
		if (r == -ENOENT) /* none of this line's knobs is in this object */
			continue;
		if (r < 0) {
			explain(name, l->v[i].name, r);
			failed++;
		}
	}
	return failed;
}

static void print_rows(FILE *f)
{
	fprintf(f, "# object program xlated walked stack\n");
	for (size_t i = 0; i < nrows; i++)
		fprintf(f, "%s %s %u %u %u\n", rows[i].object, rows[i].program, rows[i].xlated, rows[i].walked,
			rows[i].stack);
}

static int compare_row(const struct row *was)
{
	struct row *r = row_find(was->object, was->program);
	int grown;

	if (!r) {
		printf("FAIL %s %s is in the table and not in the object\n", was->object, was->program);
		return 1;
	}
	r->compared = true;
	grown = r->xlated * 100 > was->xlated * (100 + TOLERANCE) ||
		r->walked * 100ull > was->walked * (100ull + 5 * TOLERANCE);
	printf("%s %-8s %-16s %5u insns (%+d), verifier walked %6u (%+d), stack %3u (%+d) of %d; largest with \"%s\"\n",
	       grown ? "FAIL" : "  ok", r->object, r->program, r->xlated, (int)(r->xlated - was->xlated), r->walked,
	       (int)(r->walked - was->walked), r->stack, (int)(r->stack - was->stack), CHAIN_MAX, r->variant);
	return grown;
}

static int compare(const char *path)
{
	FILE *f = fopen(path, "re");
	struct row was = { 0 };
	char line[256];
	int failed = 0;

	if (!f) {
		printf("FAIL %s: %s\n", path, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f))
		if (line[0] != '#' && sscanf(line, "%63s %63s %u %u %u", was.object, was.program, &was.xlated,
					     &was.walked, &was.stack) == 5)
			failed += compare_row(&was);
	fclose(f);
	for (size_t i = 0; i < nrows; i++)
		if (!rows[i].compared && ++failed)
			printf("FAIL %s %s is not in the table (UPDATE=1 adds it)\n", rows[i].object, rows[i].program);
	return failed;
}

/* Kernels before 6.8 round every frame up to 32 bytes; this program counts so on any kernel. */
static int check_stacks(void)
{
	int failed = 0;

	for (size_t i = 0; i < nrows; i++)
		if (rows[i].stack > CHAIN_MAX && ++failed)
			printf("FAIL %s %s: call chain needs %u bytes of stack as kernels before 6.8 count, %d are "
			       "there\n",
			       rows[i].object, rows[i].program, rows[i].stack, CHAIN_MAX);
	return failed;
}

int main(int argc, char **argv)
{
	static struct variant_list l;
	const char *table = NULL;
	bool write = false;
	int c, failed = 0;

	while ((c = getopt(argc, argv, "vwt:")) != -1) {
		verbose |= c == 'v';
		write |= c == 'w';
		if (c == 't')
			table = optarg;
	}
	if (geteuid() != 0) {
		printf("skipped: root is needed to load BPF programs\n");
		return 77;
	}
	libbpf_set_print(quiet);
	if (optind >= argc || variant_read(&l, argv[optind]) < 0)
		return 1;
	for (int i = optind + 1; i < argc; i++)
		failed += load_object(argv[i], &l);
	failed += check_stacks();
	if (write)
		print_rows(stdout);
	else if (table)
		failed += compare(table);
	if (!write)
		printf("verify: %d objects, %zu programs, %zu settings, %d failed\n", argc - optind - 1, nrows, l.n,
		       failed);
	return failed != 0;
}
