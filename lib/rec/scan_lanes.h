/* The learned order, run over lines: each engine includes this file behind scan_walk.h and has defined, besides the probes,
 *   ENGINE(plain_number)(k, p)       as ENGINE(number); only for what SCAN_NUMBER says: any other number may end too early or be none
 *   struct ENGINE(diff)              bits in which lines differ from what was learned
 *   ENGINE(differ)(diff, p, piece)   adds those of one piece of text at p (32 bytes are readable there)
 *   ENGINE(differs)(diff, piece)     whether there are any
 *
 * In one line every step waits for the one before it: where a string ends decides where the next text begins. So eight lines go in
 * step: the same piece is compared in all of them, then the same value is passed over, and the processor overlaps their waits.
 *
 * A lane stands in its own line always: no value holds a \n, and no text but the last one, whose end it is. One that does not fit is lost: it goes on as the shadow of one that does,
 * and what it finds goes to a row that nobody reads. So whether all fit is asked once for eight of them. */
#include "rec/scan_internal.h"

enum { ENGINE(LANES) = 8, ENGINE(ALL) = (1 << ENGINE(LANES)) - 1 };

/* What is seldom touched. Positions are not in here: they stay in registers as far as they fit. */
struct ENGINE(lanes) {
	struct field *row[ENGINE(LANES)];
	unsigned lost;                         /* set of lanes */
	unsigned shadows;                      /* those of them that are shadows already */
	unsigned escaped;                      /* the lanes whose string has a backslash */
	struct field nowhere[SCAN_FIELDS];
};

struct ENGINE(places) { const char *p[ENGINE(LANES)]; };

/* By hand, because of the registers, and because not every compiler unrolls such loops at every level. */
#define LANE(number, ...) do { enum { j = number }; __VA_ARGS__ } while (0)
#define LANES_4(first, ...) LANE(first, __VA_ARGS__); LANE(first + 1, __VA_ARGS__); LANE(first + 2, __VA_ARGS__); LANE(first + 3, __VA_ARGS__)
#define EACH_LANE(...) do { LANES_4(0, __VA_ARGS__); LANES_4(4, __VA_ARGS__); } while (0)

/* Makes the lost lanes shadows; where all are lost nobody looks at them any more. */
static __attribute__((noinline, cold)) void ENGINE(lanes_part)(struct ENGINE(lanes) *l, struct ENGINE(places) *at)
{
	unsigned lead = l->lost == ENGINE(ALL) ? 0 : (unsigned)__builtin_ctz(~l->lost);
	for (unsigned left = l->lost; left; left &= left - 1) {
		unsigned j = (unsigned)__builtin_ctz(left);
		at->p[j] = at->p[lead];
		l->row[j] = l->nowhere;
	}
	l->shadows = l->lost;
}

/* Loses the lanes that do not have the piece before them. */
TARGET static __attribute__((noinline, cold)) void ENGINE(lanes_differ)(struct ENGINE(lanes) *l, const struct ENGINE(places) *at, const struct scan_piece *piece)
{
	for (unsigned j = 0; j < ENGINE(LANES); j++) {
		struct ENGINE(diff) diff = ENGINE(differ)((struct ENGINE(diff)){ 0 }, at->p[j] - piece->n, piece);
		l->lost |= (unsigned)ENGINE(differs)(diff, piece) << j;
	}
}

/* A string that is not plain or longer than the probe. */
TARGET static __attribute__((noinline, cold)) const char *ENGINE(lane_rest)(struct ENGINE(lanes) *l, unsigned lane, const char *p, const char *at)
{
	struct scan_string string = ENGINE(string_rest)(p, at);
	l->escaped |= (unsigned)(string.type == FIELD_ESCAPED) << lane;
	l->lost |= (unsigned)!string.end << lane;
	return string.end ? string.end : p;
}

/* Any scalar: the kind differs from line to line. */
TARGET static __attribute__((noinline)) const char *ENGINE(lane_scalar)(struct ENGINE(lanes) *l, unsigned lane, const char *p, unsigned to)
{
	const struct ENGINE(constants) k = ENGINE(constants)();
	unsigned quote = *p == '"';
	struct scan_string value = quote ? ENGINE(string)(&k, p + 1)
	                         : (unsigned char)*p <= '9' ? (struct scan_string){ ENGINE(number)(&k, p), FIELD_NUMBER } : scan_word(p);
	l->lost |= (unsigned)!value.end << lane;
	if (!value.end)
		return p;
	p += quote;
	if (to < SCAN_FIELDS)
		l->row[lane][to] = (struct field){ p, (uint32_t)(value.end - p), value.type };
	return value.end + quote;
}

TARGET static __attribute__((noinline)) const char *ENGINE(lane_array)(struct ENGINE(lanes) *l, unsigned lane, const char *p, const struct scan_piece *piece, struct scan *s)
{
	const char *end = *p == '[' ? ENGINE(walk_array)(s, p, piece->depth) : NULL;
	l->lost |= (unsigned)!end << lane;
	if (end && piece->field < SCAN_FIELDS)
		l->row[lane][piece->field] = (struct field){ p, (uint32_t)(end - p), FIELD_ARRAY };
	return end ? end : p;
}

/* Each position in a register of its own: packed into vectors they would cost more than they save. */
#define APART(p) __asm__("" : "+r"(p))

#define LANE_STRING(probe) \
	const char *end = ENGINE(probe)(&k, p[j]); \
	if (unlikely(*end != '"')) \
		end = ENGINE(lane_rest)(l, j, p[j], end)

#define LANE_NUMBER() \
	const char *end = ENGINE(plain_number)(&k, p[j]); \
	if (unlikely(!end)) { \
		l->lost |= 1u << j; \
		end = p[j]; \
	}

#define LANE_PUT(kind) l->row[j][to] = (struct field){ p[j], (uint32_t)(end - p[j]), kind }

#define EACH_VALUE(kind, ...) do { \
	if (to == SCAN_FIELDS) \
		EACH_LANE(__VA_ARGS__; p[j] = end; APART(p[j]);); \
	else \
		EACH_LANE(__VA_ARGS__; LANE_PUT(kind); p[j] = end; APART(p[j]);); \
} while (0)

/* Runs the lanes from their lines' starts on. */
TARGET static always_inline void ENGINE(lanes_run)(struct scan *s, const struct scan_piece *piece, struct ENGINE(lanes) *l, const char *const start[ENGINE(LANES)])
{
	const struct ENGINE(constants) k = ENGINE(constants)();
	const char *p[ENGINE(LANES)];
	EACH_LANE(p[j] = start[j];);
	for (;; piece++) {
		struct ENGINE(diff) diff = { 0 };
		const unsigned to = piece->field;
		EACH_LANE(
			diff = ENGINE(differ)(diff, p[j], piece);
			p[j] += piece->n;
			APART(p[j]);
		);
		if (unlikely(ENGINE(differs)(diff, piece))) {
			struct ENGINE(places) now;
			EACH_LANE(now.p[j] = p[j];);
			ENGINE(lanes_differ)(l, &now, piece);
			ENGINE(lanes_part)(l, &now);
			if (l->lost == ENGINE(ALL))
				return;
			EACH_LANE(p[j] = now.p[j];);
		}
		switch (piece->kind) {
		case SCAN_TEXT:
			continue;
		case SCAN_STRING:
			EACH_VALUE(FIELD_STRING, LANE_STRING(plain));
			break;
		case SCAN_LONG:
			EACH_VALUE(FIELD_STRING, LANE_STRING(long_plain));
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
		case SCAN_LAST:
			return;
		}
		for (; unlikely(l->escaped); l->escaped &= l->escaped - 1)
			if (to < SCAN_FIELDS)
				l->row[__builtin_ctz(l->escaped)][to].type = FIELD_ESCAPED;
		if (unlikely(l->lost != l->shadows)) {
			struct ENGINE(places) now;
			EACH_LANE(now.p[j] = p[j];);
			ENGINE(lanes_part)(l, &now);
			if (l->lost == ENGINE(ALL))
				return;
			EACH_LANE(p[j] = now.p[j];);
		}
	}
}

/* Tries the lines todo[0..n) of the batch. Those that fit are done; the others stay in todo. Returns their number. */
TARGET static unsigned ENGINE(run)(struct scan *s, const struct scan_program *program, struct scan_batch *batch, uint8_t *todo, unsigned n)
{
	struct ENGINE(lanes) l;
	unsigned left = 0;
	for (unsigned i = 0; i < n; i += ENGINE(LANES)) {
		const char *start[ENGINE(LANES)];
		unsigned lost;
		l.lost = l.shadows = l.escaped = 0;
		EACH_LANE(
			unsigned line = todo[i + j < n ? i + j : n - 1];
			start[j] = batch->start[line];
			l.row[j] = batch->field + line * s->width;
		);
		ENGINE(lanes_run)(s, program->piece, &l, start);
		for (lost = l.lost; unlikely(lost); lost &= lost - 1) {
			unsigned at = i + (unsigned)__builtin_ctz(lost);
			if (at < n) {
				memset(batch->field + todo[at] * s->width, 0, s->width * sizeof(struct field));
				todo[left++] = todo[at];
			}
		}
	}
	return left;
}
