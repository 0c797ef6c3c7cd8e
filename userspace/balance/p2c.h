/* The better of two random items. */
#pragma once
#include "balance/balance.h"

extern const struct balance_ops p2c_ops;
