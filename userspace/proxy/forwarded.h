/* Heads as they leave: what goes to the server (hop-by-hop fields dropped, X-Forwarded-* as Traefik sets them) and what
 * goes to the client. */
#pragma once
#include "proxy/out.h"
#include "proxy/req.h"

/* Request head for the server, into o. */
void forwarded_request(const struct req *r, struct out *o);
/* A 1xx head for the client. */
void forwarded_interim(const struct head *h, struct out *o);
/* Trailer fields that may be passed on (RFC 9110 §6.5.1: nothing that frames, routes, authenticates or modifies). */
void forwarded_trailer(const struct field *fields, unsigned n, struct out *o);
/* Whether the client said that it takes trailer fields (TE: trailers). */
bool forwarded_wants_trailers(const struct req *r);
/* Response head for the client from r->out, with the framing and connection fields that our side decided. */
void forwarded_response(const struct req *r, enum h1_body_kind framing, bool keep, struct out *o);
