/* kern/ hands out rows; here they become JSON and exposition lines. */
#include "admin/api_kernel.h"

#define MAX_INTERFACES 256

/* The labels a row has; returns how many. */
static size_t labels_of(const struct kern_count *c, struct prom_label ret[3])
{
	const struct prom_label all[] = { { "service", c->service },
					  { "backend", c->backend },
					  { "reason", c->reason } };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].value)
			ret[n++] = all[i];
	return n;
}

static void add_json(void *ctx, const struct kern_count *c)
{
	json_t *o = json_object(), *labels = json_object();
	struct prom_label l[3];
	size_t n = labels_of(c, l);

	for (size_t i = 0; i < n; i++)
		view_set(labels, l[i].name, l[i].value);
	view_set(o, "name", c->name);
	view_set(o, "help", c->help);
	view_set(o, "type", c->gauge ? "gauge" : "counter");
	json_object_set_new(o, "labels", labels);
	json_object_set_new(o, "value", json_integer((json_int_t)c->value));
	json_array_append_new(ctx, o);
}

json_t *api_kernel_counters(const struct apply *a)
{
	json_t *list = json_array();

	if (a->kern)
		a->kern->ops->counts(a->kern, add_json, list);
	return list;
}

json_t *api_kernel_interfaces(const struct apply *a)
{
	_cleanup_free_ struct kern_iface_state *v = mem_zalloc(MAX_INTERFACES * sizeof(*v));
	size_t n = a->kern ? a->kern->ops->interfaces(a->kern, v, MAX_INTERFACES) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < n && i < MAX_INTERFACES; i++) {
		json_t *o = json_object();

		view_set(o, "name", v[i].name);
		view_set(o, "mode", v[i].mode);
		view_set(o, "problem", v[i].problem);
		json_array_append_new(list, o);
	}
	return list;
}

static void add_row(void *ctx, const struct kern_count *c)
{
	struct prom_label labels[3];
	const struct prom_row row = { c->name, c->help, c->gauge, labels, labels_of(c, labels), c->value };

	prom_rows_add(ctx, &row);
}

void api_kernel_metrics(const struct apply *a, struct buf *out)
{
	struct prom_rows *rows;

	if (!a->kern)
		return;
	rows = prom_rows_new();
	a->kern->ops->counts(a->kern, add_row, rows);
	prom_rows_write(rows, out);
	prom_rows_free(&rows);
}
