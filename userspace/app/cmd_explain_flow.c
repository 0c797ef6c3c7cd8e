/* sluice explain tcp|udp: what the kernel tier would do with the packets of a flow, and why. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "app/cli.h"
#include "app/cmd_bpf.h"
#include "base/buf.h"
#include "base/mem.h"
#include "kern/explain.h"
#include "kern/reason.h"

struct question {
	uint8_t proto;
	struct endpoint src, dst; /* src.port 0: not given */
	const char *file, *pin;
	bool json;
};

/* Named lines for people, or one object: the same names, in lower camel case. */
struct page {
	struct buf b;
	bool json, begun;
};

static void put(struct page *p, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put(struct page *p, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!p->json) {
		buf_printf(&p->b, "%-9s %s\n", name, text);
		return;
	}
	buf_printf(&p->b, "%s\"%s\": \"", p->begun ? ", " : "{", name);
	buf_json(&p->b, str_of(text));
	buf_char(&p->b, '"');
	p->begun = true;
}

static void put_number(struct page *p, const char *name, uint64_t v)
{
	buf_printf(&p->b, "%s\"%s\": %" PRIu64, p->begun ? ", " : "{", name, v);
	p->begun = true;
}

static void print_at(const struct endpoint *at, char out[ENDPOINT_TEXT_MAX])
{
	if (at->port)
		endpoint_print(at, out);
	else
		addr_print(&at->addr, out);
}

static void print_backend(const struct explain *e, uint16_t id, char out[ENDPOINT_TEXT_MAX])
{
	struct explain_server s;

	if (explain_server(e, id, &s))
		print_at(&s.at, out);
	else
		snprintf(out, ENDPOINT_TEXT_MAX, "nobody");
}

/* ---- parts ---- */

static void put_question(struct page *p, const struct question *q)
{
	char src[ENDPOINT_TEXT_MAX], dst[ENDPOINT_TEXT_MAX];

	print_at(&q->src, src);
	print_at(&q->dst, dst);
	put(p, "flow", "%s %s -> %s", q->proto == IPPROTO_TCP ? "tcp" : "udp", src, dst);
}

static void put_service(struct page *p, const struct explain_flow *f)
{
	const char *rules = f->rules_text;

	if (f->by < EXPLAIN_BY_PORT) {
		put(p, "service", "%s", p->json ? "" : "none");
		return;
	}
	if (p->json) {
		put(p, "service", "%s", f->service);
		put_number(p, "serviceId", f->service_id);
		put_number(p, "firstPort", f->first_port);
		put_number(p, "lastPort", f->last_port);
		put(p, "rules", "%s", rules);
		return;
	}
	if (f->by == EXPLAIN_BY_PORT)
		put(p, "service", "%s (id %u), by its port %u", f->service, f->service_id, f->first_port);
	else
		put(p, "service", "%s (id %u), by its ports %u-%u", f->service, f->service_id, f->first_port,
		    f->last_port);
	put(p, "rules", "%s", rules[0] ? rules : "none: what its row says is enough");
}

static void put_row(struct page *p, const struct explain *e, const struct explain_row *r)
{
	char now[ENDPOINT_TEXT_MAX], past[ENDPOINT_TEXT_MAX];
	struct explain_server was;

	print_backend(e, r->backend_id, now);
	print_backend(e, r->past_id, past);
	if (!p->json) {
		put(p, "hash", "%016" PRIx64, r->hash);
		if (r->moved)
			put(p, "row", "%u: %s; moved, %u s ago it was %s", r->at, now, r->past_age,
			    explain_server(e, r->past_id, &was) ? past : "another's, who is not known any more");
		else
			put(p, "row", "%u: %s; not moved", r->at, now);
		return;
	}
	put(p, "hash", "%016" PRIx64, r->hash);
	put_number(p, "row", r->at);
	put(p, "rowBackend", "%s", now);
	put_number(p, "moved", r->moved);
	if (r->moved) {
		put(p, "past", "%s", past);
		put_number(p, "pastSeconds", r->past_age);
	}
}

static void put_entry(struct page *p, const char *name, bool known, const struct flow_hit *hit)
{
	char at[ENDPOINT_TEXT_MAX];

	if (!known) {
		put(p, name, "%s", p->json ? "" : "none");
		return;
	}
	print_at(&hit->flow.backend, at);
	put(p, name, "%s%s%s%s, idle for %u s", at, hit->flow.state[0] ? ", " : "", hit->flow.state,
	    hit->answer ? ", found by its answers" : "", hit->flow.idle_s);
}

static void put_json_verdict(struct page *p, const char *packet, const struct explain_verdict *v,
			     const struct explain_server *s)
{
	const struct reason_info *r = reason_at(v->reason);
	char at[ENDPOINT_TEXT_MAX];

	buf_printf(&p->b, "%s{\"packet\": \"%s\", \"verdict\": \"%s\", \"reason\": \"%s\"", p->begun ? ", " : "",
		   packet, r->verdict, r->name);
	if (s) {
		print_at(&s->at, at);
		buf_printf(&p->b, ", \"backend\": \"%s\", \"state\": \"%s\", \"forwarding\": \"%s\"", at, s->state,
			   s->forwarding);
	}
	buf_printf(&p->b, ", \"why\": \"%s\"}", v->why);
	p->begun = true;
}

static void put_text_verdict(struct page *p, const char *packet, const struct explain_verdict *v,
			     const struct explain_server *s)
{
	const struct reason_info *r = reason_at(v->reason);
	char at[ENDPOINT_TEXT_MAX], dev[IF_NAMESIZE];

	buf_printf(&p->b, "%-9s %s (%s)", packet, r->verdict, r->name);
	if (s) {
		print_at(&s->at, at);
		buf_printf(&p->b, " %s %s, %s, %s", v->answer ? "from" : "to", at, s->state, s->forwarding);
	}
	if (s && s->resolved) {
		if (!if_indextoname(s->ifindex, dev))
			snprintf(dev, sizeof(dev), "if%u", s->ifindex);
		buf_printf(&p->b, ", next hop %02x:%02x:%02x:%02x:%02x:%02x on %s", s->mac[0], s->mac[1], s->mac[2],
			   s->mac[3], s->mac[4], s->mac[5], dev);
	}
	buf_printf(&p->b, ": %s\n", v->why);
}

static void put_verdict(struct page *p, const struct explain *e, const char *packet, const struct explain_flow *f,
			enum explain_kind kind)
{
	struct explain_verdict v = explain_decide(e, f, kind);
	struct explain_server s;
	bool known = explain_server(e, v.backend_id, &s);

	if (p->json)
		put_json_verdict(p, packet, &v, known ? &s : NULL);
	else
		put_text_verdict(p, packet, &v, known ? &s : NULL);
}

static void put_verdicts(struct page *p, const struct explain *e, const struct question *q,
			 const struct explain_flow *f)
{
	if (p->json)
		buf_puts(&p->b, ", \"packets\": [");
	p->begun = false;
	if (q->proto == IPPROTO_TCP) {
		put_verdict(p, e, "SYN", f, EXPLAIN_BEGINS);
		put_verdict(p, e, "data", f, EXPLAIN_CONTINUES);
	} else {
		put_verdict(p, e, "datagram", f, EXPLAIN_DATAGRAM);
	}
	if (p->json)
		buf_puts(&p->b, "]");
}

static void write_page(struct page *p, const struct explain *e, const struct question *q, const struct explain_flow *f)
{
	bool served = f->by >= EXPLAIN_BY_PORT, ported = q->src.port || f->by_client;

	put_question(p, q);
	put_service(p, f);
	if (served && ported)
		put_row(p, e, &f->row);
	if (f->affinity_s)
		put_entry(p, "client", f->client_known, &f->client);
	if (ported && (served || f->may_answer))
		put_entry(p, "entry", f->known, &f->hit);
	if (!served || ported)
		put_verdicts(p, e, q, f);
	else if (!p->json)
		buf_puts(&p->b, "Which row and server depends on the client's port: give it as SRC:PORT.\n");
	if (p->json)
		buf_puts(&p->b, "}\n");
	fwrite(p->b.p, 1, p->b.n, stdout);
}

/* ---- the command ---- */

static int answer(const struct question *q, const char *path)
{
	struct page p = { .json = q->json };
	struct explain *e = NULL;
	struct explain_flow f;
	struct err_list errs;
	int r;

	err_init(&errs);
	r = explain_open(path, &e, &errs);
	if (r == 0) {
		r = explain_look(e, q->proto, &q->src, &q->dst, &f);
		if (r < 0)
			err_add(&errs, (struct place){ 0 }, NULL, "reading the maps under %s failed: %s", path,
				strerror(-r));
	}
	if (r == 0) {
		buf_init(&p.b, 0);
		write_page(&p, e, q, &f);
		buf_free(&p.b);
	}
	explain_close(&e);
	return bpf_report(r, &errs);
}

static int take_flow(struct question *q, const char *proto, const char *src, const char *dst)
{
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0)
		return cli_usage_error("explain", "\"%s\" is neither tcp nor udp", proto);
	q->proto = strcmp(proto, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	if (addr_parse(str_of(src), &q->src.addr) < 0 && (*src == ':' || endpoint_parse(str_of(src), &q->src) < 0))
		return cli_usage_error("explain", "the source \"%s\" is neither ADDR:PORT nor ADDR", src);
	if (*dst == ':' || endpoint_parse(str_of(dst), &q->dst) < 0 || q->dst.port == 0)
		return cli_usage_error("explain",
				       "the destination \"%s\" is not ADDR:PORT, such as 198.18.0.10:80 or "
				       "[fd00::10]:80",
				       dst);
	if (addr_is_v4(&q->src.addr) != addr_is_v4(&q->dst.addr))
		return cli_usage_error("explain", "source and destination are of different families");
	return 0;
}

int cmd_explain_flow(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "pin", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	_cleanup_free_ char *path = NULL;
	struct question q = { 0 };
	int c, r;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) >= 0) {
		if (c == 'c')
			q.file = optarg;
		else if (c == 'p')
			q.pin = optarg;
		else if (c == 'j')
			q.json = true;
		else
			return cli_usage_error("explain", "unknown option or missing value");
	}
	if (argc - optind != 3)
		return cli_usage_error("explain", "wanted are protocol, source and destination");
	if (q.file && q.pin)
		return cli_usage_error("explain", "-c and --pin exclude each other");
	r = take_flow(&q, argv[optind], argv[optind + 1], argv[optind + 2]);
	if (r != 0)
		return r;
	path = bpf_pin_path("explain", q.file, q.pin);
	return path ? answer(&q, path) : BPF_FAILED;
}
