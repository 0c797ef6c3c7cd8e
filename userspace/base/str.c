/* String views: comparison without case, trimming, cutting, comma lists. Nothing here allocates except str_dup(). */
#include "base/str.h"
#include "base/mem.h"

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (str_lower_char(a.p[i]) != str_lower_char(b.p[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str s, char sep, struct str *ret_head)
{
	const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;

	if (!at) {
		*ret_head = s;
		return str_mk(NULL, 0);
	}
	*ret_head = str_mk(s.p, (size_t)(at - s.p));
	return str_skip(s, ret_head->n + 1);
}

bool str_next_element(struct str *list, struct str *ret_element)
{
	while (list->n) {
		struct str head;

		*list = str_cut(*list, ',', &head);
		head = str_trim(head);
		if (head.n) {
			*ret_element = head;
			return true;
		}
	}
	return false;
}

bool str_list_has(struct str list, struct str element)
{
	struct str e;

	while (str_next_element(&list, &e))
		if (str_ieq(e, element))
			return true;
	return false;
}

char *str_dup(struct str s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}
