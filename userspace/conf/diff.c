/* What changed between two configurations: walks the option tables, so that a new option is compared without a line
 * here. */
#include "conf/diff.h"
#include <stdlib.h>
#include "base/map.h"
#include "base/mem.h"

void diff_init(struct diff *d)
{
	*d = (struct diff){ 0 };
}

void diff_free(struct diff *d)
{
	vec_each (i, &d->items)
		free(i->key);
	vec_free(&d->items);
	diff_init(d);
}

static void add(struct diff *d, enum diff_change change, char *key)
{
	vec_push(&d->items, ((struct diff_item){ .change = change, .key = key }));
	d->count[change]++;
}

static void index_map(struct map *ix, const struct opt_map *m)
{
	map_init(ix);
	for (size_t i = 0; i < m->n; i++)
		map_set(ix, str_of(m->keys[i]), opt_map_at(m, i));
}

static void diff_map(struct diff *d, const struct opt_table *table, const char *key, const struct opt_map *before,
		     const struct opt_map *after)
{
	_cleanup_(map_free) struct map old, new;

	index_map(&old, before);
	index_map(&new, after);
	for (size_t i = 0; i < after->n; i++) {
		const void *was = map_get(&old, str_of(after->keys[i]));

		if (!was)
			add(d, DIFF_ADDED, mem_printf("%s.%s", key, after->keys[i]));
		else if (!opt_equal(table, was, opt_map_at(after, i)))
			add(d, DIFF_CHANGED, mem_printf("%s.%s", key, after->keys[i]));
	}
	for (size_t i = 0; i < before->n; i++)
		if (!map_get(&new, str_of(before->keys[i])))
			add(d, DIFF_REMOVED, mem_printf("%s.%s", key, before->keys[i]));
}

static void diff_table(struct diff *d, const struct opt_table *table, const char *key, const void *before,
		       const void *after);

static void diff_optional(struct diff *d, const struct opt_table *table, const char *key, const void *before,
			  const void *after)
{
	if (before && after)
		diff_table(d, table, key, before, after);
	else if (before != after)
		add(d, before ? DIFF_REMOVED : DIFF_ADDED, mem_strdup(key));
}

static bool row_equal(const struct opt *o, const void *before, const void *after)
{
	const struct opt only[] = { *o, { 0 } };

	return opt_equal(&(struct opt_table){ .rows = only }, before, after);
}

static void diff_table(struct diff *d, const struct opt_table *table, const char *key, const void *before,
		       const void *after)
{
	for (const struct opt *o = table->rows; o->name; o++) {
		const char *was = (const char *)before + o->offset, *is = (const char *)after + o->offset;
		_cleanup_free_ char *path = mem_printf("%s%s%s", key, *key ? "." : "", o->name);

		if (o->kind == OPT_STRUCT)
			diff_table(d, o->table, path, was, is);
		else if (o->kind == OPT_OPTIONAL)
			diff_optional(d, o->table, path, *(void *const *)(const void *)was,
				      *(void *const *)(const void *)is);
		else if (o->kind == OPT_MAP)
			diff_map(d, o->table, path, (const void *)was, (const void *)is);
		else if (!row_equal(o, before, after))
			add(d, DIFF_CHANGED, take_ptr(path));
	}
}

void diff_dynamic(struct diff *d, const struct dynamic_conf *before, const struct dynamic_conf *after)
{
	static const struct dynamic_conf nothing;

	diff_table(d, &dynamic_table, "", before ? before : &nothing, after);
}

void diff_static(struct diff *d, const struct static_conf *before, const struct static_conf *after)
{
	diff_table(d, &static_table, "", before, after);
}

void diff_print(const struct diff *d, size_t max, struct buf *out)
{
	static const char sign[] = { [DIFF_ADDED] = '+', [DIFF_REMOVED] = '-', [DIFF_CHANGED] = '~' };

	for (size_t i = 0; i < d->items.n && i < max; i++)
		buf_printf(out, "%s%c%s", i ? " " : "", sign[d->items.v[i].change], d->items.v[i].key);
	if (d->items.n > max)
		buf_printf(out, " and %zu more", d->items.n - max);
}
