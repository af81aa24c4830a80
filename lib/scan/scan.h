/* The field scanner: finds a few wanted fields in many lines without building a tree. The hot
 * path of every transform.
 *
 * One rule of validity, whatever is asked for and whichever engine runs (portable, AVX2, learned
 * order): a line is one JSON object (RFC 8259, valid UTF-8, at most JSON_DEPTH deep) with white
 * space around it and perhaps a byte order mark in front, as json_parse accepts it; the last of
 * equal keys wins, at every step of a path; a line of white space only is blank, with a mark in
 * front too. A faster engine is never more lenient: tests hold each against json_parse.
 * A member on a path that is not an object (or is missing) makes the field missing; null on the
 * way is missing too.
 *
 * A scan is compiled for its paths and belongs to one thread; results of a batch point into the
 * block. */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "base/err.h"
#include "base/str.h"
#include "json/path.h"

enum {
	SCAN_BATCH = 64 /* lines: a set of them is a word */,
	SCAN_FIELDS = 64 /* paths at most */,
	SCAN_PAD = 64,
};

enum field_type {
	FIELD_MISSING,
	FIELD_NULL,
	FIELD_FALSE,
	FIELD_TRUE,
	FIELD_NUMBER,
	FIELD_STRING,
	FIELD_ESCAPED /* a string with a backslash */,
	FIELD_ARRAY,
	FIELD_OBJECT,
};

/* the text; strings without quotes, still escaped */
struct field {
	const char *p;
	uint32_t n;
	uint32_t type;
};

enum scan_status { SCAN_OK, SCAN_BLANK, SCAN_BAD };

struct scan_batch {
	unsigned lines; /* filled, at most SCAN_BATCH */
	size_t used;    /* bytes of the block that they take, their \n included */
	const char *start[SCAN_BATCH];
	uint32_t length[SCAN_BATCH]; /* without \n */
	/* sets of lines, bit i: line i; those in neither are SCAN_BAD */
	uint64_t valid, blank;
	uint64_t vouched; /* lines of which scan_vouch's question is answered with yes */
	/* [line * scan_width(s) + path], all missing unless valid; owned by the scan, valid
	 * until its next call */
	struct field *field;
};

static inline enum scan_status scan_status(const struct scan_batch *b, unsigned line)
{
	return b->valid >> line & 1 ? SCAN_OK : b->blank >> line & 1 ? SCAN_BLANK : SCAN_BAD;
}

struct scan;

/* Paths are copied. At most SCAN_FIELDS (EX_USAGE). */
struct scan *scan_new(const struct path *paths, size_t n, struct err *err);
void scan_free(struct scan *s);
size_t scan_width(const struct scan *s);

/* Takes up to SCAN_BATCH whole lines (each ends in \n) from p[0..n). SCAN_PAD readable bytes
 * must stand before p and behind p + n. Lines are shorter than 4 GiB. */
void scan_lines(struct scan *s, const char *p, size_t n, struct scan_batch *out);

/* A question about the names in a line and how they are nested, asked once for all lines that have
 * the same ones in the same order and no arrays, as far as the scanner notices. Slow questions are
 * fine. The slice is as scan_lines has it. Before the first scan_lines; else scan_force behind. */
void scan_vouch(struct scan *s, bool (*question)(struct slice line));

/* Sets err to the reason why a SCAN_BAD line is bad: what it seems to be (look.h), else position
 * and reason as json_parse has them. Slow. */
void scan_why(struct slice line, struct err *err);

/* Decodes a FIELD_ESCAPED string: appends. -1: lone surrogate. */
int scan_unescape(struct slice text, struct buf *out);

/* For tests and the bench: forces an engine, with or without the learned order, and forgets what
 * was learned. False where the processor lacks it. */
enum scan_engine { SCAN_AUTO, SCAN_PORTABLE, SCAN_AVX2 };
bool scan_force(struct scan *s, enum scan_engine engine, bool learn);

#endif
