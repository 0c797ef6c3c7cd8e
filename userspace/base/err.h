/* Errors a human reads: where, which key, what is wrong, what was expected. Collected, so that all are shown
 * at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/buf.h"

/* A place in a configuration file. line and col count from 1; 0: unknown. `file` is owned by whoever made the tree. */
struct place {
	const char *file;
	int line, col;
};

enum err_level { ERR_ERROR, ERR_WARNING };

struct err_item {
	enum err_level level;
	char *file; /* copies: an error outlives the tree it is about */
	int line, col;
	char *key; /* dotted path, "http.routers.api.rule"; may be NULL */
	char *text;
	char *quote; /* the line that it is about, with a caret below; two lines, or NULL */
};

struct err_list {
	struct err_item *v;
	size_t n, cap;
	size_t errors; /* how many of n are ERR_ERROR */
};

void err_init(struct err_list *e);
void err_free(struct err_list *e);
void err_add(struct err_list *e, struct place at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void err_warn(struct err_list *e, struct place at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Shows the newest item's cause: the line of `text` that has the byte at offset `at`, and a caret under that byte. Long
 * lines are cut. */
void err_quote(struct err_list *e, struct str text, size_t at);
void err_move(struct err_list *to, struct err_list *from); /* appends all of `from`, which is empty afterwards */
void err_sort(struct err_list *e);			   /* by file, line, column; stable */
/* One line without newline: "file:line:col: key: text"; parts that are unknown are left out. Warnings say
 * "warning: " before the text. */
void err_format(const struct err_item *i, struct buf *out);
/* One item per line, each followed by its quotation, indented. */
void err_print(const struct err_list *e, FILE *to);
