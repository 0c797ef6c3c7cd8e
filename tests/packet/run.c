/* Runs every packet case against the real program with BPF_PROG_TEST_RUN. Exit 0, 1, or 77 when it cannot run here. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "case.h"

const char *const reason_names[] = {
#define NAME(name, verdict, help) #name,
	LB_REASONS(NAME)
#undef NAME
};

uint32_t run_frame(struct xdp_bpf *w, const struct frame *in, struct frame *out)
{
	struct frame result;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in->b, .data_size_in = (uint32_t)in->n, .data_out = result.b,
		    .data_size_out = sizeof(result.b), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(w->progs.sluice_xdp), &o) < 0) {
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	result.n = o.data_size_out;
	*out = result;
	return o.retval;
}

static void dump(const char *what, const struct frame *f)
{
	printf("    %-5s", what);
	for (size_t i = 0; i < f->n && i < 80; i++)
		printf("%02x%s", f->b[i], i % 2 ? " " : "");
	printf("(%zu)\n", f->n);
}

static int complain(const char *name, int i, const char *what)
{
	printf("FAIL %s, packet %d: %s\n", name, i + 1, what);
	return 1;
}

/* Exactly one reason, by exactly one. */
static int check_reason(const struct packet_case *c, int i, const uint64_t *before, const uint64_t *after)
{
	for (int r = 0; r < LB_R_COUNT; r++) {
		uint64_t want = before[r] + (r == (int)c->step[i].reason);

		if (after[r] != want) {
			printf("    counter %s: %+lld\n", reason_names[r], (long long)(after[r] - before[r]));
			return complain(c->name, i, "wrong counter");
		}
	}
	return 0;
}

static int run_step(struct xdp_bpf *w, const struct packet_case *c, int i)
{
	const struct step *s = &c->step[i];
	uint64_t before[LB_R_COUNT], after[LB_R_COUNT];
	struct frame in, out, want;
	uint32_t verdict;

	build(&s->in, &in);
	if (s->mangle)
		s->mangle(&in);
	if (s->cut)
		in.n = s->cut;
	want = in;
	if (s->out.proto)
		build(&s->out, &want);
	if (s->before)
		s->before(w);
	world_reasons(w, before);
	verdict = run_frame(w, &in, &out);
	world_reasons(w, after);
	if (verdict != s->verdict) {
		printf("    verdict %u, wanted %u\n", verdict, s->verdict);
		check_reason(c, i, before, after);
		return complain(c->name, i, "wrong verdict");
	}
	if (out.n != want.n || memcmp(out.b, want.b, out.n) != 0) {
		dump("out", &out);
		dump("want", &want);
		return complain(c->name, i, "wrong bytes");
	}
	if (s->flows && world_flows(w) != s->flows)
		return complain(c->name, i, "wrong number of table entries");
	return check_reason(c, i, before, after);
}

static int run_case(struct xdp_bpf *w, const struct packet_case *c)
{
	world_reset(w);
	for (int i = 0; i < STEPS_MAX && c->step[i].in.proto; i++)
		if (run_step(w, c, i))
			return 1;
	return 0;
}

/* A flow is counted once, for its service and its backend. */
static int check_flow_counts(struct xdp_bpf *w)
{
	struct shape syn = TCP_IN(F_SYN), ack = TCP_IN(F_ACK);
	uint64_t before[2], after[2];
	struct frame f, g;

	world_reset(w);
	world_traffic(w, 1, 1, before);
	build(&syn, &f);
	run_frame(w, &f, &f);
	build(&ack, &g);
	run_frame(w, &g, &g);
	world_traffic(w, 1, 1, after);
	if (after[0] == before[0] + 1 && after[1] == before[1] + 1)
		return 0;
	printf("FAIL a flow is counted once per service and backend\n");
	return 1;
}

int main(void)
{
	static const struct packet_case *const tables[] = { case_parse, case_tcp, case_udp, case_flow, case_family };
	struct xdp_bpf *w = world_open();
	int n = 0, failed = 0;

	if (!w && (errno == EPERM || errno == EACCES || errno == ENOSYS) && geteuid() != 0) {
		printf("skipped: root (CAP_BPF, CAP_NET_ADMIN) is needed to load XDP programs\n");
		return 77;
	}
	if (!w) {
		printf("FAIL the program does not load: %s (V=1 says more)\n", strerror(errno));
		return 1;
	}
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct packet_case *c = tables[t]; c->name; c++, n++)
			failed += run_case(w, c);
	failed += check_flow_counts(w);
	failed += family_run(w);
	failed += sweep_run(w);
	failed += guard_run();
	failed += cookie_run();
	failed += mode_run(w);
	failed += row_run(w);
	failed += quic_run(w);
	failed += icmp_run(w);
	failed += probe_run(w);
	failed += fragment_run(w);
	failed += tunnel_run(w);
	xdp_bpf__destroy(w);
	printf("packet: %d cases and the checksum sweep, %d failed\n", n, failed);
	return failed != 0;
}
