/* Exact products: both numbers are freed of trailing zeros first, so that what is multiplied are
 * the digits that were written; 128 bits hold them wherever the product is in range. */
#include "intake/total.h"

#include <stdlib.h>

#include "base/mem.h"

enum { PLACES = 9 };

struct total {
	char *name, *array, *first, *second; /* second NULL: no product */
};

static const dec most = (dec)100000000000 * 1000000000 * 1000000000;

static char *take_word(struct slice *s)
{
	size_t n = 0;

	while (n < s->n && (s->p[n] == '_' || (unsigned char)((s->p[n] | 0x20) - 'a') < 26 ||
			    (unsigned char)(s->p[n] - '0') < 10))
		n++;
	char *word = n ? mem_dup(s->p, n) : NULL;
	*s = slice(s->p + n, s->n - n);
	return word;
}

static bool take_text(struct slice *s, const char *text)
{
	size_t n = strlen(text);

	if (s->n < n || memcmp(s->p, text, n) != 0)
		return false;
	*s = slice(s->p + n, s->n - n);
	return true;
}

struct total *total_new(const struct json *schema, uint32_t at, struct err *err)
{
	const struct json_node *node = schema->node;
	struct total *t = mem_zalloc(sizeof(*t));

	if (node[at].type == JSON_OBJECT && node[at].next == at + 3 &&
	    node[at + 2].type == JSON_STRING && !node[at + 1].escaped) {
		struct slice rest = node[at + 2].text;

		t->name = mem_dup(node[at + 1].text.p, node[at + 1].text.n);
		t->array = take_word(&rest);
		if (t->array && take_text(&rest, "[].") && (t->first = take_word(&rest))) {
			bool product = take_text(&rest, "*");

			if (product)
				t->second = take_word(&rest);
			if (rest.n == 0 && product == !!t->second)
				return t;
		}
	}
	total_free(t);
	err_set(err, EX_CONFIG, "x-total: must be like {\"total\":\"items[].quantity*price\"}");
	return NULL;
}

void total_free(struct total *t)
{
	if (!t)
		return;
	free(t->name);
	free(t->array);
	free(t->first);
	free(t->second);
	free(t);
}

struct slice total_name(const struct total *t)
{
	return slice_z(t->name);
}

static unsigned strip_zeros(dec *v)
{
	unsigned n = 0;

	for (; *v != 0 && *v % 10 == 0; n++)
		*v /= 10;
	return n;
}

static enum total_result multiply(dec a, dec b, dec *out)
{
	int places = 2 * PLACES - (int)strip_zeros(&a) - (int)strip_zeros(&b);

	if (a == 0 || b == 0) {
		*out = 0;
		return TOTAL_OK;
	}
	if (__builtin_mul_overflow(a, b, out))
		return TOTAL_RANGE;
	for (; places > PLACES && *out % 10 == 0; places--)
		*out /= 10;
	for (; places < PLACES; places++)
		if (__builtin_mul_overflow(*out, 10, out))
			return TOTAL_RANGE;
	return places == PLACES && *out <= most && *out >= -most ? TOTAL_OK : TOTAL_RANGE;
}

static enum total_result number_of(const struct json *j, uint32_t element, const char *name,
				   dec *out)
{
	uint32_t at = json_get(j, element, name);
	enum dec_result result;

	if (!at || j->node[at].type != JSON_NUMBER)
		return TOTAL_NONE;
	result = dec_parse(j->node[at].text, out);
	return result == DEC_OK ? TOTAL_OK : TOTAL_RANGE;
}

static enum total_result element_of(const struct total *t, const struct json *j, uint32_t element,
				    dec *out)
{
	enum total_result result = number_of(j, element, t->first, out);
	dec second;

	if (result != TOTAL_OK || !t->second)
		return result;
	result = number_of(j, element, t->second, &second);
	return result == TOTAL_OK ? multiply(*out, second, out) : result;
}

enum total_result total_of(const struct total *t, struct json *j, struct slice event, dec *out)
{
	enum total_result result = TOTAL_OK;
	uint32_t array;
	dec one;

	*out = 0;
	if (json_parse(j, event, NULL))
		return TOTAL_NONE;
	array = json_get(j, 0, t->array);
	if (!array || j->node[array].type != JSON_ARRAY)
		return TOTAL_NONE;
	for (uint32_t i = array + 1; result == TOTAL_OK && i < j->node[array].next;
	     i = j->node[i].next) {
		result = element_of(t, j, i, &one);
		if (result == TOTAL_OK && (!dec_add(out, one) || *out > most || *out < -most))
			result = TOTAL_RANGE;
	}
	return result;
}
