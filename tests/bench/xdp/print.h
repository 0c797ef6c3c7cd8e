/* Tables that can be pasted into a document. */
#pragma once
#include "live.h"
#include "measure.h"
#include "ring.h"

void print_figures(const struct figure *figures);
void print_live(const struct live_figure *figures, size_t n);
void print_ring(const struct ring_figure *f);
