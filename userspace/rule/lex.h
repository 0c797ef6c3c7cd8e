/* Rule text to tokens: those of Go that a rule may have. Private to this room. */
#pragma once
#include "rule/ast.h"

enum rule_token_kind {
	RULE_TOKEN_END,
	RULE_TOKEN_NAME,
	RULE_TOKEN_STRING,
	RULE_TOKEN_AND,
	RULE_TOKEN_OR,
	RULE_TOKEN_NOT,
	RULE_TOKEN_OPEN,
	RULE_TOKEN_CLOSE,
	RULE_TOKEN_COMMA,
};

struct rule_token {
	enum rule_token_kind kind;
	size_t at;	  /* offset into the text */
	struct str text;  /* as written */
	struct str value; /* of a string: decoded, a view into the text or in the arena */
};

struct rule_lex {
	struct arena *arena;
	const struct rule_source *src;
	size_t at;
	bool operand; /* the last token ended an operand: Go does not let a line end here */
};

/* Returns 0, or -EINVAL with an error added; the lexer is not to be used further then. */
int rule_lex_next(struct rule_lex *l, struct rule_token *ret);
