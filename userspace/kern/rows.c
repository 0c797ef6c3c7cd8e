/* Tables are one map value each, replaced as a whole through the outer map. */
#include "kern/rows.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/object.h"
#include "xdp.skel.h"

static void rows_clear(struct rows *r)
{
	for (uint32_t i = 0; i < r->size; i++) {
		r->row[i] = LB_ROW_NONE;
		r->past[i] = (struct lb_past){ .id = LB_ROW_NONE };
	}
	r->moved = 0;
}

/* The value of the service's inner map. -ENOENT: none. */
static int read_inner(int maglev_fd, uint32_t service, void *ret)
{
	_cleanup_close_ int fd = -1;
	uint32_t id, zero = 0;

	if (bpf_map_lookup_elem(maglev_fd, &service, &id) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, ret) < 0)
		return -errno;
	return 0;
}

int rows_load(int maglev_fd, uint32_t size, uint32_t service, struct rows *ret)
{
	int r;

	*ret = (struct rows){ .size = size, .row = mem_alloc(size * LB_ROW_BYTES) };
	ret->past = (struct lb_past *)(void *)(ret->row + ret->size);
	rows_clear(ret);
	r = read_inner(maglev_fd, service, ret->row);
	if (r < 0 && r != -ENOENT) {
		rows_free(ret);
		return r;
	}
	for (uint32_t i = 0; i < ret->size; i++)
		ret->moved += !!(ret->row[i] & LB_ROW_MOVED);
	return 0;
}

int rows_read(struct live *l, uint32_t service, struct rows *ret)
{
	return rows_load(bpf_map__fd(l->object->maps.maglev), l->maglev_size, service, ret);
}

void rows_free(struct rows *r)
{
	free(r->row);
	*r = (struct rows){ 0 };
}

static bool move_one(struct rows *r, uint32_t i, uint16_t want, uint16_t now_s)
{
	uint16_t was = r->row[i];

	if (was & LB_ROW_MOVED)
		return true;
	if (was == want || was == LB_ROW_NONE)
		return false;
	r->past[i] = (struct lb_past){ .id = was, .when = now_s };
	return true;
}

void rows_move(struct rows *r, const uint16_t *want, bool remember, uint16_t now_s, bool (*forget)(void *, uint16_t id),
	       void *ctx)
{
	r->moved = 0;
	for (uint32_t i = 0; i < r->size; i++) {
		bool moved = remember && move_one(r, i, want[i], now_s);

		if (!moved || (r->past[i].id != LB_ROW_NONE && forget(ctx, r->past[i].id)))
			r->past[i].id = LB_ROW_NONE;
		r->row[i] = (uint16_t)(want[i] | (moved ? LB_ROW_MOVED : 0));
		r->moved += moved;
	}
}

int rows_write(struct live *l, uint32_t service, const struct rows *r)
{
	_cleanup_close_ int fd = object_new_table(r->row, r->size * LB_ROW_BYTES);
	int rc = fd < 0 ? fd : mapio_put(bpf_map__fd(l->object->maps.maglev), service, &fd);

	if (rc == 0)
		l->moved[service] = (uint32_t)r->moved;
	return rc;
}

void rows_drop(struct live *l, uint32_t service)
{
	(void)bpf_map_delete_elem(bpf_map__fd(l->object->maps.maglev), &service);
	l->moved[service] = 0;
	l->rows_of[service] = 0;
}
