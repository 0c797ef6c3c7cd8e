/* Lines of variants.txt: a name and knobs with values. What a knob's value means for maps (sizes that belong together)
 * is done as the agent does it, in kern/object.c. */
#pragma once
#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>

#define VARIANT_NAME_MAX  32
#define VARIANT_KNOBS_MAX 24
#define VARIANTS_MAX	  64

struct variant {
	char name[VARIANT_NAME_MAX];
	struct {
		char name[48];
		uint64_t value;
	} knob[VARIANT_KNOBS_MAX];
	size_t n;
};

struct variant_list {
	struct variant v[VARIANTS_MAX];
	size_t n;
};

/* 0, or -1 with a line printed that says where the file is wrong. */
int variant_read(struct variant_list *ret, const char *path);

/* Sets an opened object's knobs and the sizes of maps they decide. *ret_rows becomes a descriptor to be closed after
 * the load, if any is needed. -ENOENT: the variant has knobs and none of them is this object's; another -errno
 * otherwise. */
int variant_apply(const struct variant *v, struct bpf_object *o, int *ret_rows);

/* Every knob of the object must be set by some line, so that a new one cannot be forgotten. The number of those that
 * are not. */
int variant_cover(const struct variant_list *l, const struct bpf_object *o, const char *object);
