/* Looking at decoded options: finding a named entry, comparing two structs row by row. Decoding is in opt_decode.c,
 * printing in opt_print.c, documentation in opt_doc.c. */
#include "model/opt.h"
#include "model/opt_kind.h"

void *opt_map_get(const struct opt_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->keys[i], key) == 0)
			return opt_map_at(m, i);
	return NULL;
}

static bool strings_equal(const struct opt_strings *a, const struct opt_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool doubles_equal(const struct opt_doubles *a, const struct opt_doubles *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i] != b->v[i])
			return false;
	return true;
}

static bool string_map_equal(const struct opt_string_map *a, const struct opt_string_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->keys[i], b->keys[i]) != 0 || strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return true;
}

static bool optional_equal(const struct opt_table *table, const void *a, const void *b)
{
	if (!a || !b)
		return a == b;
	return opt_equal(table, a, b);
}

static bool list_equal(const struct opt_table *table, const struct opt_list *a, const struct opt_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!opt_equal(table, opt_list_at(a, i), opt_list_at(b, i)))
			return false;
	return true;
}

/* The order in which names were written means nothing. */
static bool map_equal(const struct opt_table *table, const struct opt_map *a, const struct opt_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		bool same_spot = strcmp(a->keys[i], b->keys[i]) == 0;
		const void *other = same_spot ? opt_map_at(b, i) : opt_map_get(b, a->keys[i]);

		if (!other || !opt_equal(table, opt_map_at(a, i), other))
			return false;
	}
	return true;
}

static bool one_of_equal(const struct opt_one_of *a, const struct opt_one_of *b)
{
	if (a->variant != b->variant)
		return false;
	return !a->variant || opt_equal(a->variant->table, a->value, b->value);
}

static bool row_equal(const struct opt *o, const void *a, const void *b)
{
	switch (o->kind) {
	case OPT_BOOL:
	case OPT_INT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_DOUBLE:
	case OPT_STRING:
	case OPT_ENUM:
		return opt_kind_equal(o, a, b);
	case OPT_STRINGS:
		return strings_equal(a, b);
	case OPT_DOUBLES:
		return doubles_equal(a, b);
	case OPT_STRING_MAP:
		return string_map_equal(a, b);
	case OPT_STRUCT:
		return opt_equal(o->table, a, b);
	case OPT_OPTIONAL:
		return optional_equal(o->table, *(void *const *)a, *(void *const *)b);
	case OPT_LIST:
		return list_equal(o->table, a, b);
	case OPT_MAP:
		return map_equal(o->table, a, b);
	case OPT_ONE_OF:
		return one_of_equal(a, b);
	}
	return false;
}

bool opt_equal(const struct opt_table *table, const void *a, const void *b)
{
	for (const struct opt *o = table->rows; o->name; o++)
		if (!row_equal(o, (const char *)a + o->offset, (const char *)b + o->offset))
			return false;
	return true;
}

const struct opt_table *opt_table_at(const struct opt_table *root, const char *path)
{
	struct str rest = str_of(path), name;

	while (root && rest.p) {
		const struct opt *o = root->rows;

		rest = str_cut(rest, '.', &name);
		while (o->name && !str_eq(str_of(o->name), name))
			o++;
		root = o->name ? o->table : NULL;
	}
	return root;
}
