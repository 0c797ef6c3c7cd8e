/* Tokens to tree, by recursive descent: or = and {"||" and}; and = unary {"&&" unary};
 * unary = {"!"} ("(" or ")" | name "(" string {"," string} [","] ")"). Stops at the first error.
 * Double negation and nesting without meaning (a && (b && c)) are dropped here, so equal rules have equal trees. */
#include "rule/lex.h"

struct rule_parser {
	struct rule_lex lex;
	struct rule_token tok; /* the one not yet taken */
	unsigned depth;
};

static struct rule_node *rule_parse_or(struct rule_parser *p);

static bool rule_parse_advance(struct rule_parser *p)
{
	return rule_lex_next(&p->lex, &p->tok) == 0;
}

static void *rule_parse_unexpected(const struct rule_parser *p, const char *expected)
{
	if (p->tok.kind == RULE_TOKEN_END)
		rule_error(p->lex.src, p->tok.at, "rule ends here, expected %s", expected);
	else if (p->tok.kind == RULE_TOKEN_STRING)
		rule_error(p->lex.src, p->tok.at, "unexpected string, expected %s", expected);
	else
		rule_error(p->lex.src, p->tok.at, "unexpected '%.*s', expected %s", STR_ARG(p->tok.text), expected);
	return NULL;
}

/* Takes a token of that kind. */
static bool rule_parse_take(struct rule_parser *p, enum rule_token_kind kind, const char *expected)
{
	if (p->tok.kind != kind)
		return rule_parse_unexpected(p, expected);
	return rule_parse_advance(p);
}

static struct rule_node *rule_parse_node(struct rule_parser *p, enum rule_kind kind)
{
	struct rule_node *n = arena_zalloc(p->lex.arena, sizeof(*n));

	n->kind = kind;
	return n;
}

/* A raw string stands in the source as it is, but for carriage returns; a quoted one if nothing in it is escaped. */
static struct rule_arg rule_parse_arg(const struct rule_token *tok)
{
	return (struct rule_arg){ tok->value, tok->at, tok->value.n + 2 == tok->text.n };
}

/* The parameters and the closing parenthesis. */
static bool rule_parse_args(struct rule_parser *p, struct rule_call *call)
{
	struct rule_arg args[RULE_ARGS_MAX];

	while (p->tok.kind != RULE_TOKEN_CLOSE) {
		if (p->tok.kind != RULE_TOKEN_STRING)
			return rule_parse_unexpected(p, "a string in back-quotes or double quotes");
		if (call->nargs == RULE_ARGS_MAX) {
			rule_error(p->lex.src, p->tok.at, "more than %d parameters", RULE_ARGS_MAX);
			return false;
		}
		args[call->nargs++] = rule_parse_arg(&p->tok);
		if (!rule_parse_advance(p))
			return false;
		if (p->tok.kind == RULE_TOKEN_COMMA) {
			if (!rule_parse_advance(p))
				return false;
		} else if (p->tok.kind != RULE_TOKEN_CLOSE) {
			return rule_parse_unexpected(p, "',' or ')'");
		}
	}
	if (call->nargs) {
		struct rule_arg *kept = arena_alloc(p->lex.arena, call->nargs * sizeof(*kept));

		memcpy(kept, args, call->nargs * sizeof(*kept));
		call->args = kept;
	}
	return rule_parse_advance(p);
}

static struct rule_node *rule_parse_call(struct rule_parser *p)
{
	struct rule_node *n = rule_parse_node(p, RULE_CALL);

	n->call = arena_zalloc(p->lex.arena, sizeof(*n->call));
	n->call->name = p->tok.text;
	n->call->at = p->tok.at;
	if (!rule_parse_advance(p) || !rule_parse_take(p, RULE_TOKEN_OPEN, "'(' after the name of a matcher"))
		return NULL;
	return rule_parse_args(p, n->call) ? n : NULL;
}

static struct rule_node *rule_parse_group(struct rule_parser *p)
{
	struct rule_node *n;

	if (++p->depth > RULE_DEPTH_MAX) {
		rule_error(p->lex.src, p->tok.at, "parentheses are nested deeper than %d", RULE_DEPTH_MAX);
		return NULL;
	}
	if (!rule_parse_advance(p))
		return NULL;
	n = rule_parse_or(p);
	if (!n || !rule_parse_take(p, RULE_TOKEN_CLOSE, "'&&', '||' or ')'"))
		return NULL;
	p->depth--;
	return n;
}

static struct rule_node *rule_parse_negate(struct rule_parser *p, struct rule_node *child)
{
	if (child->kind == RULE_NOT)
		return child->child;
	struct rule_node *n = rule_parse_node(p, RULE_NOT);

	n->child = child;
	return n;
}

static struct rule_node *rule_parse_unary(struct rule_parser *p)
{
	struct rule_node *n = NULL;
	bool negate = false;

	for (; p->tok.kind == RULE_TOKEN_NOT; negate = !negate)
		if (!rule_parse_advance(p))
			return NULL;
	if (p->tok.kind == RULE_TOKEN_OPEN)
		n = rule_parse_group(p);
	else if (p->tok.kind == RULE_TOKEN_NAME)
		n = rule_parse_call(p);
	else
		rule_parse_unexpected(p, "a matcher, '!' or '('");
	return n && negate ? rule_parse_negate(p, n) : n;
}

/* Puts `n`, or its children if it is of the list's own kind, at the end; returns where the next one goes. */
static struct rule_node **rule_parse_append(struct rule_node *list, struct rule_node **tail, struct rule_node *n)
{
	*tail = n->kind == list->kind ? n->child : n;
	while (*tail)
		tail = &(*tail)->next;
	return tail;
}

static struct rule_node *rule_parse_list(struct rule_parser *p, enum rule_kind kind, enum rule_token_kind op,
					 struct rule_node *(*operand)(struct rule_parser *p))
{
	struct rule_node *first = operand(p), *list, **tail;

	if (!first || p->tok.kind != op)
		return first;
	list = rule_parse_node(p, kind);
	tail = rule_parse_append(list, &list->child, first);
	while (p->tok.kind == op) {
		struct rule_node *n = rule_parse_advance(p) ? operand(p) : NULL;

		if (!n)
			return NULL;
		tail = rule_parse_append(list, tail, n);
	}
	return list;
}

static struct rule_node *rule_parse_and(struct rule_parser *p)
{
	return rule_parse_list(p, RULE_AND, RULE_TOKEN_AND, rule_parse_unary);
}

static struct rule_node *rule_parse_or(struct rule_parser *p)
{
	return rule_parse_list(p, RULE_OR, RULE_TOKEN_OR, rule_parse_and);
}

struct rule_node *rule_parse(struct arena *a, const struct rule_source *src)
{
	struct rule_parser p = { .lex = { .arena = a, .src = src } };
	struct rule_node *root;

	if (src->text.n > RULE_TEXT_MAX) {
		rule_error(src, 0, "rule is longer than %d bytes", RULE_TEXT_MAX);
		return NULL;
	}
	if (!rule_parse_advance(&p))
		return NULL;
	root = rule_parse_or(&p);
	if (root && p.tok.kind != RULE_TOKEN_END)
		return rule_parse_unexpected(&p, "'&&' or '||'");
	return root;
}
