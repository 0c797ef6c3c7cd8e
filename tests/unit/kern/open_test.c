/* The live tier on real maps, without interfaces: needs root and a kernel with BPF, else every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include "kern/open.c"

static char pin_path[64];

static struct kern_conf conf(void)
{
	return (struct kern_conf){ .pin_path = pin_path,
				   .max_services = 4,
				   .max_backends = 8,
				   .max_flows = 64,
				   .maglev_size = 251,
				   .udp_timeout_ns = 30000000000u,
				   .tcp_timeout_ns = 7440000000000u,
				   .tcp_opening_ns = 30000000000u,
				   .tcp_closed_ns = 1000000000u,
				   .snat_port_lo = 10000,
				   .snat_port_hi = 10010 };
}

static struct kern *open_live(void)
{
	struct kern_conf c = conf();
	struct err_list errs;
	struct kern *k;

	if (kern_probe()[0])
		skip();
	err_init(&errs);
	if (kern_open(&c, &k, &errs) != 0) {
		err_print(&errs, stderr);
		fail();
	}
	err_free(&errs);
	return k;
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(str_of(text), &e), 0);
	return e;
}

static struct kern_service service(const char *name, const char *vip, const struct kern_backend *b, size_t n)
{
	return (struct kern_service){ .name = name, .vip = at(vip), .proto = KERN_TCP, .backends = b, .nbackends = n };
}

static int install_all(struct kern *k, const struct kern_service *s, size_t n)
{
	struct err_list errs;
	int r;

	err_init(&errs);
	r = k->ops->sync(k, s, n, &errs);
	err_free(&errs);
	return r;
}

static struct lb_backend backend_record(uint32_t id)
{
	char path[PIN_PATH_MAX];
	struct lb_backend b;
	int fd;

	pin_map_path(pin_path, "backends", path);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &id, &b), 0);
	close(fd);
	return b;
}

/* LB_ID_NONE: no such VIP. */
static uint16_t vip_service(struct kern *k, const char *vip)
{
	struct endpoint e = at(vip);
	struct lb_addr a = table_addr(&e.addr);
	const struct lb_address *found = directory_find(&live_of(k)->directory, &a);
	const struct lb_port *port;

	if (!found || !(found->flags & LB_ADDRESS_VIP))
		return LB_ID_NONE;
	port = directory_find_port(&live_of(k)->directory, found->id, htons(e.port), KERN_TCP);
	return port ? port->service : LB_ID_NONE;
}

static void rows_of(struct kern *k, uint32_t service_id, unsigned count[8])
{
	struct live *l = live_of(k);
	uint32_t inner, zero = 0;
	uint16_t rows[251 * LB_ROW_BYTES / sizeof(uint16_t)];
	int fd;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(l->object->maps.maglev), &service_id, &inner), 0);
	fd = bpf_map_get_fd_by_id(inner);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, rows), 0);
	close(fd);
	memset(count, 0, 8 * sizeof(*count));
	for (size_t i = 0; i < 251; i++)
		if ((rows[i] & LB_ROW_ID) < 8)
			count[rows[i] & LB_ROW_ID]++;
}

static void test_weights_and_health_reach_the_rows(void **state)
{
	struct kern_backend b[] = { { at("203.0.113.1:80"), 2, true }, { at("203.0.113.2:80"), 1, true } };
	struct kern_service s[] = { service("s", "203.0.113.10:80", b, 2) };
	struct kern *k = open_live();
	unsigned count[8];

	(void)state;
	assert_int_equal(install_all(k, s, 1), 0);
	rows_of(k, 0, count);
	assert_in_range(count[0], 164, 173); /* 167.3: at most 1/33 more, and 1/33 of 83.7 less; whole rows */
	assert_int_equal(count[0] + count[1], 251);
	assert_true(backend_record(0).flags & LB_BACKEND_UP);
	b[0].up = false;
	assert_int_equal(install_all(k, s, 1), 0);
	rows_of(k, 0, count);
	assert_int_equal(count[1], 251);
	assert_false(backend_record(0).flags & LB_BACKEND_UP);
	b[1].weight = 0;
	assert_int_equal(install_all(k, s, 1), 0);
	rows_of(k, 0, count);
	assert_int_equal(count[0] + count[1], 0);
	k->ops->close(k, false);
	assert_int_equal(access(pin_path, F_OK), -1);
}

static void test_ids_survive_a_restart(void **state)
{
	const struct kern_backend one[] = { { at("203.0.113.1:80"), 1, true }, { at("203.0.113.2:80"), 1, true } };
	const struct kern_backend two[] = { { at("203.0.113.3:80"), 1, true } };
	const struct kern_backend again[] = { { at("203.0.113.2:80"), 1, true }, { at("203.0.113.4:80"), 1, true } };
	const struct kern_service before[] = { service("a", "203.0.113.10:80", one, 2),
					       service("b", "203.0.113.11:80", two, 1) };
	const struct kern_service after[] = { service("b", "203.0.113.11:80", two, 1),
					      service("a", "203.0.113.10:80", again, 2) };
	struct kern *k = open_live();

	(void)state;
	assert_int_equal(install_all(k, before, 2), 0);
	k->ops->close(k, true);
	k = open_live();
	assert_int_equal(vip_service(k, "203.0.113.10:80"), 0); /* in force meanwhile */
	assert_int_equal(install_all(k, after, 2), 0);
	assert_int_equal(vip_service(k, "203.0.113.10:80"), 0);
	assert_int_equal(vip_service(k, "203.0.113.11:80"), 1);
	assert_false(backend_record(0).flags & LB_BACKEND_UP); /* 203.0.113.1 is gone: kept, but no new flows */
	assert_true(backend_record(0).flags & LB_BACKEND_USED);
	assert_true(backend_record(0).retired != 0);
	assert_true(backend_record(1).flags & LB_BACKEND_UP);
	assert_int_equal(backend_record(3).service, 0);
	k->ops->close(k, false);
}

static void test_vip_goes_with_its_service(void **state)
{
	const struct kern_backend b[] = { { at("203.0.113.1:80"), 1, true } };
	const struct kern_service s[] = { service("a", "203.0.113.10:80", b, 1),
					  service("b", "203.0.113.10:81", b, 1) };
	struct kern *k = open_live();

	(void)state;
	assert_int_equal(install_all(k, s, 2), 0);
	assert_int_equal(install_all(k, s, 1), 0);
	assert_int_equal(vip_service(k, "203.0.113.10:80"), 0);
	assert_int_equal(vip_service(k, "203.0.113.10:81"), LB_ID_NONE);
	assert_int_equal(install_all(k, s, 0), 0);
	assert_int_equal(vip_service(k, "203.0.113.10:80"), LB_ID_NONE);
	k->ops->close(k, false);
}

/* A configuration that does not fit changes nothing. */
/* Found by the model: rows stayed marked when nothing else changed. */
static void test_marks_go_with_affinity(void **state)
{
	struct kern_backend b[] = { { at("203.0.113.1:80"), 1, true }, { at("203.0.113.2:80"), 1, true } };
	struct kern_service s[] = { service("s", "203.0.113.10:80", b, 2) };
	struct kern *k = open_live();

	(void)state;
	s[0].affinity_ns = 500 * NS_PER_S;
	assert_int_equal(install_all(k, s, 1), 0);
	assert_int_equal(live_of(k)->moved[0], 0);
	b[0].weight = 3;
	assert_int_equal(install_all(k, s, 1), 0);
	assert_true(live_of(k)->moved[0] > 0);
	s[0].affinity_ns = 0;
	assert_int_equal(install_all(k, s, 1), 0);
	assert_int_equal(live_of(k)->moved[0], 0);
	k->ops->close(k, false);
}

/* Ranges may not overlap; a single port may lie in one. No more than a packet can be compared with. */
static void test_ranges(void **state)
{
	const struct kern_backend b[] = { { at("203.0.113.1:80"), 1, true } };
	struct kern_service s[LB_RANGES + 1] = { service("a", "203.0.113.10:1000", b, 1),
						 service("b", "203.0.113.10:1500", b, 1),
						 service("c", "203.0.113.10:1700", b, 1) };
	struct kern *k = open_live();

	(void)state;
	s[0].last_port = 1999;
	s[1].last_port = 2500;
	assert_int_equal(install_all(k, s, 2), -EINVAL);
	s[1].vip.port = 2000;
	assert_int_equal(install_all(k, s, 3), 0);
	for (uint16_t i = 0; i <= LB_RANGES; i++) {
		s[i] = service("r", "203.0.113.10:1", b, 1);
		s[i].vip.port = (uint16_t)(10 * i + 1);
		s[i].last_port = (uint16_t)(10 * i + 9);
	}
	assert_int_equal(install_all(k, s, LB_RANGES + 1), -EINVAL);
	k->ops->close(k, false);
}

static void test_refused_as_a_whole(void **state)
{
	struct kern_backend many[9], v6[] = { { at("[fd00::1]:80"), 1, true } };
	const struct kern_service good[] = { service("a", "203.0.113.10:80", many, 1) };
	const struct kern_service full[] = { service("b", "203.0.113.11:80", many, 9) };
	const struct kern_service bad[] = { service("b", "203.0.113.11:80", many, 1),
					    service("c", "203.0.113.12:80", v6, 1) };
	const struct kern_service twice[] = { service("b", "203.0.113.11:80", many, 1),
					      service("c", "203.0.113.11:80", many, 1) };
	struct kern *k = open_live();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = (struct kern_backend){ at("203.0.113.1:80"), 1, true };
		many[i].at.port = (uint16_t)(80 + i);
	}
	assert_int_equal(install_all(k, good, 1), 0);
	assert_int_equal(install_all(k, full, 1), -ENOSPC);
	assert_int_equal(install_all(k, bad, 2), -EINVAL);
	assert_int_equal(install_all(k, twice, 2), -EINVAL);
	assert_int_equal(vip_service(k, "203.0.113.10:80"), 0);
	assert_int_equal(vip_service(k, "203.0.113.11:80"), LB_ID_NONE);
	assert_true(backend_record(0).flags & LB_BACKEND_UP);
	k->ops->close(k, false);
}

static void test_other_sizes_are_refused_with_the_remedy(void **state)
{
	struct kern *k = open_live(), *other;
	struct kern_conf c = conf();
	struct err_list errs;

	(void)state;
	k->ops->close(k, true);
	c.max_flows = 128;
	err_init(&errs);
	assert_int_equal(kern_open(&c, &other, &errs), -ESTALE);
	assert_int_equal(errs.errors, 1);
	assert_non_null(strstr(errs.v[0].text, "rm -r "));
	assert_non_null(strstr(errs.v[0].text, pin_path));
	err_free(&errs);
	k = open_live(); /* nothing was changed */
	k->ops->close(k, false);
}

static void test_two_at_once_are_refused(void **state)
{
	struct kern *k = open_live(), *other;
	struct kern_conf c = conf();
	struct err_list errs;

	(void)state;
	err_init(&errs);
	assert_int_equal(kern_open(&c, &other, &errs), -EBUSY);
	assert_int_equal(errs.errors, 1);
	assert_non_null(strstr(errs.v[0].text, pin_path));
	err_free(&errs);
	k->ops->close(k, false);
}

static int set_path(void **state)
{
	(void)state;
	snprintf(pin_path, sizeof(pin_path), "/sys/fs/bpf/sluice_test_%d", (int)getpid());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_weights_and_health_reach_the_rows, set_path),
		cmocka_unit_test_setup(test_ids_survive_a_restart, set_path),
		cmocka_unit_test_setup(test_vip_goes_with_its_service, set_path),
		cmocka_unit_test_setup(test_marks_go_with_affinity, set_path),
		cmocka_unit_test_setup(test_ranges, set_path),
		cmocka_unit_test_setup(test_refused_as_a_whole, set_path),
		cmocka_unit_test_setup(test_two_at_once_are_refused, set_path),
		cmocka_unit_test_setup(test_other_sizes_are_refused_with_the_remedy, set_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
