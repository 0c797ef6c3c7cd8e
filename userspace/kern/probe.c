/* Feature probes. Each runs the real thing rather than asking for a version. */
#include "kern/probe.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/kern.h"

#define HZ_WINDOW_NS (100 * NS_PER_MS)
#define HZ_EDGE_NS   (200 * NS_PER_MS) /* longest wait for the next tick */
#define HZ_SHARP_NS  (200000)	       /* as exactly as that the time of a tick is known */

const char *kern_probe(void)
{
	int r = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL);

	if (r == 1)
		return "";
	if (geteuid() != 0)
		return "root is needed (or CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN)";
	if (r == -ENOSYS)
		return "this kernel has no BPF (CONFIG_BPF_SYSCALL)";
	return "this kernel refuses XDP programs (no permission in this container, locked down, or not built in)";
}

/* A program that returns the low half of jiffies. */
static int load_clock(void)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sluice_hz", "GPL", insns, ARRAY_LEN(insns), NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	/* The real clock even when tests have frozen base/clock: the kernel's jiffies are not theirs to move. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int read_clock(int fd, uint32_t *ret)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = sizeof(packet), .repeat = 1);
	int r = bpf_prog_test_run_opts(fd, &o);

	if (r == 0)
		*ret = o.retval;
	return r;
}

/* Waits for jiffies to change; says when and to what. A change during which we were not running does not count: when it
 * was is not known. */
static int wait_edge(int fd, uint32_t *ret_jiffies, uint64_t *ret_ns)
{
	uint64_t last = now_ns(), until = last + HZ_EDGE_NS, now = last;
	uint32_t before, j;

	if (read_clock(fd, &j) < 0)
		return -EIO;
	do {
		last = now;
		before = j;
		if (read_clock(fd, &j) < 0 || last > until)
			return -EIO;
		now = now_ns();
	} while (j == before || now - last > HZ_SHARP_NS);
	*ret_jiffies = j;
	*ret_ns = now;
	return 0;
}

/* A busy host takes a tick late: by 4 ms of 100, even when we see it at once. */
static unsigned round_hz(double hz)
{
	static const unsigned usual[] = { 100, 250, 300, 1000 };

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (hz > usual[i] * 0.92 && hz < usual[i] * 1.08)
			return usual[i];
	return hz < 1 ? 1 : (unsigned)(hz + 0.5);
}

unsigned probe_hz(void)
{
	const struct timespec window = { .tv_nsec = HZ_WINDOW_NS };
	_cleanup_close_ int fd = load_clock();
	uint32_t j0, j1;
	uint64_t t0, t1;

	if (fd < 0 || wait_edge(fd, &j0, &t0) < 0)
		return 0;
	nanosleep(&window, NULL);
	if (wait_edge(fd, &j1, &t1) < 0)
		return 0;
	return round_hz((uint32_t)(j1 - j0) * 1e9 / (double)(t1 - t0));
}

int probe_jiffies(uint32_t *ret)
{
	_cleanup_close_ int fd = load_clock();

	return fd < 0 ? -errno : read_clock(fd, ret);
}

uint64_t probe_boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}
