/* One line out, the answer until the agent closes. */
#include "app/ask.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include "base/mem.h"
#include "conf/static.h"

#define DEFAULT_SOCKET "/run/sluice/control.sock"
#define PATIENCE_S     5

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return take_fd(fd);
}

int ask_agent(const char *socket, const char *path, struct buf *out)
{
	_cleanup_free_ char *request = mem_printf("GET %s\n", path);
	_cleanup_close_ int fd = connect_to(socket);
	char part[16384];
	ssize_t n;

	if (fd < 0)
		return fd;
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return -errno;
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		buf_add(out, part, (size_t)n);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return out->n && buf_ok(out) ? 0 : -EPROTO;
}

static char *socket_of(const char *file)
{
	struct static_conf conf;
	struct err_list errs;
	struct arena a;
	struct tree *rest;
	char *path = NULL;

	arena_init(&a);
	err_init(&errs);
	if (static_load(file, &a, &conf, &rest, &errs) < 0)
		err_print(&errs, stderr);
	else
		path = mem_strdup(conf.control.socket ? conf.control.socket : DEFAULT_SOCKET);
	err_free(&errs);
	arena_reset(&a);
	return path;
}

char *ask_socket(const char *file, const char *given)
{
	if (given)
		return mem_strdup(given);
	return file ? socket_of(file) : mem_strdup(DEFAULT_SOCKET);
}
