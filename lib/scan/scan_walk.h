/* The walker: the grammar of a line, written once. Each engine includes this file with
 *   ENGINE(name)   the engine's own name for a function
 *   TARGET         function attributes (instruction set)
 * and has these defined before:
 *   struct ENGINE(constants), ENGINE(constants)()   vectors that the probes compare with
 *   ENGINE(plain)(k, p)         the first byte from p on that is not plain inside a string, or
 *                               one before it that is
 *   ENGINE(long_plain)(k, p)    the same, for strings that may well be longer than its first probe
 *   ENGINE(string_rest)(at)     the rest of a string from a byte on that is not plain, or where
 *                               the probe ended
 *   ENGINE(number)(k, p)        as scan_number
 *   ENGINE(GUESSES)             whether the two below do anything
 *   ENGINE(guess)(p, end, guess)   places in the line that look like the end of a name: at most
 *                                  SCAN_GUESSES, ascending, then SCAN_NO_GUESS
 *   ENGINE(guessed_name)(k, node, p, end)   as scan_find for the name that begins at p and ends
 *                                           at `end`, where ": is; NULL if it does not end
 *                               there or is not plain or too long
 *
 * One pass, no recursion: a frame for each open container keeps what to go back to. Values go to
 * the field that their name stands for or, unwanted, to one that nobody reads: no branch depends
 * on whether a name is wanted. An equal name later overwrites the field; one that leads to
 * fields below makes those missing first, whatever its value is, so the last one decides at
 * every step.
 *
 * Guesses: where a name ends is only known when everything before it was passed over, and each
 * step of that waits for the one before. So the places of all ": are looked up first, which
 * waits for nothing. That a name ends at the next guess is still proved by its probe; but the
 * walk goes on from the guess, and the processor has begun with the value long before the proof
 * was done. Where a guess is wrong (white space before the colon, ": in a string) or the name is
 * not plain, it is read again in the long way: a guess decides nothing. */
#include "scan/scan_internal.h"

struct ENGINE(frame) {
	const struct scan_node *node; /* what is wanted in the container; NULL in an array */
	struct field *field;          /* where the container itself goes */
};

struct ENGINE(walk) {
	struct ENGINE(constants) k;
	struct scan *s;
	struct field *field; /* by number; the last one for what is not wanted */
	const char *p;
	const char *const *guess;
	const struct scan_key *key;   /* of the value at p */
	const struct scan_node *node; /* of the innermost container */
	unsigned depth, limit;        /* open containers, at most */
	struct ENGINE(frame) * frame;
};

enum ENGINE(step) { ENGINE(BAD), ENGINE(VALUE), ENGINE(OPENED) };

/* The string that is plain up to `end`. */
TARGET static always_inline struct scan_string ENGINE(string_to)(const char *end)
{
	return likely(*end == '"') ? (struct scan_string){ end, FIELD_STRING }
				   : ENGINE(string_rest)(end);
}

TARGET static always_inline struct scan_string ENGINE(string)(const struct ENGINE(constants) * k,
							      const char *p)
{
	return ENGINE(string_to)(ENGINE(plain)(k, p));
}

TARGET static always_inline const char *ENGINE(space)(const char *p)
{
	if (unlikely((unsigned char)*p <= ' '))
		while (*p == ' ' || *p == '\t' || *p == '\r')
			p++;
	return p;
}

/* A name in the long way; its key, or NULL. */
TARGET static always_inline const struct scan_key *ENGINE(any_name)(struct ENGINE(walk) * w,
								    const char *p)
{
	struct scan_string name = ENGINE(string)(&w->k, p);
	if (unlikely(!name.end))
		return NULL;
	w->p = ENGINE(space)(name.end + 1);
	if (unlikely(*w->p++ != ':'))
		return NULL;
	while (ENGINE(GUESSES) && *w->guess <= name.end)
		w->guess++;
	if (unlikely(name.type == FIELD_ESCAPED))
		return scan_find_escaped(w->s, w->node, p, (size_t)(name.end - p));
	return scan_find(w->node, p, (size_t)(name.end - p));
}

/* "name" and the colon. */
TARGET static always_inline bool ENGINE(name)(struct ENGINE(walk) * w)
{
	const char *p = likely(*w->p == '"') ? w->p : ENGINE(space)(w->p), *guess = *w->guess;
	if (unlikely(*p++ != '"'))
		return false;
	w->key = ENGINE(GUESSES) ? ENGINE(guessed_name)(&w->k, w->node, p, guess) : NULL;
	if (ENGINE(GUESSES) && likely(w->key)) {
		w->guess++;
		w->p = guess + 2;
		return true;
	}
	w->key = ENGINE(any_name)(w, p);
	return w->key;
}

static void ENGINE(forget)(struct field *field, uint64_t set)
{
	for (; set; set &= set - 1)
		field[__builtin_ctzll(set)] = (struct field){ NULL, 0, FIELD_MISSING };
}

TARGET static always_inline enum ENGINE(step)
	ENGINE(scalar)(struct ENGINE(walk) * w, const char *p, struct scan_string value,
		       struct field *to)
{
	if (unlikely(!value.end))
		return ENGINE(BAD);
	*to = (struct field){ p, (uint32_t)(value.end - p), value.type };
	w->p = value.end;
	return ENGINE(VALUE);
}

/* Behind a value: the container that it stood in, if any is open, goes on. */
TARGET static always_inline void ENGINE(close)(struct ENGINE(walk) * w)
{
	struct ENGINE(frame) *frame = &w->frame[--w->depth];
	w->p++;
	frame->field->n = (uint32_t)(w->p - frame->field->p);
	if (w->depth > 0)
		w->node = frame[-1].node;
}

/* At { or [. An empty container is a value; of any other, w->p comes to stand at the first
 * member or element. */
TARGET static always_inline enum ENGINE(step)
	ENGINE(open)(struct ENGINE(walk) * w, struct field *to)
{
	bool object = *w->p == '{';
	if (unlikely(w->depth == w->limit))
		return ENGINE(BAD);
	*to = (struct field){ w->p, 0, object ? FIELD_OBJECT : FIELD_ARRAY };
	w->node = object ? &w->s->node[w->key->child] : NULL;
	w->frame[w->depth++] = (struct ENGINE(frame)){ w->node, to };
	w->p = ENGINE(space)(w->p + 1);
	if (*w->p != (object ? '}' : ']'))
		return ENGINE(OPENED);
	ENGINE(close)(w);
	return ENGINE(VALUE);
}

TARGET static always_inline enum ENGINE(step) ENGINE(value)(struct ENGINE(walk) * w)
{
	const char *p = w->p;
	struct field *to = &w->field[w->key->field];
	if (unlikely(w->key->under))
		ENGINE(forget)(w->field, w->key->under);
	if (*p != '"')
		p = w->p = ENGINE(space)(p);
	if (*p == '"') {
		enum ENGINE(step) step = ENGINE(scalar)(
			w, p + 1, ENGINE(string_to)(ENGINE(long_plain)(&w->k, p + 1)), to);
		w->p++; /* the closing quote */
		return step;
	}
	if ((unsigned char)*p <= '9')
		return ENGINE(scalar)(
			w, p, (struct scan_string){ ENGINE(number)(&w->k, p), FIELD_NUMBER }, to);
	if (*p == '{' || *p == '[')
		return ENGINE(open)(w, to);
	return ENGINE(scalar)(w, p, scan_word(p), to);
}

/* Members and elements from w->p on, inside of at least one container, until none is open. */
TARGET static always_inline bool ENGINE(members)(struct ENGINE(walk) * w)
{
	for (;;) {
		w->key = &scan_no_key;
		if (likely(w->node) && !ENGINE(name)(w))
			return false;
		enum ENGINE(step) step = ENGINE(value)(w);
		if (unlikely(step == ENGINE(OPENED)))
			continue;
		if (unlikely(step == ENGINE(BAD)))
			return false;
		while (*w->p != ',') {
			w->p = ENGINE(space)(w->p);
			if (*w->p == ',')
				break;
			if (*w->p != (w->node ? '}' : ']'))
				return false;
			ENGINE(close)(w);
			if (w->depth == 0)
				return true;
		}
		w->p++;
	}
}

TARGET static enum scan_status ENGINE(walk_line)(struct scan *s, const char *p, const char *end,
						 struct field *row)
{
	static const struct scan_key line = { .field = SCAN_FIELDS, .child = 1 };
	struct ENGINE(frame) frame[JSON_DEPTH];
	struct field field[SCAN_FIELDS + 1];
	const char *guess[SCAN_GUESSES + 1];
	struct ENGINE(walk) w = { .k = ENGINE(constants)(),
				  .s = s,
				  .field = field,
				  .p = ENGINE(space)(p),
				  .guess = guess,
				  .key = &line,
				  .limit = JSON_DEPTH,
				  .frame = frame };
	if (unlikely(*w.p != '{'))
		return w.p == end ? SCAN_BLANK : SCAN_BAD;
	if (ENGINE(GUESSES))
		ENGINE(guess)(p, end, guess);
	memset(field, 0, s->width * sizeof(*field));
	enum ENGINE(step) step = ENGINE(open)(&w, &field[SCAN_FIELDS]);
	if (step == ENGINE(OPENED) && !ENGINE(members)(&w))
		return SCAN_BAD;
	if (unlikely(ENGINE(space)(w.p) != end))
		return SCAN_BAD;
	memcpy(row, field, s->width * sizeof(*field));
	return SCAN_OK;
}

/* The end of the array at p that stands in `depth` containers; NULL if it is not valid. */
TARGET static const char *ENGINE(walk_array)(struct scan *s, const char *p, unsigned depth)
{
	static const char *const none = SCAN_NO_GUESS;
	struct ENGINE(frame) frame[JSON_DEPTH];
	struct field field[SCAN_FIELDS + 1];
	struct ENGINE(walk) w = { .k = ENGINE(constants)(),
				  .s = s,
				  .field = field,
				  .p = p,
				  .guess = &none,
				  .key = &scan_no_key,
				  .limit = JSON_DEPTH - depth,
				  .frame = frame };
	enum ENGINE(step) step = ENGINE(open)(&w, &field[SCAN_FIELDS]);
	if (step == ENGINE(BAD) || (step == ENGINE(OPENED) && !ENGINE(members)(&w)))
		return NULL;
	return w.p;
}
