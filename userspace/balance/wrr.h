/* Smooth weighted round robin: the default policy. */
#pragma once
#include "balance/balance.h"

extern const struct balance_ops wrr_ops;
