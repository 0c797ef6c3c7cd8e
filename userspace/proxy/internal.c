/* Requests answered by the agent itself: carried to the control thread, where all state but the workers' lives, and
 * back. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "proxy/h1_server.h"
#include "proxy/http_fsm.h"

#define REPLY_MAX (64u << 20)

struct job {
	struct message msg;
	struct req *r; /* worker thread; NULL once the client is gone */
	struct worker *worker;
	const struct engine *engine;
	struct internal_service service; /* a copy: the route may be retired meanwhile */
	struct internal_request rq;
	struct internal_reply reply;
	char *text; /* what rq's views point to */
};

static void job_free(void *p)
{
	struct job *j = p;
	buf_free(&j->reply.body);
	free(j->text);
	free(j);
}

static void add_extra(struct reply *p, struct str name, const char *value)
{
	if (*value)
		p->extra[p->nextra++] = (struct field){ name, str_of(value), TOKEN_NONE };
}

static void fill_reply(struct req *r, struct job *j)
{
	struct internal_reply *from = &j->reply;
	r->reply = (struct reply){ .status = from->status,
				   .content_type = from->content_type,
				   .body = buf_view(&from->body) };
	add_extra(&r->reply, STR("Location"), from->location);
	add_extra(&r->reply, STR("Allow"), from->allow);
	if (from->extra_name)
		add_extra(&r->reply, str_of(from->extra_name), from->extra_value);
	r->replied = true;
	r->step = REQ_RESPONSE_PHASE;
	arena_defer(&r->arena, job_free, j);
}

/* Back on the worker. */
static void deliver_reply(struct message *m)
{
	struct job *j = container_of(m, struct job, msg);
	struct req *r = j->r;
	if (!r) {
		job_free(j);
		return;
	}
	r->job = NULL;
	fill_reply(r, j);
	req_run(r);
}

/* On the control thread. What is still queued when the workers have ended is for nobody. */
static void deliver_work(struct message *m)
{
	struct job *j = container_of(m, struct job, msg);
	if (!j->engine->workers) {
		job_free(j);
		return;
	}
	j->service.serve(j->service.ctx, &j->rq, &j->reply);
	j->msg.deliver = deliver_reply;
	mailbox_post(&j->worker->box, &j->msg);
}

static void copy_request(struct job *j, const struct req *r)
{
	struct str parts[3] = { r->method, r->path, r->query };
	struct str *views[3] = { &j->rq.method, &j->rq.path, &j->rq.query };
	char *p = j->text = mem_alloc(r->method.n + r->path.n + r->query.n + 1);
	for (int i = 0; i < 3; i++) {
		if (parts[i].n)
			memcpy(p, parts[i].p, parts[i].n);
		*views[i] = str_mk(p, parts[i].n);
		p += parts[i].n;
	}
	j->rq.peer = r->peer;
}

enum step_result step_internal(struct req *r)
{
	struct conn *c = &r->down->stream.conn;
	if (r->job) {
		if (!c->failed)
			return STEP_WAIT;
		req_fail(r, REASON_CLIENT_GONE);
		return STEP_NEXT;
	}
	struct job *j = mem_zalloc(sizeof(*j));
	j->service = *r->route->internal;
	j->worker = r->worker;
	j->engine = r->worker->engine;
	j->reply.status = 200;
	buf_init(&j->reply.body, REPLY_MAX);
	copy_request(j, r);
	if (j->service.any_thread) {
		j->service.serve(j->service.ctx, &j->rq, &j->reply);
		fill_reply(r, j);
		return STEP_NEXT;
	}
	j->r = r;
	r->job = j;
	j->msg.deliver = deliver_work;
	mailbox_post(r->worker->engine->control, &j->msg);
	return STEP_WAIT;
}

void internal_forget(struct req *r)
{
	struct job *j = r->job;
	if (j)
		j->r = NULL;
	r->job = NULL;
}
