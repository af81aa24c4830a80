/* Candidates of held values: what is taken is written back as JSON that makes the same candidate,
 * and is merged as bytes are. */
#include "fuzz.h"

#include "json/json.h"
#include "sketch/sketch_kind.h"
#include "sketch/held.h"

/* The order of the value that JSON says, behind the same by and time. */
static void check_value(struct slice candidate, struct slice json)
{
	struct json j = { 0 };
	struct held_value v = { .text = json }, none = { .type = HELD_NONE };
	struct buf text = { 0 }, again = { 0 };
	MUST(json_parse(&j, json, NULL) == 0);
	switch (j.node[0].type) {
	case JSON_TRUE:
	case JSON_FALSE:
		v.type = j.node[0].type == JSON_TRUE ? HELD_TRUE : HELD_FALSE;
		break;
	case JSON_NUMBER:
		v.type = HELD_NUMBER;
		MUST(held_number_ok(v.text));
		break;
	default:
		MUST(j.node[0].type == JSON_STRING && json_string(&j, 0, &text) == 0);
		v.type = HELD_STRING;
		v.text = buf_slice(&text);
	}
	held_candidate(none, 0, v, &again);
	/* behind the byte of none and the time */
	MUST(again.n > 9 && candidate.n >= again.n);
	MUST(memcmp(again.p + 9, candidate.p + candidate.n - (again.n - 9), again.n - 9) == 0);
	json_fini(&j);
	buf_fini(&text);
	buf_fini(&again);
}

static void check_merges(struct slice candidate)
{
	struct buf other = { 0 };
	held_candidate((struct held_value){ .type = HELD_NONE }, 0,
		       (struct held_value){ .type = HELD_TRUE }, &other);
	for (int kind = SKETCH_LOWEST; kind <= SKETCH_HIGHEST; kind++) {
		struct buf a = { 0 }, b = { 0 };
		int c = slice_cmp(candidate, buf_slice(&other));
		bool first = kind == SKETCH_LOWEST ? c < 0 : c > 0;
		MUST(sketch_merge_bytes((enum sketch_kind)kind, candidate, buf_slice(&other), &a));
		MUST(sketch_merge_bytes((enum sketch_kind)kind, buf_slice(&other), candidate, &b));
		MUST(slice_eq(buf_slice(&a), first ? candidate : buf_slice(&other)));
		MUST(slice_eq(buf_slice(&a), buf_slice(&b)));
		buf_fini(&a);
		buf_fini(&b);
	}
	buf_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice bytes = slice((const char *)data, n);
	struct held *h = held_decode(bytes);
	struct buf json = { 0 };
	MUST(held_json(bytes, &json) == (h != NULL));
	if (h) {
		MUST(slice_eq(held_peek(h), bytes));
		check_value(bytes, buf_slice(&json));
		check_merges(bytes);
	}
	held_free(h);
	buf_fini(&json);
	return 0;
}
