/* Stream sockets. */
#include "io/sock.h"
#include "base/mem.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int set_flag(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int listen_options(int fd, int family, bool dual_stack, bool reuseport)
{
	int r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!r && reuseport)
		r = set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!r && family == AF_INET6)
		r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, !dual_stack);
	return r;
}

static int listen_on(const struct endpoint *at, bool reuseport, int backlog, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int r;

	fd = socket(sa.ss_family, STREAM, 0);
	if (fd < 0)
		return -errno;
	r = listen_options(fd, sa.ss_family, addr_is_any(&at->addr), reuseport);
	if (r)
		return r;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, backlog) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int sock_listen(const struct endpoint *at, bool reuseport, int backlog, int *ret_fd)
{
	struct endpoint v4 = { addr_any4, at->port };
	int r = listen_on(at, reuseport, backlog, ret_fd);

	if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && addr_eq(&at->addr, &addr_any6))
		r = listen_on(&v4, reuseport, backlog, ret_fd);
	return r;
}

int sock_connect(const struct endpoint *to, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(to, &sa);

	fd = socket(sa.ss_family, STREAM, 0);
	if (fd < 0)
		return -errno;
	sock_set_nodelay(fd);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int sock_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

int sock_local(int fd, struct endpoint *ret)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return endpoint_from_sockaddr((struct sockaddr *)&sa, ret);
}

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	if (!n || n >= sizeof(ret->sun_path))
		return n ? -ENAMETOOLONG : -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, n);
	return 0;
}

/* Whether the socket at the address has lost its listener. A full backlog (EAGAIN) is somebody alive. */
static bool is_stale(const struct sockaddr_un *sa)
{
	_cleanup_close_ int fd = socket(AF_UNIX, STREAM, 0);
	struct stat st;

	if (fd < 0 || lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	return connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 && errno == ECONNREFUSED;
}

static int unix_bind(int fd, const struct sockaddr_un *sa)
{
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(sa))
		return -EADDRINUSE;
	if (unlink(sa->sun_path) < 0 || bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return -errno;
	return 0;
}

int sock_unix_listen(const char *path, mode_t mode, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sa;
	int r = unix_address(path, &sa);

	if (r)
		return r;
	fd = socket(AF_UNIX, STREAM, 0);
	if (fd < 0)
		return -errno;
	/* Before bind the mode is set on the descriptor, so the path is never wider open than asked; the umask may have
	 * narrowed it, which chmod then undoes. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = unix_bind(fd, &sa);
	if (r)
		return r;
	if (chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	*ret_fd = take_fd(fd);
	return 0;
}

void sock_set_nodelay(int fd)
{
	set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void sock_reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
