/* LB_REASONS as a table. */
#include "kern/reason.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "lb/count.h"

#define VERDICT_FORWARD "forward"
#define VERDICT_PASS	"pass"
#define VERDICT_DROP	"drop"

static const struct reason_info reasons[LB_R_COUNT] = {
#define REASON_ROW(name, verdict, help) { #name, VERDICT_##verdict, help },
	LB_REASONS(REASON_ROW)
#undef REASON_ROW
};

const struct reason_info *reason_at(size_t n)
{
	return n < ARRAY_LEN(reasons) ? &reasons[n] : NULL;
}

int reason_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (strcmp(reasons[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

const char *reason_nearest(const char *name)
{
	const char *names[LB_R_COUNT];

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		names[i] = reasons[i].name;
	return num_nearest(str_of(name), names, ARRAY_LEN(names));
}
