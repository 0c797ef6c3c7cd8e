/* From the tree, upwards: a matcher has its key, "or" joins, "and" intersects each with each, what is negated has none.
 * Keys of hosts and paths intersect without loss, so a key stays sure where both were. */
#include "rule/cover.h"

static const struct rule_key rule_key_any; /* every request, and none for sure */

static bool rule_key_is_any(const struct rule_key *k)
{
	return !k->host.p && !k->path.n;
}

static struct rule_cover rule_cover_one(struct arena *a, const struct rule_key *k)
{
	struct rule_cover c = { arena_alloc(a, sizeof(*c.v)), 1, false };

	c.v[0] = *k;
	return c;
}

static struct rule_cover rule_cover_call(struct arena *a, const struct rule_call *call, bool negated)
{
	struct rule_key k = rule_key_any;

	if (!negated && call->op->key)
		call->op->key(call->data, &k);
	return rule_cover_one(a, &k);
}

/* ---- or ---- */

/* Keys beside one that every request has are of no use. */
static struct rule_cover rule_cover_join(struct arena *a, const struct rule_cover *x, const struct rule_cover *y)
{
	const struct rule_cover *both[] = { x, y };
	struct rule_cover c = { NULL, 0, x->lossy || y->lossy };
	struct rule_key any = rule_key_any;
	bool has_any = x->n + y->n > RULE_COVER_MAX;

	c.v = arena_alloc(a, (x->n + y->n + 1) * sizeof(*c.v));
	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < both[side]->n; i++) {
			const struct rule_key *k = &both[side]->v[i];

			if (rule_key_is_any(k)) {
				has_any = true;
				any.sure = any.sure || k->sure;
			}
			c.v[c.n++] = *k;
		}
	}
	return has_any ? rule_cover_one(a, &any) : c;
}

/* ---- and ---- */

static bool rule_key_host(struct str x, struct str y, struct str *ret)
{
	const char *dot;

	if (!x.p || !y.p || str_eq(x, y)) {
		*ret = x.p ? x : y;
		return true;
	}
	if (y.p[0] != '.') {
		struct str t = x;

		x = y;
		y = t;
	}
	/* x is the name, if one is: y must be from its first dot on. */
	dot = x.p[0] != '.' ? memchr(x.p, '.', x.n) : NULL;
	*ret = x;
	return dot && str_eq(y, str_skip(x, (size_t)(dot - x.p)));
}

static bool rule_key_path(const struct rule_key *x, const struct rule_key *y, struct rule_key *ret)
{
	const struct rule_key *longer = x->path.n > y->path.n || (x->path.n == y->path.n && x->whole) ? x : y;
	const struct rule_key *other = longer == x ? y : x;

	ret->path = longer->path;
	ret->whole = longer->whole;
	if (other->whole)
		return longer->whole && str_eq(longer->path, other->path);
	return str_starts(longer->path, other->path);
}

static struct rule_cover rule_cover_unsure(struct arena *a, const struct rule_cover *from)
{
	struct rule_cover c = { arena_alloc(a, (from->n + 1) * sizeof(*c.v)), from->n, true };

	for (size_t i = 0; i < c.n; i++) {
		c.v[i] = from->v[i];
		c.v[i].sure = false;
	}
	return c;
}

static struct rule_cover rule_cover_meet(struct arena *a, const struct rule_cover *x, const struct rule_cover *y)
{
	struct rule_cover c = { NULL, 0, x->lossy || y->lossy };

	/* A request must have a key of each side: one side alone is right, too, but leaves more to evaluate. */
	if (x->n * y->n > RULE_COVER_MAX)
		return rule_cover_unsure(a, x->n < y->n ? x : y);
	c.v = arena_alloc(a, (x->n * y->n + 1) * sizeof(*c.v));
	for (size_t i = 0; i < x->n; i++) {
		for (size_t j = 0; j < y->n; j++) {
			struct rule_key *k = &c.v[c.n];

			k->sure = x->v[i].sure && y->v[j].sure;
			c.n += rule_key_host(x->v[i].host, y->v[j].host, &k->host) &&
			       rule_key_path(&x->v[i], &y->v[j], k);
		}
	}
	return c;
}

/* ---- the tree ---- */

static struct rule_cover rule_cover_node(struct arena *a, const struct rule_node *n, bool negated)
{
	struct rule_cover sum, c;

	if (n->kind == RULE_CALL)
		return rule_cover_call(a, n->call, negated);
	if (n->kind == RULE_NOT)
		return rule_cover_node(a, n->child, !negated);
	sum = rule_cover_node(a, n->child, negated);
	for (const struct rule_node *k = n->child->next; k; k = k->next) {
		c = rule_cover_node(a, k, negated);
		/* De Morgan: under a negation an "and" is an "or". */
		sum = (n->kind == RULE_AND) != negated ? rule_cover_meet(a, &sum, &c) : rule_cover_join(a, &sum, &c);
	}
	return sum;
}

struct rule_cover rule_cover_of(struct arena *a, const struct rule_node *root)
{
	return rule_cover_node(a, root, false);
}

static bool rule_cover_all_sure(const struct rule_cover *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->v[i].sure)
			return false;
	return !c->lossy;
}

/* The children of an "and" that their keys do not decide. A key of the whole has one of each child's in it. */
static struct rule_node *rule_cover_undecided(struct arena *scratch, const struct rule_node *root)
{
	struct rule_node *rest = arena_zalloc(scratch, sizeof(*rest)), **tail = &rest->child;

	rest->kind = RULE_AND;
	for (const struct rule_node *k = root->child; k; k = k->next) {
		struct rule_cover c = rule_cover_of(scratch, k);

		if (rule_cover_all_sure(&c))
			continue;
		*tail = arena_alloc(scratch, sizeof(**tail));
		**tail = *k;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
		rest->calls += k->calls;
	}
	return rest;
}

const struct rule_step *rule_cover_rest(struct arena *a, const struct rule_node *root)
{
	const struct rule_step *steps = NULL;
	const struct rule_node *rest;
	struct arena scratch;

	if (root->kind != RULE_AND)
		return NULL;
	arena_init(&scratch);
	rest = rule_cover_undecided(&scratch, root);
	if (rest->calls && rest->calls < root->calls && !rule_cover_of(&scratch, root).lossy)
		steps = rule_steps(a, rest);
	arena_reset(&scratch);
	return steps;
}
