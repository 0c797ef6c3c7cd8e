/* The control socket: how `sluice status` asks a running agent. A unix stream socket, mode 0600; the client sends one
 * line, "GET /api/status\n" (any path of the API), gets the JSON and the connection is closed. On the control loop. */
#pragma once
#include "conf/apply.h"

struct ctl;

/* Makes the directory if it is missing. *ret is NULL with path NULL. 0 or -errno; -EADDRINUSE: another agent answers
 * there. */
int ctl_open(struct loop *loop, const struct apply *apply, const char *path, struct ctl **ret);
/* Drops the clients and removes the socket if it is still ours. Accepts NULL. */
void ctl_close(struct ctl **c);
