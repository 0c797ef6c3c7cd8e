/* Linking serversTransports. */
#include "conf/link_transport.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

static struct transport *find(const struct transports *t, const char *name)
{
	for (size_t i = 0; t && i < t->n; i++)
		if (strcmp(t->v[i]->name, name) == 0)
			return t->v[i];
	return NULL;
}

struct transport *transports_find(const struct transports *t, const char *name)
{
	return find(t, name ? name : "");
}

static int add(struct transports *ret, const char *name, const char *key, const struct servers_transport_conf *c,
	       const struct transports *before, struct err_list *errs)
{
	struct transport *old = find(before, name);
	struct tls_client *tls;
	const struct tls_client_spec spec = {
		.server_name = c->server_name,
		.peer_uri = c->peer_cert_uri,
		.roots = &c->root_cas,
		.keypairs = &c->certificates,
		.insecure = c->insecure_skip_verify,
		.at = c->at,
	};
	if (tls_client_new(&spec, old ? old->tls : NULL, key, errs, &tls) < 0)
		return -EINVAL;
	if (old && old->tls == tls) {
		tls_client_unref(&tls);
		ret->v[ret->n++] = transport_ref(old);
	} else {
		ret->v[ret->n++] = transport_new(name, tls);
	}
	return 0;
}

int transports_build(const struct opt_map *conf, const struct servers_transport_conf *implied,
		     const struct transports *before, struct transports *ret, struct err_list *errs)
{
	ret->n = 0;
	ret->v = mem_zalloc((conf->n + 1) * sizeof(*ret->v));
	int rc = add(ret, "", "serversTransport", implied, before, errs);
	for (size_t i = 0; i < conf->n; i++) {
		const char *name = conf->keys[i];
		_cleanup_free_ char *key = mem_printf("http.serversTransports.%.*s", (int)strcspn(name, "@"), name);
		if (add(ret, name, key, opt_map_at(conf, i), before, errs) < 0)
			rc = -EINVAL;
	}
	return rc;
}

void transports_free(struct transports *t)
{
	for (size_t i = 0; i < t->n; i++)
		transport_unref(&t->v[i]);
	free(t->v);
	*t = (struct transports){ 0 };
}
