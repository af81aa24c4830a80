/* Record batches of format 2.
 *
 * A batch:	base offset 8 | length 4 | leader epoch 4 | magic 1 | crc 4 | attributes 2 |
 * 		last offset delta 4 | first time 8 | highest time 8 | producer 8 | its epoch 2 |
 * 		sequence 4 | number of records 4 | records or what they were compressed to
 * A record:	length | attributes 1 | time delta | offset delta | key | value | headers
 * 		(lengths and deltas: zigzag varints)
 *
 * Records are read where they lie, a compressed batch's where it was unpacked to. The checksum is
 * not looked at, as in librdkafka's default: TCP has one, and the broker checked the batch when it
 * was written. */
#include "drv/kafka/fetch/wire.h"

#include "base/mem.h"
#include "drv/kafka/fetch/wire_bytes.h"

enum { BATCH_MOST = 32 << 20 };
enum {
	BATCH_HEAD = 61,
	BATCH_PREFIX = 12,
	AT_MAGIC = 16,
	AT_ATTRIBUTES = 21,
	AT_LAST_DELTA = 23,
	AT_FIRST_TIME = 27,
	AT_MAX_TIME = 35,
	AT_PRODUCER = 43,
	AT_COUNT = 57,
};
enum { CODEC = 7, CODEC_NONE = 0, CODEC_GZIP = 1, CODEC_ZSTD = 4 };
enum { APPEND_TIME = 8, TRANSACTIONAL = 16, CONTROL = 32 };
enum { MARKER_ABORT = 0 };

struct wire_aborted {
	int64_t producer, first;
};

/* ---- batches */

/* The whole batch at p, its end in *next; false: only a part of one is left. */
static bool whole_batch(const char *p, const char *end, const char **next)
{
	int64_t n;

	if (end - p < BATCH_PREFIX)
		return false;
	n = get32(p + 8);
	if (n < 0 || n > end - p - BATCH_PREFIX)
		return false;
	*next = p + BATCH_PREFIX + n;
	return true;
}

static int codec_of(const char *p)
{
	return get16(p + AT_ATTRIBUTES) & CODEC;
}

/* Markers are never compressed. */
static bool has_known_codec(const char *p)
{
	return codec_of(p) == CODEC_NONE ||
	       ((codec_of(p) == CODEC_GZIP || codec_of(p) == CODEC_ZSTD) &&
		!(get16(p + AT_ATTRIBUTES) & CONTROL));
}

static const char damaged[] = "a damaged batch";

/* NULL: the batch can be read; else why not. */
static const char *why_unreadable(const char *p, const char *next)
{
	if (next - p > AT_MAGIC && (unsigned char)p[AT_MAGIC] < 2)
		return "a batch of an old format";
	if (next - p < BATCH_HEAD || p[AT_MAGIC] != 2 || get64(p) < 0 ||
	    get64(p) >= INT64_MAX / 2 || get32(p + AT_LAST_DELTA) < 0 || get32(p + AT_COUNT) < 0)
		return damaged;
	return has_known_codec(p) ? NULL : "compressed by neither gzip nor zstd";
}

static int64_t last_offset_of(const char *p)
{
	return get64(p) + get32(p + AT_LAST_DELTA);
}

int64_t wire_reach(struct slice records, int64_t from)
{
	const char *p = records.p, *end = records.p + records.n, *next;

	for (; whole_batch(p, end, &next); p = next) {
		if (why_unreadable(p, next))
			return -1;
		if (last_offset_of(p) >= from)
			from = last_offset_of(p) + 1;
	}
	return from;
}

/* ---- aborted transactions: one that began at `first` ends at its producer's next abort marker */

static void set_aborted(struct wire_records *w, struct slice pairs)
{
	w->aborted.n = 0;
	for (size_t i = 0; i < pairs.n; i += WIRE_ABORTED_BYTES) {
		struct wire_aborted one = { .producer = get64(pairs.p + i),
					    .first = get64(pairs.p + i + 8) };

		buf_add(&w->aborted, &one, sizeof(one));
	}
}

static struct wire_aborted *find_aborted(const struct wire_records *w, int64_t producer,
					 int64_t offset)
{
	struct wire_aborted *v = (struct wire_aborted *)(void *)w->aborted.p;

	for (size_t i = 0; i < w->aborted.n / sizeof(*v); i++)
		if (v[i].producer == producer && v[i].first <= offset)
			return &v[i];
	return NULL;
}

static void end_aborted(struct wire_records *w, int64_t producer, int64_t offset)
{
	struct wire_aborted *one = find_aborted(w, producer, offset);

	if (!one)
		return;
	*one = ((struct wire_aborted *)(void *)(w->aborted.p + w->aborted.n))[-1];
	w->aborted.n -= sizeof(*one);
}

/* ---- records */

static bool take_record(struct wire_records *w, struct input_record *r)
{
	int64_t length, time, delta;
	struct slice key;
	const char *p = take_varint(w->at, w->stop, &length), *end;

	if (!p || length < 1 || length > w->stop - p)
		return false;
	end = p + length;
	/* the next ones are of about that length */
	__builtin_prefetch((const void *)((uintptr_t)end + 3 * (size_t)length));
	p = take_varint(p + 1, end, &time);
	p = p ? take_varint(p, end, &delta) : NULL;
	p = p ? take_field(p, end, &key) : NULL;
	p = p ? take_field(p, end, &r->value) : NULL;
	if (!p || delta < 0 || delta > w->last - w->base)
		return false;
	r->offset = w->base + delta;
	r->next = r->offset + 1;
	r->place = w->at;
	r->headers = p < end && *p;
	r->appended = w->same_time;
	r->tail = false;
	time = w->same_time ? w->time_ms : (int64_t)((uint64_t)w->time_ms + (uint64_t)time);
	r->time_us = time < 0 || time > INT64_MAX / 1000 ? POS_NONE : time * 1000;
	w->at = end;
	w->left--;
	return true;
}

/* A marker's key: version, type. */
static void take_marker(struct wire_records *w, const char *batch)
{
	int64_t ignored;
	struct slice key;
	const char *p = take_varint(w->at, w->stop, &ignored);

	p = p && p < w->stop ? take_varint(p + 1, w->stop, &ignored) : NULL;
	p = p ? take_varint(p, w->stop, &ignored) : NULL;
	p = p ? take_field(p, w->stop, &key) : NULL;
	if (p && key.n >= 4 && get16(key.p + 2) == MARKER_ABORT)
		end_aborted(w, get64(batch + AT_PRODUCER), w->base);
}

/* The records at work become those that they stand for. */
static int unpack_records(struct wire_records *w, int codec)
{
	struct slice packed = slice(w->at, (size_t)(w->stop - w->at));

	if (unpack_block(&w->unpack, codec == CODEC_GZIP ? UNPACK_GZIP : UNPACK_ZSTD, packed,
			 BATCH_MOST, &w->plain))
		return -1;
	w->at = w->plain.p;
	w->stop = w->plain.p + w->plain.n;
	return 0;
}

/* The batch at w->p; its records are at work afterwards, none where it is passed over. */
static enum wire_result open_batch(struct wire_records *w)
{
	const char *p = w->p, *next;
	int attributes;
	bool passed;

	if (!whole_batch(p, w->end, &next))
		return WIRE_END;
	w->why = why_unreadable(p, next);
	if (w->why)
		return WIRE_FALLBACK;
	attributes = get16(p + AT_ATTRIBUTES);
	passed = (attributes & CONTROL) || last_offset_of(p) < w->from ||
		 get32(p + AT_COUNT) == 0 ||
		 ((attributes & TRANSACTIONAL) &&
		  find_aborted(w, get64(p + AT_PRODUCER), get64(p)));
	w->at = p + BATCH_HEAD;
	w->stop = next;
	w->unpacked = !passed && codec_of(p) != CODEC_NONE;
	if (w->unpacked && unpack_records(w, codec_of(p))) {
		w->why = damaged;
		return WIRE_FALLBACK;
	}
	w->base = get64(p);
	w->last = last_offset_of(p);
	w->same_time = attributes & APPEND_TIME;
	w->time_ms = get64(p + (w->same_time ? AT_MAX_TIME : AT_FIRST_TIME));
	w->left = passed ? 0 : get32(p + AT_COUNT);
	if (attributes & CONTROL)
		take_marker(w, p);
	w->p = next;
	return WIRE_RECORDS;
}

void wire_records_open(struct wire_records *w, const struct wire_answer *a, int64_t from,
		       bool committed)
{
	w->p = a->records.p;
	w->end = a->records.p + a->records.n;
	w->left = 0;
	w->unpacked = false;
	w->last = -1;
	w->from = from;
	set_aborted(w, committed ? a->aborted : slice(NULL, 0));
}

enum wire_result wire_records_next(struct wire_records *w, struct input_record *v, size_t room,
				   size_t *n, int64_t *position)
{
	enum wire_result rc = WIRE_RECORDS;
	int64_t before = w->from;

	*n = 0;
	while (rc == WIRE_RECORDS && *n < room) {
		if (w->left == 0) {
			if (w->unpacked && *n)
				break; /* they lie where the next ones will */
			if (w->last >= w->from)
				w->from = w->last + 1;
			rc = open_batch(w);
		} else if (!take_record(w, &v[*n])) {
			w->why = damaged;
			rc = WIRE_FALLBACK;
		} else if (v[*n].offset >= w->from) {
			w->from = v[(*n)++].next;
		}
	}
	*position = w->from;
	return w->from > before ? WIRE_RECORDS : rc;
}

void wire_records_fini(struct wire_records *w)
{
	buf_fini(&w->aborted);
	buf_fini(&w->plain);
	unpack_fini(&w->unpack);
}
