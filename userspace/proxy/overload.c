/* The rule of admission. */
#include "proxy/overload.h"

bool overload_note(struct overload *o, uint64_t now_ns, uint64_t delay_ns, uint64_t target_ns)
{
	bool was = o->shedding;

	if (!target_ns || delay_ns < target_ns) {
		o->late_since_ns = 0;
		o->shedding = false;
	} else if (!o->late_since_ns) {
		o->late_since_ns = now_ns;
	} else if (now_ns - o->late_since_ns >= OVERLOAD_INTERVAL_NS) {
		o->shedding = true;
	}
	o->share = o->shedding ? (unsigned)((delay_ns - target_ns) * 1024 / delay_ns) : 0;
	return o->shedding != was;
}

bool overload_refuses(struct overload *o)
{
	o->debt += o->share;
	if (o->debt < 1024)
		return false;
	o->debt -= 1024;
	return true;
}
