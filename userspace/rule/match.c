/* Evaluation. A tree of and, or and not becomes a list of its calls, each knowing where to go on yes and on no: order
 * and short-circuit are those of the text, negation costs nothing, and evaluating needs neither recursion nor memory.
 */
#include "rule/ast.h"
#include "rule/ops.h"

struct rule_layout {
	struct rule_step *steps;
	unsigned n; /* steps laid out so far */
};

static void rule_lay(struct rule_layout *l, const struct rule_node *n, uint16_t yes, uint16_t no);

static void rule_lay_call(struct rule_layout *l, const struct rule_call *call, uint16_t yes, uint16_t no)
{
	l->steps[l->n++] = (struct rule_step){ call->op->match, call->data, yes, no };
}

/* The calls of a child come before those of the next, so a child's first step is known before it is laid out. */
static void rule_lay_list(struct rule_layout *l, const struct rule_node *n, uint16_t yes, uint16_t no)
{
	for (const struct rule_node *c = n->child; c; c = c->next) {
		uint16_t next = (uint16_t)(l->n + c->calls);

		if (!c->next)
			rule_lay(l, c, yes, no);
		else if (n->kind == RULE_AND)
			rule_lay(l, c, next, no);
		else
			rule_lay(l, c, yes, next);
	}
}

static void rule_lay(struct rule_layout *l, const struct rule_node *n, uint16_t yes, uint16_t no)
{
	switch (n->kind) {
	case RULE_CALL:
		rule_lay_call(l, n->call, yes, no);
		break;
	case RULE_NOT:
		rule_lay(l, n->child, no, yes);
		break;
	case RULE_AND:
	case RULE_OR:
		rule_lay_list(l, n, yes, no);
		break;
	}
}

const struct rule_step *rule_steps(struct arena *a, const struct rule_node *root)
{
	struct rule_layout l = { .steps = arena_alloc(a, root->calls * sizeof(*l.steps)) };

	rule_lay(&l, root, RULE_STEP_YES, RULE_STEP_NO);
	return l.steps;
}

bool rule_run(const struct rule_step *steps, const struct rule_facts *f)
{
	uint16_t at = 0;

	do {
		const struct rule_step *s = &steps[at];

		at = s->match(s->data, f) ? s->yes : s->no;
	} while (at < RULE_STEP_NO);
	return at == RULE_STEP_YES;
}

bool rule_match(const struct rule *r, const struct rule_facts *f)
{
	return rule_run(r->steps, f);
}

bool rule_explain(const struct rule *r, const struct rule_facts *f, struct buf *ret_why)
{
	uint16_t at = 0, last;
	bool yes;

	do {
		last = at;
		yes = r->steps[at].match(r->steps[at].data, f);
		at = yes ? r->steps[at].yes : r->steps[at].no;
	} while (at < RULE_STEP_NO);
	rule_print_step(r, last, ret_why);
	buf_puts(ret_why, yes ? " holds" : " does not hold");
	return at == RULE_STEP_YES;
}
