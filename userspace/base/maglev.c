/* Maglev population (§3.4) driven by a heap instead of rounds over all backends: a backend's k-th turn comes in round
 * ceil((k - 1/2) * heaviest / weight), so equal weights give the paper's order exactly, shares are off by at most about
 * half a row, and the work is O(size log n) however skewed the weights are. */
#include "base/maglev.h"
#include "base/hash.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define OFFSET_SEED	0x6d61676c65763031ull
#define SKIP_SEED	0x6d61676c65763032ull
#define MAGLEV_MAX_SIZE (1u << 30)

struct turn {
	uint64_t round; /* of the next claim */
	uint64_t taken; /* claims so far */
	uint64_t row, skip;
	uint64_t hash;
	uint32_t order, weight;
	uint16_t id;
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

static int compare_identity(const void *va, const void *vb)
{
	const struct turn *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static uint64_t turn_round(const struct turn *t, uint64_t heaviest)
{
	uint64_t twice = 2 * (uint64_t)t->weight;

	return ((2 * t->taken + 1) * heaviest + twice - 1) / twice;
}

static bool turn_before(const struct turn *a, const struct turn *b)
{
	return a->round != b->round ? a->round < b->round : a->order < b->order;
}

static void sift_down(struct turn **heap, size_t n, size_t at)
{
	struct turn *t = heap[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && turn_before(heap[child + 1], heap[child]))
			child++;
		if (!turn_before(heap[child], t))
			break;
		heap[at] = heap[child];
	}
	heap[at] = t;
}

/* Equal hashes would walk the same permutation and collide at every step, so a repeated one is perturbed. */
static void set_permutation(struct turn *t, uint64_t repeat, size_t size)
{
	t->row = hash_bytes(&t->hash, sizeof(t->hash), OFFSET_SEED + repeat) % size;
	t->skip = size > 2 ? hash_bytes(&t->hash, sizeof(t->hash), SKIP_SEED + repeat) % (size - 1) + 1 : 1;
}

static void claim_row(struct turn *t, uint16_t *rows, size_t size)
{
	while (rows[t->row] != MAGLEV_NONE)
		t->row = (t->row + t->skip) % size;
	rows[t->row] = t->id;
	t->taken++;
}

/* Copies the backends that have weight into turns, in an order that depends on nothing but them. */
static size_t prepare_turns(struct turn *turns, const struct maglev_backend *backends, size_t n, size_t size)
{
	uint64_t repeat = 0;
	size_t live = 0;

	for (size_t i = 0; i < n; i++)
		if (backends[i].weight)
			turns[live++] = (struct turn){ .hash = backends[i].hash,
						       .id = backends[i].id,
						       .weight = backends[i].weight };
	qsort(turns, live, sizeof(*turns), compare_identity);
	for (size_t i = 0; i < live; i++) {
		repeat = i && turns[i].hash == turns[i - 1].hash ? repeat + 2 : 0;
		set_permutation(&turns[i], repeat, size);
		turns[i].order = (uint32_t)i;
	}
	return live;
}

static uint64_t heaviest_weight(const struct turn *turns, size_t n)
{
	uint64_t heaviest = 0;

	for (size_t i = 0; i < n; i++)
		if (turns[i].weight > heaviest)
			heaviest = turns[i].weight;
	return heaviest;
}

static void fill_rows(uint16_t *rows, size_t size, struct turn *turns, struct turn **heap, size_t n)
{
	uint64_t heaviest = heaviest_weight(turns, n);

	for (size_t i = 0; i < n; i++) {
		turns[i].round = turn_round(&turns[i], heaviest);
		heap[i] = &turns[i];
	}
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	for (size_t filled = 0; filled < size; filled++) {
		claim_row(heap[0], rows, size);
		heap[0]->round = turn_round(heap[0], heaviest);
		sift_down(heap, n, 0);
	}
}

int maglev_build(uint16_t *rows, size_t size, const struct maglev_backend *backends, size_t n)
{
	struct turn *turns, **heap;
	int r = 0;

	if (size > MAGLEV_MAX_SIZE || n > MAGLEV_MAX_SIZE || !is_prime(size))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (backends[i].id == MAGLEV_NONE)
			return -EINVAL;
	turns = calloc(n + 1, sizeof(*turns));
	heap = calloc(n + 1, sizeof(struct turn *));
	if (turns && heap) {
		for (size_t i = 0; i < size; i++)
			rows[i] = MAGLEV_NONE;
		n = prepare_turns(turns, backends, n, size);
		if (n)
			fill_rows(rows, size, turns, heap, n);
	} else {
		r = -ENOMEM;
	}
	free(turns);
	free(heap);
	return r;
}
