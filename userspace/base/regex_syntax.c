/* One pass from left to right over the grammar of RE2 (https://github.com/google/re2/wiki/Syntax) as Go parses it
 * (regexp/syntax). What was recognised is written out again in a spelling that has only one meaning to PCRE2: every
 * literal that is no letter or digit is escaped, every class is spelled out. Capturing is dropped: only whether a
 * pattern matches is asked. */
#include "base/regex_scan.h"

#include <errno.h>

#include "base/mem.h"

/* Ends the item that began at `at` in the output. */
static void regex_item(struct regex_translator *t, enum regex_item kind, size_t at, unsigned repeat)
{
	t->last = kind;
	t->last_at = at;
	t->last_repeat = repeat;
	if (t->groups[t->depth].repeat < repeat)
		t->groups[t->depth].repeat = repeat;
}

/* ---- escapes ---- */

/* \Q...\E: the text itself; an \E that is missing stands at the end. */
static int regex_quoted(struct regex_translator *t)
{
	uint32_t c;

	for (t->i++; t->i < t->in.n && !regex_sees(t, "\\E");) {
		size_t at = t->out->n;

		if (regex_code_point(t, &c) < 0)
			return -EINVAL;
		regex_put_char(t->out, c);
		regex_item(t, REGEX_ATOM, at, 1);
	}
	if (t->i < t->in.n)
		t->i += 2;
	return 0;
}

static int regex_escape(struct regex_translator *t)
{
	size_t start = t->i++, at = t->out->n;
	int c = regex_peek(t, 0);
	uint32_t v;

	if (c == 'Q')
		return regex_quoted(t);
	if (c == 'E' && t->i++)
		return 0; /* without a \Q it is nothing */
	if (c == 'A' || c == 'z' || c == 'b' || c == 'B') {
		buf_printf(t->out, "\\%c", c);
		t->i++;
		regex_item(t, REGEX_ASSERT, at, 1);
		return 0;
	}
	if (c == 'p' || c == 'P') {
		if (regex_property(t, start) < 0)
			return -EINVAL;
	} else if (!regex_perl_class(t, false)) {
		if (c == 'C')
			return regex_refuse(t, start, "\\C, a single byte, is not supported; write '.'");
		if (regex_escape_char(t, start, &v) < 0)
			return -EINVAL;
		regex_put_char(t->out, v);
	}
	regex_item(t, REGEX_ATOM, at, 1);
	return 0;
}

/* ---- groups ---- */

/* (?P<name>re), (?<name>re); t->i is at the name. */
static int regex_group_name(struct regex_translator *t, size_t start)
{
	size_t begin = t->i;

	while (regex_is_word(regex_peek(t, 0)))
		t->i++;
	if (t->i == begin || regex_peek(t, 0) != '>')
		return regex_refuse(t, start, "expected (?P<name>...), the name of letters, digits and '_'");
	t->i++;
	buf_puts(t->out, "(?:");
	return 0;
}

/* Flags up to ')' or ':'; what follows "(?". */
static int regex_group_flags(struct regex_translator *t, size_t start, bool *multiline)
{
	size_t begin = t->i, signs = 0;

	for (; strchr("imsU-", regex_peek(t, 0)) && regex_peek(t, 0) > 0; t->i++) {
		signs += regex_peek(t, 0) == '-';
		if (regex_peek(t, 0) == 'm')
			*multiline = signs == 0;
	}
	if ((regex_peek(t, 0) != ':' && regex_peek(t, 0) != ')') || signs > 1 ||
	    (t->i > begin && t->in.p[t->i - 1] == '-'))
		return regex_refuse(t, start, "expected (?:...), (?P<name>...) or flags of i, m, s, U as in (?i)");
	buf_printf(t->out, "(?%.*s%c", (int)(t->i - begin), t->in.p + begin, t->in.p[t->i]);
	t->i++;
	return 0;
}

static int regex_group_kind(struct regex_translator *t, size_t start, bool *multiline)
{
	t->i += 2;
	if (regex_peek(t, 0) == '=' || regex_peek(t, 0) == '!' || regex_sees(t, "<=") || regex_sees(t, "<!"))
		return regex_refuse(t, start,
				    "Go's regular expressions have no look-around; combine matchers with && and !");
	if (regex_peek(t, 0) == '>' || regex_peek(t, 0) == '#' || regex_peek(t, 0) == '|')
		return regex_refuse(t, start, "Go's regular expressions have no group (?%c", regex_peek(t, 0));
	if (regex_sees(t, "P<") || regex_peek(t, 0) == '<') {
		t->i += regex_peek(t, 0) == 'P' ? 2 : 1;
		return regex_group_name(t, start);
	}
	return regex_group_flags(t, start, multiline);
}

static int regex_open(struct regex_translator *t)
{
	size_t start = t->i, at = t->out->n;
	bool multiline = t->groups[t->depth].multiline;

	if (regex_sees(t, "(?")) {
		if (regex_group_kind(t, start, &multiline) < 0)
			return -EINVAL;
		if (t->in.p[t->i - 1] == ')') { /* flags for the rest of the group around it */
			t->groups[t->depth].multiline = multiline;
			t->last = REGEX_NOTHING;
			return 0;
		}
	} else {
		buf_puts(t->out, "(?:");
		t->i++;
	}
	if (t->depth == REGEX_NEST_MAX)
		return regex_refuse(t, start, "parentheses are nested deeper than %d", REGEX_NEST_MAX);
	t->groups[++t->depth] = (struct regex_group){ 1, at, multiline };
	t->last = REGEX_NOTHING;
	return 0;
}

static int regex_close(struct regex_translator *t)
{
	if (t->depth == 0)
		return regex_refuse(t, t->i, "')' has no opening '('");
	const struct regex_group *g = &t->groups[t->depth--];

	buf_char(t->out, ')');
	t->i++;
	regex_item(t, REGEX_GROUP, g->at, g->repeat);
	return 0;
}

/* ---- repetition ---- */

/* {n}, {n,} or {n,m} at t->i. Returns its length, 0 when it is only a brace; *ret_most is n where m is missing. */
static size_t regex_counts(const struct regex_translator *t, unsigned *ret_least, unsigned *ret_most)
{
	unsigned v[2] = { 0, 0 }, digits[2] = { 0, 0 }, k = 0;
	size_t i = 1;

	for (;; i++) {
		int c = regex_peek(t, i);

		if (regex_is_digit(c)) {
			v[k] = v[k] < 100000 ? v[k] * 10 + (unsigned)(c - '0') : v[k];
			digits[k]++;
		} else if (c == ',' && k == 0 && digits[0]) {
			k = 1;
		} else {
			if (c != '}' || !digits[0])
				return 0;
			break;
		}
	}
	*ret_least = v[0];
	*ret_most = k == 1 && digits[1] ? v[1] : v[0];
	return i + 1;
}

/* PCRE2 repeats no bare assertion: ^* becomes (?:^)*. */
static void regex_wrap(struct regex_translator *t)
{
	_cleanup_free_ char *item = mem_strndup(t->out->p + t->last_at, t->out->n - t->last_at);

	t->out->n = t->last_at;
	buf_printf(t->out, "(?:%s)", item);
}

/* x+ as xx*, which is the same set of strings. */
static void regex_plus(struct regex_translator *t)
{
	_cleanup_free_ char *item = mem_strndup(t->out->p + t->last_at, t->out->n - t->last_at);

	buf_printf(t->out, "%s*", item);
}

static int regex_repeat(struct regex_translator *t, size_t length, unsigned most)
{
	size_t start = t->i;

	if (t->last == REGEX_NOTHING)
		return regex_refuse(t, start, "'%.*s' has nothing to repeat", (int)length, t->in.p + start);
	if (t->last == REGEX_REPEATED)
		return regex_refuse(t, start, "'%.*s' repeats what is repeated already; use parentheses", (int)length,
				    t->in.p + start);
	if (most > REGEX_REPEAT_MAX || most * t->last_repeat > REGEX_REPEAT_MAX)
		return regex_refuse(t, start, "repeated more than %d times, nested repetitions multiplied",
				    REGEX_REPEAT_MAX);
	if (t->last == REGEX_ASSERT)
		regex_wrap(t);
	if (t->countless && t->last == REGEX_ATOM && t->in.p[start] == '+')
		regex_plus(t);
	else
		buf_add(t->out, t->in.p + start, length);
	t->i += length;
	if (regex_peek(t, 0) == '?') {
		buf_char(t->out, '?');
		t->i++;
	}
	regex_item(t, REGEX_REPEATED, t->last_at, most > 1 ? most * t->last_repeat : t->last_repeat);
	return 0;
}

static int regex_brace(struct regex_translator *t)
{
	unsigned least, most;
	size_t length = regex_counts(t, &least, &most), at = t->out->n;

	if (length && least > most)
		return regex_refuse(t, t->i, "'%.*s' counts backwards", (int)length, t->in.p + t->i);
	if (length)
		return regex_repeat(t, length, most);
	regex_put_char(t->out, '{');
	t->i++;
	regex_item(t, REGEX_ATOM, at, 1);
	return 0;
}

/* ---- the whole ---- */

static int regex_next(struct regex_translator *t)
{
	size_t at = t->out->n;
	uint32_t c;

	switch (t->in.p[t->i]) {
	case '\\':
		return regex_escape(t);
	case '[':
		if (regex_class(t) < 0)
			return -EINVAL;
		regex_item(t, REGEX_ATOM, at, 1);
		return 0;
	case '(':
		return regex_open(t);
	case ')':
		return regex_close(t);
	case '{':
		return regex_brace(t);
	case '*':
	case '+':
	case '?':
		return regex_repeat(t, 1, 1);
	case '|':
		buf_char(t->out, t->in.p[t->i++]);
		t->last = REGEX_NOTHING;
		return 0;
	case '.':
		buf_char(t->out, t->in.p[t->i++]);
		regex_item(t, REGEX_ATOM, at, 1);
		return 0;
	case '^':
	case '$':
		/* PCRE2's $ is also before a last newline, and its option against that breaks (?m) in the DFA. */
		buf_puts(t->out, t->in.p[t->i] == '^' ? "^" : t->groups[t->depth].multiline ? "$" : "\\z");
		t->i++;
		regex_item(t, REGEX_ASSERT, at, 1);
		return 0;
	default:
		if (regex_code_point(t, &c) < 0)
			return -EINVAL;
		regex_put_char(t->out, c);
		regex_item(t, REGEX_ATOM, at, 1);
		return 0;
	}
}

int regex_translate(struct str pattern, bool countless, struct buf *out, struct regex_error *ret_error)
{
	struct regex_translator t = {
		.in = pattern, .out = out, .countless = countless, .error = ret_error, .groups = { { .repeat = 1 } }
	};

	if (pattern.n > REGEX_TEXT_MAX)
		return regex_refuse(&t, 0, "longer than %d bytes", REGEX_TEXT_MAX);
	while (t.i < pattern.n)
		if (regex_next(&t) < 0)
			return -EINVAL;
	if (t.depth)
		return regex_refuse(&t, pattern.n, "expected ')': %u of '(' %s open", t.depth,
				    t.depth == 1 ? "is" : "are");
	return 0;
}
