/* The names of members in an event: whether an object anywhere in it has two equal ones, which
 * parsers downstream would read differently, and how deep it is nested. Names are compared decoded
 * ("\u0061" is "a"). */
#ifndef INTAKE_MEMBERS_H
#define INTAKE_MEMBERS_H

#include "base/arena.h"
#include "intake/cut.h"
#include "json/json.h"

enum { MEMBERS_DEPTH = 64 /* containers open in an event at most, itself among them */ };

enum members_result { MEMBERS_FINE, MEMBERS_TWICE, MEMBERS_DEEP };

/* Whether it is fine for certain; false says nothing. `object` is valid JSON as the scanner has
 * it, SCAN_PAD readable bytes around. */
bool members_fine(struct slice object, enum cut_engine engine);

/* {0} is an empty one. */
struct members {
	struct json json;
	struct arena decoded;
	struct members_member *member;
	size_t cap;
};
void members_fini(struct members *n);

/* The same exactly, and where: *pointer (JSON pointer, RFC 6901) is replaced. Slow; the time is
 * that of sorting the names. */
enum members_result members_check(struct members *n, struct slice object, struct buf *pointer);

/* Appends /NAME, or /INDEX, to a JSON pointer. */
void members_pointer_add(struct buf *pointer, struct slice name);

#endif
