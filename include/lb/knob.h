/* Load-time constants of the BPF programs: X(type, name, default, doc). They live in .rodata, so the verifier sees
 * their values. */
#pragma once

/* clang-format off */
#define LB_KNOBS(X)                                                                                                        \
	X(__u32, maglev_size, 65537, "rows of a Maglev table; prime; inner maps have 6 bytes for each")             \
	X(__u32, flow_buckets, 16384, "buckets of the flow table; a power of two, equal to the map's size")                \
	X(__u32, address_buckets, 1024, "buckets of the table of addresses; a power of two, equal to the map's size")      \
	X(__u32, port_buckets, 1024, "buckets of the table of ports; a power of two, equal to the map's size")             \
	X(__u32, jiffies_second, 250, "jiffies in a second (the kernel's HZ)")                                             \
	X(__u32, udp_idle, 60, "seconds after which a silent UDP flow may move and its port be taken")                     \
	X(__u32, tcp_idle, 7440, "seconds after which a silent TCP connection's port may be taken (RFC 5382 REQ-5)")       \
	X(__u32, tcp_opening, 30, "the same for a connection whose handshake never finished")                              \
	X(__u32, tcp_closed, 1, "the same for a connection that was closed or reset")                                      \
	X(__u16, snat_port_lo, 10000, "first source port used towards backends")                                           \
	X(__u16, snat_port_hi, 32767, "last source port used towards backends")                                            \
	X(__u32, guard_prefixes, 0, "1: sources are looked for in the trie of prefixes")                                   \
	X(__u32, source_buckets, 1, "buckets of the table of sources; a power of two, equal to the map's size")            \
	X(__u64, packet_cost, 0, "time per packet that a source may send, in jiffies / 2^24; 0: no limit")                 \
	X(__u64, packet_room, 0, "that of the packets it may send at once, but for one")                                   \
	X(__u64, connection_cost, 0, "the same for its new connections")                                                   \
	X(__u64, connection_room, 0, "the same for its new connections")                                                   \
	X(__u32, syn_cookies, 0, "SYNs to listeners per second and CPU beyond which they get cookies; 0: never")
/* clang-format on */
