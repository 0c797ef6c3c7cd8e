/* Expands lb/knob.h to constants in .rodata, which the agent sets before load. */
#pragma once
#include <linux/types.h>
#include "lb/knob.h"

#define KNOB_DEFINE(type, name, value, doc) const volatile type knob_##name = value;
LB_KNOBS(KNOB_DEFINE)
#undef KNOB_DEFINE
