/* Signatures of requests to AWS and to all that speak as it does (Signature Version 4: "AWS4-HMAC-
 * SHA256" in the Authorization field). Pure: bytes and a time go in, texts come out.
 *
 * What is signed is what is sent: the caller builds its URL of sigv4_encode and sigv4_query, and
 * sends every field that it gives here, as it gives it. */
#ifndef NET_SIGV4_H
#define NET_SIGV4_H

#include <stdbool.h>

#include "base/sha256.h"
#include "base/str.h"

/* Payloads whose hash is not signed; over TLS only. */
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

enum {
	SIGV4_TIME_CHARS = 16,
	SIGV4_PAYLOAD_CHARS = 2 * SHA256_BYTES,
	SIGV4_QUERY_MAX = 16,
	SIGV4_FIELDS_MAX = 32
};

struct sigv4_pair {
	struct slice name, value;
};

struct sigv4_key {
	const char *id, *secret;
	const char *region, *service;
	/* the path is signed as it is sent (S3); else it is encoded once more (all others) */
	bool path_as_sent;
};

struct sigv4_ask {
	const char *method;
	struct slice path;              /* as it is sent, without a query; "/" at least */
	const struct sigv4_pair *query; /* not encoded; at most SIGV4_QUERY_MAX */
	size_t n_query;
	/* all that are to be signed: Host and X-Amz-Date at least, of a session X-Amz-Security-
	 * Token; at most SIGV4_FIELDS_MAX, those of one name in the order in which they are sent */
	const struct sigv4_pair *field;
	size_t n_fields;
	const char *payload; /* sigv4_payload's text, or SIGV4_UNSIGNED */
	const char *time;    /* the one of X-Amz-Date */
};

/* Percent-encodes all bytes but A-Z a-z 0-9 - . _ ~ (and / where it is to be kept). */
void sigv4_encode(struct slice text, bool keep_slash, struct buf *out);
/* The query, encoded and sorted, without a question mark: "a=1&uploads=". */
void sigv4_query(const struct sigv4_pair *query, size_t n, struct buf *out);
/* "20150830T123600Z" of a time since 1970. */
void sigv4_time(int64_t us, char out[SIGV4_TIME_CHARS + 1]);
/* The hash of a body, which X-Amz-Content-Sha256 has too. */
void sigv4_payload(struct slice body, char out[SIGV4_PAYLOAD_CHARS + 1]);

/* Appends the field Host that a client sends to "https://HOST[:PORT]": without the scheme's own
 * port. */
void sigv4_host(struct slice endpoint, struct buf *out);
/* Writes "Name: value" of each field, at most SIGV4_FIELDS_MAX, as a client sends them; text[i]
 * points into texts, and to a NUL at its end. */
void sigv4_fields(const struct sigv4_pair *field, size_t n, struct buf *texts, const char **text);
/* Appends the value of the field Authorization. */
void sigv4_sign(const struct sigv4_key *key, const struct sigv4_ask *ask, struct buf *out);

#endif
