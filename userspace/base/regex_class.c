/* Single characters, escapes and classes of a regular expression. */
#include "base/regex_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"

int regex_refuse(struct regex_translator *t, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error->text, sizeof(t->error->text), fmt, ap);
	va_end(ap);
	t->error->at = at;
	return -EINVAL;
}

void regex_put_char(struct buf *out, uint32_t c)
{
	if (c < 0x80 && regex_is_word((int)c))
		buf_char(out, (char)c);
	else
		buf_printf(out, "\\x{%x}", c);
}

/* One code point of the pattern, which must be UTF-8 (RFC 3629). */
int regex_code_point(struct regex_translator *t, uint32_t *ret)
{
	unsigned char c = (unsigned char)t->in.p[t->i];
	unsigned n = c < 0x80		     ? 1
		     : c >= 0xc2 && c < 0xe0 ? 2
		     : c >= 0xe0 && c < 0xf0 ? 3
		     : c >= 0xf0 && c < 0xf5 ? 4
					     : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (!n || t->i + n > t->in.n)
		return regex_refuse(t, t->i, "not valid UTF-8");
	for (unsigned k = 1; k < n; k++) {
		unsigned char next = (unsigned char)t->in.p[t->i + k];

		if ((next & 0xc0) != 0x80)
			return regex_refuse(t, t->i, "not valid UTF-8");
		v = v << 6 | (next & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return regex_refuse(t, t->i, "not valid UTF-8");
	t->i += n;
	*ret = v;
	return 0;
}

/* ---- escapes ---- */

static unsigned regex_digit(int c)
{
	return regex_is_digit(c)      ? (unsigned)(c - '0')
	       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
	       : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
				      : 99;
}

/* \x7F or \x{10FFFF}; behind the x. */
static int regex_hex(struct regex_translator *t, size_t start, uint32_t *ret)
{
	bool braces = regex_peek(t, 0) == '{';
	uint32_t v = 0;
	unsigned n = 0;

	t->i += braces;
	for (; regex_digit(regex_peek(t, 0)) < 16 && (braces || n < 2) && v <= 0x10ffff; t->i++, n++)
		v = v * 16 + regex_digit(regex_peek(t, 0));
	if (v > 0x10ffff || n == 0 || (!braces && n != 2) || (braces && regex_peek(t, 0) != '}') ||
	    (v >= 0xd800 && v < 0xe000))
		return regex_refuse(t, start, "expected \\xHH or \\x{H...} with the number of a character");
	t->i += braces;
	*ret = v;
	return 0;
}

/* Up to three octal digits, as Go reads them: \0, \12, \123; a lone \1 is a back-reference elsewhere. */
static int regex_octal(struct regex_translator *t, size_t start, uint32_t *ret)
{
	uint32_t v = 0;

	if (regex_peek(t, 0) != '0' && !(regex_peek(t, 1) >= '0' && regex_peek(t, 1) <= '7'))
		return regex_refuse(t, start, "Go's regular expressions have no back-references");
	for (unsigned n = 0; n < 3 && regex_peek(t, 0) >= '0' && regex_peek(t, 0) <= '7'; n++, t->i++)
		v = v * 8 + (uint32_t)(regex_peek(t, 0) - '0');
	*ret = v;
	return 0;
}

/* The single character of an escape; the backslash is at `start`, t->i behind it. */
int regex_escape_char(struct regex_translator *t, size_t start, uint32_t *ret)
{
	static const char letters[] = "aftnrv", codes[] = "\a\f\t\n\r\v";
	int c = regex_peek(t, 0);
	const char *known = c > 0 ? strchr(letters, c) : NULL;

	if (c < 0)
		return regex_refuse(t, start, "the pattern ends after a backslash");
	if (c >= '0' && c <= '7')
		return regex_octal(t, start, ret);
	if (c == '8' || c == '9' || c == 'k')
		return regex_refuse(t, start, "Go's regular expressions have no back-references");
	if (c == 'x') {
		t->i++;
		return regex_hex(t, start, ret);
	}
	if (c >= 0x80 || (regex_is_word(c) && !known && c != '_'))
		return regex_refuse(t, start, "\\%c means nothing in Go's regular expressions", c < 0x80 ? c : '?');
	*ret = known ? (uint32_t)codes[known - letters] : (uint32_t)c;
	t->i++;
	return 0;
}

/* \pN, \p{Greek}, \P..., \p{^...}; t->i is at the p. Names of one or two letters are general categories, longer ones
 * scripts, which PCRE2 from 10.40 takes for script extensions unless told otherwise. */
int regex_property(struct regex_translator *t, size_t start)
{
	bool negated = regex_peek(t, 0) == 'P', braces = regex_peek(t, 1) == '{';
	size_t begin = t->i + 1 + braces, end = begin;

	if (braces && begin < t->in.n && t->in.p[begin] == '^') {
		negated = !negated;
		begin++;
	}
	end = begin;
	while (end < t->in.n && regex_is_word((unsigned char)t->in.p[end]) && (braces || end == begin))
		end++;
	if (end == begin || (braces && (end == t->in.n || t->in.p[end] != '}')))
		return regex_refuse(t, start, "expected \\pL or \\p{Greek}: a category or a script of Unicode");
	struct str name = str_mk(t->in.p + begin, end - begin);

	buf_printf(t->out, "\\%c{%s%.*s}", negated ? 'P' : 'p', name.n > 2 && !str_eq(name, STR("Any")) ? "sc:" : "",
		   STR_ARG(name));
	t->i = end + braces;
	return 0;
}

/* Go's \s has no vertical tab, PCRE2's has. In a class only what stands between the brackets is written. */
bool regex_perl_class(struct regex_translator *t, bool in_class)
{
	int c = regex_peek(t, 0);

	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
		buf_printf(t->out, "\\%c", c);
		break;
	case 's':
		buf_puts(t->out, in_class ? "\\t\\n\\f\\r\\x20" : "[\\t\\n\\f\\r\\x20]");
		break;
	case 'S':
		buf_puts(t->out, in_class ? "\\S\\x0b" : "[^\\t\\n\\f\\r\\x20]");
		break;
	default:
		return false;
	}
	t->i++;
	return true;
}

/* ---- classes ---- */

/* [:alpha:]; 1 when there was one, 0 when not. */
static int regex_posix(struct regex_translator *t)
{
	static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
					     "lower", "print", "punct", "space", "upper", "word",  "xdigit" };
	struct str rest = str_skip(t->in, t->i), name;
	const char *close = rest.n > 2 ? memmem(rest.p + 2, rest.n - 2, ":]", 2) : NULL;
	bool negated;

	if (!close)
		return 0;
	name = str_mk(rest.p + 2, (size_t)(close - rest.p) - 2);
	negated = str_starts(name, STR("^"));
	name = str_skip(name, negated);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eq(name, str_of(names[i])))
			continue;
		buf_printf(t->out, "[:%s%s:]", negated ? "^" : "", names[i]);
		t->i += (size_t)(close - rest.p) + 2;
		return 1;
	}
	const char *near = num_nearest(name, names, ARRAY_LEN(names));

	return regex_refuse(t, t->i, "there is no class [:%.*s:]%s%s%s", STR_ARG(name), near ? "; did you mean [:" : "",
			    near ? near : "", near ? ":]?" : "");
}

/* One end of a range. */
static int regex_class_char(struct regex_translator *t, size_t open, uint32_t *ret)
{
	if (t->i == t->in.n)
		return regex_refuse(t, open, "'[' has no closing ']'");
	if (t->in.p[t->i] != '\\')
		return regex_code_point(t, ret);
	t->i++;
	return regex_escape_char(t, t->i - 1, ret);
}

/* A class within the class. 1 when there was one. */
static int regex_class_class(struct regex_translator *t)
{
	size_t start = t->i;
	int next = regex_peek(t, 1);

	if (regex_sees(t, "[:"))
		return regex_posix(t);
	if (regex_peek(t, 0) != '\\')
		return 0;
	t->i++;
	if (next == 'p' || next == 'P')
		return regex_property(t, start) < 0 ? -EINVAL : 1;
	if (regex_perl_class(t, true))
		return 1;
	t->i = start;
	return 0;
}

static int regex_class_range(struct regex_translator *t, size_t open)
{
	size_t start = t->i;
	uint32_t low, high;

	if (regex_class_char(t, open, &low) < 0)
		return -EINVAL;
	high = low;
	if (regex_peek(t, 0) == '-' && regex_peek(t, 1) >= 0 && regex_peek(t, 1) != ']') {
		t->i++;
		if (regex_class_char(t, open, &high) < 0)
			return -EINVAL;
	}
	if (high < low)
		return regex_refuse(t, start, "the range '%.*s' runs backwards", (int)(t->i - start), t->in.p + start);
	regex_put_char(t->out, low);
	if (high > low) {
		buf_char(t->out, '-');
		regex_put_char(t->out, high);
	}
	return 0;
}

int regex_class(struct regex_translator *t)
{
	size_t open = t->i++;

	buf_char(t->out, '[');
	if (regex_peek(t, 0) == '^') {
		buf_char(t->out, '^');
		t->i++;
	}
	for (bool first = true; first || regex_peek(t, 0) != ']'; first = false) {
		int r = t->i < t->in.n ? regex_class_class(t) : 0;

		if (r == 0)
			r = regex_class_range(t, open);
		if (r < 0)
			return r;
	}
	buf_char(t->out, ']');
	t->i++;
	return 0;
}
