/* Tables and JSON arrays. Text comes from configuration: control characters do not reach the terminal. */
#include "app/rows.h"
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"

#define BATCH 512 /* rows that are lined up together */

void rows_init(struct rows *r, FILE *to, bool json, const char *title)
{
	*r = (struct rows){ .to = to, .json = json, .title = title };
	buf_init(&r->pending, 0);
}

/* ---- JSON ---- */

static void add_json(struct rows *r, const struct dump_cell *cells, size_t n)
{
	struct buf *b = &r->pending;

	buf_puts(b, r->n ? ",\n " : "[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s\"%s\": ", i ? ", " : "{", cells[i].name);
		if (cells[i].text) {
			buf_char(b, '"');
			buf_json(b, str_of(cells[i].text));
			buf_char(b, '"');
		} else {
			buf_u64(b, cells[i].number);
		}
	}
	buf_char(b, '}');
	fwrite(b->p, 1, b->n, r->to);
	buf_reset(b);
}

/* ---- table ---- */

static void add_cell(struct rows *r, size_t i, const char *text)
{
	size_t at = r->pending.n;
	int len;

	for (; *text; text++)
		buf_char(&r->pending, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	len = (int)(r->pending.n - at);
	if (len == 0) {
		buf_char(&r->pending, '-'); /* a hole would shift the columns for whoever cuts by blanks */
		len = 1;
	}
	buf_char(&r->pending, '\0');
	if (len > r->width[i])
		r->width[i] = len;
}

/* "maxServices" → "MAX SERVICES" would have a blank; columns are cut by blanks, so it becomes "MAX-SERVICES". */
static void heading(const char *name, char out[64])
{
	size_t n = 0;

	for (; *name && n < 61; name++) {
		if (*name >= 'A' && *name <= 'Z')
			out[n++] = '-';
		out[n++] = (char)(*name >= 'a' && *name <= 'z' ? *name - 0x20 : *name);
	}
	out[n] = '\0';
}

static void flush(struct rows *r)
{
	const char *p = r->pending.p;

	for (size_t row = 0; row < r->npending; row++)
		for (size_t i = 0; i < r->ncells; i++) {
			bool last = i + 1 == r->ncells;

			fprintf(r->to, "%-*s%s", last ? 0 : r->width[i], p, last ? "\n" : "  ");
			p += strlen(p) + 1;
		}
	buf_reset(&r->pending);
	r->npending = 0;
}

static void add_line(struct rows *r, const struct dump_cell *cells, size_t n)
{
	char text[64];

	if (r->n == 0) {
		if (r->title)
			fprintf(r->to, "%s\n", r->title);
		r->ncells = n;
		for (size_t i = 0; i < n; i++) {
			heading(cells[i].name, text);
			add_cell(r, i, text);
		}
		r->npending++;
	}
	for (size_t i = 0; i < r->ncells; i++) {
		snprintf(text, sizeof(text), "%" PRIu64, cells[i].number);
		add_cell(r, i, cells[i].text ? cells[i].text : text);
	}
	if (++r->npending >= BATCH)
		flush(r);
}

void rows_add(void *ctx, const struct dump_cell *cells, size_t n)
{
	struct rows *r = ctx;

	if (n > ROWS_CELLS_MAX)
		n = ROWS_CELLS_MAX;
	if (r->json)
		add_json(r, cells, n);
	else
		add_line(r, cells, n);
	r->n++;
}

void rows_finish(struct rows *r)
{
	if (r->json)
		fputs(r->n ? "]" : "[]", r->to);
	else if (r->n == 0 && r->title)
		fprintf(r->to, "%s\nnone\n", r->title);
	else
		flush(r);
	buf_free(&r->pending);
}

void rows_abandon(struct rows *r)
{
	if (r->n)
		rows_finish(r);
	buf_free(&r->pending);
}
