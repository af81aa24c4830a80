/* The stored form and what is read out of a sketch. */
#include "sketch/logbucket.h"

#include <endian.h>
#include <string.h>

#include "sketch/logbucket_internal.h"

enum { FORM = 1 };
static const uint64_t NANO = 1000000000;

__extension__ typedef unsigned __int128 total;

enum { VARINT_BYTES = 10 };

static char *put_varint(uint64_t v, char *out)
{
	for (; v >= 0x80; v >>= 7)
		*out++ = (char)(v | 0x80);
	*out++ = (char)v;
	return out;
}

/* Takes a varint off the bytes. False: it is cut, longer than need be, or beyond 64 bits. */
static bool take_varint(struct slice *bytes, uint64_t *v)
{
	if (bytes->n && (unsigned char)*bytes->p < 0x80) { /* nearly all */
		*v = (unsigned char)*bytes->p++;
		bytes->n--;
		return true;
	}
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

static char *put_slots(const struct logbucket *s, char *p)
{
	unsigned next = 0;
	for (size_t at = 0, n = logbucket_slots(s); at < n; at++) {
		uint64_t count = logbucket_slot(s, at);
		unsigned place = logbucket_slot_place(s, at);
		if (count == 0)
			continue;
		p = put_varint(count << 1 | (place > next), p);
		if (place > next)
			p = put_varint(place - next, p);
		next = place + 1;
	}
	return p;
}

/* Counts of a byte each, n of them from place `low` on. Zeros come as they like, so nothing
 * branches on one. */
static char *put_bytes(const uint8_t *count, size_t n, unsigned low, char *p)
{
	const uint64_t ones = 0x0101010101010101;
	unsigned next = 0;

	for (size_t from = 0; from < n; from += 8) {
		uint64_t x = 0;
		memcpy(&x, count + from, n - from < 8 ? n - from : 8);
		x = le64toh(x);
		uint64_t used = (((x & ones * 0x7f) + ones * 0x7f) | x) & ones * 0x80;
		for (; used; used &= used - 1) {
			unsigned at = (unsigned)__builtin_ctzll(used) / 8;
			unsigned place = low + (unsigned)from + at, gap = place - next;
			p = put_varint((x >> 8 * at & 0xff) << 1 | (gap > 0), p);
			next = place + 1;
			*p = (char)gap;
			if (gap < 0x80)
				p += gap > 0;
			else
				p = put_varint(gap, p);
		}
	}
	return p;
}

void logbucket_encode(const struct logbucket *s, struct buf *out)
{
	char *p = buf_room(out, 2 + 2 * VARINT_BYTES * (size_t)s->used), *from = p;
	*p++ = FORM;
	if (s->form == LOGBUCKET_DENSE)
		p = put_bytes(s->counts, s->range, s->low, p);
	else
		p = put_slots(s, p);
	out->n += (size_t)(p - from);
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

/* Of so many values, the rank of the quantile. Counts have 63 bits, buckets 12, the quantile 30:
 * they fit. */
static total rank_of(dec q, total all)
{
	total rank = ((total)q * all + NANO - 1) / NANO;

	return rank < 1 ? 1 : rank;
}

bool logbucket_quantile(const struct logbucket *s, dec q, struct buf *out)
{
	total all = 0, rank, below;
	size_t n = logbucket_slots(s), at = 0;
	for (size_t i = 0; i < n; i++)
		all += logbucket_slot(s, i);
	if (all == 0)
		return false;
	rank = rank_of(q, all);
	for (below = logbucket_slot(s, 0); below < rank && at + 1 < n;)
		below += logbucket_slot(s, ++at);
	logbucket_middle(logbucket_slot_place(s, at), out);
	return true;
}

/* The same of a bucket of two bytes at the most, as nearly all are, without a branch on which of
 * the two it is. False: it is another, and nothing was taken. */
static inline bool take_short(struct slice *bytes, uint64_t *place, uint64_t *count)
{
	if (bytes->n < 2)
		return false;
	unsigned first = (unsigned char)bytes->p[0], second = (unsigned char)bytes->p[1];
	unsigned has_gap = first & 1, gap = second & -has_gap;
	if (first - 2 >= 0x7e || (has_gap && gap - 1 >= 0x7f))
		return false;
	*count = first >> 1;
	*place += gap;
	*bytes = slice(bytes->p + 1 + has_gap, bytes->n - 1 - has_gap);
	return *place < LOGBUCKET_PLACES;
}

/* A walk over a stored form: what is left of it, the place and the sum of what was taken. */
struct bytes_walk {
	struct slice bytes;
	uint64_t place;
	total sum;
	unsigned used;
};

/* On to the bucket of the rank, 0: none, or until `most` buckets were taken. False: the bytes are
 * not of the form. */
static bool walk_bytes(struct bytes_walk *walk, total rank, unsigned most)
{
	struct bytes_walk w = *walk;
	uint64_t count;

	for (; w.bytes.n > 0 && w.used < most && (!rank || w.sum < rank); w.used++) {
		w.place += w.used > 0;
		if (!take_short(&w.bytes, &w.place, &count) &&
		    !take_bucket(&w.bytes, &w.place, &count))
			return false;
		w.sum += count;
	}
	*walk = w;
	return true;
}

/* All values are counted first. The rank is looked for from the last of the marks before it. */
bool logbucket_quantile_of(struct slice bytes, dec q, bool *empty, struct buf *out)
{
	enum { STEP = 32 };
	struct bytes_walk w = { 0 }, mark[LOGBUCKET_MOST / STEP];
	unsigned marks = 0;
	total rank;

	*empty = false;
	if (bytes.n == 0 || *bytes.p != FORM)
		return false;
	w.bytes = slice(bytes.p + 1, bytes.n - 1);
	for (; w.bytes.n > 0 && marks < LOGBUCKET_MOST / STEP; marks++) {
		mark[marks] = w;
		if (!walk_bytes(&w, 0, w.used + STEP))
			return false;
	}
	if (w.bytes.n > 0)
		return false;
	*empty = w.sum == 0;
	if (*empty)
		return false;
	rank = rank_of(q, w.sum);
	while (mark[--marks].sum >= rank)
		;
	walk_bytes(&mark[marks], rank, LOGBUCKET_MOST);
	logbucket_middle((unsigned)mark[marks].place, out);
	return true;
}
