/* Bytes of a request's body to lines for the log, and to what its answer says.
 *
 *	body -> cut (cut.h) -> scanned, judged (event.h) -> seen before? (seen.h) -> stamped line
 *
 * All or nothing: if one event is not valid, no line is made and nothing is remembered, unless the
 * request asks for lenient handling; then the others are taken, and each one that is not valid
 * becomes a line {"$dead":{"reason":..,"request_id":..},"record":"<original bytes>"} in its place
 * ("enc":"base64" stands in $dead where they are no text).
 *
 * A line is the client's own bytes, newlines within as spaces, with stamps before its closing
 * brace: what an x-id names and event_id, if the client sent none; timestamp, likewise; received_at
 * always; topic, likewise; what x-total names; and in the first one $request, if there is an
 * Idempotency-Key.
 *
 * Pure: the time, random bits and tickets are the caller's. One thread. */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include "intake/errors.h"
#include "intake/route.h"
#include "intake/seen.h"
#include "scan/value.h"

struct intake_conf {
	uint32_t max_events;      /* 10000 */
	uint32_t max_event_bytes; /* 1 MiB; a line with its stamps is at most 3 KiB longer */
	int64_t max_ahead_us;     /* an hour */
	struct value_when when;   /* how timestamps are written; {0} is RFC 3339 */
	struct seen *seen;        /* borrowed; made with least > max_events */
	enum cut_engine engine;   /* CUT_AUTO but in tests */
};

struct intake_request {
	struct intake_route *route;
	struct slice body; /* decoded; shorter than 4 GiB */
	bool lines;        /* NDJSON by its content type */
	bool lenient;
	int64_t now_us;
	uint64_t random[2]; /* fresh ones for each request */
	/* Of the append that these lines will go into: later than all before. Tickets up to and
	 * with `durable` are durable. */
	uint32_t ticket, durable;
	struct slice request_id;
	/* Idempotency-Key, n 0: none; and the id of the key by which the client is known. */
	struct slice idempotency_key, key_id;
};

enum intake_status {
	INTAKE_OK,
	INTAKE_MALFORMED, /* 400 */
	INTAKE_TOO_MANY,  /* 413: more than max_events */
	INTAKE_TOO_LARGE, /* 413: an event of more than max_event_bytes */
	INTAKE_EMPTY,     /* 422: no event at all */
	INTAKE_INVALID,   /* 422: errors tell */
	INTAKE_MISMATCH,  /* 422: the Idempotency-Key came with another body before */
};

enum { INTAKE_TOPICS = 64 };

/* Events of one topic that were taken. */
struct intake_topic {
	struct slice topic; /* decoded; n 0: all topics beyond the first INTAKE_TOPICS - 1 */
	uint32_t fresh, duplicates;
};

/* What became of a request; all of it is valid until the next call. */
struct intake_result {
	enum intake_status status;
	enum cut_form form; /* of the body */
	char detail[256];   /* of any but OK, for people */

	/* Counts of events. events = fresh + duplicates + rejected if OK; if INVALID, rejected of
	 * events are not valid; else all are 0. */
	uint32_t events, fresh, duplicates, rejected;
	uint32_t conflicting; /* of the duplicates: those with another payload */
	bool replayed;        /* the same Idempotency-Key and body came before */
	struct intake_topic topics[INTAKE_TOPICS];
	unsigned n_topics;
	/* Some duplicates are of an append that is not durable yet: the answer waits for that
	 * ticket (perhaps this request's own). */
	bool waits;
	uint32_t wait_ticket;

	/* For the log: fresh lines, and dead ones if lenient. n_lines 0: nothing to append. */
	struct slice lines;
	uint32_t n_lines;

	struct intake_errors errors; /* also those of the lenient ones */

	/* The first event: texts as they stand in JSON, with their quotes. */
	struct buf event_id, topic;
	char received_at[TM_TEXT_BYTES]; /* with a NUL */
};

struct intake;
struct intake *intake_new(const struct intake_conf *conf);
void intake_free(struct intake *in);

/* Reads a request. Unless the result is OK with n_lines > 0 nothing has changed. If it is, what is
 * remembered stands for an append: the caller appends the lines, or calls intake_undo before the
 * next call. */
const struct intake_result *intake_read(struct intake *in, const struct intake_request *rq);
void intake_undo(struct intake *in);

/* "malformed-json", its status code, and its title ("the body is not JSON"). */
const char *intake_code(enum intake_status status);
unsigned intake_http_status(enum intake_status status);
const char *intake_title(enum intake_status status);

#endif
