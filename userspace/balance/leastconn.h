/* Fewest requests in flight, by weight. */
#pragma once
#include "balance/balance.h"

extern const struct balance_ops leastconn_ops;
