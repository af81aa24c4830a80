/* The learned order, run over lines: each engine includes this file behind scan_walk.h and has
 * defined, besides the probes,
 *   ENGINE(plain_number)(k, p)       as ENGINE(number); only for what SCAN_NUMBER says: any
 *                                    other number may end too early or be none
 *   struct ENGINE(diff)              bits in which lines differ from what was learned
 *   ENGINE(differ)(diff, p, piece)   adds those of one piece of text at p (32 bytes are readable
 *                                    there)
 *   ENGINE(differs)(diff, piece)     whether there are any
 *
 * In one line every step waits for the one before it: where a string ends decides where the next
 * text begins. So eight lines go in step: the same piece is compared in all of them, then the
 * same value is passed over, and the processor overlaps their waits.
 *
 * A lane stands in its own line always: no value holds a \n, and no text but the last one, whose
 * end it is. One that does not fit is lost: it goes on as the shadow of one that does, and what
 * it finds goes to a row that nobody reads. So whether all fit is asked once for eight. */
#include "scan/scan_internal.h"

enum { ENGINE(LANES) = 8, ENGINE(ALL) = (1 << ENGINE(LANES)) - 1 };

/* All but the positions, which stay in registers as far as they fit. */
struct ENGINE(lanes) {
	struct field *row[ENGINE(LANES)];
	unsigned lost;    /* set of lanes */
	unsigned shadows; /* those of them that are shadows already */
	struct field nowhere[SCAN_FIELDS];
};

/* The positions while a function has them. */
struct ENGINE(places) {
	const char *p[ENGINE(LANES)];
};

/* By hand, because of the registers, and because not every compiler unrolls such loops at every
 * level. */
#define LANE(number, ...)            \
	do {                         \
		enum { j = number }; \
		__VA_ARGS__          \
	} while (0)
#define LANES_4(first, ...)           \
	LANE(first, __VA_ARGS__);     \
	LANE(first + 1, __VA_ARGS__); \
	LANE(first + 2, __VA_ARGS__); \
	LANE(first + 3, __VA_ARGS__)
#define EACH_LANE(...)                   \
	do {                             \
		LANES_4(0, __VA_ARGS__); \
		LANES_4(4, __VA_ARGS__); \
	} while (0)

/* Loses the lanes that stand behind a text that is not the piece (NULL: behind values), and
 * makes all that are lost shadows. Where no other is left nobody looks at them any more. */
TARGET static __attribute__((noinline, cold)) void ENGINE(lanes_part)(
	struct ENGINE(lanes) * l, struct ENGINE(places) * at, const struct scan_piece *piece)
{
	for (unsigned j = 0; j < ENGINE(LANES) && piece; j++) {
		struct ENGINE(diff) diff = ENGINE(differ)((struct ENGINE(diff)){ 0 },
							  at->p[j] - piece->n, piece);
		l->lost |= (unsigned)ENGINE(differs)(diff, piece) << j;
	}
	unsigned lead = l->lost == ENGINE(ALL) ? 0 : (unsigned)__builtin_ctz(~l->lost);
	for (unsigned left = l->lost; left; left &= left - 1) {
		unsigned j = (unsigned)__builtin_ctz(left);
		at->p[j] = at->p[lead];
		l->row[j] = l->nowhere;
	}
	l->shadows = l->lost;
}

/* The strings of a set of lanes that are not plain or longer than the probe, whose start is put
 * into its field already. */
TARGET static __attribute__((noinline)) void ENGINE(lanes_rest)(struct ENGINE(lanes) * l,
								struct ENGINE(places) * at,
								unsigned set, unsigned to)
{
	for (; set; set &= set - 1) {
		unsigned j = (unsigned)__builtin_ctz(set);
		struct scan_string string = ENGINE(string_rest)(at->p[j]);
		l->lost |= (unsigned)!string.end << j;
		if (likely(string.end))
			at->p[j] = string.end;
		if (to < SCAN_FIELDS) {
			struct field *f = &l->row[j][to];
			f->n = (uint32_t)(at->p[j] - f->p);
			f->type = string.type;
		}
	}
}

/* Any scalar: the kind differs from line to line. */
TARGET static __attribute__((noinline)) const char *ENGINE(lane_scalar)(struct ENGINE(lanes) * l,
									unsigned lane,
									const char *p, unsigned to)
{
	const struct ENGINE(constants) k = ENGINE(constants)();
	unsigned quote = *p == '"';
	struct scan_string value = quote ? ENGINE(string)(&k, p + 1)
				   : (unsigned char)*p <= '9'
					   ? (struct scan_string){ ENGINE(number)(&k, p),
								   FIELD_NUMBER }
					   : scan_word(p);
	l->lost |= (unsigned)!value.end << lane;
	if (!value.end)
		return p;
	p += quote;
	if (to < SCAN_FIELDS)
		l->row[lane][to] = (struct field){ p, (uint32_t)(value.end - p), value.type };
	return value.end + quote;
}

TARGET static __attribute__((noinline)) const char *ENGINE(lane_array)(
	struct ENGINE(lanes) * l, unsigned lane, const char *p, const struct scan_piece *piece,
	struct scan *s)
{
	const char *end = *p == '[' ? ENGINE(walk_array)(s, p, piece->depth) : NULL;
	l->lost |= (unsigned)!end << lane;
	if (end && piece->field < SCAN_FIELDS)
		l->row[lane][piece->field] = (struct field){ p, (uint32_t)(end - p), FIELD_ARRAY };
	return end ? end : p;
}

/* Each position in a register of its own: packed into vectors they would cost more than they
 * save. */
#define APART(p) __asm__("" : "+r"(p))

/* Where strings are seldom not plain, a branch foretells it. Where it happens often it would be
 * wrong often, and throw away what other lanes have done: there it is asked for once for all of
 * them. */
#define LANE_STRING()                              \
	const char *end = ENGINE(plain)(&k, p[j]); \
	if (unlikely(*end != '"'))                 \
	rest |= 1u << j

#define LANE_LONG()                                     \
	const char *end = ENGINE(long_plain)(&k, p[j]); \
	rest |= (unsigned)(*end != '"') << j

#define LANE_NUMBER()                                     \
	const char *end = ENGINE(plain_number)(&k, p[j]); \
	if (unlikely(!end)) {                             \
		l->lost |= 1u << j;                       \
		end = p[j];                               \
	}

#define LANE_PUT(kind)                             \
	l->row[j][to] = (struct field)             \
	{                                          \
		p[j], (uint32_t)(end - p[j]), kind \
	}

#define EACH_VALUE(kind, ...)                                                             \
	do {                                                                              \
		if (to == SCAN_FIELDS)                                                    \
			EACH_LANE(__VA_ARGS__; p[j] = end; APART(p[j]););                 \
		else                                                                      \
			EACH_LANE(__VA_ARGS__; LANE_PUT(kind); p[j] = end; APART(p[j]);); \
	} while (0)

/* Calls f(l, positions, ...), which may change them. */
#define WITH_PLACES(f, ...)                  \
	do {                                 \
		struct ENGINE(places) now;   \
		EACH_LANE(now.p[j] = p[j];); \
		f(l, &now, __VA_ARGS__);     \
		EACH_LANE(p[j] = now.p[j];); \
	} while (0)

/* Runs the lanes from their lines' starts on. A value that is none leaves its lane where it is,
 * lost. */
TARGET static always_inline void ENGINE(lanes_run)(struct scan *s, struct scan_piece *piece,
						   struct ENGINE(lanes) * l,
						   const char *const start[ENGINE(LANES)])
{
	const struct ENGINE(constants) k = ENGINE(constants)();
	const char *p[ENGINE(LANES)];
	EACH_LANE(p[j] = start[j];);
	for (;; piece++) {
		struct ENGINE(diff) diff = { 0 };
		const unsigned to = piece->field;
		unsigned rest = 0;
		EACH_LANE(diff = ENGINE(differ)(diff, p[j], piece); p[j] += piece->n; APART(p[j]););
		if (unlikely(ENGINE(differs)(diff, piece))) {
			WITH_PLACES(ENGINE(lanes_part), piece);
			if (l->lost == ENGINE(ALL))
				return;
		}
		switch (piece->kind) {
		case SCAN_TEXT:
			continue;
		case SCAN_STRING:
			EACH_VALUE(FIELD_STRING, LANE_STRING());
			break;
		case SCAN_LONG:
			EACH_VALUE(FIELD_STRING, LANE_LONG());
			break;
		case SCAN_NUMBER:
			EACH_VALUE(FIELD_NUMBER, LANE_NUMBER());
			break;
		case SCAN_SCALAR:
			EACH_LANE(p[j] = ENGINE(lane_scalar)(l, j, p[j], to););
			break;
		case SCAN_ARRAY:
			EACH_LANE(p[j] = ENGINE(lane_array)(l, j, p[j], piece, s););
			break;
		case SCAN_BEGIN:
			EACH_LANE(l->row[j][to].p = p[j];);
			break;
		case SCAN_END:
			EACH_LANE(struct field *f = &l->row[j][to];
				  f->n = (uint32_t)((uintptr_t)p[j] - (uintptr_t)f->p);
				  f->type = FIELD_OBJECT;);
			break;
		case SCAN_LAST:
			return;
		}
		if (unlikely(rest)) {
			WITH_PLACES(ENGINE(lanes_rest), rest, to);
			piece->kind = SCAN_LONG; /* from now on, wherever it was met once */
		}
		if (unlikely(l->lost != l->shadows)) {
			WITH_PLACES(ENGINE(lanes_part), NULL);
			if (l->lost == ENGINE(ALL))
				return;
		}
	}
}

/* Tries the lines todo[0..n) of the batch. Those that fit are done; the others stay in todo.
 * Returns their number. */
TARGET static unsigned ENGINE(run)(struct scan *s, const struct scan_program *program,
				   struct scan_batch *batch, uint8_t *todo, unsigned n)
{
	struct ENGINE(lanes) l;
	unsigned left = 0;
	for (unsigned i = 0; i < n; i += ENGINE(LANES)) {
		const char *start[ENGINE(LANES)];
		l.lost = l.shadows = 0;
		EACH_LANE(unsigned line = todo[i + j < n ? i + j : n - 1];
			  start[j] = batch->start[line];
			  l.row[j] = batch->field + line * s->width;);
		ENGINE(lanes_run)(s, program->piece, &l, start);
		for (unsigned lost = l.lost; unlikely(lost); lost &= lost - 1) {
			unsigned at = i + (unsigned)__builtin_ctz(lost);
			if (at < n) {
				memset(batch->field + todo[at] * s->width, 0,
				       s->width * sizeof(struct field));
				todo[left++] = todo[at];
			}
		}
	}
	return left;
}
