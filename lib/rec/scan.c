/* Paths become a tree: one node for each object on the way, with a table of the names wanted in it. A table has no collisions: its
 * factors are drawn until every name has its own slot, so looking a name up is one load and three compares, found or not.
 *
 * A path asked for twice is filled once and copied. */
#include "rec/scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rec/scan_internal.h"

const uint64_t scan_low_bytes[9] = { 0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, UINT64_MAX };

const struct scan_key scan_no_key = { .n = UINT32_MAX, .field = SCAN_FIELDS };

const struct scan_key *scan_find_long(const struct scan_key *key, const char *p)
{
	if (key == &scan_no_key)
		return key;
	while (key && memcmp(key->text, p, key->n) != 0)
		key = key->same;
	return key ? key : &scan_no_key;
}

const struct scan_key *scan_find_escaped(struct scan *s, const struct scan_node *node, const char *p, size_t n)
{
	s->decoded.n = 0;
	buf_add(&s->decoded, "        ", 8);
	if (scan_unescape(slice(p, n), &s->decoded))
		return &scan_no_key;
	n = s->decoded.n - 8;
	memset(buf_room(&s->decoded, 8), 0, 8);
	return scan_find(node, s->decoded.p + 8, n);
}

/* --- the tree --------------------------------------------------------------------------------------------------------- */

/* A name while the tree grows: its node, then what scan_key has. */
struct name { unsigned node; struct scan_key key; };

struct tree { struct name *name; size_t n, cap, nodes; };

static void key_set(struct scan_key *key, struct slice text)
{
	char padded[8] = { 0 };
	memcpy(padded, text.p, text.n < 8 ? text.n : 8);
	*key = (struct scan_key){ .head = scan_load(padded), .n = (uint32_t)text.n, .field = SCAN_FIELDS, .text = text.p };
	key->tail = text.n < 8 ? key->head : scan_load(text.p + text.n - 8);
}

static struct scan_key *tree_name(struct tree *t, unsigned node, struct slice text)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->name[i].node == node && slice_eq(slice(t->name[i].key.text, t->name[i].key.n), text))
			return &t->name[i].key;
	mem_reserve(&t->name, &t->cap, t->n + 1, sizeof *t->name);
	t->name[t->n].node = node;
	key_set(&t->name[t->n].key, text);
	return &t->name[t->n++].key;
}

/* Returns the field that already has this path, or `field`. */
static unsigned tree_add(struct tree *t, const struct path *path, unsigned field)
{
	unsigned node = 1;
	for (unsigned i = 0; i + 1 < path->n; i++) {
		struct scan_key *key = tree_name(t, node, path->step[i]);
		if (!key->child)
			key->child = (uint16_t)t->nodes++;
		node = key->child;
	}
	struct scan_key *last = tree_name(t, node, path->step[path->n - 1]);
	if (last->field == SCAN_FIELDS)
		last->field = (uint16_t)field;
	return last->field;
}

/* The fields of all names in and below a node. */
static uint64_t tree_under(struct tree *t, unsigned node)
{
	uint64_t set = 0;
	for (size_t i = 0; i < t->n && node; i++) {
		struct scan_key *key = &t->name[i].key;
		if (t->name[i].node != node)
			continue;
		key->under = tree_under(t, key->child);
		set |= key->under | (key->field < SCAN_FIELDS ? UINT64_C(1) << key->field : 0);
	}
	return set;
}

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool key_same(const struct scan_key *a, const struct scan_key *b)
{
	return a->head == b->head && a->tail == b->tail && a->n == b->n;
}

/* Puts a node's names into its slots; false where two that differ want one slot. */
static bool node_fill(struct scan_node *node, size_t slots, const struct tree *t, unsigned number, struct scan_key *chain)
{
	size_t chained = 0;
	for (size_t i = 0; i < slots; i++)
		node->slot[i] = scan_no_key;
	for (size_t i = 0; i < t->n; i++) {
		const struct scan_key *key = &t->name[i].key;
		if (t->name[i].node != number)
			continue;
		struct scan_key *slot = &node->slot[scan_slot(node, key->head, key->tail, key->n)];
		if (slot->n != UINT32_MAX && !key_same(slot, key))
			return false;
		const struct scan_key *same = NULL;
		if (slot->n != UINT32_MAX) {
			chain[chained] = *slot;
			same = &chain[chained++];
		}
		*slot = *key;
		slot->same = same;
	}
	return true;
}

/* Node tables of 2^bits slots, where bits grows until the names fit. */
static void node_build(struct scan_node *node, const struct tree *t, unsigned number)
{
	uint64_t state = number;
	size_t names = 0;
	unsigned bits = 1;
	for (size_t i = 0; i < t->n; i++)
		names += t->name[i].node == number;
	while (names > (size_t)1 << bits >> 1)
		bits++;
	for (;; bits++) {
		size_t slots = (size_t)1 << bits;
		node->slot = mem_array(slots + names, sizeof *node->slot);  /* behind the slots: names that differ in the middle only */
		node->shift = 64 - bits;
		for (int tries = 0; tries < 100; tries++) {
			node->factor[0] = random_next(&state) | 1;
			node->factor[1] = random_next(&state) | 1;
			if (node_fill(node, slots, t, number, node->slot + slots))
				return;
		}
		free(node->slot);
	}
}

/* Moves all names into one text that the scan owns, with 8 bytes in front and behind. */
static char *own_text(struct tree *t)
{
	struct buf text = { 0 };
	buf_add(&text, "        ", 8);
	for (size_t i = 0; i < t->n; i++)
		buf_adds(&text, slice(t->name[i].key.text, t->name[i].key.n));
	char *at = text.p + 8;
	for (size_t i = 0; i < t->n; at += t->name[i++].key.n)
		t->name[i].key.text = at;
	return text.p;
}

/* --- the scan --------------------------------------------------------------------------------------------------------- */

struct scan *scan_new(const struct path *paths, size_t n, struct err *err)
{
	struct tree t = { .nodes = 2 };
	if (n > SCAN_FIELDS) {
		err_set(err, EX_USAGE, "%zu different fields are too many, at most %d", n, SCAN_FIELDS);
		return NULL;
	}
	struct scan *s = mem_zalloc(sizeof *s);
	s->width = n;
	for (unsigned i = 0; i < n; i++) {
		s->copy_of[i] = (uint8_t)tree_add(&t, &paths[i], i);
		s->copies |= s->copy_of[i] != i;
	}
	tree_under(&t, 1);
	s->text = own_text(&t);
	s->nodes = t.nodes;
	s->node = mem_array(t.nodes, sizeof *s->node);
	for (unsigned i = 0; i < t.nodes; i++)
		node_build(&s->node[i], &t, i);
	free(t.name);
	s->field = mem_array(SCAN_BATCH * n + 1, sizeof *s->field);
	scan_force(s, SCAN_AUTO, true);
	return s;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nodes; i++)
		free(s->node[i].slot);
	scan_learned_fini(s);
	free(s->node);
	free(s->field);
	free(s->text);
	buf_fini(&s->decoded);
	free(s);
}

size_t scan_width(const struct scan *s)
{
	return s->width;
}

static const struct scan_ops *ops_of(enum scan_engine engine)
{
#ifdef __x86_64__
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
	if (avx2 && (engine == SCAN_AUTO || engine == SCAN_AVX2))
		return &scan_avx2;
#endif
	return engine == SCAN_AUTO || engine == SCAN_PORTABLE ? &scan_portable : NULL;
}

bool scan_force(struct scan *s, enum scan_engine engine, bool learn)
{
	const struct scan_ops *ops = ops_of(engine);
	if (!ops)
		return false;
	s->ops = ops;
	s->learn = learn;
	scan_forget(s);
	return true;
}

static void copy_fields(const struct scan *s, struct field *row)
{
	for (size_t i = 0; i < s->width; i++)
		row[i] = row[s->copy_of[i]];
}

void scan_lines(struct scan *s, const char *p, size_t n, struct scan_batch *out)
{
	unsigned lines = out->lines = s->ops->cut(p, n, SCAN_BATCH, out->start, out->length);
	out->used = lines ? (size_t)(out->start[lines - 1] - p) + out->length[lines - 1] + 1 : 0;
	out->field = s->field;
	memset(s->field, 0, lines * s->width * sizeof *s->field);
	if (s->learn)
		scan_learned_lines(s, out);
	else
		for (unsigned i = 0; i < lines; i++)
			out->status[i] = (uint8_t)s->ops->walk(s, out->start[i], out->start[i] + out->length[i], s->field + i * s->width);
	for (unsigned i = 0; i < lines && s->copies; i++)
		copy_fields(s, s->field + i * s->width);
}

void scan_why(struct slice line, struct err *err)
{
	struct json j = { 0 };
	if (json_parse(&j, line, err) == 0)
		err_set(err, EX_DATAERR, "byte 1: not an object: a line is one JSON object");
	json_fini(&j);
}
