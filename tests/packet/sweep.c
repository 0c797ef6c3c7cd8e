/* Checksums, many of them: every packet that leaves is verified over all its bytes. */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define SWEEP 4000

static uint32_t next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

static int sweep_one(struct xdp_bpf *w, uint32_t *rnd)
{
	static char src[32];
	struct shape s = { .dst = VIP, .src = src };
	struct frame in, out;
	uint32_t v;

	snprintf(src, sizeof(src), "198.%u.%u.%u", 18 + next(rnd) % 2, next(rnd) % 256, 1 + next(rnd) % 254);
	s.proto = next(rnd) % 2 ? 6 : 17;
	s.dport = s.proto == 6 ? 80 : 53;
	s.sport = (uint16_t)next(rnd);
	s.flags = F_SYN;
	s.ttl = (uint8_t)(2 + next(rnd) % 254);
	s.options = (uint8_t)(next(rnd) % 11);
	s.payload = (uint16_t)(1 + next(rnd) % 1400);
	s.seed = (uint16_t)next(rnd);
	build(&s, &in);
	if (s.src[0] == 0 || !build_verify(&in))
		return 1;
	v = run_frame(w, &in, &out);
	if ((v == XDP_TX || v == XDP_REDIRECT) && build_verify(&out))
		return 0;
	printf("FAIL sweep: %s:%u proto %u payload %u: verdict %u\n", src, s.sport, s.proto, s.payload, v);
	return 1;
}

/* The payload is chosen so that the sum after the rewrite is zero, which must be sent as all ones. */
static int zero_sum(struct xdp_bpf *w)
{
	struct shape in_shape = TO_VIP(17, 53, .payload = 2),
		     out_shape = TO_BACKEND(17, "198.18.1.12", 5353, .payload = 2);
	struct frame in, want, got;

	build(&out_shape, &want);
	want.b[42] = want.b[43] = 0;
	build_checksums(&want, false);
	memcpy(want.b + 42, want.b + 40, 2);
	build_checksums(&want, false);
	build(&in_shape, &in);
	memcpy(in.b + 42, want.b + 42, 2);
	build_checksums(&in, false);
	world_reset(w);
	run_frame(w, &in, &got);
	if (want.b[40] == 0xff && want.b[41] == 0xff && got.n == want.n && memcmp(got.b, want.b, want.n) == 0)
		return 0;
	printf("FAIL UDP checksum that comes out zero: %02x%02x\n", got.b[40], got.b[41]);
	return 1;
}

int sweep_run(struct xdp_bpf *w)
{
	uint32_t rnd = 2463534242u;
	int failed = zero_sum(w);

	for (int i = 0; i < SWEEP && failed < 5; i++) {
		world_reset_flows(w);
		failed += sweep_one(w, &rnd);
	}
	return failed;
}
