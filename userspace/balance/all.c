/* The list of balancing policies, in the order of enum lb_strategy. A new policy is a file and a line here. */
#include "balance/hrw.h"
#include "balance/leastconn.h"
#include "balance/leasttime.h"
#include "balance/p2c.h"
#include "balance/wrr.h"

const struct balance_ops *const balance_all[] = {
	&wrr_ops, &p2c_ops, &leastconn_ops, &leasttime_ops, &hrw_ops, NULL,
};
