/* The parts in the order in which a request meets them. */
#include "app/explain_print.h"
#include <stdarg.h>
#include <string.h>
#include "base/mem.h"

#define LABEL_WIDTH 13

/* ---- for every kind of explanation ---- */

void explain_line(FILE *to, const char *label, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	fprintf(to, "%-*s ", LABEL_WIDTH, label);
	for (const char *c = text ? text : ""; *c; c++)
		fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, to);
	fputc('\n', to);
}

const char *explain_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

long long explain_number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

bool explain_flag(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

void explain_servers(FILE *to, const json_t *servers)
{
	size_t i, width = 0;
	json_t *o;

	json_array_foreach((json_t *)servers, i, o)
	{
		size_t n = strlen(explain_text(o, "server"));

		width = n > width ? n : width;
	}
	json_array_foreach((json_t *)servers, i, o)
	{
		double share = json_real_value(json_object_get(o, "sharePercent"));

		explain_line(to, i ? "" : "servers", "%-*s  weight %-5lld %5.1f %%  %s, %s, %lld in flight",
			     (int)(width < 60 ? width : 60), explain_text(o, "server"), explain_number(o, "weight"),
			     share, explain_flag(o, "up") ? "up" : "DOWN", explain_text(o, "reason"),
			     explain_number(o, "inFlight"));
	}
}

/* ---- HTTP ---- */

static void print_request(FILE *to, const json_t *rq)
{
	const char *query = explain_text(rq, "query"), *sni = explain_text(rq, "sni");

	explain_line(to, "request", "%s %s%s%s%s", explain_text(rq, "method"), explain_text(rq, "host"),
		     explain_text(rq, "path"), *query ? "?" : "", query);
	explain_line(to, "", "from %s%s%s", explain_text(rq, "from"), *sni ? ", server name " : "", sni);
}

/* Routers that did not get it, each with the reason. */
static void print_others(FILE *to, const char *label, const json_t *list, long long count)
{
	size_t i;
	json_t *o;

	json_array_foreach((json_t *)list, i, o)
	{
		explain_line(to, i ? "" : label, "%s  priority %lld: %s", explain_text(o, "name"),
			     explain_number(o, "priority"), explain_text(o, "why"));
		explain_line(to, "", "  %s", explain_text(o, "rule"));
	}
	if (count > (long long)json_array_size(list))
		explain_line(to, "", "and %lld more", count - (long long)json_array_size(list));
}

static void print_router(FILE *to, const json_t *router)
{
	explain_line(to, "router", "%s  priority %lld (%s)", explain_text(router, "name"),
		     explain_number(router, "priority"), explain_text(router, "priorityFrom"));
	explain_line(to, "", "  %s", explain_text(router, "rule"));
	explain_line(to, "", "  %s", explain_text(router, "why"));
}

static void print_middlewares(FILE *to, const json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach((json_t *)list, i, o) explain_line(to, i ? "" : "middlewares", "%zu. %s (%s)", i + 1,
							      explain_text(o, "name"), explain_text(o, "type"));
}

static void print_service(FILE *to, const json_t *s)
{
	const char *strategy = explain_text(s, "strategy"), *answer = explain_text(s, "answer");

	explain_line(to, "service", "%s%s%s", explain_text(s, "name"), *strategy ? ", strategy " : "", strategy);
	explain_servers(to, json_object_get(s, "servers"));
	if (*answer)
		explain_line(to, "answer", "%s", answer);
}

void explain_print_http(FILE *to, const json_t *answer)
{
	const json_t *entry = json_object_get(answer, "entryPoint"), *router = json_object_get(answer, "router");

	print_request(to, json_object_get(answer, "request"));
	explain_line(to, "entry point", "%s (%s): %s", explain_text(entry, "name"), explain_text(entry, "address"),
		     explain_text(entry, "why"));
	if (json_is_object(router))
		print_router(to, router);
	print_others(to, "runners-up", json_object_get(answer, "runnersUp"), explain_number(answer, "runnersUpCount"));
	print_others(to, "passed over", json_object_get(answer, "passedOver"),
		     explain_number(answer, "passedOverCount"));
	if (explain_number(answer, "otherHostsCount"))
		explain_line(to, "", "of higher priority, but for other hosts: %lld",
			     explain_number(answer, "otherHostsCount"));
	if (!json_is_object(router)) {
		explain_line(to, "answer", "%s", explain_text(answer, "answer"));
		return;
	}
	print_middlewares(to, json_object_get(answer, "middlewares"));
	print_service(to, json_object_get(answer, "service"));
}
