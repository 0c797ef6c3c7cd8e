/* Reading a ClientHello. Lengths are checked against what encloses them; what is no ClientHello is left to OpenSSL,
 * which knows the alert for it. */
#include "tls/hello.h"
#include <errno.h>
#include <string.h>

enum { RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1, EXT_SERVER_NAME = 0, EXT_ALPN = 16, RECORD_HEADER = 5 };

/* A view that is eaten from the front. Once `broken`, everything it gives is empty. */
struct eater {
	const unsigned char *p;
	size_t n;
	bool broken;
};

static unsigned eat_uint(struct eater *e, size_t bytes)
{
	unsigned v = 0;
	if (e->n < bytes) {
		e->broken = true;
		e->n = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | e->p[i];
	e->p += bytes;
	e->n -= bytes;
	return v;
}

/* A vector with a length of that many bytes in front. */
static struct eater eat_vector(struct eater *e, size_t length_bytes)
{
	size_t n = eat_uint(e, length_bytes);
	if (n > e->n) {
		e->broken = true;
		e->n = 0;
		return (struct eater){ .broken = true };
	}
	struct eater v = { .p = e->p, .n = n };
	e->p += n;
	e->n -= n;
	return v;
}

static void eat_bytes(struct eater *e, size_t n)
{
	if (e->n < n) {
		e->broken = true;
		n = e->n;
	}
	e->p += n;
	e->n -= n;
}

/* Joins the fragments of the first handshake message. 0 with the message in *ret, else as hello_parse(). */
static int join_records(struct eater in, char *scratch, struct eater *ret)
{
	size_t have = 0, want = 4;
	while (have < want) {
		if (in.n && in.p[0] != RECORD_HANDSHAKE)
			return -EBADMSG;
		if (in.n < RECORD_HEADER)
			return -EAGAIN;
		size_t n = (size_t)in.p[3] << 8 | in.p[4];
		if (in.p[1] != 3 || n == 0 || n > HELLO_MAX)
			return -EBADMSG;
		size_t part = n < in.n - RECORD_HEADER ? n : in.n - RECORD_HEADER;
		if (have + part > HELLO_MAX)
			return -EBADMSG;
		memcpy(scratch + have, in.p + RECORD_HEADER, part);
		have += part;
		const unsigned char *m = (const unsigned char *)scratch;
		if (have >= 4)
			want = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
		if (have >= 1 && m[0] != CLIENT_HELLO)
			return -EBADMSG;
		if (want > HELLO_MAX - RECORD_HEADER)
			return -EBADMSG;
		if (part < n && have < want)
			return -EAGAIN;
		eat_bytes(&in, RECORD_HEADER + part);
	}
	*ret = (struct eater){ .p = (const unsigned char *)scratch + 4, .n = want - 4 };
	return 0;
}

/* What may stand in a name (RFC 6066 §3: no trailing dot, no address; both are met all the same). */
static void keep_name(struct eater name, struct hello *ret)
{
	size_t n = name.n;
	if (n && name.p[n - 1] == '.')
		n--;
	if (n == 0 || n > HELLO_SNI_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = name.p[i];
		if (c <= ' ' || c >= 0x7f) {
			ret->sni[0] = '\0';
			return;
		}
		ret->sni[i] = str_lower_char((char)c);
	}
	ret->sni[n] = '\0';
	ret->sni_len = (uint8_t)n;
}

static bool read_server_name(struct eater ext, struct hello *ret)
{
	struct eater list = eat_vector(&ext, 2);
	while (list.n && !list.broken) {
		unsigned type = eat_uint(&list, 1);
		struct eater name = eat_vector(&list, 2);
		if (type == 0 && !name.broken && !ret->sni_len)
			keep_name(name, ret);
	}
	return !ext.broken && !list.broken;
}

static bool read_alpn(struct eater ext, struct hello *ret)
{
	struct eater list = eat_vector(&ext, 2);
	while (list.n && !list.broken) {
		struct eater name = eat_vector(&list, 1);
		if (!name.broken && name.n && ret->nalpn < HELLO_ALPN_MAX)
			ret->alpn[ret->nalpn++] = str_mk((const char *)name.p, name.n);
	}
	return !ext.broken && !list.broken;
}

static bool read_extensions(struct eater all, struct hello *ret)
{
	while (all.n && !all.broken) {
		unsigned type = eat_uint(&all, 2);
		struct eater ext = eat_vector(&all, 2);
		if (type == EXT_SERVER_NAME && !read_server_name(ext, ret))
			return false;
		if (type == EXT_ALPN && !read_alpn(ext, ret))
			return false;
	}
	return !all.broken;
}

int hello_parse(const char *p, size_t n, char *scratch, struct hello *ret)
{
	struct eater in = { .p = (const unsigned char *)p, .n = n }, m;
	ret->sni[0] = '\0';
	ret->sni_len = 0;
	ret->nalpn = 0;
	int rc = join_records(in, scratch, &m);
	if (rc < 0)
		return rc;
	eat_bytes(&m, 2 + 32);	 /* legacy_version, random */
	(void)eat_vector(&m, 1); /* legacy_session_id */
	(void)eat_vector(&m, 2); /* cipher_suites */
	(void)eat_vector(&m, 1); /* legacy_compression_methods */
	if (m.broken)
		return -EBADMSG;
	if (m.n == 0)
		return 0; /* TLS 1.2 may come without extensions */
	struct eater all = eat_vector(&m, 2);
	if (all.broken || m.n || !read_extensions(all, ret))
		return -EBADMSG;
	return 0;
}
