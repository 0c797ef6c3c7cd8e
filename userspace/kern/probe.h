/* What this kernel can do and how fast it ticks. kern_probe() of kern.h lives in probe.c too. */
#pragma once
#include <stdint.h>

/* The kernel's HZ (jiffies per second), measured in about 100 ms; 0 when BPF cannot be run. */
unsigned probe_hz(void);
/* The low 32 bits of jiffies, now. 0 or -errno. */
int probe_jiffies(uint32_t *ret);
/* CLOCK_BOOTTIME, by which the tables tell how old things are; tests cannot freeze it, since the kernel reads it too.
 */
uint64_t probe_boot_ns(void);
