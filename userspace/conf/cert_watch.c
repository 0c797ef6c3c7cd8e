/* Watching directories rather than files: tools put new files in place of old ones, and symbolic links in place of
 * links. An event only says that it is time to look. */
#include "conf/cert_watch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tls/pem.h"

#define SETTLE_MS 300
#define EVENTS	  (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

static void add_path(struct cert_watch *w, const char *value)
{
	if (value && *value && !pem_is_text(value))
		vec_push(&w->paths, mem_strdup(value));
}

static void add_certificate(struct cert_watch *w, const struct tls_certificate_conf *c)
{
	add_path(w, c->cert_file);
	add_path(w, c->key_file);
	add_path(w, c->ocsp_file);
}

static void add_certificates(struct cert_watch *w, const struct opt_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		add_certificate(w, opt_list_at(l, i));
}

static void add_strings(struct cert_watch *w, const struct opt_strings *l)
{
	for (size_t i = 0; i < l->n; i++)
		add_path(w, l->v[i]);
}

static void collect(struct cert_watch *w, const struct dynamic_conf *conf)
{
	const struct tls_store_conf *store = opt_map_get(&conf->tls.stores, "default");
	add_certificates(w, &conf->tls.certificates);
	if (store && store->default_certificate)
		add_certificate(w, store->default_certificate);
	for (size_t i = 0; i < conf->tls.options.n; i++) {
		const struct tls_options_conf *o = opt_map_at(&conf->tls.options, i);
		if (o->client_auth)
			add_strings(w, &o->client_auth->ca_files);
	}
	for (size_t i = 0; i < conf->http.servers_transports.n; i++) {
		const struct servers_transport_conf *t = opt_map_at(&conf->http.servers_transports, i);
		add_strings(w, &t->root_cas);
		add_certificates(w, &t->certificates);
	}
}

static uint64_t content_of(const struct cert_watch *w)
{
	uint64_t h = w->paths.n;
	vec_each (path, &w->paths) {
		struct buf text;
		int rc = pem_read(*path, &text, NULL);
		h = hash_str(buf_view(&text), h + (uint64_t)-rc);
		if (text.p)
			OPENSSL_cleanse(text.p, text.n);
		buf_free(&text);
	}
	return h;
}

static void on_settled(struct timer *t)
{
	struct cert_watch *w = container_of(t, struct cert_watch, settle);
	uint64_t now = content_of(w);
	if (now == w->content)
		return;
	w->content = now;
	w->changed(w);
}

static void on_event(struct watch *watch, uint32_t events)
{
	struct cert_watch *w = container_of(watch, struct cert_watch, inotify);
	char discard[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	(void)events;
	while (read(watch->fd, discard, sizeof(discard)) > 0)
		;
	timer_set(&w->loop->wheel, &w->settle, clock_mono_ns() / NS_PER_MS + SETTLE_MS);
}

static void stop(struct cert_watch *w)
{
	timer_cancel(&w->loop->wheel, &w->settle);
	vec_each (path, &w->paths)
		free(*path);
	vec_free(&w->paths);
	if (w->inotify.fd < 0)
		return;
	int fd = w->inotify.fd;
	loop_del(w->loop, &w->inotify);
	close(fd);
	w->inotify.fd = -1;
}

/* inotify takes the same directory twice for one. */
static void watch_directory(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash == path ? mem_strdup("/")
				   : slash	 ? mem_strndup(path, (size_t)(slash - path))
						 : mem_strdup(".");
	(void)inotify_add_watch(fd, dir, EVENTS);
}

void cert_watch_init(struct cert_watch *w, struct loop *loop, void (*changed)(struct cert_watch *w))
{
	*w = (struct cert_watch){ .loop = loop, .changed = changed };
	w->inotify.fd = -1;
	w->inotify.ready = on_event;
	timer_init(&w->settle, on_settled);
}

void cert_watch_set(struct cert_watch *w, const struct dynamic_conf *conf)
{
	int rc = 0;
	stop(w);
	collect(w, conf);
	int fd = w->paths.n ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
	if (fd < 0)
		return;
	vec_each (path, &w->paths)
		watch_directory(fd, *path);
	w->content = content_of(w);
	loop_add_level(w->loop, &w->inotify, fd, &rc);
	if (rc < 0) {
		close(fd);
		w->inotify.fd = -1;
	}
}

void cert_watch_free(struct cert_watch *w)
{
	stop(w);
}
