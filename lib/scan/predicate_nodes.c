/* Nodes, fields and literals of a condition, as the grammar finds them. */
#include "scan/predicate_parser.h"

#include "base/mem.h"
#include "scan/scan_internal.h"

enum { NODES_MAX = 1024 /* they are run by recursion */ };

bool predicate_add_node(struct predicate_reader *r, struct predicate_node node,
			struct predicate_operand *out)
{
	struct predicate *p = r->p;
	if (p->nodes == NODES_MAX)
		return predicate_fail_at(r, r->at, "more than 1024 operators");
	mem_reserve(&p->node, &p->nodes_cap, p->nodes + 1, sizeof(*p->node));
	p->node[p->nodes] = node;
	out->kind = OPERAND_NODE;
	out->node = (uint32_t)p->nodes++;
	return true;
}

static bool same_path(const struct path *a, const struct path *b)
{
	bool same = a->n == b->n;
	for (unsigned i = 0; same && i < a->n; i++)
		same = slice_eq(a->step[i], b->step[i]);
	return same;
}

bool predicate_field_of(struct predicate_reader *r, struct slice path, size_t at, uint32_t *field)
{
	struct predicate *p = r->p;
	struct path parsed;
	if (path.n == 0)
		return predicate_fail_at(r, at, "\".\" is the whole line (write a path: .status)");
	if (path_parse(&parsed, path, NULL))
		return predicate_fail_at(r, at, "a path has at most 16 names, none with a NUL");
	for (*field = 0; *field < p->fields; ++*field)
		if (same_path(&p->field[*field].path, &parsed)) {
			path_fini(&parsed);
			return true;
		}
	if (p->fields == SCAN_FIELDS) {
		path_fini(&parsed);
		return predicate_fail_at(r, at, "more than 64 different paths");
	}
	mem_reserve(&p->field, &p->fields_cap, p->fields + 1, sizeof(*p->field));
	p->field[p->fields] = (struct predicate_field){ .path = parsed,
							.column = (uint8_t)p->fields };
	p->fields++;
	return true;
}

static void load_ends(struct predicate_literal *l)
{
	size_t n = l->text.n < 8 ? l->text.n : 8;
	char head[8] = { 0 }, tail[8] = { 0 }, ones[16] = { 0 };
	memcpy(head, l->text.p, n);
	memcpy(tail + 8 - n, l->text.p + l->text.n - n, n);
	memset(ones + 8 - n, -1, 2 * n);
	l->head = scan_load(head);
	l->tail = scan_load(tail);
	l->tail_mask = scan_load(ones);
	l->head_mask = scan_load(ones + 8);
}

static void load_number(struct predicate_literal *l)
{
	const dec unit = 1000000000, most = 99999999 * unit;
	l->exact = dec_parse(l->text, &l->value) == DEC_OK;
	l->plain = l->exact && l->value >= 0 && l->value <= most && l->value % unit == 0;
	if (!l->plain)
		return;
	uint64_t number = (uint64_t)(l->value / unit);
	for (unsigned shift = 0; shift < 64; shift += 8, number /= 10)
		l->digits |= number % 10 << shift;
}

uint32_t predicate_add_literal(struct predicate *p, enum predicate_class class, struct slice text)
{
	struct predicate_literal l = { .class = class, .text = text };
	if (class == CLASS_STRING)
		load_ends(&l);
	if (class == CLASS_NUMBER)
		load_number(&l);
	mem_reserve(&p->literal, &p->literals_cap, p->literals + 1, sizeof(*p->literal));
	p->literal[p->literals] = l;
	return (uint32_t)p->literals++;
}

bool predicate_node_of(struct predicate_reader *r, struct predicate_operand *o)
{
	struct predicate_node node = { .kind = NODE_TYPE };
	if (o->kind == OPERAND_NODE)
		return true;
	if (o->kind == OPERAND_LITERAL)
		return predicate_fail_at(r, o->at, "a constant decides nothing");
	node.holds = TYPES_ALL & ~TYPES_UNTRUE;
	return predicate_field_of(r, o->path, o->at, &node.field) && predicate_add_node(r, node, o);
}

void predicate_set_types(struct predicate_node *node, enum predicate_class class)
{
	for (unsigned type = FIELD_MISSING; type <= FIELD_OBJECT; type++) {
		int order = (int)predicate_class_of[type] - (int)class;
		unsigned relation = order < 0 ? LESS : order > 0 ? MORE : EQUAL;
		if (order == 0 && (class == CLASS_NUMBER || class == CLASS_STRING))
			node->compares |= 1u << type;
		else if (node->relation & relation)
			node->holds |= 1u << type;
	}
}
