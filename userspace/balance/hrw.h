/* Rendezvous hashing: a client keeps its server. */
#pragma once
#include "balance/balance.h"

extern const struct balance_ops hrw_ops;
