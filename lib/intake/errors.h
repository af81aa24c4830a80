/* What is wrong with the events of one request: a list, bounded, that counts on. Texts are UTF-8
 * and show at most 64 bytes of what the client sent. */
#ifndef INTAKE_ERRORS_H
#define INTAKE_ERRORS_H

#include "base/arena.h"

enum { INTAKE_ERRORS = 100, INTAKE_SHOWN = 64, INTAKE_POINTER = 256 };

struct intake_error {
	uint32_t index;       /* of the event in the request, from 0; blank lines do not count */
	const char *code;     /* stable, static: "not-a-time" */
	struct slice pointer; /* RFC 6901, below the event; "" is the event itself */
	struct slice detail;
};

/* {0} is an empty one. */
struct intake_errors {
	struct intake_error list[INTAKE_ERRORS];
	unsigned n;     /* in the list */
	uint64_t total; /* all of them */
	struct arena text;
};

void intake_errors_fini(struct intake_errors *e);
void intake_errors_reset(struct intake_errors *e);

/* A pointer of more than INTAKE_POINTER bytes is left out: the event is pointed to. */
void intake_errors_add(struct intake_errors *e, uint32_t index, const char *code,
		       struct slice pointer, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The first INTAKE_SHOWN bytes of a text, whole characters; it is UTF-8. */
struct slice intake_shown(struct slice text);

#endif
