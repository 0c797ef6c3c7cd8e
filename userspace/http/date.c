/* IMF-fixdate by the days-from-civil method (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"): no locale, no
 * tz files, no gmtime. */
#include "http/date.h"

#include <string.h>

static void date_digits(char *p, unsigned v, unsigned n)
{
	while (n--) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* Years begin in March here, so that the leap day is a year's last. Days count from 1 March of year 0. */
static void date_civil(int64_t days, unsigned *ret_y, unsigned *ret_m, unsigned *ret_d)
{
	uint64_t z = (uint64_t)(days + 719468);
	uint64_t era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153;

	*ret_d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*ret_m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*ret_y = (unsigned)(yoe + era * 400 + (*ret_m <= 2));
}

void date_format(int64_t unix_s, char out[DATE_LEN + 1])
{
	static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t days = unix_s / 86400, rest = unix_s % 86400;
	unsigned y, m, d;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	date_civil(days, &y, &m, &d);
	memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_LEN + 1);
	memcpy(out, weekdays + 3 * (((days % 7) + 7) % 7), 3);
	date_digits(out + 5, d, 2);
	memcpy(out + 8, months + 3 * (m - 1), 3);
	date_digits(out + 12, y, 4);
	date_digits(out + 17, (unsigned)(rest / 3600), 2);
	date_digits(out + 20, (unsigned)(rest / 60 % 60), 2);
	date_digits(out + 23, (unsigned)(rest % 60), 2);
}

struct str date_get(struct date_cache *d, uint64_t wall_ns)
{
	int64_t second = (int64_t)(wall_ns / 1000000000u);

	if (second != d->second || !d->text[0]) {
		date_format(second, d->text);
		d->second = second;
	}
	return str_mk(d->text, DATE_LEN);
}
