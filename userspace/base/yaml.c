/* YAML to tree from libyaml's events. Aliases share the anchored node instead of copying it, so memory stays small;
 * what is bounded is the number of nodes and the depth that somebody walking the tree would see. */
#include "base/yaml.h"
#include "base/map.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define YAML_MAX_DEPTH 64
#define TAG_PREFIX     "tag:yaml.org,2002:"

/* A parsed node and what following it costs. */
struct node {
	struct tree *tree;
	size_t nodes;	 /* including everything below, aliases followed */
	unsigned height; /* 1: nothing below */
};

struct yaml {
	yaml_parser_t parser;
	struct arena *arena;
	struct err_list *errs;
	const char *file;
	struct map anchors; /* name -> struct node *, in the arena */
	size_t nodes;
};

static struct place place_of(const struct yaml *y, yaml_mark_t mark)
{
	return (struct place){ y->file, (int)mark.line + 1, (int)mark.column + 1 };
}

/* Syntax errors end the parse, so this is called once. Encoding errors carry a byte offset instead of a mark. */
static void report_syntax(struct yaml *y, struct str text)
{
	const yaml_parser_t *p = &y->parser;
	struct place at = place_of(y, p->problem_mark);
	const char *problem = p->problem ? p->problem : "malformed YAML";

	if (p->error == YAML_READER_ERROR) {
		at = (struct place){ y->file, 1, 0 };
		for (size_t i = 0; i < p->problem_offset && i < text.n; i++)
			at.line += text.p[i] == '\n';
	}
	if (p->context)
		err_add(y->errs, at, NULL, "%s %s", problem, p->context);
	else
		err_add(y->errs, at, NULL, "%s", problem);
}

/* 0, or -EBADMSG when the text is malformed (reported by yaml_parse, which knows the text). */
static int next_event(struct yaml *y, yaml_event_t *ret)
{
	return yaml_parser_parse(&y->parser, ret) ? 0 : -EBADMSG;
}

static int count_nodes(struct yaml *y, size_t n, unsigned depth, struct place at)
{
	if (depth > YAML_MAX_DEPTH) {
		err_add(y->errs, at, NULL, "nested more than %d levels deep", YAML_MAX_DEPTH);
		return -EINVAL;
	}
	if (n > YAML_MAX_NODES - y->nodes) {
		err_add(y->errs, at, NULL, "more than %u values, aliases included", YAML_MAX_NODES);
		return -EINVAL;
	}
	y->nodes += n;
	return 0;
}

static void set_anchor(struct yaml *y, const yaml_char_t *anchor, const struct node *n)
{
	struct node *copy;

	if (!anchor)
		return;
	copy = arena_alloc(y->arena, sizeof(*copy));
	*copy = *n;
	map_set(&y->anchors, str_of((const char *)anchor), copy);
}

/* Whether `tag` is absent, "!" or one of the space-separated core names; reports it otherwise. */
static bool tag_ok(struct yaml *y, const yaml_char_t *tag, const char *names, struct place at)
{
	struct str t = str_of((const char *)tag), rest = str_of(names), name;

	if (!tag || str_eq(t, STR("!")))
		return true;
	while (str_starts(t, STR(TAG_PREFIX)) && rest.n) {
		rest = str_cut(rest, ' ', &name);
		if (str_eq(str_skip(t, sizeof(TAG_PREFIX) - 1), name))
			return true;
	}
	err_add(y->errs, at, NULL, "tag \"%s\" is not supported here", (const char *)tag);
	return false;
}

static bool is_null_word(struct str s)
{
	return !s.n || str_eq(s, STR("~")) || str_eq(s, STR("null")) || str_eq(s, STR("Null")) ||
	       str_eq(s, STR("NULL"));
}

static int parse_scalar(struct yaml *y, const yaml_event_t *ev, struct node *ret)
{
	struct place at = place_of(y, ev->start_mark);
	struct str text = str_mk((const char *)ev->data.scalar.value, ev->data.scalar.length);
	const char *tag = (const char *)ev->data.scalar.tag;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	bool null_tag = tag && strcmp(tag, TAG_PREFIX "null") == 0;

	if (!tag_ok(y, ev->data.scalar.tag, "str int float bool null merge", at))
		return -EINVAL;
	if (text.n && memchr(text.p, 0, text.n)) {
		err_add(y->errs, at, NULL, "a value may not contain a NUL character");
		return -EINVAL;
	}
	ret->nodes = ret->height = 1;
	if (null_tag || (!tag && plain && is_null_word(text))) {
		ret->tree = tree_new(y->arena, TREE_NULL, at);
	} else {
		ret->tree = tree_scalar(y->arena, at, text);
		ret->tree->quoted = !plain || (tag && (!strcmp(tag, "!") || !strcmp(tag, TAG_PREFIX "str")));
	}
	set_anchor(y, ev->data.scalar.anchor, ret);
	return 0;
}

static int parse_alias(struct yaml *y, const yaml_event_t *ev, unsigned depth, struct node *ret)
{
	struct place at = place_of(y, ev->start_mark);
	const char *name = (const char *)ev->data.alias.anchor;
	const struct node *n = map_get(&y->anchors, str_of(name));

	if (!n) {
		err_add(y->errs, at, NULL, "unknown anchor \"%s\"", name);
		return -EINVAL;
	}
	if (count_nodes(y, n->nodes - 1, depth + n->height - 1, at))
		return -EINVAL;
	*ret = *n;
	return 0;
}

static int parse_node(struct yaml *y, const yaml_event_t *ev, unsigned depth, struct node *ret);

static void grow_height(struct node *parent, const struct node *child)
{
	if (child->height >= parent->height)
		parent->height = child->height + 1;
}

static int parse_list(struct yaml *y, const yaml_event_t *start, unsigned depth, struct node *ret)
{
	struct place none = { 0 };
	struct node child;
	yaml_event_t ev;
	int r = tag_ok(y, start->data.sequence_start.tag, "seq", place_of(y, start->start_mark)) ? 0 : -EINVAL;

	ret->tree = tree_new(y->arena, TREE_LIST, place_of(y, start->start_mark));
	ret->height = 1;
	while (!r) {
		bool end;

		r = next_event(y, &ev);
		if (r)
			return r;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			r = parse_node(y, &ev, depth + 1, &child);
		yaml_event_delete(&ev);
		if (end)
			break;
		if (!r) {
			grow_height(ret, &child);
			tree_add(y->arena, ret->tree, STR(""), none, child.tree);
		}
	}
	return r;
}

/* A mapping under construction. Merged pairs wait until the end, because keys written out win wherever they stand. */
struct mapping {
	struct tree *tree;
	struct map keys;
	struct tree *merge; /* value of "<<", NULL without */
};

static void mapping_free(struct mapping *m)
{
	map_free(&m->keys);
}

static int parse_key(struct yaml *y, const yaml_event_t *ev, bool *ret_merge, struct str *ret)
{
	struct place at = place_of(y, ev->start_mark);
	struct node n;
	int r;

	if (ev->type != YAML_SCALAR_EVENT && ev->type != YAML_ALIAS_EVENT) {
		err_add(y->errs, at, NULL, "a key must be plain text");
		return -EINVAL;
	}
	r = parse_node(y, ev, 1, &n);
	if (r)
		return r;
	if (n.tree->kind != TREE_SCALAR) {
		err_add(y->errs, at, NULL, "a key must be plain text, not %s", tree_kind_name(n.tree));
		return -EINVAL;
	}
	*ret = n.tree->text;
	*ret_merge = !n.tree->quoted && str_eq(n.tree->text, STR("<<"));
	return 0;
}

static int add_pair(struct yaml *y, struct mapping *m, struct str key, bool merge, struct place at, struct tree *value)
{
	if (map_set(&m->keys, key, value)) {
		err_add(y->errs, at, NULL, "key \"%.*s\" is written twice", STR_ARG(key));
		return 0; /* go on: more may be wrong */
	}
	if (merge)
		m->merge = value;
	else
		tree_add(y->arena, m->tree, key, at, value);
	return 0;
}

static int merge_one(struct yaml *y, struct mapping *m, const struct tree *from)
{
	if (from->kind != TREE_MAP) {
		err_add(y->errs, from->at, NULL, "\"<<\" takes a mapping or a list of mappings, not %s",
			tree_kind_name(from));
		return -EINVAL;
	}
	if (count_nodes(y, from->n, 1, from->at))
		return -EINVAL;
	for (size_t i = 0; i < from->n; i++) {
		const struct tree_pair *p = &from->pairs[i];

		if (map_get(&m->keys, p->key))
			continue;
		map_set(&m->keys, p->key, p->value);
		tree_add(y->arena, m->tree, p->key, p->key_at, p->value);
	}
	return 0;
}

static int merge_all(struct yaml *y, struct mapping *m)
{
	int r = 0;

	if (!m->merge)
		return 0;
	if (m->merge->kind != TREE_LIST)
		return merge_one(y, m, m->merge);
	for (size_t i = 0; i < m->merge->n && !r; i++)
		r = merge_one(y, m, m->merge->pairs[i].value);
	return r;
}

/* One "key: value" whose key event is given. */
static int parse_pair(struct yaml *y, struct mapping *m, const yaml_event_t *key_ev, unsigned depth,
		      struct node *parent)
{
	struct place at = place_of(y, key_ev->start_mark);
	struct node value;
	struct str key;
	yaml_event_t ev;
	bool merge;
	int r = parse_key(y, key_ev, &merge, &key);

	if (r)
		return r;
	r = next_event(y, &ev);
	if (r)
		return r;
	r = parse_node(y, &ev, depth + 1, &value);
	yaml_event_delete(&ev);
	if (r)
		return r;
	grow_height(parent, &value);
	return add_pair(y, m, key, merge, at, value.tree);
}

static int parse_map(struct yaml *y, const yaml_event_t *start, unsigned depth, struct node *ret)
{
	_cleanup_(mapping_free) struct mapping m = { 0 };
	yaml_event_t ev;
	int r = tag_ok(y, start->data.mapping_start.tag, "map", place_of(y, start->start_mark)) ? 0 : -EINVAL;

	m.tree = ret->tree = tree_new(y->arena, TREE_MAP, place_of(y, start->start_mark));
	ret->height = 1;
	while (!r) {
		bool end;

		r = next_event(y, &ev);
		if (r)
			return r;
		end = ev.type == YAML_MAPPING_END_EVENT;
		if (!end)
			r = parse_pair(y, &m, &ev, depth, ret);
		yaml_event_delete(&ev);
		if (end)
			return merge_all(y, &m);
	}
	return r;
}

/* 0, -EBADMSG (malformed) or -EINVAL (error added). The event stays the caller's. */
static int parse_node(struct yaml *y, const yaml_event_t *ev, unsigned depth, struct node *ret)
{
	size_t before = y->nodes;
	int r = count_nodes(y, 1, depth, place_of(y, ev->start_mark));

	if (r)
		return r;
	if (ev->type == YAML_SCALAR_EVENT)
		return parse_scalar(y, ev, ret);
	if (ev->type == YAML_ALIAS_EVENT)
		return parse_alias(y, ev, depth, ret);
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		r = parse_list(y, ev, depth, ret);
	else
		r = parse_map(y, ev, depth, ret);
	if (r)
		return r;
	ret->nodes = y->nodes - before;
	set_anchor(y,
		   ev->type == YAML_SEQUENCE_START_EVENT ? ev->data.sequence_start.anchor
							 : ev->data.mapping_start.anchor,
		   ret);
	return 0;
}

/* The stream is STREAM_START [DOCUMENT_START node DOCUMENT_END]... STREAM_END; exactly one document or none is taken.
 */
static int parse_stream(struct yaml *y, struct tree **ret)
{
	struct node root = { 0 };
	yaml_event_t ev;
	bool inside = false, end = false;
	int r = 0;

	while (!r && !end) {
		r = next_event(y, &ev);
		if (r)
			return r;
		if (ev.type == YAML_STREAM_END_EVENT) {
			end = true;
		} else if (ev.type == YAML_DOCUMENT_START_EVENT && inside) {
			err_add(y->errs, place_of(y, ev.start_mark), NULL, "only one document per file");
			r = -EINVAL;
		} else if (ev.type == YAML_DOCUMENT_START_EVENT) {
			inside = true;
		} else if (ev.type != YAML_STREAM_START_EVENT && ev.type != YAML_DOCUMENT_END_EVENT) {
			r = parse_node(y, &ev, 1, &root);
		}
		yaml_event_delete(&ev);
	}
	if (!r && (!root.tree || root.tree->kind == TREE_NULL))
		root.tree = tree_new(y->arena, TREE_MAP, (struct place){ y->file, 1, 1 });
	if (!r)
		*ret = root.tree;
	return r;
}

struct tree *yaml_parse(struct arena *a, const char *file, struct str text, struct err_list *errs)
{
	struct yaml y = { .arena = a, .errs = errs, .file = arena_strdup(a, file) };
	size_t errors = errs->errors;
	struct tree *root = NULL;

	if (text.n > YAML_MAX_BYTES) {
		err_add(errs, (struct place){ y.file, 0, 0 }, NULL, "larger than %u bytes", YAML_MAX_BYTES);
		return NULL;
	}
	if (!yaml_parser_initialize(&y.parser)) {
		err_add(errs, (struct place){ y.file, 0, 0 }, NULL, "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	if (parse_stream(&y, &root) == -EBADMSG)
		report_syntax(&y, text);
	yaml_parser_delete(&y.parser);
	map_free(&y.anchors);
	return errs->errors == errors ? root : NULL;
}

/* Reads at most one byte more than is allowed, so that "too large" can be told from "just fits". 0 or -errno. */
static int read_bounded(const char *path, struct buf *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_add(out, chunk, (size_t)n);
		if (out->n > YAML_MAX_BYTES || !buf_ok(out))
			return -EFBIG;
	}
	return 0;
}

struct tree *yaml_load(struct arena *a, const char *path, struct err_list *errs)
{
	_cleanup_(buf_free) struct buf text;
	struct tree *root = NULL;
	int r;

	buf_init(&text, 2 * YAML_MAX_BYTES);
	r = read_bounded(path, &text);
	if (r == -EFBIG)
		err_add(errs, (struct place){ path, 0, 0 }, NULL, "larger than %u bytes", YAML_MAX_BYTES);
	else if (r)
		err_add(errs, (struct place){ path, 0, 0 }, NULL, "cannot be read: %s", strerror(-r));
	else
		root = yaml_parse(a, path, buf_view(&text), errs);
	return root;
}
