/* Rules out of a line. The line is cut into pieces at commas and at the words that begin a part,
 * where these stand outside of quotes and brackets:
 *
 *	errors=count if .status >= 500, p99(latency_ms) by endpoint, status every 1m where .ok
 *	|------------------------------------------------| |----------------| |------| |------|
 *	measures, each with its condition                  dimensions          window   condition
 *
 * Conditions are cut out as texts; a word inside of one that begins a part (a jq program may say
 * anything) has to stand in brackets. */
#include "agg/rule_internal.h"

#include "json/path.h"
#include "row/columns.h"

enum word {
	WORD_END,
	WORD_COMMA,
	WORD_IF,
	WORD_BY,
	WORD_EVERY,
	WORD_SLIDE,
	WORD_GAP,
	WORD_MAX,
	WORD_WHERE,
	WORDS
};

static const char *const words[WORDS] = { "",      ",",   "if",  "by",   "every",
					  "slide", "gap", "max", "where" };

struct line_reader {
	struct arena *arena;
	struct slice text;
	size_t at;     /* of the piece that comes next */
	size_t begins; /* of the last piece */
	struct err *err;
};

static int fail_line(struct line_reader *r, const char *reason)
{
	return err_set(r->err, EX_USAGE, "byte %zu: %s", r->begins + 1, reason);
}

static int place_line(struct line_reader *r)
{
	return err_in(r->err, "byte %zu", r->begins + 1);
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '$' || c == '@';
}

/* The word of `stops` (a set of bits) that stands at i; WORD_END: none does. */
static enum word word_at(struct slice text, size_t i, unsigned stops)
{
	size_t n = i;

	if (i > 0 && is_word_char(text.p[i - 1]))
		return WORD_END;
	while (n < text.n && is_word_char(text.p[n]))
		n++;
	for (unsigned w = WORD_IF; w < WORDS; w++)
		if (stops >> w & 1 && slice_is(slice(text.p + i, n - i), words[w]))
			return (enum word)w;
	return WORD_END;
}

static struct slice trim_piece(struct slice s)
{
	for (; s.n && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n'); s.p++)
		s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

/* The text up to the next comma or word of `stops` outside of quotes and brackets, trimmed; the
 * reader stands behind that word then. */
static enum word cut_piece(struct line_reader *r, unsigned stops, struct slice *piece)
{
	size_t i = r->at, start = r->at;
	int depth = 0;
	bool quoted = false;
	enum word found = WORD_END;

	for (; i < r->text.n && !found; i++) {
		char c = r->text.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '(' || c == '[' || c == '{'))
			depth++;
		else if (!quoted && (c == ')' || c == ']' || c == '}'))
			depth--;
		else if (!quoted && depth == 0 && c == ',' && stops >> WORD_COMMA & 1)
			found = WORD_COMMA;
		else if (!quoted && depth == 0)
			found = word_at(r->text, i, stops);
	}
	i = found ? i - 1 : r->text.n;
	r->at = found ? i + strlen(words[found]) : i;
	*piece = trim_piece(slice(r->text.p + start, i - start));
	r->begins = piece->n ? (size_t)(piece->p - r->text.p) : start;
	return found;
}

#define STOPS(...) stops_of((const enum word[]){ __VA_ARGS__, WORD_END })
static unsigned stops_of(const enum word *w)
{
	unsigned set = 0;

	for (; *w; w++)
		set |= 1u << *w;
	return set;
}

/* ---- pieces */

static int take_line_path(struct line_reader *r, struct slice piece, struct slice *out)
{
	struct path p;

	if (path_parse(&p, piece, r->err))
		return place_line(r);
	path_fini(&p);
	*out = arena_copy(r->arena, piece);
	return 0;
}

/* What stands between the brackets of an operation. */
static int take_args(struct line_reader *r, struct slice args, struct rule_measure *m)
{
	struct line_reader inner = { r->arena, args, 0, 0, r->err };
	const struct rule_op *op = rule_op_find(m->op);
	enum word end = WORD_COMMA;

	for (unsigned i = 0; end == WORD_COMMA; i++) {
		struct slice piece;
		dec number;

		end = cut_piece(&inner, STOPS(WORD_COMMA), &piece);
		if (i == 0 && end == WORD_END && piece.n == 0 && op->needs & RULE_OP_NO_PATH)
			return 0;
		if (i == 0 || (i == 1 && op->needs & RULE_OP_BY)) {
			if (take_line_path(r, piece, i ? &m->by : &m->path))
				return -1;
			continue;
		}
		if (dec_parse(piece, &number) != DEC_OK)
			return fail_line(r, op->needs & (RULE_OP_QUANTILES | RULE_OP_BOUNDS)
						    ? "a number of at most nine decimals is "
						      "expected behind the path"
						    : "too many arguments");
		m->arg = rule_grow(r->arena, m->arg, m->args, sizeof(*m->arg));
		m->arg[m->args++] = number;
	}
	return 0;
}

/* [NAME =] count | [NAME =] OP(PATH, ..) */
static int take_operation(struct line_reader *r, struct slice text, struct rule_measure *m)
{
	const char *open = text.n ? memchr(text.p, '(', text.n) : NULL;
	struct slice head = slice(text.p, open ? (size_t)(open - text.p) : text.n);
	const char *equals = head.n ? memchr(head.p, '=', head.n) : NULL;

	if (equals) {
		m->name = trim_piece(slice(head.p, (size_t)(equals - head.p)));
		if (!measure_name_ok(m->name))
			return fail_line(r, "a measure's name has 1 to 63 letters, digits and "
					    "underscores, and no digit first");
		m->name = arena_copy(r->arena, m->name);
		head = slice(equals + 1, (size_t)(head.p + head.n - equals - 1));
	}
	m->op = arena_copy(r->arena, trim_piece(head));
	if (!m->op.n || memchr(m->op.p, ' ', m->op.n))
		return fail_line(r, "a measure is expected: count, or OPERATION(PATH) such as "
				    "avg(latency_ms)");
	if (!rule_op_find(m->op)) {
		rule_op_unknown(m->op, EX_USAGE, r->err);
		return place_line(r);
	}
	if (open && text.p[text.n - 1] != ')')
		return fail_line(r, "\")\" is missing behind the path");
	if (open && take_args(r, slice(open + 1, (size_t)(text.p + text.n - open - 2)), m))
		return -1;
	return rule_measure_check(m, EX_USAGE, r->err) ? place_line(r) : 0;
}

/* A measure and its condition; *end: the word behind it. */
static int take_line_measure(struct line_reader *r, unsigned stops, struct rule_measure *m,
			     enum word *end)
{
	struct slice piece;

	*end = cut_piece(r, stops | STOPS(WORD_IF), &piece);
	if (take_operation(r, piece, m))
		return -1;
	if (*end != WORD_IF)
		return 0;
	*end = cut_piece(r, stops, &piece);
	if (!piece.n)
		return fail_line(r, "a condition is expected behind \"if\"");
	m->where = arena_copy(r->arena, piece);
	return 0;
}

int rule_measure_parse(struct arena *a, struct slice text, struct rule_measure *out,
		       struct err *err)
{
	struct line_reader r = { a, text, 0, 0, err };
	enum word end;

	*out = (struct rule_measure){ 0 };
	return take_line_measure(&r, 0, out, &end);
}

/* ---- the line */

#define PARTS STOPS(WORD_BY, WORD_EVERY, WORD_GAP, WORD_WHERE)

static int take_line_duration(struct line_reader *r, unsigned stops, int64_t *us, enum word *end)
{
	struct slice piece;

	if (*us)
		return fail_line(r, "a duration stands here twice");
	*end = cut_piece(r, stops, &piece);
	return rule_duration(piece, us, EX_USAGE, r->err) ? place_line(r) : 0;
}

static int take_part(struct line_reader *r, struct rule *rule, enum word *word)
{
	struct slice piece;

	switch (*word) {
	case WORD_BY:
		do {
			rule->dim = rule_grow(r->arena, rule->dim, rule->dims, sizeof(*rule->dim));
			*word = cut_piece(r, PARTS | STOPS(WORD_COMMA), &piece);
			if (take_line_path(r, piece, &rule->dim[rule->dims++].path))
				return -1;
		} while (*word == WORD_COMMA);
		return 0;
	case WORD_EVERY:
		if (take_line_duration(r, PARTS | STOPS(WORD_SLIDE), &rule->window.size_us, word))
			return -1;
		return *word == WORD_SLIDE
			       ? take_line_duration(r, PARTS, &rule->window.slide_us, word)
			       : 0;
	case WORD_GAP:
		if (take_line_duration(r, PARTS | STOPS(WORD_MAX), &rule->window.gap_us, word))
			return -1;
		return *word == WORD_MAX
			       ? take_line_duration(r, PARTS, &rule->window.length_us, word)
			       : 0;
	default:
		if (rule->where.p)
			return fail_line(r, "\"where\" stands here twice");
		*word = cut_piece(r, PARTS, &piece);
		if (!piece.n)
			return fail_line(r, "a condition is expected behind \"where\"");
		rule->where = arena_copy(r->arena, piece);
		return 0;
	}
}

static int take_line(struct line_reader *r, struct rule *rule)
{
	enum word word = WORD_COMMA;

	while (word == WORD_COMMA) {
		rule->measure = rule_grow(r->arena, rule->measure, rule->measures,
					  sizeof(*rule->measure));
		if (take_line_measure(r, PARTS | STOPS(WORD_COMMA),
				      &rule->measure[rule->measures++], &word))
			return -1;
	}
	while (word != WORD_END)
		if (take_part(r, rule, &word))
			return -1;
	return rule_window_check(&rule->window, EX_USAGE, r->err) ||
			       rule_names_check(rule, EX_USAGE, r->err)
		       ? -1
		       : 0;
}

int rules_add_line(struct rules *r, struct slice text, struct err *err)
{
	struct line_reader reader = { &r->arena, text, 0, 0, err };

	if (take_line(&reader, rules_add(r)) == 0)
		return 0;
	r->n--;
	return -1;
}
