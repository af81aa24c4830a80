/* GraphQL: texts to trees, the rules, limits, and answers over a schema of its own that has what
 * the schema of events has not: lists that may be null, nested objects, an enum. Rules and answers
 * of the real schema are held against graphql-js (tests/cli/graphql.bats). */
#include "gql/gql_run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_check.h"
#include "gql/gql_parse.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- the schema ---- */

struct node {
	const char *name; /* NULL: null */
	const struct node *next;
};

static void node_name(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	const char *name = ((const struct node *)object)->name;

	(void)scope;
	gql_text(value, name ? slice_z(name) : slice(NULL, 0));
}

static void node_next(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	(void)scope;
	value->node = ((const struct node *)object)->next;
	value->form = value->node ? GQL_NODE_OF : GQL_NULL_OF;
}

/* The chain of a node as a list. */
static void chain_item(const struct gql_scope *scope, const void *list, size_t i,
		       struct gql_value *value)
{
	const struct node *node = list;

	(void)scope;
	while (i--)
		node = node->next;
	value->form = GQL_NODE_OF;
	value->node = node;
}

static void node_chain(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	(void)scope;
	*value = (struct gql_value){ .form = GQL_LIST_OF, .node = object, .item = chain_item };
	for (const struct node *n = object; n; n = n->next)
		value->n++;
}

static const struct gql_field node_fields[] = {
	{ .name = "name", .type = "String!", .resolve = node_name },
	{ .name = "maybe", .type = "String", .resolve = node_name },
	{ .name = "next", .type = "Node", .resolve = node_next },
	{ .name = "strict", .type = "Node!", .resolve = node_next },
	{ .name = "chain", .type = "[Node]", .resolve = node_chain },
	{ .name = "chainStrict", .type = "[Node!]", .resolve = node_chain },
	{ .name = NULL },
};
static const struct gql_arg list_args[] = {
	{ .name = "limit", .type = "Int", .value = "3" },
	{ .name = "ids", .type = "[Int!]" },
	{ .name = "color", .type = "Color", .value = "RED" },
	{ .name = "size", .type = "Float" },
	{ .name = "long", .type = "Long" },
	{ .name = "sum", .type = "Decimal" },
	{ .name = "any", .type = "JSON" },
	{ .name = NULL },
};
static const struct gql_arg one_args[] = {
	{ .name = "id", .type = "ID!", .value = "\"first\"" },
	{ .name = NULL },
};
static const struct gql_field query_fields[] = {
	{ .name = "nodes", .type = "[Node]", .args = list_args },
	{ .name = "strictNodes", .type = "[Node!]!" },
	{ .name = "node", .type = "Node", .args = one_args },
	{ .name = "must", .type = "Node!" },
	{ .name = NULL },
};
static const struct gql_field color_values[] = { { .name = "RED" },
						 { .name = "BLUE" },
						 { .name = NULL } };
static const struct gql_type types[] = {
	{ .name = "Query", .kind = GQL_OBJECT, .fields = query_fields },
	{ .name = "Node", .kind = GQL_OBJECT, .fields = node_fields },
	{ .name = "Color", .kind = GQL_ENUM, .fields = color_values },
	{ .name = "Int", .scalar = GQL_INT },
	{ .name = "Float", .scalar = GQL_FLOAT },
	{ .name = "String", .scalar = GQL_STRING },
	{ .name = "Boolean", .scalar = GQL_BOOLEAN },
	{ .name = "ID", .scalar = GQL_ID },
	{ .name = "Long", .scalar = GQL_LONG },
	{ .name = "Decimal", .scalar = GQL_DECIMAL },
	{ .name = "JSON", .scalar = GQL_ANY },
	{ .name = NULL },
};
static const struct gql_schema schema = { .types = types, .query = "Query" };

static const struct node third = { "c", NULL }, second = { NULL, &third }, first = { "a", &second };

/* ---- documents ---- */

static bool is_valid(const char *text, bool *refused)
{
	struct arena arena = { 0 };
	struct gql_errors errors = { .arena = &arena };
	struct gql_doc *doc = gql_parse(slice_z(text), &errors);
	bool valid = doc && gql_check(&schema, doc, &errors);

	if (valid != (errors.n == 0))
		valid = !valid; /* fails the test */
	*refused = errors.refused;
	arena_fini(&arena);
	return valid;
}

static void test_documents(void)
{
	static const char *const good[] = {
		"{nodes{name}}",
		"query{nodes{name}}",
		"\"\"\"what\"\"\" query Q { node { name } } \"of\" fragment F on Node { name } "
		"query R { node { ...F } }",
		"{ nodes(limit: 2, ids: [1 2], color: BLUE, size: 1e3, long: 9007199254740993, "
		"sum: \"1.50\", any: {a: [X, 1.5, {b: null}]}) { name } }",
		"{ nodes(ids: 1, size: 2, limit: null) { name } }",
		"{ a: node(id: 7) { name } a: node(id: 7) { maybe name } }",
		"query($i: Int = 3, $c: Color) { nodes(limit: $i, ids: [1], color: $c) { name } }",
		"query($i: ID = 1) { node(id: $i) { name } }",
		"query($b: Boolean!) { node @skip(if: $b) @include(if: true) { name } }",
		"query($a: [Int!]!) { nodes(ids: $a) { name } }",
		"query($a: Int!) { nodes(ids: [$a, 2]) { name } }",
		"query($a: String) { nodes(any: {x: $a}) { name } }",
		"{ ... on Query { ... { ... @include(if: true) { __typename } } } }",
		"{ ...F } fragment F on Query { node { ...G } } fragment G on Node { name }",
		"{ __type(name: \"Node\") { name fields { name } } __schema { types { name } } }",
		"query A { must { name } } query B { must { name } }",
	};
	static const char *const bad[] = {
		"",
		"{}",
		"{a",
		"{ nodes }",
		"{ nodes { name { x } } }",
		"{ nodes { nam } }",
		"{ nodes() { name } }",
		"{ nodes(limit: 1.5) { name } }",
		"{ nodes(limit: 2147483648) { name } }",
		"{ nodes(limit: \"1\") { name } }",
		"{ nodes(limit: 1, limit: 1) { name } }",
		"{ nodes(ids: [1, null]) { name } }",
		"{ nodes(color: GREEN) { name } }",
		"{ nodes(color: \"RED\") { name } }",
		"{ nodes(long: 9223372036854775808) { name } }",
		"{ nodes(sum: \"x\") { name } }",
		"{ nodes(any: {a: 1, a: 2}) { name } }",
		"{ nodes(limit: 01) { name } }",
		"{ nodes(limit: 1x) { name } }",
		"{ node(id: null) { name } }",
		"{ node(id: true) { name } }",
		"{ node(ids: 1) { name } }",
		"{ __type { name } }",
		"{ node { __schema { types { name } } } }",
		"{ a: node { name } a: must { name } }",
		"{ node { a: name } node { a: maybe } }",
		"{ node(id: 1) { name } node(id: 2) { name } }",
		"query Q { must { name } } query Q { must { name } }",
		"{ must { name } } query Q { must { name } }",
		"mutation { x }",
		"subscription { x }",
		"type A { b: Int }",
		"{ ...F }",
		"{ must { name } } fragment F on Node { name }",
		"{ must { ...F } } fragment F on Node { name next { ...F } }",
		"{ must { ...F } } fragment F on Query { __typename }",
		"{ must { ...F } } fragment F on Nope { name }",
		"{ must { ... on Color { name } } }",
		"{ must { ... on Query { __typename } } }",
		"{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }",
		"fragment on on Query { __typename } { ...on }",
		"query($a: Int) { must { name } }",
		"query($a: Int, $a: Int) { nodes(limit: $a) { name } }",
		"{ nodes(limit: $a) { name } }",
		"query($a: Node) { nodes(any: {a: $a}) { name } }",
		"query($a: Nope) { nodes(any: {a: $a}) { name } }",
		"query($a: String) { nodes(limit: $a) { name } }",
		"query($a: Int) { nodes(ids: [$a]) { name } }",
		"query($a: Boolean) { must @skip(if: $a) { name } }",
		"query($a: Int = \"x\") { nodes(limit: $a) { name } }",
		"query($a: Int = $b, $b: Int) { nodes(limit: $a) { name } }",
		"query($a: [Int]) { nodes(ids: $a) { name } }",
		"{ must @skip { name } }",
		"{ must @skip(if: true) @skip(if: true) { name } }",
		"{ must @nope { name } }",
		"{ must @deprecated { name } }",
		"query @skip(if: true) { must { name } }",
		"{ must @include(if: \"true\") { name } }",
		"\"text\" { must { name } }",
		"{ must { name } } }",
		"query ($a: [Int!) { must { name } }",
	};
	bool refused;

	for (size_t i = 0; i < COUNT(good); i++)
		ok(is_valid(good[i], &refused), "valid: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!is_valid(bad[i], &refused) && !refused, "not valid: %s", bad[i]);
}

/* ---- limits ---- */

/* text n times, between head and tail */
static bool over(const char *head, const char *text, size_t n, const char *tail)
{
	struct buf b = { 0 };
	bool refused;

	buf_addz(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_addz(&b, text);
	buf_addz(&b, tail);
	bool valid = is_valid(buf_z(&b), &refused);
	buf_fini(&b);
	return !valid && refused;
}

static void test_limits(void)
{
	ok(!over("{must{", "name ", 199, "}}") && over("{must{", "name ", 200, "}}"), "200 fields");
	ok(!over("{", "must{name}", 10, "}") && over("{", "must{name}", 11, "}"),
	   "10 fields of the query type");
	ok(!over("{must{", "next{", 10, "name}}}}}}}}}}}}") &&
		   over("{must{", "next{", 11, "name}}}}}}}}}}}}}"),
	   "12 levels");
	ok(over("{must{...F}} fragment F on Node{next{...G}} fragment G on Node{", "next{", 10,
		"name}}}}}}}}}}}"),
	   "12 levels through fragments");
	ok(!over("{must{name}}", " ", 65524, "") && over("{must{name}}", " ", 65525, ""),
	   "64 KiB of text");
	ok(over("{nodes(any:[", "1,", 2000, "]){name}}"), "2,000 tokens");
	ok(over("{nodes(any:", "[", 13, ""), "12 lists within each other");
	ok(over("query($a:", "[", 13, ""), "12 types within each other");
	ok(over("{__schema{types{fields{type{fields{type{fields{name}}}}}}}}", "", 0, "") &&
		   !over("{__schema{types{fields{type{fields{name}}}}}}", "", 0, ""),
	   "lists of introspection within each other");

	/* each fragment spreads the next one ten times: 10^20 fields */
	struct buf b = { 0 };
	bool refused;
	buf_addz(&b, "{...F0}");
	for (unsigned i = 0; i < 20; i++) {
		buf_printf(&b, " fragment F%u on Query{", i);
		for (unsigned k = 0; k < 10; k++)
			buf_printf(&b, " ...F%u", i + 1);
		buf_addc(&b, '}');
	}
	buf_addz(&b, " fragment F20 on Query{must{name}}");
	ok(!is_valid(buf_z(&b), &refused) && refused, "fragments that double");
	buf_fini(&b);
}

/* ---- answers ---- */

/* Calls are given the chain a, null, c; `node` one of them by its id; one of id "away" fails. */
static void fetch(struct gql_run *run)
{
	for (size_t i = 0; i < gql_run_calls(run); i++) {
		const struct gql_call *call = gql_run_call(run, i);
		struct slice id = gql_call_text(call, "id");

		if (slice_is(id, "away"))
			gql_run_fail(run, i, slice_z("it is away"));
		else if (id.p && !slice_is(id, "none"))
			gql_run_row(run, i, slice_is(id, "second") ? &second : &first);
		else if (!id.p)
			for (const struct node *n = &first; n && gql_run_row(run, i, n);
			     n = n->next)
				;
	}
}

static void answers(const char *query, const char *variables, const char *want)
{
	struct gql_question question = { .query = slice_z(query) };
	struct buf out = { 0 };
	struct json json = { 0 };

	if (variables && json_parse(&json, slice_z(variables), NULL) == 0)
		question.json = &json;
	struct gql_run *run = gql_run_new(&schema, &question);
	fetch(run);
	gql_run_answer(run, &out);
	is_bytes(out.p, out.n, want, query);
	gql_run_free(run);
	buf_fini(&out);
	json_fini(&json);
}

#define NO_NAME                                                                                 \
	"the field \\\"name\\\" of Node has no value, and its type is String!\",\"locations\":" \
	"[{\"line\":1,\"column\":"

static void test_answers(void)
{
	answers("{ node { b: maybe name x: maybe } }", NULL,
		"{\"data\":{\"node\":{\"b\":\"a\",\"name\":\"a\",\"x\":\"a\"}}}");
	answers("{ node(id: \"none\") { name } z: __typename }", NULL,
		"{\"data\":{\"node\":null,\"z\":\"Query\"}}");
	answers("{ node { ...F next { maybe } } } fragment F on Node { next { __typename } name }",
		NULL,
		"{\"data\":{\"node\":{\"next\":{\"__typename\":\"Node\",\"maybe\":null},"
		"\"name\":\"a\"}}}");
	answers("{ nodes(limit: 2) { maybe } }", NULL,
		"{\"data\":{\"nodes\":[{\"maybe\":\"a\"},{\"maybe\":null}]}}");
	answers("{ nodes(limit: 0) { maybe } }", NULL, "{\"data\":{\"nodes\":[]}}");
	answers("{ nodes { name } }", NULL,
		"{\"errors\":[{\"message\":\"" NO_NAME "11}],\"path\":[\"nodes\",1,\"name\"]}],"
		"\"data\":{\"nodes\":[{\"name\":\"a\"},null,{\"name\":\"c\"}]}}");
	answers("{ strictNodes { name } z: __typename }", NULL,
		"{\"errors\":[{\"message\":\"" NO_NAME
		"17}],\"path\":[\"strictNodes\",1,\"name\"]}],"
		"\"data\":null}");
	answers("{ node { maybe chain { name } } }", NULL,
		"{\"errors\":[{\"message\":\"" NO_NAME
		"24}],\"path\":[\"node\",\"chain\",1,\"name\"]}],\"data\":{\"node\":{\"maybe\":"
		"\"a\",\"chain\":[{\"name\":\"a\"},null,{\"name\":\"c\"}]}}}");
	answers("{ node { maybe chainStrict { name } } }", NULL,
		"{\"errors\":[{\"message\":\"" NO_NAME
		"30}],\"path\":[\"node\",\"chainStrict\",1,\"name\"]}],\"data\":{\"node\":{"
		"\"maybe\":\"a\",\"chainStrict\":null}}}");
	answers("{ node { strict { name } } }", NULL,
		"{\"errors\":[{\"message\":\"" NO_NAME
		"19}],\"path\":[\"node\",\"strict\",\"name\"]}],\"data\":{\"node\":null}}");
	answers("{ node(id: \"away\") { name } }", NULL,
		"{\"errors\":[{\"message\":\"it is "
		"away\",\"locations\":[{\"line\":1,\"column\":3}],"
		"\"path\":[\"node\"]}],\"data\":{\"node\":null}}");
	answers("{ node @skip(if: true) { name } }", NULL, "{\"data\":{}}");
	answers("query($b: Boolean!) { node { name @include(if: $b) maybe @skip(if: $b) } }",
		"{\"b\":true}", "{\"data\":{\"node\":{\"name\":\"a\"}}}");
	answers("query($i: ID = \"none\") { node(id: $i) { maybe } }", NULL,
		"{\"data\":{\"node\":null}}");
	answers("query($i: ID = \"none\") { node(id: $i) { maybe } }", "{\"i\":\"second\"}",
		"{\"data\":{\"node\":{\"maybe\":null}}}");
	answers("query($i: ID = \"none\") { node(id: $i) { maybe } }", "{\"i\":null}",
		"{\"errors\":[{\"message\":\"the argument \\\"id\\\" must not be "
		"null\",\"locations\":"
		"[{\"line\":1,\"column\":26}],\"path\":[\"node\"]}],\"data\":{\"node\":null}}");
	answers("query($n: Int!) { nodes(limit: $n) { maybe } }", "{\"n\":1.0}",
		"{\"data\":{\"nodes\":[{\"maybe\":\"a\"}]}}");
	answers("query($n: Int!) { nodes(limit: $n) { maybe } }", "{\"n\":\"1\"}",
		"{\"errors\":[{\"message\":\"the variable \\\"$n\\\": a string is not of the type "
		"Int!\",\"locations\":[{\"line\":1,\"column\":7}]}]}");
	answers("query($n: Int!) { nodes(limit: $n) { maybe } }", NULL,
		"{\"errors\":[{\"message\":\"the variable \\\"$n\\\" of the type Int! is missing\","
		"\"locations\":[{\"line\":1,\"column\":7}]}]}");
	answers("query($c: Color) { nodes(color: $c limit: 1) { maybe } }", "{\"c\":\"BLUE\"}",
		"{\"data\":{\"nodes\":[{\"maybe\":\"a\"}]}}");
	answers("{ nodes(limit: 1001) { name } }", NULL,
		"{\"errors\":[{\"message\":\"the field \\\"nodes\\\": limit is 1001, and may be 0 "
		"to "
		"1000\",\"locations\":[{\"line\":1,\"column\":3}]}]}");
	answers("{ __type(name: \"Color\") { kind enumValues { name } fields { name } ofType { "
		"name } "
		"} no: __type(name: \"No\") { name } }",
		NULL,
		"{\"data\":{\"__type\":{\"kind\":\"ENUM\",\"enumValues\":[{\"name\":\"RED\"},"
		"{\"name\":\"BLUE\"}],\"fields\":null,\"ofType\":null},\"no\":null}}");
}

static void test_arguments(void)
{
	struct gql_question question = {
		.query = slice_z(
			"query($v: JSON, $w: JSON) { nodes(any: {a: $v, b: $w, c: [$w], d: X},"
			" sum: 1.50, long: -9007199254740993) { name } }"),
	};
	struct json json = { 0 };
	struct buf out = { 0 };
	int64_t n = 0;

	ok(json_parse(&json, slice_z("{\"v\":{\"k\\n\":[1.50,\"\\u00e9\",null,true]}}"), NULL) == 0,
	   "variables");
	question.json = &json;
	struct gql_run *run = gql_run_new(&schema, &question);
	ok(gql_run_calls(run) == 1 && gql_run_ready(run, NULL), "one call");
	const struct gql_call *call = gql_run_call(run, 0);
	ok(gql_call_json(call, "any", &out), "there is a value");
	is_bytes(out.p, out.n, "{\"a\":{\"k\\n\":[1.50,\"é\",null,true]},\"c\":[null],\"d\":\"X\"}",
		 "variables stand in their places, a missing member is left out");
	ok(slice_is(gql_call_text(call, "sum"), "1.50"), "a decimal keeps its digits");
	ok(gql_call_int(call, "long", &n) && n == -9007199254740993, "an integer of 64 bits");
	ok(!gql_call_text(call, "ids").p && !gql_call_json(call, "ids", &out),
	   "a missing argument");
	is_int(call->limit, 3, "the limit is the default");
	gql_run_free(run);
	json_fini(&json);
	buf_fini(&out);
}

static void test_full(void)
{
	struct gql_question question = { .query = slice_z("{ nodes(limit: 1000) { name } "
							  "strictNodes { name } }") };
	char *text = memset(mem_alloc(1 << 20), 'x', 1 << 20);
	struct buf out = { 0 };
	unsigned rows = 0;

	text[(1 << 20) - 1] = '\0';
	struct node large = { text, NULL };
	struct gql_run *run = gql_run_new(&schema, &question);
	while (gql_run_row(run, 0, &large))
		rows++;
	ok(rows > 14 && rows < 18, "an answer is full at 16 MiB");
	ok(!gql_run_row(run, 1, &first) && !gql_run_row(run, 1, &first), "for all calls");
	gql_run_answer(run, &out);
	ok(strstr(buf_z(&out), "larger than 16 MiB") != NULL, "and says so");
	gql_run_free(run);
	buf_fini(&out);
	free(text);
}

int main(void)
{
	test_documents();
	test_limits();
	test_answers();
	test_arguments();
	test_full();
	return done();
}
