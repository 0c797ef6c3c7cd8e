/* TLS's part of linking: certificates and options of a snapshot, and which hosts of an entry point have which. */
#pragma once
#include "conf/apply.h"

/* The keypairs of a configuration, those that did not change taken from `before` (may be NULL). Errors and warnings
 * carry the keys of the file. 0 or -EINVAL. */
int link_tls_store(const struct tls_conf *conf, const struct store *before, struct keypair *self_made,
		   struct store *ret, struct err_list *errs);
/* One context per tls.options and "default" first, each with a reference; room for options.n + 1. */
int link_tls_options(const struct tls_conf *conf, struct ticket_ring *tickets, struct tls_ctx *const *before,
		     size_t nbefore, struct tls_ctx **ret, size_t *ret_n, struct err_list *errs);

/* Fills snap->certificates and snap->tls. */
int link_tls(const struct apply *a, struct revision *rev, struct snapshot *snap, struct err_list *errs);
/* What makes a router about TLS at this entry point; NULL: nothing. */
const struct router_tls_conf *link_tls_of(const struct router_conf *rc, const struct entry *e);
/* What an entry point has without any router: TLS, when its own section says so, else NULL. */
struct tls_hosts *link_tls_entry(struct snapshot *snap, const struct entry *e);
/* Notes the hosts of a router at an entry point; `t` is NULL until the first. Hosts on which routers disagree are
 * warned about and get "default". */
void link_tls_hosts(struct snapshot *snap, struct tls_hosts **t, struct route *rt, const struct router_tls_conf *conf,
		    const struct entry *e, struct err_list *errs);
/* Contexts that the new snapshot does not have any more: their connections end after the request they are at. */
void link_tls_retire(const struct snapshot *old, const struct snapshot *new);
