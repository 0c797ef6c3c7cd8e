/* Configuration reaches JSON through the option tables, so that a new option shows up here by itself. */
#include "admin/view.h"
#include <inttypes.h>
#include <time.h>
#include "base/clock.h"

json_t *view_conf(const struct opt_table *table, const void *value)
{
	_cleanup_(buf_free) struct buf text;
	json_t *o;

	buf_init(&text, 16u << 20);
	opt_print(table, value, OPT_JSON, true, 0, &text);
	o = buf_ok(&text) ? json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL) : NULL;
	return o ? o : json_object();
}

static const struct opt *row_find(const struct opt_table *table, const char *name)
{
	const struct opt *o = table->rows;

	while (o->name && strcmp(o->name, name))
		o++;
	return o;
}

const struct opt_table *view_table(const char *section, const char *kind)
{
	return row_find(row_find(&dynamic_table, section)->table, kind)->table;
}

void view_set(json_t *o, const char *key, const char *text)
{
	json_t *s = text ? json_string(text) : NULL;

	if (text)
		json_object_set_new(o, key, s ? s : json_string(""));
}

void view_identity(json_t *o, const char *qualified)
{
	const char *at = strrchr(qualified, '@');

	view_set(o, "status", "enabled");
	view_set(o, "name", qualified);
	view_set(o, "provider", at ? at + 1 : "");
}

json_t *view_servers(const struct service *s)
{
	json_t *o = json_object();

	for (size_t i = 0; s && i < s->ntargets; i++)
		view_set(o, s->targets[i]->name, atomic_load(&s->targets[i]->up) ? "UP" : "DOWN");
	return o;
}

void view_priority(json_t *o, int64_t configured, const char *rule)
{
	int64_t priority = configured ? configured : (int64_t)(rule ? strlen(rule) : 0);
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, priority);
	json_object_set_new(o, "priority", json_integer(priority));
	view_set(o, "priorityStr", text);
}

void view_append(json_t *o, const char *key, const char *user)
{
	json_t *list = json_object_get(o, key);

	if (!list) {
		list = json_array();
		json_object_set_new(o, key, list);
	}
	json_array_append_new(list, json_string(user));
}

json_t *view_time(uint64_t wall_ns)
{
	time_t t = (time_t)(wall_ns / NS_PER_S);
	char text[32];
	struct tm tm;

	if (!wall_ns)
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return json_string(text);
}
