/* A backtracking match (JIT where the kernel allows executable memory) under a limit decides nearly every case. Where
 * the limit ends it, PCRE2's other algorithm takes over: it keeps the set of all states per character, so its time does
 * not explode with any pattern. Its pattern starts with ".*" and is anchored, so that it runs once, and not once from
 * each position. A state is compared with all others: time grows as states² x subject, which has a bound, too; what it
 * forbids does not match. */
#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define REGEX_STEPS_MAX	   10000 /* of backtracking, before the other algorithm is used */
#define REGEX_HEAP_KIB	   1024	 /* of the interpreter, where there is no JIT */
#define REGEX_WORK_MIN	   4096	 /* ints of state sets, to begin with */
#define REGEX_WORK_MAX	   (1 << 20)
#define REGEX_COST_MAX	   2000000000u /* comparisons of states: about half a second, in the worst of patterns */
#define REGEX_COMPILE_WITH (PCRE2_UTF | PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE)

struct regex {
	pcre2_code *fast, *steady;
	size_t states; /* of steady, at most */
	unsigned refs; /* under regex_lock */
	char *pattern;
};

/* What one thread needs to match; made at its first match, freed with it. */
struct regex_thread {
	pcre2_match_data *data;
	pcre2_match_context *limits;
	int *work;
	size_t nwork;
	struct buf text; /* the subject, where it is not UTF-8 */
};

static pthread_key_t regex_key;
static pthread_once_t regex_once = PTHREAD_ONCE_INIT;
static _Thread_local struct regex_thread *regex_mine;

/* ---- threads ---- */

static void regex_thread_free(void *p)
{
	struct regex_thread *t = p;

	pcre2_match_data_free(t->data);
	pcre2_match_context_free(t->limits);
	buf_free(&t->text);
	free(t->work);
	free(t);
	regex_mine = NULL;
}

static void regex_key_make(void)
{
	if (pthread_key_create(&regex_key, regex_thread_free))
		abort();
}

static struct regex_thread *regex_thread(void)
{
	struct regex_thread *t = regex_mine;

	if (t)
		return t;
	pthread_once(&regex_once, regex_key_make);
	t = mem_zalloc(sizeof(*t));
	t->data = pcre2_match_data_create(1, NULL);
	t->limits = pcre2_match_context_create(NULL);
	if (!t->data || !t->limits)
		abort();
	pcre2_set_match_limit(t->limits, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(t->limits, REGEX_HEAP_KIB);
	buf_init(&t->text, 0);
	pthread_setspecific(regex_key, t);
	return regex_mine = t;
}

/* ---- compiling ---- */

/* What PCRE2 still refuses, which is little: unknown scripts, patterns that get too large. Its offset is one into the
 * translation, so the error is about the pattern as a whole. */
static pcre2_code *regex_code(struct str text, uint32_t options, struct regex_error *ret_error)
{
	pcre2_compile_context *how = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	int error;
	PCRE2_SIZE at;

	pcre2_set_newline(how, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)(text.n ? text.p : ""), text.n, REGEX_COMPILE_WITH | options, &error, &at,
			     how);
	pcre2_compile_context_free(how);
	if (code)
		return code;
	ret_error->at = 0;
	pcre2_get_error_message(error, (PCRE2_UCHAR *)ret_error->text, sizeof(ret_error->text));
	return NULL;
}

/* Bytes of code, which is more than there are places in it, and the counts of its repetitions ("{2,30}"). */
static size_t regex_states(const pcre2_code *code, struct str text)
{
	size_t size = 0, v = 0;

	pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	for (size_t i = 0; i < text.n; i++) {
		bool digit = text.p[i] >= '0' && text.p[i] <= '9';

		v = digit && v < REGEX_TEXT_MAX ? v * 10 + (size_t)(text.p[i] - '0') : 0;
		if (v && i > 0 && (text.p[i + 1] == '}' || text.p[i + 1] == ','))
			size += v;
	}
	return size;
}

static void regex_free(struct regex *r)
{
	pcre2_code_free(r->fast);
	pcre2_code_free(r->steady);
	free(r->pattern);
	free(r);
}

static struct regex *regex_new(struct str pattern, struct regex_error *ret_error)
{
	_cleanup_(buf_free) struct buf fast, steady;
	struct regex *r;

	buf_init(&fast, 0);
	buf_init(&steady, 0);
	buf_puts(&steady, "(?s:.*?)(?:");
	if (regex_translate(pattern, false, &fast, ret_error) < 0 ||
	    regex_translate(pattern, true, &steady, ret_error) < 0)
		return NULL;
	buf_char(&steady, ')');
	r = mem_zalloc(sizeof(*r));
	r->pattern = mem_strndup(pattern.p, pattern.n);
	r->fast = regex_code(buf_view(&fast), 0, ret_error);
	if (r->fast)
		r->steady = regex_code(buf_view(&steady), PCRE2_ANCHORED | PCRE2_NO_AUTO_POSSESS, ret_error);
	if (!r->steady) {
		regex_free(r);
		return NULL;
	}
	r->states = regex_states(r->steady, buf_view(&steady));
	pcre2_jit_compile(r->fast, PCRE2_JIT_COMPLETE); /* without it the interpreter runs, under the same limits */
	return r;
}

/* ---- sharing ---- */

/* Many routers have the same few patterns, and a new configuration has mostly those of the old one. */
static pthread_mutex_t regex_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map regex_known; /* by pattern */

static void regex_unref(void *p)
{
	struct regex *r = p;

	pthread_mutex_lock(&regex_lock);
	if (--r->refs == 0) {
		map_remove(&regex_known, str_of(r->pattern));
		regex_free(r);
		if (regex_known.live == 0)
			map_free(&regex_known);
	}
	pthread_mutex_unlock(&regex_lock);
}

const struct regex *regex_compile(struct arena *a, struct str pattern, struct regex_error *ret_error)
{
	struct regex *r;

	if (pattern.n && memchr(pattern.p, 0, pattern.n)) {
		*ret_error = (struct regex_error){ 0, "holds a NUL; write \\x00" };
		return NULL;
	}
	pthread_mutex_lock(&regex_lock);
	r = map_get(&regex_known, pattern);
	if (!r) {
		r = regex_new(pattern, ret_error);
		if (r)
			map_set(&regex_known, pattern, r);
	}
	if (r)
		r->refs++;
	pthread_mutex_unlock(&regex_lock);
	if (r)
		arena_defer(a, regex_unref, r);
	return r;
}

/* ---- matching ---- */

/* Length of the UTF-8 sequence at p (RFC 3629 §4), 0 when it is none. */
static size_t regex_sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (p[0] < 0x80)
		return 1;
	length = p[0] >= 0xc2 && p[0] <= 0xdf	? 2
		 : p[0] >= 0xe0 && p[0] <= 0xef ? 3
		 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						: 0;
	if (!length || length > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xed)
		high = 0x9f;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* The subject with every byte that is not UTF-8 replaced, as Go reads it; itself when there is none. */
static struct str regex_text(struct regex_thread *t, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0, n;

	while (i < s.n && (n = regex_sequence(p + i, s.n - i)) > 0)
		i += n;
	if (i == s.n)
		return s;
	buf_reset(&t->text);
	for (i = 0; i < s.n; i += n ? n : 1) {
		n = regex_sequence(p + i, s.n - i);
		if (n)
			buf_add(&t->text, p + i, n);
		else
			buf_puts(&t->text, "\xef\xbf\xbd");
	}
	return buf_view(&t->text);
}

static bool regex_steady(const struct regex *r, struct regex_thread *t, struct str s)
{
	int rc = PCRE2_ERROR_DFA_WSSIZE;

	if (s.n > REGEX_COST_MAX / r->states / r->states)
		return false;
	while (rc == PCRE2_ERROR_DFA_WSSIZE && t->nwork < REGEX_WORK_MAX) {
		if (t->nwork)
			rc = pcre2_dfa_match(r->steady, (PCRE2_SPTR)s.p, s.n, 0,
					     PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, t->data, t->limits, t->work,
					     t->nwork);
		if (rc != PCRE2_ERROR_DFA_WSSIZE)
			break;
		t->nwork = t->nwork ? t->nwork * 2 : REGEX_WORK_MIN;
		t->work = mem_realloc(t->work, t->nwork, sizeof(*t->work));
	}
	return rc >= 0;
}

bool regex_match(const struct regex *r, struct str subject)
{
	struct regex_thread *t = regex_thread();
	struct str s = regex_text(t, subject.p ? subject : STR(""));
	int rc = pcre2_match(r->fast, (PCRE2_SPTR)s.p, s.n, 0, PCRE2_NO_UTF_CHECK, t->data, t->limits);

	if (rc >= 0)
		return true;
	return rc != PCRE2_ERROR_NOMATCH && regex_steady(r, t, s);
}
