/* SYN cookies for connections that end at this host: while SYNs flood a listener, they are answered here and the stack
 * first hears of a connection by its last ACK, which carries the cookie (RFC 4987 §3.6). The kernel makes the cookie
 * and checks it; its helper also notes with the listener that cookies are out, without which that ACK is refused. Such
 * a cookie has room for an MSS only: no window scaling, no selective acknowledgments, no timestamps.
 * While the knob is zero none of this is in the program. */
#pragma once
#include "kit/csum.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/outer.h"
#include "kit/parse_l4.h"
#include "kit/pkt.h"
#include "stage/l2.h"

#define COOKIE_FLAGS	 0x17 /* of FIN, SYN, RST, ACK */
#define COOKIE_SYN	 0x02
#define COOKIE_TCP_BYTES 0x3c /* the most that a TCP header has */
/* Less than any window Linux begins with; its first ACK opens it. */
#define COOKIE_WINDOW 28672
#define COOKIE_TTL    64

/* ---- in the main walk: is it time? ---- */

/* True for the SYNs of a second that come after as many as the knob allows. */
INLINE bool cookie_flood(__u32 now)
{
	__u32 zero = 0;
	struct lb_syns *s = bpf_map_lookup_elem(&syns, &zero);

	if (!s)
		return false;
	if (now - s->began >= knob_jiffies_second) {
		s->began = now;
		s->seen = 0;
	}
	return s->seen++ >= knob_syn_cookies;
}

static __attribute__((noinline)) bool cookie_due(struct pkt *p)
{
	struct lb_listener key = { .addr = p->key.dst };
	struct tcphdr *tcp = pkt_peek(p, sizeof(*tcp));

	if (!tcp || (((__u8 *)tcp)[TCP_FLAGS_AT] & COOKIE_FLAGS) != COOKIE_SYN)
		return false;
	key.port = tcp->dest;
	return bpf_map_lookup_elem(&listeners, &key) && cookie_flood((__u32)bpf_jiffies64());
}

INLINE bool cookie_is_meant(struct pkt *p)
{
	if (!knob_syn_cookies || p->where & LB_ADDRESS_VIP)
		return false;
	return p->key.proto == IPPROTO_TCP && !p->suspect && cookie_due(p);
}

/* ---- in a program of its own: the answer ---- */

/* What of the SYN the answer is made of, before the frame changes its length. */
struct cookie_syn {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;
	struct tcphdr tcp;
	__u8 options[COOKIE_TCP_BYTES - sizeof(struct tcphdr)];
	struct lb_vlan vlan[LB_VLANS];
	__u8 macs[2 * ETH_ALEN]; /* as the answer wants them */
	__u32 tcp_bytes;
	__u32 six;
};

/* Two words of options, so that no frame is shorter than Ethernet's 60 bytes. */
struct cookie_tcp {
	struct tcphdr head;
	__u8 kind, length; /* MSS (RFC 9293 §3.7.1) */
	__be16 mss;
	__u8 nothing[4];
};

INLINE bool cookie_look(const struct pkt *p, struct cookie_syn *s)
{
	__u32 at = (void *)p->tcp - (void *)(long)p->ctx->data;
	__u32 n = ((__u8 *)p->tcp)[12] >> 2 & COOKIE_TCP_BYTES; /* data offset, in words */

	OPAQUE(n);
	n &= COOKIE_TCP_BYTES;
	if (n < sizeof(s->tcp) || p->eth->h_dest[0] & 1) /* the stack takes no SYN from a group address either */
		return false;
	s->tcp_bytes = n;
	s->six = !!p->ip6;
	s->vlan[0] = p->vlan[0];
	s->vlan[1] = p->vlan[1];
	__builtin_memcpy(s->macs, p->eth->h_source, ETH_ALEN);
	__builtin_memcpy(s->macs + ETH_ALEN, p->eth->h_dest, ETH_ALEN);
	if (p->ip)
		s->ip.v4 = *p->ip;
	else if (p->ip6) /* asked although it must be: the verifier thinks that p->ip might be zero where it is set */
		s->ip.v6 = *p->ip6;
	return bpf_xdp_load_bytes(p->ctx, at, &s->tcp, n) == 0;
}

/* What the kernel would listen with. The caller releases it. */
INLINE struct bpf_sock *cookie_socket(struct xdp_md *ctx, const struct cookie_syn *s, bool six)
{
	struct bpf_sock_tuple t = {};

	if (six) {
		__builtin_memcpy(t.ipv6.saddr, &s->ip.v6.saddr, sizeof(t.ipv6.saddr));
		__builtin_memcpy(t.ipv6.daddr, &s->ip.v6.daddr, sizeof(t.ipv6.daddr));
		t.ipv6.sport = s->tcp.source;
		t.ipv6.dport = s->tcp.dest;
		return bpf_skc_lookup_tcp(ctx, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	t.ipv4.saddr = s->ip.v4.saddr;
	t.ipv4.daddr = s->ip.v4.daddr;
	t.ipv4.sport = s->tcp.source;
	t.ipv4.dport = s->tcp.dest;
	return bpf_skc_lookup_tcp(ctx, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
}

/* The cookie in the low half; negative: none, because nobody listens, the connection exists already, or the kernel does
 * not want to (net.ipv4.tcp_syncookies is not 2 and the listener's queue not full, or its accept queue is). */
INLINE __s64 cookie_make(struct xdp_md *ctx, struct cookie_syn *s, bool six)
{
	struct bpf_sock *sk = cookie_socket(ctx, s, six);
	__u32 n = s->tcp_bytes & COOKIE_TCP_BYTES;
	__s64 cookie = -1;

	OPAQUE(n);
	if (!sk)
		return -1;
	if (sk->state == BPF_TCP_LISTEN && n >= sizeof(s->tcp))
		cookie = bpf_tcp_gen_syncookie(sk, &s->ip, sizeof(s->ip), &s->tcp, n);
	bpf_sk_release(sk);
	return cookie;
}

/* What fits the interface; 0: unknown. */
INLINE __u16 cookie_mss(struct xdp_md *ctx, __u32 headers)
{
	__u32 mtu = 0;

	if (bpf_check_mtu(ctx, 0, &mtu, 0, 0) < 0 || mtu <= headers)
		return 0;
	return (mtu > 0xffff ? 0xffff : mtu) - headers;
}

INLINE void cookie_fill_tcp(struct cookie_tcp *t, const struct cookie_syn *s, __u32 cookie, __u16 mss)
{
	*t = (struct cookie_tcp){
		.head = { .source = s->tcp.dest,
			  .dest = s->tcp.source,
			  .seq = bpf_htonl(cookie),
			  .ack_seq = bpf_htonl(bpf_ntohl(s->tcp.seq) + 1),
			  .doff = sizeof(*t) / 4,
			  .syn = 1,
			  .ack = 1,
			  .window = bpf_htons(COOKIE_WINDOW) },
		.kind = 2,
		.length = 4,
		.mss = bpf_htons(mss),
		.nothing = { 1, 1, 1, 1 },
	};
}

/* pseudo: the sum of the addresses. */
INLINE void cookie_sum(struct cookie_tcp *t, __u64 pseudo)
{
	pseudo += bpf_htonl(sizeof(*t)) + (__u64)bpf_htonl(IPPROTO_TCP);
	t->head.check = ~csum_fold(pseudo + (__u32)bpf_csum_diff(NULL, 0, (__be32 *)t, sizeof(*t), 0));
}

INLINE void cookie_put4(struct iphdr *ip, struct cookie_tcp *t, const struct cookie_syn *s)
{
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(*t)),
		.frag_off = bpf_htons(OUTER_DF),
		.ttl = COOKIE_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = s->ip.v4.daddr,
		.daddr = s->ip.v4.saddr,
	};
	ip->check = outer_csum(ip);
	cookie_sum(t, (__u64)s->ip.v4.saddr + s->ip.v4.daddr);
	__builtin_memcpy(ip + 1, t, sizeof(*t));
}

INLINE void cookie_put6(struct ipv6hdr *ip, struct cookie_tcp *t, const struct cookie_syn *s)
{
	const __u32 *from = (const __u32 *)&s->ip.v6.saddr;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < 8; i++) /* both addresses */
		sum += from[i];
	*(__be32 *)ip = bpf_htonl(6u << 28);
	ip->payload_len = bpf_htons(sizeof(*t));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = COOKIE_TTL;
	__builtin_memcpy(&ip->saddr, &s->ip.v6.daddr, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &s->ip.v6.saddr, sizeof(ip->daddr));
	cookie_sum(t, sum);
	__builtin_memcpy(ip + 1, t, sizeof(*t));
}

/* Gives the frame the answer's length and MACs; its tags stay. Where the IP header begins, or NULL. n is a constant:
 * the bytes from there. */
INLINE void *cookie_make_room(struct xdp_md *ctx, const struct cookie_syn *s, __u32 n)
{
	__u32 l2 = (sizeof(struct ethhdr) + l2_tag_bytes(s->vlan)) & 31;
	void *at;

	if (bpf_xdp_adjust_tail(ctx, (int)(l2 + n) - (int)bpf_xdp_get_buff_len(ctx)))
		return NULL;
	at = (void *)(long)ctx->data;
	if (at + sizeof(struct ethhdr) > (void *)(long)ctx->data_end)
		return NULL;
	copy_macs(at, s->macs);
	OPAQUE(l2);
	at += l2;
	return at + n > (void *)(long)ctx->data_end ? NULL : at;
}

/* six is a constant. */
INLINE bool cookie_reply(struct xdp_md *ctx, struct cookie_syn *s, bool six)
{
	__u32 ip_bytes = six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u16 mss = cookie_mss(ctx, ip_bytes + sizeof(struct tcphdr));
	__s64 cookie = mss ? cookie_make(ctx, s, six) : -1;
	struct cookie_tcp t;
	void *at;

	if (cookie < 0)
		return false;
	at = cookie_make_room(ctx, s, ip_bytes + sizeof(t));
	if (!at)
		return false;
	cookie_fill_tcp(&t, s, (__u32)cookie, mss);
	if (six)
		cookie_put6(at, &t, s);
	else
		cookie_put4(at, &t, s);
	return true;
}

/* A global function, as l2_retag is. */
__attribute__((noinline)) int cookie_send(struct xdp_md *ctx, struct cookie_syn *s)
{
	if (!s)
		return 0;
	return s->six ? cookie_reply(ctx, s, true) : cookie_reply(ctx, s, false);
}

/* A SYN that gets no cookie is the stack's, as ever. */
INLINE enum verdict cookie_answer(struct pkt *p)
{
	struct cookie_syn s = {};

	if (!knob_syn_cookies || p->suspect || !p->tcp || !pkt_is_syn(p) || !cookie_look(p, &s))
		return END(p, not_ours);
	if (!cookie_send(p->ctx, &s))
		return END(p, not_ours);
	p->action = bpf_redirect_map(&devices, p->ctx->ingress_ifindex, XDP_TX); /* see icmp_too_big */
	return END(p, cookie_sent);
}
