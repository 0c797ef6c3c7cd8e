/* The filter that takes a PROXY protocol header off the front of a connection, and itself off the stack afterwards. A
 * connection that begins with anything else passes untouched. */
#pragma once
#include "net/conn.h"
#include "net/proxyproto.h"

/* On top of what is there; before the first byte is read. `told` is called once, from within conn_recv(), when a header
 * named a source; the connection's owner keeps what it needs. Malformed headers make conn_recv() return -EPROTO. */
void cf_proxyproto_push(struct conn *c, void (*told)(struct conn *c, const struct proxyproto *h));
