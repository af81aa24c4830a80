/* json_parse: the table covers the text in order, says the same of a text written anew from it,
 * and the getters agree with the nodes. That the scanner takes and refuses the same lines is
 * fuzz_scan's; that jq does, jq_diff's. */
#include "fuzz.h"

#include "json/json.h"

/* Nodes lie within their parent, in order, without overlap. */
static void check_tree(const struct json *j, struct slice text)
{
	for (uint32_t i = 0; i < j->n; i++) {
		const struct json_node *node = &j->node[i];
		const char *end = node->text.p + node->text.n, *from = node->text.p;
		MUST(node->next > i && node->next <= j->n && from >= text.p &&
		     end <= text.p + text.n);
		MUST(node->next == i + 1 || node->type == JSON_ARRAY || node->type == JSON_OBJECT);
		MUST(!node->escaped ||
		     (node->type == JSON_STRING && memchr(node->text.p, '\\', node->text.n)));
		unsigned children = 0;
		for (uint32_t k = json_first(j, i); k < node->next;
		     k = j->node[k].next, children++) {
			MUST(j->node[k].next <= node->next && j->node[k].text.p > from &&
			     j->node[k].text.p + j->node[k].text.n < end);
			MUST(node->type != JSON_OBJECT || children % 2 ||
			     j->node[k].type == JSON_STRING);
			from = j->node[k].text.p + j->node[k].text.n;
		}
		MUST(node->type != JSON_OBJECT || children % 2 == 0);
	}
	MUST(j->n > 0 && j->node[0].next == j->n);
}

/* A string that does not decode stands as it is. */
static void rewrite_string(const struct json *j, uint32_t at, struct buf *out)
{
	struct buf text = { 0 };
	if (json_string(j, at, &text) == 0) {
		MUST(str_utf8(text.p, text.n) && json_is(j, at, buf_slice(&text)));
		json_quote(out, buf_slice(&text));
	} else {
		buf_addc(out, '"');
		buf_adds(out, j->node[at].text);
		buf_addc(out, '"');
	}
	buf_fini(&text);
}

/* Without white space, strings decoded and quoted anew. At most JSON_DEPTH deep, as the reader
 * saw to. */
static void rewrite(const struct json *j, uint32_t at, struct buf *out)
{
	const struct json_node *node = &j->node[at];
	bool object = node->type == JSON_OBJECT;
	if (node->type == JSON_STRING) {
		rewrite_string(j, at, out);
		return;
	}
	if (!object && node->type != JSON_ARRAY) {
		buf_adds(out, node->text);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	bool value = false;
	for (uint32_t i = json_first(j, at); i < node->next; i = j->node[i].next, value = !value) {
		if (i > at + 1)
			buf_addc(out, object && value ? ':' : ',');
		rewrite(j, i, out);
	}
	buf_addc(out, object ? '}' : ']');
}

static void check_rewritten(const struct json *j)
{
	struct buf once = { 0 }, twice = { 0 };
	struct json again = { 0 };
	rewrite(j, 0, &once);
	MUST(json_parse(&again, buf_slice(&once), NULL) == 0 && again.n == j->n);
	for (uint32_t i = 0; i < j->n; i++)
		MUST(again.node[i].type == j->node[i].type &&
		     again.node[i].next == j->node[i].next);
	rewrite(&again, 0, &twice);
	MUST(slice_eq(buf_slice(&once), buf_slice(&twice)));
	/* cut short */
	MUST(j->node[0].type < JSON_STRING || json_parse(&again, slice(once.p, once.n - 1), NULL));
	json_fini(&again);
	buf_fini(&once);
	buf_fini(&twice);
}

static void check_numbers(const struct json *j, uint32_t at)
{
	const dec unit = 1000000000;
	uint64_t u;
	int64_t i;
	dec v;
	bool is_dec = json_dec(j, at, &v);
	if (j->node[at].type == JSON_NUMBER)
		MUST(dec_parse_sum(j->node[at].text, &(dec){ 0 }) != DEC_SYNTAX);
	if (json_u64(j, at, &u))
		MUST(is_dec && v == (dec)u * unit);
	if (json_i64(j, at, &i))
		MUST(is_dec && v == (dec)i * unit);
}

/* The last of equal keys is what json_get finds. */
static void check_members(const struct json *j, uint32_t at)
{
	struct buf name = { 0 };
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		uint32_t last = 0;
		name.n = 0;
		if (json_string(j, i, &name) || (name.n && memchr(name.p, 0, name.n)))
			continue;
		for (uint32_t k = json_first(j, at); k < j->node[at].next; k = j->node[k + 1].next)
			if (json_is(j, k, buf_slice(&name)))
				last = k + 1;
		MUST(json_get(j, at, buf_z(&name)) == last && last >= i + 1);
	}
	buf_fini(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;
	struct slice text = slice((const char *)data, n);
	if (json_parse(&j, text, &err)) {
		MUST(err.code == EX_DATAERR && err.msg[0] && j.n == 0);
	} else {
		check_tree(&j, text);
		check_rewritten(&j);
		for (uint32_t i = 0; i < j.n; i++) {
			check_numbers(&j, i);
			if (j.node[i].type == JSON_OBJECT && j.node[i].next - i < 64)
				check_members(&j, i);
		}
	}
	json_fini(&j);
	return 0;
}
