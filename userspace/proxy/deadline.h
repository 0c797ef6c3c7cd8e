/* Every time limit of a request in flight, in one table. They share the client connection's timer: it is filed for the
 * earliest, and what is pushed ahead by progress is looked at again when it fires. */
#pragma once
#include "proxy/req.h"

uint64_t deadline_next_ms(const struct req *r);	  /* the earliest still ahead, ms on the loop's clock; 0: none */
enum reason deadline_passed(const struct req *r); /* the one that is over; REASON_NONE */
