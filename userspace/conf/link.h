/* Names become pointers: one validated configuration into a snapshot the workers can run on, carrying over every
 * service and server that did not change (identity by name and configuration, servers by address within a service of
 * the same name). Control thread only. */
#pragma once
#include "conf/apply.h"

/* Builds rev->snapshot and rev->l4 from rev->conf. On failure errors are added and nothing outside rev has changed. */
int link_build(const struct apply *a, struct revision *rev, struct err_list *errs);
