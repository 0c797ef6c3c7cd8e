/* An agent as room admin sees it, without workers: configuration in force, services with servers, a kernel that counts.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include "balance/balance.h"
#include "base/clock.h"
#include "base/yaml.h"
#include "conf/apply.h"
#include "conf/decode.h"
#include "conf/merge.h"
#include "conf/schema.h"
#include "conf/static.h"
#include "middleware/all.h"

#define WORLD_NOW_NS (1732156496ull * NS_PER_S) /* 2024-11-21T02:34:56Z */

static const char world_yaml[] =
	"api: { insecure: true, basePath: /admin }\n"
	"ping: { terminatingStatusCode: 502 }\n"
	"metrics: { prometheus: {} }\n"
	"accessLog: {}\n"
	"entryPoints:\n"
	"  web: { address: \"127.0.0.1:8000\" }\n"
	"  db: { address: \"198.18.0.10:5432\" }\n"
	"  dns: { address: \"198.18.0.10:53/udp\" }\n"
	"http:\n"
	"  routers:\n"
	"    api: { entryPoints: [web], rule: \"Host(`api.test`)\", middlewares: [cut], service: api }\n"
	"    all: { rule: \"PathPrefix(`/`)\", priority: 1, service: api }\n"
	"  middlewares: { cut: { stripPrefix: { prefixes: [/v1] } } }\n"
	"  services: { api: { loadBalancer: { servers: [ { url: \"http://198.18.1.11:80\", weight: 3 }, { url: "
	"\"http://198.18.1.12:80\" } ] } } }\n"
	"tcp:\n"
	"  routers: { db: { entryPoints: [db], rule: \"HostSNI(`*`)\", service: same } }\n"
	"  services: { same: { loadBalancer: { datapath: xdp, forwarding: snat, servers: [ { address: "
	"\"198.18.1.11:5432\" } ] } } }\n"
	"udp:\n"
	"  routers: { dns: { entryPoints: [dns], service: same } }\n"
	"  services: { same: { loadBalancer: { datapath: xdp, forwarding: snat, servers: [ { address: "
	"\"198.18.1.11:53\" } ] } } }\n";

struct world {
	struct arena arena;
	struct err_list errs;
	struct static_conf conf;
	struct revision rev;
	struct snapshot snap;
	struct engine engine;
	struct entry entries[1];
	struct apply apply;
	struct kern kern;
	struct service *services[3];
	struct l4_binding l4[2];
};

static void world_counts(struct kern *k, void (*fn)(void *ctx, const struct kern_count *c), void *ctx)
{
	(void)k;
	fn(ctx, &(struct kern_count){ "sluice_kernel_packets_total", "Packets of a service.", false, "db@file", NULL,
				      NULL, 7 });
	fn(ctx, &(struct kern_count){ "sluice_kernel_flows", "Flows in the table.", true, NULL, NULL, NULL, 3 });
	fn(ctx, &(struct kern_count){ "sluice_kernel_packets_total", "Packets of a service.", false, "dns@file",
				      "198.18.1.11:53", NULL, 8 });
}

static size_t world_interfaces(struct kern *k, struct kern_iface_state *ret, size_t max)
{
	(void)k;
	assert_true(max >= 2);
	ret[0] = (struct kern_iface_state){ "lb0", "native", NULL };
	ret[1] = (struct kern_iface_state){ "lb1", "", "no such interface" };
	return 2;
}

static const struct kern_ops world_kern_ops = { .counts = world_counts, .interfaces = world_interfaces };

static struct service *world_service(const char *name, const struct balance_ops *policy, const char *const *servers,
				     size_t n)
{
	struct target *targets[4];
	const uint32_t weights[4] = { 3, 1, 1, 1 };
	struct service_spec spec = {
		.name = name, .policy = policy, .targets = targets, .weights = weights, .ntargets = n, .workers = 1
	};
	struct service *s;

	for (size_t i = 0; i < n; i++) {
		struct endpoint at = { .port = 80 };

		targets[i] = target_new(servers[i], &at, NULL, 1);
	}
	s = service_new(&spec);
	for (size_t i = 0; i < n; i++)
		target_unref(&targets[i]);
	return s;
}

static void world_decode(struct world *w)
{
	struct tree *t = yaml_parse(&w->arena, "conf.yml", str_of(world_yaml), &w->errs), *root;

	if (static_decode(t, &w->arena, &w->conf, &w->errs) < 0)
		err_print(&w->errs, stderr);
	root = tree_new(&w->arena, TREE_MAP, (struct place){ 0 });
	merge_add(&w->arena, root, "file", static_dynamic_part(&w->arena, t), &w->errs);
	if (decode_dynamic(root, &w->conf, &w->arena, &w->rev.conf, &w->errs) < 0)
		err_print(&w->errs, stderr);
	assert_int_equal(w->errs.errors, 0);
}

static struct world *world_new(void)
{
	static const char *const http[] = { "http://198.18.1.11:80", "http://198.18.1.12:80" };
	static const char *const db[] = { "198.18.1.11:5432" }, *const dns[] = { "198.18.1.11:53" };
	static const uint32_t one[] = { 1 };
	static char provider[] = "file";
	struct world *w = mem_zalloc(sizeof(*w));

	clock_freeze(NS_PER_S, WORLD_NOW_NS);
	schema_init(middleware_all_variants());
	arena_init(&w->arena);
	err_init(&w->errs);
	world_decode(w);
	w->services[0] = world_service("api@file", balance_all[0], http, 2);
	w->services[1] = world_service("same@file/tcp", NULL, db, 1);
	w->services[2] = world_service("same@file/udp", NULL, dns, 1);
	atomic_store(&w->services[0]->targets[1]->up, false);
	atomic_store(&w->services[0]->targets[1]->reason, TARGET_CONNECT_REFUSED);
	atomic_store(&w->services[0]->targets[1]->changed_wall_ns, WORLD_NOW_NS - 60 * NS_PER_S);
	w->snap.services = w->services;
	w->snap.nservices = 3;
	w->rev.snapshot = &w->snap;
	w->l4[0] = (struct l4_binding){
		.router = "db@file", .entry = "db", .proto = KERN_TCP, .service = w->services[1], .weights = one
	};
	w->l4[1] = (struct l4_binding){
		.router = "dns@file", .entry = "dns", .proto = KERN_UDP, .service = w->services[2], .weights = one
	};
	endpoint_parse(STR("198.18.0.10:5432"), &w->l4[0].vip);
	endpoint_parse(STR("198.18.0.10:53"), &w->l4[1].vip);
	w->rev.l4 = w->l4;
	w->rev.nl4 = 2;
	w->entries[0] =
		(struct entry){ .name = "web", .conf = opt_map_get(&w->conf.entry_points, "web"), .listening = true };
	w->engine.entries = w->entries;
	w->engine.nentries = 1;
	w->engine.nworkers = 2;
	w->engine.max_connections = 1000;
	w->kern.ops = &world_kern_ops;
	w->apply = (struct apply){ .engine = &w->engine,
				   .conf = &w->conf,
				   .kern = &w->kern,
				   .current = &w->rev,
				   .last_ok = true,
				   .generation = 4,
				   .attempts = 5,
				   .last_attempt_wall_ns = WORLD_NOW_NS,
				   .last_success_wall_ns = WORLD_NOW_NS };
	vec_push(&w->apply.inbox.v, ((struct delivery){ .provider = provider }));
	err_init(&w->apply.last_errors);
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < 3; i++)
		service_unref(&w->services[i]);
	err_free(&w->apply.last_errors);
	vec_free(&w->apply.inbox.v);
	err_free(&w->errs);
	arena_reset(&w->arena);
	clock_thaw();
	free(w);
}
