/* sluice bpf capture: samples of what the program decides, as a pcap file. However it ends, sampling is off afterwards;
 * if it is killed outright, after some seconds by itself. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "app/cmd_bpf.h"
#include "app/pcap.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "kern/event.h"
#include "kern/reason.h"

#define SNAP	256
#define POLL_MS 200
#define REASONS 64

struct capture {
	const char *file, *pin, *out;
	uint64_t reasons; /* bit by number */
	uint64_t sample, count;
	int64_t ns; /* 0: until a signal */
	FILE *to;
	uint64_t written, by_reason[REASONS];
	int problem; /* of writing, -errno */
};

static volatile sig_atomic_t stopping;

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

/* Without SA_RESTART, so that waiting ends. */
static void watch_signals(void)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

static bool on_packet(void *ctx, const struct event_packet *p)
{
	struct capture *c = ctx;

	c->problem = pcap_packet(c->to, p->wall_ns, p->data, p->captured, p->len);
	if (c->problem < 0)
		return false;
	c->by_reason[p->reason]++;
	c->written++;
	return !c->count || c->written < c->count;
}

static bool enough(const struct capture *c, uint64_t begun)
{
	return stopping || c->problem < 0 || (c->count && c->written >= c->count) ||
	       (c->ns && clock_mono_ns() - begun >= (uint64_t)c->ns);
}

static int watch(struct capture *c, struct event *e)
{
	uint64_t begun = clock_mono_ns();
	int r = 0;

	while (!enough(c, begun)) {
		r = event_poll(e, POLL_MS, on_packet, c);
		if (r < 0 && r != -EINTR)
			break;
		if (fflush(c->to) != 0)
			c->problem = -errno;
	}
	event_stop(e);
	if (c->problem == 0 && (!c->count || c->written < c->count))
		(void)event_poll(e, 0, on_packet, c);
	if (c->problem == 0 && fflush(c->to) != 0)
		c->problem = -errno;
	return c->problem < 0 ? c->problem : r == -EINTR || r > 0 ? 0 : r;
}

static void summarise(const struct capture *c, const struct event *e)
{
	struct event_totals t = event_totals(e);

	fprintf(stderr, "%" PRIu64 " packets written of %" PRIu64 " seen, %" PRIu64 " lost\n", c->written, t.seen,
		t.lost);
	for (unsigned i = 0; i < REASONS; i++)
		if (c->by_reason[i])
			fprintf(stderr, "  %-16s %" PRIu64 "\n", reason_at(i)->name, c->by_reason[i]);
}

static FILE *open_out(const char *path)
{
	return strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
}

static int begin(struct capture *c)
{
	int r;

	c->to = open_out(c->out);
	if (!c->to)
		return -errno;
	r = pcap_begin(c->to, SNAP);
	if (r == 0 && fflush(c->to) != 0) /* whoever reads a pipe wants to see it at once */
		r = -errno;
	return r;
}

static int run(struct capture *c, const char *path)
{
	struct event *e = NULL;
	struct err_list errs;
	int r;

	err_init(&errs);
	r = event_open(path, &e, &errs);
	if (r < 0)
		return bpf_report(r, &errs);
	watch_signals();
	r = event_start(e, c->reasons, (uint32_t)c->sample); /* first: the file may be that of who is at it already */
	if (r == 0)
		r = begin(c);
	if (r == 0)
		r = watch(c, e);
	if (r == -EBUSY)
		err_add(&errs, (struct place){ 0 }, NULL, "another capture is running on %s", path);
	else if (r < 0)
		err_add(&errs, (struct place){ 0 }, NULL, "capturing to %s failed: %s", c->out, strerror(-r));
	else
		summarise(c, e);
	event_close(&e);
	if (c->to && c->to != stdout)
		fclose(c->to);
	return bpf_report(r, &errs);
}

static int add_reason(struct capture *c, const char *name)
{
	int r = reason_find(name);
	const char *near = reason_nearest(name);

	if (r < 0)
		return bpf_usage_error("capture", "there is no reason \"%s\"%s%s; `sluice bpf dump reasons` lists them",
				       name, near ? ", did you mean " : "", near ? near : "");
	c->reasons |= UINT64_C(1) << r;
	return BPF_OK;
}

static int number(const char *option, const char *text, uint64_t max, uint64_t *ret)
{
	if (num_u64(str_of(text), ret) < 0 || *ret == 0 || *ret > max)
		return bpf_usage_error("capture", "--%s wants a number from 1 to %" PRIu64, option, max);
	return BPF_OK;
}

static int seconds(const char *text, int64_t *ret)
{
	if (num_duration_ns(str_of(text), ret) < 0 || *ret <= 0)
		return bpf_usage_error("capture", "--seconds wants a time such as 10, 1.5s or 2m");
	return BPF_OK;
}

static int take_option(struct capture *c, int o)
{
	switch (o) {
	case 'c':
		c->file = optarg;
		return BPF_OK;
	case 'p':
		c->pin = optarg;
		return BPF_OK;
	case 'w':
		c->out = optarg;
		return BPF_OK;
	case 'r':
		return add_reason(c, optarg);
	case 's':
		return number("sample", optarg, UINT32_MAX, &c->sample);
	case 'n':
		return number("count", optarg, UINT64_MAX, &c->count);
	case 't':
		return seconds(optarg, &c->ns);
	}
	return bpf_usage_error("capture", "unknown option or missing value");
}

int cmd_bpf_capture(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },  { "pin", required_argument, NULL, 'p' },
		{ "write", required_argument, NULL, 'w' },   { "reason", required_argument, NULL, 'r' },
		{ "sample", required_argument, NULL, 's' },  { "count", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' }, { 0 },
	};
	_cleanup_free_ char *path = NULL;
	struct capture c = { .sample = 1 };
	int o, r;

	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+c:w:", options, NULL)) >= 0) {
		r = take_option(&c, o);
		if (r != BPF_OK)
			return r;
	}
	if (optind < argc)
		return bpf_usage_error("capture", "unexpected argument \"%s\"", argv[optind]);
	if (!c.out)
		return bpf_usage_error("capture", "-w says where to: a file, or - for standard output");
	if (!c.reasons)
		c.reasons = UINT64_MAX;
	path = bpf_pin_path("capture", c.file, c.pin);
	return path ? run(&c, path) : BPF_FAILED;
}
