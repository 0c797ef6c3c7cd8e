/* Commands: the table, dispatch, help. */
#include "app/cli.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/explain.h"
#include "conf/schema.h"
#include "middleware/all.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("sluice " SLUICE_VERSION);
	return 0;
}

static int cmd_help(int argc, char **argv);

const struct command cli_commands[] = {
	{ "run", "-c FILE", "start the balancer",
	  "Reads the configuration, loads the kernel tier where the kernel and the user's rights allow it, and serves "
	  "until SIGTERM or SIGINT.\n"
	  "SIGHUP reads the configuration again, SIGUSR1 reopens the log files.",
	  cmd_run },
	{ "check", "-c FILE [--print]", "validate a configuration",
	  "Reports every problem at once, as file:line:column: key: what is wrong. Exit status 0 when the file can be "
	  "used, 1 when not.\n"
	  "--print writes the configuration as sluice understood it.",
	  cmd_check },
	{ "status", "[-c FILE | --socket PATH] [--json]", "show what a running balancer is doing",
	  "Asks the agent through its control socket. Exit status 0 when all is well, 1 when the newest configuration "
	  "was refused, 2 when no agent answers.",
	  cmd_status },
	{ "explain",
	  "[-c FILE | --socket PATH] [-H NAME:VALUE]... [--from IP] [--sni NAME] [--entry NAME] [--json] METHOD URL\n"
	  "       sluice explain tcp|udp SRC[:PORT] DST:PORT [-c FILE | --pin PATH] [--json]",
	  "say which way a request or a flow would go, and why",
	  "Prints the entry point, the router and why it won, the routers that match too or were tried first, the "
	  "middlewares in order, the service and its servers. Nothing is sent. With -c a configuration is asked, else "
	  "the running agent.\n"
	  "With tcp or udp it walks the pinned maps (kernel.pinPath) as the XDP program does, with an agent or "
	  "without: "
	  "service, row and its past, flow entry, and the verdict for the packet that begins a connection and for one "
	  "in its middle. What kernel.protection would say to the source is not considered.\n"
	  "Exit status 0 when a router takes the request, 1 when none does or the configuration is broken, 2 for wrong "
	  "usage or when no agent answers.",
	  cmd_explain },
	{ "bpf", "SUBCOMMAND [OPTIONS]", "look into the kernel tier, with or without an agent",
	  "status, dump, capture, check, load, unload; `sluice bpf help` lists their options. They work on what is "
	  "pinned (kernel.pinPath), so also after the agent has died.\n"
	  "Exit status 0 when it worked, 1 when it failed or check found something in the way, 2 for wrong usage.",
	  cmd_bpf },
	{ "whoami", "[--name NAME] [--listen ADDR:PORT] [--tcp ADDR:PORT] [--udp ADDR:PORT]",
	  "demo server that answers with its name and the request",
	  "HTTP by --listen: plain text, JSON with ?format=json, /health. TCP: says its name, then echoes. UDP: "
	  "answers its name and the datagram.\n"
	  "Each option may be given several times.",
	  cmd_whoami },
	{ "version", "", "print the version", "", cmd_version },
	{ "help", "[COMMAND | options | example]",
	  "explain a command, or print the option reference or a full example configuration",
	  "help options writes the reference of all configuration keys as Markdown, help example a configuration that "
	  "uses every one of them.",
	  cmd_help },
	{ 0 },
};

static const struct command *find(const char *name)
{
	for (const struct command *c = cli_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static void overview(FILE *to)
{
	fputs("sluice - load balancer with a kernel data plane\n\nusage: sluice COMMAND [OPTIONS]\n\n", to);
	for (const struct command *c = cli_commands; c->name; c++)
		fprintf(to, "  %-8s %s\n", c->name, c->summary);
	fputs("\n`sluice help COMMAND` says more.\n", to);
}

static int unknown(const char *name)
{
	const char *names[16];
	size_t n = 0;
	for (const struct command *c = cli_commands; c->name; c++)
		names[n++] = c->name;
	const char *near = num_nearest(str_of(name), names, n);
	fprintf(stderr, "sluice: there is no command \"%s\"%s%s%s\n", name, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	return 2;
}

static int print_text(void (*make)(struct buf *out))
{
	struct buf out;
	buf_init(&out, 0);
	make(&out);
	fwrite(out.p, 1, out.n, stdout);
	buf_free(&out);
	return 0;
}

static int cmd_help(int argc, char **argv)
{
	if (argc < 2) {
		overview(stdout);
		return 0;
	}
	if (strcmp(argv[1], "options") == 0)
		return print_text(explain_reference);
	if (strcmp(argv[1], "example") == 0)
		return print_text(explain_example);
	const struct command *c = find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	printf("usage: sluice %s %s\n\n%s.\n%s%s", c->name, c->usage, c->summary, c->help, *c->help ? "\n" : "");
	return 0;
}

int cli_usage_error(const char *command, const char *fmt, ...)
{
	const struct command *c = find(command);
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "sluice %s: ", command);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: sluice %s %s\n", command, c ? c->usage : "");
	return 2;
}

int cli_main(int argc, char **argv)
{
	if (argc < 2) {
		overview(stderr);
		return 2;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *c = find(name);
	if (!c)
		return unknown(name);
	schema_init(middleware_all_variants());
	return c->run(argc - 1, argv + 1);
}
