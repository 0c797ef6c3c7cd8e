/* What packet costs are measured with. BPF_PROG_TEST_RUN does not restore the packet between repeats, so `wrapper`
 * writes the whole 54-byte head anew each time, moves on to the next flow, and tail-calls the program under test. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} target SEC(".maps");

__u32 head[14];	 /* the 54 bytes, and 2 of payload */
__u32 flow_mask; /* number of flows - 1 */
__u32 turn;

/* The order of flows is scrambled by an odd multiplier, so that neighbours in time are strangers in the table.
 * Addresses 198.19.x.y and ports 1024.. vary; checksums are not recomputed, nothing under test verifies them. */
SEC("xdp")
int wrapper(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	__u32 flow = (turn++ * 40503u) & flow_mask;
	__u32 *w = (void *)data;

	if (data + sizeof(head) > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	for (int i = 0; i < 14; i++)
		w[i] = head[i];
	*(__u16 *)(data + 28) = bpf_htons(flow >> 4);
	*(__u16 *)(data + 34) = bpf_htons(1024 + flow);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int empty_tx(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The rewrite of an established TCP packet with constants: the checks a safe parser needs, and nothing looked up. */
SEC("xdp")
int fixed(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct tcphdr *tcp = (void *)ip + sizeof(*ip);
	__be32 src = bpf_htonl(0xc6120101), dst = bpf_htonl(0xc612010b), *mac = data;
	__u64 sum;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	sum = (__u64)(__u32)~ip->saddr + src + (__u32)~ip->daddr + dst;
	mac[0] = 0x01020304;
	mac[1] = 0x05060708;
	mac[2] = 0x090a0b0c;
	ip->saddr = src;
	ip->daddr = dst;
	ip->ttl--;
	ip->check = ~fold(sum + (__u16)~bpf_htons(0x0100) + (__u16)~ip->check);
	sum += (__u16)~tcp->source + bpf_htons(20000) + (__u16)~tcp->dest + bpf_htons(8080);
	tcp->source = bpf_htons(20000);
	tcp->dest = bpf_htons(8080);
	tcp->check = ~fold(sum + (__u16)~tcp->check);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
