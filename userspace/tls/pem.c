/* Reading PEM. */
#include "tls/pem.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>
#include "base/mem.h"

static int read_file(const char *path, struct buf *out, struct stat *st)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[8192];
	ssize_t n;
	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	OPENSSL_cleanse(part, sizeof(part));
	return n < 0 ? -errno : buf_ok(out) ? 0 : -EFBIG;
}

int pem_read(const char *value, struct buf *out, struct stat *st)
{
	struct stat own;
	buf_init(out, PEM_TEXT_MAX);
	st = st ? st : &own;
	*st = (struct stat){ 0 };
	if (!pem_is_text(value))
		return read_file(value, out, st);
	buf_puts(out, value);
	return buf_ok(out) ? 0 : -EFBIG;
}

STACK_OF(X509) * pem_certificates(struct str text)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *b = BIO_new_mem_buf(text.p, (int)text.n);
	X509 *one;
	while (all && b && (one = PEM_read_bio_X509(b, NULL, NULL, NULL)))
		if (!sk_X509_push(all, one))
			X509_free(one);
	/* The loop ends with "no start line" at the end of the text, and with anything else in the middle of it. */
	bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	BIO_free(b);
	if (whole && sk_X509_num(all) > 0) {
		ERR_clear_error();
		return all;
	}
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

const char *pem_last_error(void)
{
	static _Thread_local char text[128];
	unsigned long e = ERR_peek_last_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;
	snprintf(text, sizeof(text), "%s", why ? why : "unknown reason");
	ERR_clear_error();
	return text;
}
