/* The scalar kinds: parsing, printing and describing them. What a mapping or a list is, opt_decode.c knows. */
#include "model/opt_kind.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "base/num.h"

static bool bounded(const struct opt *o)
{
	return o->min != 0 || o->max != 0;
}

static int in_bounds(const struct opt *o, double v)
{
	return bounded(o) && (v < o->min || v > o->max) ? -ERANGE : 0;
}

static int parse_enum(const struct opt *o, struct str text, int *ret)
{
	for (int i = 0; o->choices[i]; i++)
		if (str_ieq(text, str_of(o->choices[i]))) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_int(const struct opt *o, struct str text, int64_t *ret)
{
	int64_t v;
	int r = num_i64(text, &v);

	if (!r)
		r = in_bounds(o, (double)v);
	if (!r)
		*ret = v;
	return r;
}

static int parse_duration(const struct opt *o, struct str text, int64_t *ret)
{
	int64_t v;
	int r = num_duration_ns(text, &v);

	if (!r)
		r = in_bounds(o, (double)v);
	if (!r)
		*ret = v;
	return r;
}

static int parse_size(const struct opt *o, struct str text, uint64_t *ret)
{
	uint64_t v;
	int r = num_size(text, &v);

	if (!r)
		r = in_bounds(o, (double)v);
	if (!r)
		*ret = v;
	return r;
}

static int parse_double(const struct opt *o, struct str text, double *ret)
{
	double v;
	int r = num_double(text, &v);

	if (!r)
		r = in_bounds(o, v);
	if (!r)
		*ret = v;
	return r;
}

int opt_kind_parse(const struct opt *o, struct str text, struct arena *a, void *ret)
{
	switch (o->kind) {
	case OPT_BOOL:
		return num_bool(text, ret);
	case OPT_INT:
		return parse_int(o, text, ret);
	case OPT_SIZE:
		return parse_size(o, text, ret);
	case OPT_DURATION:
		return parse_duration(o, text, ret);
	case OPT_DOUBLE:
		return parse_double(o, text, ret);
	case OPT_ENUM:
		return parse_enum(o, text, ret);
	case OPT_STRING:
		*(char **)ret = arena_strndup(a, text.p, text.n);
		return 0;
	case OPT_STRINGS:
	case OPT_DOUBLES:
	case OPT_STRUCT:
	case OPT_OPTIONAL:
	case OPT_LIST:
	case OPT_MAP:
	case OPT_ONE_OF:
	case OPT_STRING_MAP:
		break;
	}
	return -EINVAL;
}

static void print_size(uint64_t v, struct buf *out)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} unit[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 } };

	for (size_t i = 0; v && i < sizeof(unit) / sizeof(unit[0]); i++)
		if (!(v & ((1ull << unit[i].shift) - 1))) {
			buf_printf(out, "%" PRIu64 "%s", v >> unit[i].shift, unit[i].suffix);
			return;
		}
	buf_u64(out, v);
}

static void print_duration(int64_t ns, struct buf *out)
{
	char text[32];

	num_print_duration(ns, text);
	buf_puts(out, text);
}

void opt_kind_double(double v, struct buf *out)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	buf_puts(out, text);
}

void opt_kind_print(const struct opt *o, const void *field, struct buf *out)
{
	switch (o->kind) {
	case OPT_BOOL:
		buf_puts(out, *(const bool *)field ? "true" : "false");
		break;
	case OPT_INT:
		buf_printf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case OPT_SIZE:
		print_size(*(const uint64_t *)field, out);
		break;
	case OPT_DURATION:
		print_duration(*(const int64_t *)field, out);
		break;
	case OPT_DOUBLE:
		opt_kind_double(*(const double *)field, out);
		break;
	case OPT_STRING:
		buf_puts(out, *(char *const *)field ? *(char *const *)field : "");
		break;
	case OPT_ENUM:
		buf_puts(out, o->choices[*(const int *)field]);
		break;
	case OPT_STRINGS:
	case OPT_DOUBLES:
	case OPT_STRUCT:
	case OPT_OPTIONAL:
	case OPT_LIST:
	case OPT_MAP:
	case OPT_ONE_OF:
	case OPT_STRING_MAP:
		break;
	}
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool opt_kind_equal(const struct opt *o, const void *a, const void *b)
{
	switch (o->kind) {
	case OPT_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case OPT_INT:
	case OPT_DURATION:
		return *(const int64_t *)a == *(const int64_t *)b;
	case OPT_SIZE:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case OPT_DOUBLE:
		return *(const double *)a == *(const double *)b;
	case OPT_STRING:
		return text_equal(*(char *const *)a, *(char *const *)b);
	case OPT_ENUM:
		return *(const int *)a == *(const int *)b;
	case OPT_STRINGS:
	case OPT_DOUBLES:
	case OPT_STRUCT:
	case OPT_OPTIONAL:
	case OPT_LIST:
	case OPT_MAP:
	case OPT_ONE_OF:
	case OPT_STRING_MAP:
		break;
	}
	return false;
}

static void print_bound(const struct opt *o, double v, struct buf *out)
{
	if (o->kind == OPT_DURATION)
		print_duration((int64_t)v, out);
	else if (o->kind == OPT_SIZE)
		print_size((uint64_t)v, out);
	else if (fabs(v) < 9e15)
		opt_kind_double(v, out);
	else
		buf_printf(out, "%.0f", v);
}

void opt_kind_bounds(const struct opt *o, struct buf *out)
{
	if (!bounded(o))
		return;
	if (isinf(o->max)) {
		buf_puts(out, "at least ");
		print_bound(o, o->min, out);
		return;
	}
	buf_puts(out, "between ");
	print_bound(o, o->min, out);
	buf_puts(out, " and ");
	print_bound(o, o->max, out);
}

static void expected_enum(const struct opt *o, struct buf *out)
{
	buf_puts(out, o->choices[1] ? "one of " : "");
	for (int i = 0; o->choices[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : "", o->choices[i]);
}

static const char *expected_kind(enum opt_kind kind)
{
	switch (kind) {
	case OPT_BOOL:
		return "true or false";
	case OPT_INT:
		return "an integer";
	case OPT_SIZE:
		return "a number of bytes, plain or with KiB, MiB or GiB";
	case OPT_DURATION:
		return "a duration such as 1h30m, 1.5s or 250ms, or a number of seconds";
	case OPT_DOUBLE:
		return "a number";
	case OPT_STRING:
		return "text";
	case OPT_ENUM:
		return "a word";
	case OPT_STRINGS:
		return "a list of texts or one text with commas";
	case OPT_DOUBLES:
		return "a list of numbers or one text with commas";
	case OPT_STRUCT:
	case OPT_MAP:
	case OPT_ONE_OF:
	case OPT_STRING_MAP:
		return "a mapping";
	case OPT_OPTIONAL:
		return "a mapping, true or false";
	case OPT_LIST:
		return "a list of mappings";
	}
	return "";
}

void opt_kind_expected(const struct opt *o, struct buf *out)
{
	if (o->kind == OPT_ENUM) {
		expected_enum(o, out);
		return;
	}
	buf_puts(out, expected_kind(o->kind));
	if (bounded(o)) {
		buf_puts(out, o->kind == OPT_INT || o->kind == OPT_DOUBLE ? " " : ", ");
		opt_kind_bounds(o, out);
	}
}

const char *opt_kind_name(const struct opt *o)
{
	switch (o->kind) {
	case OPT_BOOL:
		return "boolean";
	case OPT_INT:
		return "integer";
	case OPT_SIZE:
		return "size";
	case OPT_DURATION:
		return "duration";
	case OPT_DOUBLE:
		return "number";
	case OPT_STRING:
		return "string";
	case OPT_ENUM:
		return "choice";
	case OPT_STRINGS:
		return "list of strings";
	case OPT_DOUBLES:
		return "list of numbers";
	case OPT_STRUCT:
		return "section";
	case OPT_OPTIONAL:
		return "section, off unless present";
	case OPT_LIST:
		return "list of sections";
	case OPT_MAP:
		return "named sections";
	case OPT_ONE_OF:
		return "exactly one section";
	case OPT_STRING_MAP:
		return "names with texts";
	}
	return "";
}
