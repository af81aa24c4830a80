/* The part of Kafka's protocol that carries records: Fetch, version 10 (the oldest that carries
 * zstd: Kafka 2.1), and record batches of format 2.
 *
 * No I/O and no librdkafka. Every length is held against what is there: a response that lies is
 * refused, never read past its end. Sources: Kafka's protocol guide (Fetch), KIP-98 (record
 * batches, aborted transactions), KIP-110 (zstd). */
#ifndef DRV_KAFKA_FETCH_WIRE_H
#define DRV_KAFKA_FETCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "io/unpack.h"
#include "source/input.h"

struct wire_want {
	const char *topic;
	int32_t partition;
	int64_t offset;
};

struct wire_fetch {
	int32_t correlation;
	const char *client;
	int32_t wait_ms, min_bytes, max_bytes, part_bytes;
	bool committed; /* only what committed transactions wrote */
};

/* Appends a request, its length in front. Partitions of one topic stand side by side. */
void wire_fetch_write(struct buf *out, const struct wire_fetch *f, const struct wire_want *want,
		      size_t n);

/* Length of a response from its first four bytes, -1: no response of ours. */
enum { WIRE_PREFIX = 4 };
int64_t wire_length(const char prefix[WIRE_PREFIX]);

/* What a response (without its prefix) says of each partition. Slices point into it. */
struct wire_response {
	const char *p, *end;
	int32_t topics, parts;
	struct slice topic;
};
enum { WIRE_UNKNOWN_PARTITION = 3 }; /* an error: no such topic or partition there */
struct wire_answer {
	struct slice topic;
	int32_t partition;
	int error;            /* Kafka's code, 0: none */
	int64_t end;          /* high watermark, or last stable offset */
	struct slice aborted; /* pairs of producer and first offset */
	struct slice records;
};
/* 0 / -1: not the answer to that */
int wire_response_open(struct wire_response *r, struct slice response, int32_t correlation);
/* 1; 0: no more; -1: malformed */
int wire_response_next(struct wire_response *r, bool committed, struct wire_answer *a);

/* The offset behind the last whole batch, `from` where there is none; -1: not all of format 2. */
int64_t wire_reach(struct slice records, int64_t from);

/* The records of an answer from an offset on. What transactions aborted, and their markers, are
 * passed over. {0} is empty. */
struct wire_records {
	const char *p, *end;         /* batches */
	const char *at, *stop;       /* records of the batch at work */
	int32_t left;                /* .. how many */
	int64_t base, last, time_ms; /* .. first offset, last, time of the first */
	bool same_time;              /* .. all have that (the broker's) */
	int64_t from;                /* next offset to be told */
	struct buf aborted;          /* struct wire_aborted: not ended yet */
	struct unpack unpack;
	struct buf plain; /* records of a compressed batch */
	bool unpacked;    /* those at work are there */
	const char *why;  /* of WIRE_FALLBACK, for people */
};
enum wire_result {
	/* *n of them (0: only offsets were passed); *position is the next offset */
	WIRE_RECORDS,
	WIRE_END,
	/* compressed otherwise than by gzip or zstd, of an old format, or damaged (`why` says
	 * which): from *position on librdkafka has to read */
	WIRE_FALLBACK,
};
void wire_records_open(struct wire_records *w, const struct wire_answer *a, int64_t from,
		       bool committed);
/* Values lie in the response, or in w until the next call. */
enum wire_result wire_records_next(struct wire_records *w, struct input_record *v, size_t room,
				   size_t *n, int64_t *position);
void wire_records_fini(struct wire_records *w);

/* What a record has beside its value. {0} is empty. */
struct wire_extra {
	struct slice key;
	struct input_header *header;
	size_t n, cap;
};
/* Of a record that wire_records_next gave last. Slices lie where its value lies. */
void wire_extra_read(struct wire_extra *x, const struct input_record *r);
void wire_extra_fini(struct wire_extra *x);

#endif
