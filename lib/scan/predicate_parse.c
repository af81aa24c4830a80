/* The grammar of a condition (predicate.h) by recursive descent, as jq binds: pipe, or, and,
 * comparison.
 *
 * Behind a path and a pipe the same grammar goes on with the path as ".": `.a | .b == 1 and
 * has("c")` is `.a.b == 1 and (.a | has("c"))`. That is exact: the first operand behind the pipe
 * is always looked at, and any error of the path itself is one of that operand, with the same text.
 * So nodes know whole paths only, and nothing is left of pipes.
 *
 * Paths go through here as texts for path_parse, in the arena, until a field is made of one. */
#include "scan/predicate_parser.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

enum { DEPTH_MAX = 100 };

static bool parse_pipe(struct predicate_reader *r, struct predicate_operand *out);

static bool is_digit_byte(char c)
{
	return c >= '0' && c <= '9';
}

static bool add_pair(struct predicate_reader *r, enum predicate_kind kind,
		     struct predicate_operand *a, struct predicate_operand *b)
{
	return predicate_node_of(r, b) &&
	       predicate_add_node(
		       r, (struct predicate_node){ .kind = kind, .a = a->node, .b = b->node }, a);
}

/* ---- operands ---- */

static struct slice add_step(struct predicate_reader *r, struct slice path, struct slice name)
{
	struct buf b = { 0 };
	buf_adds(&b, path);
	buf_addc(&b, '.');
	json_quote(&b, name);
	path = arena_copy(&r->p->texts, buf_slice(&b));
	buf_fini(&b);
	return path;
}

/* A name at the place: behind a dot, or in brackets. */
static bool take_name(struct predicate_reader *r, bool bracket, struct slice *name)
{
	if (bracket)
		predicate_skip(r);
	if (bracket || predicate_peek(r) == '"') {
		if (!predicate_string(r, name))
			return false;
		return !bracket || predicate_take(r, "]") || predicate_fail(r, "\"]\"");
	}
	*name = predicate_word(r);
	r->at += name->n;
	return true;
}

static bool add_name(struct predicate_reader *r, bool bracket, struct slice *path)
{
	struct slice name;
	r->at++;
	if (!take_name(r, bracket, &name))
		return false;
	*path = add_step(r, *path, name);
	return true;
}

/* Whether a dot with a name behind it is at the place. */
static bool at_step(struct predicate_reader *r)
{
	struct predicate_reader behind = *r;
	behind.at++;
	return predicate_peek(r) == '.' &&
	       (predicate_peek(&behind) == '"' || predicate_word(&behind).n);
}

/* The place is at a dot. */
static bool parse_path(struct predicate_reader *r, struct predicate_operand *out)
{
	*out = (struct predicate_operand){ .kind = OPERAND_PATH, .at = r->at, .path = r->context };
	if (!at_step(r)) {
		r->at++; /* the context itself; two dots are another word of jq's */
		if (predicate_peek(r) == '.')
			return predicate_fail(r, "an operator");
	}
	for (;;) {
		bool bracket = predicate_peek(r) == '[';
		if (!bracket && !at_step(r))
			return predicate_peek(r) != '.' || predicate_fail(r, "an operator");
		if (!add_name(r, bracket, &out->path))
			return false;
		predicate_skip(r);
	}
}

static bool parse_literal(struct predicate_reader *r, struct predicate_operand *out)
{
	static const char *const word[] = {
		[CLASS_NULL] = "null", [CLASS_FALSE] = "false", [CLASS_TRUE] = "true"
	};
	struct slice text = { 0 };
	predicate_skip(r);
	*out = (struct predicate_operand){ .kind = OPERAND_LITERAL, .at = r->at };
	for (unsigned class = CLASS_NULL; class <= CLASS_TRUE; class ++)
		if (predicate_take_word(r, word[class])) {
			out->literal = predicate_add_literal(r->p, class, text);
			return true;
		}
	enum predicate_class class = predicate_peek(r) == '"' ? CLASS_STRING : CLASS_NUMBER;
	bool number = predicate_peek(r) == '-' || is_digit_byte(predicate_peek(r));
	if (class == CLASS_NUMBER && !number)
		return predicate_fail(r, "a string, a number, true, false or null");
	if (!(number ? predicate_number(r, &text) : predicate_string(r, &text)))
		return false;
	out->literal = predicate_add_literal(r->p, class, text);
	return true;
}

/* ---- calls ---- */

static bool open_call(struct predicate_reader *r)
{
	return predicate_take(r, "(") || predicate_fail(r, "\"(\"");
}

static bool close_call(struct predicate_reader *r)
{
	return predicate_take(r, ")") || predicate_fail(r, "\")\"");
}

static bool parse_has(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_node node = { .kind = NODE_HAS,
				       .holds = TYPES_ALL & ~(1u << FIELD_MISSING) };
	struct slice name;
	predicate_skip(r);
	return open_call(r) && (predicate_skip(r), predicate_string(r, &name)) && close_call(r) &&
	       predicate_field_of(r, add_step(r, r->context, name), out->at, &node.field) &&
	       predicate_add_node(r, node, out);
}

static bool parse_ends(struct predicate_reader *r, enum predicate_kind kind,
		       struct predicate_operand *out)
{
	struct predicate_node node = { .kind = kind,
				       .compares = TYPES_STRING,
				       .wrong = TYPES_ALL & ~TYPES_STRING };
	struct slice text;
	if (!open_call(r))
		return false;
	predicate_skip(r);
	if (!predicate_string(r, &text) || !close_call(r) ||
	    !predicate_field_of(r, r->context, out->at, &node.field))
		return false;
	node.literal = predicate_add_literal(r->p, CLASS_STRING, text);
	return predicate_add_node(r, node, out);
}

static int literal_order(const void *a, const void *b)
{
	return predicate_literal_cmp(a, b);
}

/* The values of a list and the parenthesis behind them. */
static bool parse_values(struct predicate_reader *r, struct predicate_node *node)
{
	struct predicate_operand value;
	node->literal = (uint32_t)r->p->literals;
	do {
		if (!parse_literal(r, &value))
			return false;
	} while (predicate_take(r, ","));
	node->n = (uint32_t)r->p->literals - node->literal;
	struct predicate_literal *first = &r->p->literal[node->literal];
	qsort(first, node->n, sizeof(*first), literal_order);
	for (uint32_t i = 0; i < node->n; i++)
		predicate_set_types(node, first[i].class);
	return close_call(r);
}

static bool parse_in(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_node node = { .kind = NODE_IN, .relation = EQUAL };
	struct predicate_operand path = { .path = r->context, .at = out->at };
	if (!open_call(r))
		return false;
	predicate_skip(r);
	if (predicate_peek(r) == '.' &&
	    (!parse_path(r, &path) || !(predicate_take(r, ";") || predicate_fail(r, "\";\""))))
		return false;
	return predicate_field_of(r, path.path, path.at, &node.field) && parse_values(r, &node) &&
	       predicate_add_node(r, node, out);
}

static bool parse_not(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_operand self = { .kind = OPERAND_PATH, .at = out->at, .path = r->context };
	return predicate_node_of(r, &self) &&
	       predicate_add_node(r, (struct predicate_node){ .kind = NODE_NOT, .a = self.node },
				  out);
}

static bool parse_call(struct predicate_reader *r, struct predicate_operand *out)
{
	*out = (struct predicate_operand){ .kind = OPERAND_NODE, .at = r->at };
	if (r->context.n && predicate_take_word(r, "not"))
		return parse_not(r, out);
	if (predicate_take_word(r, "has"))
		return parse_has(r, out);
	if (r->context.n && predicate_take_word(r, "startswith"))
		return parse_ends(r, NODE_STARTS, out);
	if (r->context.n && predicate_take_word(r, "endswith"))
		return parse_ends(r, NODE_ENDS, out);
	if (predicate_take_word(r, "IN"))
		return parse_in(r, out);
	return predicate_fail(r, "a path, a value or a function");
}

/* ---- operators, from the tightest to the loosest ---- */

static bool parse_operand(struct predicate_reader *r, struct predicate_operand *out)
{
	predicate_skip(r);
	char c = predicate_peek(r);
	struct slice word = predicate_word(r);
	if (c == '.')
		return parse_path(r, out);
	if (c == '"' || c == '-' || is_digit_byte(c) || slice_is(word, "null") ||
	    slice_is(word, "false") || slice_is(word, "true"))
		return parse_literal(r, out);
	if (c != '(')
		return parse_call(r, out);
	size_t at = r->at++;
	if (!parse_pipe(r, out) || !close_call(r))
		return false;
	out->at = at;
	predicate_skip(r);
	c = predicate_peek(r);
	return (c != '.' && c != '[') || predicate_fail(r, "an operator");
}

/* The operator at the place, as the relations that it accepts; 0: there is none. */
static unsigned take_relation(struct predicate_reader *r)
{
	static const struct {
		const char *text;
		unsigned relation;
	} ops[] = {
		{ "==", EQUAL },        { "!=", LESS | MORE }, { "<=", LESS | EQUAL },
		{ ">=", MORE | EQUAL }, { "<", LESS },         { ">", MORE },
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (predicate_take(r, ops[i].text))
			return ops[i].relation;
	return 0;
}

/* < for >, and so on. */
static unsigned mirrored(unsigned relation)
{
	return (relation & EQUAL) | (relation & LESS ? MORE : 0) | (relation & MORE ? LESS : 0);
}

static bool parse_comparison(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_node node = { .kind = NODE_COMPARE, .n = 1 };
	struct predicate_operand right;
	if (!parse_operand(r, out))
		return false;
	node.relation = take_relation(r);
	if (!node.relation)
		return true;
	predicate_skip(r);
	if (out->kind == OPERAND_LITERAL) {
		node.relation = mirrored(node.relation);
		right = *out;
		if (predicate_peek(r) != '.')
			return predicate_fail(r, "a path");
		if (!parse_path(r, out))
			return false;
	} else if (predicate_peek(r) == '.') {
		return predicate_fail_at(r, r->at, "only jq itself compares two paths");
	} else if (!parse_literal(r, &right)) {
		return false;
	}
	if (out->kind != OPERAND_PATH)
		return predicate_fail_at(r, out->at, "only a path is compared with a value");
	node.literal = right.literal;
	predicate_set_types(&node, r->p->literal[right.literal].class);
	return predicate_field_of(r, out->path, out->at, &node.field) &&
	       predicate_add_node(r, node, out);
}

static bool parse_and(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_operand right;
	if (!parse_comparison(r, out))
		return false;
	while (predicate_take_word(r, "and"))
		if (!predicate_node_of(r, out) || !parse_comparison(r, &right) ||
		    !add_pair(r, NODE_AND, out, &right))
			return false;
	return true;
}

static bool parse_or(struct predicate_reader *r, struct predicate_operand *out)
{
	struct predicate_operand right;
	if (!parse_and(r, out))
		return false;
	while (predicate_take_word(r, "or"))
		if (!predicate_node_of(r, out) || !parse_and(r, &right) ||
		    !add_pair(r, NODE_OR, out, &right))
			return false;
	return true;
}

/* At a single "|": takes it. */
static bool take_pipe(struct predicate_reader *r)
{
	predicate_skip(r);
	char next = r->at + 1 < r->text.n ? r->text.p[r->at + 1] : ' ';
	if (predicate_peek(r) != '|' || next == '|' || next == '=')
		return false;
	r->at++;
	return true;
}

/* What follows a pipe behind a condition: only "not" has a boolean for its input. */
static bool parse_nots(struct predicate_reader *r, struct predicate_operand *out)
{
	do {
		if (!predicate_take_word(r, "not"))
			return predicate_fail(r, "\"not\"");
		if (!predicate_add_node(
			    r, (struct predicate_node){ .kind = NODE_NOT, .a = out->node }, out))
			return false;
	} while (take_pipe(r));
	return true;
}

static bool parse_pipe(struct predicate_reader *r, struct predicate_operand *out)
{
	struct slice outer = r->context;
	if (r->depth == DEPTH_MAX)
		return predicate_fail_at(r, r->at, "nested too deeply");
	r->depth++;
	bool good = parse_or(r, out);
	if (good && take_pipe(r)) {
		size_t at = out->at;
		if (out->kind == OPERAND_PATH) {
			r->context = out->path;
			good = parse_pipe(r, out);
			r->context = outer;
		} else {
			good = predicate_node_of(r, out) && parse_nots(r, out);
		}
		out->at = at;
	}
	r->depth--;
	return good;
}

struct predicate *predicate_new(struct slice text, struct err *err)
{
	struct predicate *p = mem_zalloc(sizeof(*p));
	struct predicate_reader r = { .text = text, .err = err, .p = p };
	struct predicate_operand all;
	bool nul = text.n && memchr(text.p, 0, text.n);
	if (nul)
		predicate_fail_at(&r, 0, "a NUL");
	else if (parse_pipe(&r, &all) && predicate_node_of(&r, &all)) {
		predicate_skip(&r);
		if (r.at == text.n)
			return p;
		predicate_fail(&r, "an operator or the end");
	}
	predicate_free(p);
	return NULL;
}
