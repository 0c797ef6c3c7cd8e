/* Unit tests of io/timer: every level, laziness, jumps, callbacks that change the wheel, and a comparison with a plain
 * list. */
#include "io/timer.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/rng.h"
#include <stdlib.h>

struct probe {
	struct timer timer;
	struct timer_wheel *wheel;
	unsigned fired;
	uint64_t at_ms;	     /* wheel time of the last firing */
	uint64_t again_ms;   /* set again for this when fired; 0: not */
	struct timer *other; /* cancelled when fired */
};

static void fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	assert_int_equal(t->due_ms, 0);
	assert_int_equal(t->slot_ms, 0);
	p->fired++;
	p->at_ms = p->wheel->now_ms;
	if (p->again_ms)
		timer_set(p->wheel, t, p->again_ms);
	if (p->other)
		timer_cancel(p->wheel, p->other);
}

static struct timer_wheel wheel;

static struct probe make(void)
{
	struct probe p = { .wheel = &wheel };

	return p;
}

/* Moves time as a loop would: only when the wheel asks for it. Returns the number of wake-ups. */
static unsigned run_until(uint64_t now, uint64_t end)
{
	unsigned wakes = 0;

	for (int ms; (ms = timer_wheel_next_ms(&wheel, now)) >= 0 && now + (uint64_t)ms <= end; wakes++) {
		now += (uint64_t)ms;
		timer_wheel_advance(&wheel, now);
	}
	timer_wheel_advance(&wheel, end);
	return wakes;
}

static void test_fires_exactly_when_due(void **state)
{
	static const uint64_t starts[] = { 0, 1, 255, 256, 65535, 0xfffffe, 0xffffff00, 0xffffffff, 0x1ffffffffff };
	static const uint64_t delays[] = { 1,	       2,	    255,	256,	 257,		511,
					   65535,      65536,	    65537,	1 << 24, (1 << 24) + 1, 0xff000000,
					   0xffffffff, 0x100000000, 0x345678912 };

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(starts); s++)
		for (size_t d = 0; d < ARRAY_LEN(delays); d++) {
			struct probe p = make();
			uint64_t due = starts[s] + delays[d];

			timer_wheel_init(&wheel, starts[s]);
			timer_init(&p.timer, fire);
			timer_set(&wheel, &p.timer, due);
			assert_true(run_until(starts[s], due - 1) <= 300);
			assert_int_equal(p.fired, 0);
			run_until(due - 1, due);
			assert_int_equal(p.fired, 1);
			assert_true(p.at_ms == due);
			assert_int_equal(wheel.filed, 0);
			assert_int_equal(timer_wheel_next_ms(&wheel, due), -1);
		}
}

static void test_past_and_zero(void **state)
{
	struct probe p = make(), q = make();

	(void)state;
	timer_wheel_init(&wheel, 1000);
	timer_init(&p.timer, fire);
	timer_init(&q.timer, fire);
	timer_set(&wheel, &p.timer, 5);
	timer_set(&wheel, &q.timer, 0);
	assert_int_equal(timer_wheel_next_ms(&wheel, 1000), 1);
	timer_wheel_advance(&wheel, 1000);
	assert_int_equal(p.fired + q.fired, 0);
	timer_wheel_advance(&wheel, 1001);
	assert_int_equal(p.fired, 1);
	assert_int_equal(q.fired, 1);
	timer_wheel_advance(&wheel, 500); /* time never goes back */
	assert_true(wheel.now_ms == 1001);
}

static void test_later_is_only_noted(void **state)
{
	struct probe p = make();

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&p.timer, fire);
	timer_set(&wheel, &p.timer, 100);
	for (uint64_t t = 1; t < 100; t++)
		timer_set(&wheel, &p.timer, 100 + t);
	assert_int_equal(p.timer.slot_ms, 100);
	timer_wheel_advance(&wheel, 150);
	assert_int_equal(p.fired, 0);
	assert_int_equal(p.timer.slot_ms, 199);
	timer_wheel_advance(&wheel, 199);
	assert_int_equal(p.fired, 1);
	assert_true(p.at_ms == 199);
}

static void test_earlier_moves(void **state)
{
	struct probe p = make();

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&p.timer, fire);
	timer_set(&wheel, &p.timer, 100000);
	timer_set(&wheel, &p.timer, 200000); /* lazily */
	timer_set(&wheel, &p.timer, 150000); /* earlier than wanted, later than filed */
	assert_int_equal(p.timer.slot_ms, 100000);
	timer_set(&wheel, &p.timer, 10);
	assert_int_equal(wheel.filed, 1);
	assert_int_equal(timer_wheel_next_ms(&wheel, 0), 10);
	timer_wheel_advance(&wheel, 10);
	assert_int_equal(p.fired, 1);
	timer_wheel_advance(&wheel, 300000);
	assert_int_equal(p.fired, 1);
}

static void test_cancel(void **state)
{
	struct probe p = make(), q = make();

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&p.timer, fire);
	timer_init(&q.timer, fire);
	timer_cancel(&wheel, &p.timer);
	timer_set(&wheel, &p.timer, 70000);
	timer_set(&wheel, &q.timer, 70000);
	timer_cancel(&wheel, &p.timer);
	timer_cancel(&wheel, &p.timer);
	assert_int_equal(wheel.filed, 1);
	timer_cancel(&wheel, &q.timer);
	assert_int_equal(timer_wheel_next_ms(&wheel, 0), -1);
	for (int l = 0; l < LEVELS; l++)
		for (int i = 0; i < 4; i++)
			assert_true(wheel.occupied[l][i] == 0);
	timer_set(&wheel, &p.timer, 7);
	timer_wheel_advance(&wheel, 100000);
	assert_int_equal(p.fired, 1);
	assert_int_equal(q.fired, 0);
}

static void test_callback_cancels_its_slot_neighbour(void **state)
{
	struct probe p = make(), q = make(), r = make();

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&p.timer, fire);
	timer_init(&q.timer, fire);
	timer_init(&r.timer, fire);
	p.other = &q.timer;
	timer_set(&wheel, &p.timer, 10);
	timer_set(&wheel, &q.timer, 10);
	timer_set(&wheel, &r.timer, 10);
	timer_wheel_advance(&wheel, 10);
	assert_int_equal(p.fired, 1);
	assert_int_equal(q.fired, 0);
	assert_int_equal(r.fired, 1);
	assert_int_equal(wheel.filed, 0);
}

static void test_callback_sets_itself(void **state)
{
	struct probe p = make();

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&p.timer, fire);
	timer_set(&wheel, &p.timer, 10);
	p.again_ms = 500; /* what a loop that woke up late would choose */
	timer_wheel_advance(&wheel, 500);
	assert_int_equal(p.fired, 2);
	assert_true(p.timer.slot_ms == 501); /* asked for a time that has come: next tick, not an endless loop */
	timer_cancel(&wheel, &p.timer);
}

static struct timer *victim;

static void postpone(struct timer *t)
{
	(void)t;
	timer_set(&wheel, victim, wheel.now_ms + 50);
}

static void test_callback_postpones_its_slot_neighbour(void **state)
{
	struct probe q = make();
	struct timer t;

	(void)state;
	timer_wheel_init(&wheel, 0);
	timer_init(&t, postpone);
	timer_init(&q.timer, fire);
	victim = &q.timer;
	timer_set(&wheel, &t, 10);
	timer_set(&wheel, &q.timer, 10);
	timer_wheel_advance(&wheel, 59);
	assert_int_equal(q.fired, 0);
	timer_wheel_advance(&wheel, 60);
	assert_int_equal(q.fired, 1);
}

static void free_self(struct timer *t)
{
	timer_cancel(&wheel, t);
	free(t);
}

static void test_callback_frees_itself(void **state)
{
	(void)state;
	timer_wheel_init(&wheel, 0);
	for (int i = 0; i < 3; i++) {
		struct timer *t = malloc(sizeof(*t));

		timer_init(t, free_self);
		timer_set(&wheel, t, 300);
	}
	timer_wheel_advance(&wheel, 400);
	assert_int_equal(wheel.filed, 0);
}

/* A month at once; walking every millisecond or every slot of it would be felt. */
static void test_long_jump(void **state)
{
	struct probe p[100];

	(void)state;
	for (int round = 0; round < 1000; round++) {
		timer_wheel_init(&wheel, 77);
		for (int i = 0; i < 100; i++) {
			p[i] = make();
			timer_init(&p[i].timer, fire);
			timer_set(&wheel, &p[i].timer, 78 + (uint64_t)i * 25000000);
		}
		timer_wheel_advance(&wheel, 78 + 99ull * 25000000);
		for (int i = 0; i < 100; i++) {
			assert_int_equal(p[i].fired, 1);
			assert_true(p[i].at_ms == 78 + (uint64_t)i * 25000000);
		}
	}
}

#define N 300

/* Random operations against what they mean. */
static void test_against_a_model(void **state)
{
	static struct probe p[N];
	static uint64_t want[N];
	static unsigned fired[N];
	uint64_t now = 0xfffff000;
	struct rng r;

	(void)state;
	rng_seed(&r, 2026);
	timer_wheel_init(&wheel, now);
	for (int i = 0; i < N; i++) {
		p[i] = make();
		timer_init(&p[i].timer, fire);
	}
	for (int step = 0; step < 20000; step++) {
		uint32_t i = rng_below(&r, N), shift = rng_below(&r, 27);

		if (rng_below(&r, 4) == 0) {
			timer_cancel(&wheel, &p[i].timer);
			want[i] = 0;
		} else {
			want[i] = now + 1 + rng_below(&r, 1u << shift);
			timer_set(&wheel, &p[i].timer, want[i]);
		}
		if (rng_below(&r, 3) == 0) {
			int next = timer_wheel_next_ms(&wheel, now);

			now += 1 + rng_below(&r, 1u << rng_below(&r, 20));
			for (int j = 0; j < N; j++)
				assert_true(!want[j] || (next >= 0 && want[j] >= wheel.now_ms + (uint64_t)next));
			timer_wheel_advance(&wheel, now);
		}
		for (int j = 0; j < N; j++)
			if (want[j] && want[j] <= now) {
				assert_int_equal(p[j].fired, ++fired[j]);
				assert_true(p[j].at_ms == want[j]);
				want[j] = 0;
			} else {
				assert_int_equal(p[j].fired, fired[j]);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_exactly_when_due),
		cmocka_unit_test(test_past_and_zero),
		cmocka_unit_test(test_later_is_only_noted),
		cmocka_unit_test(test_earlier_moves),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_callback_cancels_its_slot_neighbour),
		cmocka_unit_test(test_callback_sets_itself),
		cmocka_unit_test(test_callback_postpones_its_slot_neighbour),
		cmocka_unit_test(test_callback_frees_itself),
		cmocka_unit_test(test_long_jump),
		cmocka_unit_test(test_against_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
