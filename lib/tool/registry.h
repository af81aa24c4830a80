/* A registry of schemas, as programs see it that read and write messages framed for one
 * (avro/avro_wire.h). A table of functions, bound to a driver in bin/; NULL: this build has none.
 *
 * Calls return at once. What is not known yet is asked for, and the answer is there for a later
 * call: whoever waits turns the loop in between. A schema that was found once is kept as long as
 * the registry; one that is not there is asked for again after a minute. */
#ifndef TOOL_REGISTRY_H
#define TOOL_REGISTRY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"

/* Borrowed as long as the registry. */
struct registry_conf {
	const char *urls; /* URL,URL..: asked in turn; NULL: those of the environment */
	const char *ca;   /* PEM of who signs its certificate; NULL: the system's */
	/* How long one that does not answer is asked again, and what set it: " (--retry-for)". */
	int64_t retry_for_us;
	const char *flag;
};

enum registry_by { REGISTRY_BY_ID, REGISTRY_BY_GUID, REGISTRY_BY_SUBJECT /* its newest */ };

enum { REGISTRY_GUID_BYTES = 16, REGISTRY_GUID_TEXT = 37 };

struct registry_key {
	enum registry_by by;
	uint32_t id;
	uint8_t guid[REGISTRY_GUID_BYTES];
	const char *subject;
};

/* 6ba7b810-9dad-11d1-80b4-00c04fd430c8 and a NUL. */
static inline void registry_guid(const uint8_t guid[REGISTRY_GUID_BYTES],
				 char out[REGISTRY_GUID_TEXT])
{
	for (size_t i = 0; i < REGISTRY_GUID_BYTES; i++)
		out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			       guid[i]);
}

/* Valid as long as the registry. */
struct registry_schema {
	uint32_t id;      /* REGISTRY_BY_GUID: 0 where the registry does not say it */
	const char *type; /* AVRO, JSON, PROTOBUF */
	struct slice text;
	const struct slice *refs; /* texts that it refers to, those first that others use */
	size_t n_refs;
};

enum registry_outcome {
	REGISTRY_FAILED = -1, /* err: EX_CONFIG, it refuses us; EX_UNAVAILABLE, given up */
	REGISTRY_FOUND,
	REGISTRY_NONE,  /* err->msg: why: the registry has it not, or what it has cannot be used */
	REGISTRY_WAITS, /* turn the loop, and ask again */
};

struct registry_ops {
	/* Asks nothing yet. EX_USAGE, EX_CONFIG: no URL, or none that is one. */
	void *(*open)(const struct registry_conf *conf, struct loop *loop, struct err *err);
	void (*close)(void *registry); /* NULL is fine */
	enum registry_outcome (*find)(void *registry, const struct registry_key *key,
				      struct registry_schema *out, struct err *err);
	/* The id that a schema has in a subject; type: AVRO or JSON; add: registers it there. One
	 * text for a subject. REGISTRY_NONE: the subject has it not, or there is no such subject.
	 * EX_CONFIG too: the registry does not take it. */
	enum registry_outcome (*id)(void *registry, const char *subject, const char *type,
				    struct slice text, bool add, uint32_t *id, struct err *err);
};

#endif
