/* The bytes of a capture file, as its draft gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "app/pcap.c"

static void test_bytes(void **state)
{
	static const uint8_t expected[] = {
		0x4d, 0x3c, 0xb2, 0xa1, 2,    0,    4,	  0,	0, 0, 0, 0, 0, 0, 0, 0, 0,   1,	  0,
		0,    1,    0,	  0,	0,							       /* file */
		7,    0,    0,	  0,	9,    0,    0,	  0,	3, 0, 0, 0, 5, 0, 0, 0, 'a', 'b', 'c', /* cut short */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x9a, 0x3b, 0, 0, 0, 0, 0, 0, 0, 0, /* nothing kept, latest time */
	};
	char *p = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);

	(void)state;
	assert_int_equal(pcap_begin(f, 256), 0);
	assert_int_equal(pcap_packet(f, 7 * NS_PER_S + 9, "abc", 3, 5), 0);
	assert_int_equal(pcap_packet(f, 4294967295u * NS_PER_S + 999999999, NULL, 0, 0), 0);
	fclose(f);
	assert_int_equal(n, sizeof(expected));
	assert_memory_equal(p, expected, n);
	free(p);
}

/* A reader refuses a packet that has more bytes than it was long. */
static void test_length_is_never_below_what_is_kept(void **state)
{
	char *p = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);
	uint32_t original;

	(void)state;
	assert_int_equal(pcap_packet(f, 0, "abcd", 4, 2), 0);
	fclose(f);
	memcpy(&original, p + 12, sizeof(original));
	assert_int_equal(original, 4);
	free(p);
}

static void test_a_full_disk_is_told(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(pcap_begin(f, 256), -ENOSPC);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_length_is_never_below_what_is_kept),
		cmocka_unit_test(test_a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
