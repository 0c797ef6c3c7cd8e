/* sluice bpf: the kernel tier from the command line, with or without an agent. The table, dispatch, what all share. */
#include "app/cmd_bpf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "app/cli.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/static.h"

static const struct bpf_command commands[] = {
	{ "status", "[-c FILE | --pin PATH] [--json]", "what is pinned: interfaces, maps, services, backends",
	  cmd_bpf_status },
	{ "dump",
	  "vips|services|backends|flows|reasons [-c FILE | --pin PATH] [--json] [--client ADDR] [--vip ADDR[:PORT]] "
	  "[--backend ADDR[:PORT]]",
	  "a map's content in rows", cmd_bpf_dump },
	{ "capture", "[-c FILE | --pin PATH] [--reason NAME]... [--sample N] [--count N] [--seconds S] -w FILE|-",
	  "sample packets into a pcap file", cmd_bpf_capture },
	{ "check", "[-c FILE]", "would it work here? every line with its remedy", cmd_bpf_check },
	{ "load", "-c FILE | decap --interface IF --vip ADDR...",
	  "load and attach without an agent; or the decapsulator of a backend", cmd_bpf_load },
	{ "unload", "-c FILE | --pin PATH | decap --interface IF", "detach and remove everything", cmd_bpf_unload },
	{ 0 },
};

static const struct bpf_command *find(const char *name)
{
	for (const struct bpf_command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static void overview(FILE *to)
{
	fputs("usage: sluice bpf SUBCOMMAND [OPTIONS]\n\n", to);
	for (const struct bpf_command *c = commands; c->name; c++)
		fprintf(to, "  %-8s %s\n           sluice bpf %s %s\n", c->name, c->summary, c->name, c->usage);
}

int bpf_usage_error(const char *name, const char *fmt, ...)
{
	const struct bpf_command *c = find(name);
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "sluice bpf %s: ", name);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: sluice bpf %s %s\n", name, c ? c->usage : "");
	return BPF_USAGE;
}

int bpf_report(int r, struct err_list *errs)
{
	err_print(errs, stderr);
	err_free(errs);
	return r < 0 ? BPF_FAILED : BPF_OK;
}

static char *pin_path_of(const char *file)
{
	struct static_conf conf;
	struct err_list errs;
	struct arena a;
	struct tree *rest;
	char *path = NULL;

	arena_init(&a);
	err_init(&errs);
	if (static_load(file, &a, &conf, &rest, &errs) < 0)
		err_print(&errs, stderr);
	else
		path = mem_strdup(conf.kernel.pin_path);
	err_free(&errs);
	arena_reset(&a);
	return path;
}

char *bpf_pin_path(const char *name, const char *file, const char *pin)
{
	if (file && pin) {
		bpf_usage_error(name, "-c and --pin exclude each other");
		return NULL;
	}
	if (file)
		return pin_path_of(file);
	return mem_strdup(pin ? pin : "/sys/fs/bpf/sluice");
}

int cmd_bpf(int argc, char **argv)
{
	const char *names[ARRAY_LEN(commands)], *near;
	const struct bpf_command *c;
	size_t n = 0;

	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
		overview(argc < 2 ? stderr : stdout);
		return argc < 2 ? BPF_USAGE : BPF_OK;
	}
	c = find(argv[1]);
	if (c)
		return c->run(argc - 1, argv + 1);
	for (c = commands; c->name; c++)
		names[n++] = c->name;
	near = num_nearest(str_of(argv[1]), names, n);
	fprintf(stderr, "sluice bpf: there is no subcommand \"%s\"%s%s%s\n", argv[1], near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	return BPF_USAGE;
}
