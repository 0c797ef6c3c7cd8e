/* Health checks on the way that traffic takes. The agent's socket connects to the virtual address; a rule sends its
 * packets, by their mark, to a route with this program, which does for one backend what the balancer does for the
 * backend it picks, out of the same record: puts the outer headers on and lets the stack route the result, or, for dsr,
 * writes the backend's MAC address. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "kit/outer.h"
#include "kit/verifier.h"
#include "lb/backend.h"
#include "lb/probe.h"

/* The balancer's own map (kit/maps.h); the agent loads this program with it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct lb_backend);
} backends SEC(".maps");

/* For the agent only. Pinned while there is a rule. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_probe_rule);
} probe_rule SEC(".maps");

/* As large as any that outer_write writes. */
struct outer {
	struct ipv6hdr ip;
	struct udphdr udp;
};

/* Within a family the outer source is the inner one: the agent has bound its socket to the preferred source of the
 * route to the backend, maybe before that was written into the record. False: not an IP packet, or no source yet. */
INLINE bool look(struct __sk_buff *skb, struct lb_backend *b, struct outer_look *in)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct iphdr *ip = data;

	in->len = skb->len;
	in->hash = bpf_get_hash_recalc(skb);
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if ((void *)(ip6 + 1) > end)
			return false;
		outer_look6(in, ip6);
		if (outer_is_six(b))
			__builtin_memcpy(&b->snat, &ip6->saddr, sizeof(b->snat));
	} else {
		if ((void *)(ip + 1) > end)
			return false;
		outer_look4(in, ip);
		if (!outer_is_six(b))
			b->snat.w[3] = ip->saddr;
	}
	return b->snat.w[0] | b->snat.w[1] | b->snat.w[2] | b->snat.w[3];
}

/* six and gue are constants. The stack asks for the route of what comes out, without the mark. */
INLINE int push(struct __sk_buff *skb, const struct lb_backend *b, const struct outer_look *in, bool six, bool gue)
{
	__u32 ip = six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), room = ip + (gue ? sizeof(struct udphdr) : 0);
	struct outer o = {};

	outer_write(&o, b, in, six, gue);
	return bpf_lwt_push_encap(skb, BPF_LWT_ENCAP_IP, &o, room) ? BPF_DROP : BPF_LWT_REROUTE;
}

INLINE int wrap(struct __sk_buff *skb, const struct lb_backend *to)
{
	struct lb_backend b = *to;
	struct outer_look in = {};

	if (!look(skb, &b, &in))
		return BPF_DROP;
	if (outer_is_six(&b))
		return b.mode == LB_MODE_GUE ? push(skb, &b, &in, true, true) : push(skb, &b, &in, true, false);
	return b.mode == LB_MODE_GUE ? push(skb, &b, &in, false, true) : push(skb, &b, &in, false, false);
}

INLINE int hand_over(struct __sk_buff *skb, const struct lb_backend *b)
{
	struct ethhdr eth = { .h_proto = skb->protocol };

	if (!(b->flags & LB_BACKEND_NEXTHOP))
		return BPF_DROP;
	__builtin_memcpy(eth.h_dest, b->dmac, sizeof(eth.h_dest));
	__builtin_memcpy(eth.h_source, b->smac, sizeof(eth.h_source));
	if (bpf_skb_change_head(skb, sizeof(eth), 0) || bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0))
		return BPF_DROP;
	return bpf_redirect(b->ifindex, 0);
}

SEC("lwt_xmit")
int sluice_probe(struct __sk_buff *skb)
{
	__u32 id = skb->mark & LB_PROBE_ID;
	struct lb_backend *b = bpf_map_lookup_elem(&backends, &id);

	if (!b)
		return BPF_DROP;
	skb->mark = 0;
	switch (b->mode) {
	case LB_MODE_DSR:
		return hand_over(skb, b);
	case LB_MODE_IPIP:
	case LB_MODE_GUE:
		return wrap(skb, b);
	default:
		return BPF_DROP;
	}
}

char LICENSE[] SEC("license") = "GPL";
