/* Values against literals, in loops over one kind of value.
 *
 * Texts: most are found different by their length, all others by two words of eight bytes, the
 * first and the last; only what is longer than both has a memcmp.
 *
 * Numbers: up to eight digits are a word that orders as they do. Others become decimals as they do
 * elsewhere (value.h); where a decimal is not all of the number, or of the literal, their texts
 * are compared.
 *
 * A list of a few values is asked value by value, a long one by its order. */
#include "scan/predicate_internal.h"

#include "scan/scan_internal.h"

enum { FEW = 8 };

static bool few_listed(const struct predicate_node *node)
{
	return node->kind == NODE_IN && node->n <= FEW;
}

/* ---- texts ---- */

static always_inline bool head_is(const struct predicate_literal *l, const char *p)
{
	return ((scan_load(p) ^ l->head) & l->head_mask) == 0;
}

static always_inline bool tail_is(const struct predicate_literal *l, const char *end)
{
	return ((scan_load(end - 8) ^ l->tail) & l->tail_mask) == 0;
}

/* The literal is at p. Its head and tail were found equal. */
static always_inline bool middle_is(const struct predicate_literal *l, const char *p)
{
	return l->text.n <= 16 || memcmp(p + 8, l->text.p + 8, l->text.n - 16) == 0;
}

static always_inline bool literal_at(const struct predicate_literal *l, const char *p)
{
	return head_is(l, p) && tail_is(l, p + l->text.n) && middle_is(l, p);
}

static unsigned relation_of(int order)
{
	return order < 0 ? LESS : order > 0 ? MORE : EQUAL;
}

static uint64_t related(unsigned relation, uint64_t less, uint64_t more, uint64_t lines)
{
	uint64_t set = relation & LESS ? less : 0;
	set |= relation & MORE ? more : 0;
	return relation & EQUAL ? set | (lines & ~(less | more)) : set;
}

static bool is_listed(const struct predicate *p, const struct predicate_node *node,
		      const struct predicate_literal *value)
{
	size_t low = 0, high = node->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = predicate_literal_cmp(value, &p->literal[node->literal + middle]);
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* s: 8 readable bytes around it. */
static always_inline bool text_holds(const struct predicate *p, const struct predicate_node *node,
				     struct slice s)
{
	const struct predicate_literal *l = &p->literal[node->literal];
	bool fits = s.n >= l->text.n;
	switch (node->kind) {
	case NODE_STARTS:
		return fits && literal_at(l, s.p);
	case NODE_ENDS:
		return fits && literal_at(l, s.p + s.n - l->text.n);
	case NODE_IN:
		return is_listed(p, node,
				 &(struct predicate_literal){ .class = CLASS_STRING, .text = s });
	default:
		return node->relation & relation_of(slice_cmp(s, l->text));
	}
}

/* Equal or not: a loop of its own, without branches on what nothing foretells. */
static uint64_t equal_texts(const struct predicate_literal *l, struct value_column c,
			    uint64_t lines)
{
	uint64_t equal = 0;
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		bool same = (f->n == l->text.n) & head_is(l, f->p) & tail_is(l, f->p + f->n);
		if (same && l->text.n > 16)
			same = middle_is(l, f->p);
		equal |= (uint64_t)same << i;
	}
	return equal;
}

/* Before or behind: by the first eight bytes, which mostly differ. Shorter texts are filled up with
 * zeros; equal ones are compared as a whole. */
static uint64_t ordered_texts(const struct predicate_literal *l, unsigned relation,
			      struct value_column c, uint64_t lines)
{
	uint64_t less = 0, more = 0, head = __builtin_bswap64(l->head);
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		uint64_t mask = f->n < 8 ? (UINT64_C(1) << 8 * f->n) - 1 : UINT64_MAX;
		uint64_t value = __builtin_bswap64(scan_load(f->p) & mask);
		int order = (value > head) - (value < head);
		if (order == 0)
			order = slice_cmp(slice(f->p, f->n), l->text);
		less |= (uint64_t)(order < 0) << i;
		more |= (uint64_t)(order > 0) << i;
	}
	return related(relation, less, more, lines);
}

static uint64_t plain_texts(const struct predicate *p, const struct predicate_node *node,
			    struct value_column c, uint64_t lines)
{
	const struct predicate_literal *l = &p->literal[node->literal];
	uint64_t holds = 0;
	if (node->kind == NODE_COMPARE && node->relation == EQUAL)
		return equal_texts(l, c, lines);
	if (node->kind == NODE_COMPARE && node->relation == (LESS | MORE))
		return lines & ~equal_texts(l, c, lines);
	if (node->kind == NODE_COMPARE)
		return ordered_texts(l, node->relation, c, lines);
	for (uint32_t k = 0; k < node->n && few_listed(node); k++)
		if (l[k].class == CLASS_STRING)
			holds |= equal_texts(&l[k], c, lines);
	if (few_listed(node))
		return holds;
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		holds |= (uint64_t)text_holds(p, node, slice(f->p, f->n)) << i;
	}
	return holds;
}

/* Texts with escapes: decoded one by one. */
static struct predicate_sets escaped_texts(struct predicate *p, const struct predicate_node *node,
					   struct value_column c, uint64_t lines, struct err *why)
{
	struct predicate_sets sets = { 0 };
	struct buf *b = &p->decoded;
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		memset(buf_room(b, 2 * SCAN_PAD + f->n), 0, SCAN_PAD); /* room for all */
		b->n = SCAN_PAD;
		if (scan_unescape(slice(f->p, f->n), b)) {
			sets.wrong |= BIT(i);
			if (why && !why->code)
				err_set(why, EX_DATAERR, "half of a surrogate pair in %s",
					p->field[node->field].path.name);
		} else if (text_holds(p, node, slice(b->p + SCAN_PAD, b->n - SCAN_PAD))) {
			sets.holds |= BIT(i);
		}
		b->n = 0;
	}
	return sets;
}

struct predicate_sets predicate_texts(struct predicate *p, const struct predicate_node *node,
				      struct value_column c, uint64_t lines, struct err *why)
{
	uint64_t escaped = predicate_of_type(c, lines, FIELD_ESCAPED);
	struct predicate_sets sets = { 0 };
	if (unlikely(escaped))
		sets = escaped_texts(p, node, c, escaped, why);
	if (lines & ~escaped)
		sets.holds |= plain_texts(p, node, c, lines & ~escaped);
	return sets;
}

/* ---- numbers ---- */

int predicate_literal_cmp(const struct predicate_literal *a, const struct predicate_literal *b)
{
	if (a->class != b->class)
		return (a->class > b->class) - (a->class < b->class);
	if (a->class == CLASS_STRING)
		return slice_cmp(a->text, b->text);
	if (a->class != CLASS_NUMBER)
		return 0;
	if (a->exact && b->exact)
		return (a->value > b->value) - (a->value < b->value);
	return predicate_number_cmp(a->text, b->text);
}

/* A number that is no decimal, or against a literal that is none, or a list. */
static bool number_holds(const struct predicate *p, const struct predicate_node *node,
			 const struct predicate_literal *value)
{
	if (node->kind == NODE_IN)
		return is_listed(p, node, value);
	return node->relation &
	       relation_of(predicate_literal_cmp(value, &p->literal[node->literal]));
}

static uint64_t decs_below(dec literal, const dec *value, uint64_t lines)
{
	uint64_t below = 0;
	for_each_line(i, lines) below |= (uint64_t)(value[i] < literal) << i;
	return below;
}

static uint64_t decs_above(dec literal, const dec *value, uint64_t lines)
{
	uint64_t above = 0;
	for_each_line(i, lines) above |= (uint64_t)(value[i] > literal) << i;
	return above;
}

/* An order needs one comparison, equality two. */
static uint64_t compare_decs(unsigned relation, dec literal, const dec *value, uint64_t lines)
{
	switch (relation) {
	case LESS:
		return decs_below(literal, value, lines);
	case MORE:
		return decs_above(literal, value, lines);
	case LESS | EQUAL:
		return lines & ~decs_above(literal, value, lines);
	case MORE | EQUAL:
		return lines & ~decs_below(literal, value, lines);
	default:
		return related(relation, decs_below(literal, value, lines),
			       decs_above(literal, value, lines), lines);
	}
}

/* Up to eight digits and nothing else are compared as the bytes that they are. *left: the lines
 * of other numbers. */
static uint64_t compare_digits(unsigned relation, uint64_t literal, struct value_column c,
			       uint64_t lines, uint64_t *left)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t less = 0, more = 0, plain = 0;
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		uint64_t digits = (scan_load(f->p + f->n - 8) ^ ones * '0') &
				  (UINT64_MAX << (64 - 8 * f->n % 64) % 64);
		uint64_t value = __builtin_bswap64(digits);
		plain |= (uint64_t)(f->n <= 8 && !(digits & ones * 0xf0)) << i;
		less |= (uint64_t)(value < literal) << i;
		more |= (uint64_t)(value > literal) << i;
	}
	*left = lines & ~plain;
	return related(relation, less, more, lines) & plain;
}

static const struct field *first_field(struct value_column c, uint64_t lines)
{
	return &c.field[(unsigned)__builtin_ctzll(lines) * c.width];
}

/* Whether compare_digits is worth its while: a column is mostly of one kind. */
static bool is_plain(const struct field *f)
{
	return f->n <= 8 && !memchr(f->p, '.', f->n);
}

uint64_t predicate_numbers(const struct predicate *p, const struct predicate_node *node,
			   struct value_column c, uint64_t lines)
{
	dec value[SCAN_BATCH];
	const struct predicate_literal *l = &p->literal[node->literal];
	uint64_t holds = 0, exact;
	if (node->kind == NODE_COMPARE && l->plain && lines && is_plain(first_field(c, lines)))
		holds = compare_digits(node->relation, l->digits, c, lines, &lines);
	if (lines == 0)
		return holds;
	exact = value_decs(c, lines, value).exact;
	bool one = node->kind == NODE_COMPARE && l->exact;
	for (uint32_t k = 0; k < node->n && (one || few_listed(node)); k++)
		if (l[k].exact)
			holds |= compare_decs(node->relation, l[k].value, value, exact);
	if (one || few_listed(node))
		lines &= ~exact;
	for_each_line(i, lines)
	{
		const struct field *f = &c.field[i * c.width];
		struct predicate_literal number = { .class = CLASS_NUMBER,
						    .text = slice(f->p, f->n),
						    .exact = exact >> i & 1 };
		if (number.exact)
			number.value = value[i];
		holds |= (uint64_t)number_holds(p, node, &number) << i;
	}
	return holds;
}
