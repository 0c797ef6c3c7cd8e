/* Reading prefix files, line by line with bounded memory. */
#include "conf/prefix_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"

#define LINE_BYTES  512 /* a line must be shorter; it holds a prefix and a comment */
#define ERRORS_TOLD 20
#define ALLOW_KEY   "kernel.protection.allowFile"
#define DENY_KEY    "kernel.protection.denyFile"

struct reader {
	const char *path, *key;
	struct prefix_set *to;
	struct err_list *errs;
	int line;
	size_t found, broken;
};

static void complain(struct reader *r, const char *what, struct str text)
{
	if (r->broken++ < ERRORS_TOLD)
		err_add(r->errs, (struct place){ r->path, r->line, 1 }, r->key,
			"\"%.*s\" %s; expected an address or a prefix, such as 192.0.2.0/24 or 2001:db8::/32",
			STR_ARG(text), what);
}

static void take_line(struct reader *r, struct str line)
{
	struct prefix p;
	struct str text;

	(void)str_cut(line, '#', &text);
	(void)str_cut(text, '\r', &text);
	text = str_trim(text);
	if (!text.n)
		return;
	if (memchr(text.p, 0, text.n) || prefix_parse(text, &p) < 0) {
		complain(r, "is not valid", text);
		return;
	}
	r->found++;
	prefix_set_add(r->to, &p);
}

/* The next line up to its newline; what does not fit is read over, and *ret_n is then LINE_BYTES. False: the end. */
static bool read_line(FILE *f, char line[LINE_BYTES], size_t *ret_n)
{
	size_t n = 0;
	int c = fgetc(f);

	if (c == EOF)
		return false;
	for (; c != '\n' && c != EOF; c = fgetc(f))
		if (n < LINE_BYTES)
			line[n++] = (char)c;
	*ret_n = n;
	return true;
}

static void read_lines(struct reader *r, FILE *f)
{
	char line[LINE_BYTES];
	size_t n;

	while (r->found <= PREFIX_FILE_MAX && read_line(f, line, &n)) {
		r->line++;
		if (n == LINE_BYTES)
			complain(r, "begins a line that is too long", str_mk(line, 40));
		else
			take_line(r, str_mk(line, n));
	}
}

/* Without waiting for whoever would write to a pipe. NULL: said why. */
static FILE *open_regular(const char *path, struct place at, const char *key, struct err_list *errs)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_add(errs, at, key, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_add(errs, at, key, "%s is not a regular file", path);
		return NULL;
	}
	f = fdopen(fd, "r");
	if (f)
		(void)take_fd(fd);
	else
		err_add(errs, at, key, "cannot read %s: %s", path, strerror(errno));
	return f;
}

int prefix_file_read(const char *path, struct place at, const char *key, struct prefix_set *to, struct err_list *errs)
{
	struct reader r = { .path = path, .key = key, .to = to, .errs = errs };
	_cleanup_fclose_ FILE *f = open_regular(path, at, key, errs);
	size_t before = errs->errors;

	if (!f)
		return -EINVAL;
	read_lines(&r, f);
	if (ferror(f))
		err_add(errs, at, key, "cannot read %s: %s", path, strerror(errno));
	if (r.broken > ERRORS_TOLD)
		err_add(errs, (struct place){ path, 0, 0 }, key, "%zu more lines are not valid",
			r.broken - ERRORS_TOLD);
	if (r.found > PREFIX_FILE_MAX)
		err_add(errs, at, key, "%s has more than %d prefixes", path, PREFIX_FILE_MAX);
	return errs->errors == before ? 0 : -EINVAL;
}

static void add_written(struct prefix_set *to, const struct opt_strings *l)
{
	struct prefix p;

	for (size_t i = 0; i < l->n; i++)
		if (prefix_parse(str_of(l->v[i]), &p) == 0)
			prefix_set_add(to, &p);
}

int prefix_lists_load(const struct protection_conf *c, struct prefix_lists *ret, struct err_list *errs)
{
	struct prefix_lists l = { 0 };
	size_t before = errs->errors, written;

	add_written(&l.allow, &c->allow);
	add_written(&l.deny, &c->deny);
	written = l.allow.n;
	if (c->allow_file && prefix_file_read(c->allow_file, c->allow_file_at, ALLOW_KEY, &l.allow, errs) == 0 &&
	    l.allow.n == written)
		err_add(errs, c->allow_file_at, ALLOW_KEY, "%s has no prefix; it would allow nobody", c->allow_file);
	if (c->deny_file)
		prefix_file_read(c->deny_file, c->deny_file_at, DENY_KEY, &l.deny, errs);
	if (errs->errors != before) {
		prefix_lists_free(&l);
		return -EINVAL;
	}
	*ret = l;
	return 0;
}

void prefix_lists_free(struct prefix_lists *l)
{
	prefix_set_free(&l->allow);
	prefix_set_free(&l->deny);
}
