/* The walker: the grammar of a line, written once. Each engine includes this file with
 *   ENGINE(name)   the engine's own name for a function
 *   TARGET         function attributes (instruction set)
 * and has these probes defined before:
 *   struct ENGINE(constants), ENGINE(constants)()   vectors that the probes compare with
 *   ENGINE(string)(k, p)   the string that begins at p, behind its opening quote
 *   ENGINE(number)(k, p)   as scan_number
 *
 * One pass, no recursion: a frame for each open container keeps what to go back to. Values go to the field that their name stands for
 * or, unwanted, to one that nobody reads: no branch depends on whether a name is wanted. An equal name later overwrites
 * the field; one that leads to fields below makes those missing first, whatever its value is, so the last one decides at every step. */
#include "rec/scan_internal.h"

struct ENGINE(frame) {
	const struct scan_node *node;     /* what is wanted in the container; NULL in an array */
	struct field *field;              /* where the container itself goes */
};

struct ENGINE(walk) {
	struct ENGINE(constants) k;
	struct scan *s;
	struct field *row;
	const char *p;
	const struct scan_key *key;       /* of the value at p */
	const struct scan_node *node;     /* of the innermost container */
	unsigned depth, limit;            /* open containers, at most */
	struct ENGINE(frame) frame[JSON_DEPTH];
};

enum ENGINE(step) { ENGINE(BAD), ENGINE(VALUE), ENGINE(OPENED) };

TARGET static always_inline const char *ENGINE(space)(const char *p)
{
	if (unlikely((unsigned char)*p <= ' '))
		while (*p == ' ' || *p == '\t' || *p == '\r')
			p++;
	return p;
}

/* "name" : and the white space behind. */
TARGET static always_inline bool ENGINE(name)(struct ENGINE(walk) *w)
{
	const char *p = w->p + 1;
	if (unlikely(*w->p != '"'))
		return false;
	struct scan_string name = ENGINE(string)(&w->k, p);
	if (unlikely(!name.end))
		return false;
	if (likely(name.type == FIELD_STRING))
		w->key = scan_find(w->node, p, (size_t)(name.end - p));
	else
		w->key = scan_find_escaped(w->s, w->node, p, (size_t)(name.end - p));
	p = ENGINE(space)(name.end + 1);
	if (unlikely(*p != ':'))
		return false;
	w->p = ENGINE(space)(p + 1);
	return true;
}

static void ENGINE(forget)(struct field *row, uint64_t set)
{
	for (; set; set &= set - 1)
		row[__builtin_ctzll(set)] = (struct field){ NULL, 0, FIELD_MISSING };
}

TARGET static always_inline enum ENGINE(step) ENGINE(scalar)(struct ENGINE(walk) *w, const char *p, struct scan_string value, struct field *to)
{
	if (unlikely(!value.end))
		return ENGINE(BAD);
	*to = (struct field){ p, (uint32_t)(value.end - p), value.type };
	w->p = value.end + (value.type >= FIELD_STRING);  /* over the closing quote */
	return ENGINE(VALUE);
}

/* Behind a value: the container that it stood in, if any is open, goes on. */
TARGET static always_inline void ENGINE(close)(struct ENGINE(walk) *w)
{
	struct ENGINE(frame) *frame = &w->frame[--w->depth];
	w->p++;
	frame->field->n = (uint32_t)(w->p - frame->field->p);
	if (w->depth > 0)
		w->node = frame[-1].node;
}

/* At { or [. An empty container is a value; of any other, w->p comes to stand at the first member or element. */
TARGET static always_inline enum ENGINE(step) ENGINE(open)(struct ENGINE(walk) *w, struct field *to)
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

TARGET static always_inline enum ENGINE(step) ENGINE(value)(struct ENGINE(walk) *w)
{
	const char *p = w->p;
	struct field *to = w->key->field < SCAN_FIELDS ? &w->row[w->key->field] : &w->s->ignored;
	if (unlikely(w->key->under))
		ENGINE(forget)(w->row, w->key->under);
	if (*p == '"')
		return ENGINE(scalar)(w, p + 1, ENGINE(string)(&w->k, p + 1), to);
	if ((unsigned char)*p <= '9')
		return ENGINE(scalar)(w, p, (struct scan_string){ ENGINE(number)(&w->k, p), FIELD_NUMBER }, to);
	if (*p == '{' || *p == '[')
		return ENGINE(open)(w, to);
	return ENGINE(scalar)(w, p, scan_word(p), to);
}

/* Members and elements until the outermost container is closed. */
TARGET static always_inline bool ENGINE(members)(struct ENGINE(walk) *w)
{
	for (;;) {
		if (w->node) {
			if (!ENGINE(name)(w))
				return false;
		} else {
			w->key = &scan_no_key;
		}
		enum ENGINE(step) step = ENGINE(value)(w);
		if (step == ENGINE(OPENED))
			continue;
		if (unlikely(step == ENGINE(BAD)))
			return false;
		for (;;) {
			if (w->depth == 0)
				return true;
			w->p = ENGINE(space)(w->p);
			if (*w->p == ',')
				break;
			if (*w->p != (w->node ? '}' : ']'))
				return false;
			ENGINE(close)(w);
		}
		w->p = ENGINE(space)(w->p + 1);
	}
}

TARGET static enum scan_status ENGINE(walk_line)(struct scan *s, const char *p, const char *end, struct field *row)
{
	static const struct scan_key line = { .field = SCAN_FIELDS, .child = 1 };
	struct ENGINE(walk) w;
	w.k = ENGINE(constants)();
	w.s = s;
	w.row = row;
	w.p = ENGINE(space)(p);
	w.key = &line;
	w.depth = 0;
	w.limit = JSON_DEPTH;
	if (unlikely(*w.p != '{'))
		return w.p == end ? SCAN_BLANK : SCAN_BAD;
	enum ENGINE(step) step = ENGINE(open)(&w, &s->ignored);
	if (step == ENGINE(OPENED) && !ENGINE(members)(&w))
		return SCAN_BAD;
	return ENGINE(space)(w.p) == end ? SCAN_OK : SCAN_BAD;
}

/* The end of the array at p that stands in `depth` containers; NULL if it is not valid. */
TARGET static const char *ENGINE(walk_array)(struct scan *s, const char *p, unsigned depth)
{
	struct ENGINE(walk) w;
	w.k = ENGINE(constants)();
	w.s = s;
	w.row = &s->ignored;
	w.p = p;
	w.key = &scan_no_key;
	w.depth = 0;
	w.limit = JSON_DEPTH - depth;
	enum ENGINE(step) step = ENGINE(open)(&w, &s->ignored);
	if (step == ENGINE(BAD) || (step == ENGINE(OPENED) && !ENGINE(members)(&w)))
		return NULL;
	return w.p;
}
