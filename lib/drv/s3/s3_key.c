/* A name is read from its end, for a topic may have points and digits of its own:
 *
 *	we.b.7  .  3  .  00000000000000001234  .ndjson.zst
 *	topic   partition   from, 20 digits    suffix
 */
#include "drv/s3/s3_key.h"

#include <inttypes.h>

#include "base/num.h"
#include "base/tm.h"

enum { DAY_CHARS = 10, VARINT_BITS = 7, VARINT_MORE = 0x80, VARINT_MAX_SHIFT = 63 };

static const char *const suffix[] = { [PACK_ZSTD] = ".ndjson.zst", [PACK_GZIP] = ".ndjson.gz" };

const char *s3_key_suffix(enum pack_kind kind)
{
	return suffix[kind];
}

void s3_key_day(int64_t us, struct buf *out)
{
	char text[TM_TEXT_BYTES];

	if (us < TM_MIN_US || us >= TM_MAX_US) {
		buf_addz(out, "undated");
		return;
	}
	tm_text(us, text);
	text[4] = text[7] = '/';
	buf_add(out, text, DAY_CHARS);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

void s3_key_topic(struct slice topic, struct buf *out)
{
	for (size_t i = 0; i < topic.n; i++)
		if (is_plain(topic.p[i]))
			buf_addc(out, topic.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)topic.p[i]);
}

void s3_key_place(struct slice topic, int32_t partition, int64_t from, struct buf *out)
{
	s3_key_topic(topic, out);
	buf_printf(out, ".%" PRId32 ".%0*" PRId64, partition, S3_OFFSET_DIGITS, from);
}

/* ---- reading a name, from its end */

static bool cut_suffix(struct slice *s, const char *z)
{
	size_t n = strlen(z);

	if (s->n < n || memcmp(s->p + s->n - n, z, n) != 0)
		return false;
	s->n -= n;
	return true;
}

/* The digits behind the last point, and the point. */
static bool cut_number(struct slice *s, size_t min, size_t max, int64_t most, int64_t *out)
{
	size_t n = 0;
	uint64_t v = 0;

	while (n < s->n && n < max && s->p[s->n - n - 1] >= '0' && s->p[s->n - n - 1] <= '9')
		n++;
	if (n < min || n == s->n || s->p[s->n - n - 1] != '.')
		return false;
	for (size_t i = s->n - n; i < s->n; i++) {
		unsigned d = (unsigned)(s->p[i] - '0');

		if (v > ((uint64_t)most - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = (int64_t)v;
	s->n -= n + 1;
	return true;
}

static bool decode_topic(struct slice s, struct buf *out)
{
	uint8_t c;

	out->n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i])) {
			buf_addc(out, s.p[i]);
			continue;
		}
		if (s.p[i] != '%' || s.n - i < 3 || str_unhex(slice(s.p + i + 1, 2), &c, 1))
			return false;
		buf_addc(out, (char)c);
		i += 2;
	}
	return out->n && str_utf8(out->p, out->n);
}

bool s3_key_read(struct slice key, struct s3_name *name)
{
	const char *slash = memrchr(key.p ? key.p : "", '/', key.n);
	struct slice s = slash ? slice(slash + 1, key.n - (size_t)(slash + 1 - key.p)) : key;
	enum pack_kind kind = PACK_ZSTD;
	int64_t from, partition;
	struct buf topic = { 0 };

	if (!cut_suffix(&s, suffix[PACK_ZSTD])) {
		kind = PACK_GZIP;
		if (!cut_suffix(&s, suffix[PACK_GZIP]))
			return false;
	}
	if (!cut_number(&s, S3_OFFSET_DIGITS, S3_OFFSET_DIGITS, INT64_MAX, &from) ||
	    !cut_number(&s, 1, 10, INT32_MAX, &partition) || !decode_topic(s, &topic)) {
		buf_fini(&topic);
		return false;
	}
	buf_fini(&name->topic);
	*name = (struct s3_name){ topic, (int32_t)partition, from, kind };
	return true;
}

/* Cuts the last part off, and the slash before it. */
static struct slice cut_part(struct slice *s)
{
	const char *slash = memrchr(s->p ? s->p : "", '/', s->n);
	struct slice part = slash ? slice(slash + 1, s->n - (size_t)(slash + 1 - s->p)) : *s;

	s->n -= part.n + (slash ? 1 : 0);
	return part;
}

static bool is_digits(struct slice s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == n;
}

bool s3_key_is_each(struct slice key)
{
	struct slice name = cut_part(&key), day;

	if (!cut_suffix(&name, ".json") || !name.n)
		return false;
	day = cut_part(&key);
	if (slice_is(day, "undated"))
		return true;
	return is_digits(day, 2) && is_digits(cut_part(&key), 2) && is_digits(cut_part(&key), 4);
}

/* ---- offsets */

static void add_varint(uint64_t v, struct buf *out)
{
	for (; v >= VARINT_MORE; v >>= VARINT_BITS)
		buf_addc(out, (char)(v | VARINT_MORE));
	buf_addc(out, (char)v);
}

static bool take_varint(struct slice *s, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; s->n && shift <= VARINT_MAX_SHIFT; shift += VARINT_BITS) {
		uint8_t b = (uint8_t)*s->p;

		*s = slice(s->p + 1, s->n - 1);
		*v |= (uint64_t)(b & (VARINT_MORE - 1)) << shift;
		if (!(b & VARINT_MORE))
			return true;
	}
	return false;
}

void s3_offsets_cut(struct s3_offsets *o, struct buf *out)
{
	if (!o->row)
		return;
	add_varint(o->skip, out);
	add_varint(o->row, out);
	o->skip = o->row = 0;
}

void s3_offsets_add(struct s3_offsets *o, int64_t offset, struct buf *out)
{
	if (offset != o->next || !o->row) {
		s3_offsets_cut(o, out);
		o->skip = (uint64_t)(offset - o->next);
	}
	o->row++;
	o->next = offset + 1;
}

bool s3_offsets_next(struct s3_offsets *o, struct slice *pairs, int64_t *offset)
{
	if (!o->row) {
		if (!take_varint(pairs, &o->skip) || !take_varint(pairs, &o->row) || !o->row ||
		    o->skip > (uint64_t)(INT64_MAX - o->next))
			return false;
		o->next += (int64_t)o->skip;
		if (o->row > (uint64_t)(INT64_MAX - o->next))
			return false;
	}
	o->row--;
	*offset = o->next++;
	return true;
}
