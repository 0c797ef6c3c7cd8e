/* Builds Ethernet/IP/TCP/UDP frames from a description, with checksums computed in full over the finished bytes:
 * nothing here shares code with the incremental arithmetic under test. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 9216

enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_PSH = 8, F_ACK = 16 };
enum who { NOBODY, CLIENT, ROUTER_MAC, LB, BACKEND_MAC }; /* last byte of the MAC addresses */

/* A field left at zero means its usual value: TTL 64, no options, 10 bytes of payload, ports as given. */
struct shape {
	uint8_t proto;	       /* 6, 17 or another; 0: no packet described */
	const char *src, *dst; /* both IPv4 or both IPv6 */
	uint16_t sport, dport; /* ICMP: sport is type and code, dport is overwritten by the checksum */
	uint8_t flags;	       /* TCP */
	uint8_t ttl;
	uint8_t options;     /* 4-byte words of IP options (NOPs) */
	uint8_t tcp_options; /* the same for TCP */
	uint16_t payload;    /* bytes; 0xffff: none */
	uint16_t pad;	     /* bytes of Ethernet padding behind the packet */
	bool no_udp_csum;
	uint16_t frag;	    /* IPv4's fragment field, host order */
	uint16_t ethertype; /* 0: as the addresses say */
	uint8_t tags;	    /* VLAN tags, 0 to 2: 802.1Q, or 802.1ad and 802.1Q */
	uint16_t vid;	    /* of the outer one; the inner has one more. 0: 100 */
	const char *ext; /* IPv6 extension headers: h, r, d (8 bytes each), D (destination options of 128), f (fragment
			    header of a whole packet), F (of a first fragment), R (routing, a segment left) */
	enum who from, to; /* MACs; 0: CLIENT → LB */
	uint16_t seed;	   /* payload bytes depend on it */
};

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
};

void build(const struct shape *s, struct frame *ret);
/* For tests that put expected bytes together themselves: network order, and the checksum of RFC 1071. */
void build_put16(uint8_t *p, size_t v);
uint16_t build_sum(const uint8_t *p, size_t n);
bool build_same(const struct frame *a, const struct frame *b);
/* Recomputes the checksums of a built frame, after a test changed bytes. */
void build_checksums(struct frame *f, bool no_udp_csum);
/* The IPv4 header's alone. */
void build_ip_checksum(struct frame *f);
/* True when the IPv4 header checksum (IPv6 has none) and the TCP or UDP checksum (a zero UDP one passes) verify over
 * all bytes. */
bool build_verify(const struct frame *f);
