/* Every trick the compiler or the verifier needs, each with its reason. */
#pragma once
#include <linux/types.h>

#define INLINE static __attribute__((always_inline)) inline

/* A field the compiler must not merge, split or re-read: entries are shared with other CPUs. */
#define READ_ONCE(x)	 (*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* Hides a value's origin, so that clang 14 keeps a bounds check on the same register it later adds to a pointer
 * (otherwise it may check a copy, and kernels that do not link the two refuse the access). */
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* MAC pairs are arrays of bytes, which clang 14 copies one by one; both ends lie on 4-byte boundaries of their objects.
 */
INLINE void copy_macs(void *to, const void *from)
{
	__u32 *t = to;
	const __u32 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
}
