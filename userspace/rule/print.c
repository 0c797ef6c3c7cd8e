/* Tree to text, in one spelling: names as Traefik writes them, raw strings where they can be, no parentheses that the
 * precedence makes superfluous. */
#include "rule/ast.h"
#include "rule/ops.h"

static bool rule_print_is_raw(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '`' || (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static void rule_print_string(struct str s, struct buf *out)
{
	if (rule_print_is_raw(s)) {
		buf_char(out, '`');
		buf_str(out, s);
		buf_char(out, '`');
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

static void rule_print_call(const struct rule_call *call, struct buf *out)
{
	buf_puts(out, call->op->name);
	for (unsigned i = 0; i < call->nargs; i++) {
		buf_puts(out, i == 0 ? "(" : ", ");
		rule_print_string(call->args[i].text, out);
	}
	buf_char(out, ')');
}

/* `binds`: how strongly what is around the node binds. */
static void rule_print_node(const struct rule_node *n, int binds, struct buf *out)
{
	static const int strength[] = { [RULE_OR] = 1, [RULE_AND] = 2, [RULE_NOT] = 3, [RULE_CALL] = 4 };
	bool group = strength[n->kind] < binds;

	if (group)
		buf_char(out, '(');
	if (n->kind == RULE_NOT)
		buf_char(out, '!');
	if (n->kind == RULE_CALL)
		rule_print_call(n->call, out);
	for (const struct rule_node *c = n->child; c; c = c->next) {
		rule_print_node(c, strength[n->kind], out);
		if (c->next)
			buf_puts(out, n->kind == RULE_AND ? " && " : " || ");
	}
	if (group)
		buf_char(out, ')');
}

/* The n-th call below, in the order of the text, which is that of the steps. */
static const struct rule_call *rule_print_find(const struct rule_node *n, unsigned number)
{
	while (n->kind != RULE_CALL) {
		n = n->child;
		while (number >= n->calls) {
			number -= n->calls;
			n = n->next;
		}
	}
	return n->call;
}

void rule_print_step(const struct rule *r, unsigned n, struct buf *out)
{
	rule_print_call(rule_print_find(r->root, n), out);
}

void rule_print(const struct rule *r, struct buf *out)
{
	rule_print_node(r->root, 0, out);
}
