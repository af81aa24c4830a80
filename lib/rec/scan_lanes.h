/* The learned order, run over lines: each engine includes this file behind scan_walk.h and has defined, besides the probes,
 *   ENGINE(long_string)(k, p)        as ENGINE(string), for strings that are mostly longer than its first probe
 *   ENGINE(plain_number)(k, p)       as ENGINE(number); only for what SCAN_NUMBER says: any other number may end too early or be none
 *   struct ENGINE(diff)              bits in which a line differs from what was learned
 *   ENGINE(differ)(diff, p, piece)   adds those of one piece of text at p (32 bytes are readable there)
 *   ENGINE(differs)(diff)            whether there are any
 *
 * In one line every step waits for the one before it: where a string ends decides where the next text begins. So eight lines go in
 * step: the same piece is compared in all of them, then the same value is passed over, and the processor overlaps their waits.
 *
 * A line that differs goes on to the end of the program with positions that mean nothing. It may come into the lines behind it, never past the \n
 * of the batch's last line: positions are cut there (`limit`), and no value holds a \n. It cannot come back to fit: the difference is kept, and a
 * value that is none moves it to `limit`, where no text fits. */
#include "rec/scan_internal.h"

enum { ENGINE(LANES) = 8 };

struct ENGINE(lanes) {
	const char *p[ENGINE(LANES)], *end[ENGINE(LANES)];     /* end: behind the value that begins at p */
	struct field *row[ENGINE(LANES)];
	struct ENGINE(diff) diff[ENGINE(LANES)];
	const char *limit;
	struct ENGINE(constants) k;
	unsigned escaped;                      /* set of the lanes whose string has a backslash */
};

/* By hand: positions must live in registers as far as they fit, and not every compiler unrolls such loops at every level. */
#define LANE(number, ...) do { enum { j = number }; __VA_ARGS__ } while (0)
#define LANES_4(first, ...) LANE(first, __VA_ARGS__); LANE(first + 1, __VA_ARGS__); LANE(first + 2, __VA_ARGS__); LANE(first + 3, __VA_ARGS__)
#define EACH_LANE(...) do { LANES_4(0, __VA_ARGS__); LANES_4(4, __VA_ARGS__); } while (0)

TARGET static always_inline struct scan_string ENGINE(lane_scalar)(const struct ENGINE(constants) *k, const char *p)
{
	if (*p == '"')
		return ENGINE(string)(k, p + 1);
	if ((unsigned char)*p <= '9')
		return (struct scan_string){ ENGINE(number)(k, p), FIELD_NUMBER };
	return scan_word(p);
}

/* Any scalar: the kind differs from line to line. */
TARGET static always_inline void ENGINE(lanes_scalar)(struct ENGINE(lanes) *l, const struct scan_piece *piece)
{
	EACH_LANE(
		struct scan_string value = ENGINE(lane_scalar)(&l->k, l->p[j]);
		unsigned quote = *l->p[j] == '"';
		if (value.end && piece->field < SCAN_FIELDS) {
			const char *p = l->p[j] + quote;
			l->row[j][piece->field] = (struct field){ p, (uint32_t)(value.end - p), value.type };
		}
		l->p[j] = value.end ? value.end + quote : l->limit;
	);
}

TARGET static always_inline void ENGINE(lanes_put)(struct ENGINE(lanes) *l, const struct scan_piece *piece, uint32_t type)
{
	if (piece->field < SCAN_FIELDS) {
		EACH_LANE(
			uint32_t n = (uint32_t)(l->end[j] - l->p[j]);
			l->row[j][piece->field] = (struct field){ l->p[j], n, type + (l->escaped >> j & 1) };
		);
	}
	EACH_LANE(l->p[j] = l->end[j];);
}

TARGET static always_inline void ENGINE(lanes_string)(struct ENGINE(lanes) *l, const struct scan_piece *piece, bool is_long)
{
	EACH_LANE(
		struct scan_string string = is_long ? ENGINE(long_string)(&l->k, l->p[j]) : ENGINE(string)(&l->k, l->p[j]);
		l->end[j] = likely(string.end) ? string.end : l->limit;
		l->escaped |= (string.type - FIELD_STRING) << j;
	);
	ENGINE(lanes_put)(l, piece, FIELD_STRING);
	l->escaped = 0;
}

TARGET static always_inline void ENGINE(lanes_number)(struct ENGINE(lanes) *l, const struct scan_piece *piece)
{
	EACH_LANE(
		const char *end = ENGINE(plain_number)(&l->k, l->p[j]);
		l->end[j] = likely(end) ? end : l->limit;
	);
	ENGINE(lanes_put)(l, piece, FIELD_NUMBER);
}

TARGET static always_inline void ENGINE(lanes_array)(struct ENGINE(lanes) *l, const struct scan_piece *piece, struct scan *s)
{
	EACH_LANE(
		const char *end = *l->p[j] == '[' ? ENGINE(walk_array)(s, l->p[j], piece->depth) : NULL;
		l->end[j] = likely(end) ? end : l->limit;
	);
	ENGINE(lanes_put)(l, piece, FIELD_ARRAY);
}

TARGET static always_inline void ENGINE(lanes_text)(struct ENGINE(lanes) *l, const struct scan_piece *piece)
{
	EACH_LANE(
		const char *p = l->p[j] + piece->n;
		l->diff[j] = ENGINE(differ)(l->diff[j], l->p[j], piece);
		l->p[j] = p < l->limit ? p : l->limit;
	);
}

TARGET static always_inline void ENGINE(lanes_run)(struct scan *s, const struct scan_piece *piece, struct ENGINE(lanes) *l)
{
	for (;; piece++) {
		ENGINE(lanes_text)(l, piece);
		switch (piece->kind) {
		case SCAN_TEXT:
			break;
		case SCAN_STRING:
			ENGINE(lanes_string)(l, piece, false);
			break;
		case SCAN_LONG:
			ENGINE(lanes_string)(l, piece, true);
			break;
		case SCAN_NUMBER:
			ENGINE(lanes_number)(l, piece);
			break;
		case SCAN_SCALAR:
			ENGINE(lanes_scalar)(l, piece);
			break;
		case SCAN_ARRAY:
			ENGINE(lanes_array)(l, piece, s);
			break;
		case SCAN_LAST:
			return;
		}
	}
}

/* Tries the lines todo[0..n) of the batch. Those that fit are done; the others stay in todo. Returns their number. */
TARGET static unsigned ENGINE(run)(struct scan *s, const struct scan_program *program, struct scan_batch *batch, uint8_t *todo, unsigned n)
{
	const char *limit = batch->start[batch->lines - 1] + batch->length[batch->lines - 1];
	const size_t row_bytes = s->width * sizeof(struct field);
	const struct ENGINE(constants) k = ENGINE(constants)();
	unsigned left = 0;
	for (unsigned i = 0; i < n; i += ENGINE(LANES)) {
		struct ENGINE(lanes) l;
		unsigned line[ENGINE(LANES)];
		l.limit = limit;
		l.k = k;
		l.escaped = 0;
		EACH_LANE(
			line[j] = todo[i + j < n ? i + j : n - 1];
			l.p[j] = batch->start[line[j]];
			l.row[j] = batch->field + line[j] * s->width;
			l.diff[j] = (struct ENGINE(diff)){ 0 };
		);
		ENGINE(lanes_run)(s, program->piece, &l);
		EACH_LANE(
			batch->status[line[j]] = SCAN_OK;
			if (unlikely(ENGINE(differs)(l.diff[j]) || l.p[j] != batch->start[line[j]] + batch->length[line[j]]) && i + j < n) {
				memset(l.row[j], 0, row_bytes);
				todo[left++] = (uint8_t)line[j];
			}
		);
	}
	return left;
}
