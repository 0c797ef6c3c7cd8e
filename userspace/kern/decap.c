/* Loading, attaching and removing bpf/decap.bpf.c. Its maps are made anew each time and belong to the program alone:
 * the pinned link keeps both alive. */
#include "kern/decap.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "decap.skel.h"
#include "kern/attach.h"
#include "kern/pin.h"
#include "kern/table.h"

#define NOWHERE ((struct place){ 0 })

static int check(const struct addr *vips, size_t n, struct err_list *errs)
{
	size_t before = errs->errors;

	if (n == 0)
		err_add(errs, NOWHERE, "decap",
			"no address to open packets for; name the virtual addresses of this host");
	if (n > DECAP_VIPS_MAX)
		err_add(errs, NOWHERE, "decap", "%zu addresses; at most %d", n, DECAP_VIPS_MAX);
	for (size_t i = 0; i < n; i++)
		if (addr_is_any(&vips[i]))
			err_add(errs, NOWHERE, "decap", "address %zu stands for all; expected one virtual address",
				i + 1);
	return errs->errors == before ? 0 : -EINVAL;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int load(const struct addr *vips, size_t n, struct decap_bpf **ret)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	struct decap_bpf *o = decap_bpf__open_and_load();
	int r = o ? 0 : -errno;
	uint32_t yes = 1;

	libbpf_set_print(before);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct lb_addr a = table_addr(&vips[i]);

		r = bpf_map__update_elem(o->maps.local_vips, &a, sizeof(a), &yes, sizeof(yes), BPF_ANY);
	}
	if (r == 0)
		*ret = o;
	else
		decap_bpf__destroy(o);
	return r;
}

int decap_load(const char *ifname, enum kern_xdp_mode mode, const char *pin_path, const struct addr *vips, size_t n,
	       struct err_list *errs)
{
	struct decap_bpf *o = NULL;
	struct attach a;
	int r = check(vips, n, errs);

	if (r == 0)
		r = pin_prepare(pin_path, errs);
	if (r < 0)
		return r;
	r = load(vips, n, &o);
	if (r < 0) {
		err_add(errs, NOWHERE, "decap", "loading the program failed: %s%s", strerror(-r),
			kern_probe()[0] ? "; needs root and XDP" : "");
		return r;
	}
	attach_init(&a, ifname);
	r = attach_on(&a, bpf_program__fd(o->progs.sluice_decap), mode, pin_path);
	if (r < 0)
		err_add(errs, NOWHERE, ifname, "%s", a.problem);
	attach_off(&a, true, pin_path);
	decap_bpf__destroy(o);
	if (r < 0)
		(void)rmdir(pin_path);
	return r;
}

int decap_unload(const char *ifname, const char *pin_path, struct err_list *errs)
{
	char path[PIN_PATH_MAX];
	int r = pin_link_path(pin_path, ifname, path);

	if (r == 0 && unlink(path) < 0)
		r = -errno;
	if (r < 0) {
		err_add(errs, NOWHERE, ifname, "no decapsulation is pinned for it under %s: %s", pin_path,
			strerror(-r));
		return r;
	}
	(void)rmdir(pin_path);
	return 0;
}
