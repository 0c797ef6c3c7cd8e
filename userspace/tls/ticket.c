/* Ticket keys and their rotation. */
#include "tls/ticket.h"
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include "base/epoch.h"
#include "base/mem.h"

#define NAME_SIZE 16 /* RFC 5077 §4 */
#define KEPT	  2

struct ticket_key {
	unsigned char name[NAME_SIZE], aes[32], hmac[32];
};

struct ticket_keys { /* the newest first */
	unsigned n;
	struct ticket_key key[KEPT];
};

static void keys_free(struct ticket_keys *k)
{
	if (k)
		OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

static struct ticket_keys *keys_next(const struct ticket_keys *old)
{
	struct ticket_keys *k = mem_zalloc(sizeof(*k));
	if (RAND_priv_bytes((unsigned char *)&k->key[0], sizeof(k->key[0])) != 1) {
		keys_free(k);
		return NULL;
	}
	k->n = 1;
	for (unsigned i = 0; old && i < old->n && k->n < KEPT; i++)
		k->key[k->n++] = old->key[i];
	return k;
}

int ticket_ring_init(struct ticket_ring *r)
{
	struct ticket_keys *k = keys_next(NULL);
	atomic_init(&r->keys, k);
	return k ? 0 : -EIO;
}

void ticket_ring_free(struct ticket_ring *r)
{
	keys_free(atomic_exchange(&r->keys, NULL));
}

int ticket_ring_rotate(struct ticket_ring *r)
{
	struct ticket_keys *next = keys_next(atomic_load(&r->keys));
	if (!next)
		return -EIO;
	struct ticket_keys *old = epoch_publish(&r->keys, next);
	epoch_wait();
	keys_free(old);
	return 0;
}

static int set_up(const struct ticket_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		  int sealing)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->hmac, sizeof(k->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "sha256", 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv, sealing) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* OpenSSL's answers: -1 error, 0 unknown key (a full handshake follows), 1 fine, 2 fine and worth a new ticket. */
static int open_ticket(const struct ticket_keys *keys, const unsigned char *name, const unsigned char *iv,
		       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	for (unsigned i = 0; i < keys->n; i++)
		if (memcmp(name, keys->key[i].name, NAME_SIZE) == 0)
			return set_up(&keys->key[i], iv, cipher, mac, 0) ? i ? 2 : 1 : -1;
	return 0;
}

int ticket_crypt(struct ticket_ring *r, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		 EVP_MAC_CTX *mac, int sealing)
{
	const struct ticket_keys *keys = epoch_read(&r->keys);
	if (!sealing)
		return open_ticket(keys, name, iv, cipher, mac);
	memcpy(name, keys->key[0].name, NAME_SIZE);
	if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
		return -1;
	return set_up(&keys->key[0], iv, cipher, mac, 1) ? 1 : -1;
}
