/* The log: one destination for the process, one write(2) per line, a ceiling on lines per second. */
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define LOG_RATE     200  /* lines a second */
#define LOG_TEXT_MAX 4096 /* bytes kept of a message or a value */

static const char *const level_name[] = { "trace", "debug", "info", "warn", "error", "fatal", "panic" };
static const char *const level_short[] = { "TRC", "DBG", "INF", "WRN", "ERR", "FTL", "PNC" };
_Static_assert(ARRAY_LEN(level_name) == LOG_PANIC + 1 && ARRAY_LEN(level_short) == LOG_PANIC + 1, "one name per level");

static _Atomic int threshold = LOG_INFO;

static struct {
	pthread_mutex_t lock; /* everything below */
	enum log_format format;
	char *path; /* NULL: standard error */
	int fd;
	uint64_t window_ns; /* when the current second began */
	unsigned in_window;
	unsigned long held_back;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO };

static int open_path(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640) : STDERR_FILENO;

	return fd < 0 ? -errno : fd;
}

/* Under the lock. */
static void replace_fd(int fd)
{
	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	sink.fd = fd;
}

int log_open(enum log_level level, enum log_format format, const char *path)
{
	int fd = open_path(path);

	if (fd < 0)
		return fd;
	pthread_mutex_lock(&sink.lock);
	replace_fd(fd);
	free(sink.path);
	sink.path = path ? mem_strdup(path) : NULL;
	sink.format = format;
	pthread_mutex_unlock(&sink.lock);
	atomic_store(&threshold, (int)level);
	return 0;
}

int log_reopen(void)
{
	int fd;

	pthread_mutex_lock(&sink.lock);
	fd = open_path(sink.path);
	if (fd >= 0)
		replace_fd(fd);
	pthread_mutex_unlock(&sink.lock);
	return fd < 0 ? fd : 0;
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static struct str bounded(const char *s)
{
	return str_mk(s, strnlen(s, LOG_TEXT_MAX));
}

static void put_time(struct buf *b)
{
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_puts(b, text);
}

static bool needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '=' ||
		    s.p[i] == '\\')
			return true;
	return s.n == 0;
}

static void put_quoted(struct buf *b, struct str s)
{
	buf_char(b, '"');
	buf_json(b, s);
	buf_char(b, '"');
}

/* The message stands unquoted; control characters must not be able to end the line or drive a terminal. */
static void put_message(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			buf_json(b, str_mk(s.p + i, 1));
		else
			buf_char(b, s.p[i]);
	}
}

static void put_number(struct buf *b, long long v)
{
	buf_printf(b, "%lld", v);
}

static void format_common(struct buf *b, enum log_level level, const char *msg, const struct log_field *fields,
			  unsigned n)
{
	put_time(b);
	buf_printf(b, " %s ", level_short[level]);
	put_message(b, bounded(msg));
	for (unsigned i = 0; i < n; i++) {
		buf_printf(b, " %s=", fields[i].key);
		if (!fields[i].text)
			put_number(b, fields[i].number);
		else if (needs_quotes(bounded(fields[i].text)))
			put_quoted(b, bounded(fields[i].text));
		else
			buf_str(b, bounded(fields[i].text));
	}
	buf_char(b, '\n');
}

static void format_json(struct buf *b, enum log_level level, const char *msg, const struct log_field *fields,
			unsigned n)
{
	buf_printf(b, "{\"level\":\"%s\",\"time\":\"", level_name[level]);
	put_time(b);
	buf_puts(b, "\",\"message\":");
	put_quoted(b, bounded(msg));
	for (unsigned i = 0; i < n; i++) {
		buf_char(b, ',');
		put_quoted(b, str_of(fields[i].key));
		buf_char(b, ':');
		if (fields[i].text)
			put_quoted(b, bounded(fields[i].text));
		else
			put_number(b, fields[i].number);
	}
	buf_puts(b, "}\n");
}

/* Under the lock. A line that cannot be written is lost: there is nowhere else to say so. */
static void emit(enum log_level level, const char *msg, const struct log_field *fields, unsigned n)
{
	struct buf b;
	ssize_t r;

	buf_init(&b, 0);
	if (sink.format == LOG_JSON)
		format_json(&b, level, msg, fields, n);
	else
		format_common(&b, level, msg, fields, n);
	do
		r = write(sink.fd, b.p, b.n);
	while (r < 0 && errno == EINTR);
	buf_free(&b);
}

/* Under the lock. */
static void report_held_back(void)
{
	struct log_field f = F_INT("lines", sink.held_back);

	if (!sink.held_back)
		return;
	sink.held_back = 0;
	emit(LOG_WARN, "log lines held back", &f, 1);
}

/* Under the lock: whether one more line fits into the current second. */
static bool admit(void)
{
	uint64_t now = clock_mono_ns();

	if (!sink.window_ns || now - sink.window_ns >= NS_PER_S) {
		sink.window_ns = now ? now : 1;
		sink.in_window = 0;
		report_held_back();
	}
	if (sink.in_window >= LOG_RATE) {
		sink.held_back++;
		return false;
	}
	sink.in_window++;
	return true;
}

void log_line(enum log_level level, const char *msg, const struct log_field *fields, unsigned n)
{
	int saved = errno;

	if (!log_wants(level))
		return;
	pthread_mutex_lock(&sink.lock);
	if (admit())
		emit(level, msg, fields, n);
	pthread_mutex_unlock(&sink.lock);
	errno = saved;
}

void log_close(void)
{
	pthread_mutex_lock(&sink.lock);
	report_held_back();
	replace_fd(STDERR_FILENO);
	free(take_ptr(sink.path));
	sink.window_ns = 0;
	pthread_mutex_unlock(&sink.lock);
}
