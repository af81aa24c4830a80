/* The stored form and what is read out of a sketch. */
#include "sketch/logbucket.h"

#include "sketch/logbucket_internal.h"

enum { FORM = 1 };
static const uint64_t NANO = 1000000000;

__extension__ typedef unsigned __int128 total;

static void put_varint(uint64_t v, struct buf *out)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(out, (char)(v | 0x80));
	buf_addc(out, (char)v);
}

/* Takes a varint off the bytes. False: it is cut, longer than need be, or beyond 64 bits. */
static bool take_varint(struct slice *bytes, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; bytes->n > 0 && shift < 64; shift += 7) {
		uint64_t byte = (unsigned char)*bytes->p++;
		bytes->n--;
		if (shift == 63 && byte > 1)
			return false;
		*v |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return byte > 0 || shift == 0;
	}
	return false;
}

void logbucket_encode(const struct logbucket *s, struct buf *out)
{
	struct logbucket_walk w = { .s = s };
	unsigned next = 0;
	buf_addc(out, FORM);
	for (; logbucket_next(&w); next = w.place + 1) {
		put_varint(w.count << 1 | (w.place > next), out);
		if (w.place > next)
			put_varint(w.place - next, out);
	}
}

/* Takes a bucket off the bytes; *place is the lowest it can have. */
static bool take_bucket(struct slice *bytes, uint64_t *place, uint64_t *count)
{
	uint64_t gap = 0;
	if (!take_varint(bytes, count))
		return false;
	if ((*count & 1) && (!take_varint(bytes, &gap) || gap == 0 || gap >= LOGBUCKET_PLACES))
		return false;
	*count >>= 1;
	*place += gap;
	return *count > 0 && *place < LOGBUCKET_PLACES;
}

struct logbucket *logbucket_decode(struct slice bytes)
{
	if (bytes.n == 0 || *bytes.p != FORM)
		return NULL;
	struct logbucket *s = logbucket_new();
	uint64_t place = 0, count;
	bytes = slice(bytes.p + 1, bytes.n - 1);
	for (unsigned used = 0; bytes.n > 0; used++, place++) {
		if (used == LOGBUCKET_MOST || !take_bucket(&bytes, &place, &count)) {
			logbucket_free(s);
			return NULL;
		}
		logbucket_put(s, (unsigned)place, count);
	}
	return s;
}

bool logbucket_quantile(const struct logbucket *s, dec q, struct buf *out)
{
	total all = 0, rank, below;
	size_t n = logbucket_slots(s), at = 0;
	for (size_t i = 0; i < n; i++)
		all += logbucket_slot(s, i);
	if (all == 0)
		return false;
	/* counts of 63 bits, buckets 12, the quantile 30: they fit */
	rank = ((total)q * all + NANO - 1) / NANO;
	rank = rank < 1 ? 1 : rank;
	for (below = logbucket_slot(s, 0); below < rank && at + 1 < n;)
		below += logbucket_slot(s, ++at);
	logbucket_middle(logbucket_slot_place(s, at), out);
	return true;
}
