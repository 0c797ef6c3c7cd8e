/* Packets as they should not be, and those that are none of ours. */
#include "case.h"

/* clang-format off */
/* IPv4 header fields, by offset in the frame. */
static void ihl_4(struct frame *f) { f->b[14] = 0x44; }
static void ihl_15(struct frame *f) { f->b[14] = 0x4f; }
static void version_6(struct frame *f) { f->b[14] = 0x65; }
static void version_5(struct frame *f) { f->b[14] = 0x55; }
static void total_long(struct frame *f) { f->b[16] = 0x7f; }
static void total_plus_1(struct frame *f) { f->b[17]++; }
static void total_short(struct frame *f) { f->b[16] = 0; f->b[17] = 19; }
static void total_in_tcp(struct frame *f) { f->b[16] = 0; f->b[17] = 39; build_ip_checksum(f); }
static void total_in_udp(struct frame *f) { f->b[16] = 0; f->b[17] = 27; build_ip_checksum(f); }
static void doff_4(struct frame *f) { f->b[46] = 0x40; }
static void doff_15(struct frame *f) { f->b[46] = 0xf0; }
static void udp_len_7(struct frame *f) { f->b[38] = 0; f->b[39] = 7; }
static void udp_len_long(struct frame *f) { f->b[38] = 0xff; }

#define OTHER { .proto = 6, .src = CLI, .dst = "198.18.0.99", .sport = 1, .dport = 80, .flags = F_SYN }
#define BAD(why, shape, how) { { .in = shape, .mangle = how, .verdict = XDP_DROP, .reason = LB_R_##why } }
#define CUT(bytes, shape, v, why) { { .in = shape, .cut = bytes, .verdict = v, .reason = LB_R_##why } }
#define TCP_VIP TO_VIP(6, 80, .flags = F_SYN)
#define UDP_VIP TO_VIP(17, 53)

const struct packet_case case_parse[] = {
	{ "ARP", { PASSED(not_ip, TO_VIP(6, 80, .ethertype = 0x0806)) } },
	{ "IPv4 under the type of IPv6", { PASSED(malformed, TO_VIP(6, 80, .ethertype = 0x86dd)) } },
	{ "ARP in a VLAN", { PASSED(not_ip, TO_VIP(6, 80, .ethertype = 0x0806, .tags = 1)) } },
	{ "another address", { PASSED(not_ours, OTHER) } },
	{ "VIP, another port", { PASSED(not_ours, TO_VIP(6, 8443, .flags = F_SYN)) } },
	{ "VIP's TCP port by UDP", { PASSED(not_ours, TO_VIP(17, 80)) } },
	{ "VIP's UDP port by TCP", { PASSED(not_ours, TO_VIP(6, 53, .flags = F_SYN)) } },
	{ "ICMP to the VIP", { PASSED(not_ours, TO_VIP(1, 0)) } },
	{ "the SNAT address without a flow", { PASSED(not_ours, FROM_BACKEND(6, "198.18.1.11", 8080, .flags = F_ACK)) } },

	{ "cut after Ethernet", CUT(14, TCP_VIP, XDP_PASS, malformed) },
	{ "cut after 1 byte of IP", CUT(15, TCP_VIP, XDP_PASS, malformed) },
	{ "cut after 19 bytes of IP", CUT(33, TCP_VIP, XDP_PASS, malformed) },
	{ "cut after IP", CUT(34, TCP_VIP, XDP_DROP, bad_header) },
	{ "cut after ports", CUT(38, TCP_VIP, XDP_DROP, bad_header) },
	{ "cut 1 byte short of the TCP header", CUT(53, TCP_VIP, XDP_DROP, bad_header) },
	{ "cut after the TCP header", CUT(54, TCP_VIP, XDP_DROP, bad_header) },
	{ "cut 1 byte short", CUT(63, TCP_VIP, XDP_DROP, bad_header) },
	{ "UDP cut after 7 bytes", CUT(41, UDP_VIP, XDP_DROP, bad_header) },
	{ "cut, to another address", CUT(40, OTHER, XDP_PASS, malformed) },
	{ "TCP header runs past the IP packet", BAD(truncated, TO_VIP(6, 80, .flags = F_SYN), total_in_tcp) },
	{ "UDP header runs past the IP packet", BAD(truncated, UDP_VIP, total_in_udp) },
	{ "TCP, 19 bytes of it", { { .in = TCP_VIP, .mangle = total_in_tcp, .cut = 53, .verdict = XDP_DROP,
				     .reason = LB_R_truncated } } },

	{ "header length 4", BAD(bad_header, TCP_VIP, ihl_4) },
	{ "header length 15 words, packet shorter", BAD(bad_header, TCP_VIP, ihl_15) },
	{ "IP version 5", BAD(bad_header, TCP_VIP, version_5) },
	{ "IP version 6 in an IPv4 frame", BAD(bad_header, TCP_VIP, version_6) },
	{ "total length far beyond the frame", BAD(bad_header, TCP_VIP, total_long) },
	{ "total length 1 beyond the frame", BAD(bad_header, TCP_VIP, total_plus_1) },
	{ "total length below the header", BAD(bad_header, TCP_VIP, total_short) },
	{ "TCP header length 4", BAD(bad_header, TCP_VIP, doff_4) },
	{ "TCP header longer than the packet", BAD(bad_header, TCP_VIP, doff_15) },
	{ "UDP length 7", BAD(bad_header, UDP_VIP, udp_len_7) },
	{ "UDP length beyond the packet", BAD(bad_header, UDP_VIP, udp_len_long) },
	{ "bad header, another address",
	  { { .in = OTHER, .mangle = ihl_4, .verdict = XDP_PASS, .reason = LB_R_malformed } } },

	{ "first fragment to the VIP",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .frag = 0x2000),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .frag = 0x2000)) } },
	{ "later fragment to the VIP", { DROPPED(fragment, TO_VIP(17, 53, .frag = 0x0010)) } },
	{ "fragment to another address",
	  { PASSED(not_ours, { .proto = 17, .src = CLI, .dst = "198.18.0.99", .dport = 53, .frag = 0x2000 }) } },
	{ "don't-fragment is no fragment",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .frag = 0x4000),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .frag = 0x4000)) } },
	{ "SYN+FIN", { DROPPED(bad_flags, TO_VIP(6, 80, .flags = F_SYN | F_FIN)) } },
	{ "SYN+RST", { DROPPED(bad_flags, TO_VIP(6, 80, .flags = F_SYN | F_RST)) } },
	{ "SYN+FIN elsewhere",
	  { PASSED(not_ours, { .proto = 6, .src = CLI, .dst = "198.18.0.99", .dport = 80, .flags = F_SYN | F_FIN }) } },
	{ NULL },
};
/* clang-format on */
