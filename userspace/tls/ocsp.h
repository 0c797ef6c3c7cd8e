/* OCSP responses that are stapled (RFC 6960, RFC 6066 §8). */
#pragma once
#include <openssl/x509.h>
#include <stdint.h>
#include "base/str.h"

/* NULL when the DER text is a response about that certificate, with the end of its validity in seconds since 1970
 * (INT64_MAX: unlimited); else what is wrong. The signature is for clients to check. */
const char *ocsp_read(struct str der, X509 *leaf, int64_t *ret_until);
