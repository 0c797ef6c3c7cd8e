/* Shortest expected wait. */
#pragma once
#include "balance/balance.h"

extern const struct balance_ops leasttime_ops;
