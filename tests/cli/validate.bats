# hta-validate: records by a JSON Schema.
load ../helpers
setup() { cd "$BATS_TEST_TMPDIR"; }

# A schema from stdin, in the file that is named.
schema() { cat >"${1:-s.json}"; }

# Part of what the last program said, as it stands.
told() { grep -qF -e "$1" <<<"$stderr" || { echo "not told: $1"; echo "$stderr"; return 1; }; }

# The reasons of what is not valid, a line each.
reasons() {
	rm -f dead
	feed hta-validate --dead dead "$@"
	[ ! -e dead ] || jq -r .reason dead
}

@test "-v says which way a schema goes, and which keyword is why" {
	mkdir d
	schema d/fields.json <<<'{"type":"object","properties":{"k":{"type":"string"},"o":{"additionalProperties":false}}}'
	schema d/closed.json <<<'{"allOf":[{"$ref":"fields.json"},{"additionalProperties":{"type":"integer"}}]}'
	schema d/other.json <<<'{"$ref":"closed.json"}'
	schema d/any.json <<<'{"properties":{"k":{}},"anyOf":[{"required":["a"]}]}'
	schema d/patterns.json <<<'{"patternProperties":{"a/b":{"type":"integer"}}}'
	schema d/names.json <<<'{"propertyNames":{"maxLength":9}}'
	schema d/array.json <<<'{"type":"array"}'
	schema d/never.json <<<'false'
	jq -nc '{required: [range(100) | "f\(.)"]}' | schema d/wide.json
	feed hta-validate -v --schemas d --type k --dead drop <<<'{"k":"fields"}'
	told 'fields.json: good records are told by their fields'
	told 'closed.json: good records are told by a tree of them, because of #/allOf/1/additionalProperties'
	told 'other.json: good records are told by a tree of them, because of closed.json#/allOf/1/additionalProperties'
	told 'any.json: good records are told by a tree of them, because of #/anyOf'
	told 'patterns.json: good records are told by a tree of them, because of #/patternProperties/a~1b'
	told 'names.json: good records are told by a tree of them, because of #/propertyNames'
	told 'array.json: good records are told by a tree of them, because of #/type'
	told 'never.json: good records are told by a tree of them, because of #'
	told 'wide.json: good records are told by a tree of them, because of more fields than the scanner takes'
	feed hta-validate --schemas d --type k <<<'{"k":"fields"}'
	[ -z "$stderr" ]
}

@test "what is valid is written as it came, the reason says where and why" {
	schema <<-'END'
		{"type":"object","required":["id"],"properties":{"id":{"type":"integer"},
		 "payload":{"type":"object","properties":{"price":{"type":"number","minimum":0}}}}}
	END
	printf '%s\n' '{"id":1.0, "payload":{"price":0}}' '{"id":2,"payload":{"price":-3}}' '{"payload":{}}' '{"id":"\u0031"}' '' '[1]' >in
	fails_with 65 hta-validate --schema s.json in
	told 'in:2: /payload/price: -3 is less than minimum 0 (#/properties/payload/properties/price/minimum)'
	says '4 of 6 lines were bad; the others are passed on'
	expect <<<'{"id":1.0, "payload":{"price":0}}'
	reasons --schema s.json <in >got
	diff -u got - <<-'END'
		/payload/price: -3 is less than minimum 0 (#/properties/payload/properties/price/minimum)
		(root): {"payload":{}} lacks "id" (#/required)
		/id: "1" is not of type "integer" (#/properties/id/type)
		an array, and a line is one object: jq -c '.[]' writes a line an element
	END
}

@test "every keyword has a reason of its own" {
	while IFS=$'\t' read -r keyword value record want; do
		schema <<<"{\"properties\":{\"v\":{\"$keyword\":$value}}}"
		[ "$(reasons --schema s.json <<<"$record")" = "/v$want#/properties/v/$keyword)" ] || { cat dead; return 1; }
	done <<-'END'
		type	["string","null"]	{"v":1}	: 1 is not of type ["string","null"] (
		const	{"a":[1.0]}	{"v":{"a":[2]}}	: {"a":[2]} is none of the values {"a":[1.0]} (
		enum	["a",1]	{"v":"b"}	: "b" is none of the values ["a",1] (
		maximum	9007199254740993	{"v":9007199254740994}	: 9007199254740994 is more than maximum 9007199254740993 (
		exclusiveMinimum	0	{"v":-0.0}	: -0.0 is not above exclusiveMinimum 0 (
		exclusiveMaximum	1e400	{"v":10e399}	: 10e399 is not below exclusiveMaximum 1e400 (
		multipleOf	0.01	{"v":0.075}	: 0.075 is not a multiple of 0.01 (
		minLength	2	{"v":"é"}	: "é" is shorter than minLength 2 (
		maxLength	1	{"v":"\"\n"}	: "\"\n" is longer than maxLength 1 (
		pattern	"^a$"	{"v":"a\n"}	: "a\n" does not match "^a$" (
		format	"uuid"	{"v":"x"}	: "x" is not of format "uuid" (
		minItems	1	{"v":[]}	: [] has fewer items than minItems 1 (
		maxItems	1	{"v":[1,2]}	: [1,2] has more items than maxItems 1 (
		uniqueItems	true	{"v":[1,{"a":1,"b":2},{"b":2.0,"a":1}]}	: [1,{"a":1,"b":2},{"b":2.0,"a":1}] has equal items (
		contains	{"const":1}	{"v":[2]}	: [2] has the wrong number of items that match contains (
		minProperties	1	{"v":{}}	: {} has fewer members than minProperties 1 (
		maxProperties	1	{"v":{"a":1,"b":1,"b":1}}	: {"a":1,"b":1,"b":1} has more members than maxProperties 1 (
		required	["a","b"]	{"v":{"a":1}}	: {"a":1} lacks "b" (
		dependentRequired	{"a":["b"]}	{"v":{"a":1}}	: {"a":1} lacks "b", which goes with "a" (
		additionalProperties	false	{"v":{"a/b":1}}	/a~1b: 1 is not allowed (
		propertyNames	false	{"v":{"a":1}}	/a: "a" is not allowed (
		anyOf	[false]	{"v":1}	: 1 matches no schema of anyOf (
		oneOf	[true,true]	{"v":1}	: 1 matches not exactly one schema of oneOf (
		not	true	{"v":1}	: 1 matches the schema of not (
	END
}

@test "a long value is cut between characters" {
	schema <<<'{"properties":{"v":{"type":"integer"}}}'
	[ "$(reasons --schema s.json <<<"{\"v\":\"$(printf 'é%.0s' {1..100})\"}" | grep -o 'é' | wc -l)" = 31 ]
	grep -q '\.\.\. is not of type' dead
}

@test "a schema that is refused, or broken, is told at the start with its place" {
	while IFS=$'\t' read -r text want; do
		schema <<<"$text"
		fails_with 78 hta-validate --schema s.json <<<'{}'
		told "$want"
		[ ! -s "$out" ]
	done <<-'END'
		{"unevaluatedItems":true}	s.json#/unevaluatedItems: unevaluatedItems is not done
		{"items":{"unevaluatedProperties":false}}	s.json#/items/unevaluatedProperties: unevaluatedProperties is not done
		{"$dynamicRef":"#a"}	$dynamicRef is not done
		{"$dynamicAnchor":"a"}	$dynamicAnchor is not done
		{"$recursiveRef":"#"}	$recursiveRef is not done
		{"$vocabulary":{}}	$vocabulary is not done
		{"contentSchema":{}}	contentSchema is not done
		{"$schema":"http://json-schema.org/draft-07/schema#"}	no other draft is known
		{"$ref":"https://example.com/a"}	s.json#/$ref: "https://example.com/a" is in none of the files
		{"$ref":"#/$defs/a"}	"#/$defs/a" leads nowhere
		{"$ref":"#"}	leads back to itself
		{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"anyOf":[true,{"$ref":"#/$defs/a"}]}}}	leads back to itself
		{"properties":{"a~b":{"minimum":"1"}}}	s.json#/properties/a~0b/minimum: must be a number
		{"type":"float"}	s.json#/type: must be null, boolean
		{"items":[]}	s.json#/items: must be one schema
		{"allOf":[]}	must be an array of at least one schema
		{"required":"a"}	must be an array of names
		{"multipleOf":0}	must be a number above 0
		{"not":1}	s.json#/not: must be a schema
		{"pattern":"a++"}	s.json#/pattern: pattern "a++", byte 3: nothing to repeat
		{"pattern":"("}	s.json#/pattern: pattern "(": missing closing parenthesis
		{"pattern":"(?<=a+)b"}	lookbehind assertion is not fixed length
		{"pattern":"\\Aa"}	no such escape in ECMA-262
		{"format":"hostname"}	format "hostname" is not checked
		{"a":	s.json: byte
		{"properties":{"a":{"type":"string"},"\u0061":{}}}	s.json#/properties/a: is there twice
		{"const":"\ud800"}	s.json#/const: half of a surrogate pair is no text
		[]	must be a schema
	END
	fails_with 78 hta-validate --schema none.json </dev/null
	says 'none.json: No such file'
	schema <<<'{"format":"hostname","properties":{"v":{"format":"color"}}}'
	feed hta-validate --formats annotate --schema s.json <<<'{"v":"x"}'
}

@test "options that do not fit" {
	schema <<<true
	fails_with 64 hta-validate </dev/null
	says 'give --schema FILE, or --schemas DIR and --type PATH'
	fails_with 64 hta-validate --schema s.json --type a </dev/null
	says 'go together'
	fails_with 64 hta-validate --schemas . </dev/null
	fails_with 64 hta-validate --schemas . --type .a. </dev/null
	told 'path ".a."'
	fails_with 78 hta-validate --schema . </dev/null
}

@test "a folder of schemas, by type; files refer to each other" {
	mkdir d
	schema d/order.json <<<'{"properties":{"p":{"$ref":"common.json#/$defs/price"}}}'
	schema d/view.json <<<'{"$id":"https://x/view","properties":{"p":{"$ref":"https://x/c#price"}},"additionalProperties":false}'
	schema d/common.json <<<'{"$id":"https://x/c","$defs":{"price":{"$anchor":"price","minimum":0}}}'
	schema d/.hidden.json <<<'{'
	printf '%s\n' '{"t":"order","p":1}' '{"t":"order","p":-1}' '{"t":"view","p":-1}' '{"\u0074":"or\u0064er"}' '{"p":1}' '{"t":1}' '{"t":"../order"}' '{"t":".hidden"}' '{"t":"none"}' '{"t":""}' >in
	reasons --schemas d --type t in >got
	diff -u got - <<-'END'
		/p: -1 is less than minimum 0 (common.json#/$defs/price/minimum)
		/t: "view" is not allowed (#/additionalProperties)
		t is missing, which names the schema
		t is not a string
		the type "../order" is no name of a schema
		the type ".hidden" is no name of a schema
		no schema for the type "none"
		the type "" is no name of a schema
	END
	[ "$(wc -l <"$out")" = 2 ]
	schema d/broken.json <<<'{'
	fails_with 78 hta-validate --schemas d --type t in
	says 'broken.json: byte'
}

@test "costs are bounded: a pattern, a long text, references that multiply, a long list" {
	schema <<-'END'
		{"$defs":{"n":{"anyOf":[{"properties":{"a":{"$ref":"#/$defs/n"},"x":false}},{"properties":{"a":{"$ref":"#/$defs/n"},"y":false}}]}},
		 "properties":{"p":{"pattern":"^(a+)+$"},"q":{"pattern":"a*[bc]"},"n":{"$ref":"#/$defs/n"},"l":{"uniqueItems":true}}}
	END
	python3 - >in <<-'END'
		import json
		deep = {"x": 1, "y": 1}
		for _ in range(100): deep = {"a": deep}
		for record in ({"p": "a" * 40 + "b"}, {"q": "a" * 900000}, {"n": deep}, {"p": "a" * 900000}, {"l": list(range(100000))}, {"l": [*range(100000), 7.0]}):
		    print(json.dumps(record))
	END
	# seconds of the processor
	(ulimit -t 20 && reasons --schema s.json in) >got
	grep -o 'pattern too costly.*\|validation too costly\|has equal items' got | diff -u - /dev/fd/3 3<<-'END'
		pattern too costly (#/properties/p/pattern)
		pattern too costly (#/properties/q/pattern)
		validation too costly
		has equal items
	END
	[ "$(wc -l <"$out")" = 2 ]
}

@test "the public suite: every case of what is claimed passes, the rest is refused by name" {
	suite=/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests	# Debian: libtest-json-schema-acceptance-perl
	python3 "$tests/cli/validate_suite.py" "$suite"
}

@test "the answers of another implementation, over made schemas and records" {
	python3 "$tests/cli/validate_diff.py" --seed 1 --schemas 300
}

@test "an acknowledged stream: books balance, control records pass" {
	schema <<<'{"properties":{"status":{"type":"integer","maximum":404}}}'
	hta-gen --count 20000 --step 1ms --bad-prob 1% >in
	feed pipe 'hta-consume --job f in -e | hta-validate --schema s.json --dead drop | hta-window --every 1h --by status --dead drop | hta-sink-sqlite --init db | hta-commit -v'
	python3 - <<-'END' >want
		import collections, json
		n = collections.Counter()
		for line in open("in", "rb"):
		    try:
		        status = json.loads(line)["status"]
		    except (ValueError, KeyError, TypeError):
		        continue
		    if isinstance(status, int) and status <= 404:
		        n[status] += 1
		print("\n".join("%d %d" % x for x in sorted(n.items())))
	END
	sqlite3 -separator ' ' db "SELECT dims ->> 'status', sum(count) FROM hta_rollups WHERE dims ->> 'status' IS NOT NULL GROUP BY 1 ORDER BY 1" >got
	[ -s want ]
	cmp got want
}
