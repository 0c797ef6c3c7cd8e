/* The inside of a compiled rule, shared by the files of this room only: source position, tree, program. */
#pragma once
#include "rule/rule.h"

#define RULE_TEXT_MAX  8192 /* bytes */
#define RULE_DEPTH_MAX 32   /* parentheses inside parentheses; bounds every recursion of this room */
#define RULE_ARGS_MAX  256  /* parameters of one matcher, which only the v2 syntax has more than two of */

struct rule_op;

/* The text being compiled and where its errors go. */
struct rule_source {
	struct str text;
	struct place place; /* of text.p[0] */
	const char *key;
	struct err_list *errs;
};

/* Adds an error about the byte at offset `at` of the text, with its line quoted. */
void rule_error(const struct rule_source *src, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

struct rule_arg {
	struct str text; /* decoded */
	size_t at;	 /* of the literal in the source, its quote included */
	bool verbatim;	 /* text is what stands between the quotes: offsets into it are offsets into the source */
};

struct rule_call {
	struct str name; /* as written */
	size_t at;	 /* offset into the text */
	const struct rule_arg *args;
	unsigned nargs;
	const struct rule_op *op; /* set by the check, with what its compile function made */
	const void *data;
};

enum rule_kind { RULE_CALL, RULE_NOT, RULE_AND, RULE_OR };

/* AND and OR have two children or more, as written none of their own kind; NOT has one, which is no NOT; CALL has none.
 */
struct rule_node {
	enum rule_kind kind;
	unsigned calls; /* how many are below, itself included; set by the check */
	struct rule_node *child, *next;
	struct rule_call *call;
};

/* One call and where to go on either answer: evaluation is a walk forward over an array. */
struct rule_step {
	bool (*match)(const void *data, const struct rule_facts *f);
	const void *data;
	uint16_t yes, no; /* index of the next step, RULE_STEP_YES or RULE_STEP_NO */
};

enum { RULE_STEP_YES = 0xffff, RULE_STEP_NO = 0xfffe };

struct rule {
	enum rule_dialect dialect;
	const struct rule_node *root;
	const struct rule_step *steps; /* root->calls of them, in the order of the text */
	const struct rule_step *rest;  /* what is left to evaluate where the index knows that host and path fit */
};

/* The tree of src->text, in `a`, calls not yet checked; NULL with an error added. */
struct rule_node *rule_parse(struct arena *a, const struct rule_source *src);

/* The program of a checked tree, in `a`. */
const struct rule_step *rule_steps(struct arena *a, const struct rule_node *root);
bool rule_run(const struct rule_step *steps, const struct rule_facts *f);

/* The call of step `n` as text. */
void rule_print_step(const struct rule *r, unsigned n, struct buf *out);
