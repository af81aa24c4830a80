#include "rec/dims.h"

#include "base/hash.h"
#include "rec/json.h"

static void add_piece(struct slice s, struct buf *out)
{
	uint32_t n = (uint32_t)s.n;
	const uint8_t length[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) };
	buf_add(out, length, sizeof(length));
	buf_adds(out, s);
}

static bool has_value(const struct dim *d)
{
	return d->tag == DIM_STRING || d->tag == DIM_NUMBER;
}

void dims_hash(const struct dim *d, size_t n, struct buf *scratch, uint8_t out[16])
{
	scratch->n = 0;
	for (size_t i = 0; i < n; i++) {
		add_piece(d[i].name, scratch);
		buf_addc(scratch, (char)d[i].tag);
		add_piece(has_value(&d[i]) ? d[i].value : slice("", 0), scratch);
	}
	hash_128(scratch->n ? scratch->p : "", scratch->n, out);
}

static void add_value(const struct dim *d, struct buf *out)
{
	switch (d->tag) {
	case DIM_STRING:
		json_quote(out, d->value);
		break;
	case DIM_NUMBER:
		buf_adds(out, d->value);
		break;
	case DIM_TRUE:
		buf_addz(out, "true");
		break;
	case DIM_FALSE:
		buf_addz(out, "false");
		break;
	case DIM_NULL:
		buf_addz(out, "null");
		break;
	case DIM_MISSING:
		break;
	}
}

void dims_json(const struct dim *d, size_t n, struct buf *out)
{
	const char *before = "{";
	for (size_t i = 0; i < n; i++) {
		if (d[i].tag == DIM_MISSING)
			continue;
		buf_addz(out, before);
		json_quote(out, d[i].name);
		buf_addc(out, ':');
		add_value(&d[i], out);
		before = ",";
	}
	buf_addz(out, *before == '{' ? "{}" : "}");
}
