/* The verifier's statistics give the stack depth of each sub-program in their order; the instructions as loaded give
 * who calls whom. The kernel refuses a chain whose frames, each rounded up to 32 bytes (16 since 6.8), are larger than
 * 512 together. */
#include "chain.h"
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SUBS_MAX  64
#define INSNS_MAX 65536

struct graph {
	unsigned start[SUBS_MAX], depth[SUBS_MAX], n, ninsns;
};

static struct bpf_insn insns[INSNS_MAX];

static int read_insns(int fd, struct graph *g)
{
	struct bpf_func_info funcs[SUBS_MAX] = { 0 };
	struct bpf_prog_info info = {
		.xlated_prog_insns = (uintptr_t)insns,
		.xlated_prog_len = sizeof(insns),
		.func_info = (uintptr_t)funcs,
		.nr_func_info = SUBS_MAX,
		.func_info_rec_size = sizeof(funcs[0]),
	};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || info.nr_func_info > SUBS_MAX ||
	    info.xlated_prog_len > sizeof(insns))
		return -1;
	g->n = info.nr_func_info;
	g->ninsns = info.xlated_prog_len / sizeof(insns[0]);
	for (unsigned i = 0; i < g->n; i++)
		g->start[i] = funcs[i].insn_off;
	return 0;
}

/* "stack depth 144+0+232" */
static int read_depths(const char *log, struct graph *g)
{
	const char *at = strstr(log, "stack depth ");
	unsigned n = 0;
	char *end;

	if (!at)
		return -1;
	at += strlen("stack depth ");
	while (n < SUBS_MAX) {
		g->depth[n++] = (unsigned)strtoul(at, &end, 10);
		if (*end != '+')
			break;
		at = end + 1;
	}
	return n == g->n ? 0 : -1;
}

static unsigned sub_at(const struct graph *g, unsigned insn)
{
	unsigned i = 0;

	while (i + 1 < g->n && g->start[i + 1] <= insn)
		i++;
	return i;
}

/* Where a call leads, relative to the next instruction: a compiled program keeps it beside the immediate. -1: no such
 * call. */
static int callee(const struct graph *g, unsigned at)
{
	const struct bpf_insn *i = &insns[at];

	if (i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL)
		return (int)sub_at(g, at + 1 + (unsigned)(i->off ? i->off : i->imm));
	if (i->code == (BPF_LD | BPF_IMM | BPF_DW) && i->src_reg == BPF_PSEUDO_FUNC)
		return (int)sub_at(g, at + 1 + (unsigned)i->imm);
	return -1;
}

/* The kernel knows no recursion, so this ends. */
static unsigned deepest(const struct graph *g, unsigned sub)
{
	unsigned end = sub + 1 < g->n ? g->start[sub + 1] : g->ninsns, most = 0;
	unsigned own = ((g->depth[sub] ? g->depth[sub] : 1) + 31) / 32 * 32;

	for (unsigned i = g->start[sub]; i < end; i++) {
		int to = callee(g, i);
		unsigned below = to < 0 || (unsigned)to == sub ? 0 : deepest(g, (unsigned)to);

		if (below > most)
			most = below;
	}
	return own + most;
}

unsigned chain_depth(int prog_fd, const char *verifier_log)
{
	struct graph g = { 0 };

	if (read_insns(prog_fd, &g) < 0 || g.n == 0 || read_depths(verifier_log, &g) < 0)
		return 0;
	return deepest(&g, 0);
}
