/* Paths become a tree: one node for each object on the way, with a table of the names wanted in
 * it. A name is hashed by its length and its last two bytes. The factor of the hash is drawn
 * until names of different hash have different slots: so looking a name up is one slot, found or
 * not.
 *
 * A path asked for twice is filled once and copied. */
#include "scan/scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "scan/look.h"
#include "scan/scan_internal.h"

#define PAD "        "

const struct scan_key scan_no_key = { .n = UINT32_MAX, .field = SCAN_FIELDS };

const struct scan_key *scan_find_same(const struct scan_node *node, const struct scan_key *key,
				      const char *p, size_t n)
{
	while (key->n != n || memcmp(key->text, p, n) != 0) {
		if (!key->same)
			return &scan_no_key;
		key = &node->slot[key->same];
	}
	return key;
}

const struct scan_key *scan_find_escaped(struct scan *s, const struct scan_node *node,
					 const char *p, size_t n)
{
	s->decoded.n = 0;
	buf_addz(&s->decoded, PAD "\"");
	size_t start = s->decoded.n;
	if (scan_unescape(slice(p, n), &s->decoded))
		return &scan_no_key;
	n = s->decoded.n - start;
	buf_addz(&s->decoded, PAD);
	return scan_find(node, s->decoded.p + start, n);
}

/* ---- the tree */

/* A name while the tree grows: its node, then what scan_key has. */
struct name {
	unsigned node;
	struct scan_key key;
};

struct tree {
	struct scan *scan;
	struct name *name;
	size_t n, cap, nodes;
};

/* A copy of a name, with quotes and 8 bytes around it, that lives as long as the scan. */
static struct slice own_text(struct tree *t, struct slice text)
{
	struct buf copy = { 0 };
	buf_addz(&copy, PAD "\"");
	buf_adds(&copy, text);
	buf_addz(&copy, "\"" PAD);
	struct scan *s = t->scan;
	mem_reserve(&s->text, &s->texts_cap, s->texts + 1, sizeof(*s->text));
	s->text[s->texts++] = copy.p;
	return slice(copy.p + sizeof(PAD), text.n);
}

/* text.p is padded as scan_find wants it. */
static void key_set(struct scan_key *key, struct slice text)
{
	size_t n = text.n;
	*key = (struct scan_key){
		.n = (uint32_t)n,
		.field = SCAN_FIELDS,
		.text = text.p,
		.care = n > 16,
	};
	key->head_mask = n >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * n)) - 1;
	key->head = scan_load(text.p) & key->head_mask;
	key->tail_mask = n >= 8 ? UINT64_MAX : 0;
	key->tail = scan_load(text.p + n - 8) & key->tail_mask;
	memcpy(key->quoted, text.p, n < 32 ? n + 1 : 32);
	memset(key->mask, 0xff, n < 32 ? n + 1 : 32);
}

static struct scan_key *tree_name(struct tree *t, unsigned node, struct slice text)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->name[i].node == node &&
		    slice_eq(slice(t->name[i].key.text, t->name[i].key.n), text))
			return &t->name[i].key;
	mem_reserve(&t->name, &t->cap, t->n + 1, sizeof(*t->name));
	t->name[t->n].node = node;
	key_set(&t->name[t->n].key, own_text(t, text));
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

/* Puts a node's names into its slots; those of equal hash into one, chained. False where two
 * others want one slot. */
static bool node_fill(struct scan_node *node, size_t slots, const struct tree *t, unsigned number)
{
	uint32_t chained = (uint32_t)slots;
	for (size_t i = 0; i < slots; i++)
		node->slot[i] = scan_no_key;
	for (size_t i = 0; i < t->n; i++) {
		const struct scan_key *key = &t->name[i].key;
		if (t->name[i].node != number)
			continue;
		uint64_t hash = scan_hash(key->text + key->n, key->n);
		struct scan_key *slot = &node->slot[scan_slot(node, hash)], before = *slot;
		*slot = *key;
		if (before.n == UINT32_MAX)
			continue;
		if (scan_hash(before.text + before.n, before.n) != hash)
			return false;
		slot->same = chained;
		slot->care = true;
		node->slot[chained++] = before;
	}
	return true;
}

/* A table of 2^bits slots, where bits grows until the names fit. */
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
		/* behind the slots: the chained */
		node->slot = mem_array(slots + names, sizeof(*node->slot));
		node->shift = 64 - bits;
		for (int tries = 0; tries < 100; tries++) {
			node->factor = random_next(&state) | 1;
			if (node_fill(node, slots, t, number))
				return;
		}
		free(node->slot);
	}
}

/* ---- the scan */

struct scan *scan_new(const struct path *paths, size_t n, struct err *err)
{
	if (n > SCAN_FIELDS) {
		err_set(err, EX_USAGE, "%zu different fields are too many, at most %d", n,
			SCAN_FIELDS);
		return NULL;
	}
	struct scan *s = mem_zalloc(sizeof(*s));
	struct tree t = { .scan = s, .nodes = 2 };
	s->width = n;
	for (unsigned i = 0; i < n; i++) {
		s->copy_of[i] = (uint8_t)tree_add(&t, &paths[i], i);
		s->copies |= s->copy_of[i] != i;
	}
	tree_under(&t, 1);
	s->nodes = t.nodes;
	s->node = mem_array(t.nodes, sizeof(*s->node));
	for (unsigned i = 0; i < t.nodes; i++)
		node_build(&s->node[i], &t, i);
	free(t.name);
	s->field = mem_array(SCAN_BATCH * n + 1, sizeof(*s->field));
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
	for (size_t i = 0; i < s->texts; i++)
		free(s->text[i]);
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
	if (scan_has_avx2() && (engine == SCAN_AUTO || engine == SCAN_AVX2))
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

void scan_vouch(struct scan *s, bool (*question)(struct slice line))
{
	s->vouch = question;
}

static void copy_fields(const struct scan *s, struct field *row)
{
	for (size_t i = 0; i < s->width; i++)
		row[i] = row[s->copy_of[i]];
}

enum scan_status scan_walk(struct scan *s, struct scan_batch *batch, unsigned line)
{
	const char *p = batch->start[line];
	enum scan_status status = s->ops->walk(s, p, p + batch->length[line],
					       batch->field + line * s->width);
	if (status != SCAN_OK)
		batch->valid &= ~(UINT64_C(1) << line);
	if (status == SCAN_BLANK)
		batch->blank |= UINT64_C(1) << line;
	return status;
}

/* No engine knows byte order marks, so that none pays for them: lines that begin with one are bad
 * so far. They are walked again behind it. */
static void skip_marks(struct scan *s, struct scan_batch *b, uint64_t bad)
{
	for (; bad; bad &= bad - 1) {
		unsigned line = (unsigned)__builtin_ctzll(bad);
		size_t mark = str_mark(slice(b->start[line], b->length[line]));
		if (!mark)
			continue;
		b->valid |= UINT64_C(1) << line;
		b->start[line] += mark;
		b->length[line] -= (uint32_t)mark;
		scan_walk(s, b, line);
		b->start[line] -= mark;
		b->length[line] += (uint32_t)mark;
	}
}

void scan_lines(struct scan *s, const char *p, size_t n, struct scan_batch *out)
{
	unsigned lines = out->lines = s->ops->cut(p, n, SCAN_BATCH, out->start, out->length);
	uint64_t all = lines < 64 ? (UINT64_C(1) << lines) - 1 : UINT64_MAX;
	out->used = lines ? (size_t)(out->start[lines - 1] - p) + out->length[lines - 1] + 1 : 0;
	out->field = s->field;
	out->valid = all;
	out->blank = out->vouched = 0;
	memset(s->field, 0, lines * s->width * sizeof(*s->field));
	if (s->learn)
		scan_learned_lines(s, out);
	else
		for (unsigned i = 0; i < lines; i++)
			scan_walk(s, out, i);
	if (unlikely((out->valid | out->blank) != all))
		skip_marks(s, out, all & ~(out->valid | out->blank));
	for (unsigned i = 0; i < lines && s->copies; i++)
		copy_fields(s, s->field + i * s->width);
}

void scan_why(struct slice line, struct err *err)
{
	struct json j = { 0 };
	const char *words = look_words(look_at(line));
	if (words)
		err_set(err, EX_DATAERR, "%s", words);
	else if (json_parse(&j, line, err) == 0)
		err_set(err, EX_DATAERR, "byte 1: not an object: a line is one JSON object");
	json_fini(&j);
}
