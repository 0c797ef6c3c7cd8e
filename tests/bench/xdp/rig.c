#include "rig.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "head.h"
#include "drive.skel.h"

#define FRAME4 64
#define FRAME6 78
#define ETHER  14

static struct drive_bpf *rig;
static struct packet packet;
static enum driver driver;
static uint32_t ifindex;

static int put_target(int prog)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(rig->maps.target), &zero, &prog, BPF_ANY) < 0 ? -errno : 0;
}

static int load(uint32_t flags)
{
	struct bpf_program *p;
	int r;

	rig = drive_bpf__open();
	if (!rig)
		return -errno;
	bpf_object__for_each_program(p, rig->obj) bpf_program__set_flags(p, bpf_program__flags(p) | flags);
	r = drive_bpf__load(rig);
	if (r < 0)
		rig_close();
	return r;
}

int rig_open(int prog)
{
	int r = load(0);

	if (r < 0 || put_target(prog) == 0)
		return r;
	rig_close();
	r = load(BPF_F_XDP_HAS_FRAGS);
	return r < 0 ? r : put_target(prog);
}

void rig_close(void)
{
	drive_bpf__destroy(rig);
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int driver_fd(enum driver d)
{
	const struct bpf_program *const progs[] = { [DRIVE4] = rig->progs.drive4,
						    [DRIVE6] = rig->progs.drive6,
						    [LEARN4] = rig->progs.learn4,
						    [REPLY4] = rig->progs.reply4,
						    [SOURCE4] = rig->progs.source4 };

	return bpf_program__fd(progs[d]);
}

static size_t frame_len(void)
{
	return driver == DRIVE6 ? FRAME6 : FRAME4;
}

/* ---- heads ---- */

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

/* at: the transport header; room: bytes from there to the end of the frame. */
static void put_l4(uint8_t *at, size_t room)
{
	put16(at, packet.sport);
	put16(at + 2, packet.dport);
	if (packet.proto == IPPROTO_UDP) {
		put16(at + 4, (uint16_t)room);
		return;
	}
	at[12] = 0x50;
	at[13] = packet.flags;
	put16(at + 14, 65535);
}

static void put_ip4(uint8_t *ip)
{
	ip[0] = 0x45;
	put16(ip + 2, FRAME4 - ETHER);
	put16(ip + 6, 0x4000); /* DF */
	ip[8] = 64;
	ip[9] = packet.proto;
	inet_pton(AF_INET, packet.dst, ip + 16);
	put_l4(ip + 20, FRAME4 - ETHER - 20);
}

static void put_ip6(uint8_t *ip)
{
	ip[0] = 0x60;
	put16(ip + 4, FRAME6 - ETHER - 40);
	ip[6] = packet.proto;
	ip[7] = 64;
	inet_pton(AF_INET6, "fd00:ffff::", ip + 8);
	inet_pton(AF_INET6, packet.dst, ip + 24);
	put_l4(ip + 40, FRAME6 - ETHER - 40);
}

/* In the order of bytes of the wire, as the driver adds to it. */
static uint32_t sum16(const uint8_t *at, size_t n)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void put_head(void)
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint8_t b[ETHER + sizeof(rig->bss->head.rest)] = { 0 };
	bool six = driver == DRIVE6;

	memcpy(b, macs, sizeof(macs));
	put16(b + 12, packet.type ? packet.type : six ? 0x86dd : 0x0800);
	if (six)
		put_ip6(b + ETHER);
	else
		put_ip4(b + ETHER);
	memcpy(&rig->bss->head.macs, b, 8);
	memcpy(&rig->bss->head.macs_end, b + 8, 4);
	memcpy(&rig->bss->head.type, b + 12, 2);
	memcpy(&rig->bss->head.rest, b + ETHER, sizeof(rig->bss->head.rest));
	rig->bss->sum = sum16(b + ETHER, 20);
	inet_pton(AF_INET, "198.19.0.0", &rig->bss->source);
}

void rig_aim(int prog, enum driver d, const struct packet *p, uint32_t flows, uint32_t from)
{
	packet = *p;
	driver = d;
	ifindex = from;
	rig->bss->flow_mask = flows - 1;
	rig->bss->frame_len = (uint32_t)frame_len();
	put_head();
	if (put_target(prog) < 0)
		die("putting the program where the driver calls it");
}

void rig_flags(uint8_t flags)
{
	packet.flags = flags;
	put_head();
}

/* ---- runs ---- */

static uint32_t run(enum driver d, uint32_t packets, uint32_t flags, uint32_t *ret_verdict)
{
	uint8_t frame[FRAME6] = { 0 };
	struct xdp_md ctx = { .data_end = (uint32_t)frame_len(), .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = (uint32_t)frame_len(), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)packets, .flags = flags);

	if (bpf_prog_test_run_opts(driver_fd(d), &o) < 0)
		die("BPF_PROG_TEST_RUN");
	if (ret_verdict)
		*ret_verdict = o.retval;
	return o.duration;
}

struct outcome rig_run(uint32_t packets)
{
	struct outcome o = { 0 };

	o.ns = run(driver, packets, 0, &o.verdict);
	o.grown = rig->bss->grown;
	return o;
}

/* From the first turn, so that a flow has the same number every time; what must not come again goes on where it was. */
void rig_learn(void)
{
	uint32_t turn = rig->bss->turn;

	rig->bss->turn = 0;
	run(LEARN4, rig->bss->flow_mask + 1, 0, NULL);
	rig->bss->turn = turn;
}

const struct sent *rig_sent(void)
{
	return rig->bss->sent;
}

uint32_t rig_place(uint32_t flow)
{
	uint32_t turn = rig->bss->turn;

	rig->bss->turn = flow;
	run(LEARN4, 1, 0, NULL);
	rig->bss->turn = turn;
	return rig->bss->sent[flow].to;
}

double rig_live(uint32_t packets)
{
	uint64_t start = clock_mono_ns();

	run(SOURCE4, packets, BPF_F_TEST_XDP_LIVE_FRAMES, NULL);
	return (double)(clock_mono_ns() - start) / NS_PER_S;
}

int rig_floor(enum floor_kind f)
{
	const struct bpf_program *const progs[] = { [FLOOR_TX] = rig->progs.floor_tx,
						    [FLOOR_IPIP] = rig->progs.floor_ipip,
						    [FLOOR_IP6IP6] = rig->progs.floor_ip6ip6,
						    [FLOOR_NAT] = rig->progs.floor_nat };

	return bpf_program__fd(progs[f]);
}

int rig_sink(void)
{
	return bpf_program__fd(rig->progs.sink);
}

uint64_t rig_arrived(void)
{
	return rig->bss->arrived;
}
