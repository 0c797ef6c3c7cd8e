/* sluice bpf status, sluice bpf dump: what is pinned, for people and as JSON. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "app/cmd_bpf.h"
#include "app/rows.h"
#include "base/mem.h"

struct part {
	const char *name;
	enum dump_what what;
};

static int dump_part(const char *path, enum dump_what what, const struct dump_filter *filter, bool json,
		     const char *title)
{
	struct err_list errs;
	struct rows rows;
	int r;

	err_init(&errs);
	rows_init(&rows, stdout, json, title);
	r = dump_rows(path, what, filter, rows_add, &rows, &errs);
	if (r == 0)
		rows_finish(&rows);
	else
		rows_abandon(&rows);
	return bpf_report(r, &errs);
}

/* ---- status ---- */

static int show(const char *path, bool json)
{
	static const struct part parts[] = {
		{ "kernel", DUMP_ABI },	       { "interfaces", DUMP_LINKS },  { "maps", DUMP_MAPS },
		{ "services", DUMP_SERVICES }, { "backends", DUMP_BACKENDS },
	};
	int status = BPF_OK;

	for (size_t i = 0; i < ARRAY_LEN(parts) && status == BPF_OK; i++) {
		if (json)
			printf("%s\"%s\": ", i ? ",\n" : "{", parts[i].name);
		else if (i)
			putchar('\n');
		status = dump_part(path, parts[i].what, NULL, json, parts[i].name);
	}
	if (json && status == BPF_OK)
		puts("}");
	return status;
}

int cmd_bpf_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "pin", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	_cleanup_free_ char *path = NULL;
	const char *file = NULL, *pin = NULL;
	bool json = false;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+c:", options, NULL)) >= 0) {
		if (c == 'c')
			file = optarg;
		else if (c == 'p')
			pin = optarg;
		else if (c == 'j')
			json = true;
		else
			return bpf_usage_error("status", "unknown option or missing value");
	}
	if (optind < argc)
		return bpf_usage_error("status", "unexpected argument \"%s\"", argv[optind]);
	path = bpf_pin_path("status", file, pin);
	return path ? show(path, json) : BPF_FAILED;
}

/* ---- dump ---- */

struct request {
	const char *file, *pin, *client, *vip, *backend; /* as written */
	bool json;
	struct addr client_addr;
	struct endpoint vip_at, backend_at;
	struct dump_filter filter;
};

static int parse_addr(const char *text, struct addr *at, const struct addr **ret)
{
	if (text && addr_parse(str_of(text), at) < 0)
		return bpf_usage_error("dump", "\"%s\" is no IP address", text);
	*ret = text ? at : NULL;
	return BPF_OK;
}

static int parse_endpoint(const char *text, struct endpoint *at, const struct endpoint **ret)
{
	*at = (struct endpoint){ 0 };
	if (text && addr_parse(str_of(text), &at->addr) < 0 && (*text == ':' || endpoint_parse(str_of(text), at) < 0))
		return bpf_usage_error("dump", "\"%s\" is neither ADDR:PORT nor ADDR", text);
	*ret = text ? at : NULL;
	return BPF_OK;
}

static int parse_filter(struct request *q)
{
	int r = parse_addr(q->client, &q->client_addr, &q->filter.client);

	if (r == BPF_OK)
		r = parse_endpoint(q->vip, &q->vip_at, &q->filter.vip);
	if (r == BPF_OK)
		r = parse_endpoint(q->backend, &q->backend_at, &q->filter.backend);
	return r;
}

static int parse_options(struct request *q, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "pin", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "client", required_argument, NULL, 'C' },
		{ "vip", required_argument, NULL, 'V' },
		{ "backend", required_argument, NULL, 'B' },
		{ 0 },
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			q->file = optarg;
			break;
		case 'p':
			q->pin = optarg;
			break;
		case 'j':
			q->json = true;
			break;
		case 'C':
			q->client = optarg;
			break;
		case 'V':
			q->vip = optarg;
			break;
		case 'B':
			q->backend = optarg;
			break;
		default:
			return bpf_usage_error("dump", "unknown option or missing value");
		}
	}
	return parse_filter(q);
}

static const struct part *find_part(const char *name)
{
	static const struct part parts[] = {
		{ "vips", DUMP_VIPS },	 { "services", DUMP_SERVICES }, { "backends", DUMP_BACKENDS },
		{ "flows", DUMP_FLOWS }, { "reasons", DUMP_REASONS },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

int cmd_bpf_dump(int argc, char **argv)
{
	_cleanup_free_ char *path = NULL;
	struct request q = { 0 };
	const struct part *part;
	int r = parse_options(&q, argc, argv);

	if (r != BPF_OK)
		return r;
	if (optind + 1 != argc)
		return bpf_usage_error("dump", "say what: vips, services, backends, flows or reasons");
	part = find_part(argv[optind]);
	if (!part)
		return bpf_usage_error("dump", "there is no \"%s\"", argv[optind]);
	if (part->what != DUMP_FLOWS && (q.client || q.vip || q.backend))
		return bpf_usage_error("dump", "--client, --vip and --backend are for flows");
	path = bpf_pin_path("dump", q.file, q.pin);
	if (!path)
		return BPF_FAILED;
	r = dump_part(path, part->what, &q.filter, q.json, NULL);
	if (q.json && r == BPF_OK)
		putchar('\n');
	return r;
}
