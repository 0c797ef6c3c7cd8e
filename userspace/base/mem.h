/* Checked allocation and cleanup attributes.
 *
 * Control-plane code uses these; the hot path uses the arena and the worker's block pool. Running out of
 * memory for a small object ends the process with a message: there is no useful way on, and every buffer
 * whose size an outsider can influence is bounded elsewhere. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

void *mem_alloc(size_t n);			       /* never NULL; owned by the caller, freed with free() */
void *mem_zalloc(size_t n);			       /* the same, zero-filled */
void *mem_realloc(void *p, size_t count, size_t size); /* checks count * size for overflow */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline void mem_freep(void *p)
{
	void **pp = p;
	__builtin_free(*pp);
	*pp = NULL;
}

static inline void mem_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void mem_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#define _cleanup_(f)	 __attribute__((cleanup(f)))
#define _cleanup_free_	 _cleanup_(mem_freep)
#define _cleanup_close_	 _cleanup_(mem_closep)
#define _cleanup_fclose_ _cleanup_(mem_fclosep)

/* take_ptr(p), take_fd(fd): hand ownership on and forget it here. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define take_fd(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#define ARRAY_LEN(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
