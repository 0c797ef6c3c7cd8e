/* Configuration values that are a path or the PEM text itself. */
#pragma once
#include <openssl/x509.h>
#include <sys/stat.h>
#include "base/buf.h"

#define PEM_TEXT_MAX (1u << 20)

static inline bool pem_is_text(const char *value)
{
	return strstr(value, "-----BEGIN") != NULL;
}
/* The text, or the file's content; st, which may be NULL, receives what the file is (st_mode 0: no file). 0, -EFBIG or
 * -errno. */
int pem_read(const char *value, struct buf *out, struct stat *st);
/* All certificates of a text; NULL when there is none or one is broken. */
STACK_OF(X509) * pem_certificates(struct str text);
/* The newest OpenSSL error as text, and an empty queue; static text per thread. */
const char *pem_last_error(void);
