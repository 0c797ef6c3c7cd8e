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

/* Zero for ever, but neither compiler nor verifier knows. What is added to it loses its known value, so that paths
 * which differ in nothing else are verified together: see unsure(). */
volatile __u32 verifier_zero;

/* x, of which the verifier knows no more than its bits in mask. */
INLINE __u32 unsure(__u32 x, __u32 mask)
{
	return (x + verifier_zero) & mask;
}

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
