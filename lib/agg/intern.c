/* A table of fixed places: a value stands in the place of its hash or in the one beside it. 512
 * KiB, of which only what is used is ever touched. */
#include "agg/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { PLACES = 4096 };

struct interned {
	uint8_t text_n /* 0: empty */, value_n;
	char text[INTERN_MAX], value[INTERN_MAX];
};

static inline bool intern_has(const struct interned *v, struct slice text)
{
	return v->text_n == text.n && memcmp(v->text, text.p, text.n) == 0;
}

struct slice intern_find(struct intern *in, struct slice text)
{
	const struct interned *v;

	if (text.n > INTERN_MAX)
		return (struct slice){ 0 };
	in->place = hash_64(text.p, text.n) % PLACES;
	if (!in->at)
		return (struct slice){ 0 };
	v = &in->at[in->place];
	if (!intern_has(v, text))
		v = &in->at[in->place ^ 1];
	return intern_has(v, text) ? slice(v->value, v->value_n) : (struct slice){ 0 };
}

void intern_keep(struct intern *in, struct slice text, struct slice value)
{
	size_t place = in->place;

	if (text.n > INTERN_MAX || value.n > INTERN_MAX)
		return;
	if (!in->at)
		in->at = mem_zalloc(PLACES * sizeof(*in->at) + INTERN_PAD);
	if (in->at[place].text_n && !in->at[place ^ 1].text_n)
		place ^= 1;
	in->at[place].text_n = (uint8_t)text.n;
	in->at[place].value_n = (uint8_t)value.n;
	memcpy(in->at[place].text, text.p, text.n);
	memcpy(in->at[place].value, value.p, value.n);
}

void intern_fini(struct intern *in)
{
	free(in->at);
	in->at = NULL;
}
