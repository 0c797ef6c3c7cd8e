/* Ticket keys take turns: the newest seals, the one before still opens, older ones are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tls/ticket.c"

struct sealed {
	unsigned char name[NAME_SIZE], iv[EVP_MAX_IV_LENGTH];
};

static int use(struct ticket_ring *r, struct sealed *t, int sealing)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	int rc = ticket_crypt(r, t->name, t->iv, cipher, mac, sealing);
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
	return rc;
}

static void keys_take_turns(void **state)
{
	struct ticket_ring r;
	struct sealed first = { 0 }, second = { 0 };
	(void)state;
	assert_int_equal(ticket_ring_init(&r), 0);
	assert_int_equal(use(&r, &first, 1), 1);
	assert_int_equal(use(&r, &first, 0), 1);
	assert_int_equal(ticket_ring_rotate(&r), 0);
	assert_int_equal(use(&r, &first, 0), 2); /* and a new ticket is given */
	assert_int_equal(use(&r, &second, 1), 1);
	assert_memory_not_equal(first.name, second.name, NAME_SIZE);
	assert_int_equal(ticket_ring_rotate(&r), 0);
	assert_int_equal(use(&r, &first, 0), 0); /* a full handshake */
	assert_int_equal(use(&r, &second, 0), 2);
	ticket_ring_free(&r);
}

static void strangers_are_not_opened(void **state)
{
	struct ticket_ring mine, other;
	struct sealed t = { 0 };
	(void)state;
	assert_int_equal(ticket_ring_init(&mine), 0);
	assert_int_equal(ticket_ring_init(&other), 0);
	assert_int_equal(use(&other, &t, 1), 1);
	assert_int_equal(use(&mine, &t, 0), 0);
	ticket_ring_free(&mine);
	ticket_ring_free(&other);
}

static void every_ticket_has_its_own_iv(void **state)
{
	struct ticket_ring r;
	struct sealed a = { 0 }, b = { 0 };
	(void)state;
	assert_int_equal(ticket_ring_init(&r), 0);
	assert_int_equal(use(&r, &a, 1), 1);
	assert_int_equal(use(&r, &b, 1), 1);
	assert_memory_not_equal(a.iv, b.iv, sizeof(a.iv));
	ticket_ring_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_take_turns),
		cmocka_unit_test(strangers_are_not_opened),
		cmocka_unit_test(every_ticket_has_its_own_iv),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
