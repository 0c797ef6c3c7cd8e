/* The first moments of a client connection where TLS is served: what it speaks, and the handshake. */
#pragma once
#include "proxy/h1_server.h"

void tls_front_run(struct h1_server *s);     /* after an event, while SERVER_OPENING or SERVER_HANDSHAKE */
void tls_front_timeout(struct h1_server *s); /* the handshake took too long: closes */
void tls_front_forget(struct h1_server *s);  /* the connection ends, whatever it was doing */
/* Whether the next request may come on this connection: the options it was made under are still in force. */
bool tls_front_may_keep(const struct h1_server *s);
/* Whether it was made under the options that the request's route asks for. */
bool tls_front_fits(const struct h1_server *s, const struct snapshot_entry *e, const struct route *rt, struct str host);
