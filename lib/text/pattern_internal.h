/* Inside of patterns: pattern.c makes one, pattern_line.c reads lines by it, pattern_time.c their
 * times. */
#ifndef TEXT_PATTERN_INTERNAL_H
#define TEXT_PATTERN_INTERNAL_H

#include "scan/value.h"
#include "text/pattern.h"
#include "text/quote.h"

enum pattern_kind {
	PATTERN_SKIP,
	PATTERN_BLANKS,
	PATTERN_TEXT,
	PATTERN_STATUS,
	PATTERN_WHOLE,
	PATTERN_NUMBER,
	PATTERN_REQUEST,
	PATTERN_DATE,
	PATTERN_TIME,
	PATTERN_BOTH,
	PATTERN_FORWARDED,
};

/* A field, and the text behind it. */
struct pattern_field {
	enum pattern_kind kind;
	char letter;
	const char *name; /* of its member; NULL: it makes none */
	struct buf behind;
	struct slice among;  /* PATTERN_FORWARDED: what stands between addresses */
	bool quoted;         /* between two quotes */
	bool to_blank;       /* ends at white space, which is left */
	bool offset;         /* left out right behind a time */
	struct slice member; /* ,"name": */
};

enum { PATTERN_FORMS = 2 };

/* The times of a pattern: the forms that they may have, tried in turn. */
struct pattern_time {
	struct timeform *form[PATTERN_FORMS];
	struct zone *zone;
	struct value_when when[PATTERN_FORMS];
	struct value_clock clock[PATTERN_FORMS];
	size_t n;
	struct buf joined; /* day and time of day, with what the reader wants around them */
};

struct pattern {
	char *text;
	struct buf front; /* the text before the first field */
	struct pattern_field *field;
	size_t fields, cap;
	size_t grows; /* the most bytes of a record beside its texts */
	struct pattern_time time;
	bool has_time, lost_offset; /* has_time: a time of day, %t */
};

/* Which forms: what was given, or what is usual. both: of %x, else of %d and %t. */
int pattern_time_init(struct pattern_time *t, bool both, bool with_time,
		      const struct pattern_times *given, struct err *err);
void pattern_time_fini(struct pattern_time *t);
/* Appends the RFC 3339 time of a whole text, or of a day and a time of day (p NULL: none). */
bool pattern_time_put(struct pattern_time *t, struct slice day, struct slice time,
		      struct text_out *out);

#endif
