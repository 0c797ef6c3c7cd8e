/* Heads and what the strict parser must make of them: the table behind h1_parse_test.c, and seeds of meaning for
 * everything else that feeds heads to a parser. Facts are "METHOD TARGET 1.minor flags host=… n=fields", or "STATUS
 * [reason] 1.minor flags n=fields". */
#pragma once
#include "base/mem.h"
#include "http/h1_parse.h"

struct h1_case {
	const char *text;
	size_t n;
	enum h1_error want;
	const char *facts; /* H1_OK only */
};

#define OK(text, facts)                              \
	{                                            \
		text, sizeof(text) - 1, H1_OK, facts \
	}
#define BAD(text, error)                            \
	{                                           \
		text, sizeof(text) - 1, error, NULL \
	}

#define L   "GET / HTTP/1.1\r\n"
#define G   L "Host: a\r\n"
#define P   "POST /p HTTP/1.1\r\nHost: a\r\n"
#define P0  "POST /p HTTP/1.0\r\nHost: a\r\n"
#define E   "\r\n"
#define EE  "\r\n\r\n"
#define T64 "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKL"

static const struct h1_case h1_requests[] = {
	/* --- what must be taken */
	OK(G E, "GET / 1.1 host=a n=1"),
	OK("\r\n" G E, "GET / 1.1 host=a n=1"), /* RFC 9112 §2.2 */
	OK("GET / HTTP/1.0" EE, "GET / 1.0 close host= n=0"),
	OK("GET / HTTP/1.0\r\nConnection: keep-alive" EE, "GET / 1.0 host= n=1"),
	OK("GET / HTTP/1.0\r\nConnection: Keep-Alive, x" EE, "GET / 1.0 host= n=1"),
	OK("GET / HTTP/1.0\r\nConnection: keep-alive, close" EE, "GET / 1.0 close host= n=1"),
	OK("GET / HTTP/1.0\r\nHost: b" EE, "GET / 1.0 close host=b n=1"),
	OK("GET / HTTP/1.2\r\nHost: a" EE, "GET / 1.1 host=a n=1"), /* RFC 9110 §2.5: as the highest minor we know */
	OK("GET / HTTP/1.9\r\nHost: a" EE, "GET / 1.1 host=a n=1"),
	OK("OPTIONS * HTTP/1.1\r\nHost: a" EE, "OPTIONS * 1.1 host=a n=1"),
	OK("CONNECT a:443 HTTP/1.1\r\nHost: a:443" EE, "CONNECT a:443 1.1 host=a:443 n=1"),
	OK("GET http://b/x?y HTTP/1.1\r\nHost: a" EE, "GET http://b/x?y 1.1 host=a n=1"),
	OK("GET /a?b=c&d=%20;e HTTP/1.1\r\nHost: a" EE, "GET /a?b=c&d=%20;e 1.1 host=a n=1"),
	OK("GET /\"<>\\^`{|} HTTP/1.1\r\nHost: a" EE, "GET /\"<>\\^`{|} 1.1 host=a n=1"),
	OK("get / HTTP/1.1\r\nHost: a" EE, "get / 1.1 host=a n=1"), /* methods are case-sensitive, not upper-case */
	OK("M-SEARCH / HTTP/1.1\r\nHost: a" EE, "M-SEARCH / 1.1 host=a n=1"),
	OK("!#$%&'*+-.^_`|~09az / HTTP/1.1\r\nHost: a" EE, "!#$%&'*+-.^_`|~09az / 1.1 host=a n=1"),
	OK(T64 " / HTTP/1.1\r\nHost: a" EE, T64 " / 1.1 host=a n=1"),
	OK(L "HOST:a" EE, "GET / 1.1 host=a n=1"),
	OK(L "Host:" EE, "GET / 1.1 host= n=1"), /* RFC 9112 §3.2: empty is allowed */
	OK(L "Host: \t  a.example:8080 \t " EE, "GET / 1.1 host=a.example:8080 n=1"),
	OK(L "Host: [2001:db8::1%25eth0]:80" EE, "GET / 1.1 host=[2001:db8::1%25eth0]:80 n=1"),
	OK(L "Host: a_b-c.d~e!$&'()*+,;=" EE, "GET / 1.1 host=a_b-c.d~e!$&'()*+,;= n=1"),
	OK(G "A:" EE, "GET / 1.1 host=a n=2"),
	OK(G "A: \t \t" EE, "GET / 1.1 host=a n=2"),
	OK(G "A: b\tc  d" EE, "GET / 1.1 host=a n=2"),
	OK(G "A: \x80\xff\xc3\xa9" EE, "GET / 1.1 host=a n=2"), /* obs-text */
	OK(G "A: 0123456789 abcdefghijklmnop \"(),/:;<=>?@[\\]{}" EE, "GET / 1.1 host=a n=2"),
	OK(G "!#$%&'*+-.^_`|~: x" EE, "GET / 1.1 host=a n=2"),
	OK(G "X_Under: 1\r\nX_Under: 2" EE, "GET / 1.1 host=a n=3"),
	OK(P "Content-Length: 0" EE, "POST /p 1.1 len=0 host=a n=2"),
	OK(P "Content-Length: 5" EE, "POST /p 1.1 len=5 host=a n=2"),
	OK(P "content-length:\t5 " EE, "POST /p 1.1 len=5 host=a n=2"),
	OK(P "Content-Length: 000000000000000005" EE, "POST /p 1.1 len=5 host=a n=2"),
	OK(P "Content-Length: 999999999999999999" EE, "POST /p 1.1 len=999999999999999999 host=a n=2"),
	OK(P "Transfer-Encoding: chunked" EE, "POST /p 1.1 chunked host=a n=2"),
	OK(P "Transfer-Encoding: CHUNKED" EE, "POST /p 1.1 chunked host=a n=2"),
	OK(P "transfer-encoding:chunked \t" EE, "POST /p 1.1 chunked host=a n=2"),
	OK(P "Transfer-Encodin: gzip\r\nTransfer_Encoding: gzip" EE, "POST /p 1.1 host=a n=3"),
	OK(P "Content_Length: 7\r\nContent-Lengt: 8" EE, "POST /p 1.1 host=a n=3"),
	OK(G "Connection: close" EE, "GET / 1.1 close host=a n=2"),
	OK(G "Connection: x, CLOSE ,y" EE, "GET / 1.1 close host=a n=2"),
	OK(G "Connection: x\r\nConnection: close" EE, "GET / 1.1 close host=a n=3"),
	OK(G "Connection: close\r\nConnection: x" EE, "GET / 1.1 close host=a n=3"),
	OK(G "Connection: closed" EE, "GET / 1.1 host=a n=2"),
	OK(G "Connection: keep-alive" EE, "GET / 1.1 host=a n=2"),
	OK(G "Connection:" EE, "GET / 1.1 host=a n=2"),
	OK(G "Connection: ,, ," EE, "GET / 1.1 host=a n=2"),
	OK(G "Connection: Upgrade\r\nUpgrade: websocket" EE, "GET / 1.1 upgrade host=a n=3"),
	OK(G "Upgrade: h2c\r\nConnection: upgrade, x" EE, "GET / 1.1 upgrade host=a n=3"),
	OK(G "Upgrade: websocket" EE, "GET / 1.1 host=a n=2"),
	OK(G "Connection: upgrade" EE, "GET / 1.1 host=a n=2"),
	OK("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x" EE, "GET / 1.0 close host= n=2"),
	OK(P "Expect: 100-continue\r\nContent-Length: 3" EE, "POST /p 1.1 len=3 expect host=a n=3"),
	OK(P "Expect: 100-Continue\r\nContent-Length: 3" EE, "POST /p 1.1 len=3 expect host=a n=3"),
	OK(P "Expect: 101-continue" EE, "POST /p 1.1 host=a n=2"),
	/* --- start line */
	BAD("\r\n\r\n" G E, H1_BAD_START),
	BAD("\n" G E, H1_BAD_START),
	BAD("\r" G E, H1_BAD_START),
	BAD("\r\r\n" G E, H1_BAD_START),
	BAD(" " G E, H1_BAD_START),
	BAD("\t" G E, H1_BAD_START),
	BAD("\0" G E, H1_BAD_START),
	BAD("\xef\xbb\xbf" G E, H1_BAD_START),
	BAD("\x16\x03\x01\x02"
	    "\0\x01",
	    H1_BAD_START), /* TLS to the wrong port */
	BAD("GET" EE, H1_BAD_START),
	BAD("GET " EE, H1_BAD_START),
	BAD("GET /" EE, H1_BAD_START), /* HTTP/0.9 */
	BAD("GET / " EE, H1_BAD_START),
	BAD("GET  / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /  HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET\t/ HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\tHTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1 \r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1\t\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1\rHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1\r\rHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.1 x\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.10\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/11\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1,1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/x.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/1.x\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/+1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP 1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / http/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTPS/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / ICY/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET / HTTP/0.9\r\nHost: a" EE, H1_BAD_VERSION),
	BAD("GET / HTTP/2.0\r\nHost: a" EE, H1_BAD_VERSION),
	BAD("PRI * HTTP/2.0" EE "SM" EE, H1_BAD_VERSION),
	BAD("GET / HTTP/3.0\r\nHost: a" EE, H1_BAD_VERSION),
	BAD(T64 "M / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GE(T / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GE\0T / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("G\xc9T / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET: / HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /#top HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET # HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /a b HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\0 HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\x01 HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\x7f HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\xc3\xa9 HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\r\n HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("GET /\n HTTP/1.1\r\nHost: a" EE, H1_BAD_START),
	BAD("HTTP/1.1 200 OK" EE, H1_BAD_START),
	/* --- fields */
	BAD(L " Host: a" EE, H1_BAD_FIELD), /* white space before the first field */
	BAD(G " folded" EE, H1_BAD_FIELD),  /* obs-fold */
	BAD(G "\tfolded" EE, H1_BAD_FIELD),
	BAD(G "A: b\r\n c" EE, H1_BAD_FIELD),
	BAD(G "A: b\r\n\tc: d" EE, H1_BAD_FIELD),
	BAD(G "A: b\r\n \r\n" E, H1_BAD_FIELD),
	BAD(G "A : b" EE, H1_BAD_FIELD),
	BAD(G "A\t: b" EE, H1_BAD_FIELD),
	BAD(G " A: b" EE, H1_BAD_FIELD),
	BAD(G ": b" EE, H1_BAD_FIELD),
	BAD(G "A" EE, H1_BAD_FIELD),
	BAD(G "A b: c" EE, H1_BAD_FIELD),
	BAD(G "A\0: b" EE, H1_BAD_FIELD),
	BAD(G "\xc3\xa9: b" EE, H1_BAD_FIELD),
	BAD(G "A(b): c" EE, H1_BAD_FIELD),
	BAD(G "A/b: c" EE, H1_BAD_FIELD),
	BAD(G "\"A\": c" EE, H1_BAD_FIELD),
	BAD(G "A=b: c" EE, H1_BAD_FIELD),
	BAD(G "A: b\nC: d" EE, H1_BAD_FIELD), /* bare LF */
	BAD(G "A: b\rC: d" EE, H1_BAD_FIELD), /* bare CR */
	BAD(G "A: b\r\r\n" E, H1_BAD_FIELD),
	BAD(G "A: \n" E, H1_BAD_FIELD),
	BAD(G "A: b\0c" EE, H1_BAD_FIELD),
	BAD(G "A: \0" EE, H1_BAD_FIELD),
	BAD(G "A: b\x01" EE, H1_BAD_FIELD),
	BAD(G "A: b\x1f"
	      "c" EE,
	    H1_BAD_FIELD),
	BAD(G "A: b\x7f" EE, H1_BAD_FIELD),
	BAD(G "A: 0123456789abcdefghij\x0bklmnopqrstuvw" EE, H1_BAD_FIELD),
	BAD(G "A: 0123456789abcdefghij\x7fklmnopqrstuvw" EE, H1_BAD_FIELD),
	BAD(G "\n", H1_BAD_FIELD),
	BAD(G "\r\r\n", H1_BAD_FIELD),
	BAD(G "\rA: b" EE, H1_BAD_FIELD),
	/* --- framing: everything that two servers could read differently */
	BAD(P "Content-Length: 5\r\nTransfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD(P "Transfer-Encoding: chunked\r\nContent-Length: 5" EE, H1_BAD_FRAMING),
	BAD(P "Transfer-Encoding: chunked\r\nContent-Length: 0" EE, H1_BAD_FRAMING),
	BAD(P0 "Transfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD(P0 "Connection: keep-alive\r\nTransfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" EE, H1_BAD_FRAMING),
	BAD(P "Content-Length: 5\r\nContent-Length: 5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5\r\nContent-Length: 6" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 0\r\nCONTENT-LENGTH: 44" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5, 5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5,6" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: +5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: -5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 0x5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5 5" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5." EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 1e3" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 5;x" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: \"5\"" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: \xb2" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length:" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: \t" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 1000000000000000000" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length: 18446744073709551621" EE, H1_BAD_LENGTH), /* 5 modulo 2^64 */
	BAD(P "Content-Length: 0000000000000000005" EE, H1_BAD_LENGTH),
	BAD(P "Content-Length : 5" EE, H1_BAD_FIELD),
	BAD(P "Content-Length\0: 5" EE, H1_BAD_FIELD),
	BAD(P " Content-Length: 5" EE, H1_BAD_FIELD),
	BAD(P "Transfer-Encoding : chunked" EE, H1_BAD_FIELD),
	BAD(P "Transfer-Encoding\t: chunked" EE, H1_BAD_FIELD),
	BAD(P "Transfer-Encoding:\r\n chunked" EE, H1_BAD_CODING),
	BAD(P "A: b\r\n Transfer-Encoding: chunked" EE, H1_BAD_FIELD),
	BAD(P "Transfer-Encoding: \x0b"
	      "chunked" EE,
	    H1_BAD_FIELD),
	BAD(P "Transfer-Encoding: chunked\0" EE, H1_BAD_FIELD),
	BAD(P "Transfer-Encoding: chunked, chunked" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: gzip, chunked" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chunked, identity" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chunked," EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: ,chunked" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chunked;q=1" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: xchunked" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chunkedx" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chunke" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: \"chunked\"" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: chun\xe2\x84\xaa"
	      "ed" EE,
	    H1_BAD_CODING), /* KELVIN SIGN lower-cases to k */
	BAD(P "Transfer-Encoding: identity" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: gzip" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding:" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked" EE, H1_BAD_CODING),
	BAD(P "Transfer-Encoding: gzip\r\nContent-Length: 5" EE, H1_BAD_CODING),
	/* --- Host */
	BAD(L E, H1_BAD_HOST),
	BAD(L "Hos: a" EE, H1_BAD_HOST),
	BAD(L "Host: a\r\nHost: a" EE, H1_BAD_HOST),
	BAD(L "Host: a\r\nX: y\r\nhost: b" EE, H1_BAD_HOST),
	BAD("GET / HTTP/1.0\r\nHost: a\r\nHost: b" EE, H1_BAD_HOST),
	BAD(L "Host: a b" EE, H1_BAD_HOST),
	BAD(L "Host: a\tb" EE, H1_BAD_HOST),
	BAD(L "Host: a/b" EE, H1_BAD_HOST),
	BAD(L "Host: a@b" EE, H1_BAD_HOST),
	BAD(L "Host: a?b" EE, H1_BAD_HOST),
	BAD(L "Host: a#b" EE, H1_BAD_HOST),
	BAD(L "Host: a\\b" EE, H1_BAD_HOST),
	BAD(L "Host: \"a\"" EE, H1_BAD_HOST),
	BAD(L "Host: <a>" EE, H1_BAD_HOST),
	BAD(L "Host: \xc3\xa9" EE, H1_BAD_HOST),
};

#define R "HTTP/1.1 200 OK\r\n"

static const struct h1_case h1_responses[] = {
	OK(R E, "200 [OK] 1.1 n=0"),
	OK("HTTP/1.1 200 \r\n" E, "200 [] 1.1 n=0"),
	OK("HTTP/1.1 200\r\n" E, "200 [] 1.1 n=0"), /* sent by many servers, read the same by all */
	OK("HTTP/1.1 404 Not  Found\t!\r\n" E, "404 [Not  Found\t!] 1.1 n=0"),
	OK("HTTP/1.1 500 \xc3\xa9\r\n" E, "500 [\xc3\xa9] 1.1 n=0"),
	OK("HTTP/1.0 200 OK\r\n" E, "200 [OK] 1.0 close n=0"),
	OK("HTTP/1.0 200 OK\r\nConnection: keep-alive" EE, "200 [OK] 1.0 n=1"),
	OK("HTTP/1.7 299 x\r\n" E, "299 [x] 1.1 n=0"),
	OK("HTTP/1.1 100 Continue\r\n" E, "100 [Continue] 1.1 n=0"),
	OK("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: w" EE, "101 [S] 1.1 upgrade n=2"),
	OK("HTTP/1.1 599 x\r\n" E, "599 [x] 1.1 n=0"),
	OK(R "Content-Length: 12" EE, "200 [OK] 1.1 len=12 n=1"),
	OK(R "Transfer-Encoding: chunked" EE, "200 [OK] 1.1 chunked n=1"),
	OK(R "Connection: close" EE, "200 [OK] 1.1 close n=1"),
	OK(R "Host: two\r\nHost: words here" EE, "200 [OK] 1.1 n=2"), /* means nothing in a response */
	BAD("\r\n" R E, H1_BAD_START),
	BAD(" " R E, H1_BAD_START),
	BAD("HTTP/1.1  200 OK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1\t200 OK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 20 OK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 2000 OK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 099 x\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 2x0 x\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 +20 x\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200OK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200\tOK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200 OK\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200 O\0K\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200 O\rK\r\n" E, H1_BAD_START),
	BAD("HTTP/1.1 200 O\x1bK\r\n" E, H1_BAD_START),
	BAD("HTTP/2.0 200 OK\r\n" E, H1_BAD_VERSION),
	BAD("HTTP/0.9 200 OK\r\n" E, H1_BAD_VERSION),
	BAD("http/1.1 200 OK\r\n" E, H1_BAD_START),
	BAD("ICY 200 OK\r\n" E, H1_BAD_START),
	BAD("<html>hello</html>", H1_BAD_START),
	BAD("GET / HTTP/1.1" EE, H1_BAD_START),
	BAD("SSH-2.0-OpenSSH_9.2\r\n", H1_BAD_START),
	BAD(R " folded" EE, H1_BAD_FIELD),
	BAD(R "A: b\r\n c" EE, H1_BAD_FIELD),
	BAD(R "A : b" EE, H1_BAD_FIELD),
	BAD(R "A: b\nC: d" EE, H1_BAD_FIELD),
	BAD(R "A: \x01" EE, H1_BAD_FIELD),
	BAD(R "Content-Length: 1\r\nContent-Length: 1" EE, H1_BAD_LENGTH),
	BAD(R "Content-Length: -1" EE, H1_BAD_LENGTH),
	BAD(R "Content-Length: 1, 1" EE, H1_BAD_LENGTH),
	BAD(R "Content-Length: 1\r\nTransfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" EE, H1_BAD_FRAMING),
	BAD(R "Transfer-Encoding: gzip, chunked" EE, H1_BAD_CODING),
	BAD(R "Transfer-Encoding: identity" EE, H1_BAD_CODING),
};

#define H1_REQUESTS  ARRAY_LEN(h1_requests)
#define H1_RESPONSES ARRAY_LEN(h1_responses)

#undef OK
#undef BAD
#undef L
#undef G
#undef P
#undef P0
#undef E
#undef EE
#undef R
