/* The control socket over a real loop, and `sluice status` on the other end of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "admin/ctl.c"
#include "admin/world.h"
#include "app/cli.h"

static char dir[] = "/tmp/ctl_test.XXXXXX";
static char path[80];

struct bench {
	struct world *w;
	struct loop loop;
	struct ctl *ctl;
};

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/deep/er/control.sock", dir);
	return 0;
}

static int group_teardown(void **state)
{
	char sub[100];

	(void)state;
	snprintf(sub, sizeof(sub), "%s/deep/er", dir);
	rmdir(sub);
	snprintf(sub, sizeof(sub), "%s/deep", dir);
	rmdir(sub);
	return rmdir(dir);
}

static int setup(void **state)
{
	struct bench *b = mem_zalloc(sizeof(*b));

	b->w = world_new();
	*state = b;
	return loop_init(&b->loop) || ctl_open(&b->loop, &b->w->apply, path, &b->ctl) ? -1 : 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	ctl_close(&b->ctl);
	loop_free(&b->loop);
	world_free(b->w);
	free(b);
	return access(path, F_OK) ? 0 : -1;
}

static int dial(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void spin(struct bench *b)
{
	for (int i = 0; i < 8; i++)
		loop_once(&b->loop, 0);
}

/* Turns the loop until the agent closes; returns what came. */
static struct buf answer(struct bench *b, int fd)
{
	struct buf out;
	char part[4096];
	ssize_t n = -1;

	buf_init(&out, 0);
	while (n != 0) {
		loop_once(&b->loop, 0);
		n = recv(fd, part, sizeof(part), 0);
		if (n > 0)
			buf_add(&out, part, (size_t)n);
	}
	close(fd);
	return out;
}

static void answers_and_closes(void **state)
{
	static const char *const requests[][2] = {
		{ "GET /api/status\n", "\"generation\":4" },
		{ "GET /api/http/routers?search=ping\r\n", "\"name\":\"ping@internal\"" },
		{ "GET /nope\n", "{\"message\":\"not found\"}" },
		{ "POST /api/status\n", "{\"message\":\"method not allowed\"}" },
		{ "\n", "{\"message\":\"not found\"}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		int fd = dial();
		struct buf out;

		assert_true(send(fd, requests[i][0], strlen(requests[i][0]), 0) > 0);
		out = answer(*state, fd);
		assert_true(out.n && out.p[out.n - 1] == '\n');
		buf_char(&out, 0);
		assert_non_null(strstr(out.p, requests[i][1]));
		buf_free(&out);
	}
	assert_int_equal(((struct bench *)*state)->ctl->nclients, 0);
}

static void a_line_may_come_in_pieces(void **state)
{
	int fd = dial();
	struct buf out;

	for (const char *p = "GET /api/status\n"; *p; p++) {
		assert_int_equal(send(fd, p, 1, 0), 1);
		spin(*state);
	}
	out = answer(*state, fd);
	assert_true(out.n > 100);
	buf_free(&out);
}

static void mode_and_place(void **state)
{
	struct bench *b = *state;
	struct ctl *second = NULL;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(ctl_open(&b->loop, &b->w->apply, path, &second), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(ctl_open(&b->loop, &b->w->apply, NULL, &second), 0);
	assert_null(second);
	ctl_close(&second);
}

static void bad_clients_cost_only_themselves(void **state)
{
	struct bench *b = *state;
	int longest = dial(), silent = dial(), gone = dial();
	static char line[sizeof(((struct client *)0)->line) + 100];

	memset(line, 'x', sizeof(line));
	assert_true(send(longest, line, sizeof(line), 0) > 0);
	close(gone);
	spin(b);
	assert_true(recv(longest, line, 1, 0) <= 0);
	assert_int_equal(b->ctl->nclients, 1);
	clock_advance((CLIENT_MS + 10) * NS_PER_MS);
	spin(b);
	assert_int_equal(recv(silent, line, 1, 0), 0);
	assert_int_equal(b->ctl->nclients, 0);
	close(longest);
	close(silent);
}

static void clients_are_bounded(void **state)
{
	struct bench *b = *state;
	int fds[MAX_CLIENTS + 4], refused = 0;
	char c;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial();
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		spin(b);
	assert_int_equal(b->ctl->nclients, MAX_CLIENTS);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		refused += recv(fds[i], &c, 1, 0) == 0;
		close(fds[i]);
	}
	assert_int_equal(refused, 4);
	spin(b);
	assert_int_equal(b->ctl->nclients, 0);
}

/* Close with clients inside: nothing may be touched afterwards (ASan watches). */
static void close_with_clients(void **state)
{
	struct bench *b = *state;
	int fd = dial();

	spin(b);
	assert_int_equal(b->ctl->nclients, 1);
	ctl_close(&b->ctl);
	spin(b);
	close(fd);
	assert_int_equal(ctl_open(&b->loop, &b->w->apply, path, &b->ctl), 0);
}

/* Runs the command in a process of its own while this one turns the loop. */
static int status(struct bench *b, char *const *argv, int argc, struct buf *out)
{
	int ends[2], result = 0;
	char part[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		result = cmd_status(argc, (char **)argv);
		fflush(NULL);
		_exit(result);
	}
	close(ends[1]);
	while (waitpid(pid, &result, WNOHANG) == 0)
		loop_once(&b->loop, 1);
	buf_init(out, 0);
	while ((n = read(ends[0], part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	buf_char(out, 0);
	close(ends[0]);
	return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void status_prints_what_matters(void **state)
{
	char *argv[] = { "status", "--socket", path, NULL };
	struct bench *b = *state;
	struct buf out;

	assert_int_equal(status(b, argv, 3, &out), 0);
	assert_non_null(strstr(out.p, "generation 4"));
	assert_non_null(strstr(out.p, "configuration: in force since 2024-11-21T02:34:56Z\n"));
	assert_non_null(strstr(out.p, "\n  web  127.0.0.1:8000  tcp, listening\n"));
	assert_non_null(strstr(out.p, "\n  lb1  not attached: no such interface\n"));
	assert_non_null(strstr(
		out.p,
		"\n    http://198.18.1.12:80  weight 1     DOWN  connection refused, since 2024-11-21T02:33:56Z\n"));
	assert_non_null(strstr(out.p, "\n  same@file (tcp, in the kernel at 198.18.0.10:5432)\n"));
	buf_free(&out);
}

static void status_says_that_a_reload_failed(void **state)
{
	char *argv[] = { "status", "--socket", path, "--json", NULL };
	struct bench *b = *state;
	struct buf out;
	json_t *o;

	b->w->apply.last_ok = false;
	err_add(&b->w->apply.last_errors, (struct place){ "a.yml", 3, 5 }, "http", "broken\x1b[31m");
	assert_int_equal(status(b, argv, 3, &out), 1);
	assert_non_null(strstr(out.p, "configuration: REFUSED at 2024-11-21T02:34:56Z"));
	assert_non_null(strstr(out.p, "\n  a.yml:3:5: http: broken?[31m\n"));
	buf_free(&out);
	assert_int_equal(status(b, argv, 4, &out), 1);
	o = json_loads(out.p, 0, NULL);
	assert_non_null(o);
	json_decref(o);
	buf_free(&out);
}

static void status_without_an_agent(void **state)
{
	char *argv[] = { "status", "--socket", "/nonexistent/control.sock", NULL };
	char *usage[] = { "status", "--bogus", NULL };
	struct buf out;

	assert_int_equal(status(*state, argv, 3, &out), 2);
	assert_non_null(strstr(out.p, "no agent answers at /nonexistent/control.sock: No such file"));
	buf_free(&out);
	assert_int_equal(status(*state, usage, 2, &out), 2);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_and_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_may_come_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(mode_and_place, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_clients_cost_only_themselves, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(close_with_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(status_prints_what_matters, setup, teardown),
		cmocka_unit_test_setup_teardown(status_says_that_a_reload_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(status_without_an_agent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
