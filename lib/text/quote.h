/* Pieces of a line of text as parts of a JSON text, at the speed of memory where they are plain.
 *
 * Writers work on a cursor in room that the caller has made: TEXT_GROWS bytes for each byte of the
 * piece and TEXT_PAD behind. What they read has TEXT_PAD readable bytes behind it, as a run's lines
 * have (tool/stage.h). */
#ifndef TEXT_QUOTE_H
#define TEXT_QUOTE_H

#include "base/str.h"

enum { TEXT_GROWS = 6, TEXT_PAD = 32 };

/* Where to write next, and the first byte of a piece that is not UTF-8 (RFC 3629), NULL while there
 * is none. What was written is no JSON then. */
struct text_out {
	char *p;
	const char *bad;
};

/* How a piece is written in its line. */
enum text_form {
	TEXT_RAW,
	/* \xHH, \", \\, \t, \n and \r stand for other bytes, as in the logs of Apache and nginx. An
	 * escape of another kind, or one whose bytes are not UTF-8, stays as it is. */
	TEXT_ESCAPED,
	/* "" is a quote (RFC 4180); a piece has no other quotes */
	TEXT_DOUBLED,
	/* \t, \n, \r and \\, as in TSV; another backslash stays as it is */
	TEXT_TABBED,
	/* escapes of a JSON string; one of another kind stays as it is, as does half of a pair */
	TEXT_JSON,
};

/* Writes what stands between the quotes of a JSON string. */
void text_put(struct text_out *out, struct slice piece, enum text_form form);

/* Writes all of it, a text of ours. */
static inline void text_add(struct text_out *out, const char *text, size_t n)
{
	memcpy(out->p, text, n);
	out->p += n;
}
#define TEXT_ADD(out, literal) text_add(out, literal, sizeof(literal) - 1)

/* The closing quote of a text that begins at p, the first one that no backslash takes its meaning
 * from; NULL: there is none before end. */
const char *text_closing(const char *p, const char *end, char quote);

#endif
