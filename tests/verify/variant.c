/* Knobs are found by name through the object's BTF, so this knows nothing of their list. */
#include "variant.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOB	   "knob_"
#define RODATA_MAX 4096

static int complain(const char *path, int line, const char *what)
{
	printf("FAIL %s:%d: %s\n", path, line, what);
	return -1;
}

static int parse_line(struct variant *v, char *text, const char *path, int line)
{
	char *save, *word = strtok_r(text, " \t\n", &save), *end;

	snprintf(v->name, sizeof(v->name), "%s", word);
	while ((word = strtok_r(NULL, " \t\n", &save))) {
		char *eq = strchr(word, '=');

		if (!eq || v->n == VARIANT_KNOBS_MAX)
			return complain(path, line, "a knob is written name=value, 24 at most");
		*eq = '\0';
		snprintf(v->knob[v->n].name, sizeof(v->knob[v->n].name), KNOB "%s", word);
		v->knob[v->n++].value = strtoull(eq + 1, &end, 0);
		if (*end || end == eq + 1)
			return complain(path, line, "not a number");
	}
	return 0;
}

int variant_read(struct variant_list *ret, const char *path)
{
	FILE *f = fopen(path, "re");
	char text[512];
	int line = 0, r = 0;

	if (!f)
		return complain(path, 0, strerror(errno));
	while (r == 0 && fgets(text, sizeof(text), f)) {
		line++;
		if (text[0] == '#' || text[strspn(text, " \t\n")] == '\0')
			continue;
		if (ret->n == VARIANTS_MAX)
			r = complain(path, line, "too many lines");
		else
			r = parse_line(&ret->v[ret->n++], text, path, line);
	}
	fclose(f);
	return r;
}

static struct bpf_map *rodata_of(const struct bpf_object *o)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o)
	{
		const char *name = bpf_map__name(m);
		size_t n = strlen(name);

		if (bpf_map__is_internal(m) && n >= 7 && !strcmp(name + n - 7, ".rodata"))
			return m;
	}
	return NULL;
}

/* The type that describes section .rodata: its members are the variables with their places. */
static const struct btf_type *section_of(const struct btf *btf)
{
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;

	return id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
}

static const char *var_name(const struct btf *btf, const struct btf_var_secinfo *v)
{
	return btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);
}

/* Writes it; -ENOENT if the object has no such variable. */
static int set_knob(const struct bpf_object *o, const char *name, uint64_t value)
{
	const struct btf *btf = bpf_object__btf(o);
	const struct btf_type *section = section_of(btf);
	struct bpf_map *map = rodata_of(o);
	size_t size = 0;
	const void *now = map ? bpf_map__initial_value(map, &size) : NULL;
	char data[RODATA_MAX];

	if (!section || !now)
		return -ENOENT;
	if (size > sizeof(data))
		return -E2BIG;
	memcpy(data, now, size);
	for (int i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(section) + i;

		if (strcmp(var_name(btf, v), name) != 0)
			continue;
		if (v->size > sizeof(value) || (size_t)v->offset + v->size > size)
			return -EINVAL;
		memcpy(data + v->offset, &value, v->size); /* little endian */
		return bpf_map__set_initial_value(map, data, size);
	}
	return -ENOENT;
}

/* Tables have as many buckets as their knob says, and the template of the inner maps the size of a Maglev table. */
static int set_size(struct bpf_object *o, const char *name, uint64_t value, int *ret_rows)
{
	static const char *const table[][2] = { { KNOB "flow_buckets", "flows" },
						{ KNOB "source_buckets", "sources" },
						{ KNOB "address_buckets", "addresses" },
						{ KNOB "port_buckets", "ports" } };
	struct bpf_map *maglev = bpf_object__find_map_by_name(o, "maglev");

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(o, table[i][1]);

		if (map && !strcmp(name, table[i][0]))
			return bpf_map__set_max_entries(map, (__u32)value);
	}
	if (!maglev || strcmp(name, KNOB "maglev_size") != 0)
		return 0;
	*ret_rows = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rows", 4, (__u32)value * 6, 1, NULL);
	return *ret_rows < 0 ? -errno : bpf_map__set_inner_map_fd(maglev, *ret_rows);
}

int variant_apply(const struct variant *v, struct bpf_object *o, int *ret_rows)
{
	size_t set = 0;

	for (size_t i = 0; i < v->n; i++) {
		int r = set_knob(o, v->knob[i].name, v->knob[i].value);

		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = set_size(o, v->knob[i].name, v->knob[i].value, ret_rows);
		if (r < 0)
			return r;
		set++;
	}
	return v->n > 0 && set == 0 ? -ENOENT : 0;
}

static int is_set(const struct variant_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->v[i].n; k++)
			if (!strcmp(l->v[i].knob[k].name, name))
				return 1;
	return 0;
}

int variant_cover(const struct variant_list *l, const struct bpf_object *o, const char *object)
{
	const struct btf *btf = bpf_object__btf(o);
	const struct btf_type *section = section_of(btf);
	int missing = 0;

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const char *name = var_name(btf, btf_var_secinfos(section) + i);

		if (strncmp(name, KNOB, strlen(KNOB)) == 0 && !is_set(l, name)) {
			printf("FAIL %s: no line of variants.txt sets %s\n", object, name + strlen(KNOB));
			missing++;
		}
	}
	return missing;
}
