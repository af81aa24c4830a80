/* Errors as answers: application/problem+json (RFC 9457). `code` is stable API; `type` is the
 * relative reference /docs#CODE; `instance` is the request's path. Texts echo at most 64 bytes of
 * what a client sent (problem_echo), and never a stack or a statement. */
#ifndef NET_PROBLEM_H
#define NET_PROBLEM_H

#include "net/http.h"

enum { PROBLEM_ERRORS = 100, PROBLEM_ECHO_BYTES = 64 };

/* One of several things that are wrong with a body. */
struct problem_error {
	int64_t index;        /* of the event; -1: left out */
	struct slice pointer; /* JSON pointer; p NULL: left out */
	const char *code;
	struct slice detail; /* UTF-8 */
};

struct problem {
	unsigned status;
	const char *code;    /* small letters, digits, '-' */
	const char *title;   /* NULL: the status' reason */
	struct slice detail; /* UTF-8; p NULL: left out */
	const struct problem_error *errors;
	size_t n_errors;                 /* at most PROBLEM_ERRORS are written */
	uint64_t errors_total;           /* 0 with n_errors 0: neither is written */
	unsigned retry_after_s;          /* 0: no Retry-After */
	const struct http_field *fields; /* more fields of the answer */
	size_t n_fields;
};

/* Adds the JSON to out. instance, id: p NULL: left out. */
void problem_json(const struct problem *p, struct slice instance, struct slice id, struct buf *out);

/* Answers the request with it. */
void problem_answer(struct http_request *req, const struct problem *p);

/* The same for the usual case. detail: NULL: none. */
void problem_say(struct http_request *req, unsigned status, const char *code, const char *detail);

/* The same for a head or a body that is no good. most: bytes that the body may
 * have; of 431, the head. */
struct http_fault;
void problem_fault(struct http_request *req, const struct http_fault *fault, size_t most);

/* Adds at most 64 bytes of what a client sent, cut at a character; what is no UTF-8 becomes
 * U+FFFD. */
void problem_echo(struct buf *out, struct slice text);

#endif
