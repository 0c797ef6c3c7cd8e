/* An arena and an error list per test, and a compile() that expects no error. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "rule/rule.h"

struct fixture {
	struct arena a;
	struct err_list errs;
};

static const struct place somewhere = { "dyn.yml", 10, 5 };

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	arena_init(&f->a);
	err_init(&f->errs);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_reset(&f->a);
	err_free(&f->errs);
	free(f);
	return 0;
}

static inline const struct rule *compile(struct fixture *f, enum rule_dialect dialect, const char *text)
{
	const struct rule *r = rule_compile(&f->a, dialect, text, somewhere, "k", &f->errs);

	if (!r)
		fail_msg("%s: %s", text, f->errs.n ? f->errs.v[0].text : "no error");
	assert_int_equal(f->errs.n, 0);
	return r;
}

static inline char *printed(const struct rule *r)
{
	struct buf b;

	buf_init(&b, 0);
	rule_print(r, &b);
	assert_true(buf_ok(&b));
	return buf_take(&b);
}
