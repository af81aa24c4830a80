/* Names that come twice are found by comparing all pairs where an object is small, and by a table
 * of hashes where it is not, so that an object of a hundred thousand members takes no square of
 * them. The hash of a value is the sum over an object's members, whose order means nothing, and a
 * chain over an array's; that of a number is of its canonical text. */
#include "schema/instance.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "schema/number.h"

enum { SMALL_OBJECT = 16 };

void instance_fini(struct instance *in)
{
	json_fini(&in->json);
	arena_fini(&in->arena);
	buf_fini(&in->scratch);
	free(in->slot);
	*in = (struct instance){ 0 };
}

/* ---- names that come twice */

static bool is_same_name(const struct json_node *a, const struct json_node *b)
{
	return a->text.n == b->text.n && a->type == b->type && a->escaped == b->escaped &&
	       memcmp(a->text.p, b->text.p, a->text.n) == 0;
}

static void hide_in_small(struct json_node *node, const uint32_t *name, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (is_same_name(&node[name[i]], &node[name[k]])) {
				node[name[i]].type = JSON_NULL;
				break;
			}
}

/* The last of equal names takes the slot, so names are put in from the last one on. */
static void hide_in_large(struct instance *in, const uint32_t *name, size_t n)
{
	struct json_node *node = in->json.node;
	size_t slots = 1;

	while (slots < 2 * n)
		slots *= 2;
	if (slots > in->slots) {
		free(in->slot);
		in->slot = mem_array(slots, sizeof(*in->slot));
		in->slots = slots;
	}
	memset(in->slot, 0, slots * sizeof(*in->slot));
	for (size_t i = n; i-- > 0;) {
		struct json_node *key = &node[name[i]];
		size_t at = hash_64(key->text.p, key->text.n) & (slots - 1);

		while (in->slot[at] && !is_same_name(key, &node[in->slot[at]]))
			at = (at + 1) & (slots - 1);
		if (in->slot[at])
			key->type = JSON_NULL;
		else
			in->slot[at] = name[i];
	}
}

static void hide_replaced(struct instance *in, uint32_t object)
{
	const struct json *j = &in->json;
	uint32_t small[SMALL_OBJECT], *name = small;
	size_t n = 0;

	for (uint32_t i = json_first(j, object); i < j->node[object].next; i = j->node[i + 1].next)
		n++;
	if (n < 2)
		return;
	if (n > SMALL_OBJECT)
		name = arena_alloc(&in->arena, n * sizeof(*name));
	n = 0;
	for (uint32_t i = json_first(j, object); i < j->node[object].next; i = j->node[i + 1].next)
		name[n++] = i;
	if (n <= SMALL_OBJECT)
		hide_in_small(j->node, name, n);
	else
		hide_in_large(in, name, n);
}

int instance_read(struct instance *in, struct slice text, struct err *err)
{
	arena_reset(&in->arena);
	if (json_parse(&in->json, text, err))
		return -1;
	for (uint32_t i = 0; i < in->json.n; i++) {
		struct json_node *node = &in->json.node[i];

		if (!node->escaped)
			continue;
		in->scratch.n = 0;
		buf_room(&in->scratch, 1);
		if (json_unescape(node->text, &in->scratch))
			continue;
		node->text = arena_copy(&in->arena, buf_slice(&in->scratch));
		node->escaped = false;
	}
	for (uint32_t i = 0; i < in->json.n; i++)
		if (in->json.node[i].type == JSON_OBJECT)
			hide_replaced(in, i);
	return 0;
}

uint32_t instance_member(const struct instance *in, uint32_t at, struct slice name)
{
	const struct json_node *node = in->json.node;

	if (node[at].type != JSON_OBJECT)
		return 0;
	for (uint32_t i = json_first(&in->json, at); i < node[at].next; i = node[i + 1].next)
		if (node[i].type == JSON_STRING && !node[i].escaped && slice_eq(node[i].text, name))
			return i + 1;
	return 0;
}

/* ---- equality */

static size_t count_members(const struct instance *in, uint32_t at)
{
	const struct json_node *node = in->json.node;
	size_t n = 0;

	for (uint32_t i = json_first(&in->json, at); i < node[at].next; i = node[i + 1].next)
		n += node[i].type == JSON_STRING;
	return n;
}

static bool is_equal_object(const struct instance *a, uint32_t at, const struct instance *b,
			    uint32_t bt, struct instance_doubt *doubt)
{
	const struct json_node *node = a->json.node;
	size_t members = count_members(a, at);
	uint64_t cost = (uint64_t)members * members;

	if (members != count_members(b, bt))
		return false;
	doubt->costly |= cost > *doubt->fuel;
	if (doubt->costly)
		return false;
	*doubt->fuel -= cost;
	for (uint32_t i = json_first(&a->json, at); i < node[at].next; i = node[i + 1].next) {
		if (node[i].type != JSON_STRING)
			continue;
		doubt->text_missing |= node[i].escaped;
		uint32_t other = instance_member(b, bt, node[i].text);
		if (!other || !instance_equal(a, i + 1, b, other, doubt))
			return false;
	}
	return true;
}

static bool is_equal_array(const struct instance *a, uint32_t at, const struct instance *b,
			   uint32_t bt, struct instance_doubt *doubt)
{
	uint32_t i = json_first(&a->json, at), k = json_first(&b->json, bt);
	uint32_t i_end = a->json.node[at].next, k_end = b->json.node[bt].next;

	while (i < i_end && k < k_end) {
		if (!instance_equal(a, i, b, k, doubt))
			return false;
		i = a->json.node[i].next;
		k = b->json.node[k].next;
	}
	return i == i_end && k == k_end;
}

bool instance_equal(const struct instance *a, uint32_t at, const struct instance *b, uint32_t bt,
		    struct instance_doubt *doubt)
{
	const struct json_node *x = &a->json.node[at], *y = &b->json.node[bt];

	if (x->type != y->type)
		return false;
	switch (x->type) {
	case JSON_NUMBER:
		return number_cmp(x->text, y->text) == 0;
	case JSON_STRING:
		doubt->text_missing |= x->escaped || y->escaped;
		return slice_eq(x->text, y->text);
	case JSON_ARRAY:
		return is_equal_array(a, at, b, bt, doubt);
	case JSON_OBJECT:
		return is_equal_object(a, at, b, bt, doubt);
	default:
		return true;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

uint64_t instance_hash(struct instance *in, uint32_t at)
{
	const struct json_node *node = in->json.node, *x = &node[at];
	uint64_t h = mix(x->type, 0);

	switch (x->type) {
	case JSON_NUMBER:
		in->scratch.n = 0;
		dec_canonical(x->text, &in->scratch);
		return mix(h, hash_64(in->scratch.p, in->scratch.n));
	case JSON_STRING:
		return mix(h, hash_64(x->text.p, x->text.n));
	case JSON_ARRAY:
		for (uint32_t i = at + 1; i < x->next; i = node[i].next)
			h = mix(h, instance_hash(in, i));
		return h;
	case JSON_OBJECT:
		for (uint32_t i = at + 1; i < x->next; i = node[i + 1].next)
			if (node[i].type == JSON_STRING)
				h += mix(hash_64(node[i].text.p, node[i].text.n),
					 instance_hash(in, i + 1));
		return h;
	default:
		return h;
	}
}

/* ---- places */

static void add_token(struct buf *out, struct slice name)
{
	buf_addc(out, '/');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '~' || name.p[i] == '/')
			buf_addz(out, name.p[i] == '~' ? "~0" : "~1");
		else
			buf_addc(out, name.p[i]);
	}
}

void instance_pointer(const struct json *json, uint32_t at, struct buf *out)
{
	const struct json_node *node = json->node;
	uint32_t in = 0;

	while (in != at) {
		bool object = node[in].type == JSON_OBJECT;
		uint32_t child = in + 1, index = 0;

		while (node[child + object].next <= at) {
			child = node[child + object].next;
			index++;
		}
		if (object)
			add_token(out, node[child].text);
		else
			buf_printf(out, "/%u", index);
		if (child == at)
			return;
		in = child + object;
	}
}
