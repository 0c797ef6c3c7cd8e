/* Typed access to maps. */
#include "kern/mapio.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "base/mem.h"

#define WORDS_MAX 8

int mapio_read_array(int fd, void *out, uint32_t n, size_t size)
{
	for (uint32_t id = 0; id < n; id++)
		if (bpf_map_lookup_elem(fd, &id, (char *)out + id * size) < 0)
			return -errno;
	return 0;
}

int mapio_put(int fd, uint32_t id, const void *value)
{
	return bpf_map_update_elem(fd, &id, value, BPF_ANY) < 0 ? -errno : 0;
}

int mapio_sum(int fd, uint32_t id, uint64_t *out, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *cells = NULL;

	if (cpus <= 0 || words > WORDS_MAX)
		return -EINVAL;
	cells = mem_zalloc((size_t)cpus * words * sizeof(*cells));
	if (bpf_map_lookup_elem(fd, &id, cells) < 0)
		return -errno;
	memset(out, 0, words * sizeof(*out));
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		out[i % words] += cells[i];
	return 0;
}

int mapio_zero(int fd, uint32_t id, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *cells = NULL;

	if (cpus <= 0 || words > WORDS_MAX)
		return -EINVAL;
	cells = mem_zalloc((size_t)cpus * words * sizeof(*cells));
	return mapio_put(fd, id, cells);
}
