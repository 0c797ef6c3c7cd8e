/* Services: shape, per-worker balancers, in-flight accounting. */
#include "backend/service.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

static void balancers_make(struct service *s)
{
	s->balancers = mem_zalloc(s->workers * sizeof(*s->balancers));
	s->rngs = mem_zalloc(s->workers * sizeof(*s->rngs));
	for (unsigned w = 0; w < s->workers; w++) {
		rng_seed(&s->rngs[w], hash_str(str_of(s->name), clock_mono_ns() + w));
		s->balancers[w] = mem_zalloc(s->policy->size + s->ntargets * s->policy->item_size);
		s->policy->init(s->balancers[w], s->items, s->ntargets, &s->rngs[w]);
	}
}

struct service *service_new(const struct service_spec *spec)
{
	struct service *s = mem_zalloc(sizeof(*s));
	atomic_init(&s->refs, 1);
	s->name = mem_strdup(spec->name);
	s->pass_host_header = spec->pass_host_header;
	s->limits = spec->limits;
	s->ntargets = spec->ntargets;
	s->targets = mem_zalloc((spec->ntargets + 1) * sizeof(*s->targets));
	s->items = mem_zalloc((spec->ntargets + 1) * sizeof(*s->items));
	for (size_t i = 0; i < spec->ntargets; i++) {
		s->targets[i] = target_ref(spec->targets[i]);
		s->items[i] = (struct balance_item){ spec->weights[i], &s->targets[i]->up, &s->targets[i]->in_flight,
						     hash_str(str_of(s->targets[i]->name), 0) };
	}
	s->policy = spec->policy;
	s->workers = spec->workers;
	if (s->policy)
		balancers_make(s);
	return s;
}

struct service *service_ref(struct service *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void service_unref(struct service **sp)
{
	struct service *s = take_ptr(*sp);
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned w = 0; s->balancers && w < s->workers; w++)
		free(s->balancers[w]);
	for (size_t i = 0; i < s->ntargets; i++)
		target_unref(&s->targets[i]);
	free(s->balancers);
	free(s->rngs);
	free(s->targets);
	free(s->items);
	free(s->name);
	free(s);
}

struct target *service_pick(struct service *s, unsigned w, uint64_t key, int *ret_item)
{
	int item = s->policy->pick(s->balancers[w], key);
	if (item < 0)
		return NULL;
	atomic_fetch_add_explicit(&s->targets[item]->in_flight, 1, memory_order_relaxed);
	*ret_item = item;
	return s->targets[item];
}

void service_done(struct service *s, unsigned w, int item, uint64_t latency_ns, bool ok)
{
	atomic_fetch_sub_explicit(&s->targets[item]->in_flight, 1, memory_order_relaxed);
	if (s->policy->end)
		s->policy->end(s->balancers[w], item, latency_ns, ok);
}
