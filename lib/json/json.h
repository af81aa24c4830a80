/* JSON, strictly (RFC 8259, valid UTF-8): a validating reader that makes a flat table of nodes,
 * and writers. For control records, rollup rows and configuration; the hot path has its own
 * scanner (scan.h), which obeys the same rule of validity: tests hold the two against each
 * other.
 *
 * Nodes are numbered in document order; node 0 is the root; a node's subtree is [i, next). In an
 * object, keys and values alternate as children. A byte order mark in front of the text is
 * passed over (RFC 8259 section 8.1 allows it). Equal keys: the last one wins (json_get).
 * Nesting deeper than JSON_DEPTH is an error, in every reader of ours. A lone surrogate escape
 * (\ud800) is legal JSON and decodes to an error in json_string: what needs the text must refuse
 * it. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/dec.h"
#include "base/err.h"
#include "base/str.h"

enum { JSON_DEPTH = 256 };

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_node {
	enum json_type type;
	bool escaped;      /* a string with at least one backslash */
	uint32_t next;     /* the first node behind this subtree */
	struct slice text; /* as in the input; strings without their quotes */
};

/* {0} is an empty one; reuse it for the next text */
struct json {
	struct json_node *node;
	size_t n, cap;
};

void json_fini(struct json *j);

/* Reads exactly one value (white space around it is fine). EX_DATAERR with byte position (the
 * first is 1) and reason; the table is empty then. Slices point into text. */
int json_parse(struct json *j, struct slice text, struct err *err);

/* Children: for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next). In
 * an object these are key, value, key, value. */
static inline uint32_t json_first(const struct json *j, uint32_t at)
{
	(void)j;
	return at + 1;
}

/* The value of the last key of that name in object `at`; 0 where there is none or `at` is no
 * object (0 is never a value). */
uint32_t json_get(const struct json *j, uint32_t at, const char *key);

/* Typed members. False where absent, null or of another type or range. */
/* an integer (5, 5.0, 5e0), also in a string */
bool json_get_u64(const struct json *j, uint32_t at, const char *key, uint64_t *out);
bool json_get_i64(const struct json *j, uint32_t at, const char *key, int64_t *out);
bool json_get_bool(const struct json *j, uint32_t at, const char *key, bool *out);
/* a string without escapes: a slice of the input */
bool json_get_text(const struct json *j, uint32_t at, const char *key, struct slice *out);

/* The same of a node itself. json_is: a string (a key too) that decodes to this text. */
bool json_is(const struct json *j, uint32_t at, struct slice text);
bool json_u64(const struct json *j, uint32_t at, uint64_t *out);
bool json_i64(const struct json *j, uint32_t at, int64_t *out);
/* number or string, dec_parse_sum */
bool json_dec(const struct json *j, uint32_t at, dec *out);

/* Appends the decoded string. 0, or -1: lone surrogate, and nothing is added. json_unescape: the
 * same for a string's text without its quotes that json_parse (or the scanner) has accepted. */
int json_string(const struct json *j, uint32_t at, struct buf *out);
int json_unescape(struct slice text, struct buf *out);

/* Writers: append. json_quote escapes what RFC 8259 demands and nothing else (", \, controls; \b
 * \f \n \r \t short); the bytes must be UTF-8. */
void json_quote(struct buf *out, struct slice text);
void json_quote_z(struct buf *out, const char *text);

#endif
