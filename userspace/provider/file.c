/* The file provider: reads, merges, watches. What the keys mean it does not know. */
#include "provider/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "base/yaml.h"
#include "provider/overlay.h"

#define QUIET_MS     50	  /* after the last event, so that a set of files that is being copied counts once */
#define QUIET_MAX_MS 1000 /* but a directory that never rests is read all the same */
#define DEPTH_MAX    16
#define FILES_MAX    10000
#define EVENTS                                                                                                  \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ATTRIB)

struct file_source {
	char *filename, *directory, *main_path;
	bool watching;
	struct tree *(*main_part)(void *ctx, struct arena *a, struct tree *root, struct err_list *errs);
	void *main_ctx;
	struct loop *loop;
	struct provider_sink sink;
	struct watch inotify;
	struct timer quiet;
	uint64_t first_event_ms; /* of the burst that is being waited for */
	uint64_t print;		 /* over names and contents of what was delivered last */
	bool delivered;
	struct deferred gone;
};

/* One reading of all files. */
struct reading {
	struct arena *arena;
	struct tree *root;
	struct err_list *errs;
	uint64_t print;
};

typedef VEC(char *) path_list;

static void path_list_free(path_list *l)
{
	vec_each (p, l)
		free(*p);
	vec_free(l);
}

/* ---- which files ---- */

static bool is_yaml(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in byte order; those with a dot in front are editors' and volume mounts' own. 0 or -errno. */
static int list_names(const char *dir, path_list *ret)
{
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			vec_push(ret, mem_strdup(e->d_name));
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

/* Calls `dir` for the directory and each below it, `file` for each YAML file, in lexical order. 0, or -errno of the
 * top. */
static int walk(const char *top, int depth, path_list *dirs, path_list *files)
{
	_cleanup_(path_list_free) path_list names = { 0 };
	int r = list_names(top, &names);

	if (r)
		return r;
	vec_push(dirs, mem_strdup(top));
	vec_each (name, &names) {
		_cleanup_free_ char *path = mem_printf("%s/%s", top, *name);
		struct stat st, link;

		if (files->n >= FILES_MAX || stat(path, &st) || lstat(path, &link))
			continue;
		if (S_ISDIR(link.st_mode) && depth < DEPTH_MAX) /* a link to a directory could be a loop */
			walk(path, depth + 1, dirs, files);
		else if (S_ISREG(st.st_mode) && is_yaml(*name))
			vec_push(files, take_ptr(path));
	}
	return 0;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return a && b && stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* ---- reading ---- */

/* Non-blocking, so that a pipe by mistake stops nothing. Returns the content (freed by the caller) or NULL with errno.
 */
static char *read_text(const char *path, size_t *ret_n)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(buf_free) struct buf text = { 0 };
	char part[65536];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	buf_init(&text, YAML_MAX_BYTES);
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)n);
	if (n < 0)
		return NULL;
	if (!buf_ok(&text)) {
		errno = EFBIG;
		return NULL;
	}
	*ret_n = text.n;
	return buf_take(&text);
}

static void mix(struct reading *r, const char *path, const char *text, size_t n)
{
	r->print = hash_bytes(path, strlen(path) + 1, r->print);
	r->print = hash_bytes(text, n, r->print);
}

static struct tree *read_tree(struct reading *r, const char *path)
{
	size_t n = 0;
	_cleanup_free_ char *text = read_text(path, &n);

	if (!text) {
		int e = errno;

		err_add(r->errs, (struct place){ .file = path }, NULL, "cannot be read: %s", strerror(e));
		mix(r, path, (char *)&e, sizeof(e));
		return NULL;
	}
	mix(r, path, text, n);
	return yaml_parse(r->arena, path, str_mk(text, n), r->errs);
}

static void read_file(struct reading *r, const char *path)
{
	struct tree *t = read_tree(r, path);

	if (t)
		overlay_add(r->arena, r->root, t, r->errs);
}

static void read_main(struct file_source *f, struct reading *r)
{
	struct tree *t = read_tree(r, f->main_path), *part;

	part = t && f->main_part ? f->main_part(f->main_ctx, r->arena, t, r->errs) : t;
	if (part)
		overlay_add(r->arena, r->root, part, r->errs);
}

static void read_directory(struct file_source *f, struct reading *r)
{
	_cleanup_(path_list_free) path_list dirs = { 0 }, files = { 0 };
	struct place at = { .file = f->directory };
	int e = walk(f->directory, 0, &dirs, &files);

	mix(r, f->directory, (char *)&e, sizeof(e));
	if (e == -ENOENT)
		err_warn(r->errs, at, NULL, "this directory does not exist yet%s",
			 f->watching ? "; it is read when it appears" : "");
	else if (e)
		err_add(r->errs, at, NULL, "cannot be read: %s", strerror(-e));
	if (files.n >= FILES_MAX)
		err_add(r->errs, at, NULL, "holds more than %d files", FILES_MAX);
	vec_each (path, &files)
		if (!is_same_file(*path, f->main_path))
			read_file(r, *path);
}

static void read_all(struct file_source *f, struct reading *r)
{
	r->root = tree_new(r->arena, TREE_MAP, (struct place){ 0 });
	if (f->main_path)
		read_main(f, r);
	if (f->directory)
		read_directory(f, r);
	else if (f->filename && !is_same_file(f->filename, f->main_path))
		read_file(r, f->filename);
}

/* ---- watching ---- */

/* Up to the first directory that exists, so that one that appears later is noticed. */
static void watch_nearest(int fd, const char *dir)
{
	_cleanup_free_ char *path = mem_strdup(*dir ? dir : "/");
	char *slash;

	while (inotify_add_watch(fd, path, EVENTS | IN_ONLYDIR) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		slash = strrchr(path, '/');
		if (!slash) {
			inotify_add_watch(fd, ".", EVENTS | IN_ONLYDIR);
			return;
		}
		if (slash == path) {
			inotify_add_watch(fd, "/", EVENTS | IN_ONLYDIR);
			return;
		}
		*slash = 0;
	}
}

static void watch_parent(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");

	watch_nearest(fd, dir);
}

/* A symbolic link changes in its own directory, its target in the target's. */
static void watch_file(int fd, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	watch_parent(fd, path);
	if (real)
		watch_parent(fd, real);
}

static void watch_directory(int fd, const char *top)
{
	_cleanup_(path_list_free) path_list dirs = { 0 }, files = { 0 };

	if (walk(top, 0, &dirs, &files))
		watch_nearest(fd, top);
	vec_each (dir, &dirs)
		inotify_add_watch(fd, *dir, EVENTS | IN_ONLYDIR);
	vec_each (path, &files) {
		struct stat st;

		if (lstat(*path, &st) == 0 && S_ISLNK(st.st_mode))
			watch_file(fd, *path);
	}
}

static void unwatch(struct file_source *f)
{
	int fd = f->inotify.fd;

	if (fd < 0)
		return;
	loop_del(f->loop, &f->inotify);
	f->inotify.fd = -1;
	close(fd);
}

static void on_event(struct watch *w, uint32_t events);

/* A new set each time: which directories there are may be what changed. Called before reading, so that what changes
 * during the reading is seen as the next event. */
static int watch_anew(struct file_source *f)
{
	_cleanup_close_ int fd = -1;
	int r = 0;

	if (!f->loop || !f->watching)
		return 0;
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return -errno;
	unwatch(f);
	if (f->main_path)
		watch_file(fd, f->main_path);
	if (f->directory)
		watch_directory(fd, f->directory);
	else if (f->filename)
		watch_file(fd, f->filename);
	f->inotify.ready = on_event;
	loop_add_level(f->loop, &f->inotify, fd, &r);
	if (r)
		return r;
	take_fd(fd);
	return 0;
}

/* ---- delivering ---- */

static void deliver(struct file_source *f, bool even_if_same)
{
	struct arena *a = mem_alloc(sizeof(*a));
	struct err_list errs;
	struct reading r = { .arena = a, .errs = &errs };
	int e;

	arena_init(a);
	err_init(&errs);
	e = watch_anew(f);
	if (e)
		err_warn(&errs, (struct place){ 0 }, "providers.file.watch", "changes cannot be followed: %s",
			 strerror(-e));
	read_all(f, &r);
	if (f->delivered && !even_if_same && r.print == f->print) {
		arena_reset(a);
		free(a);
		err_free(&errs);
		return;
	}
	f->delivered = true;
	f->print = r.print;
	f->sink.emit(f->sink.ctx, file_provider.name, a, errs.errors ? NULL : r.root, &errs);
	err_free(&errs);
}

static uint64_t now_ms(const struct file_source *f)
{
	return f->loop->now_ns / 1000000;
}

static void on_quiet(struct timer *t)
{
	struct file_source *f = container_of(t, struct file_source, quiet);

	f->first_event_ms = 0;
	deliver(f, false);
}

static void on_event(struct watch *w, uint32_t events)
{
	struct file_source *f = container_of(w, struct file_source, inotify);
	uint64_t now = now_ms(f), due;
	char discard[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (w->fd >= 0 && read(w->fd, discard, sizeof(discard)) > 0)
		;
	if (!f->first_event_ms)
		f->first_event_ms = now;
	due = now + QUIET_MS;
	if (due > f->first_event_ms + QUIET_MAX_MS)
		due = f->first_event_ms + QUIET_MAX_MS;
	timer_set(&f->loop->wheel, &f->quiet, due);
}

/* ---- life ---- */

void *file_new(const struct file_options *o)
{
	struct file_source *f = mem_zalloc(sizeof(*f));

	f->filename = o->filename ? mem_strdup(o->filename) : NULL;
	f->directory = o->directory ? mem_strdup(o->directory) : NULL;
	f->main_path = o->main_path ? mem_strdup(o->main_path) : NULL;
	f->watching = o->watch;
	f->main_part = o->main_part;
	f->main_ctx = o->main_ctx;
	f->inotify.fd = -1;
	timer_init(&f->quiet, on_quiet);
	return f;
}

static int file_start(void *self, struct loop *loop, const struct provider_sink *sink)
{
	struct file_source *f = self;

	f->loop = loop;
	f->watching = f->watching && loop;
	f->sink = *sink;
	deliver(f, true);
	return 0;
}

static void file_reload(void *self)
{
	deliver(self, true);
}

static void file_free(struct deferred *d)
{
	struct file_source *f = container_of(d, struct file_source, gone);

	free(f->filename);
	free(f->directory);
	free(f->main_path);
	free(f);
}

static void file_stop(void *self)
{
	struct file_source *f = self;

	if (!f->loop) {
		file_free(&f->gone);
		return;
	}
	timer_cancel(&f->loop->wheel, &f->quiet);
	unwatch(f);
	loop_defer(f->loop, &f->gone, file_free); /* the current batch may still name the watch */
}

/* Also without providers.file: the main file is followed all the same. */
static void *file_create(const struct provider_env *env)
{
	const struct file_provider_conf *f = env->conf ? env->conf->file : NULL;
	const struct file_options o = {
		.filename = f ? f->filename : NULL,
		.directory = f ? f->directory : NULL,
		.watch = f ? f->watch : true,
		.main_path = env->main_path,
		.main_part = env->main_part,
		.main_ctx = env->main_ctx,
	};

	return file_new(&o);
}

const struct provider_ops file_provider = {
	.name = "file",
	.create = file_create,
	.start = file_start,
	.reload = file_reload,
	.stop = file_stop,
};
