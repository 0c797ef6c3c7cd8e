/* Collected errors. The list owns copies of everything it is told. */
#include "base/err.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void err_init(struct err_list *e)
{
	*e = (struct err_list){ 0 };
}

void err_free(struct err_list *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].file);
		free(e->v[i].key);
		free(e->v[i].text);
		free(e->v[i].quote);
	}
	free(e->v);
	err_init(e);
}

static void err_push(struct err_list *e, struct err_item item)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 8;
		e->v = mem_realloc(e->v, e->cap, sizeof(*e->v));
	}
	e->v[e->n++] = item;
	if (item.level == ERR_ERROR)
		e->errors++;
}

static void err_vadd(struct err_list *e, enum err_level level, struct place at, const char *key, const char *fmt,
		     va_list ap)
{
	struct err_item item = {
		.level = level,
		.file = at.file ? mem_strdup(at.file) : NULL,
		.line = at.line,
		.col = at.col,
		.key = key && *key ? mem_strdup(key) : NULL,
	};

	if (vasprintf(&item.text, fmt, ap) < 0)
		item.text = mem_strdup(fmt);
	err_push(e, item);
}

void err_add(struct err_list *e, struct place at, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vadd(e, ERR_ERROR, at, key, fmt, ap);
	va_end(ap);
}

void err_warn(struct err_list *e, struct place at, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vadd(e, ERR_WARNING, at, key, fmt, ap);
	va_end(ap);
}

#define ERR_QUOTE_MAX 100 /* bytes of a line that are shown */

/* Control characters and bytes beyond ASCII count as they are shown: one column for a character, a blank for a tab. */
static void err_quote_line(struct buf *out, struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		buf_char(out, (unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f ? ' ' : line.p[i]);
}

static bool err_continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80; /* RFC 3629: not the first byte of its character */
}

void err_quote(struct err_list *e, struct str text, size_t at)
{
	size_t begin = at, end = at, from;
	struct buf out;

	while (begin > 0 && text.p[begin - 1] != '\n')
		begin--;
	while (end < text.n && text.p[end] != '\n')
		end++;
	from = at - begin > ERR_QUOTE_MAX / 2 ? at - ERR_QUOTE_MAX / 2 : begin;
	while (from < at && err_continues(text.p[from]))
		from++;
	if (end - from > ERR_QUOTE_MAX)
		end = from + ERR_QUOTE_MAX;
	while (end > at && end < text.n && err_continues(text.p[end]))
		end--;
	buf_init(&out, 0);
	err_quote_line(&out, str_mk(text.p + from, end - from));
	buf_char(&out, '\n');
	for (size_t i = from; i < at; i++)
		if (!err_continues(text.p[i]))
			buf_char(&out, ' ');
	buf_char(&out, '^');
	free(e->v[e->n - 1].quote);
	e->v[e->n - 1].quote = buf_take(&out);
}

void err_move(struct err_list *to, struct err_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		err_push(to, from->v[i]);
	free(from->v);
	err_init(from);
}

static int err_compare(const struct err_item *a, const struct err_item *b)
{
	int d = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (d)
		return d;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->col > b->col) - (a->col < b->col);
}

/* Merges the sorted runs v[0..mid) and v[mid..n); of equals the left one goes first. */
static void err_merge(struct err_item *v, size_t mid, size_t n, struct err_item *scratch)
{
	size_t l = 0, r = mid, out = 0;

	while (l < mid && r < n)
		scratch[out++] = err_compare(&v[l], &v[r]) <= 0 ? v[l++] : v[r++];
	while (l < mid)
		scratch[out++] = v[l++];
	while (r < n)
		scratch[out++] = v[r++];
	memcpy(v, scratch, n * sizeof(*v));
}

static void err_merge_sort(struct err_item *v, size_t n, struct err_item *scratch)
{
	size_t mid = n / 2;

	if (n < 2)
		return;
	err_merge_sort(v, mid, scratch);
	err_merge_sort(v + mid, n - mid, scratch);
	err_merge(v, mid, n, scratch);
}

void err_sort(struct err_list *e)
{
	_cleanup_free_ struct err_item *scratch = mem_realloc(NULL, e->n, sizeof(*scratch));

	err_merge_sort(e->v, e->n, scratch);
}

void err_format(const struct err_item *i, struct buf *out)
{
	if (i->file) {
		buf_puts(out, i->file);
		if (i->line > 0)
			buf_printf(out, ":%d", i->line);
		if (i->line > 0 && i->col > 0)
			buf_printf(out, ":%d", i->col);
		buf_puts(out, ": ");
	}
	if (i->key) {
		buf_puts(out, i->key);
		buf_puts(out, ": ");
	}
	if (i->level == ERR_WARNING)
		buf_puts(out, "warning: ");
	for (const char *c = i->text; *c; c++)
		buf_char(out, *c == '\n' || *c == '\r' ? ' ' : *c);
}

static void err_format_quote(const char *quote, struct buf *out)
{
	struct str line, rest = str_of(quote);

	while (rest.n) {
		rest = str_cut(rest, '\n', &line);
		buf_printf(out, "    %.*s\n", STR_ARG(line));
	}
}

void err_print(const struct err_list *e, FILE *to)
{
	for (size_t i = 0; i < e->n; i++) {
		struct buf line;

		buf_init(&line, 0);
		err_format(&e->v[i], &line);
		buf_char(&line, '\n');
		err_format_quote(e->v[i].quote, &line);
		fwrite(line.p, 1, line.n, to);
		buf_free(&line);
	}
}
