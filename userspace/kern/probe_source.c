/* Answers arrive like packets from the Internet that claim to be from one of our own services: a local VIP makes them
 * martians, and reverse path filtering wants the way to the VIP to be where they come from. */
#include "kern/probe_source.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

enum { RP_OFF, RP_STRICT, RP_LOOSE }; /* Documentation/networking/ip-sysctl.rst */

static int read_rp_filter(const char *name)
{
	char path[128], text[16];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	f = fopen(path, "re");
	return f && fgets(text, sizeof(text), f) ? (int)strtol(text, NULL, 10) : RP_OFF;
}

/* The larger of the two counts. IPv6 has no such filter. */
static int rp_filter(const char *name)
{
	int all = read_rp_filter("all"), own = read_rp_filter(name);

	return all > own ? all : own;
}

static int check_answers(const struct addr *vip, const struct neigh_route *to_vip, uint32_t ifindex, char *problem,
			 char *remedy)
{
	char name[IF_NAMESIZE] = "?";
	bool known = to_vip->type == RTN_UNICAST;
	int filter;

	if (!addr_is_v4(vip) || !if_indextoname(ifindex, name))
		return 0;
	filter = rp_filter(name);
	if (filter == RP_OFF || (known && (filter == RP_LOOSE || to_vip->ifindex == ifindex)))
		return 0;
	snprintf(problem, PROBE_TEXT_MAX, "rp_filter of %s would drop the answers: %s", name,
		 known ? "it is strict, and the way to the virtual address does not lead there"
		       : "this host has no route to the virtual address");
	snprintf(remedy, PROBE_TEXT_MAX, "sysctl net.ipv4.conf.%s.rp_filter=2%s", name,
		 known ? "" : ", and a default route");
	return -EXDEV;
}

static int refuse_local(char *problem, char *remedy)
{
	snprintf(problem, PROBE_TEXT_MAX,
		 "the virtual address is one of this host's own, so checks of it would not leave");
	snprintf(remedy, PROBE_TEXT_MAX, "`ip address del` it here, and route it to this host instead");
	return -EADDRINUSE;
}

/* Inside a header of the other family: what this host would use towards the VIP. */
static int other_family(const struct neigh_route *to_vip, struct probe_source *ret, char *problem, char *remedy)
{
	if (to_vip->type != RTN_UNICAST || !to_vip->has_src) {
		snprintf(problem, PROBE_TEXT_MAX,
			 "the virtual address is of another family than the server, and this host has no route to it "
			 "that would name an address to check from");
		snprintf(remedy, PROBE_TEXT_MAX,
			 "a default route of that family, by which the servers reach this host");
		return -ENETUNREACH;
	}
	*ret = (struct probe_source){ .from = to_vip->src, .ifindex = to_vip->ifindex };
	return 0;
}

int probe_source_find(struct neigh *n, const struct addr *vip, const struct addr *server, struct probe_source *ret,
		      char problem[PROBE_TEXT_MAX], char remedy[PROBE_TEXT_MAX])
{
	struct neigh_route to_vip, to_server;
	int r = neigh_route(n, server, 0, &to_server);

	problem[0] = remedy[0] = '\0';
	if (r < 0)
		return r;
	if (to_server.type != RTN_UNICAST || !to_server.has_src)
		return -ENETUNREACH;
	(void)neigh_route(n, vip, 0, &to_vip); /* none: type 0 */
	if (to_vip.type == RTN_LOCAL)
		return refuse_local(problem, remedy);
	r = check_answers(vip, &to_vip, to_server.ifindex, problem, remedy);
	if (r < 0)
		return r;
	if (addr_is_v4(vip) != addr_is_v4(server))
		return other_family(&to_vip, ret, problem, remedy);
	*ret = (struct probe_source){ .from = to_server.src, .ifindex = to_server.ifindex };
	return 0;
}
