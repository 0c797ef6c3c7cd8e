/* Links. An interface that was deleted and made again has another ifindex; its old link is dead and is replaced. */
#include "kern/attach.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "kern/pin.h"

void attach_init(struct attach *a, const char *name)
{
	*a = (struct attach){ .link = -1, .mode = "" };
	snprintf(a->name, sizeof(a->name), "%s", name);
}

static const char *mode_of(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)ifindex, 0, &q) < 0 || q.attach_mode == XDP_ATTACHED_NONE)
		return "";
	return q.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
}

static bool mode_fits(const char *have, enum kern_xdp_mode want)
{
	switch (want) {
	case KERN_XDP_AUTO:
		return true;
	case KERN_XDP_NATIVE:
		return strcmp(have, "native") == 0;
	case KERN_XDP_GENERIC:
		return strcmp(have, "generic") == 0;
	}
	return false;
}

/* Is the link alive and on this interface of this network namespace? Ifindexes repeat between namespaces, program ids
 * do not. */
static bool link_is_on(int link, uint32_t ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info), on = 0;

	if (bpf_obj_get_info_by_fd(link, &info, &len) < 0 || info.type != BPF_LINK_TYPE_XDP ||
	    info.xdp.ifindex != ifindex)
		return false;
	return bpf_xdp_query_id((int)ifindex, 0, &on) == 0 && on == info.prog_id;
}

/* The pinned link if it can go on serving, with our program on it; else -1 and no pin. */
static int adopt(uint32_t ifindex, int prog, enum kern_xdp_mode mode, const char *path)
{
	int link = bpf_obj_get(path);

	if (link < 0)
		return -1;
	if (link_is_on(link, ifindex) && mode_fits(mode_of(ifindex), mode) && bpf_link_update(link, prog, NULL) == 0)
		return link;
	unlink(path);
	close(link);
	return -1;
}

static int create(uint32_t ifindex, int prog, enum kern_xdp_mode mode)
{
	static const uint32_t order[][2] = {
		[KERN_XDP_AUTO] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE },
		[KERN_XDP_NATIVE] = { XDP_FLAGS_DRV_MODE, 0 },
		[KERN_XDP_GENERIC] = { XDP_FLAGS_SKB_MODE, 0 },
	};
	int r = -EINVAL;

	for (int i = 0; i < 2 && order[mode][i]; i++) {
		LIBBPF_OPTS(bpf_link_create_opts, o, .flags = order[mode][i]);

		r = bpf_link_create(prog, (int)ifindex, BPF_XDP, &o);
		if (r >= 0 || r == -EBUSY || r == -EEXIST)
			break;
	}
	return r;
}

static int fail(struct attach *a, int r)
{
	if (r == -EBUSY || r == -EEXIST)
		snprintf(a->problem, sizeof(a->problem),
			 "another XDP program is attached; take it off with `ip link set dev %s xdp off` or `bpftool "
			 "link detach`",
			 a->name);
	else if (r == -ENODEV)
		snprintf(a->problem, sizeof(a->problem), "no such interface");
	else if (r == -EOPNOTSUPP)
		snprintf(a->problem, sizeof(a->problem),
			 "the driver has no native XDP; set kernel.xdpMode to auto or generic");
	else if (r == -ERANGE || r == -EINVAL || r == -EMSGSIZE)
		snprintf(a->problem, sizeof(a->problem),
			 "the driver refuses (%s), perhaps for the MTU; lower that to %d, or set kernel.xdpMode to "
			 "auto or "
			 "generic",
			 strerror(-r), ATTACH_BUFFER_MTU);
	else
		snprintf(a->problem, sizeof(a->problem), "attaching failed: %s", strerror(-r));
	return r;
}

static int make(struct attach *a, uint32_t ifindex, int prog, enum kern_xdp_mode mode, const char *path)
{
	int link = create(ifindex, prog, mode);

	if (link < 0)
		return link;
	if (bpf_obj_pin(link, path) < 0) {
		int r = -errno;

		close(link);
		return r;
	}
	a->link = link;
	return 0;
}

int attach_on(struct attach *a, int prog, enum kern_xdp_mode mode, const char *pin_dir)
{
	uint32_t ifindex = if_nametoindex(a->name);
	char path[PIN_PATH_MAX];
	int r = pin_link_path(pin_dir, a->name, path);

	if (r == 0 && a->link >= 0 && ifindex && ifindex == a->ifindex)
		return 0;
	attach_off(a, true, pin_dir);
	if (r == 0 && !ifindex)
		r = -ENODEV;
	if (r < 0)
		return fail(a, r);
	a->link = adopt(ifindex, prog, mode, path);
	if (a->link < 0)
		r = make(a, ifindex, prog, mode, path);
	if (r < 0)
		return fail(a, r);
	a->ifindex = ifindex;
	a->mode = mode_of(ifindex);
	a->problem[0] = '\0';
	return 0;
}

void attach_off(struct attach *a, bool keep, const char *pin_dir)
{
	char path[PIN_PATH_MAX];

	if (!keep && pin_link_path(pin_dir, a->name, path) == 0)
		unlink(path);
	if (a->link >= 0)
		close(a->link);
	a->link = -1;
	a->ifindex = 0;
	a->mode = "";
}
