/* What the subcommands of `sluice bpf` share. Adding one is a row in cmd_bpf.c and its function. */
#pragma once
#include "base/err.h"
#include "kern/kern.h"

struct bpf_command {
	const char *name, *usage, *summary;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand; the exit status */
};

enum { BPF_OK, BPF_FAILED, BPF_USAGE };

/* "sluice bpf NAME: what is wrong" and its usage to standard error; returns BPF_USAGE. */
int bpf_usage_error(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The pin path: `pin` itself, else the one of the configuration, else the default. Caller frees; NULL: the
 * configuration is not usable, or both are given, and that was said. */
char *bpf_pin_path(const char *name, const char *file, const char *pin);
/* Prints errs to standard error and empties it; BPF_FAILED if r < 0, else BPF_OK. */
int bpf_report(int r, struct err_list *errs);

int cmd_bpf_status(int argc, char **argv);
int cmd_bpf_dump(int argc, char **argv);
int cmd_bpf_capture(int argc, char **argv);
int cmd_bpf_load(int argc, char **argv);
int cmd_bpf_unload(int argc, char **argv);
int cmd_bpf_check(int argc, char **argv);
