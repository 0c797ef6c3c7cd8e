/* Reading and writing maps by id. Plain wrappers that turn libbpf's errno habits into -errno and sum per-CPU cells. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The first n entries of an array map with values of `size` bytes, into out[n * size]. 0 or -errno. */
int mapio_read_array(int fd, void *out, uint32_t n, size_t size);
int mapio_put(int fd, uint32_t id, const void *value);
/* Sums a per-CPU cell made of `words` 64-bit counters (at most 8) over all CPUs into out. */
int mapio_sum(int fd, uint32_t id, uint64_t *out, size_t words);
/* Sets such a cell to zero on all CPUs. */
int mapio_zero(int fd, uint32_t id, size_t words);
