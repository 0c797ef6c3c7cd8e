/* sluice bpf load, sluice bpf unload: the kernel tier without an agent, and the decapsulator on a backend's host. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "app/cmd_bpf.h"
#include "app/offline.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kern/decap.h"
#include "kern/unload.h"

#define DECAP_PIN	"/sys/fs/bpf/sluice-decap"
#define SETTLE_TRIES	20
#define SETTLE_PAUSE_NS (100 * NS_PER_MS)

/* ---- the kernel tier ---- */

/* Neighbours answer in their own time; nobody is there later to write their addresses down. */
static void settle(struct kern *k)
{
	const struct timespec pause = { .tv_nsec = SETTLE_PAUSE_NS };

	for (int i = 0; i < SETTLE_TRIES; i++) {
		k->ops->refresh(k);
		nanosleep(&pause, NULL);
	}
}

static int say_interfaces(struct kern *k)
{
	struct kern_iface_state state[64];
	size_t n = k->ops->interfaces(k, state, ARRAY_LEN(state));
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		if (!state[i].problem) {
			printf("%s: %s\n", state[i].name, state[i].mode);
			continue;
		}
		r = -EIO; /* why was said by kern_open */
	}
	return r;
}

static int on_load(void *ctx, const struct kern_conf *conf, const struct kern_service *services, size_t n,
		   struct err_list *errs)
{
	struct kern *k;
	bool had;
	int r;

	(void)ctx;
	if (conf->ninterfaces == 0) {
		err_add(errs, (struct place){ 0 }, "kernel.interfaces",
			"none are configured: there is nothing to load");
		return -EINVAL;
	}
	r = kern_open(conf, &k, errs);
	if (r < 0)
		return r;
	had = k->adopted;
	r = k->ops->sync(k, services, n, errs);
	if (r == 0) {
		settle(k);
		r = say_interfaces(k);
		printf("%zu services pinned under %s; next hops stay as they are now\n", n, conf->pin_path);
	}
	k->ops->close(k, r == 0 || r == -EIO || had);
	return r;
}

static int load(const char *file)
{
	struct err_list errs;
	int r;

	err_init(&errs);
	r = offline_visit(file, on_load, NULL, &errs);
	return bpf_report(r, &errs);
}

/* ---- decap ---- */

struct decap_args {
	const char *interface, *pin;
	struct addr *vips;
	size_t n;
};

static int add_vip(struct decap_args *a, const char *command, const char *text)
{
	a->vips = mem_realloc(a->vips, a->n + 1, sizeof(*a->vips));
	if (addr_parse(str_of(text), &a->vips[a->n]) < 0)
		return bpf_usage_error(command, "\"%s\" is no IP address", text);
	a->n++;
	return BPF_OK;
}

/* --vip may stand once before several addresses, as in the usage, or before each. */
static int parse_decap(struct decap_args *a, const char *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "vip", required_argument, NULL, 'v' },
		{ "pin", required_argument, NULL, 'p' },
		{ 0 },
	};
	int c, r = BPF_OK;

	optind = 0;
	opterr = 0;
	while (r == BPF_OK && (c = getopt_long(argc, argv, "i:", options, NULL)) >= 0) {
		if (c == 'i')
			a->interface = optarg;
		else if (c == 'p')
			a->pin = optarg;
		else if (c == 'v')
			r = add_vip(a, command, optarg);
		else
			return bpf_usage_error(command, "unknown option or missing value");
	}
	for (int i = optind; r == BPF_OK && i < argc; i++)
		r = add_vip(a, command, argv[i]);
	if (r == BPF_OK && !a->interface)
		return bpf_usage_error(command, "--interface is missing");
	return r;
}

static int run_decap(bool on, const char *command, int argc, char **argv)
{
	struct decap_args a = { .pin = DECAP_PIN };
	struct err_list errs;
	int r = parse_decap(&a, command, argc, argv);

	if (r == BPF_OK && (on ? a.n == 0 : a.n > 0))
		r = bpf_usage_error(command, on ? "--vip is missing" : "unload takes no addresses");
	if (r == BPF_OK) {
		err_init(&errs);
		r = on ? decap_load(a.interface, KERN_XDP_AUTO, a.pin, a.vips, a.n, &errs)
		       : decap_unload(a.interface, a.pin, &errs);
		r = bpf_report(r, &errs);
	}
	free(a.vips);
	return r;
}

/* ---- the commands ---- */

static int parse_paths(const char *command, int argc, char **argv, const char **file, const char **pin)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "pin", required_argument, NULL, 'p' },
		{ 0 },
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+c:", options, NULL)) >= 0) {
		if (c == 'c')
			*file = optarg;
		else if (c == 'p')
			*pin = optarg;
		else
			return bpf_usage_error(command, "unknown option or missing value");
	}
	if (optind < argc)
		return bpf_usage_error(command, "unexpected argument \"%s\"", argv[optind]);
	return BPF_OK;
}

int cmd_bpf_load(int argc, char **argv)
{
	const char *file = NULL, *pin = NULL;
	int r;

	if (argc > 1 && strcmp(argv[1], "decap") == 0)
		return run_decap(true, "load", argc - 1, argv + 1);
	r = parse_paths("load", argc, argv, &file, &pin);
	if (r != BPF_OK)
		return r;
	if (!file || pin)
		return bpf_usage_error("load", "the configuration file is missing: -c FILE");
	return load(file);
}

int cmd_bpf_unload(int argc, char **argv)
{
	_cleanup_free_ char *path = NULL;
	const char *file = NULL, *pin = NULL;
	struct err_list errs;
	int r;

	if (argc > 1 && strcmp(argv[1], "decap") == 0)
		return run_decap(false, "unload", argc - 1, argv + 1);
	r = parse_paths("unload", argc, argv, &file, &pin);
	if (r != BPF_OK)
		return r;
	if (!file && !pin) /* it ends forwarding: no default */
		return bpf_usage_error("unload", "say what: -c FILE or --pin PATH");
	path = bpf_pin_path("unload", file, pin);
	if (!path)
		return BPF_FAILED;
	err_init(&errs);
	r = unload_all(path, &errs);
	if (r == 0)
		printf("%s is removed\n", path);
	return bpf_report(r, &errs);
}
