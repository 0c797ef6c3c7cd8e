/* What packet costs are measured with. BPF_PROG_TEST_RUN does not restore the packet between repeats, so a driver
 * writes the head of the packet anew each time, moves on to the next flow, and calls the program under test by a tail
 * call out of a sub-program, which therefore returns to it; then it takes off again what was put before the packet. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "kit/csum.h"
#include "kit/verifier.h"
#include "head.h"

#define IPV4_HEAD 54 /* Ethernet, IPv4, TCP */
#define IPV6_HEAD 78 /* and 4 bytes of payload, since whole words are written */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} target SEC(".maps");

/* Set by rig.c; byte order is that of the packet. */
struct head head; /* source address, what varies of the ports, and the IPv4 checksum are zero */
__u32 source;	  /* IPv4 source address without its last 16 bits */
__u32 sum;	  /* of the IPv4 header as it is in head */
__u32 frame_len;
__u32 flow_mask; /* number of flows - 1 */

__u32 turn;		    /* packets so far */
int grown;		    /* bytes the last packet was longer when it came back */
__u64 arrived;		    /* at the sink */
struct sent sent[SENT_MAX]; /* by turn */

/* ---- flows: scrambled by an odd multiplier, so that neighbours in time are strangers in any table ---- */

INLINE __u32 next_flow(void)
{
	return turn++ * 0x9e3779b1u & flow_mask;
}

/* Up to 2^31 flows differ: the port says the low 15 bits, and these follow from the address with their help. */
INLINE __u64 flow_address(__u32 flow)
{
	return (flow >> 15 ^ flow * 5) & 0xffff;
}

/* Never below 32768 as the wire's byte order reads it. */
INLINE __u64 flow_port(__u32 flow)
{
	return (flow & 0x7f) | (flow & 0x7f80) << 1 | 0x80;
}

/* ---- heads ---- */

INLINE void put_ethernet(__u8 *p)
{
	*(__u64 *)p = head.macs;
	*(__u32 *)(p + 8) = head.macs_end;
	*(__u16 *)(p + 12) = head.type;
}

INLINE void put_rest(__u8 *p, int i, __u64 with)
{
	*(__u64 *)(p + ETH_HLEN + i * 8) = head.rest[i] | with;
}

/* ports: what varies of them, at its place in a word of the destination address and both. */
INLINE int put_ip4(struct xdp_md *ctx, __u32 from, __u64 ports)
{
	__u8 *p = (void *)(long)ctx->data;
	__u64 check;

	if (p + IPV4_HEAD > (__u8 *)(long)ctx->data_end)
		return 0;
	check = (__u16)~csum_fold((__u64)sum + from);
	put_ethernet(p);
	put_rest(p, 0, 0);
	put_rest(p, 1, check << 16 | (__u64)from << 32);
	put_rest(p, 2, ports);
	put_rest(p, 3, 0);
	put_rest(p, 4, 0);
	return 1;
}

INLINE int put_flow4(struct xdp_md *ctx)
{
	__u32 flow = next_flow();

	return put_ip4(ctx, source | flow_address(flow) << 16, flow_port(flow) << 32);
}

INLINE int put_flow6(struct xdp_md *ctx)
{
	__u8 *p = (void *)(long)ctx->data;
	__u32 flow = next_flow();

	if (p + IPV6_HEAD > (__u8 *)(long)ctx->data_end)
		return 0;
	put_ethernet(p);
	put_rest(p, 0, 0);
	put_rest(p, 1, 0);
	put_rest(p, 2, flow_address(flow) << 48);
	put_rest(p, 3, 0);
	put_rest(p, 4, 0);
	put_rest(p, 5, flow_port(flow));
	put_rest(p, 6, 0);
	put_rest(p, 7, 0);
	return 1;
}

/* ---- drivers ---- */

/* What it returns is the verdict of the program under test. */
__attribute__((noinline)) int call_target(struct xdp_md *ctx)
{
	int missing = XDP_ABORTED;

	bpf_tail_call(ctx, &target, 0);
	OPAQUE(missing);
	return missing;
}

INLINE int strip(struct xdp_md *ctx, int verdict)
{
	__u64 len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	OPAQUE(len); /* else the compiler subtracts in an order that the verifier forbids */
	grown = (int)len - (int)frame_len;
	if (grown && bpf_xdp_adjust_head(ctx, grown))
		return XDP_ABORTED;
	return verdict;
}

SEC("xdp")
int drive4(struct xdp_md *ctx)
{
	if (!put_flow4(ctx))
		return XDP_ABORTED;
	return strip(ctx, call_target(ctx));
}

SEC("xdp")
int drive6(struct xdp_md *ctx)
{
	if (!put_flow6(ctx))
		return XDP_ABORTED;
	return strip(ctx, call_target(ctx));
}

/* drive4 that notes where the packet went. */
SEC("xdp")
int learn4(struct xdp_md *ctx)
{
	__u32 i = turn & flow_mask & (SENT_MAX - 1);
	int verdict;
	__u8 *p;

	if (!put_flow4(ctx))
		return XDP_ABORTED;
	verdict = call_target(ctx);
	p = (void *)(long)ctx->data;
	if (p + IPV4_HEAD > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	sent[i].to = *(__u32 *)(p + 30);
	sent[i].port = *(__u16 *)(p + 34);
	return strip(ctx, verdict);
}

/* The answers to what learn4 noted, read one after the other so that this costs no misses. */
SEC("xdp")
int reply4(struct xdp_md *ctx)
{
	const struct sent *s = &sent[turn++ & flow_mask & (SENT_MAX - 1)];

	if (!put_ip4(ctx, s->to, (__u64)s->port << 48))
		return XDP_ABORTED;
	return strip(ctx, call_target(ctx));
}

/* ---- live frames: where they come from, and where they end ---- */

SEC("xdp")
int source4(struct xdp_md *ctx)
{
	return put_flow4(ctx) ? XDP_TX : XDP_ABORTED;
}

/* One queue is polled by one CPU at a time. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	(void)ctx;
	arrived++;
	return XDP_DROP;
}

/* ---- floors: programs that do what must be done at least, and look nothing up ---- */

SEC("xdp")
int floor_tx(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

INLINE void *push(struct xdp_md *ctx, __u32 n, __u16 type)
{
	__u8 *p;

	if (bpf_xdp_adjust_head(ctx, -(int)n))
		return NULL;
	p = (void *)(long)ctx->data;
	if (p + ETH_HLEN + n > (__u8 *)(long)ctx->data_end)
		return NULL;
	*(__u64 *)p = 0x0002040000000002;
	*(__u32 *)(p + 8) = 0x03000000;
	*(__u16 *)(p + 12) = bpf_htons(type);
	return p + ETH_HLEN;
}

/* Around an IPv4 packet of 50 bytes: 70 in all, DF, TTL 64, 198.18.0.1 to 198.18.0.11, and the checksum of that. */
SEC("xdp")
int floor_ipip(struct xdp_md *ctx)
{
	__u8 *p = push(ctx, 20, ETH_P_IP);

	if (!p)
		return XDP_ABORTED;
	*(__u64 *)p = 0x0040000046000045;
	*(__u64 *)(p + 8) = 0x010012c683ae0440;
	*(__u32 *)(p + 16) = 0x0b0012c6;
	return XDP_TX;
}

/* Around an IPv6 packet of 64 bytes: hop limit 64, fd00::1 to fd00::b. */
SEC("xdp")
int floor_ip6ip6(struct xdp_md *ctx)
{
	__u64 *p = push(ctx, 40, ETH_P_IPV6);

	if (!p)
		return XDP_ABORTED;
	p[0] = 0x4029400000000060;
	p[1] = 0x00000000000000fd;
	p[2] = 0x0100000000000000;
	p[3] = 0x00000000000000fd;
	p[4] = 0x0b00000000000000;
	return XDP_TX;
}

/* The rewrite of an established TCP packet with constants, after the checks a safe parser needs. */
SEC("xdp")
int floor_nat(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct tcphdr *tcp = (void *)ip + sizeof(*ip);
	__be32 src = bpf_htonl(0xc6120001), dst = bpf_htonl(0xc612000b), *mac = data;
	__u64 diff;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	diff = csum_swap32(csum_swap32(0, ip->saddr, src), ip->daddr, dst);
	mac[0] = 0x01020304;
	mac[1] = 0x05060708;
	mac[2] = 0x090a0b0c;
	ip->saddr = src;
	ip->daddr = dst;
	ip->ttl--;
	ip->check = csum_update(ip->check, csum_swap16(diff, bpf_htons(0x0100), 0));
	diff = csum_swap16(csum_swap16(diff, tcp->source, bpf_htons(20000)), tcp->dest, bpf_htons(8080));
	tcp->source = bpf_htons(20000);
	tcp->dest = bpf_htons(8080);
	tcp->check = csum_update(tcp->check, diff);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
