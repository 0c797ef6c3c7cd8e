/* What this kernel can do and how fast it ticks. kern_probe() of kern.h lives in probe.c too. */
#pragma once

/* The kernel's HZ (jiffies per second), measured in about 50 ms; 0 when BPF cannot be run. */
unsigned probe_hz(void);
