/* sluice bpf check: the findings of kern/preflight.h for people. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "app/cmd_bpf.h"
#include "app/offline.h"
#include "base/mem.h"
#include "kern/preflight.h"

static void on_finding(void *ctx, const struct preflight_finding *f)
{
	static const char *const levels[] = { "ok", "warn", "fail" };
	unsigned *count = ctx;

	count[f->level]++;
	printf("%-5s %s: %s\n", levels[f->level], f->subject, f->text);
	if (f->remedy)
		printf("      -> %s\n", f->remedy);
}

static int on_conf(void *ctx, const struct kern_conf *conf, const struct kern_service *services, size_t n,
		   struct err_list *errs)
{
	(void)errs;
	preflight_run(conf, services, n, on_finding, ctx);
	return 0;
}

static int check(const char *file)
{
	unsigned count[PREFLIGHT_FAIL + 1] = { 0 };
	struct err_list errs;
	int r = 0;

	err_init(&errs);
	if (file)
		r = offline_visit(file, on_conf, count, &errs);
	else
		preflight_run(NULL, NULL, 0, on_finding, count);
	if (r == 0)
		printf("%u ok, %u warnings, %u in the way\n", count[PREFLIGHT_OK], count[PREFLIGHT_WARN],
		       count[PREFLIGHT_FAIL]);
	r = bpf_report(r, &errs);
	return r == BPF_OK && count[PREFLIGHT_FAIL] ? BPF_FAILED : r;
}

int cmd_bpf_check(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' }, { 0 } };
	const char *file = NULL;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+c:", options, NULL)) >= 0) {
		if (c != 'c')
			return bpf_usage_error("check", "unknown option or missing value");
		file = optarg;
	}
	if (optind < argc)
		return bpf_usage_error("check", "unexpected argument \"%s\"", argv[optind]);
	return check(file);
}
