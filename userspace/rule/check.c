/* From a tree of names to a rule that can be evaluated: finds each matcher, checks its parameters, lays out the
 * program. All faulty calls are reported, not only the first. */
#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"
#include "rule/ast.h"
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
	if (place.line <= 0) {
		err_add(src->errs, place, src->key, "%s (at character %zu of the rule)", text, at + 1);
		return;
	}
	place.col += (int)at;
	for (size_t i = 0; i < at; i++) {
		if (src->text.p[i] == '\n') {
			place.line++;
			place.col = (int)(at - i);
		}
	}
	err_add(src->errs, place, src->key, "%s", text);
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

static void rule_check_unknown(const struct rule_source *src, enum rule_dialect dialect, const struct rule_call *call)
{
	const char *names[RULE_OPS_MAX], *nearest;
	size_t n = 0;

	if (rule_check_find(dialect == RULE_HTTP ? RULE_TCP : RULE_HTTP, call->name)) {
		rule_error(src, call->at, "%.*s is a matcher of %s routers", STR_ARG(call->name),
			   dialect == RULE_HTTP ? "TCP" : "HTTP");
		return;
	}
	for (const struct rule_op *op = rule_ops(dialect); op->name && n < RULE_OPS_MAX; op++)
		if (op->compile)
			names[n++] = op->name;
	nearest = num_nearest(call->name, names, n);
	if (nearest)
		rule_error(src, call->at, "unknown matcher %.*s; did you mean %s?", STR_ARG(call->name), nearest);
	else
		rule_error(src, call->at, "unknown matcher %.*s", STR_ARG(call->name));
}

static bool rule_check_count(const struct rule_source *src, const struct rule_op *op, const struct rule_call *call)
{
	if (call->nargs < op->min || call->nargs > op->max) {
		rule_error(src, call->at, "unexpected number of parameters: %s takes %u, not %u", op->name, op->max,
			   call->nargs);
		return false;
	}
	for (unsigned i = 0; i < call->nargs; i++) {
		if (call->args[i].n == 0) {
			rule_error(src, call->arg_at[i], "a parameter of %s is empty", op->name);
			return false;
		}
	}
	return true;
}

static void rule_check_call(struct arena *a, const struct rule_source *src, enum rule_dialect dialect,
			    struct rule_call *call)
{
	const struct rule_op *op = rule_check_find(dialect, call->name);
	const char *wrong;
	unsigned arg = 0;

	if (!op) {
		rule_check_unknown(src, dialect, call);
		return;
	}
	if (!op->compile) {
		rule_error(src, call->at, "matcher %s is known to Traefik, not supported by this version", op->name);
		return;
	}
	if (!rule_check_count(src, op, call))
		return;
	wrong = op->compile(a, call->args, &call->data, &arg);
	if (wrong)
		rule_error(src, call->arg_at[arg], "%s: %s", op->name, wrong);
	call->op = op;
}

static void rule_check_tree(struct arena *a, const struct rule_source *src, enum rule_dialect dialect,
			    struct rule_node *n)
{
	if (n->kind == RULE_CALL)
		rule_check_call(a, src, dialect, n->call);
	for (struct rule_node *c = n->child; c; c = c->next)
		rule_check_tree(a, src, dialect, c);
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
	return r;
}

bool rule_is_catch_all(const struct rule *r)
{
	if (r->dialect != RULE_TCP || r->root->kind != RULE_CALL ||
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
	if (dialect == RULE_TCP) {
		arena_init(&a);
		err_init(&errs);
		const struct rule *r = rule_compile(&a, dialect, text, (struct place){ 0 }, NULL, &errs);

		catch_all = r && rule_is_catch_all(r);
		err_free(&errs);
		arena_reset(&a);
	}
	return catch_all ? -1 : (int64_t)strlen(text);
}
