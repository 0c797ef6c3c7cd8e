/* Connections that changed their protocol (101): bytes both ways until both sides have ended or nobody has said
 * anything for long enough. */
#pragma once
#include "proxy/http_fsm.h"

bool tunnel_wanted(const struct req *r);			    /* the request's Upgrade is passed on */
bool tunnel_agreed(const struct req *r, const struct head *answer); /* this 101 is what the request asked for */
void tunnel_begin(struct req *r);				    /* the 101 is on its way to the client */
