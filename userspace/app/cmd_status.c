/* sluice status: asks the running agent through its control socket and prints what a person wants to know first. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "app/ask.h"
#include "app/cli.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"

enum { EXIT_FINE, EXIT_REFUSED, EXIT_NO_AGENT };

#define MAX_ANSWER (64u << 20)

/* ---- reading the answer ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static bool flag_of(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* What an agent says comes from configuration and from servers: no control characters on the terminal. */
static void put(FILE *to, const char *s)
{
	for (; *s; s++)
		fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, to);
}

/* A column of at least `width`, and two blanks. */
static void column(FILE *to, const char *s, int width)
{
	put(to, s);
	fprintf(to, "%*s", width > (int)strlen(s) ? width - (int)strlen(s) + 2 : 2, "");
}

static int widest(const json_t *list, const char *key)
{
	size_t i;
	json_t *o;
	int width = 0;

	json_array_foreach((json_t *)list, i, o)
	{
		int n = (int)strlen(text_of(o, key));

		width = n > width ? n : width;
	}
	return width < 60 ? width : 60;
}

/* ---- the parts ---- */

static void print_head(FILE *to, const json_t *s)
{
	char uptime[32];

	num_print_duration((int64_t)number_of(s, "uptimeSeconds") * 1000000000, uptime);
	fprintf(to, "sluice %s, up %s, generation %lld%s\n", text_of(s, "version"), uptime, number_of(s, "generation"),
		flag_of(s, "draining") ? ", stopping" : "");
	fprintf(to, "%lld workers, %lld of %lld connections\n", number_of(s, "workers"), number_of(s, "connections"),
		number_of(s, "maxConnections"));
}

static void print_reload(FILE *to, const json_t *reload)
{
	const json_t *errors = json_object_get(reload, "errors");
	const char *last = text_of(reload, "lastAttempt"), *good = text_of(reload, "lastSuccess");
	size_t i;
	json_t *e;

	if (flag_of(reload, "ok"))
		fprintf(to, "\nconfiguration: in force since %s\n", *good ? good : last);
	else
		fprintf(to, "\nconfiguration: REFUSED at %s; serving the one of %s\n", *last ? last : "start",
			*good ? good : "never");
	json_array_foreach((json_t *)errors, i, e)
	{
		fputs("  ", to);
		put(to, text_of(e, "message"));
		fputc('\n', to);
	}
}

static void print_entries(FILE *to, const json_t *list)
{
	int name = widest(list, "name"), address = widest(list, "address");
	size_t i;
	json_t *o;

	if (json_array_size(list))
		fputs("\nentry points\n", to);
	json_array_foreach((json_t *)list, i, o)
	{
		fputs("  ", to);
		column(to, text_of(o, "name"), name);
		column(to, text_of(o, "address"), address);
		fprintf(to, "%s%s\n", text_of(o, "protocol"), flag_of(o, "listening") ? ", listening" : "");
	}
}

static void print_interfaces(FILE *to, const json_t *list)
{
	int name = widest(list, "name");
	size_t i;
	json_t *o;

	if (json_array_size(list))
		fputs("\nkernel interfaces\n", to);
	json_array_foreach((json_t *)list, i, o)
	{
		const char *mode = text_of(o, "mode"), *problem = text_of(o, "problem");

		fputs("  ", to);
		column(to, text_of(o, "name"), name);
		put(to, *mode ? mode : "not attached");
		if (*problem) {
			fputs(": ", to);
			put(to, problem);
		}
		fputc('\n', to);
	}
}

static void print_servers(FILE *to, const json_t *servers)
{
	int name = widest(servers, "server");
	size_t i;
	json_t *o;

	json_array_foreach((json_t *)servers, i, o)
	{
		const char *since = text_of(o, "since");

		fputs("    ", to);
		column(to, text_of(o, "server"), name);
		fprintf(to, "weight %-5lld %s  ", number_of(o, "weight"), flag_of(o, "up") ? "UP  " : "DOWN");
		put(to, text_of(o, "reason"));
		fprintf(to, "%s%s\n", *since ? ", since " : "", since);
	}
}

static void print_services(FILE *to, const json_t *list)
{
	size_t i;
	json_t *o;

	if (json_array_size(list))
		fputs("\nservices\n", to);
	json_array_foreach((json_t *)list, i, o)
	{
		const char *vip = text_of(o, "vip");

		fputs("  ", to);
		put(to, text_of(o, "name"));
		fprintf(to, " (%s%s%s)\n", text_of(o, "type"), *vip ? ", in the kernel at " : "", vip);
		print_servers(to, json_object_get(o, "servers"));
	}
}

static void print_status(FILE *to, const json_t *s)
{
	print_head(to, s);
	print_reload(to, json_object_get(s, "reload"));
	print_entries(to, json_object_get(s, "entryPoints"));
	print_interfaces(to, json_object_get(json_object_get(s, "kernel"), "interfaces"));
	print_services(to, json_object_get(s, "services"));
}

/* ---- the command ---- */

static int show(const char *path, bool as_json)
{
	_cleanup_(buf_free) struct buf answer;
	json_t *s, *reload;
	bool ok;
	int r;

	buf_init(&answer, MAX_ANSWER);
	r = ask_agent(path, "/api/status", &answer);
	if (r) {
		fprintf(stderr, "sluice status: no agent answers at %s: %s\n", path, strerror(-r));
		return EXIT_NO_AGENT;
	}
	s = json_loadb(answer.p, answer.n, 0, NULL);
	reload = json_object_get(s, "reload");
	if (!json_is_object(reload)) {
		fprintf(stderr, "sluice status: what answers at %s is no agent of this version\n", path);
		json_decref(s);
		return EXIT_NO_AGENT;
	}
	ok = flag_of(reload, "ok");
	if (as_json)
		fwrite(answer.p, 1, answer.n, stdout);
	else
		print_status(stdout, s);
	json_decref(s);
	return ok ? EXIT_FINE : EXIT_REFUSED;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	_cleanup_free_ char *path = NULL;
	const char *file = NULL, *given = NULL;
	bool as_json = false;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+c:", options, NULL)) >= 0) {
		if (c == 'c')
			file = optarg;
		else if (c == 's')
			given = optarg;
		else if (c == 'j')
			as_json = true;
		else
			return cli_usage_error("status", "unknown option or missing value");
	}
	if (optind < argc)
		return cli_usage_error("status", "unexpected argument \"%s\"", argv[optind]);
	if (file && given)
		return cli_usage_error("status", "-c and --socket exclude each other");
	path = ask_socket(file, given);
	return path ? show(path, as_json) : EXIT_NO_AGENT;
}
