/* Interface facts. The netdev family is spelt out: headers of older systems do not have it. */
#include "kern/nic.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "base/mem.h"

#define DEV_GET		 1 /* NETDEV_CMD_DEV_GET */
#define DEV_IFINDEX	 1 /* NETDEV_A_DEV_IFINDEX */
#define DEV_XDP_FEATURES 3 /* NETDEV_A_DEV_XDP_FEATURES */

/* ---- ioctl ---- */

static int ask(int fd, struct ifreq *r, const char *name, unsigned long what)
{
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
	return ioctl(fd, what, r) < 0 ? -errno : 0;
}

static uint32_t offload(int fd, const char *name, uint32_t what)
{
	struct ethtool_value v = { .cmd = what };
	struct ifreq r = { .ifr_data = (void *)&v };

	return ask(fd, &r, name, SIOCETHTOOL) == 0 ? v.data : 0;
}

static int read_basics(int fd, struct nic *n)
{
	struct ethtool_drvinfo drv = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { 0 };

	if (ask(fd, &r, n->name, SIOCGIFFLAGS) < 0)
		return -errno;
	n->up = r.ifr_flags & IFF_UP;
	if (ask(fd, &r, n->name, SIOCGIFMTU) == 0)
		n->mtu = (uint32_t)r.ifr_mtu;
	if (ask(fd, &r, n->name, SIOCGIFHWADDR) == 0)
		n->ethernet = r.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	r.ifr_data = (void *)&drv;
	if (ask(fd, &r, n->name, SIOCETHTOOL) == 0)
		snprintf(n->driver, sizeof(n->driver), "%s", drv.driver);
	n->lro = offload(fd, n->name, ETHTOOL_GFLAGS) & ETH_FLAG_LRO;
	n->tx_checksum = offload(fd, n->name, ETHTOOL_GTXCSUM);
	return 0;
}

/* ---- what the driver can do ---- */

static int on_family(const struct nlmsghdr *h, void *data)
{
	struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID &&
							       mnl_attr_validate(a, MNL_TYPE_U16) >= 0) *
		(uint16_t *)data = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_device(const struct nlmsghdr *h, void *data)
{
	struct nic *n = data;
	struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) == DEV_XDP_FEATURES &&
							       mnl_attr_validate(a, MNL_TYPE_U64) >= 0)
	{
		n->features = mnl_attr_get_u64(a);
		n->knows_features = true;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *generic(char *buf, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return h;
}

/* Reads up to the acknowledgement. */
static void transact(struct mnl_socket *s, const struct nlmsghdr *h, mnl_cb_t cb, void *data)
{
	char buf[8192];
	ssize_t n;

	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return;
	do
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	while (n > 0 && mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(s), cb, data) > MNL_CB_STOP);
}

static void read_features(struct nic *n)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	uint16_t family = 0;
	char buf[256];
	struct nlmsghdr *h;

	if (!s)
		return;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0) {
		h = generic(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
		mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, "netdev");
		transact(s, h, on_family, &family);
	}
	if (family) {
		h = generic(buf, family, DEV_GET);
		mnl_attr_put_u32(h, DEV_IFINDEX, n->ifindex);
		transact(s, h, on_device, n);
	}
	mnl_socket_close(s);
}

/* ---- what is on it ---- */

static void read_program(struct nic *n)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	n->mode = "";
	if (bpf_xdp_query((int)n->ifindex, 0, &q) < 0 || q.attach_mode == XDP_ATTACHED_NONE)
		return;
	n->prog = q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
	n->mode = q.attach_mode == XDP_ATTACHED_SKB  ? "generic"
		  : q.attach_mode == XDP_ATTACHED_HW ? "offloaded"
						     : "native";
}

int nic_read(const char *name, struct nic *ret)
{
	struct nic n = { .ifindex = if_nametoindex(name) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	snprintf(n.name, sizeof(n.name), "%s", name);
	if (!n.ifindex)
		return -ENODEV;
	if (fd < 0)
		return -errno;
	r = read_basics(fd, &n);
	if (r < 0)
		return r;
	read_features(&n);
	read_program(&n);
	*ret = n;
	return 0;
}

int nic_try(const struct nic *n, bool native)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	LIBBPF_OPTS(bpf_prog_load_opts, frags, .prog_flags = BPF_F_XDP_HAS_FRAGS); /* as ours is */
	_cleanup_close_ int prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "sluice_try", "GPL", pass, ARRAY_LEN(pass), &frags);
	int link;

	if (prog < 0)
		return prog;
	link = bpf_link_create(prog, (int)n->ifindex, BPF_XDP, &o);
	if (link < 0)
		return link;
	close(link);
	return 0;
}
