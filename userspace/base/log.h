/* Levelled structured log lines to standard error or a file, as text or JSON. Thread-safe: a line is one write(2).
 * Library rooms (below proxy) return errors instead of logging. Never give it a secret. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL, LOG_PANIC };
enum log_format { LOG_COMMON, LOG_JSON };

struct log_field {
	const char *key;
	const char *text; /* used when not NULL, else number */
	long long number;
};

static inline struct log_field log_field_text(const char *key, const char *text)
{
	return (struct log_field){ key, text ? text : "", 0 };
}
#define F_STR(k, v) log_field_text(k, v)
#define F_INT(k, v) ((struct log_field){ (k), 0, (long long)(v) })

/* path NULL: standard error. Returns 0 or -errno; on failure the previous destination stays. Any thread. */
int log_open(enum log_level level, enum log_format format, const char *path);
int log_reopen(void); /* after rotation */
void log_close(void);
bool log_wants(enum log_level level);
/* At most 200 lines a second get through; how many were held back is said afterwards. */
void log_line(enum log_level level, const char *msg, const struct log_field *fields, unsigned n);

#define LOG_(level, msg, ...)                                                                         \
	do {                                                                                          \
		if (log_wants(level)) {                                                               \
			const struct log_field log_f_[] = { { 0, 0, 0 } __VA_OPT__(, ) __VA_ARGS__ }; \
			log_line(level, msg, log_f_ + 1, sizeof(log_f_) / sizeof(log_f_[0]) - 1);     \
		}                                                                                     \
	} while (0)
#define log_debug(...) LOG_(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_(LOG_ERROR, __VA_ARGS__)
