/* Equal names, quickly and exactly.
 *
 * The quick walk keeps hashes of the names of open objects (members_internal.h) and gives up where
 * it is not sure. The exact one reads the event into nodes, and sorts each object's names, so that
 * an object of a hundred thousand members costs no more than its sorting. */
#include "intake/members.h"

#include <stdlib.h>

#include "base/mem.h"
#include "intake/members_internal.h"
#include "scan/scan.h"

struct members_member {
	struct slice name; /* decoded */
	uint32_t key;      /* its node */
};

void members_fini(struct members *n)
{
	json_fini(&n->json);
	arena_fini(&n->decoded);
	free(n->member);
	*n = (struct members){ 0 };
}

/* ---- quickly */

/* p is at the opening quote; where the closing one is. *escaped: a backslash is between. */
static const char *string_end(const char *p, bool *escaped)
{
	for (*escaped = false, p++; *p != '"'; p++)
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
	return p;
}

static bool members_fine_portable(struct slice object)
{
	struct members_open open;
	const char *const end = object.p + object.n;
	const char *name = end, *name_end = end;
	bool escaped = false;

	members_begin(&open);
	for (const char *p = object.p; p < end; p++) {
		switch (*p) {
		case '"':
			name = p + 1;
			p = name_end = string_end(p, &escaped);
			break;
		case ':':
			if (escaped ||
			    !members_add(&open, members_hash(name, (size_t)(name_end - name))))
				return false;
			break;
		case '{':
		case '[':
			if (!members_push(&open))
				return false;
			break;
		case '}':
		case ']':
			members_pop(&open);
			break;
		default:
			break;
		}
	}
	return true;
}

bool members_fine(struct slice object, enum cut_engine engine)
{
#ifdef __x86_64__
	if (engine != CUT_PORTABLE && cut_has(CUT_AVX2))
		return members_fine_avx2(object);
#else
	(void)engine;
#endif
	return members_fine_portable(object);
}

/* ---- exactly */

static int member_cmp(const void *a, const void *b)
{
	const struct members_member *x = a, *y = b;
	int c = slice_cmp(x->name, y->name);

	return c ? c : (x->key > y->key) - (x->key < y->key);
}

/* Its text as it is where it has half of a surrogate pair. */
static struct slice decoded_name(struct members *n, uint32_t key)
{
	struct slice text = n->json.node[key].text;
	struct buf b = { 0 };

	if (n->json.node[key].escaped && json_unescape(text, &b) == 0)
		text = arena_copy(&n->decoded, buf_slice(&b));
	buf_fini(&b);
	return text;
}

/* The node of a name that comes again in that object, 0 if none does. */
static uint32_t second_name(struct members *n, uint32_t object)
{
	const struct json *j = &n->json;
	size_t count = 0;

	for (uint32_t i = object + 1; i < j->node[object].next; i = j->node[i + 1].next) {
		mem_reserve(&n->member, &n->cap, count + 1, sizeof(*n->member));
		n->member[count++] = (struct members_member){ decoded_name(n, i), i };
	}
	if (count > 1)
		qsort(n->member, count, sizeof(*n->member), member_cmp);
	for (size_t i = 1; i < count; i++)
		if (slice_eq(n->member[i - 1].name, n->member[i].name))
			return n->member[i].key;
	return 0;
}

void members_pointer_add(struct buf *pointer, struct slice name)
{
	buf_addc(pointer, '/');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '~' || name.p[i] == '/')
			buf_addz(pointer, name.p[i] == '~' ? "~0" : "~1");
		else
			buf_addc(pointer, name.p[i]);
	}
}

/* The pointer to a node: down from the root, at each level the child whose subtree has it. A
 * name's node is taken for its value's. */
static void point_to(struct members *n, uint32_t to, struct buf *pointer)
{
	const struct json *j = &n->json;
	uint32_t at = 0;

	while (at != to) {
		bool object = j->node[at].type == JSON_OBJECT;
		uint32_t child = at + 1;
		uint64_t index = 0;

		if (j->node[at].type != JSON_OBJECT && j->node[at].type != JSON_ARRAY)
			return;
		for (; j->node[object ? child + 1 : child].next <= to; index++)
			child = j->node[object ? child + 1 : child].next;
		if (object) {
			members_pointer_add(pointer, decoded_name(n, child));
			if (child == to)
				return;
			at = child + 1;
		} else {
			buf_addc(pointer, '/');
			buf_addu(pointer, index);
			at = child;
		}
	}
}

/* Of valid JSON. */
static bool is_deep(struct slice text)
{
	const char *const end = text.p + text.n;
	size_t open = 0;
	bool escaped;

	for (const char *p = text.p; p < end; p++) {
		if (*p == '"') {
			p = string_end(p, &escaped);
		} else if (*p == '{' || *p == '[') {
			if (++open > MEMBERS_DEPTH)
				return true;
		} else if (*p == '}' || *p == ']') {
			open--;
		}
	}
	return false;
}

enum members_result members_check(struct members *n, struct slice object, struct buf *pointer)
{
	pointer->n = 0;
	arena_reset(&n->decoded);
	if (is_deep(object))
		return MEMBERS_DEEP;
	if (json_parse(&n->json, object, NULL))
		return MEMBERS_FINE; /* the scanner accepts nothing of that kind */
	for (uint32_t i = 0; i < n->json.n; i++) {
		uint32_t second = n->json.node[i].type == JSON_OBJECT ? second_name(n, i) : 0;

		if (second) {
			point_to(n, second, pointer);
			return MEMBERS_TWICE;
		}
	}
	return MEMBERS_FINE;
}
