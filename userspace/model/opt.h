/* The option engine: one row per option, and everything else is made from the rows: decoding a tree into a struct
 * with all errors at once, defaults, bounds, printing, comparing, the option reference, the all-options example. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/tree.h"

enum opt_kind {
	OPT_BOOL,	/* bool */
	OPT_INT,	/* int64_t */
	OPT_SIZE,	/* uint64_t, bytes; plain integer or KiB/MiB/GiB */
	OPT_DURATION,	/* int64_t, ns */
	OPT_DOUBLE,	/* double */
	OPT_STRING,	/* char * (NUL-terminated, in the arena); NULL when absent or empty and without default */
	OPT_ENUM,	/* int: index into choices; case-insensitive */
	OPT_STRINGS,	/* struct opt_strings; a list or one comma-separated scalar */
	OPT_DOUBLES,	/* struct opt_doubles; the same forms */
	OPT_STRUCT,	/* embedded struct; its defaults always apply */
	OPT_OPTIONAL,	/* pointer to struct; NULL when the key is absent; `{}` or `true` gives the defaults, `false`
			   leaves it off */
	OPT_LIST,	/* struct opt_list of structs */
	OPT_MAP,	/* struct opt_map: name -> struct, in written order */
	OPT_ONE_OF,	/* struct opt_one_of: exactly one of `variants`' keys, which stand beside the other rows (a
			   middleware) */
	OPT_STRING_MAP, /* struct opt_string_map: free keys with text values */
};

struct opt_strings {
	char **v;
	size_t n;
};
struct opt_doubles {
	double *v;
	size_t n;
};
struct opt_list {
	char *items;
	size_t n, size;
	struct place *at;
}; /* items[i] at items + i * size */
struct opt_map {
	char **keys;
	char *items;
	size_t n, size;
	struct place *at;
};
struct opt_one_of {
	const struct opt_variant *variant;
	void *value;
	struct place at;
};
struct opt_string_map {
	char **keys;
	char **values;
	size_t n;
};

static inline void *opt_list_at(const struct opt_list *l, size_t i)
{
	return l->items + i * l->size;
}
static inline void *opt_map_at(const struct opt_map *m, size_t i)
{
	return m->items + i * m->size;
}
void *opt_map_get(const struct opt_map *m, const char *key); /* exact; NULL when absent */

struct opt;

struct opt_ctx {
	struct arena *arena;
	struct err_list *errs;
};

/* A key another table reads. Ends with name NULL. */
struct opt_elsewhere {
	const char *name;
	const char *error; /* NULL: skipped in silence, since the other table reads the same mapping */
};

/* Extra check of one value that was written (value: the field) or of a whole struct (value: the struct); adds its own
 * errors. */
typedef void (*opt_check_fn)(struct opt_ctx *c, const void *value, struct place at, const char *key);

struct opt_table {
	const struct opt *rows; /* ends with a row whose name is NULL */
	size_t size;		/* sizeof the struct */
	const char *doc;	/* one paragraph about the whole */
	opt_check_fn check;	/* the whole struct, after its rows; may be NULL */
	size_t place_offset; /* offsetof a struct place that receives where the struct was written; OPT_NO_PLACE: none
			      */
	const char *const
		*unsupported; /* keys Traefik has here and this version has not; ends with NULL; may be NULL */
	const struct opt_elsewhere *elsewhere; /* keys that may stand here but belong to another table; may be NULL */
};
#define OPT_NO_PLACE ((size_t)-1)

/* OPT_ONE_OF alternatives; assembled at start-up from the rooms that provide them. Ends with name NULL. */
struct opt_variant {
	const char *name;
	const struct opt_table *table;
	const void *tag; /* what the provider of the alternative wants back (a mw_type) */
};

#define OPT_REQUIRED   1u  /* absence is an error */
#define OPT_SECRET     2u  /* printed as "xxxx" */
#define OPT_STATIC     4u  /* changes need a restart */
#define OPT_PEM	       16u /* a path, or a secret text itself: the text is printed as "xxxx" */
#define OPT_STANDALONE 8u  /* an OPT_STRUCT/OPT_MAP that may be written empty ({}) without an error */

struct opt {
	const char *name;
	enum opt_kind kind;
	size_t offset;
	const char *def; /* default as text, in the syntax of the configuration; NULL: zero value */
	double min, max; /* numbers: both 0 means unbounded; durations and sizes in their base unit (ns, bytes) */
	const char *const *choices;		   /* OPT_ENUM: ends with NULL */
	const struct opt_table *table;		   /* STRUCT, OPTIONAL, LIST, MAP */
	const struct opt_variant *const *variants; /* ONE_OF: pointer to the assembled array */
	opt_check_fn check;
	size_t place_at; /* offsetof a struct place that receives where the value was written; 0: none */
	unsigned flags;
	/* Value in the generated all-options example, YAML flow syntax; NULL: the default. OPT_MAP: the name of the
	 * entry that is written out, then optionally lines with further entries, each after a newline. OPT_LIST and
	 * OPT_OPTIONAL: written in place of what is inside. */
	const char *example;
	const char *doc; /* one paragraph: what it does, unit, consequences */
};

/* Fills `ret` (zeroed, table->size bytes) with defaults, then with the tree's values. Every problem is added to
 * c->errs: unknown keys with the nearest known one, wrong kinds, bounds, choices. Strings live in c->arena. `key` is
 * the dotted path so far ("" at the root). t NULL: defaults only. Returns 0, or -EINVAL if it added an error. */
int opt_decode(struct opt_ctx *c, const struct opt_table *table, const struct tree *t, const char *key, void *ret);
/* The table of the structs at a dotted path of rows ("http.services"), or NULL. */
const struct opt_table *opt_table_at(const struct opt_table *root, const char *path);
bool opt_equal(const struct opt_table *table, const void *a, const void *b);
enum opt_print_format { OPT_YAML, OPT_JSON };
/* Prints the struct as configuration; defaults are left out unless `all`. Secrets are masked. */
void opt_print(const struct opt_table *table, const void *value, enum opt_print_format format, bool all, int indent,
	       struct buf *out);
/* Markdown reference of a table: one section per struct, one row per option (name, kind, default, bounds, doc). */
void opt_reference(const struct opt_table *table, const char *title, struct buf *out);
/* YAML with every option at its example or default value, each under its paragraph as a comment. Must decode without
 * error. */
void opt_example(const struct opt_table *table, int indent, struct buf *out);
