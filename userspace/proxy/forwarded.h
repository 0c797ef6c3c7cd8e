/* Heads as they leave: what goes to the server (hop-by-hop fields dropped, X-Forwarded-* as Traefik sets them) and what
 * goes to the client. */
#pragma once
#include "proxy/out.h"
#include "proxy/req.h"

/* Request head for the server, into o. */
void forwarded_request(const struct req *r, struct out *o);
/* Response head for the client from r->out, with the framing and connection fields that our side decided. */
void forwarded_response(const struct req *r, enum h1_body_kind framing, bool keep, struct out *o);
