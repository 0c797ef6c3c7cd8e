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

void err_print(const struct err_list *e, FILE *to)
{
	for (size_t i = 0; i < e->n; i++) {
		struct buf line;

		buf_init(&line, 0);
		err_format(&e->v[i], &line);
		buf_char(&line, '\n');
		fwrite(line.p, 1, line.n, to);
		buf_free(&line);
	}
}
