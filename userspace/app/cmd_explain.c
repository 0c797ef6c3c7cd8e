/* sluice explain: which way a request would go, asked of the running agent or worked out from a configuration file.
 * Both are the same function of the API (admin/api_explain); here are the options and the two ways to it. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "admin/api_explain.h"
#include "app/ask.h"
#include "app/cli.h"
#include "app/explain_print.h"
#include "app/offline.h"
#include "base/mem.h"

/* Found a router; found none, or the configuration is broken; wrong usage or no agent. */
enum { EXIT_FOUND, EXIT_NONE, EXIT_USAGE };

#define ANSWER_MAX (64u << 20)

struct explain_options {
	const char *file, *socket; /* NULL: not given */
	bool json;
	struct buf query; /* the request, as parameters of /api/explain */
};

/* Everything but letters and digits escaped: "name=value&". */
static void put_parameter(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=", name);
	for (const char *c = value; *c; c++) {
		char low = str_lower_char(*c);

		if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9'))
			buf_char(out, *c);
		else
			buf_printf(out, "%%%02x", (unsigned char)*c);
	}
	buf_char(out, '&');
}

/* ---- the two ways ---- */

static int from_agent(const struct explain_options *o, json_t **ret)
{
	_cleanup_free_ char *socket = ask_socket(NULL, o->socket);
	_cleanup_free_ char *path = mem_printf("/api/explain?%.*s", (int)o->query.n, o->query.p);
	_cleanup_(buf_free) struct buf answer;
	int r;

	buf_init(&answer, ANSWER_MAX);
	r = ask_agent(socket, path, &answer);
	if (r)
		fprintf(stderr,
			"sluice explain: no agent answers at %s: %s; -c FILE explains a configuration without one\n",
			socket, strerror(-r));
	else
		*ret = json_loadb(answer.p, answer.n, 0, NULL);
	if (!r && !*ret)
		fprintf(stderr, "sluice explain: what answers at %s is no agent of this version\n", socket);
	return r || !*ret ? EXIT_USAGE : EXIT_FOUND;
}

struct file_question {
	struct str query;
	json_t *answer;
};

static int ask_file(void *ctx, const struct apply *a, struct err_list *errs)
{
	struct file_question *q = ctx;
	int status = 200;

	(void)errs;
	q->answer = api_explain(a, q->query, &status);
	return 0;
}

static int from_file(const struct explain_options *o, json_t **ret)
{
	struct file_question q = { .query = buf_view(&o->query) };
	struct err_list errs;
	int r;

	err_init(&errs);
	r = offline_inspect(o->file, ask_file, &q, &errs);
	if (r < 0) {
		err_sort(&errs);
		err_print(&errs, stderr);
	}
	err_free(&errs);
	*ret = q.answer;
	return r < 0 ? EXIT_NONE : EXIT_FOUND;
}

/* ---- the command ---- */

static int show(const json_t *answer, bool json)
{
	const char *wrong = explain_text(answer, "message");

	if (*wrong) {
		fprintf(stderr, "sluice explain: %s\n", wrong);
		return EXIT_USAGE;
	}
	if (json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		fputc('\n', stdout);
	} else {
		explain_print_http(stdout, answer);
	}
	return json_is_object(json_object_get(answer, "router")) ? EXIT_FOUND : EXIT_NONE;
}

/* false: an option is wrong, which was said. */
static bool read_options(int argc, char **argv, struct explain_options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "header", required_argument, NULL, 'H' },
		{ "from", required_argument, NULL, 'f' },   { "sni", required_argument, NULL, 'n' },
		{ "entry", required_argument, NULL, 'e' },  { "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },	    { 0 },
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:H:", options, NULL)) >= 0) {
		if (c == 'c')
			o->file = optarg;
		else if (c == 's')
			o->socket = optarg;
		else if (c == 'j')
			o->json = true;
		else if (c == 'H' && strchr(optarg, ':'))
			put_parameter(&o->query, "header", optarg);
		else if (c == 'f' || c == 'n' || c == 'e')
			put_parameter(&o->query, c == 'f' ? "from" : c == 'n' ? "sni" : "entry", optarg);
		else {
			cli_usage_error("explain",
					c == 'H' ? "-H wants name:value" : "unknown option or missing value");
			return false;
		}
	}
	return true;
}

static int explain_http(struct explain_options *o)
{
	json_t *answer = NULL;
	int r = o->file ? from_file(o, &answer) : from_agent(o, &answer);

	if (r == EXIT_FOUND)
		r = show(answer, o->json);
	json_decref(answer);
	return r;
}

/* No method is called so. */
static bool is_flow(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "tcp") || !strcmp(argv[i], "udp"))
			return true;
	return false;
}

int cmd_explain(int argc, char **argv)
{
	struct explain_options o = { 0 };
	int r = EXIT_USAGE;

	if (is_flow(argc, argv))
		return cmd_explain_flow(argc, argv);
	buf_init(&o.query, 1u << 20);
	if (!read_options(argc, argv, &o)) {
		buf_free(&o.query);
		return r;
	}
	if (argc - optind == 3) {
		cli_usage_error("explain", "\"%s\" is neither tcp nor udp", argv[optind]);
	} else if (argc - optind != 2) {
		cli_usage_error("explain", "expected a method and a URL");
	} else if (o.file && o.socket) {
		cli_usage_error("explain", "-c and --socket exclude each other");
	} else {
		put_parameter(&o.query, "method", argv[optind]);
		put_parameter(&o.query, "url", argv[optind + 1]);
		r = explain_http(&o);
	}
	buf_free(&o.query);
	return r;
}
