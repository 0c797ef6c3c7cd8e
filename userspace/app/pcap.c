/* Fields are in this host's byte order; the magic number tells readers which that is. */
#include "app/pcap.h"
#include <errno.h>
#include "base/clock.h"

#define MAGIC_NS      0xa1b23c4d
#define LINK_ETHERNET 1

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snap;
	uint32_t link;
};

struct packet_header {
	uint32_t seconds, nanoseconds;
	uint32_t captured, original;
};

static int put(FILE *to, const void *p, size_t n)
{
	errno = 0;
	return n == 0 || fwrite(p, n, 1, to) == 1 ? 0 : errno ? -errno : -EIO;
}

int pcap_begin(FILE *to, uint32_t snap)
{
	const struct file_header h = { .magic = MAGIC_NS, .major = 2, .minor = 4, .snap = snap, .link = LINK_ETHERNET };

	return put(to, &h, sizeof(h));
}

int pcap_packet(FILE *to, uint64_t wall_ns, const void *data, uint32_t n, uint32_t len)
{
	const struct packet_header h = {
		.seconds = (uint32_t)(wall_ns / NS_PER_S),
		.nanoseconds = (uint32_t)(wall_ns % NS_PER_S),
		.captured = n,
		.original = len < n ? n : len,
	};
	int r = put(to, &h, sizeof(h));

	return r < 0 ? r : put(to, data, n);
}
