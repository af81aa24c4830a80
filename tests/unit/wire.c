/* Fetch requests, byte by byte; responses built here by the protocol's own text, cut and bent. */
#include "tap.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "batches.h"
#include "drv/kafka/fetch/wire.h"

enum {
	NONE = 0,
	GZIP = 1,
	SNAPPY = 2,
	ZSTD = 4,
	CODEC = 7,
	APPEND_TIME = 8,
	TRANSACTIONAL = 16,
	CONTROL = 32,
};

static void pack(struct buf *r, int codec)
{
	size_t room = 2 * r->n + 256;
	char *to = malloc(room);
	z_stream z = { .next_in = (Bytef *)r->p,
		       .avail_in = (uInt)r->n,
		       .next_out = (Bytef *)to,
		       .avail_out = (uInt)room };

	if (codec == ZSTD) {
		room = ZSTD_compress(to, room, r->p, r->n, 3);
	} else {
		deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
		deflate(&z, Z_FINISH);
		room = z.total_out;
		deflateEnd(&z);
	}
	r->n = 0;
	buf_add(r, to, room);
	free(to);
}

/* n values "a", "b".. from `base` on. */
static void letters(struct buf *b, int64_t base, int n, int attributes, int64_t producer)
{
	struct buf r = { 0 };

	for (int i = 0; i < n; i++)
		record(&r, i, i, "k", 1, (char[]){ (char)('a' + i), 0 });
	if (attributes & CODEC)
		pack(&r, attributes & CODEC);
	batch(b, base, n - 1, attributes, producer, n, &r);
	buf_fini(&r);
}

static void marker(struct buf *b, int64_t offset, int64_t producer, bool commit)
{
	struct buf r = { 0 };

	record(&r, 0, 0, commit ? "\0\0\0\1" : "\0\0\0\0", 4, "x");
	batch(b, offset, 0, CONTROL | TRANSACTIONAL, producer, 1, &r);
	buf_fini(&r);
}

/* What comes out, as "offset:value ..." and "|position" where a call ends; room for two at a
 * time. */
static const char *told(struct slice records, struct slice aborted, int64_t from, bool committed)
{
	static struct buf out;
	struct wire_answer a = { .records = records, .aborted = aborted };
	struct wire_records w = { 0 };
	struct input_record v[2];
	enum wire_result rc;
	int64_t position;
	size_t n;

	out.n = 0;
	wire_records_open(&w, &a, from, committed);
	while ((rc = wire_records_next(&w, v, 2, &n, &position)) == WIRE_RECORDS) {
		for (size_t i = 0; i < n; i++)
			buf_printf(&out, "%lld:%.*s ", (long long)v[i].offset,
				   v[i].value.p ? (int)v[i].value.n : 1,
				   v[i].value.p ? v[i].value.p : "-");
		buf_printf(&out, "|%lld ", (long long)position);
	}
	buf_printf(&out, "%s %lld", rc == WIRE_END ? "end" : w.why, (long long)position);
	wire_records_fini(&w);
	return buf_z(&out);
}

static void tells(const struct buf *b, int64_t from, const char *wanted, const char *what)
{
	const char *got = told(buf_slice(b), slice(NULL, 0), from, true);

	ok(strcmp(got, wanted) == 0, "%s: %s", what, got);
}

static void requests(void)
{
#define ANY4 "\xff\xff\xff\xff"
	static const char wanted[] = "\0\0\0\x8e\0\1\0\xa\0\0\0\7\0\1c" ANY4
				     "\0\0\0\x32\0\0\0\1\0\1\0\0\1\0\0\0\0" ANY4
				     "\0\0\0\2\0\1a\0\0\0\2\0\0\0\0" ANY4
				     "\0\0\0\0\0\0\0\5" ANY4 ANY4 "\0\0\1\0\0\0\0\1" ANY4
				     "\0\0\0\0\0\0\0\6" ANY4 ANY4 "\0\0\1\0"
				     "\0\1b\0\0\0\1\0\0\0\2" ANY4 "\0\0\0\0\0\0\0\7" ANY4 ANY4
				     "\0\0\1\0\0\0\0\0";
	const struct wire_fetch f = { .correlation = 7,
				      .client = "c",
				      .wait_ms = 50,
				      .min_bytes = 1,
				      .max_bytes = 65536,
				      .part_bytes = 256,
				      .committed = true };
	const struct wire_want want[] = { { "a", 0, 5 }, { "a", 1, 6 }, { "b", 2, 7 } };
	struct buf b = { 0 };

	wire_fetch_write(&b, &f, want, 3);
	ok(slice_eq(buf_slice(&b), slice(wanted, sizeof(wanted) - 1)), "a request of two topics");
	ok(wire_length(b.p) == (int64_t)b.n - WIRE_PREFIX, "its length");
	ok(wire_length("\xff\xff\xff\xff") == -1, "no length is negative");
	buf_fini(&b);
}

static void records(void)
{
	struct buf b = { 0 }, r = { 0 };

	letters(&b, 10, 3, NONE, -1);
	letters(&b, 13, 1, NONE, -1);
	tells(&b, 10, "10:a 11:b |12 12:c 13:a |14 end 14", "two batches, two at a time");
	tells(&b, 12, "12:c 13:a |14 end 14", "from the middle of one");
	tells(&b, 14, "end 14", "all of it is known");
	ok(wire_reach(buf_slice(&b), 10) == 14, "reaches to the end");
	b.n--;
	tells(&b, 10, "10:a 11:b |12 12:c |13 end 13", "the last one is cut");
	ok(wire_reach(buf_slice(&b), 10) == 13, "reaches to the cut one");
	b.n = 0;
	record(&r, 0, 2, NULL, 0, NULL);
	record(&r, 0, 7, NULL, 0, "");
	batch(&b, 100, 9, NONE, -1, 2, &r);
	tells(&b, 100, "102:- 107: |108 |110 end 110",
	      "a compacted batch, a tombstone, an empty value");
	b.n = r.n = 0;
	batch(&b, 5, 4, NONE, -1, 0, &r);
	tells(&b, 5, "|10 end 10", "nothing is left of a batch");
	b.n = 0;
	letters(&b, 0, 2, NONE, -1);
	letters(&b, 2, 2, SNAPPY, -1);
	tells(&b, 0, "0:a 1:b |2 compressed by neither gzip nor zstd 2",
	      "one that librdkafka has to decompress stands in the way");
	ok(wire_reach(buf_slice(&b), 0) == -1, "and is not asked for");
	b.p[16] = 1;
	tells(&b, 0, "a batch of an old format 0", "an old format");
	buf_fini(&b);
	buf_fini(&r);
}

static void compressed(void)
{
	static const int codecs[] = { GZIP, ZSTD };

	for (int i = 0; i < 2; i++) {
		struct buf b = { 0 }, aborted = { 0 };
		int codec = codecs[i];
		size_t first;

		letters(&b, 0, 3, codec, -1);
		first = b.n;
		letters(&b, 3, 1, codec, -1);
		letters(&b, 4, 1, NONE, -1);
		letters(&b, 5, 1, codec, -1);
		tells(&b, 0, "0:a 1:b |2 2:c |3 3:a |4 4:a 5:a |6 end 6",
		      "compressed ones: a call ends with each");
		tells(&b, 2, "2:c |3 3:a |4 4:a 5:a |6 end 6", "from the middle of one");
		ok(wire_reach(buf_slice(&b), 0) == 6, "reaches to the end");
		memset(b.p + first + 70, 0x55, 8);
		tells(&b, 0, "0:a 1:b |2 2:c |3 a damaged batch 3",
		      "a damaged one: nothing is passed over");
		tells(&b, 4, "4:a 5:a |6 end 6", "nor looked at where its records are known");
		b.n = 0;
		letters(&b, 0, 2, TRANSACTIONAL | codec, 1);
		letters(&b, 2, 2, TRANSACTIONAL | codec, 2);
		marker(&b, 4, 1, false);
		marker(&b, 5, 2, true);
		put(&aborted, 1, 8);
		put(&aborted, 0, 8);
		const char *got = told(buf_slice(&b), buf_slice(&aborted), 0, true);
		ok(strcmp(got, "2:a 3:b |4 |6 end 6") == 0, "transactions: %s", got);
		b.n = 0;
		letters(&b, 0, 1, CONTROL | codec, 1);
		tells(&b, 0, "compressed by neither gzip nor zstd 0",
		      "a compressed marker, which no broker writes");
		buf_fini(&b);
		buf_fini(&aborted);
	}
}

static void times(void)
{
	struct wire_answer a = { 0 };
	struct wire_records w = { 0 };
	struct input_record v[2];
	struct buf b = { 0 };
	int64_t position;
	size_t n;

	letters(&b, 0, 2, NONE, -1);
	letters(&b, 2, 1, APPEND_TIME, -1);
	a.records = buf_slice(&b);
	wire_records_open(&w, &a, 1, true);
	ok(wire_records_next(&w, v, 2, &n, &position) == WIRE_RECORDS && n == 2 &&
		   v[0].time_us == 1001000,
	   "a record's own time");
	ok(v[1].time_us == 2000000 && v[1].offset == 2 && v[1].next == 3, "the broker's time");
	wire_records_fini(&w);
	buf_fini(&b);
}

/* A record of one key and value, and these bytes behind them. */
static void bare_record(struct buf *b, const char *key, const void *headers, size_t n)
{
	struct buf r = { 0 };

	buf_addc(&r, 0);
	varint(&r, 0);
	varint(&r, 0);
	field(&r, key);
	field(&r, "v");
	buf_add(&r, headers, n);
	varint(b, (int64_t)r.n);
	buf_adds(b, buf_slice(&r));
	buf_fini(&r);
}

/* What extra says of it: "key|name=value,.." with "-" for a null. */
static const char *extra_of(const char *key, const void *headers, size_t n)
{
	static struct buf out;
	struct wire_answer a = { 0 };
	struct wire_records w = { 0 };
	struct wire_extra x = { 0 };
	struct input_record v[1];
	struct buf b = { 0 }, r = { 0 };
	int64_t position;
	size_t got;

	bare_record(&r, key, headers, n);
	batch(&b, 0, 0, NONE, -1, 1, &r);
	a.records = buf_slice(&b);
	wire_records_open(&w, &a, 0, true);
	ok(wire_records_next(&w, v, 1, &got, &position) == WIRE_RECORDS && got == 1 &&
		   v[0].headers == (n > 0 && *(const char *)headers),
	   "a record");
	wire_extra_read(&x, &v[0]);
	out.n = 0;
	buf_printf(&out, "%.*s|", x.key.p ? (int)x.key.n : 1, x.key.p ? x.key.p : "-");
	for (size_t i = 0; i < x.n; i++)
		buf_printf(&out, "%.*s=%.*s,", (int)x.header[i].name.n, x.header[i].name.p,
			   x.header[i].value.p ? (int)x.header[i].value.n : 1,
			   x.header[i].value.p ? x.header[i].value.p : "-");
	wire_extra_fini(&x);
	wire_records_fini(&w);
	buf_fini(&b);
	buf_fini(&r);
	return buf_z(&out);
}

static void extras(void)
{
	static const struct {
		const char *key, *headers;
		size_t n;
		const char *wanted, *what;
	} cases[] = {
		{ "k", "\0", 1, "k|", "a key" },
		{ NULL, "\0", 1, "-|", "no key" },
		{ "", "\0", 1, "|", "an empty key" },
		{ "k", "", 0, "k|", "cut off behind the value" },
		{ "k", "\2\2a\2b", 5, "k|a=b,", "a header" },
		{ "k", "\4\2a\1\0\0", 6, "k|a=-,=,", "a null, and an empty name and value" },
		{ "k", "\4\2a\2b", 5, "k|a=b,", "one less than there should be" },
		{ "k", "\2\2a\4b", 5, "k|", "a value that is cut off" },
		{ "k", "\2\1\2b", 4, "k|", "a name that is null" },
		{ "k", "\1\2a\2b", 5, "k|", "less than none" },
		{ "k", "\376\377\377\377\17\2a\2b", 9, "k|", "more than there can be" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = extra_of(cases[i].key, cases[i].headers, cases[i].n);

		ok(strcmp(got, cases[i].wanted) == 0, "%s: %s", cases[i].what, got);
	}
}

static void transactions(void)
{
	struct buf b = { 0 }, aborted = { 0 };

	letters(&b, 0, 1, TRANSACTIONAL, 1); /* aborted */
	letters(&b, 1, 1, TRANSACTIONAL, 2); /* committed */
	letters(&b, 2, 1, NONE, -1);
	marker(&b, 3, 1, false);
	letters(&b, 4, 1, TRANSACTIONAL, 1); /* the same producer's next one: committed */
	marker(&b, 5, 2, true);
	marker(&b, 6, 1, true);
	letters(&b, 7, 2, TRANSACTIONAL, 1); /* aborted */
	marker(&b, 9, 1, false);
	put(&aborted, 1, 8);
	put(&aborted, 0, 8);
	put(&aborted, 1, 8);
	put(&aborted, 7, 8);
	const char *got = told(buf_slice(&b), buf_slice(&aborted), 0, true);
	ok(strcmp(got, "1:a 2:a |3 4:a |10 end 10") == 0, "committed only: %s", got);
	got = told(buf_slice(&b), buf_slice(&aborted), 0, false);
	ok(strcmp(got, "0:a 1:a |2 2:a 4:a |5 7:a 8:b |9 |10 end 10") == 0, "all: %s", got);
	got = told(buf_slice(&b), buf_slice(&aborted), 8, true);
	ok(strcmp(got, "|10 end 10") == 0, "from the middle of an aborted one: %s", got);
	buf_fini(&b);
	buf_fini(&aborted);
}

static void answer(struct buf *b, int32_t partition, int error, const struct buf *records)
{
	put(b, partition, 4);
	put(b, error, 2);
	put(b, 20, 8);
	put(b, 15, 8);
	put(b, 0, 8);
	put(b, 1, 4);
	put(b, 77, 8);
	put(b, 3, 8);
	put(b, records ? (int64_t)records->n : -1, 4);
	if (records)
		buf_adds(b, buf_slice(records));
}

static void responses(void)
{
	struct buf b = { 0 }, batches = { 0 };
	struct wire_response r;
	struct wire_answer a;
	int cut = 0;

	letters(&batches, 0, 1, NONE, -1);
	put(&b, 9, 4);
	put(&b, 0, 4);
	put(&b, 0, 2);
	put(&b, 0, 4);
	put(&b, 2, 4);
	put(&b, 1, 2);
	buf_addz(&b, "a");
	put(&b, 2, 4);
	answer(&b, 3, 0, &batches);
	answer(&b, 4, 6, NULL);
	put(&b, 1, 2);
	buf_addz(&b, "b");
	put(&b, 0, 4);
	ok(wire_response_open(&r, buf_slice(&b), 8) == -1, "the answer to another request");
	ok(wire_response_open(&r, buf_slice(&b), 9) == 0 && wire_response_next(&r, true, &a) == 1,
	   "opens");
	ok(slice_is(a.topic, "a") && a.partition == 3 && a.error == 0 && a.end == 15 &&
		   a.records.n == batches.n && a.aborted.n == 16,
	   "records, to the last stable offset");
	ok(wire_response_next(&r, false, &a) == 1 && a.partition == 4 && a.error == 6 &&
		   a.end == 20 && a.records.n == 0,
	   "an error, the high watermark");
	ok(wire_response_next(&r, true, &a) == 0, "an empty topic, and no more");
	b.p[9] = 70;
	ok(wire_response_open(&r, buf_slice(&b), 9) == -1, "an error instead of an answer");
	b.p[9] = 0;
	for (size_t n = 0; n < b.n; n++) {
		int rc = wire_response_open(&r, slice(b.p, n), 9);

		while (rc >= 0 && (rc = wire_response_next(&r, true, &a)) > 0)
			;
		cut += rc < 0;
	}
	ok(cut == (int)b.n, "cut anywhere it is malformed");
	buf_fini(&b);
	buf_fini(&batches);
}

int main(void)
{
	requests();
	records();
	compressed();
	times();
	extras();
	transactions();
	responses();
	return done();
}
