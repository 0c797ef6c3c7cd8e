#include "print.h"
#include <stdio.h>
#include "base/mem.h"

/* The row of a floor. */
static const struct figure *floor_of(const struct figure *figures, enum floor_kind kind)
{
	for (size_t i = 0; i < nscenarios; i++)
		if (!scenarios[i].reason && scenarios[i].floor == kind)
			return &figures[i];
	return NULL;
}

static void print_figure(const struct scenario *s, const struct figure *f, const struct figure *floor)
{
	printf("| %-42s | %4u | %4u | %5u |", s->name, f->ns[0], f->ns[f->n / 2], f->ns[f->n - 1]);
	if (!s->reason || !floor || !floor->n)
		printf("       |      |       |\n");
	else
		printf(" %5u | %4.2f | %5d |\n", floor->ns[0], (double)f->ns[0] / floor->ns[0],
		       (int)f->ns[0] - (int)floor->ns[0]);
}

void print_figures(const struct figure *figures)
{
	printf("| %-42s | %4s | %4s | %5s | %5s | %4s | %5s |\n", "ns per packet, 100 servers", "min", "med", "max",
	       "floor", "of", "above");
	printf("|%.44s|--:|--:|--:|--:|--:|--:|\n", "--------------------------------------------");
	for (size_t i = 0; i < nscenarios; i++) {
		if (!figures[i].wanted)
			continue;
		if (figures[i].wrong)
			printf("| %-42s | WRONG | | | | | |\n", scenarios[i].name);
		else
			print_figure(&scenarios[i], &figures[i], floor_of(figures, scenarios[i].floor));
	}
	printf("\nfloor: least time of the program that does the least for this (XDP_TX, bare encapsulation, fixed "
	       "rewrite); "
	       "of: least\ntime as a multiple of it; above: the difference.\n");
}

void print_live(const struct live_figure *figures, size_t n)
{
	printf("\n| %-24s | %6s | %4s | %4s | %5s | %4s | %6s |\n", "live frames over veth", "flows", "min", "med",
	       "max", "Mpps", "lost");
	printf("|%.26s|--:|--:|--:|--:|--:|--:|\n", "--------------------------");
	for (size_t i = 0; i < n; i++) {
		const struct live_figure *f = &figures[i];

		printf("| %-24s | %6u | %4u | %4u | %5u | %4.1f | %4.1f %% |\n", f->name, f->flows, f->ns[0],
		       f->ns[f->n / 2], f->ns[f->n - 1], 1e3 / f->ns[f->n / 2], f->lost * 100);
	}
	printf("\nns per packet that arrived; Mpps at the median. One CPU sends, balances, sends back and counts.\n");
}

static void print_times(const char *name, const uint32_t us[RING_CHANGES])
{
	printf("| %-32s | %6.2f | %6.2f | %6.2f |\n", name, us[0] / 1e3, us[RING_CHANGES / 2] / 1e3,
	       us[RING_CHANGES - 1] / 1e3);
}

void print_ring(const struct ring_figure *f)
{
	printf("\n| %-32s | %6s | %6s | %6s |\n", "ring change, 100 servers, ms", "min", "med", "max");
	printf("|%.34s|--:|--:|--:|\n", "----------------------------------");
	print_times("until packets go by the new one", f->effect_us);
	print_times("until the call returns", f->done_us);
	for (size_t i = 0; i < ARRAY_LEN(f->move); i++)
		printf("%s%s: %.2f %% of new flows go elsewhere, %.2f %% must.\n", i ? "" : "\n", f->move[i].name,
		       f->move[i].moved * 100, f->move[i].least * 100);
}
