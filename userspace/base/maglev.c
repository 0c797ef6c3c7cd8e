/* The table is a race. Every backend walks the rows in an order of its own and takes a row if it is free at that very
 * step, not the next free one: a row belongs to whoever comes to it first, which is rendezvous hashing (Thaler &
 * Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 1998) and moves only what must move when
 * a backend comes or goes. Maglev's own population (Eisenbud et al., NSDI 2016, §3.4) gives a backend whose row is
 * taken another one at once, so that one lost turn displaces many.
 *
 * Time. Step k happens at (1/size + 1/(size-1) + ... k terms) / weight, the mean of the k-th of `size` exponential
 * variables of rate `weight`, so the first to arrive is backend i with probability weight_i / sum.
 *
 * Order. Step k visits shift + 1/(first + k * skip) modulo the prime (1/0 = 0). Two such walks meet at two rows at most
 * for any delay between them (four with the zeros), unless both shift and skip are equal. Without the inverse two
 * backends with one skip would trail each other, and the second would find everything taken.
 *
 * Bounds. Chance alone spreads shares by some 7 %. A backend stops at its share + 1/33 (bounded loads: Mirrokni,
 * Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018), and when the free rows are as many as are
 * missing to bring everyone up to share - 1/16, they are left to those who lack them. Why these: docs/decisions/008.
 *
 * Cost. A heap holds every backend's next free row, so only claims pass through it: O(size log n), and walks of
 * size * log(size) steps at most; when few rows are free, a scan of them replaces the walk. All arithmetic is integer
 * or a single IEEE division, so that nodes agree. */
#include "base/maglev.h"
#include "base/hash.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define MAGLEV_MAX_SIZE (1u << 30)
#define SHARE_OVER	33
#define SHARE_UNDER	16
#define CLOCK_ONE	(1ull << 40) /* below 2^45 after 2^30 steps: exact as a double */
#define PHASE_BITS	16

enum draw { DRAW_FIRST, DRAW_SKIP, DRAW_SHIFT, DRAW_PHASE, DRAWS };

struct racer {
	double due;	      /* when it comes to its next free row */
	uint32_t row;	      /* that row */
	uint32_t step, at;    /* at = first + step * skip */
	uint32_t first, skip; /* its walk */
	uint32_t shift, phase;
	uint32_t taken, floor, cap; /* rows */
	uint32_t weight;
	uint16_t id;
	uint64_t hash;
};

struct race {
	uint16_t *rows;
	uint32_t size;
	uint32_t free, owed;   /* rows without owner; rows missing to everyone's floor */
	uint32_t *inverse;     /* modulo size, 0 for 0 */
	uint64_t *clock;       /* time of a step at weight 1, CLOCK_ONE = 1 */
	uint32_t *rest, nrest; /* the free rows and perhaps some more, once they are few */
	struct racer *racers;  /* by identity */
	struct racer **heap;   /* by due */
	size_t n, nheap;
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

static bool is_earlier(const struct racer *a, const struct racer *b)
{
	return a->due != b->due ? a->due < b->due : a < b;
}

static void sift_down(struct racer **heap, size_t n, size_t at)
{
	struct racer *r = heap[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && is_earlier(heap[child + 1], heap[child]))
			child++;
		if (!is_earlier(heap[child], r))
			break;
		heap[at] = heap[child];
	}
	heap[at] = r;
}

static uint32_t wrap(uint32_t sum, uint32_t size)
{
	return sum >= size ? sum - size : sum;
}

static uint32_t multiply(uint32_t a, uint32_t b, uint32_t size)
{
	return (uint32_t)((uint64_t)a * b % size);
}

static void fill_inverse(uint32_t *inverse, uint32_t size)
{
	inverse[0] = 0;
	inverse[1] = 1;
	for (uint32_t i = 2; i < size; i++)
		inverse[i] = multiply(size - size / i, inverse[size % i], size);
}

static void fill_clock(uint64_t *clock, uint32_t size)
{
	clock[0] = 0;
	for (uint32_t k = 0; k < size; k++)
		clock[k + 1] = clock[k] + CLOCK_ONE / (size - k);
}

static uint32_t draw(uint64_t hash, uint64_t repeat, enum draw what, uint32_t below)
{
	return (uint32_t)(hash_bytes(&hash, sizeof(hash), 0x6d61676c65760000ull + repeat * DRAWS + what) % below);
}

/* Equal hashes would walk in step, so a repeated one draws anew. The phase is where between two steps it arrives:
 * equal weights would be on time together. */
static void set_walk(struct racer *r, uint64_t repeat, uint32_t size)
{
	r->first = r->at = draw(r->hash, repeat, DRAW_FIRST, size);
	r->skip = draw(r->hash, repeat, DRAW_SKIP, size - 1) + 1;
	r->shift = draw(r->hash, repeat, DRAW_SHIFT, size);
	r->phase = draw(r->hash, repeat, DRAW_PHASE, 1u << PHASE_BITS);
}

/* Whoever has a right to half a row shall have one. */
static void set_bounds(struct racer *r, uint64_t total, uint32_t size)
{
	uint64_t rows = (uint64_t)size * r->weight;
	uint32_t share = (uint32_t)(rows / total);

	r->cap = share + (rows % total != 0) + share / SHARE_OVER;
	r->floor = share ? share - share / SHARE_UNDER : rows >= total - rows;
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
	for (size_t i = 0; i < race->n; i++) {
		repeat = i && r[i].hash == r[i - 1].hash ? repeat + 1 : 0;
		set_walk(&r[i], repeat, race->size);
		set_bounds(&r[i], total, race->size);
		race->owed += r[i].floor;
	}
}

static void walk(const struct race *race, struct racer *r)
{
	uint32_t size = race->size, step = r->step, at = r->at, row;

	while (race->rows[row = wrap(race->inverse[at] + r->shift, size)] != MAGLEV_NONE) {
		at = wrap(at + r->skip, size);
		step++;
	}
	r->at = at;
	r->step = step;
	r->row = row;
}

/* The same by looking at the free rows: they all lie ahead, and the next one is that with the least step. */
static void scan(struct race *race, struct racer *r)
{
	uint32_t size = race->size, unskip = race->inverse[r->skip];

	r->step = size;
	for (uint32_t i = 0; i < race->nrest;) {
		uint32_t row = race->rest[i], at, step;

		if (race->rows[row] != MAGLEV_NONE) {
			race->rest[i] = race->rest[--race->nrest];
			continue;
		}
		at = race->inverse[wrap(row + size - r->shift, size)];
		step = multiply(wrap(at + size - r->first, size), unskip, size);
		if (step < r->step) {
			r->step = step;
			r->row = row;
		}
		i++;
	}
}

static void list_rest(struct race *race)
{
	for (uint32_t i = 0; i < race->size; i++)
		if (race->rows[i] == MAGLEV_NONE)
			race->rest[race->nrest++] = i;
}

static bool is_sparse(const struct race *race)
{
	return (uint64_t)race->free * race->free <= race->size;
}

static void seek(struct race *race, struct racer *r)
{
	const uint64_t *c = race->clock;

	if (!is_sparse(race)) {
		walk(race, r);
	} else {
		if (!race->nrest)
			list_rest(race);
		scan(race, r);
	}
	c += r->step;
	r->due = (double)(c[0] + ((c[1] - c[0]) * r->phase >> PHASE_BITS)) / r->weight;
}

static void claim(struct race *race, struct racer *r)
{
	race->rows[r->row] = r->id;
	race->free--;
	race->owed -= r->taken < r->floor;
	r->taken++;
}

static bool is_done(const struct race *race, const struct racer *r)
{
	return r->taken == r->cap || (r->taken >= r->floor && race->free <= race->owed);
}

static void run(struct race *race)
{
	for (size_t i = 0; i < race->n; i++) {
		seek(race, &race->racers[i]);
		race->heap[i] = &race->racers[i];
	}
	race->nheap = race->n;
	for (size_t i = race->n / 2; i-- > 0;)
		sift_down(race->heap, race->n, i);
	while (race->free) {
		struct racer *r = race->heap[0];

		if (!is_done(race, r) && race->rows[r->row] == MAGLEV_NONE)
			claim(race, r);
		if (is_done(race, r))
			race->heap[0] = race->heap[--race->nheap];
		else if (race->free)
			seek(race, r);
		sift_down(race->heap, race->nheap, 0);
	}
}

static int prepare(struct race *race, size_t n)
{
	race->inverse = calloc(race->size, sizeof(*race->inverse));
	race->clock = calloc(race->size + 1, sizeof(*race->clock));
	race->rest = calloc(race->size, sizeof(*race->rest));
	race->racers = calloc(n + 1, sizeof(*race->racers));
	race->heap = calloc(n + 1, sizeof(struct racer *));
	if (!race->inverse || !race->clock || !race->rest || !race->racers || !race->heap)
		return -ENOMEM;
	fill_inverse(race->inverse, race->size);
	fill_clock(race->clock, race->size);
	return 0;
}

static void dispose(struct race *race)
{
	free(race->inverse);
	free(race->clock);
	free(race->rest);
	free(race->racers);
	free(race->heap);
}

int maglev_build(uint16_t *rows, size_t size, const struct maglev_backend *backends, size_t n)
{
	struct race race = { .rows = rows, .size = (uint32_t)size, .free = (uint32_t)size };
	int r;

	if (size > MAGLEV_MAX_SIZE || n > MAGLEV_MAX_SIZE || !is_prime(size))
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
