/* JSON Schema, draft 2020-12: files of schemas are compiled once, then values are judged by them.
 *
 * What is not done is refused, never passed over (EX_CONFIG, by name): unevaluatedItems,
 * unevaluatedProperties, $dynamicRef, $dynamicAnchor, $recursiveRef, $vocabulary, contentSchema, a
 * $ref to what is in none of the files, a $schema that is not 2020-12, a pattern that is none of
 * ECMA-262, and, where formats are assertions, a format of the specification that is not checked.
 * Words that the specification does not have are annotations.
 *
 * Of equal names in an object the last one counts. What judging a value may cost is bounded
 * (patterns, references that multiply): beyond that it is bad, and the reason says so. A string
 * with half of a surrogate pair is bad where its text is asked for. Nothing here does I/O. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/err.h"
#include "base/str.h"
#include "scan/scan.h"

struct schema_set;

/* assert_formats: format is an assertion; else an annotation. */
struct schema_set *schema_set_new(bool assert_formats);
void schema_set_free(struct schema_set *set);

/* Adds a file; name: its own, by which others refer to it ("order.json"). Text and name are copied.
 * EX_CONFIG: no JSON; a word that must be known where it stands is wrong ($id, $anchor). */
int schema_set_add(struct schema_set *set, const char *name, struct slice text, struct err *err);

/* Once, when all are added. EX_CONFIG: the first thing that is wrong or refused, with its place. */
int schema_set_compile(struct schema_set *set, struct err *err);

/* The file STEM.json, as schema_set_add counts from 0; -1: none. */
int schema_set_find(const struct schema_set *set, struct slice stem);

/* The file's name; NULL behind the last. */
const char *schema_set_name(const struct schema_set *set, int file);

/* What judges; belongs to one thread, as all that share a set do. */
struct schema_check;
struct schema_check *schema_check_new(const struct schema_set *set);
void schema_check_free(struct schema_check *c);

/* Whether the JSON text is valid by that file's schema. If it is not, why (may be NULL) is
 * EX_DATAERR with: PATH: VALUE what is wrong (PLACE). PATH is a JSON pointer, or (root); of the
 * value at most 64 bytes are shown; PLACE is the keyword's, behind the name of its file where that
 * is another one. */
bool schema_check_text(struct schema_check *c, int file, struct slice json, struct err *why);

/* The quick way: which lines of the scanner are valid for certain; of all others nothing is said.
 * A schema has it where its root is an object whose members can be found by their paths. */
struct schema_scan;

/* first: a path that the caller wants as its field 0, or NULL. */
struct schema_scan *schema_scan_new(const struct schema_set *set, const char *first);
void schema_scan_free(struct schema_scan *s);
/* The paths to scan for, NULL behind the last. */
const char *const *schema_scan_paths(const struct schema_scan *s);
/* Whether that file's schema has it. */
bool schema_scan_has(const struct schema_scan *s, int file);
/* If it has not, appends why: the place of the first keyword that keeps it from that, or the limit
 * that it is beyond. */
void schema_scan_why_not(const struct schema_scan *s, int file, struct buf *out);
/* Whether the line with these fields is valid for certain. */
bool schema_scan_line(const struct schema_scan *s, int file, const struct field *field,
		      struct schema_check *c);

#endif
