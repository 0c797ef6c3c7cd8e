/* Asking a running agent through its control socket. */
#pragma once
#include "base/buf.h"

/* The socket's path: `given`, else control.socket of the configuration `file`, else the usual one; both may be NULL.
 * Caller frees. NULL when the file is not usable, which was said to standard error then. */
char *ask_socket(const char *file, const char *given);
/* GET of an API path; the whole answer is appended to out. 0 or -errno. */
int ask_agent(const char *socket, const char *path, struct buf *out);
