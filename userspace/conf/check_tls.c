/* Checking TLS files without taking them over. */
#include "conf/check_tls.h"
#include <errno.h>
#include <stdlib.h>
#include "base/mem.h"
#include "conf/link_tls.h"
#include "conf/link_transport.h"

int check_tls_files(const struct dynamic_conf *dynamic, const struct static_conf *st, struct err_list *errs)
{
	static const struct servers_transport_conf none;
	const struct tls_conf *conf = &dynamic->tls;
	struct transports transports;
	struct store store;
	_cleanup_free_ struct tls_ctx **contexts = mem_zalloc((conf->options.n + 1) * sizeof(*contexts));
	size_t n;
	int rc = link_tls_store(conf, NULL, NULL, &store, errs);
	int options_rc = link_tls_options(conf, NULL, NULL, 0, contexts, &n, errs);
	for (size_t i = 0; i < n; i++)
		tls_ctx_unref(&contexts[i]);
	store_free(&store);
	int transports_rc = transports_build(&dynamic->http.servers_transports, st ? &st->servers_transport : &none,
					     NULL, &transports, errs);
	transports_free(&transports);
	return rc < 0 ? rc : options_rc < 0 ? options_rc : transports_rc;
}
