/* Each worker owns a ring of slots. It fills one, marks it full and goes on to the next; the writer thread writes full
 * slots in ring order and marks them empty. One flag per slot is all the two threads share, so neither ever waits for a
 * lock. */
#include "observe/access_log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"
#include "base/mem.h"
#include "observe/escape.h"
#include "observe/log_field.h"

#define SLOT_SIZE	 (64u * 1024u) /* more than the longest line */
#define SLOTS		 8u
#define CLOSE_PATIENCE_S 5
#define TEXT_MAX	 4000u
#define PATH_MAX_OUT	 16000u

struct slot {
	char *p;
	size_t n;
	unsigned lines;
	_Atomic bool full; /* true: the writer's */
};

struct ring {
	struct slot slots[SLOTS];
	unsigned fill; /* the worker's place */
	struct stamp_cache stamps;
	unsigned drain __attribute__((aligned(64))); /* the writer's place */
	atomic_uint lost; /* lines the writer could not write; the worker counts them in its column */
} __attribute__((aligned(64)));

struct access_log {
	enum access_format format;
	char *path; /* NULL: standard output */
	unsigned nrings;
	struct ring *rings;
	atomic_ullong count; /* requests so far */
	struct metric_series *dropped;
	pthread_t writer;
	sem_t work;
	int fd;		    /* the writer's */
	atomic_int next_fd; /* opened for the writer to go on with; -1: none */
	_Atomic bool stopping;
};

/* ---- lines ---- */

static void put_or_dash(struct out *o, struct str s, bool quoted, size_t max)
{
	if (!s.n) {
		out_lit(o, "-");
		return;
	}
	(quoted ? escape_quoted : escape_bare)(o, s, max);
}

static void put_quoted(struct out *o, struct str s)
{
	out_lit(o, " \"");
	put_or_dash(o, s, true, TEXT_MAX);
	out_lit(o, "\"");
}

/* Common Log Format with referer and user agent, both "-": headers are not logged unless somebody asks for them. */
static void put_clf(const struct log_line *l, struct out *o)
{
	put_or_dash(o, log_line_client(l), false, TEXT_MAX);
	out_lit(o, " - - [");
	out_bytes(o, l->start.clf, sizeof(l->start.clf) - 1);
	out_lit(o, "] \"");
	put_or_dash(o, l->r->in.method, true, TEXT_MAX);
	out_lit(o, " ");
	put_or_dash(o, log_line_path(l), true, PATH_MAX_OUT);
	out_lit(o, " ");
	out_str(o, log_line_protocol(l));
	out_lit(o, "\" ");
	if (l->r->status > 0)
		out_u64(o, (uint64_t)l->r->status);
	else
		out_lit(o, "-");
	out_lit(o, " ");
	out_u64(o, l->r->response_bytes);
	out_lit(o, " \"-\" \"-\"");
}

static void put_common(const struct log_line *l, struct out *o)
{
	put_clf(l, o);
	out_lit(o, " ");
	out_u64(o, l->count);
	put_quoted(o, l->r->route ? str_of(l->r->route->name) : str_mk(NULL, 0));
	put_quoted(o, l->r->target ? str_of(l->r->target->name) : str_mk(NULL, 0));
	out_lit(o, " ");
	out_u64(o, log_line_duration(l) / NS_PER_MS);
	out_lit(o, "ms\n");
}

static void put_line(const struct access_log *l, const struct log_line *line, struct out *o)
{
	switch (l->format) {
	case ACCESS_JSON:
		log_line_json(line, o);
		return;
	case ACCESS_COMMON:
		put_common(line, o);
		return;
	case ACCESS_GENERIC_CLF:
		put_clf(line, o);
		out_lit(o, "\n");
		return;
	}
}

/* ---- worker side ---- */

static void hand_over(struct access_log *l, struct ring *r)
{
	struct slot *s = &r->slots[r->fill];

	if (atomic_load_explicit(&s->full, memory_order_acquire) || !s->n)
		return; /* its length is ours to read only when the slot is */
	atomic_store_explicit(&s->full, true, memory_order_release);
	r->fill = (r->fill + 1) % SLOTS;
	sem_post(&l->work);
}

/* The slot to write into, or NULL when all are the writer's. */
static struct slot *open_slot(struct ring *r)
{
	struct slot *s = &r->slots[r->fill];

	if (atomic_load_explicit(&s->full, memory_order_acquire))
		return NULL;
	if (!s->p)
		s->p = mem_alloc(SLOT_SIZE);
	return s;
}

static bool append(const struct access_log *l, struct ring *r, const struct log_line *line)
{
	struct slot *s = open_slot(r);
	struct out o;

	if (!s)
		return false;
	o = (struct out){ .start = s->p, .p = s->p + s->n, .end = s->p + SLOT_SIZE };
	put_line(l, line, &o);
	if (o.full)
		return false;
	s->n = (size_t)(o.p - s->p);
	s->lines++;
	return true;
}

static void count_lost(struct access_log *l, unsigned worker)
{
	if (atomic_load_explicit(&l->rings[worker].lost, memory_order_relaxed))
		metric_add(l->dropped, worker, atomic_exchange(&l->rings[worker].lost, 0));
}

static void on_done(void *ctx, unsigned worker, const struct req *r)
{
	struct access_log *l = ctx;
	struct ring *ring = &l->rings[worker];
	struct log_line line;

	log_line_init(&line, r, &ring->stamps, atomic_fetch_add_explicit(&l->count, 1, memory_order_relaxed) + 1);
	if (append(l, ring, &line))
		return;
	/* No room left in this slot, or no slot at all. */
	hand_over(l, ring);
	if (!append(l, ring, &line))
		metric_add(l->dropped, worker, 1);
}

static void flush(void *ctx, unsigned worker)
{
	struct access_log *l = ctx;

	hand_over(l, &l->rings[worker]);
	count_lost(l, worker);
}

void access_log_logger(struct access_log *l, struct logger *ret)
{
	*ret = (struct logger){ .name = "access log", .on_done = on_done, .flush = flush, .ctx = l };
}

/* ---- writer side ---- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return -errno;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

static void take_next_fd(struct access_log *l)
{
	int fd = atomic_exchange(&l->next_fd, -1);

	if (fd < 0)
		return;
	close(l->fd);
	l->fd = fd;
}

static bool drain_one(struct access_log *l, struct ring *r)
{
	struct slot *s = &r->slots[r->drain];

	if (!atomic_load_explicit(&s->full, memory_order_acquire))
		return false;
	take_next_fd(l);
	if (write_all(l->fd, s->p, s->n) < 0)
		atomic_fetch_add(&r->lost, s->lines);
	s->n = 0;
	s->lines = 0;
	r->drain = (r->drain + 1) % SLOTS;
	atomic_store_explicit(&s->full, false, memory_order_release);
	return true;
}

static void *writer_main(void *arg)
{
	struct access_log *l = arg;
	bool stopping;

	do {
		bool more = true;

		while (sem_wait(&l->work) < 0 && errno == EINTR)
			;
		stopping = atomic_load(&l->stopping); /* before looking: what was handed over before it is seen below */
		take_next_fd(l);
		while (more) {
			more = false;
			for (unsigned i = 0; i < l->nrings; i++)
				more |= drain_one(l, &l->rings[i]);
		}
	} while (!stopping);
	return NULL;
}

/* Signals, SIGPIPE among them, are not for this thread. */
static int writer_start(struct access_log *l)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&l->writer, NULL, writer_main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

/* ---- life ---- */

static int open_path(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)
		      : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static void log_free(struct access_log *l)
{
	for (unsigned i = 0; i < l->nrings; i++)
		for (unsigned s = 0; s < SLOTS; s++)
			free(l->rings[i].slots[s].p);
	take_next_fd(l);
	if (l->fd >= 0)
		close(l->fd);
	metric_series_put(&l->dropped);
	sem_destroy(&l->work);
	free(l->rings);
	free(l->path);
	free(l);
}

int access_log_open(const struct access_log_conf *conf, unsigned workers, struct access_log **ret)
{
	struct access_log *l;
	int fd = open_path(conf->file_path), r;

	if (fd < 0)
		return fd;
	l = mem_zalloc(sizeof(*l));
	l->fd = fd;
	l->format = (enum access_format)conf->format;
	l->path = conf->file_path ? mem_strdup(conf->file_path) : NULL;
	atomic_init(&l->next_fd, -1);
	l->rings = aligned_alloc(_Alignof(struct ring), workers * sizeof(struct ring));
	if (l->rings) {
		l->nrings = workers;
		memset(l->rings, 0, workers * sizeof(struct ring));
	}
	sem_init(&l->work, 0, 0);
	l->dropped = metric_series_get(
		metric_family("sluice_access_log_dropped_total",
			      "Access-log lines not written because the destination was too slow or failed.",
			      METRIC_COUNTER, NULL, 0, NULL, 0),
		NULL);
	r = l->rings ? writer_start(l) : -ENOMEM;
	if (r < 0) {
		log_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

int access_log_reopen(struct access_log *l)
{
	int fd;

	if (!l->path)
		return 0;
	fd = open_path(l->path);
	if (fd < 0)
		return fd;
	fd = atomic_exchange(&l->next_fd, fd);
	if (fd >= 0)
		close(fd);
	sem_post(&l->work);
	return 0;
}

void access_log_close(struct access_log **pl)
{
	struct access_log *l = take_ptr(*pl);
	struct timespec until;

	if (!l)
		return;
	for (unsigned i = 0; i < l->nrings; i++)
		hand_over(l, &l->rings[i]);
	atomic_store(&l->stopping, true);
	sem_post(&l->work);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_PATIENCE_S;
	if (pthread_timedjoin_np(l->writer, NULL, &until) != 0) {
		pthread_cancel(l->writer); /* it hangs in write(2), which is a cancellation point */
		pthread_join(l->writer, NULL);
	}
	for (unsigned i = 0; i < l->nrings; i++)
		count_lost(l, i); /* its worker is gone, so the column is ours */
	log_free(l);
}
