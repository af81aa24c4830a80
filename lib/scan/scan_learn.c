/* The learned order: events of one producer have the same members in the same order.
 *
 *   line      {"ts":"2026-11-20T15:00:00Z","status":200,"tags":["a","b"]}
 *   texts      {"ts":   ,"status":   ,"tags":   }           what every line has in common
 *   kinds        string   number      array
 *
 * A line that consists of the same texts with valid values of those kinds between them has the
 * same tokens as the line that they come from, which the walker found valid: so it is valid, and
 * its members, nesting and equal names are the same. Which value stands for which field is known
 * from that line too. A program is this in pieces of at most 32 bytes, so that one is compared
 * with one vector; the quotes of strings are part of the texts around them, and the line's \n of
 * the last one.
 *
 * Two lines that differ in kinds only make one program in which these values are "any scalar".
 * An object is part of the texts (its members are learned), an array is one value: lists differ
 * in length. Where a field wants an object, two values of no bytes stand around it.
 *
 * A few programs are kept, the most useful first. Where order does not repeat, learning costs
 * more than it gives: then it pauses, longer each time. */
#include "scan/scan_internal.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	LEARN_LINE_BYTES = 16 << 10,
	LEARN_TEXT_BYTES = 4 << 10,
	LEARN_VALUES = 192,
	LEARN_DEPTH = 64,       /* objects open */
	LEARN_PAUSE_MAX = 1024, /* batches */
	TRIES_A_BATCH = 4,
	/* fewer are walked: a program runs eight lanes, used or not */
	FEW_LINES = 3,
	/* a string of so many bytes is taken for one that is mostly longer than a first probe */
	LONG_BYTES = 28,
};

/* ---- a line taken apart */

static const char *string_end(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

static const char *array_end(const char *p)
{
	unsigned depth = 0;
	for (;;) {
		if (*p == '"') {
			p = string_end(p);
			continue;
		}
		depth += *p == '[' || *p == '{';
		depth -= *p == ']' || *p == '}';
		p++;
		if (depth == 0)
			return p;
	}
}

static bool is_string(enum scan_kind kind)
{
	return kind == SCAN_STRING || kind == SCAN_LONG;
}

static bool is_plain(const char *p, const char *end)
{
	return *p != '-' && end - p <= 14 && !memchr(p, 'e', (size_t)(end - p)) &&
	       !memchr(p, 'E', (size_t)(end - p));
}

static bool is_name(const char *behind)
{
	while (*behind == ' ' || *behind == '\t' || *behind == '\r')
		behind++;
	return *behind == ':';
}

/* The field that has the value at p; SCAN_FIELDS: none. */
static unsigned field_at(const struct scan *s, const struct field *row, const char *p)
{
	for (unsigned i = 0; i < s->width; i++)
		if (row[i].p == p && row[i].type != FIELD_MISSING)
			return i;
	return SCAN_FIELDS;
}

static bool add_value(struct scan_sketch *k, const char **text, const char *p, enum scan_kind kind,
		      unsigned field, unsigned depth)
{
	size_t n = (size_t)(p - *text);
	if (k->n == k->cap || k->text.n + n > LEARN_TEXT_BYTES)
		return false;
	buf_add(&k->text, *text, n);
	k->value[k->n++] = (struct scan_value){ (uint32_t)n, (uint8_t)kind, (uint8_t)field,
						(uint16_t)depth };
	return true;
}

/* The bracket of an object at p. */
static bool sketch_bracket(struct scan_sketch *k, const struct scan *s, const char **text,
			   const char *p, const struct field *row, uint8_t *wanted, unsigned *depth)
{
	bool opens = *p == '{';
	unsigned field;

	if (opens && *depth == LEARN_DEPTH)
		return false;
	if (opens)
		wanted[(*depth)++] = (uint8_t)field_at(s, row, p);
	field = wanted[opens ? *depth - 1 : --*depth];
	if (field == SCAN_FIELDS)
		return true;
	p += !opens;
	if (!add_value(k, text, p, opens ? SCAN_BEGIN : SCAN_END, field, *depth))
		return false;
	*text = p;
	return true;
}

/* A valid line and its fields -> texts and values. False: not to be learned. */
static bool pattern_sketch(struct scan_sketch *k, const struct scan *s, const char *p,
			   const char *end, const struct field *row)
{
	const char *text = p;
	uint8_t wanted[LEARN_DEPTH]; /* the field of each open object */
	unsigned depth = 0;
	while (p < end) {
		enum scan_kind kind;
		const char *behind;
		if (*p == '{' || *p == '}') {
			if (!sketch_bracket(k, s, &text, p++, row, wanted, &depth))
				return false;
			continue;
		}
		if (*p == '"') {
			behind = string_end(p);
			kind = behind - p < LONG_BYTES ? SCAN_STRING : SCAN_LONG;
			if (is_name(behind)) {
				p = behind;
				continue;
			}
		} else if (*p == '-' || (*p >= '0' && *p <= '9')) {
			behind = scan_number(p);
			kind = is_plain(p, behind) ? SCAN_NUMBER : SCAN_SCALAR;
		} else if (*p == '[') {
			behind = array_end(p);
			kind = SCAN_ARRAY;
		} else if (*p >= 'a' && *p <= 'z') {
			behind = scan_word(p).end;
			kind = SCAN_SCALAR;
		} else {
			p++;
			continue;
		}
		if (!add_value(k, &text, p, kind, field_at(s, row, p + (*p == '"')), depth))
			return false;
		text = p = behind;
	}
	return add_value(k, &text, end, SCAN_LAST, SCAN_FIELDS, 0);
}

/* ---- programs */

static void add_pieces(struct scan_program *g, const struct buf *text,
		       const struct scan_value *value)
{
	for (size_t at = 0; at < text->n || at == 0; at += SCAN_PIECE) {
		size_t n = text->n - at < SCAN_PIECE ? text->n - at : SCAN_PIECE;
		mem_reserve(&g->piece, &g->cap, g->n + 1, sizeof(*g->piece));
		struct scan_piece *piece = &g->piece[g->n++];
		*piece = (struct scan_piece){ .n = (uint32_t)n,
					      .kind = SCAN_TEXT,
					      .field = SCAN_FIELDS };
		memcpy(piece->text, text->p + at, n);
		memset(piece->mask, 0xff, n);
	}
	struct scan_piece *last = &g->piece[g->n - 1];
	last->kind = value->kind;
	last->field = value->field;
	last->depth = value->depth;
}

static void compile(struct scan_program *g)
{
	struct buf text = { 0 };
	const char *p = g->sketch.text.p;
	bool quoted = false;
	g->n = 0;
	for (size_t i = 0; i < g->sketch.n; i++) {
		const struct scan_value *value = &g->sketch.value[i];
		text.n = 0;
		if (quoted)
			buf_addc(&text, '"');
		buf_add(&text, p, value->n);
		p += value->n;
		quoted = is_string(value->kind);
		if (quoted)
			buf_addc(&text, '"');
		if (value->kind == SCAN_LAST)
			buf_addc(&text, '\n');
		add_pieces(g, &text, value);
	}
	buf_fini(&text);
}

/* One kind for two values; SCAN_TEXT: there is none. */
static enum scan_kind kind_of_both(enum scan_kind a, enum scan_kind b)
{
	if (a == b)
		return a;
	if (is_string(a) && is_string(b))
		return SCAN_LONG;
	return a >= SCAN_ARRAY || b >= SCAN_ARRAY ? SCAN_TEXT : SCAN_SCALAR;
}

/* Widens g to what k has too; false where their texts differ. */
static bool merge_patterns(struct scan_program *g, const struct scan_sketch *k)
{
	if (g->sketch.n != k->n || !slice_eq(buf_slice(&g->sketch.text), buf_slice(&k->text)))
		return false;
	for (size_t i = 0; i < k->n; i++) {
		const struct scan_value *a = &g->sketch.value[i], *b = &k->value[i];
		if (a->n != b->n || kind_of_both(a->kind, b->kind) == SCAN_TEXT)
			return false;
	}
	for (size_t i = 0; i < k->n; i++)
		g->sketch.value[i].kind = (uint8_t)kind_of_both(g->sketch.value[i].kind,
								k->value[i].kind);
	return true;
}

static struct scan_program *program_for(struct scan_learned *l, const struct scan_sketch *k)
{
	for (unsigned i = 0; i < l->n; i++)
		if (merge_patterns(&l->program[i], k))
			return &l->program[i];
	struct scan_program *g = &l->program[l->n < SCAN_PROGRAMS ? l->n++ : SCAN_PROGRAMS - 1];
	g->score = 0;
	g->sketch.text.n = 0;
	buf_adds(&g->sketch.text, buf_slice(&k->text));
	mem_reserve(&g->sketch.value, &g->sketch.cap, k->n, sizeof(*k->value));
	memcpy(g->sketch.value, k->value, k->n * sizeof(*k->value));
	g->sketch.n = k->n;
	return g;
}

static bool has_arrays(const struct scan_sketch *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->value[i].kind == SCAN_ARRAY)
			return true;
	return false;
}

static struct scan_program *learn_pattern(struct scan *s, const char *p, size_t n,
					  const struct field *row)
{
	struct scan_value values[LEARN_VALUES];
	struct scan_sketch *k = &s->learned.sketch;
	k->value = values;
	k->cap = LEARN_VALUES;
	k->n = k->text.n = 0;
	bool good = n <= LEARN_LINE_BYTES && pattern_sketch(k, s, p, p + n, row);
	struct scan_program *g = good ? program_for(&s->learned, k) : NULL;
	if (g) {
		compile(g);
		g->vouched = s->vouch && !has_arrays(k) && s->vouch(slice(p, n));
	}
	k->value = NULL;
	if (!g)
		s->learned.tried += SCAN_BATCH; /* as if a program had fitted nothing */
	return g;
}

/* ---- the batch */

static uint64_t set_of(const uint8_t *lines, unsigned n)
{
	uint64_t set = 0;
	for (unsigned i = 0; i < n; i++)
		set |= UINT64_C(1) << lines[i];
	return set;
}

/* Runs g over todo, counts what it gives, and moves it up if it gives more than the one before.
 * Returns how many lines are left. */
static unsigned run_pattern(struct scan *s, struct scan_program *g, struct scan_batch *b,
			    uint8_t *todo, unsigned n)
{
	struct scan_learned *l = &s->learned;
	uint64_t before = g->vouched ? set_of(todo, n) : 0;
	unsigned left = s->ops->run(s, g, b, todo, n);
	if (g->vouched)
		b->vouched |= before & ~set_of(todo, left);
	l->tried += n;
	l->fitted += n - left;
	g->score = (g->score * 7 + (n - left) * 8) / 8;
	if (g > l->program && g->score > g[-1].score) {
		struct scan_program other = g[-1];
		g[-1] = *g;
		*g = other;
	}
	return left;
}

/* What a try costs against what it saves: about one to three. Below that the programs go and
 * learning pauses. */
static void weigh(struct scan_learned *l)
{
	if (l->tried >= 4 * SCAN_BATCH) {
		if (l->fitted * 3 < l->tried) {
			l->n = 0;
			l->pause = l->pause_next;
			l->pause_next = l->pause_next * 2 < LEARN_PAUSE_MAX ? l->pause_next * 2
									    : LEARN_PAUSE_MAX;
		} else {
			l->pause_next = 1;
		}
		l->tried = l->fitted = 0;
	}
}

/* Walks the last line of todo, learns from it, and tries the rest. Returns how many lines are
 * left. */
static unsigned walk_and_learn(struct scan *s, struct scan_batch *b, uint8_t *todo, unsigned n)
{
	unsigned line = todo[--n];
	if (scan_walk(s, b, line) != SCAN_OK)
		return n;
	struct scan_program *g = learn_pattern(s, b->start[line], b->length[line],
					       b->field + line * s->width);
	return g && n >= FEW_LINES ? run_pattern(s, g, b, todo, n) : n;
}

void scan_learned_lines(struct scan *s, struct scan_batch *b)
{
	struct scan_learned *l = &s->learned;
	uint8_t todo[SCAN_BATCH];
	unsigned n = b->lines, tries = l->pause ? 0 : TRIES_A_BATCH;
	l->pause -= l->pause > 0;
	for (unsigned i = 0; i < n; i++)
		todo[i] = (uint8_t)i;
	for (unsigned i = 0; i < l->n && n >= FEW_LINES; i++)
		n = run_pattern(s, &l->program[i], b, todo, n);
	for (; tries > 0 && n >= FEW_LINES && n * 8 >= b->lines; tries--)
		n = walk_and_learn(s, b, todo, n);
	for (unsigned i = 0; i < n; i++)
		scan_walk(s, b, todo[i]);
	weigh(l);
}

void scan_forget(struct scan *s)
{
	struct scan_learned *l = &s->learned;
	l->n = l->pause = l->tried = l->fitted = 0;
	l->pause_next = 1;
}

void scan_learned_fini(struct scan *s)
{
	for (unsigned i = 0; i < SCAN_PROGRAMS; i++) {
		free(s->learned.program[i].piece);
		free(s->learned.program[i].sketch.value);
		buf_fini(&s->learned.program[i].sketch.text);
	}
	buf_fini(&s->learned.sketch.text);
}
