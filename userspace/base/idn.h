/* International domain names (UTS 46, IDNA 2008) to the form that the wire has. */
#pragma once
#include "base/arena.h"

/* "café.example" -> "xn--caf-dma.example", lower case, in `a`. 0 or -EINVAL when it is no name. */
int idn_to_ascii(struct arena *a, struct str name, struct str *ret);
