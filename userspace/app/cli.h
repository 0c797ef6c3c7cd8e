/* The command table: usage, help and dispatch are made from it. Adding a command is one row and its function. */
#pragma once

struct command {
	const char *name;
	const char *usage;		   /* what follows the name */
	const char *summary;		   /* one line */
	const char *help;		   /* paragraphs */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

extern const struct command cli_commands[]; /* ends with name NULL */

int cli_main(int argc, char **argv);
/* "sluice CMD: what is wrong" and the usage line to standard error; returns 2. */
int cli_usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_whoami(int argc, char **argv);
int cmd_bpf(int argc, char **argv);
int cmd_explain_flow(int argc, char **argv);
