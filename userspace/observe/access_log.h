/* The access log: one line per request, formatted on the worker into memory of its own, written by one thread that may
 * block. When the destination is slower than the traffic, lines are dropped and counted
 * (sluice_access_log_dropped_total); a worker never waits. A line reaches the destination within about a second. */
#pragma once
#include "model/conf_static.h"
#include "proxy/logger.h"

struct access_log;

/* Opens conf->file_path for appending (standard output when NULL) and starts the writer. Metrics must be set up.
 * 0 or -errno. Control thread, as the rest. */
int access_log_open(const struct access_log_conf *conf, unsigned workers, struct access_log **ret);
void access_log_logger(struct access_log *l, struct logger *ret); /* what the engine calls; valid until close */
/* Opens the path anew, after rotation. 0 or -errno: then the old file stays in use. Nothing to do for standard output.
 */
int access_log_reopen(struct access_log *l);
/* After the workers have stopped: writes what is left, giving a stuck destination 5 s. Accepts NULL. */
void access_log_close(struct access_log **l);
