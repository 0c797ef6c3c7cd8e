/* What the drivers (drive.bpf.c) and who steers them (rig.c) know of a packet: its first 78 bytes, in pieces that are
 * stored at once. The borders are those of header fields, because a program that soon loads what two stores wrote waits
 * for both to reach the cache, which no packet from a network card makes it do. */
#pragma once
#include <linux/types.h>

struct head {
	__u64 macs; /* bytes 0 to 7 */
	__u32 macs_end;
	__u16 type; /* up to byte 13 */
	__u16 pad;
	__u64 rest[8]; /* IPv4 and TCP are the first five of them, IPv6 and TCP all */
};

/* Where the balancer sent a flow, as it stands in the first IPv4 header of the packet that left. */
struct sent {
	__u32 to;
	__u16 port; /* source; under NAT the one the balancer chose */
	__u16 pad;
};

#define SENT_MAX (1 << 20)
