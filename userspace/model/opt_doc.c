/* Documentation made from the tables: the option reference in Markdown and the example with every option. */
#include "base/mem.h"
#include "model/opt_kind.h"

#define WRAP 100 /* columns of a comment in the example */

/* ---- the reference ---- */

static void reference_default(const struct opt *o, struct buf *out)
{
	if (o->def)
		buf_printf(out, "`%s`", o->def);
	else if (o->flags & OPT_REQUIRED)
		buf_puts(out, "required");
	else if (o->kind == OPT_BOOL)
		buf_puts(out, "`false`");
	else if (o->kind == OPT_INT || o->kind == OPT_SIZE || o->kind == OPT_DOUBLE)
		buf_puts(out, "`0`");
	else if (o->kind == OPT_DURATION)
		buf_puts(out, "`0s`");
	else if (o->kind == OPT_ENUM)
		buf_printf(out, "`%s`", o->choices[0]);
	else
		buf_puts(out, "–");
}

static void reference_range(const struct opt *o, struct buf *out)
{
	size_t start = out->n;

	if (o->kind == OPT_ENUM)
		for (int i = 0; o->choices[i]; i++)
			buf_printf(out, "%s`%s`", i ? ", " : "", o->choices[i]);
	else
		opt_kind_bounds(o, out);
	if (out->n == start)
		buf_puts(out, "–");
}

/* A bar would end the cell. */
static void reference_cell(const char *text, struct buf *out)
{
	for (const char *p = text ? text : ""; *p; p++) {
		if (*p == '|')
			buf_char(out, '\\');
		buf_char(out, *p == '\n' ? ' ' : *p);
	}
}

static void reference_row(const struct opt *o, struct buf *out)
{
	buf_printf(out, "| `%s` | %s | ", o->name, opt_kind_name(o));
	reference_default(o, out);
	buf_puts(out, " | ");
	reference_range(o, out);
	buf_puts(out, " | ");
	reference_cell(o->doc, out);
	if (o->flags & OPT_STATIC)
		buf_puts(out, " A change needs a restart.");
	buf_puts(out, " |\n");
}

static const char *child_suffix(enum opt_kind kind)
{
	return kind == OPT_MAP ? ".<name>" : kind == OPT_LIST ? "[]" : "";
}

static void reference_children(const struct opt_table *table, const char *title, struct buf *out)
{
	for (const struct opt *o = table->rows; o->name; o++) {
		for (const struct opt_variant *v = o->kind == OPT_ONE_OF ? *o->variants : NULL; v && v->name; v++) {
			_cleanup_free_ char *sub = mem_printf("%s.%s", title, v->name);

			opt_reference(v->table, sub, out);
		}
		if (o->table) {
			_cleanup_free_ char *sub =
				mem_printf("%s%s%s%s", title, *title ? "." : "", o->name, child_suffix(o->kind));

			opt_reference(o->table, sub, out);
		}
	}
}

void opt_reference(const struct opt_table *table, const char *title, struct buf *out)
{
	bool leaf_rows = table->rows[0].name && table->rows[0].kind != OPT_ONE_OF;

	if (*title)
		buf_printf(out, "\n## `%s`\n", title);
	if (table->doc)
		buf_printf(out, "\n%s\n", table->doc);
	if (leaf_rows)
		buf_puts(out, "\n| key | kind | default | range | |\n|---|---|---|---|---|\n");
	for (const struct opt *o = table->rows; o->name; o++)
		if (o->kind != OPT_ONE_OF)
			reference_row(o, out);
	reference_children(table, title, out);
}

/* ---- the example ---- */

static void pad(struct buf *out, int indent)
{
	for (int i = 0; i < indent; i++)
		buf_puts(out, "  ");
}

static void comment(const char *text, int indent, struct buf *out)
{
	size_t width = WRAP - (size_t)indent * 2 - 2, used = 0;

	if (!text)
		return;
	for (struct str rest = str_of(text), word; rest.p;) {
		rest = str_cut(rest, ' ', &word);
		if (used && used + 1 + word.n > width) {
			buf_char(out, '\n');
			used = 0;
		}
		if (!used)
			pad(out, indent);
		buf_puts(out, used ? " " : "# ");
		buf_str(out, word);
		used += word.n + 1;
	}
	buf_char(out, '\n');
}

static bool needs_quotes(struct str s)
{
	if (!s.n)
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (strchr(":`*{}[],&#?|<>=!%@\\\"' ", s.p[i]))
			return true;
	return false;
}

/* Defaults are written as texts in the tables; an example is YAML already. */
static void example_value(const struct opt *o, struct buf *out)
{
	if (o->example) {
		buf_puts(out, o->example);
	} else if (o->kind == OPT_STRINGS || o->kind == OPT_DOUBLES) {
		buf_printf(out, "[%s]", o->def ? o->def : "");
	} else if (o->kind == OPT_STRING_MAP) {
		buf_puts(out, "{}");
	} else if (o->kind == OPT_BOOL && !o->def) {
		buf_puts(out, "false");
	} else if (o->kind == OPT_ENUM && !o->def) {
		buf_puts(out, o->choices[0]);
	} else if (o->kind == OPT_STRING && (!o->def || needs_quotes(str_of(o->def)))) {
		buf_printf(out, "\"%s\"", o->def ? o->def : "");
	} else {
		buf_puts(out, o->def ? o->def : "0");
	}
}

static void example_list(const struct opt *o, int indent, struct buf *out)
{
	size_t at;

	buf_puts(out, "\n");
	at = out->n;
	opt_example(o->table, indent + 2, out);
	/* The dash goes before the first key, which stands after its comment. */
	while (buf_ok(out) && at < out->n) {
		size_t first = at + (size_t)(indent + 2) * 2;

		if (out->p[first] != '#') {
			out->p[first - 2] = '-';
			return;
		}
		at = (size_t)((char *)memchr(out->p + at, '\n', out->n - at) - out->p) + 1;
	}
}

/* Every kind of an OPT_ONE_OF, each in an entry of its own named after it. */
static void example_variants(const struct opt *one_of, int indent, struct buf *out)
{
	for (const struct opt_variant *v = *one_of->variants; v && v->name; v++) {
		comment(v->table->doc, indent, out);
		pad(out, indent);
		buf_printf(out, "%s:\n", v->name);
		pad(out, indent + 1);
		buf_printf(out, "%s:%s\n", v->name, v->table->rows[0].name ? "" : " {}");
		opt_example(v->table, indent + 2, out);
	}
}

static void example_map(const struct opt *o, int indent, struct buf *out)
{
	struct str rest = str_of(o->example ? o->example : "example"), line;
	const struct opt *only = &o->table->rows[0];

	buf_puts(out, "\n");
	if (only->kind == OPT_ONE_OF) {
		example_variants(only, indent + 1, out);
		return;
	}
	rest = str_cut(rest, '\n', &line);
	pad(out, indent + 1);
	buf_printf(out, "%.*s:\n", STR_ARG(line));
	opt_example(o->table, indent + 2, out);
	while (rest.p) {
		rest = str_cut(rest, '\n', &line);
		pad(out, indent + 1);
		buf_printf(out, "%.*s\n", STR_ARG(line));
	}
}

static void example_row(const struct opt *o, int indent, struct buf *out)
{
	comment(o->doc, indent, out);
	pad(out, indent);
	buf_printf(out, "%s:", o->name);
	if (o->example && (o->kind == OPT_LIST || o->kind == OPT_OPTIONAL)) {
		buf_printf(out, " %s\n", o->example);
	} else if (o->kind == OPT_MAP) {
		example_map(o, indent, out);
	} else if (o->kind == OPT_LIST) {
		example_list(o, indent, out);
	} else if (o->kind == OPT_STRUCT || o->kind == OPT_OPTIONAL) {
		buf_char(out, '\n');
		opt_example(o->table, indent + 1, out);
	} else {
		buf_char(out, ' ');
		example_value(o, out);
		buf_char(out, '\n');
	}
}

void opt_example(const struct opt_table *table, int indent, struct buf *out)
{
	for (const struct opt *o = table->rows; o->name; o++)
		if (o->kind != OPT_ONE_OF)
			example_row(o, indent, out);
}
