/* Typed growable array: struct { T *v; size_t n, cap; }. Control plane only: it reallocates. */
#pragma once
#include "base/mem.h"

#define VEC(T)                 \
	struct {               \
		T *v;          \
		size_t n, cap; \
	}
#define vec_push(vec, item)                                                              \
	do {                                                                             \
		if ((vec)->n == (vec)->cap) {                                            \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8;                    \
			(vec)->v = mem_realloc((vec)->v, (vec)->cap, sizeof(*(vec)->v)); \
		}                                                                        \
		(vec)->v[(vec)->n++] = (item);                                           \
	} while (0)
#define vec_free(vec)                      \
	do {                               \
		__builtin_free((vec)->v);  \
		(vec)->v = NULL;           \
		(vec)->n = (vec)->cap = 0; \
	} while (0)
#define vec_each(it, vec) for (__typeof__((vec)->v + 0) it = (vec)->v; it < (vec)->v + (vec)->n; it++)
