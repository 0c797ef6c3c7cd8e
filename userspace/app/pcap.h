/* A capture file other tools read: the classic format with nanoseconds, link type Ethernet
 * (draft-ietf-opsawg-pcap-04 §4-5). */
#pragma once
#include <stdint.h>
#include <stdio.h>

/* snap: bytes of a packet that are kept at most. 0 or -errno. */
int pcap_begin(FILE *to, uint32_t snap);
/* wall_ns: since 1970; n bytes of a frame that had len. 0 or -errno. */
int pcap_packet(FILE *to, uint64_t wall_ns, const void *data, uint32_t n, uint32_t len);
