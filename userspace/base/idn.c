/* By libidn2: the mapping (case, width, normalisation) is Unicode's tables. */
#include "base/idn.h"

#include <errno.h>
#include <idn2.h>

#include "base/mem.h"

int idn_to_ascii(struct arena *a, struct str name, struct str *ret)
{
	_cleanup_free_ char *text = mem_strndup(name.p, name.n);
	char *ascii = NULL;

	if (idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return -EINVAL;
	*ret = str_of(arena_strdup(a, ascii));
	idn2_free(ascii);
	return 0;
}
