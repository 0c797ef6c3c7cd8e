/* Desired services → maps. Order and safety as kern.h promises. */
#pragma once
#include "kern/live.h"

/* kern_ops.sync. */
int sync_service(struct live *l, const struct kern_service *services, size_t n, struct err_list *errs);
/* Looks up the next hop of every backend that has an owner and writes the records that changed; retired ones too, since
 * their flows go on. */
void sync_hops(struct live *l);
/* Lets packets leave by this interface. 0 or -errno. */
int sync_device(struct live *l, uint32_t ifindex);
