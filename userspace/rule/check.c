/* From a tree of names to a rule that can be evaluated: finds each matcher, checks its parameters, lays out the
 * program. All faulty calls are reported, not only the first. */
#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"
#include "rule/ast.h"
#include "rule/cover.h"
#include "rule/name.h"
#include "rule/ops.h"

#define RULE_OPS_MAX 32 /* rows of one table, for the list of known names */

/* A rule in a file of one line is at place + offset; on later lines the column is that in the text, because how far the
 * lines were indented is not known. Where there is no file, the text says which character it is about. */
void rule_error(const struct rule_source *src, size_t at, const char *fmt, ...)
{
	struct place place = src->place;
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (place.line > 0)
		place.col += (int)at;
	for (size_t i = 0; i < at && place.line > 0; i++) {
		if (src->text.p[i] == '\n') {
			place.line++;
			place.col = (int)(at - i);
		}
	}
	if (place.line > 0)
		err_add(src->errs, place, src->key, "%s", text);
	else
		err_add(src->errs, place, src->key, "%s (at character %zu of the rule)", text, at + 1);
	err_quote(src->errs, src->text, at);
}

/* Traefik registers each name as it is, in lower case, in upper case, and in lower case with a capital. */
static bool rule_check_spelling(struct str written, const char *name)
{
	struct str s = str_of(name);
	bool lower = true, upper = true, title = true;

	if (str_eq(written, s))
		return true;
	if (!str_ieq(written, s))
		return false;
	for (size_t i = 0; i < written.n; i++) {
		bool is_upper = written.p[i] >= 'A' && written.p[i] <= 'Z';
		bool is_lower = written.p[i] >= 'a' && written.p[i] <= 'z';

		lower = lower && !is_upper;
		upper = upper && !is_lower;
		title = title && (i == 0 ? !is_lower : !is_upper);
	}
	return lower || upper || title;
}

static const struct rule_op *rule_check_find(enum rule_dialect dialect, struct str name)
{
	for (const struct rule_op *op = rule_ops(dialect); op->name; op++)
		if (rule_check_spelling(name, op->name))
			return op;
	return NULL;
}

/* The same protocol in the other syntax, and the other way round. */
static enum rule_dialect rule_other_syntax(enum rule_dialect d)
{
	static const enum rule_dialect other[] = { RULE_HTTP_V2, RULE_TCP_V2, RULE_HTTP, RULE_TCP };

	return other[d];
}

static enum rule_dialect rule_other_protocol(enum rule_dialect d)
{
	static const enum rule_dialect other[] = { RULE_TCP, RULE_HTTP, RULE_TCP_V2, RULE_HTTP_V2 };

	return other[d];
}

static const char *rule_check_nearest(enum rule_dialect dialect, struct str name)
{
	const char *names[RULE_OPS_MAX];
	size_t n = 0;

	for (const struct rule_op *op = rule_ops(dialect); op->name && n < RULE_OPS_MAX; op++)
		names[n++] = op->name;
	return num_nearest(name, names, n);
}

static void rule_check_unknown(const struct rule_source *src, enum rule_dialect dialect, const struct rule_call *call)
{
	const char *nearest = rule_check_nearest(dialect, call->name);
	bool v2 = dialect == RULE_HTTP_V2 || dialect == RULE_TCP_V2;
	bool plural = nearest && num_edit_distance(call->name, str_of(nearest)) == 1; /* Header and Headers */

	if (rule_check_find(rule_other_protocol(dialect), call->name))
		rule_error(src, call->at, "%.*s is a matcher of %s routers", STR_ARG(call->name),
			   rule_is_http(dialect) ? "TCP" : "HTTP");
	else if (rule_check_find(rule_other_syntax(dialect), call->name))
		rule_error(src, call->at, "%.*s is a matcher of the %s syntax; expected %s, or ruleSyntax: %s",
			   STR_ARG(call->name), v2 ? "v3" : "v2", plural ? nearest : "another", v2 ? "v3" : "v2");
	else
		rule_error(src, call->at, "unknown matcher %.*s%s%s%s", STR_ARG(call->name),
			   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* v3 wants one call for each value where v2 took several. */
static void rule_check_wrong_count(const struct rule_source *src, enum rule_dialect dialect, const struct rule_op *op,
				   const struct rule_call *call)
{
	char takes[32];

	if (op->max == RULE_ARGS_MAX - 1)
		snprintf(takes, sizeof(takes), "%u or more", op->min);
	else if (op->min < op->max)
		snprintf(takes, sizeof(takes), "%u or %u", op->min, op->max);
	else
		snprintf(takes, sizeof(takes), "%u", op->max);
	if (op->max == 1 && call->nargs > 1 && (dialect == RULE_HTTP || dialect == RULE_TCP))
		rule_error(src, call->args[1].at,
			   "unexpected number of parameters: %s takes 1, not %u; write %s(..) || %s(..)", op->name,
			   call->nargs, op->name, op->name);
	else
		rule_error(src, call->at, "unexpected number of parameters: %s takes %s, not %u", op->name, takes,
			   call->nargs);
}

static bool rule_check_count(const struct rule_source *src, enum rule_dialect dialect, const struct rule_op *op,
			     const struct rule_call *call)
{
	if (call->nargs < op->min || call->nargs > op->max) {
		rule_check_wrong_count(src, dialect, op, call);
		return false;
	}
	if (op->group && call->nargs % op->group) {
		rule_error(src, call->at, "unexpected number of parameters: %s takes pairs of name and value, not %u",
			   op->name, call->nargs);
		return false;
	}
	for (unsigned i = 0; i < call->nargs; i++) {
		if (call->args[i].text.n == 0) {
			rule_error(src, call->args[i].at, "a parameter of %s is empty", op->name);
			return false;
		}
	}
	return true;
}

/* Host(`a`, `b`) of the v2 syntax becomes Host(`a`) || Host(`b`). */
static void rule_check_expand(struct arena *a, struct rule_node *n, const struct rule_op *op)
{
	const struct rule_call *call = n->call;
	struct rule_node **tail = &n->child;

	if (!op->group || call->nargs == op->group)
		return;
	for (unsigned i = 0; i < call->nargs; i += op->group) {
		struct rule_node *child = arena_zalloc(a, sizeof(*child));

		child->kind = RULE_CALL;
		child->call = arena_alloc(a, sizeof(*child->call));
		*child->call = *call;
		child->call->args += i;
		child->call->nargs = op->group;
		*tail = child;
		tail = &child->next;
	}
	n->kind = op->join;
	n->call = NULL;
}

static void rule_check_args(struct arena *a, const struct rule_source *src, const struct rule_op *op,
			    struct rule_call *call)
{
	struct rule_fault fault;

	call->op = op;
	if (op->compile(a, call->args, call->nargs, &call->data, &fault) == 0)
		return;
	const struct rule_arg *arg = &call->args[fault.arg];

	rule_error(src, arg->at + (fault.at && arg->verbatim ? fault.at + 1 : 0), "%s: %s", op->name, fault.text);
}

/* A call that is several becomes their list, which the walk over the tree then goes through. */
static void rule_check_call(struct arena *a, const struct rule_source *src, enum rule_dialect dialect,
			    struct rule_node *n)
{
	const struct rule_op *op = rule_check_find(dialect, n->call->name);

	if (!op) {
		rule_check_unknown(src, dialect, n->call);
		return;
	}
	if (!rule_check_count(src, dialect, op, n->call))
		return;
	rule_check_expand(a, n, op);
	if (n->kind == RULE_CALL)
		rule_check_args(a, src, op, n->call);
}

static void rule_check_tree(struct arena *a, const struct rule_source *src, enum rule_dialect dialect,
			    struct rule_node *n)
{
	if (n->kind == RULE_CALL)
		rule_check_call(a, src, dialect, n);
	n->calls = n->kind == RULE_CALL;
	for (struct rule_node *c = n->child; c; c = c->next) {
		rule_check_tree(a, src, dialect, c);
		n->calls += c->calls;
	}
}

const struct rule *rule_compile(struct arena *a, enum rule_dialect dialect, const char *text, struct place at,
				const char *key, struct err_list *errs)
{
	/* The tree has views into the text, so it gets a copy that lives as long. */
	struct rule_source src = { str_of(arena_strdup(a, text)), at, key, errs };
	size_t before = errs->errors;
	struct rule_node *root = rule_parse(a, &src);
	struct rule *r;

	if (!root)
		return NULL;
	rule_check_tree(a, &src, dialect, root);
	if (errs->errors > before)
		return NULL;
	r = arena_zalloc(a, sizeof(*r));
	r->dialect = dialect;
	r->root = root;
	r->steps = rule_steps(a, root);
	r->rest = rule_cover_rest(a, root);
	if (!r->rest)
		r->rest = r->steps;
	return r;
}

bool rule_is_catch_all(const struct rule *r)
{
	if (rule_is_http(r->dialect) || r->root->kind != RULE_CALL ||
	    !str_eq(str_of(r->root->call->op->name), STR("HostSNI")))
		return false;
	return ((const struct rule_name *)r->root->call->data)->kind == RULE_NAME_ANY;
}

int64_t rule_priority(enum rule_dialect dialect, const char *text, int64_t explicit_priority)
{
	struct err_list errs;
	struct arena a;
	bool catch_all = false;

	if (explicit_priority != 0)
		return explicit_priority;
	if (!rule_is_http(dialect)) {
		arena_init(&a);
		err_init(&errs);
		const struct rule *r = rule_compile(&a, dialect, text, (struct place){ 0 }, NULL, &errs);

		catch_all = r && rule_is_catch_all(r);
		err_free(&errs);
		arena_reset(&a);
	}
	return catch_all ? -1 : (int64_t)strlen(text);
}
