/* The list of balancing policies, in the order of enum lb_strategy. A new policy is a file and a line here. */
#include "balance/wrr.h"

const struct balance_ops *const balance_all[] = {
	&wrr_ops,
	NULL,
};
