/* Prefix files: success or errors, never both or neither, and prefixes without host bits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "conf/prefix_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_prefix(const struct prefix *p)
{
	for (unsigned bit = p->len; bit < 128; bit++)
		if (p->addr.b[bit / 8] & 0x80 >> bit % 8)
			abort();
	if (p->len > 128)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("prefixes", MFD_CLOEXEC);
	struct prefix_set set = { 0 };
	struct err_list errs;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	err_init(&errs);
	if ((prefix_file_read(path, (struct place){ 0 }, "key", &set, &errs) == 0) != (errs.errors == 0))
		abort();
	if (errs.errors > 22)
		abort();
	for (size_t i = 0; i < set.n; i++)
		check_prefix(&set.v[i]);
	prefix_set_free(&set);
	err_free(&errs);
	return 0;
}
