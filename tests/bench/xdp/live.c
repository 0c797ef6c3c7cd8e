#include "live.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "measure.h"
#include "net.h"
#include "rig.h"

#define LOST_MAX 0.01 /* more, and it is no figure */

/* Interfaces of the floors, beside those of the worlds and the one that is far. */
enum { TX_SUBNET = WORLDS + 1, IPIP_SUBNET };

static const struct row {
	const char *name;
	int floor; /* or -1: the balancer */
	unsigned subnet;
	uint32_t flows;
} rows[LIVE_ROWS] = {
	{ "live floor: XDP_TX", FLOOR_TX, TX_SUBNET, 1 },
	{ "live floor: bare IPIP", FLOOR_IPIP, IPIP_SUBNET, 1 },
	{ "live ipip tcp4", -1, PLAIN, 1 },
	{ "live floor: XDP_TX", FLOOR_TX, TX_SUBNET, 65536 },
	{ "live floor: bare IPIP", FLOOR_IPIP, IPIP_SUBNET, 65536 },
	{ "live ipip tcp4", -1, PLAIN, 65536 },
};

static int set_up(void)
{
	uint32_t tx, ipip;
	int r = net_subnet(TX_SUBNET, &tx);

	if (r == 0)
		r = net_subnet(IPIP_SUBNET, &ipip);
	if (r == 0)
		r = net_attach(tx, rig_floor(FLOOR_TX));
	if (r == 0)
		r = net_attach(ipip, rig_floor(FLOOR_IPIP));
	for (int i = 0; r == 0 && i < 3; i++)
		r = net_attach(net_peer(rows[i].subnet), rig_sink());
	if (r < 0)
		fprintf(stderr, "live frames: setting up the floors and the sink failed: %s\n", strerror(-r));
	return r;
}

/* Flows are entered through BPF_PROG_TEST_RUN, which has the same packets. */
static void prepare(const struct row *row, const struct world *w, struct packet *p)
{
	*p = (struct packet){ .proto = IPPROTO_TCP, .flags = FLAG_SYN, .dst = VIP_IPIP, .dport = VIP_PORT };
	if (row->floor < 0) {
		rig_aim(w->prog, DRIVE4, p, row->flows, w->ifindex);
		rig_run(row->flows);
		rig_flags(FLAG_ACK);
		rig_run(row->flows);
	}
	p->flags = FLAG_ACK;
	rig_aim(w->prog, SOURCE4, p, row->flows, net_peer(row->subnet));
}

/* False when it was not the packets of this row that were counted. */
static bool run(const struct row *row, const struct world *w, uint32_t packets, struct live_figure *f)
{
	struct tally before, after;
	struct packet p;
	uint64_t arrived, forwarded;
	double seconds;

	prepare(row, w, &p);
	world_tally(w, &before);
	arrived = rig_arrived();
	seconds = rig_live(packets);
	arrived = rig_arrived() - arrived;
	world_tally(w, &after);
	f->lost += arrived < packets ? 1 - (double)arrived / packets : 0;
	f->ns[f->n++] = (uint32_t)(seconds * 1e9 / (double)(arrived ? arrived : 1));
	forwarded = row->floor >= 0 ? packets : tally_of(&after, "forwarded") - tally_of(&before, "forwarded");
	return arrived >= packets * (1 - LOST_MAX) && forwarded >= packets * (1 - LOST_MAX);
}

int live_measure(const struct options *o, const struct world *w, struct live_figure ret[LIVE_ROWS])
{
	unsigned rounds = o->rounds < 3 ? 1 : o->rounds / 3;
	int wrong = 0, r = set_up();

	if (r < 0)
		return r;
	for (int i = 0; i < LIVE_ROWS; i++)
		ret[i] = (struct live_figure){ .name = rows[i].name, .flows = rows[i].flows };
	for (unsigned round = 0; round < rounds; round++)
		for (int i = 0; i < LIVE_ROWS; i++) {
			if (run(&rows[i], w, 2 * o->packets, &ret[i]))
				continue;
			fprintf(stderr,
				"WRONG: %s, %u flows: of %u packets not all arrived, or not as forwarded ones\n",
				rows[i].name, rows[i].flows, 2 * o->packets);
			wrong++;
		}
	for (int i = 0; i < LIVE_ROWS; i++) {
		measure_sort(ret[i].ns, ret[i].n);
		ret[i].lost /= ret[i].n;
	}
	return wrong;
}
