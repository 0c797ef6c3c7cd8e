/* Writing the exposition format. Numbers are printed exactly: integers without an exponent, everything else with the
 * fewest digits that read back as the same double. */
#include "observe/prom.h"
#include <math.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/metric.h"
#include "base/vec.h"
#include "observe/process.h"

#define TWO_TO_53 9007199254740992.0

/* ---- parts of a line ---- */

/* Backslash and line feed always, the quote in label values only. */
static void put_escaped(struct buf *out, const char *s, bool quote)
{
	for (; *s; s++) {
		if (*s == '\\' || (quote && *s == '"'))
			buf_char(out, '\\');
		if (*s == '\n')
			buf_puts(out, "\\n");
		else
			buf_char(out, *s);
	}
}

static void put_number(struct buf *out, double v)
{
	char text[32];

	if (isnan(v)) {
		buf_puts(out, "NaN");
		return;
	}
	if (isinf(v)) {
		buf_puts(out, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (v >= 0 && v < TWO_TO_53 && !(v > (double)(uint64_t)v)) {
		buf_u64(out, (uint64_t)v);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		double back;

		snprintf(text, sizeof(text), "%.*g", digits, v);
		back = strtod(text, NULL);
		if (!(back < v) && !(back > v))
			break;
	}
	buf_puts(out, text);
}

static void put_family(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_puts(out, "# HELP ");
	buf_puts(out, name);
	buf_char(out, ' ');
	put_escaped(out, help, false);
	buf_puts(out, "\n# TYPE ");
	buf_puts(out, name);
	buf_char(out, ' ');
	buf_puts(out, type);
	buf_char(out, '\n');
}

static void put_label(struct buf *out, bool first, const char *name, const char *value)
{
	buf_char(out, first ? '{' : ',');
	buf_puts(out, name);
	buf_puts(out, "=\"");
	put_escaped(out, value, true);
	buf_char(out, '"');
}

static void put_name(struct buf *out, const struct metric_sample *s, const char *suffix, const double *bound)
{
	unsigned n = s->family->nlabels;

	buf_puts(out, s->family->name);
	buf_puts(out, suffix);
	for (unsigned i = 0; i < n; i++)
		put_label(out, !i, s->family->labels[i], s->values[i]);
	if (bound) {
		buf_puts(out, n ? ",le=\"" : "{le=\"");
		put_number(out, *bound);
		buf_char(out, '"');
	}
	buf_puts(out, n || bound ? "} " : " ");
}

/* ---- the registry ---- */

static void put_histogram(struct buf *out, const struct metric_sample *s)
{
	for (unsigned i = 0; i <= s->family->nbuckets; i++) {
		const double bound = i < s->family->nbuckets ? s->family->buckets[i] : INFINITY;

		put_name(out, s, "_bucket", &bound);
		buf_u64(out, s->bucket[i]);
		buf_char(out, '\n');
	}
	put_name(out, s, "_sum", NULL);
	put_number(out, s->sum);
	buf_char(out, '\n');
	put_name(out, s, "_count", NULL);
	buf_u64(out, s->count);
	buf_char(out, '\n');
}

struct walk {
	struct buf *out;
	const struct metric_family *last;
};

static void put_sample(void *ctx, const struct metric_sample *s)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	struct walk *w = ctx;

	if (w->last != s->family)
		put_family(w->out, s->family->name, s->family->help, types[s->family->type]);
	w->last = s->family;
	if (s->family->type == METRIC_HISTOGRAM) {
		put_histogram(w->out, s);
		return;
	}
	put_name(w->out, s, "", NULL);
	put_number(w->out, s->value);
	buf_char(w->out, '\n');
}

void prom_registry(struct buf *out)
{
	struct walk w = { .out = out };

	metric_walk(put_sample, &w);
}

/* ---- the process ---- */

static void put_single(struct buf *out, const char *name, const char *help, const char *type, double v)
{
	put_family(out, name, help, type);
	buf_puts(out, name);
	buf_char(out, ' ');
	put_number(out, v);
	buf_char(out, '\n');
}

void prom_process(struct buf *out)
{
	struct process p;

	process_read(&p);
	put_single(out, "process_cpu_seconds_total", "User and system CPU time spent.", "counter", p.cpu_seconds);
	put_single(out, "process_resident_memory_bytes", "Resident memory.", "gauge", (double)p.resident_bytes);
	put_single(out, "process_virtual_memory_bytes", "Virtual memory.", "gauge", (double)p.virtual_bytes);
	put_single(out, "process_open_fds", "Open file descriptors.", "gauge", p.open_fds);
	put_single(out, "process_start_time_seconds", "Start of the process, seconds since 1970.", "gauge",
		   p.start_seconds);
	put_family(out, "sluice_build_info", "Version of the running program, value always 1.", "gauge");
	buf_puts(out, "sluice_build_info");
	put_label(out, true, "version", SLUICE_VERSION);
	buf_puts(out, "} 1\n");
}

/* ---- foreign rows ---- */

struct group {
	const char *name, *help;
	bool gauge;
	struct buf body;
};

struct prom_rows {
	VEC(struct group *) groups;
};

struct prom_rows *prom_rows_new(void)
{
	return mem_zalloc(sizeof(struct prom_rows));
}

static struct group *rows_group(struct prom_rows *r, const struct prom_row *row)
{
	struct group *g;

	for (size_t i = 0; i < r->groups.n; i++)
		if (!strcmp(r->groups.v[i]->name, row->name))
			return r->groups.v[i];
	g = mem_zalloc(sizeof(*g));
	*g = (struct group){ .name = row->name, .help = row->help, .gauge = row->gauge };
	buf_init(&g->body, 0);
	vec_push(&r->groups, g);
	return g;
}

void prom_rows_add(struct prom_rows *r, const struct prom_row *row)
{
	struct buf *body = &rows_group(r, row)->body;

	buf_puts(body, row->name);
	for (size_t i = 0; i < row->nlabels; i++)
		put_label(body, !i, row->labels[i].name, row->labels[i].value);
	buf_puts(body, row->nlabels ? "} " : " ");
	buf_u64(body, row->value);
	buf_char(body, '\n');
}

void prom_rows_write(const struct prom_rows *r, struct buf *out)
{
	for (size_t i = 0; i < r->groups.n; i++) {
		const struct group *g = r->groups.v[i];

		put_family(out, g->name, g->help, g->gauge ? "gauge" : "counter");
		buf_str(out, buf_view(&g->body));
	}
}

void prom_rows_free(struct prom_rows **pr)
{
	struct prom_rows *r = take_ptr(*pr);

	if (!r)
		return;
	for (size_t i = 0; i < r->groups.n; i++) {
		buf_free(&r->groups.v[i]->body);
		free(r->groups.v[i]);
	}
	vec_free(&r->groups);
	free(r);
}
