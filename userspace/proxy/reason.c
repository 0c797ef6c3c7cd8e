/* The failure reasons' table. */
#include "proxy/reason.h"

static const struct {
	const char *name;
	int status;
	bool retry;
} rows[] = {
#define X(id, name, status, retry) [id] = { name, status, retry },
	REASONS(X)
#undef X
};

const char *reason_name(enum reason r)
{
	return rows[r].name;
}

int reason_status(enum reason r)
{
	return rows[r].status;
}

bool reason_retryable(enum reason r)
{
	return rows[r].retry;
}
