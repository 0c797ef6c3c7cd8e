/* Sums per-CPU cells. A service with several VIPs has several ids and one row. */
#include "kern/count.h"
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "lb/count.h"
#include "xdp.skel.h"

#define TRAFFIC_WORDS (sizeof(struct lb_traffic) / sizeof(uint64_t))
#define REASON_WORDS  (sizeof(struct lb_count) / sizeof(uint64_t))

typedef void visit_fn(void *ctx, const struct kern_count *c);

static const char *const reason_names[LB_R_COUNT] = {
#define REASON_NAME(name, verdict, help) #name,
	LB_REASONS(REASON_NAME)
#undef REASON_NAME
};

struct row {
	const char *service;
	char backend[ENDPOINT_TEXT_MAX];
	uint64_t words[TRAFFIC_WORDS]; /* as struct lb_traffic */
};

struct metric {
	const char *name, *help;
};

static const struct metric service_metrics[TRAFFIC_WORDS] = {
	{ "sluice_kernel_service_packets_total", "Packets balanced by XDP, both directions." },
	{ "sluice_kernel_service_bytes_total", "Bytes of frames balanced by XDP, both directions." },
	{ "sluice_kernel_service_flows_total", "Flows created by XDP." },
};

static const struct metric backend_metrics[TRAFFIC_WORDS] = {
	{ "sluice_kernel_backend_packets_total", "Packets of a backend balanced by XDP, both directions." },
	{ "sluice_kernel_backend_bytes_total", "Bytes of frames of a backend balanced by XDP, both directions." },
	{ "sluice_kernel_backend_flows_total", "Flows created by XDP towards a backend." },
};

static void visit_reasons(struct live *l, visit_fn *fn, void *ctx)
{
	for (uint32_t i = 0; i < LB_R_COUNT; i++) {
		uint64_t words[REASON_WORDS] = { 0 };
		struct kern_count c = { .name = "sluice_kernel_packets_total",
					.help = "Packets seen by XDP, by what became of them.",
					.reason = reason_names[i] };

		if (mapio_sum(bpf_map__fd(l->object->maps.reasons), i, words, REASON_WORDS) < 0)
			continue;
		c.value = words[0];
		fn(ctx, &c);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->service, y->service);

	return r ? r : strcmp(x->backend, y->backend);
}

/* Sorts, adds up rows of the same labels, and returns how many are left. */
static size_t merge_rows(struct row *rows, size_t n)
{
	size_t out = 0;

	qsort(rows, n, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < n; i++) {
		if (out && compare_rows(&rows[out - 1], &rows[i]) == 0) {
			for (size_t w = 0; w < TRAFFIC_WORDS; w++)
				rows[out - 1].words[w] += rows[i].words[w];
			continue;
		}
		rows[out++] = rows[i];
	}
	return out;
}

static void emit_rows(const struct row *rows, size_t n, const struct metric metrics[TRAFFIC_WORDS], visit_fn *fn,
		      void *ctx)
{
	for (size_t w = 0; w < TRAFFIC_WORDS; w++)
		for (size_t i = 0; i < n; i++) {
			struct kern_count c = { .name = metrics[w].name,
						.help = metrics[w].help,
						.service = rows[i].service,
						.backend = rows[i].backend[0] ? rows[i].backend : NULL,
						.value = rows[i].words[w] };

			fn(ctx, &c);
		}
}

static void visit_services(struct live *l, visit_fn *fn, void *ctx)
{
	_cleanup_free_ struct row *rows = mem_zalloc((l->table.nservices + 1) * sizeof(*rows));
	size_t n = 0;

	for (uint32_t id = 0; id < l->table.nservices; id++) {
		if (!l->table.services[id].active)
			continue;
		rows[n].service = l->table.services[id].name;
		if (mapio_sum(bpf_map__fd(l->object->maps.service_counts), id, rows[n].words, TRAFFIC_WORDS) == 0)
			n++;
	}
	emit_rows(rows, merge_rows(rows, n), service_metrics, fn, ctx);
}

static void visit_backends(struct live *l, visit_fn *fn, void *ctx)
{
	_cleanup_free_ struct row *rows = mem_zalloc((l->table.nbackends + 1) * sizeof(*rows));
	size_t n = 0;

	for (uint32_t id = 0; id < l->table.nbackends; id++) {
		const struct lb_backend *b = &l->table.backends[id];
		struct endpoint at = table_endpoint(b);

		if (!table_backend_active(b) || b->service >= l->table.nservices)
			continue;
		rows[n].service = l->table.services[b->service].name;
		endpoint_print(&at, rows[n].backend);
		if (mapio_sum(bpf_map__fd(l->object->maps.backend_counts), id, rows[n].words, TRAFFIC_WORDS) == 0)
			n++;
	}
	emit_rows(rows, merge_rows(rows, n), backend_metrics, fn, ctx);
}

void count_visit(struct live *l, visit_fn *fn, void *ctx)
{
	visit_reasons(l, fn, ctx);
	visit_services(l, fn, ctx);
	visit_backends(l, fn, ctx);
}
