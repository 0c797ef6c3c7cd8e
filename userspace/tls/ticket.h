/* Keys that session tickets are sealed with (RFC 5077 §4): one ring for all workers, in memory only. The newest key
 * seals, the one before it still opens, so a ticket lives at least as long as a key does and a key is gone after two
 * turns. */
#pragma once
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>

#define TICKET_KEY_SECONDS 43200 /* a key's turn, and how long a session may be resumed */

struct ticket_ring {
	_Atomic(void *) keys; /* struct ticket_keys *, published through base/epoch */
};

int ticket_ring_init(struct ticket_ring *r);   /* 0 or -errno */
void ticket_ring_free(struct ticket_ring *r);  /* nobody may use it any more */
int ticket_ring_rotate(struct ticket_ring *r); /* control thread; the old keys stay on failure */
/* As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it; registered threads only. */
int ticket_crypt(struct ticket_ring *r, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		 EVP_MAC_CTX *mac, int sealing);
