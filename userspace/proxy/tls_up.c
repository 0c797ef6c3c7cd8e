/* TLS towards servers. */
#include "proxy/tls_up.h"
#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

static int begin(struct req *r)
{
	struct h1_client *c = r->up;
	struct target *t = r->target;
	struct loop *loop = &r->worker->loop;
	c->tls = cf_tls_connect(&c->stream.conn, t->transport->tls, t->host, &t->cells[r->worker->id].session);
	timer_set(&loop->wheel, &c->timer, (loop->now_ns + TRANSPORT_HANDSHAKE_NS) / NS_PER_MS);
	return c->tls ? 0 : -ENOMEM;
}

static void log_failure(const struct req *r)
{
	log_warn("TLS handshake with a server failed", F_STR("service", r->route->service_name),
		 F_STR("server", r->target->name), F_STR("reason", cf_tls_problem(r->up->tls)));
}

int tls_up_run(struct req *r, enum reason *ret_why)
{
	*ret_why = REASON_TLS_FAILED;
	int rc = r->up->tls ? 0 : begin(r);
	if (rc < 0)
		return rc;
	rc = cf_tls_handshake(r->up->tls);
	if (rc < 0 && rc != -EAGAIN) {
		log_failure(r);
		if (rc == -EKEYREJECTED)
			*ret_why = REASON_TLS_REFUSED;
	}
	return rc;
}
