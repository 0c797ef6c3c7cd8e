/* Between the halves of the request state machine (http_fsm.c, http_response.c, internal.c). Not for plug-ins: those
 * see req.h and mw.h. */
#pragma once
#include "proxy/req.h"

enum step_result { STEP_NEXT, STEP_WAIT, STEP_END };

static inline enum step_result step_to(struct req *r, enum req_step step)
{
	r->step = step;
	return STEP_NEXT;
}

static inline enum step_result step_fail(struct req *r, enum reason why)
{
	req_fail(r, why);
	return STEP_NEXT;
}

enum step_result step_route(struct req *r);	     /* http_route.c */
enum step_result step_internal(struct req *r);	     /* internal.c */
void internal_forget(struct req *r);		     /* the request ends before its answer came */
enum step_result step_response_phase(struct req *r); /* http_response.c */
enum step_result step_respond(struct req *r);
enum step_result step_stream(struct req *r);
enum step_result step_tunnel(struct req *r); /* tunnel.c */
enum step_result step_reply(struct req *r);
enum step_result step_done(struct req *r);

bool req_client_left(const struct req *r);  /* and has no more use for an answer */
enum step_result step_queue(struct req *r); /* slots.c */
int req_finish_body(struct req *r, struct h1_stream *from, struct h1_stream *to,
		    bool trailers);	   /* as h1_stream_finish(), -EBADMSG */
bool req_pump_body(struct req *r);	   /* false: failed, the next step is set */
void reply_set(struct req *r, int status); /* the answer Traefik gives for that status */
