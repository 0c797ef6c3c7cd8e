/* Struct to configuration text, as YAML that decodes to an equal struct, or as JSON for the API. */
#include "base/mem.h"
#include "model/opt_kind.h"

#define MASK "xxxx"

/* ---- leaves ---- */

static bool is_nullish(struct str s)
{
	return !s.n || str_ieq(s, STR("null")) || str_ieq(s, STR("~"));
}

static bool is_plain_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
	       c == '.' || c == '-' || c == '@';
}

/* What YAML reads back as the same text without quotes; the set is small on purpose. */
static bool is_plain(struct str s)
{
	if (is_nullish(s) || s.p[0] == '-' || s.p[0] == '@' || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_plain_char(s.p[i]))
			return false;
	return true;
}

static void put_quoted(struct str s, struct buf *out)
{
	buf_char(out, '"');
	buf_json(out, s);
	buf_char(out, '"');
}

static void put_text(struct str s, enum opt_print_format format, struct buf *out)
{
	if (format == OPT_YAML && is_plain(s))
		buf_str(out, s);
	else
		put_quoted(s, out);
}

static bool is_json_bare(enum opt_kind kind)
{
	return kind == OPT_BOOL || kind == OPT_INT || kind == OPT_DOUBLE;
}

/* Of an option that takes a path or the text of a key itself, only the path may be shown. */
static bool is_hidden(const struct opt *o, const char *text)
{
	return (o->flags & OPT_SECRET) || ((o->flags & OPT_PEM) && text && strstr(text, "-----BEGIN"));
}

static void put_scalar(const struct opt *o, const void *field, enum opt_print_format format, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = { 0 };

	if (is_hidden(o, o->kind == OPT_STRING ? *(char *const *)field : NULL)) {
		put_text(STR(MASK), format, out);
		return;
	}
	if (o->kind == OPT_STRING && !*(char *const *)field) {
		buf_puts(out, "null");
		return;
	}
	if (o->kind == OPT_SIZE && format == OPT_JSON) {
		buf_u64(out, *(const uint64_t *)field);
		return;
	}
	buf_init(&text, 0);
	opt_kind_print(o, field, &text);
	if (is_json_bare(o->kind))
		buf_str(out, buf_view(&text));
	else
		put_text(buf_view(&text), format, out);
}

/* A list whose text has a comma must be quoted inside a flow sequence; put_text does. */
static void put_strings(const struct opt *o, const struct opt_strings *l, enum opt_print_format format, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_puts(out, i ? ", " : "");
		put_text(o->flags & OPT_SECRET ? STR(MASK) : str_of(l->v[i]), format, out);
	}
	buf_char(out, ']');
}

static void put_doubles(const struct opt_doubles *l, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_puts(out, i ? ", " : "");
		opt_kind_double(l->v[i], out);
	}
	buf_char(out, ']');
}

static void put_string_map(const struct opt *o, const struct opt_string_map *m, enum opt_print_format format,
			   struct buf *out)
{
	buf_puts(out, "{");
	for (size_t i = 0; i < m->n; i++) {
		buf_puts(out, i ? ", " : " ");
		put_text(str_of(m->keys[i]), format, out);
		buf_puts(out, ": ");
		put_quoted(o->flags & OPT_SECRET ? STR(MASK) : str_of(m->values[i]), out);
	}
	buf_puts(out, m->n ? " }" : "}");
}

/* ---- which rows to print ---- */

/* A struct with nothing but defaults, to compare with. */
static void *defaults_of(const struct opt_table *table, struct arena *a)
{
	struct err_list errs;
	struct opt_ctx c = { .arena = a, .errs = &errs };
	void *v = arena_zalloc(a, table->size);

	err_init(&errs);
	opt_decode(&c, table, NULL, "", v);
	err_free(&errs);
	return v;
}

static bool row_is_default(const struct opt *o, const void *value, const void *defaults)
{
	struct opt only[] = { *o, { 0 } };
	const struct opt_table table = { .rows = only };

	return opt_equal(&table, value, defaults);
}

/* Absent is written by leaving the key out; there is no other way to write it. */
static bool row_is_absent(const struct opt *o, const void *field)
{
	if (o->kind == OPT_STRING || o->kind == OPT_OPTIONAL)
		return !*(void *const *)field;
	if (o->kind == OPT_MAP)
		return !((const struct opt_map *)field)->n;
	if (o->kind == OPT_LIST)
		return !((const struct opt_list *)field)->items;
	return o->kind == OPT_ONE_OF && !((const struct opt_one_of *)field)->variant;
}

/* ---- YAML ---- */

struct yaml_out {
	struct buf *out;
	bool all;
};

static void yaml_struct(const struct yaml_out *y, const struct opt_table *table, const void *value, int indent);

static void yaml_pad(const struct yaml_out *y, int indent)
{
	for (int i = 0; i < indent; i++)
		buf_puts(y->out, "  ");
}

/* "key:" and the mapping under it, or "key: {}" when nothing of it is printed. */
static void yaml_child(const struct yaml_out *y, struct str key, const struct opt_table *table, const void *value,
		       int indent, bool even_if_empty)
{
	size_t start = y->out->n, body;

	yaml_pad(y, indent);
	put_text(key, OPT_YAML, y->out);
	buf_puts(y->out, ":\n");
	body = y->out->n;
	yaml_struct(y, table, value, indent + 1);
	if (y->out->n != body)
		return;
	y->out->n = even_if_empty ? body - 1 : start;
	if (even_if_empty)
		buf_puts(y->out, " {}\n");
}

static void yaml_list(const struct yaml_out *y, const struct opt *o, const struct opt_list *l, int indent)
{
	yaml_pad(y, indent);
	buf_printf(y->out, "%s:%s\n", o->name, l->n ? "" : " []");
	for (size_t i = 0; i < l->n; i++) {
		size_t start = y->out->n;

		yaml_struct(y, o->table, opt_list_at(l, i), indent + 2);
		if (y->out->n == start) {
			yaml_pad(y, indent + 1);
			buf_puts(y->out, "- {}\n");
		} else if (buf_ok(y->out)) {
			y->out->p[start + (size_t)(indent + 1) * 2] = '-';
		}
	}
}

static void yaml_map(const struct yaml_out *y, const struct opt *o, const struct opt_map *m, int indent)
{
	yaml_pad(y, indent);
	buf_printf(y->out, "%s:\n", o->name);
	for (size_t i = 0; i < m->n; i++)
		yaml_child(y, str_of(m->keys[i]), o->table, opt_map_at(m, i), indent + 1, true);
}

static void yaml_leaf(const struct yaml_out *y, const struct opt *o, const void *field, int indent)
{
	yaml_pad(y, indent);
	buf_printf(y->out, "%s: ", o->name);
	if (o->kind == OPT_STRINGS)
		put_strings(o, field, OPT_YAML, y->out);
	else if (o->kind == OPT_DOUBLES)
		put_doubles(field, y->out);
	else if (o->kind == OPT_STRING_MAP)
		put_string_map(o, field, OPT_YAML, y->out);
	else
		put_scalar(o, field, OPT_YAML, y->out);
	buf_char(y->out, '\n');
}

static void yaml_row(const struct yaml_out *y, const struct opt *o, const void *field, int indent)
{
	const struct opt_one_of *one = field;

	switch (o->kind) {
	case OPT_STRUCT:
		yaml_child(y, str_of(o->name), o->table, field, indent, false);
		break;
	case OPT_OPTIONAL:
		yaml_child(y, str_of(o->name), o->table, *(void *const *)field, indent, true);
		break;
	case OPT_ONE_OF:
		yaml_child(y, str_of(one->variant->name), one->variant->table, one->value, indent, true);
		break;
	case OPT_LIST:
		yaml_list(y, o, field, indent);
		break;
	case OPT_MAP:
		yaml_map(y, o, field, indent);
		break;
	case OPT_BOOL:
	case OPT_INT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_DOUBLE:
	case OPT_STRING:
	case OPT_ENUM:
	case OPT_STRINGS:
	case OPT_DOUBLES:
	case OPT_STRING_MAP:
		yaml_leaf(y, o, field, indent);
		break;
	}
}

static void yaml_struct(const struct yaml_out *y, const struct opt_table *table, const void *value, int indent)
{
	struct arena a;
	const void *defaults;

	arena_init(&a);
	defaults = defaults_of(table, &a);
	for (const struct opt *o = table->rows; o->name; o++) {
		const char *field = (const char *)value + o->offset;

		if (!row_is_absent(o, field) && (y->all || !row_is_default(o, value, defaults)))
			yaml_row(y, o, field, indent);
	}
	arena_reset(&a);
}

/* ---- JSON ---- */

static void json_struct(const struct opt_table *table, const void *value, bool all, struct buf *out);

static void json_list(const struct opt_table *table, const struct opt_list *l, bool all, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_puts(out, i ? "," : "");
		json_struct(table, opt_list_at(l, i), all, out);
	}
	buf_char(out, ']');
}

static void json_map(const struct opt_table *table, const struct opt_map *m, bool all, struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < m->n; i++) {
		buf_puts(out, i ? "," : "");
		put_quoted(str_of(m->keys[i]), out);
		buf_char(out, ':');
		json_struct(table, opt_map_at(m, i), all, out);
	}
	buf_char(out, '}');
}

static void json_value(const struct opt *o, const void *field, bool all, struct buf *out)
{
	switch (o->kind) {
	case OPT_STRUCT:
		json_struct(o->table, field, all, out);
		break;
	case OPT_OPTIONAL:
		json_struct(o->table, *(void *const *)field, all, out);
		break;
	case OPT_ONE_OF:
		json_struct(((const struct opt_one_of *)field)->variant->table,
			    ((const struct opt_one_of *)field)->value, all, out);
		break;
	case OPT_LIST:
		json_list(o->table, field, all, out);
		break;
	case OPT_MAP:
		json_map(o->table, field, all, out);
		break;
	case OPT_STRINGS:
		put_strings(o, field, OPT_JSON, out);
		break;
	case OPT_DOUBLES:
		put_doubles(field, out);
		break;
	case OPT_STRING_MAP:
		put_string_map(o, field, OPT_JSON, out);
		break;
	case OPT_BOOL:
	case OPT_INT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_DOUBLE:
	case OPT_STRING:
	case OPT_ENUM:
		put_scalar(o, field, OPT_JSON, out);
		break;
	}
}

static const char *row_key(const struct opt *o, const char *field)
{
	return o->kind == OPT_ONE_OF ? ((const struct opt_one_of *)(const void *)field)->variant->name : o->name;
}

static void json_struct(const struct opt_table *table, const void *value, bool all, struct buf *out)
{
	struct arena a;
	const void *defaults;
	bool first = true;

	arena_init(&a);
	defaults = defaults_of(table, &a);
	buf_char(out, '{');
	for (const struct opt *o = table->rows; o->name; o++) {
		const char *field = (const char *)value + o->offset;

		if (row_is_absent(o, field) || (!all && row_is_default(o, value, defaults)))
			continue;
		buf_puts(out, first ? "" : ",");
		put_quoted(str_of(row_key(o, field)), out);
		buf_char(out, ':');
		json_value(o, field, all, out);
		first = false;
	}
	buf_char(out, '}');
	arena_reset(&a);
}

void opt_print(const struct opt_table *table, const void *value, enum opt_print_format format, bool all, int indent,
	       struct buf *out)
{
	const struct yaml_out y = { .out = out, .all = all };

	if (format == OPT_JSON)
		json_struct(table, value, all, out);
	else
		yaml_struct(&y, table, value, indent);
}
