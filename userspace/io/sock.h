/* Non-blocking stream sockets: listening, connecting, the few options everybody needs. All descriptors are CLOEXEC and
 * non-blocking, and the caller's to close. Errors are -errno. No names are resolved. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/addr.h"

/* TCP. addr_any6 listens for both families; where IPv6 is switched off it means 0.0.0.0. Port 0 lets the kernel choose.
 * With reuseport several sockets may share the address. */
int sock_listen(const struct endpoint *at, bool reuseport, int backlog, int *ret_fd);
/* TCP with TCP_NODELAY. On success the connection may still be in progress: wait for EPOLLOUT, then ask
 * sock_error(). */
int sock_connect(const struct endpoint *to, int *ret_fd);
/* 0 or the -errno the socket has met (SO_ERROR), which is thereby cleared. */
int sock_error(int fd);
int sock_local(int fd, struct endpoint *ret); /* the address the socket is bound to */
/* Stream socket in the file system with permission bits `mode`. A socket left behind at path is replaced when nobody
 * answers on it, else -EADDRINUSE; anything but a socket is left alone (-EADDRINUSE). The path stays after close. */
int sock_unix_listen(const char *path, mode_t mode, int *ret_fd);
void sock_set_nodelay(int fd); /* small writes leave at once */
void sock_reset(int fd);       /* closes with RST: unsent data is dropped, the peer sees ECONNRESET */
