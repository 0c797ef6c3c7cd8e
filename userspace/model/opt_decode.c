/* Tree to struct: walks the rows of a table, gives every problem a place, and goes on after each. */
#include <errno.h>
#include "base/mem.h"
#include "base/num.h"
#include "model/opt_kind.h"

#define NAMES_MAX   128 /* keys of one mapping, for suggestions */
#define NAMES_SHOWN 16	/* in "expected one of" */
#define VALUE_SHOWN 60	/* bytes of a wrong value that are quoted back */

static char *key_join(struct arena *a, const char *key, const char *name)
{
	return *key ? arena_printf(a, "%s.%s", key, name) : arena_strdup(a, name);
}

/* ---- unknown keys ---- */

static size_t known_names(const struct opt_table *table, const char *names[NAMES_MAX])
{
	size_t n = 0;

	for (const struct opt *o = table->rows; o->name; o++) {
		if (o->kind != OPT_ONE_OF && n < NAMES_MAX)
			names[n++] = o->name;
		for (const struct opt_variant *v = o->kind == OPT_ONE_OF ? *o->variants : NULL; v && v->name; v++)
			if (n < NAMES_MAX)
				names[n++] = v->name;
	}
	for (const struct opt_elsewhere *e = table->elsewhere; e && e->name; e++)
		if (!e->error && n < NAMES_MAX)
			names[n++] = e->name;
	return n;
}

static void list_names(struct buf *out, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++)
		buf_printf(out, "%s%s", i ? ", " : "", names[i]);
	if (n > NAMES_SHOWN)
		buf_printf(out, " and %zu more", n - NAMES_SHOWN);
}

static void add_unknown(struct opt_ctx *c, const struct opt_table *table, const struct tree_pair *p, const char *key)
{
	const char *names[NAMES_MAX];
	size_t n = known_names(table, names);
	const char *near = num_nearest(p->key, names, n);
	_cleanup_(buf_free) struct buf text = { 0 };

	buf_init(&text, 0);
	buf_puts(&text, "unknown key; ");
	if (near)
		buf_printf(&text, "did you mean `%s`? ", near);
	buf_puts(&text, n == 1 ? "expected " : n ? "expected one of " : "expected no key at all");
	list_names(&text, names, n);
	err_add(c->errs, p->key_at, key_join(c->arena, key, p->key.p), "%.*s", STR_ARG(buf_view(&text)));
}

static bool is_unsupported(const struct opt_table *table, struct str name)
{
	for (const char *const *u = table->unsupported; u && *u; u++)
		if (str_ieq(name, str_of(*u)))
			return true;
	return false;
}

static const struct opt_elsewhere *find_elsewhere(const struct opt_table *table, struct str name)
{
	for (const struct opt_elsewhere *e = table->elsewhere; e && e->name; e++)
		if (str_ieq(name, str_of(e->name)))
			return e;
	return NULL;
}

static void reject_key(struct opt_ctx *c, const struct opt_table *table, const struct tree_pair *p, const char *key)
{
	const struct opt_elsewhere *e = find_elsewhere(table, p->key);

	if (e && !e->error)
		return;
	if (e)
		err_add(c->errs, p->key_at, key_join(c->arena, key, p->key.p), "%s", e->error);
	else if (is_unsupported(table, p->key))
		err_add(c->errs, p->key_at, key_join(c->arena, key, p->key.p),
			"known to Traefik, not supported by this version of sluice");
	else
		add_unknown(c, table, p, key);
}

/* ---- values ---- */

static void add_wrong_kind(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key)
{
	_cleanup_(buf_free) struct buf want = { 0 };

	buf_init(&want, 0);
	opt_kind_expected(o, &want);
	err_add(c->errs, t->at, key, "expected %.*s; found %s", STR_ARG(buf_view(&want)), tree_kind_name(t));
}

static void add_bad_value(struct opt_ctx *c, const struct opt *o, const struct tree *t, struct str value, int r,
			  const char *key)
{
	_cleanup_(buf_free) struct buf text = { 0 };
	const char *near = NULL;
	size_t n = 0;

	buf_init(&text, 0);
	if (o->flags & OPT_SECRET)
		buf_puts(&text, "the value");
	else
		buf_printf(&text, "\"%.*s\"", value.n > VALUE_SHOWN ? VALUE_SHOWN : (int)value.n, value.p);
	buf_printf(&text, r == -ERANGE ? " is out of range; expected " : " is not valid; expected ");
	opt_kind_expected(o, &text);
	if (o->kind == OPT_ENUM) {
		while (o->choices[n])
			n++;
		near = num_nearest(value, o->choices, n);
	}
	if (near)
		buf_printf(&text, "; did you mean `%s`?", near);
	err_add(c->errs, t->at, key, "%.*s", STR_ARG(buf_view(&text)));
}

static void decode_scalar(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, void *field)
{
	int r;

	if (t->kind != TREE_SCALAR) {
		add_wrong_kind(c, o, t, key);
		return;
	}
	if (o->kind == OPT_STRING && !t->text.n && !o->def && !(o->flags & OPT_REQUIRED))
		return; /* "" says the same as absence, as it does in Traefik */
	r = opt_kind_parse(o, t->text, c->arena, field);
	if (r)
		add_bad_value(c, o, t, t->text, r, key);
	else if (o->kind == OPT_STRING && (o->flags & OPT_REQUIRED) && !t->text.n)
		err_add(c->errs, t->at, key, "must not be empty");
}

/* Gives the elements of a list of scalars, written as a list or as one scalar with commas. `fn` returns 0 or -errno. */
static bool each_element(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key,
			 void (*fn)(struct opt_ctx *c, const struct opt *o, const struct tree *t, struct str s,
				    const char *key, void *field),
			 void *field)
{
	struct str rest, e;

	if (t->kind == TREE_SCALAR) {
		for (rest = t->text; str_next_element(&rest, &e);)
			fn(c, o, t, e, key, field);
		return true;
	}
	if (t->kind != TREE_LIST) {
		add_wrong_kind(c, o, t, key);
		return false;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct tree *v = t->pairs[i].value;

		if (v->kind == TREE_SCALAR)
			fn(c, o, v, str_trim(v->text), key, field);
		else
			err_add(c->errs, v->at, arena_printf(c->arena, "%s[%zu]", key, i), "expected %s; found %s",
				o->kind == OPT_STRINGS ? "text" : "a number", tree_kind_name(v));
	}
	return true;
}

/* A power of two is where the array is full. */
static void *grown(struct arena *a, void *v, size_t n, size_t size)
{
	char *bigger;

	if (n & (n - 1))
		return v;
	bigger = arena_alloc(a, (n ? n * 2 : 1) * size);
	if (n)
		memcpy(bigger, v, n * size);
	return bigger;
}

static void add_string(struct opt_ctx *c, const struct opt *o, const struct tree *t, struct str s, const char *key,
		       void *field)
{
	struct opt_strings *l = field;

	(void)o;
	(void)t;
	(void)key;
	l->v = grown(c->arena, l->v, l->n, sizeof(*l->v));
	l->v[l->n++] = arena_strndup(c->arena, s.p, s.n);
}

static void add_double(struct opt_ctx *c, const struct opt *o, const struct tree *t, struct str s, const char *key,
		       void *field)
{
	const struct opt one = { .kind = OPT_DOUBLE, .min = o->min, .max = o->max, .flags = o->flags };
	struct opt_doubles *l = field;
	double v;
	int r = opt_kind_parse(&one, s, c->arena, &v);

	if (r) {
		add_bad_value(c, &one, t, s, r, key);
		return;
	}
	l->v = grown(c->arena, l->v, l->n, sizeof(*l->v));
	l->v[l->n++] = v;
}

static void decode_strings(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, void *field)
{
	struct opt_strings l = { 0 };

	if (each_element(c, o, t, key, add_string, &l))
		*(struct opt_strings *)field = l;
}

static void decode_doubles(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, void *field)
{
	struct opt_doubles l = { 0 };

	if (each_element(c, o, t, key, add_double, &l))
		*(struct opt_doubles *)field = l;
}

static void decode_string_map(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key,
			      void *field)
{
	struct opt_string_map *m = field;

	if (t->kind != TREE_MAP) {
		add_wrong_kind(c, o, t, key);
		return;
	}
	m->keys = arena_zalloc(c->arena, (t->n + 1) * sizeof(*m->keys));
	m->values = arena_zalloc(c->arena, (t->n + 1) * sizeof(*m->values));
	m->n = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_pair *p = &t->pairs[i];

		if (p->value->kind == TREE_NULL)
			continue;
		if (p->value->kind != TREE_SCALAR) {
			err_add(c->errs, p->value->at, key_join(c->arena, key, p->key.p), "expected text; found %s",
				tree_kind_name(p->value));
			continue;
		}
		m->keys[m->n] = arena_strndup(c->arena, p->key.p, p->key.n);
		m->values[m->n++] = arena_strndup(c->arena, p->value->text.p, p->value->text.n);
	}
}

static void decode_optional(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, void **field)
{
	struct tree empty = { .kind = TREE_MAP, .at = t->at };
	bool on = false;

	if (t->kind == TREE_SCALAR && num_bool(t->text, &on) == 0) {
		if (!on)
			return;
		t = &empty;
	}
	if (t->kind != TREE_MAP) {
		add_wrong_kind(c, o, t, key);
		return;
	}
	*field = arena_zalloc(c->arena, o->table->size);
	opt_decode(c, o->table, t, key, *field);
}

static void decode_list(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key,
			struct opt_list *l)
{
	if (t->kind != TREE_LIST) {
		add_wrong_kind(c, o, t, key);
		return;
	}
	l->size = o->table->size;
	l->n = t->n;
	l->items = arena_zalloc(c->arena, t->n * l->size + 1);
	l->at = arena_zalloc(c->arena, (t->n + 1) * sizeof(*l->at));
	for (size_t i = 0; i < t->n; i++) {
		l->at[i] = t->pairs[i].value->at;
		opt_decode(c, o->table, t->pairs[i].value, arena_printf(c->arena, "%s[%zu]", key, i),
			   opt_list_at(l, i));
	}
}

static void decode_map(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, struct opt_map *m)
{
	if (t->kind != TREE_MAP) {
		add_wrong_kind(c, o, t, key);
		return;
	}
	m->items = arena_zalloc(c->arena, t->n * m->size + 1);
	m->keys = arena_zalloc(c->arena, (t->n + 1) * sizeof(*m->keys));
	m->at = arena_zalloc(c->arena, (t->n + 1) * sizeof(*m->at));
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_pair *p = &t->pairs[i];

		if (!p->key.n)
			err_add(c->errs, p->key_at, key, "a name must not be empty");
		if (p->value->kind == TREE_NULL)
			continue;
		m->keys[m->n] = arena_strndup(c->arena, p->key.p, p->key.n);
		m->at[m->n] = p->key_at;
		opt_decode(c, o->table, p->value, key_join(c->arena, key, p->key.p), opt_map_at(m, m->n));
		m->n++;
	}
}

static void decode_value(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key, void *field)
{
	switch (o->kind) {
	case OPT_BOOL:
	case OPT_INT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_DOUBLE:
	case OPT_STRING:
	case OPT_ENUM:
		decode_scalar(c, o, t, key, field);
		break;
	case OPT_STRINGS:
		decode_strings(c, o, t, key, field);
		break;
	case OPT_DOUBLES:
		decode_doubles(c, o, t, key, field);
		break;
	case OPT_STRUCT:
		opt_decode(c, o->table, t, key, field);
		break;
	case OPT_OPTIONAL:
		decode_optional(c, o, t, key, field);
		break;
	case OPT_LIST:
		decode_list(c, o, t, key, field);
		break;
	case OPT_MAP:
		decode_map(c, o, t, key, field);
		break;
	case OPT_STRING_MAP:
		decode_string_map(c, o, t, key, field);
		break;
	case OPT_ONE_OF: /* decode_variants: its keys stand beside the rows */
		break;
	}
}

/* ---- one mapping ---- */

/* Defaults are in the syntax of the configuration; a wrong one is a mistake in the table, which a unit test finds. */
static void set_default(struct opt_ctx *c, const struct opt *o, char *ret)
{
	struct tree t = { .kind = TREE_SCALAR };

	if (o->kind == OPT_STRUCT) {
		opt_decode(c, o->table, NULL, "", ret + o->offset);
		return;
	}
	if (o->kind == OPT_MAP)
		((struct opt_map *)(ret + o->offset))->size = o->table->size;
	if (o->kind == OPT_LIST)
		((struct opt_list *)(ret + o->offset))->size = o->table->size;
	if (!o->def)
		return;
	t.text = str_of(o->def);
	decode_value(c, o, &t, o->name, ret + o->offset);
}

static const struct opt *find_row(const struct opt_table *table, struct str name)
{
	for (const struct opt *o = table->rows; o->name; o++)
		if (o->kind != OPT_ONE_OF && str_ieq(name, str_of(o->name)))
			return o;
	return NULL;
}

static const struct opt_variant *find_variant(const struct opt *o, struct str name)
{
	for (const struct opt_variant *v = *o->variants; v && v->name; v++)
		if (str_ieq(name, str_of(v->name)))
			return v;
	return NULL;
}

static const struct opt *find_one_of(const struct opt_table *table)
{
	for (const struct opt *o = table->rows; o->name; o++)
		if (o->kind == OPT_ONE_OF)
			return o;
	return NULL;
}

static void add_no_variant(struct opt_ctx *c, const struct opt *o, const struct tree *t, const char *key)
{
	const char *names[NAMES_MAX];
	size_t n = known_names(&(struct opt_table){ .rows = (const struct opt[]){ *o, { 0 } } }, names);
	_cleanup_(buf_free) struct buf list = { 0 };

	buf_init(&list, 0);
	list_names(&list, names, n);
	err_add(c->errs, t->at, key, "says nothing; expected exactly one of %.*s", STR_ARG(buf_view(&list)));
}

/* A null value still names the kind, with its defaults: `retry:` is how people write an empty one. */
static void decode_variant(struct opt_ctx *c, const struct opt_variant *v, const struct tree_pair *p, const char *key,
			   struct opt_one_of *ret)
{
	struct tree empty = { .kind = TREE_MAP, .at = p->key_at };
	const struct tree *t = p->value->kind == TREE_NULL ? &empty : p->value;

	if (ret->variant) {
		err_add(c->errs, p->key_at, key, "only one kind is allowed; `%s` is already given on line %d",
			ret->variant->name, ret->at.line);
		return;
	}
	ret->variant = v;
	ret->at = p->key_at;
	ret->value = arena_zalloc(c->arena, v->table->size);
	opt_decode(c, v->table, t, key_join(c->arena, key, v->name), ret->value);
}

static const struct tree_pair *first_named(const struct tree *t, struct str name)
{
	size_t i = 0;

	while (!str_ieq(t->pairs[i].key, name))
		i++;
	return &t->pairs[i];
}

static void decode_row(struct opt_ctx *c, const struct opt *o, const struct tree *t, const struct tree_pair *p,
		       const char *parent, char *ret)
{
	const struct tree_pair *first = first_named(t, p->key);
	const char *key = key_join(c->arena, parent, o->name);
	size_t before = c->errs->errors;

	if (first != p) {
		err_add(c->errs, p->key_at, key, "given twice; the first is on line %d", first->key_at.line);
		return;
	}
	if (p->value->kind == TREE_NULL)
		return;
	decode_value(c, o, p->value, key, ret + o->offset);
	if (o->place_at)
		*(struct place *)(ret + o->place_at) = p->value->at;
	if (o->check && c->errs->errors == before && !(o->kind == OPT_STRING && !*(char **)(ret + o->offset)))
		o->check(c, ret + o->offset, p->value->at, key);
}

static void decode_pairs(struct opt_ctx *c, const struct opt_table *table, const struct tree *t, const char *key,
			 char *ret)
{
	const struct opt *one_of = find_one_of(table);

	for (size_t i = 0; i < t->n; i++) {
		const struct tree_pair *p = &t->pairs[i];
		const struct opt_variant *v = one_of ? find_variant(one_of, p->key) : NULL;
		const struct opt *o = find_row(table, p->key);

		if (o)
			decode_row(c, o, t, p, key, ret);
		else if (v)
			decode_variant(c, v, p, key, (struct opt_one_of *)(ret + one_of->offset));
		else
			reject_key(c, table, p, key);
	}
}

static bool is_given(const struct tree *t, const char *name)
{
	const struct tree *v = tree_get(t, name);

	return v && v->kind != TREE_NULL;
}

/* Whether a key that is not known was meant for this row, so that saying that the row is missing would say it twice;
 * or, in a table of one row, whether something stands in its place that this version does not support. */
static bool is_misspelt(const struct opt_table *table, const struct tree *t, const struct opt *o)
{
	const char *names[NAMES_MAX];
	size_t n = known_names(table, names);

	for (size_t i = 0; i < t->n; i++) {
		const char *near = num_nearest(t->pairs[i].key, names, n);

		if (is_unsupported(table, t->pairs[i].key) ? n == 1 : near && strcmp(near, o->name) == 0)
			return true;
	}
	return false;
}

static void check_required(struct opt_ctx *c, const struct opt_table *table, const struct tree *t, const char *key)
{
	for (const struct opt *o = table->rows; o->name; o++) {
		_cleanup_(buf_free) struct buf want = { 0 };

		if (o->kind == OPT_ONE_OF || !(o->flags & OPT_REQUIRED) || is_given(t, o->name) ||
		    is_misspelt(table, t, o))
			continue;
		buf_init(&want, 0);
		opt_kind_expected(o, &want);
		err_add(c->errs, t->at, key_join(c->arena, key, o->name), "missing; expected %.*s",
			STR_ARG(buf_view(&want)));
	}
}

int opt_decode(struct opt_ctx *c, const struct opt_table *table, const struct tree *t, const char *key, void *ret)
{
	const struct opt *one_of = find_one_of(table);
	size_t before = c->errs->errors;

	memset(ret, 0, table->size);
	for (const struct opt *o = table->rows; o->name; o++)
		set_default(c, o, ret);
	if (!t)
		return 0;
	if (table->place_offset != OPT_NO_PLACE)
		*(struct place *)((char *)ret + table->place_offset) = t->at;
	if (t->kind != TREE_MAP) {
		err_add(c->errs, t->at, key, "expected a mapping; found %s", tree_kind_name(t));
		return -EINVAL;
	}
	decode_pairs(c, table, t, key, ret);
	check_required(c, table, t, key);
	if (one_of && c->errs->errors == before && !((struct opt_one_of *)((char *)ret + one_of->offset))->variant)
		add_no_variant(c, one_of, t, key);
	if (table->check && c->errs->errors == before)
		table->check(c, ret, t->at, key);
	return c->errs->errors == before ? 0 : -EINVAL;
}
