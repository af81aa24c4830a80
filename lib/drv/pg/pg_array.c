/* Arrays of one dimension in Postgres' binary form: i32 dimensions = 1, i32 has nulls, u32
 * element type, i32 length, i32 lower bound = 1, then each element as i32 length (-1: null) and
 * bytes; all big-endian (src/backend/utils/adt/arrayfuncs.c). The length is filled in when the
 * array is sent. */
#include <string.h>

#include "base/tm.h"
#include "drv/pg/pg_internal.h"

#define PG_EPOCH_US (946684800LL * TM_S) /* 2000-01-01 */
enum { HEAD_BYTES = 20 };

static void put_u32(char *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static Oid array_of(Oid element)
{
	switch (element) {
	case PG_BOOL:
		return 1000;
	case PG_BYTEA:
		return 1001;
	case PG_INT8:
		return 1016;
	case PG_INT4:
		return 1007;
	case PG_TEXT:
		return 1009;
	case PG_TIMESTAMPTZ:
		return 1185;
	case PG_NUMERIC:
		return 1231;
	case PG_UUID:
		return 2951;
	case PG_JSONB:
		return 3807;
	default:
		BUG("array of type %u", element);
	}
}

void pg_params_fini(struct pg_params *a)
{
	for (int i = 0; i < PG_PARAMS; i++)
		buf_fini(&a->value[i]);
}

void pg_params_reset(struct pg_params *a)
{
	for (int i = 0; i < PG_PARAMS; i++)
		a->value[i].n = 0, a->items[i] = 0;
	a->n = 0;
}

int pg_array(struct pg_params *a, Oid element)
{
	int i = a->n++;
	char *head = buf_room(&a->value[i], HEAD_BYTES);

	if (i >= PG_PARAMS)
		BUG("more than %d parameters", PG_PARAMS);
	put_u32(head, 1);
	put_u32(head + 4, 1);
	put_u32(head + 8, element);
	put_u32(head + 16, 1);
	a->value[i].n = HEAD_BYTES;
	a->type[i] = array_of(element);
	a->format[i] = 1;
	return i;
}

void pg_scalar(struct pg_params *a, const char *text)
{
	int i = a->n++;

	a->type[i] = PG_TEXT;
	a->format[i] = 0;
	a->value[i].n = 0;
	if (text) {
		buf_addz(&a->value[i], text);
		buf_addc(&a->value[i], 0);
	}
}

static char *element(struct pg_params *a, int i, size_t n)
{
	struct buf *b = &a->value[i];
	char *p = buf_room(b, n + 4);

	put_u32(p, (uint32_t)n);
	b->n += n + 4;
	a->items[i]++;
	return p + 4;
}

void pg_null(struct pg_params *a, int i)
{
	put_u32(buf_room(&a->value[i], 4), UINT32_MAX);
	a->value[i].n += 4;
	a->items[i]++;
}

void pg_put_text(struct pg_params *a, int i, struct slice text)
{
	if (!text.p)
		pg_null(a, i);
	else
		memcpy(element(a, i, text.n), text.p, text.n);
}

void pg_put_bytes(struct pg_params *a, int i, struct slice bytes)
{
	pg_put_text(a, i, bytes);
}

void pg_put_int8(struct pg_params *a, int i, int64_t v)
{
	uint64_t be = __builtin_bswap64((uint64_t)v);

	memcpy(element(a, i, 8), &be, 8);
}

void pg_put_int4(struct pg_params *a, int i, int32_t v)
{
	put_u32(element(a, i, 4), (uint32_t)v);
}

void pg_put_bool(struct pg_params *a, int i, bool v)
{
	*element(a, i, 1) = v;
}

void pg_put_time(struct pg_params *a, int i, int64_t us)
{
	if (us == POS_NONE)
		pg_null(a, i);
	else
		pg_put_int8(a, i, us - PG_EPOCH_US);
}

/* numeric: i16 digits, i16 weight (of the first, in powers of 10,000), u16 sign, u16 decimals
 * shown, digits of base 10,000 without zeros at either end. Ours has nine decimals: three groups
 * behind the point (the last one has one decimal place in use, so the value is scaled by 10^12). */
void pg_put_dec(struct pg_params *a, int i, dec v)
{
	__extension__ typedef unsigned __int128 u128;
	u128 m = v < 0 ? -(u128)v : (u128)v;
	uint32_t frac = (uint32_t)(m % 1000000000);
	u128 whole = m / 1000000000;
	uint16_t digit[16], decimals = 9;
	int n = 0, first, last;
	char *p;

	for (uint32_t f = frac; decimals && f % 10 == 0; f /= 10)
		decimals--;
	digit[15] = (uint16_t)(frac % 10 * 1000);
	digit[14] = (uint16_t)(frac / 10 % 10000);
	digit[13] = (uint16_t)(frac / 100000);
	for (first = 13; whole; whole /= 10000)
		digit[--first] = (uint16_t)(whole % 10000);
	for (last = 15; last >= first && digit[last] == 0; last--)
		;
	while (first <= last && digit[first] == 0)
		first++;
	n = last - first + 1;
	p = element(a, i, 8 + (size_t)n * 2);
	put_u32(p, (uint32_t)n << 16 | (uint16_t)(n ? 12 - first : 0));
	put_u32(p + 4, (v < 0 ? 0x40000000u : 0) | decimals);
	for (int k = 0; k < n; k++) {
		uint16_t be = __builtin_bswap16(digit[first + k]);

		memcpy(p + 8 + 2 * k, &be, 2);
	}
}

void pg_put_jsonb(struct pg_params *a, int i, struct slice text)
{
	char *p = element(a, i, text.n + 1);

	p[0] = 1;
	memcpy(p + 1, text.p, text.n);
}

bool pg_send(struct pg *p, const char *sql, struct pg_params *a, bool binary_result)
{
	for (int i = 0; i < a->n; i++) {
		a->bytes[i] = (int)a->value[i].n;
		a->p[i] = a->value[i].n ? a->value[i].p : NULL;
		if (a->format[i])
			put_u32(a->value[i].p + 12, a->items[i]);
	}
	return PQsendQueryParams(p->c, sql, a->n, a->type, a->p, a->bytes, a->format,
				 binary_result);
}
