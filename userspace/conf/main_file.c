/* Reading the main file again. */
#include "conf/main_file.h"
#include "base/mem.h"
#include "conf/diff.h"

void main_file_init(struct main_file *m, const struct static_conf *running)
{
	m->running = running;
}

static void warn_changes(const struct main_file *m, const struct static_conf *now, const struct tree *root,
			 struct err_list *errs)
{
	struct diff d;
	diff_init(&d);
	diff_static(&d, m->running, now);
	vec_each (i, &d.items)
		err_warn(errs, (struct place){ root->at.file, 0, 0 }, i->key, "changed; takes effect after a restart");
	diff_free(&d);
}

struct tree *main_file_part(void *ctx, struct arena *a, struct tree *root, struct err_list *errs)
{
	const struct main_file *m = ctx;
	struct static_conf now;
	if (static_decode(root, a, &now, errs) < 0)
		return NULL;
	warn_changes(m, &now, root, errs);
	return static_dynamic_part(a, root);
}
