/* Requests are written from left to right and their length is filled in last. Responses are walked
 * in place: one step a topic or a partition, each length held against what is left. */
#include "drv/kafka/fetch/wire.h"

#include "drv/kafka/fetch/wire_bytes.h"

enum {
	API_FETCH = 1,
	API_VERSION = 10,
	RESPONSE_MOST = 256 << 20 /* below what the first bytes of TLS say as a length */,
};

/* ---- requests */

static void put16(struct buf *b, int16_t v)
{
	uint16_t x = __builtin_bswap16((uint16_t)v);
	buf_add(b, &x, 2);
}
static void put32(struct buf *b, int32_t v)
{
	uint32_t x = __builtin_bswap32((uint32_t)v);
	buf_add(b, &x, 4);
}
static void put64(struct buf *b, int64_t v)
{
	uint64_t x = __builtin_bswap64((uint64_t)v);
	buf_add(b, &x, 8);
}

static void put_text(struct buf *b, const char *text)
{
	put16(b, (int16_t)strlen(text));
	buf_addz(b, text);
}

static void set32(struct buf *b, size_t at, size_t v)
{
	uint32_t x = __builtin_bswap32((uint32_t)v);

	memcpy(b->p + at, &x, 4);
}

void wire_fetch_write(struct buf *out, const struct wire_fetch *f, const struct wire_want *want,
		      size_t n)
{
	size_t start = out->n, topics_at, parts_at = 0, topics = 0, parts = 0;

	put32(out, 0);
	put16(out, API_FETCH);
	put16(out, API_VERSION);
	put32(out, f->correlation);
	put_text(out, f->client);
	put32(out, -1); /* no replica */
	put32(out, f->wait_ms);
	put32(out, f->min_bytes);
	put32(out, f->max_bytes);
	buf_addc(out, f->committed);
	put32(out, 0);  /* no session .. */
	put32(out, -1); /* .. and none wanted */
	topics_at = out->n;
	put32(out, 0);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(want[i].topic, want[i - 1].topic) != 0) {
			put_text(out, want[i].topic);
			parts_at = out->n;
			put32(out, 0);
			topics++;
			parts = 0;
		}
		put32(out, want[i].partition);
		put32(out, -1); /* whatever the leader's epoch is */
		put64(out, want[i].offset);
		put64(out, -1); /* no replica's log */
		put32(out, f->part_bytes);
		set32(out, parts_at, ++parts);
	}
	set32(out, topics_at, topics);
	put32(out, 0); /* nothing leaves a session */
	set32(out, start, out->n - start - WIRE_PREFIX);
}

/* ---- responses */

int64_t wire_length(const char prefix[WIRE_PREFIX])
{
	int32_t n = get32(prefix);

	return n < 0 || n > RESPONSE_MOST ? -1 : n;
}

static bool response_has(const struct wire_response *r, int64_t n)
{
	return n >= 0 && r->end - r->p >= n;
}

static bool take_text(struct wire_response *r, struct slice *out)
{
	int n;

	if (!response_has(r, 2))
		return false;
	n = get16(r->p);
	r->p += 2;
	if (!response_has(r, n))
		return false;
	*out = slice(r->p, (size_t)n);
	r->p += n;
	return true;
}

int wire_response_open(struct wire_response *r, struct slice response, int32_t correlation)
{
	*r = (struct wire_response){ .p = response.p, .end = response.p + response.n };
	if (!response_has(r, 18) || get32(r->p) != correlation || get16(r->p + 8))
		return -1;
	r->topics = get32(r->p + 14); /* also: how long the broker throttles, the session */
	r->p += 18;
	return r->topics < 0 ? -1 : 0;
}

/* A number of things of `bytes` each, -1: none. */
static int take_array(struct wire_response *r, int64_t bytes, struct slice *out)
{
	int64_t n;

	if (!response_has(r, 4))
		return -1;
	n = get32(r->p);
	r->p += 4;
	n = n < 0 ? 0 : n * bytes;
	if (!response_has(r, n))
		return -1;
	*out = slice(r->p, (size_t)n);
	r->p += n;
	return 0;
}

int wire_response_next(struct wire_response *r, bool committed, struct wire_answer *a)
{
	while (r->parts == 0) {
		if (r->topics == 0)
			return 0;
		r->topics--;
		if (!take_text(r, &r->topic) || !response_has(r, 4))
			return -1;
		r->parts = get32(r->p);
		r->p += 4;
		if (r->parts < 0)
			return -1;
	}
	r->parts--;
	if (!response_has(r, 30))
		return -1;
	*a = (struct wire_answer){ .topic = r->topic,
				   .partition = get32(r->p),
				   .error = get16(r->p + 4),
				   .end = get64(r->p + (committed ? 14 : 6)) };
	r->p += 30;
	if (a->end < 0)
		a->end = INT64_MAX; /* not known */
	return take_array(r, WIRE_ABORTED_BYTES, &a->aborted) || take_array(r, 1, &a->records) ? -1
											       : 1;
}
