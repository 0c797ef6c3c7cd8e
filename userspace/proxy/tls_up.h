/* The TLS handshake with a server, between the connect and the request. */
#pragma once
#include "proxy/req.h"

/* Goes on with it: 0 when the connection may carry requests, -EAGAIN, or negative with the reason in *ret_why. */
int tls_up_run(struct req *r, enum reason *ret_why);
