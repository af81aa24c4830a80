/* Key and headers of a record of format 2, read only when somebody asks (wire_records.c has the
 * record's layout): headers are a number, then names and values, each behind its length. */
#include "drv/kafka/fetch/wire.h"

#include <stdlib.h>

#include "base/mem.h"
#include "drv/kafka/fetch/wire_bytes.h"

enum { VARINT_MOST = 10 };

/* Two bytes a header at least: so many fit. */
static void take_headers(const char *p, const char *end, struct wire_extra *x)
{
	int64_t n;

	p = take_varint(p, end, &n);
	if (!p || n < 0 || n > (end - p) / 2)
		return;
	mem_reserve(&x->header, &x->cap, (size_t)n, sizeof(*x->header));
	for (; n > 0; n--) {
		struct input_header *h = &x->header[x->n];

		p = take_field(p, end, &h->name);
		p = p && h->name.p ? take_field(p, end, &h->value) : NULL;
		if (!p)
			return;
		x->n++;
	}
}

void wire_extra_read(struct wire_extra *x, const struct input_record *r)
{
	int64_t length = 0, ignored;
	struct slice value;
	/* wire_records_next has found that the length and what it counts are there */
	const char *p = take_varint(r->place, (const char *)r->place + VARINT_MOST, &length);
	const char *end = p + length;

	x->n = 0;
	p = take_varint(p + 1, end, &ignored);
	p = take_varint(p, end, &ignored);
	p = take_field(p, end, &x->key);
	p = take_field(p, end, &value);
	if (r->headers)
		take_headers(p, end, x);
}

void wire_extra_fini(struct wire_extra *x)
{
	free(x->header);
	*x = (struct wire_extra){ 0 };
}
