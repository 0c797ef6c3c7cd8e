/* The table is a race. Every backend visits the rows in an order of its own, at a pace in proportion to its weight, and
 * a row belongs to whoever comes to it first. That is rendezvous hashing (Thaler & Ravishankar, "Using name-based
 * mappings to increase hit rates", IEEE/ACM ToN 1998), which moves only what must move when a backend comes or goes.
 * Maglev's own population (Eisenbud et al., NSDI 2016, §3.4) gives a backend whose row is taken another one at once, so
 * that one lost turn displaces many.
 *
 * Time. A step takes 1 / (weight * rows not yet visited), the mean of what comes next among as many exponential
 * variables of rate `weight`, so the first to come to a row is backend i with probability weight_i / sum.
 *
 * Order. Step k visits bend(first + k * skip modulo the prime), where bend() trades places in a way of the backend's
 * own. Without it, of two backends with one skip the second would trail the first and find everything taken.
 *
 * Bounds. Chance alone spreads shares by some 7 %. Who comes first to more than its share + 1/33 gives the latest of
 * them up (bounded loads: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018), and
 * those are raced for again in further heats: by those who have less than their share - 1/16, then by all who have
 * room. Each backend rounds its bounds to whole rows at a point of its own, lest one backend more or less make all of
 * them change by a row. Why these bounds: docs/decisions/008.
 *
 * Cost. Coming first is a minimum, so the backends need no common clock: they walk one after the other. They walk until
 * about one row per backend is without visitor; from such a row, the step at which each backend comes there is found
 * backwards. That makes about size * (1 + ln backends) steps; further heats are for few rows. How far they walk is the
 * only thing that floating point decides, and no row depends on it, so nodes agree. */
#include "base/maglev.h"
#include "base/hash.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGLEV_MAX_SIZE	    (1u << 20) /* of longer walks the clock could not tell the steps apart */
#define MAGLEV_MAX_BACKENDS (1u << RACER_BITS)
#define SHARE_OVER	    33
#define SHARE_UNDER	    16
#define FINE_BITS	    10 /* of the fraction of a row, or of a step */
#define FINE_ONE	    (1u << FINE_BITS)
#define CLOCK_ONE	    (1u << 27) /* when one at pace 1 has visited all but 1/e of the rows; all: before 16 */
#define CLOCK_BITS	    10	       /* a walk has about that power of two of ticks */
#define RACER_BITS	    16	       /* of a claim, the lowest */
#define PACE_ONE	    (1ull << 32)
#define HOPELESS	    (1ull << 63) /* after the last step at pace 1: 16 * CLOCK_ONE * PACE_ONE */
#define UNCLAIMED	    UINT64_MAX
#define SETTLED		    0 /* no claim is earlier */

enum draw { DRAW_FIRST, DRAW_SKIP, DRAW_KEY, DRAW_PHASE, DRAW_ROUND, DRAWS };

/* A number to multiply with modulo size, and what spares the division: 2^32 / size of it (Shoup's trick). */
struct factor {
	uint32_t by, quotient;
};

struct tick {
	uint32_t start, each; /* CLOCK: when its first step begins, and how long each of its steps takes */
};

struct racer {
	uint64_t hash;
	uint32_t index, weight;
	uint16_t id;
	uint32_t first, skip, key; /* its walk */
	struct factor unskip;	   /* divides by skip */
	uint32_t phase;		   /* FINE: when in a step it visits; else equal weights would be on time together */
	uint32_t round;		   /* FINE: added before a bound is cut off to whole rows */
	uint64_t share;		   /* FINE */
	uint32_t floor, cap;	   /* rows it should have, and may not exceed */
	uint32_t rows, room;	   /* it has for good; it may get in this heat. Without room it does not run */
	uint32_t claims;	   /* rows it is first at in this heat */
	uint64_t pace;		   /* PACE: the time a step takes it, for the heaviest in this heat 1 */
	uint64_t end;		   /* the earliest claim that it has no room for */
	uint64_t *claimed;	   /* behind its claims, if it has not room for all */
};

/* A claim is the time of a visit with the racer's index below, so the lesser one came first. */
struct race {
	uint16_t *rows;
	uint32_t size;
	uint32_t bend_bits, bend_end;
	unsigned tick_bits; /* a tick is this power of two of steps */
	struct tick *ticks;
	uint64_t *claims;      /* of each row: UNCLAIMED, the earliest, or SETTLED */
	uint32_t *free, nfree; /* rows to race for; not listed while they are all */
	uint32_t *late;	       /* place for the free rows that no walk came to */
	uint64_t *sorting;     /* place for the claims of those who have not room for all */
	struct racer *racers;  /* by identity */
	uint32_t n;
};

static bool is_prime(size_t n)
{
	if (n < 2)
		return false;
	for (size_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return true;
}

/* Ids come last: they differ between instances. Only twins in hash and weight are told apart by them. */
static int compare_identity(const void *va, const void *vb)
{
	const struct racer *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static uint32_t wrap(uint32_t sum, uint32_t size)
{
	return sum >= size ? sum - size : sum;
}

static struct factor factor_of(uint32_t by, uint32_t size)
{
	return (struct factor){ by, (uint32_t)(((uint64_t)by << 32) / size) };
}

static uint32_t multiply(uint32_t x, struct factor f, uint32_t size)
{
	return wrap(x * f.by - (uint32_t)((uint64_t)x * f.quotient >> 32) * size, size);
}

/* Euclid's algorithm; a is not 0 modulo the prime. */
static uint32_t inverse(uint32_t a, uint32_t prime)
{
	int64_t x = 1, y = 0;

	for (uint32_t b = prime, rest; a > 1; a = rest) {
		int64_t last = x;

		x = y - (int64_t)(b / a) * x;
		y = last;
		rest = b % a;
		b = a;
	}
	return (uint32_t)(x < 0 ? x + prime : x);
}

/* Trades places within blocks of about sqrt(size) numbers, in each block in another way; undoes itself. What is behind
 * the last whole block stays. */
static uint32_t bend(const struct race *race, const struct racer *r, uint32_t x)
{
	return x < race->bend_end ? x ^ (x >> race->bend_bits) * r->key >> (32 - race->bend_bits) : x;
}

/* The steps of a tick take as long as the one in the middle should. All even: see claim_of_step(). */
static void fill_ticks(struct race *race)
{
	uint32_t steps = 1u << race->tick_bits, at = 0;

	for (uint32_t i = 0, k = 0; k < race->size; i++, k += steps) {
		uint32_t end = k + steps < race->size ? k + steps : race->size;

		race->ticks[i] = (struct tick){ at, CLOCK_ONE / (2 * race->size - k - end) * 2 };
		at += (end - k) * race->ticks[i].each;
	}
}

static inline uint64_t at_pace(uint32_t time, uint64_t pace)
{
	uint64_t ret;

	return __builtin_mul_overflow(time, pace, &ret) || ret > HOPELESS ? HOPELESS : ret;
}

/* A visit is never on the stroke: at 0 the lightest would be as early as the heaviest. */
static inline uint64_t claim_of_step(const struct race *race, const struct racer *r, uint32_t step)
{
	const struct tick *t = &race->ticks[step >> race->tick_bits];
	uint32_t within = step & ((1u << race->tick_bits) - 1);
	uint32_t phase = (uint32_t)((uint64_t)t->each * r->phase >> FINE_BITS) | 1;

	return at_pace(t->start + within * t->each + phase, r->pace) | r->index;
}

/* No branch: which of two came first is anybody's guess, and a wrong one costs more than a store. */
static void make_claim(uint64_t *at, uint64_t claim)
{
	uint64_t old = *at;

	*at = claim < old ? claim : old;
}

/* Claims what a racer visits before `end`, at most HOPELESS. Race and racer are copies, which no store changes. */
static void walk(const struct race race, const struct racer r, uint64_t end)
{
	uint32_t steps = 1u << race.tick_bits, at = r.first;

	for (uint32_t step = 0; step < race.size; step += steps) {
		uint64_t claim = claim_of_step(&race, &r, step);
		uint64_t each = at_pace(race.ticks[step >> race.tick_bits].each, r.pace);
		uint32_t n = race.size - step < steps ? race.size - step : steps;

		for (uint32_t i = 0; i < n; i++, claim += each) {
			if (claim >= end)
				return;
			make_claim(&race.claims[bend(&race, &r, at)], claim);
			at = wrap(at + r.skip, race.size);
		}
	}
}

static uint32_t step_to(const struct race *race, const struct racer *r, uint32_t row)
{
	return multiply(wrap(bend(race, r, row) + race->size - r->first, race->size), r->unskip, race->size);
}

static void visit_late(const struct race race, const struct racer r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = race.late[i];

		make_claim(&race.claims[row], claim_of_step(&race, &r, step_to(&race, &r, row)));
	}
}

static uint32_t free_row(const struct race *race, uint32_t i)
{
	return race->nfree == race->size ? i : race->free[i];
}

/* Near enough: it decides on the cost only. */
static float natural_log(uint64_t x)
{
	unsigned whole = 63 - (unsigned)__builtin_clzll(x);

	return 0.6931f * ((float)whole + (float)x / (float)(1ull << whole) - 1);
}

/* Until the free rows without visitor, e^(-time * rate of all) of them, times the racers are half as many as all rows:
 * from then on it costs more to walk to such a row than to look at all racers from there. A look costs two steps. */
static uint64_t walking_time(const struct race *race)
{
	uint64_t racers = 0, visits;
	float rate = 0; /* the greatest is 1 */

	for (uint32_t i = 0; i < race->n; i++) {
		if (!race->racers[i].room)
			continue;
		rate += (float)PACE_ONE / (float)race->racers[i].pace;
		racers++;
	}
	visits = 2 * racers * race->nfree / race->size;
	return visits ? (uint64_t)(natural_log(visits) / rate * CLOCK_ONE) * PACE_ONE : 0;
}

static void set_paces(struct race *race)
{
	uint64_t heaviest = 0;

	for (uint32_t i = 0; i < race->n; i++)
		if (race->racers[i].room && race->racers[i].weight > heaviest)
			heaviest = race->racers[i].weight;
	for (uint32_t i = 0; i < race->n; i++)
		race->racers[i].pace = (heaviest << RACER_BITS) / race->racers[i].weight << RACER_BITS;
}

static struct racer *winner(const struct race *race, uint64_t claim)
{
	return &race->racers[claim & (MAGLEV_MAX_BACKENDS - 1)];
}

static void count_claims(struct race *race)
{
	for (uint32_t i = 0; i < race->n; i++)
		race->racers[i].claims = 0;
	for (uint32_t i = 0; i < race->nfree; i++)
		winner(race, race->claims[free_row(race, i)])->claims++;
}

/* Leaves on every free row the earliest claim of those who have room. */
static void heat(struct race *race)
{
	uint64_t end;
	uint32_t nlate = 0;

	set_paces(race);
	end = walking_time(race);
	for (uint32_t i = 0; i < race->n; i++)
		if (race->racers[i].room)
			walk(*race, race->racers[i], end);
	for (uint32_t i = 0; i < race->nfree; i++)
		if (race->claims[free_row(race, i)] == UNCLAIMED)
			race->late[nlate++] = free_row(race, i);
	for (uint32_t i = 0; i < race->n; i++)
		if (race->racers[i].room)
			visit_late(*race, race->racers[i], nlate);
	count_claims(race);
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t x = *a;

	*a = *b;
	*b = x;
}

/* The k-th least (from 0) of different numbers. They are in order of rows, and of some walks also in that of time, so
 * the middle one is no bad pivot. */
static uint64_t select_least(uint64_t *v, uint32_t n, uint32_t k)
{
	for (;;) {
		uint32_t less = 0;

		swap(&v[n / 2], &v[n - 1]);
		for (uint32_t i = 0; i + 1 < n; i++) {
			swap(&v[i], &v[less]);
			less += v[less] < v[n - 1];
		}
		swap(&v[less], &v[n - 1]);
		if (less == k)
			return v[k];
		if (k < less) {
			n = less;
			continue;
		}
		v += less + 1;
		n -= less + 1;
		k -= less + 1;
	}
}

/* Finds the earliest claim that each racer has no room for. */
static void set_ends(struct race *race)
{
	uint64_t *next = race->sorting;

	for (struct racer *r = race->racers; r < race->racers + race->n; r++) {
		r->end = UNCLAIMED;
		r->claimed = r->claims > r->room ? next : NULL;
		next += r->claimed ? r->claims : 0;
	}
	for (uint32_t i = 0; i < race->nfree; i++) {
		uint64_t claim = race->claims[free_row(race, i)];
		struct racer *r = winner(race, claim);

		if (r->claimed)
			*r->claimed++ = claim;
	}
	for (struct racer *r = race->racers; r < race->racers + race->n; r++) {
		if (r->claimed)
			r->end = select_least(r->claimed - r->claims, r->claims, r->room);
		r->rows += r->claimed ? r->room : r->claims;
	}
}

/* Racers get the rows they were first at, the earliest ones if there is not room for all; the rest is free again. */
static void settle(struct race *race)
{
	uint32_t left = 0;

	set_ends(race);
	for (uint32_t i = 0; i < race->nfree; i++) {
		uint32_t row = free_row(race, i);
		const struct racer *r = winner(race, race->claims[row]);

		if (race->claims[row] < r->end) {
			race->rows[row] = r->id;
			race->claims[row] = SETTLED;
		} else {
			race->claims[row] = UNCLAIMED;
			race->free[left++] = row;
		}
	}
	race->nfree = left;
}

static uint32_t excess(uint32_t rows, uint32_t bound)
{
	return rows > bound ? rows - bound : 0;
}

/* With no slack it is the share, cut off: what all above it have too much is enough for all who are below it. */
static uint32_t cap_with(const struct racer *r, uint32_t slack)
{
	uint64_t most = (uint64_t)r->cap * FINE_ONE;
	uint32_t cap = (uint32_t)((r->share + (most - r->share) * slack / FINE_ONE) / FINE_ONE);

	return cap > r->floor ? cap : r->floor;
}

static uint64_t rows_over(const struct race *race, uint32_t slack)
{
	uint64_t over = 0;

	for (uint32_t i = 0; i < race->n; i++)
		over += excess(race->racers[i].claims, cap_with(&race->racers[i], slack));
	return over;
}

/* As much as leaves enough rows for those who lack them. */
static uint32_t find_slack(const struct race *race)
{
	uint32_t slack = 0;
	uint64_t lacking = 0;

	for (uint32_t i = 0; i < race->n; i++)
		lacking += excess(race->racers[i].floor, race->racers[i].claims);
	if (rows_over(race, FINE_ONE) >= lacking)
		return FINE_ONE;
	for (uint32_t bit = FINE_ONE / 2; bit; bit /= 2)
		if (rows_over(race, slack + bit) >= lacking)
			slack += bit;
	return slack;
}

/* The heat in which everyone runs for all rows. */
static void first_heat(struct race *race)
{
	uint32_t slack;

	for (uint32_t i = 0; i < race->n; i++)
		race->racers[i].room = race->size;
	heat(race);
	slack = find_slack(race);
	for (uint32_t i = 0; i < race->n; i++)
		race->racers[i].room = cap_with(&race->racers[i], slack);
	settle(race);
}

/* Who has room races for what is free. */
static bool admit(struct race *race, bool to_floor)
{
	bool any = false;

	for (uint32_t i = 0; i < race->n; i++) {
		struct racer *r = &race->racers[i];

		r->room = excess(to_floor ? r->floor : r->cap, r->rows);
		any |= r->room > 0;
	}
	return any;
}

static void fill(struct race *race, bool to_floor)
{
	while (race->nfree && admit(race, to_floor)) {
		heat(race);
		settle(race);
	}
}

static uint32_t draw(uint64_t hash, uint64_t repeat, enum draw what, uint32_t below)
{
	return (uint32_t)(hash_bytes(&hash, sizeof(hash), 0x6d61676c65760000ull + repeat * DRAWS + what) % below);
}

/* Equal hashes would walk in step, so a repeated one draws anew. */
static void set_walk(struct racer *r, uint64_t repeat, uint32_t size)
{
	r->first = draw(r->hash, repeat, DRAW_FIRST, size);
	r->skip = draw(r->hash, repeat, DRAW_SKIP, size - 1) + 1;
	r->unskip = factor_of(inverse(r->skip, size), size);
	r->key = draw(r->hash, repeat, DRAW_KEY, UINT32_MAX) | 1;
	r->phase = draw(r->hash, repeat, DRAW_PHASE, FINE_ONE);
	r->round = draw(r->hash, repeat, DRAW_ROUND, FINE_ONE);
}

/* Caps are enough for all rows, floors no more than all rows, but whoever has a right to half a row shall have one. */
static void set_bounds(struct racer *r, uint64_t total, uint32_t size)
{
	uint64_t rows = (uint64_t)size * r->weight;
	uint32_t least = (uint32_t)(rows / total), most = least + (rows % total != 0);

	r->share = rows * FINE_ONE / total;
	r->cap = (uint32_t)((r->share + r->share / SHARE_OVER + r->round) / FINE_ONE);
	if (r->cap < most)
		r->cap = most;
	r->floor = (uint32_t)((r->share - r->share / SHARE_UNDER + r->round) / FINE_ONE);
	if (r->floor > least)
		r->floor = least;
	if (!r->floor && 2 * rows >= total)
		r->floor = 1;
}

/* Copies the backends that have weight into racers, in an order that depends on nothing but them. */
static void enlist(struct race *race, const struct maglev_backend *backends, size_t n)
{
	struct racer *r = race->racers;
	uint64_t total = 0, repeat = 0;

	for (size_t i = 0; i < n; i++) {
		if (!backends[i].weight)
			continue;
		r[race->n++] =
			(struct racer){ .hash = backends[i].hash, .id = backends[i].id, .weight = backends[i].weight };
		total += backends[i].weight;
	}
	qsort(r, race->n, sizeof(*r), compare_identity);
	for (uint32_t i = 0; i < race->n; i++) {
		repeat = i && r[i].hash == r[i - 1].hash ? repeat + 1 : 0;
		r[i].index = i;
		set_walk(&r[i], repeat, race->size);
		set_bounds(&r[i], total, race->size);
	}
}

static int prepare(struct race *race, size_t n)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(race->size);

	race->bend_bits = (bits + 1) / 2;
	race->bend_end = race->size >> race->bend_bits << race->bend_bits;
	race->tick_bits = bits > CLOCK_BITS ? bits - CLOCK_BITS : 0;
	race->ticks = calloc((race->size >> race->tick_bits) + 1, sizeof(*race->ticks));
	race->claims = calloc(race->size, sizeof(*race->claims));
	race->free = calloc(race->size, sizeof(*race->free));
	race->late = calloc(race->size, sizeof(*race->late));
	race->sorting = calloc(race->size, sizeof(*race->sorting));
	race->racers = calloc(n + 1, sizeof(*race->racers));
	if (!race->ticks || !race->claims || !race->free || !race->late || !race->sorting || !race->racers)
		return -ENOMEM;
	memset(race->claims, 0xff, race->size * sizeof(*race->claims)); /* UNCLAIMED */
	fill_ticks(race);
	return 0;
}

static void dispose(struct race *race)
{
	free(race->ticks);
	free(race->claims);
	free(race->free);
	free(race->late);
	free(race->sorting);
	free(race->racers);
}

static void run(struct race *race)
{
	first_heat(race);
	fill(race, true);
	fill(race, false);
}

int maglev_build(uint16_t *rows, size_t size, const struct maglev_backend *backends, size_t n)
{
	struct race race = { .rows = rows, .size = (uint32_t)size, .nfree = (uint32_t)size };
	int r;

	if (size > MAGLEV_MAX_SIZE || n > MAGLEV_MAX_BACKENDS || !is_prime(size))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (backends[i].id == MAGLEV_NONE)
			return -EINVAL;
	r = prepare(&race, n);
	if (r == 0) {
		for (size_t i = 0; i < size; i++)
			rows[i] = MAGLEV_NONE;
		enlist(&race, backends, n);
		if (race.n)
			run(&race);
	}
	dispose(&race);
	return r;
}
