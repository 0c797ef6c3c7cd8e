/* The scanner. White space, newlines and string literals follow the Go specification ("Tokens", "Semicolons", "String
 * literals"), because rules are Go expressions to their users; everything a rule cannot contain is refused here. */
#include "rule/lex.h"

#include <errno.h>

static bool rule_lex_is_letter(char c)
{
	return (str_lower_char(c) >= 'a' && str_lower_char(c) <= 'z') || c == '_';
}

static bool rule_lex_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skips white space. A newline after an operand would end the Go expression, so only white space may follow one. */
static int rule_lex_space(struct rule_lex *l)
{
	struct str t = l->src->text;
	size_t newline = t.n;

	for (; l->at < t.n && strchr(" \t\r\n", t.p[l->at]) && t.p[l->at]; l->at++)
		if (t.p[l->at] == '\n' && newline == t.n)
			newline = l->at;
	if (!l->operand || newline == t.n || l->at == t.n)
		return 0;
	rule_error(l->src, newline, "unexpected end of line; a line may end only after an operator, '(' or ','");
	return -EINVAL;
}

static int rule_lex_raw(struct rule_lex *l, struct rule_token *tok)
{
	struct str rest = str_skip(l->src->text, l->at + 1);
	const char *close = rest.n ? memchr(rest.p, '`', rest.n) : NULL;

	if (!close) {
		rule_error(l->src, l->at, "string has no closing back-quote");
		return -EINVAL;
	}
	tok->value = str_mk(rest.p, (size_t)(close - rest.p));
	l->at += tok->value.n + 2;
	if (!tok->value.n || !memchr(tok->value.p, '\r', tok->value.n))
		return 0;
	/* Go drops carriage returns from raw strings. */
	char *out = arena_alloc(l->arena, tok->value.n);
	size_t n = 0;

	for (size_t i = 0; i < tok->value.n; i++)
		if (tok->value.p[i] != '\r')
			out[n++] = tok->value.p[i];
	tok->value = str_mk(out, n);
	return 0;
}

/* RFC 3629 §3. Returns the length, 0 for what is no code point. */
static size_t rule_lex_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	size_t n = c < 0x10000 ? 3 : 4;

	out[0] = (char)((n == 3 ? 0xe0 : 0xf0) | c >> 6 * (n - 1));
	for (size_t i = 1; i < n; i++)
		out[i] = (char)(0x80 | ((c >> 6 * (n - 1 - i)) & 0x3f));
	return n;
}

/* `digits` digits of `base` at p, all of them before `end`. Returns false when one is missing. */
static bool rule_lex_number(const char *p, const char *end, unsigned base, unsigned digits, uint32_t *ret)
{
	uint32_t v = 0;

	if ((size_t)(end - p) < digits)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		char c = str_lower_char(p[i]);
		unsigned d = rule_lex_is_digit(c)   ? (unsigned)(c - '0')
			     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
						    : 99;

		if (d >= base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

/* One escape; p is behind the backslash. Returns how much of the text it took, 0 when it is none of Go's. */
static size_t rule_lex_escape(const char *p, const char *end, char *out, size_t *ret_n)
{
	static const char plain[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
	static const struct {
		char letter;
		unsigned digits;
		bool code_point;
	} numeric[] = { { 'x', 2, false }, { 'u', 4, true }, { 'U', 8, true } };
	const char *at = p < end && *p ? strchr(plain, *p) : NULL;
	uint32_t v;

	if (at) {
		out[0] = bytes[at - plain];
		*ret_n = 1;
		return 1;
	}
	if (rule_lex_number(p, end, 8, 3, &v) && v <= 0xff) {
		out[0] = (char)v;
		*ret_n = 1;
		return 3;
	}
	for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
		if (p == end || *p != numeric[i].letter || !rule_lex_number(p + 1, end, 16, numeric[i].digits, &v))
			continue;
		out[0] = (char)v;
		*ret_n = numeric[i].code_point ? rule_lex_utf8(out, v) : 1;
		return *ret_n ? numeric[i].digits + 1 : 0;
	}
	return 0;
}

/* Decoding never lengthens: the shortest escape of n UTF-8 bytes is longer than n. */
static int rule_lex_quoted(struct rule_lex *l, struct rule_token *tok)
{
	const char *text = l->src->text.p, *end = text + l->src->text.n, *p = text + l->at + 1;
	char *out = arena_alloc(l->arena, (size_t)(end - p) + 4);
	size_t n = 0;

	while (p < end && *p != '"' && *p != '\n') {
		size_t added = 1, taken;

		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		taken = rule_lex_escape(p + 1, end, out + n, &added);
		if (!taken) {
			rule_error(l->src, (size_t)(p - text),
				   "unknown escape in string; write '\\\\' for a backslash or use back-quotes");
			return -EINVAL;
		}
		n += added;
		p += 1 + taken;
	}
	if (p == end || *p != '"') {
		rule_error(l->src, l->at, "string has no closing quote");
		return -EINVAL;
	}
	l->at = (size_t)(p + 1 - text);
	tok->value = str_mk(out, n);
	return 0;
}

static int rule_lex_refuse(struct rule_lex *l)
{
	char c = l->src->text.p[l->at];

	if (c == '\'')
		rule_error(l->src, l->at, "single quotes are not allowed; use back-quotes or double quotes");
	else if (c == '&' || c == '|')
		rule_error(l->src, l->at, "unexpected '%c'; the operator is '%c%c'", c, c, c);
	else if (c > ' ' && c < 0x7f)
		rule_error(l->src, l->at, "unexpected '%c'", c);
	else
		rule_error(l->src, l->at, "unexpected byte 0x%02x", (unsigned char)c);
	return -EINVAL;
}

/* Operators and punctuation; RULE_TOKEN_END when there is none here. */
static enum rule_token_kind rule_lex_operator(struct str rest, size_t *ret_n)
{
	static const struct {
		struct str text;
		enum rule_token_kind kind;
	} all[] = {
		{ { "&&", 2 }, RULE_TOKEN_AND }, { { "||", 2 }, RULE_TOKEN_OR },   { { "!", 1 }, RULE_TOKEN_NOT },
		{ { "(", 1 }, RULE_TOKEN_OPEN }, { { ")", 1 }, RULE_TOKEN_CLOSE }, { { ",", 1 }, RULE_TOKEN_COMMA },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (str_starts(rest, all[i].text)) {
			*ret_n = all[i].text.n;
			return all[i].kind;
		}
	}
	return RULE_TOKEN_END;
}

static int rule_lex_token(struct rule_lex *l, struct rule_token *tok)
{
	struct str t = l->src->text;
	size_t n = 0;

	if (t.p[l->at] == '`' || t.p[l->at] == '"') {
		tok->kind = RULE_TOKEN_STRING;
		return t.p[l->at] == '`' ? rule_lex_raw(l, tok) : rule_lex_quoted(l, tok);
	}
	if (rule_lex_is_letter(t.p[l->at])) {
		tok->kind = RULE_TOKEN_NAME;
		while (l->at < t.n && (rule_lex_is_letter(t.p[l->at]) || rule_lex_is_digit(t.p[l->at])))
			l->at++;
		return 0;
	}
	tok->kind = rule_lex_operator(str_skip(t, l->at), &n);
	l->at += n;
	return tok->kind == RULE_TOKEN_END ? rule_lex_refuse(l) : 0;
}

int rule_lex_next(struct rule_lex *l, struct rule_token *ret)
{
	struct rule_token tok = { .kind = RULE_TOKEN_END };

	if (rule_lex_space(l) < 0)
		return -EINVAL;
	tok.at = l->at;
	if (l->at < l->src->text.n && rule_lex_token(l, &tok) < 0)
		return -EINVAL;
	tok.text = str_mk(l->src->text.p + tok.at, l->at - tok.at);
	l->operand = tok.kind == RULE_TOKEN_NAME || tok.kind == RULE_TOKEN_STRING || tok.kind == RULE_TOKEN_CLOSE;
	*ret = tok;
	return 0;
}
