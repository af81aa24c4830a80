# Avro and registries of schemas: hta-consume --decode against a real registry, and a stub for its faults.
load ../helpers

setup() {
	with_service kafka
	cd "$BATS_TEST_TMPDIR" || return
	topic=$HTA_PREFIX.$BATS_TEST_NUMBER
	topic_new "$topic" 1
	order='{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"item","type":"string"}]}'
}

bytes_of() { python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$1"; } # HEX

# Messages in hex, one each, in their order.
messages() { # HEX...
	local hex n=0 files=()
	for hex; do
		n=$((n + 1))
		bytes_of "$hex" >"message.$n"
		files+=("message.$n")
	done
	kcat -P -b "$HTA_BROKERS" -t "$topic" -p 0 "${files[@]}"
}

decode() { hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode avro --registry "$registry" "$@"; }

# A registry with faults (tests/mock/registry.py): what it answers is in the here-doc, its URL in $registry.
stub() {
	cat >answers
	spawn stub python3 -B "$tests/mock/registry.py" answers .
	wait_until 60 test -s port
	registry=http://127.0.0.1:$(<port)
}
stub_schema() { jq -nc --arg s "$1" '{schema: $s} + $ARGS.named.more' --argjson more "${2:-{\}}"; }
asked() { cut -d ' ' -f 1 asked; }

# A registry of Apicurio: a subject of this test's own.
with_registry() {
	with_service registry
	registry=$HTA_TEST_REGISTRY
}
register() { # SUBJECT SCHEMA [REFERENCES [TYPE]]: prints the id
	jq -nc --arg s "$2" --argjson r "${3:-[]}" --arg t "${4:-AVRO}" '{schema: $s, schemaType: $t, references: $r}' |
		curl -sSf -H 'Content-Type: application/vnd.schemaregistry.v1+json' --data-binary @- \
			"$registry/subjects/$1/versions" | jq .id
}
framed() { # ID HEX
	printf '00%08x%s' "$1" "$2"
}

# ---- a real registry

@test "records leave as lines, and what cannot be read is a dead letter" {
	with_registry
	local id other
	id=$(register "$topic-value" "$order")
	messages "$(framed "$id" 82808080808080200668c3a9)" 7b7d "$(framed "$id" 0402)" "$(framed "$id" 04027800)" "$(framed "$id" 060265)"
	feed decode --dead dead
	expect <<-'END'
		{"id":9007199254740993,"item":"hé"}
		{"id":3,"item":"e"}
	END
	jq -r '[.offset, .reason, .record] | @tsv' dead >"$out"
	expect <<-END
		1	no schema id: the message begins neither with a byte 0 and four of an id, nor has it a header __value_schema_id	{}
		2	schema $id: byte 3: Order.item: the record ends: 0 bytes are left of 1	$(bytes_of "$(framed "$id" 0402)" | base64)
		3	schema $id: byte 4: Order: 1 bytes are left behind the record	$(bytes_of "$(framed "$id" 04027800)" | base64)
	END
	# past librdkafka, as above, or through it
	mv dead direct
	feed decode --dead dead -X check.crcs=true
	cmp <(jq -c 'del(.at)' dead) <(jq -c 'del(.at)' direct)
	[ "$(wc -l <"$out")" = 2 ]
	other=$(register "$topic-p" 'syntax = "proto3"; message M { int32 a = 1; }' '[]' PROTOBUF)
	messages "$(framed "$other" 000801)"
	feed decode -o -1 --dead dead
	[ "$(tail -n 1 dead | jq -r .reason)" = "schema $other: is of Protobuf, not of Avro" ]
}

# The text of a value behind its frame, as hex.
text_hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
json_schema='{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"id":{"type":"integer"}}}'

@test "JSON behind the frame is the line, and the registry need not be there" {
	with_registry
	local id way
	id=$(register "$topic-value" "$json_schema" '[]' JSON)
	messages "$(framed "$id" "$(text_hex '{"id":9007199254740993,"item":"hé"}')")" 7b7d "$(framed "$id" "$(text_hex $'{\n "id": 2 }')")" \
		"$(framed "$id" '')" "$(framed "$id" 0402)" "$(framed 99 "$(text_hex '[1]')")" "$(framed "$id" "$(text_hex '{"id":3}')")"
	# past librdkafka, and through it
	for way in false true; do
		feed hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode json --dead dead.$way -X check.crcs=$way
		expect <<-'END'
			{"id":9007199254740993,"item":"hé"}
			{  "id": 2 }
			[1]
			{"id":3}
		END
		jq -r '[.offset, .reason, .record] | @tsv' dead.$way >"$out"
		expect <<-END
			1	no schema id: the message begins neither with a byte 0 and four of an id, nor has it a header __value_schema_id	{}
			3	schema $id: not JSON behind the schema id: --decode avro reads Avro	$(bytes_of "$(framed "$id" '')" | base64)
			4	schema $id: not JSON behind the schema id: --decode avro reads Avro	$(bytes_of "$(framed "$id" 0402)" | base64)
		END
	done
	fails_with 65 hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode json
	says '3 of 7 records were longer than --max-line, or could not be decoded, and left out'
	# who asks for Avro is told
	feed decode -o -1 --dead dead
	[ "$(jq -r .reason dead)" = "schema $id: is of JSON Schema, not of Avro: --decode json reads it" ]
}

@test "the registry says of each schema whether it is of Avro or of JSON" {
	with_registry
	local avro json proto
	avro=$(register "$topic-value" "$order")
	json=$(register "$topic-json" "$json_schema" '[]' JSON)
	proto=$(register "$topic-p" 'syntax = "proto3"; message M { int32 a = 1; }' '[]' PROTOBUF)
	messages "$(framed "$avro" 020261)" "$(framed "$json" "$(text_hex '{"id":2}')")" "$(framed "$proto" 000801)" "$(framed "$avro" 060263)"
	kcat -P -b "$HTA_BROKERS" -t "$topic" -p 0 -H '__value_schema_id=x' <<<'{"id":5}'
	feed hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode registry --registry "$registry" --dead dead
	expect <<-'END'
		{"id":1,"item":"a"}
		{"id":2}
		{"id":3,"item":"c"}
	END
	[ "$(jq -c '[.offset, .reason]' dead | head -n 1)" = "[2,\"schema $proto: is of Protobuf, not of Avro or JSON Schema\"]" ]
	[ "$(jq .offset dead | paste -sd ' ')" = "2 4" ]
}

@test "a job takes frames off JSON, with keys, and a header in place of the frame" {
	local n=0 value
	for value in "$(framed 7 "$(text_hex '{"id":1,"item":"a"}')")" "$(framed 7 "$(text_hex '{"id":2,"item":"b"}')")" 7b7d \
		"$(framed 7 "$(text_hex '{"id":4,"item":"b"}')")"; do
		bytes_of "$value" >message.$((++n))
		kcat -P -b "$HTA_BROKERS" -t "$topic" -p 0 -k "key$n" message.$n
	done
	printf '{"id":5,"item":"c"}' >message.5
	kcat -P -b "$HTA_BROKERS" -t "$topic" -p 0 -H "__value_schema_id=$(printf '\001abcdefghijklmnop')" message.5
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic -e --decode json |
		hta-window --time @kafka --by item --value id | hta-sink-sqlite --init s.db | hta-commit"
	sqlite3 s.db "select json_extract(dims, '\$.item') i, sum(count), sum(cast(sum as int)) from hta_rollups group by i order by i;
		select record_offset, record from hta_dead" >"$out"
	expect <<-'END'
		a|1|1
		b|2|6
		c|1|5
		2|{}
	END
	feed hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode json --dead drop -J --json-payload
	jq -c '[.key, .payload.id]' "$out" >pairs
	expect pairs <<-'END'
		["key1",1]
		["key2",2]
		["key4",4]
		[null,5]
	END
	feed hta-consume -b "$HTA_BROKERS" -t "$topic" -o -2 -c 1 --decode json --key-field k
	expect <<<'{"k":"key4","id":4,"item":"b"}'
}

@test "a schema refers to others" {
	with_registry
	local price line id
	price='{"type":"record","name":"Price","namespace":"shop","fields":[{"name":"cents","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}}]}'
	line='{"type":"record","name":"Line","namespace":"shop","fields":[{"name":"price","type":"shop.Price"}]}'
	register "$topic-price" "$price"
	register "$topic-line" "$line" "$(jq -nc --arg s "$topic-price" '[{name: "shop.Price", subject: $s, version: 1}]')"
	id=$(register "$topic-value" '{"type":"record","name":"Bill","namespace":"shop","fields":[{"name":"line","type":"shop.Line"}]}' \
		"$(jq -nc --arg s "$topic-line" '[{name: "shop.Line", subject: $s, version: 1}]')")
	messages "$(framed "$id" 18009d4e3a5b6c7d8e9fa0b1c2)"
	feed decode
	expect <<-'END'
		{"line":{"price":{"cents":1901707747640952943626613.14}}}
	END
}

@test "the newest schema reads what older ones wrote" {
	with_registry
	local old new
	old=$(register "$topic-value" "$order")
	new=$(register "$topic-value" "$(jq -c '.fields += [{name: "tax", type: "double", default: 0.19}]' <<<"$order")")
	messages "$(framed "$old" 020261)" "$(framed "$new" 040262000000000000e03f)"
	feed decode
	expect <<-'END'
		{"id":1,"item":"a"}
		{"id":2,"item":"b","tax":0.5}
	END
	feed decode --schema latest
	expect <<-'END'
		{"id":1,"item":"a","tax":0.19}
		{"id":2,"item":"b","tax":0.5}
	END
	feed decode --schema "$old"
	expect <<-'END'
		{"id":1,"item":"a"}
		{"id":2,"item":"b"}
	END
	echo '{"type":"record","name":"Order","fields":[{"name":"item","type":"string"},{"name":"n","type":"int","default":7}]}' >mine.avsc
	feed decode --schema mine.avsc
	expect <<-'END'
		{"item":"a","n":7}
		{"item":"b","n":7}
	END
}

@test "a job decodes, and its dead letters have the bytes" {
	with_registry
	local id
	id=$(register "$topic-value" "$order")
	messages "$(framed "$id" 020261)" "$(framed "$id" 06)" "$(framed "$id" 040262)"
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $topic -e --decode avro --registry $registry |
		hta-window --time @kafka --by item --value id | hta-sink-sqlite --init s.db | hta-commit"
	sqlite3 s.db "select sum(count), sum(cast(sum as int)) from hta_rollups; select record_offset, record, encoding from hta_dead" >"$out" ||
		sqlite3 s.db .schema
	expect <<-END
		2|3
		1|$(bytes_of "$(framed "$id" 06)" | base64)|base64
	END
}

@test "an envelope and a key go with it" {
	with_registry
	local id
	id=$(register "$topic-value" "$order")
	bytes_of "$(framed "$id" 020261)" >message
	kcat -P -b "$HTA_BROKERS" -t "$topic" -k key message
	feed decode -J --json-payload
	[ "$(jq -c '[.key, .payload]' "$out")" = '["key",{"id":1,"item":"a"}]' ]
	feed decode -J
	[ "$(jq -r .payload "$out")" = '{"id":1,"item":"a"}' ]
	feed decode --key-field k
	expect <<<'{"k":"key","id":1,"item":"a"}'
}

# ---- a stub with faults

@test "a header with a GUID goes before the value" {
	stub <<-END
		{"/schemas/guids/61626364-6566-6768-696a-6b6c6d6e6f70": [[200, $(stub_schema "$order")]]}
	END
	printf '\002\002a' >message
	kcat -P -b "$HTA_BROKERS" -t "$topic" -H "__value_schema_id=$(printf '\001abcdefghijklmnop')" message
	kcat -P -b "$HTA_BROKERS" -t "$topic" -H "__value_schema_id=x" message
	for way in false true; do
		feed decode --dead drop -X check.crcs=$way
		expect <<<'{"id":1,"item":"a"}'
	done
	feed decode --dead dead
	[ "$(jq -r .reason dead)" = "header __value_schema_id: neither 0 and an id (5 bytes) nor 1 and a GUID (17 bytes), but 1 bytes" ]
}

@test "a registry that is slow, broken or behind is waited for" {
	local ok
	ok="[200, $(stub_schema "$order")]"
	stub <<-END
		{"/schemas/ids/1": [[500, "oops"], [503, {}], [404, "<html>"], [200, "no JSON"], $ok],
		 "/schemas/ids/2": [[404, {"error_code": 40403}], [404, {"error_code": 40403}], $ok],
		 "/schemas/ids/3": [[200, $(stub_schema "$order"), 1.5]]}
	END
	messages 0000000001020261 0000000002040262 0000000003060263 0000000001080264
	feed decode
	expect <<-'END'
		{"id":1,"item":"a"}
		{"id":2,"item":"b"}
		{"id":3,"item":"c"}
		{"id":4,"item":"d"}
	END
	says 'registry: http://127.0.0.1:[0-9]*/schemas/ids/1: status 500; trying again'
	[ "$(grep -c 'trying' <<<"$stderr")" = 1 ]
	asked | sort | uniq -c | awk '{ print $2, $1 }' >"$out"
	expect <<-'END'
		/schemas/ids/1 5
		/schemas/ids/2 3
		/schemas/ids/3 1
	END
}

@test "a real registry that is killed in mid-stream, and back: nothing is lost, nothing comes twice" {
	local code=0 mine=$BATS_TEST_TMPDIR/r wider
	wider=${order/'{"name":"item"'/'{"name":"n","type":"int","default":0},{"name":"item"'}
	svc_start registry "$mine" 2>start.err || code=$?
	[ $code != 69 ] || lack "needs a real registry: $(head -n 1 start.err)"
	eval "$(svc_registry_env "$mine")"
	registry=$HTA_TEST_REGISTRY
	first=$(register "$topic-value" "$order")
	second=$(register "$topic-value" "$wider")
	messages $(for i in 1 2 3 4 5; do framed "$first" "$(printf '%02x' $((2 * i)))0261 "; done)
	spawn job bash -c "set -o pipefail; trap : TERM; hta-consume -b $HTA_BROKERS -t $topic -g $topic --decode avro --registry $registry |
		hta-window --time @kafka --by item | hta-sink-sqlite --init rows.db | hta-commit"
	wait_until 60 counted 'a|5'
	svc_stop registry "$mine" KILL
	messages $(for i in 6 7 8; do framed "$first" "$(printf '%02x' $((2 * i)))0261 "; framed "$second" "$(printf '%02x' $((2 * i)))120262 "; done)
	wait_until 60 grep -q '^hta-consume: registry: .*; trying again' job.err
	# it waits ten seconds for an id that a registry does not know, and so does not ask before this one has them again
	source=$(pgrep -P "$pid" hta-consume)
	kill -STOP "$source"
	svc_start registry "$mine"
	# what it knew was in its memory
	[ "$(register "$topic-value" "$order")" = "$first" ]
	[ "$(register "$topic-value" "$wider")" = "$second" ]
	kill -CONT "$source"
	wait_until 60 counted 'a|8 b|3'
	grep -q '^hta-consume: registry: back after' job.err
	kill -TERM -- "-$pid"
	exits_with 0 60
	counted 'a|8 b|3'
	svc_stop registry "$mine" KILL
}

counted() { # ITEM|COUNT ...
	[ "$(sqlite3 rows.db "select json_extract(dims, '\$.item') i, sum(count) from hta_rollups group by i order by i" | paste -sd ' ')" = "$1" ]
}

@test "an id that nobody knows is a dead letter after ten seconds, all of them once" {
	stub <<-END
		{"/schemas/ids/1": [[200, $(stub_schema "$order")]]}
	END
	messages 0000000007 0000000008 0000000001020261 0000000007 0000000009
	local since=$SECONDS
	feed decode --dead dead
	[ $((SECONDS - since)) -ge 9 ]
	[ $((SECONDS - since)) -lt 29 ] # three in turn take 30
	expect <<<'{"id":1,"item":"a"}'
	[ "$(jq -c '[.offset, .reason]' dead | head -n 1)" = '[0,"schema 7: the registry has no /schemas/ids/7: Schema not found"]' ]
	[ "$(jq .offset dead | paste -sd ' ')" = "0 1 3 4" ]
}

@test "a registry that refuses the login, or is none, ends it" {
	stub <<-'END'
		{"/schemas/ids/1": [[401, {"error_code": 40101, "message": "Unauthorized"}]], "/schemas/ids/2": [[301, ""]]}
	END
	messages 0000000001020261
	HTA_REGISTRY_LOGIN=me:secret fails_with 78 decode
	says 'status 401: Unauthorized, the login is refused'
	[ "$(cut -d ' ' -f 2 asked)" = me:secret ]
	not grep -q secret <<<"$stderr"
	registry=http://you:hidden@${registry#http://}
	fails_with 78 decode
	says 'a password on the command line is seen by everybody'
	[ "$(tail -n 1 asked | cut -d ' ' -f 2)" = you:hidden ]
	not grep -q hidden <<<"$stderr"
	registry=http://127.0.0.1:1 fails_with 69 decode --retry-for 1s
	says 'registry: http://127.0.0.1:1: .*given up after 1s \(--retry-for\)'
}

@test "a bearer token, out of the environment or a file that changes" {
	stub <<-END
		{"/schemas/ids/1": [[200, $(stub_schema "$order")]], "/schemas/ids/2": [[503, ""]]}
	END
	messages 0000000001020261
	HTA_REGISTRY_TOKEN=a.b-c feed decode
	expect <<<'{"id":1,"item":"a"}'
	[ "$(cut -d ' ' -f 2,3 asked)" = 'Bearer a.b-c' ]
	# one that is renewed while the registry is away
	printf 'old-token\n' >token
	messages 0000000002020262
	export HTA_REGISTRY_TOKEN=@token
	spawn reader hta-consume -b "$HTA_BROKERS" -t "$topic" --decode avro --registry "$registry"
	wait_until 60 grep -q 'ids/2 Bearer old-token' asked
	printf 'new-token\r\n' >token.new
	mv token.new token
	wait_until 60 grep -q 'ids/2 Bearer new-token' asked
	cat >answers.new <<-END
		{"/schemas/ids/2": [[200, $(stub_schema "$order")]], "/schemas/ids/3": [[403, {"error_code": 40301}]]}
	END
	mv answers.new answers
	wait_until 60 grep -q '"item":"b"' reader.out
	tail -n 1 asked | grep -q 'ids/2 Bearer new-token'
	messages 0000000003020263
	exits_with 78 60
	grep -q 'registry: .*/schemas/ids/3: status 403.*, the login is refused' reader.err
	not grep -q -- -token reader.err
	HTA_REGISTRY_TOKEN=@nowhere fails_with 78 decode
	says 'HTA_REGISTRY_TOKEN: nowhere: No such file or directory'
	HTA_REGISTRY_TOKEN='two words' fails_with 78 decode
	says 'HTA_REGISTRY_TOKEN: that is no token; a file is @FILE$'
	HTA_REGISTRY_LOGIN=a:b fails_with 78 decode
	says 'HTA_REGISTRY_LOGIN and HTA_REGISTRY_TOKEN: one of them, not both$'
	# not to a URL that has a login of its own
	printf x >token
	: >asked
	registry=http://me:pw@${registry#http://} fails_with 78 decode
	[ "$(cut -d ' ' -f 2 asked | sort -u)" = me:pw ]
}

@test "several URLs are asked in turn" {
	stub <<-END
		{"/schemas/ids/1": [[200, $(stub_schema "$order")]]}
	END
	messages 0000000001020261
	registry=http://127.0.0.1:1,http://127.0.0.1:2,$registry feed decode
	expect <<<'{"id":1,"item":"a"}'
	[ -z "$stderr" ]
}

@test "references in a circle, and ones that are missing, are dead letters" {
	stub <<-END
		{"/schemas/ids/1": [[200, $(stub_schema "$order" '{"references": [{"name": "a", "subject": "s/ä", "version": 1}]}')]],
		 "/subjects/s%2F%C3%A4/versions/1": [[200, $(stub_schema '"string"' '{"references": [{"name": "a", "subject": "s/ä", "version": 1}]}')]]}
	END
	messages 0000000001020261
	feed decode --dead dead
	[ "$(jq -r .reason dead)" = "schema 1: /subjects/s%2F%C3%A4/versions/1 refers to itself" ]
}

@test "a signal ends a job that waits for the registry" {
	stub <<-'END'
		{"/schemas/ids/2": [[500, ""]]}
	END
	messages 0000000002020261
	spawn job bash -c "set -o pipefail; trap : TERM INT
		hta-consume -b $HTA_BROKERS -t $topic -g $topic --decode avro --registry $registry |
		hta-window --time @kafka --value id | hta-sink-sqlite --init s.db | hta-commit"
	wait_until 60 grep -q 'trying again' job.err
	kill -TERM -- -"$pid"
	exits_with 0 60
}

# ---- lines become records

encode() { hta-sink-kafka -b "$HTA_BROKERS" -t "$topic" --encode avro --schema order.avsc --registry "$registry" "$@"; }

@test "lines are encoded, and come back; one that does not fit is a dead letter" {
	with_registry
	echo "$order" >order.avsc
	printf '%s\n' '{"id":9007199254740993,"item":"a"}' '{"id":"x","item":"b"}' junk '{"item":"c","id":3}' '{"id":4,"item":"d","more":1}' >lines
	fails_with 78 encode <lines
	says "subject $topic-value does not have the schema of order.avsc"
	topic_new "$BATS_TEST_NUMBER.dlq" 1
	feed encode --register --key .id --dead-topic "$topic" -t "$HTA_PREFIX.$BATS_TEST_NUMBER" <lines
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -f '%s\n' >letters
	expect letters <<-'END'
		{"id":"x","item":"b"}
		junk
		{"id":4,"item":"d","more":1}
	END
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -f '%h\n' | grep -q 'hta.reason=it does not fit the schema: .id: not a number'
	topic=$HTA_PREFIX.$BATS_TEST_NUMBER
	feed decode -J --json-payload
	sed 's/.*"key"/"key"/' "$out" >payloads
	expect payloads <<-'END'
		"key":"9007199254740993","payload":{"id":9007199254740993,"item":"a"}}
		"key":"3","payload":{"id":3,"item":"c"}}
	END
	# the schema is there now
	feed encode <<<'{"id":5,"item":"e"}'
	feed decode -o -1
	expect <<<'{"id":5,"item":"e"}'
}

@test "lines are framed as the JSON that they are, and come back" {
	with_registry
	echo "$json_schema" >schema.json
	local id n=$BATS_TEST_NUMBER
	as_json() { hta-sink-kafka -b "$HTA_BROKERS" -t "$topic" --encode json --schema schema.json --registry "$registry" "$@"; }
	fails_with 78 as_json <<<'{}'
	says "subject $topic-value does not have the schema of schema.json"
	topic_new "$n.from" 1
	topic_new "$n.dlq" 1
	printf '%s\n' '{"id":9007199254740993, "item":"é"}' '{"id":"not judged"}' junk '{"id":3}' '{"id":4' >lines
	feed as_json --register --key id --dead-topic "$topic" -t "$HTA_PREFIX.$n" <lines
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -f '%s\n' >letters
	expect letters <<-'END'
		junk
		{"id":4
	END
	topic=$HTA_PREFIX.$n
	id=$(curl -sSf "$registry/subjects/$topic-value/versions/latest" | jq 'select(.schemaType == "JSON") | .id')
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -o -1 -D '' | cmp - <(bytes_of "$(framed "$id" "$(text_hex '{"id":3}')")")
	feed hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode registry --registry "$registry"
	expect <<-'END'
		{"id":9007199254740993, "item":"é"}
		{"id":"not judged"}
		{"id":3}
	END
	# it is there now; a job's lines are a transaction
	printf '%s\n' '{"id":5}' no '{"id":6}' | kcat -P -b "$HTA_BROKERS" -t "$topic.from" -p 0
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic.from -g $topic -e | hta-sink-kafka -b $HTA_BROKERS -t $topic --encode json \
		--schema schema.json --registry $registry --dead-topic $HTA_PREFIX.$n.dlq | hta-commit"
	settled "$topic"
	settled "$HTA_PREFIX.$n.dlq"
	feed hta-consume -b "$HTA_BROKERS" -t "$topic" -e -J --json-payload --decode json
	[ "$(jq -c '[.key, .payload.id]' "$out" | tail -n 2 | paste -sd ' ')" = '[null,5] [null,6]' ]
	[ "$(kcat -C -e -q -b "$HTA_BROKERS" -t "$HTA_PREFIX.$n.dlq" -f '%s\n' | tail -n 1)" = no ]
}

@test "a schema that its subject does not take is 78, one that is asked for costs a request" {
	with_registry
	register "$topic-value" "$order"
	jq -c '.fields[0].type = "string"' <<<"$order" >order.avsc
	curl -sSf -X PUT -H 'Content-Type: application/json' -d '{"compatibility":"BACKWARD"}' "$registry/config/$topic-value"
	fails_with 78 encode --register </dev/null
	says 'status 409'
	stub <<-END
		{"/subjects/mine": [[500, ""], [200, {"subject": "mine", "id": 258, "version": 1, "schema": "x"}]]}
	END
	echo "$order" >order.avsc
	seq 1000 | jq -c '{id: ., item: "a"}' >lines
	feed encode --subject mine <lines
	says 'status 500; trying again'
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -c 1 -D '' | cmp - <(bytes_of 0000000102020261)
	[ "$(asked | sort | uniq -c | awk '{ print $1, $2 }')" = "2 /subjects/mine" ]
	[ "$(jq -r .schema <<<"$(head -n 1 asked | cut -d ' ' -f 3-)")" = "$order" ]
}

# Two files of JSON lines say the same, digit for digit; a member that is null may be missing.
same_values() { # FILE FILE
	python3 - "$@" <<-'END'
		import decimal, json, sys
		def strip(v): return {k: strip(x) for k, x in v.items() if x is not None or k == "d"} if isinstance(v, dict) else v
		def read(path): return [strip(json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)) for line in open(path)]
		a, b = map(read, sys.argv[1:])
		assert a and len(a) == len(b), (len(a), len(b))
		for x, y in zip(a, b): assert x == y, "%s\n%s" % (x, y)
	END
}

@test "rows and alerts in Avro by the schemas that ship: nothing is lost" {
	with_registry
	local n=$BATS_TEST_NUMBER measures
	cp "$top/examples/systems/row.avsc" "$top/examples/systems/alert.avsc" .
	topic_new "$n.alerts" 1
	topic_new "$n.dlq" 1
	topic_new "$n.rows" 1
	as_avro() { hta-sink-kafka -b "$HTA_BROKERS" --registry "$registry" --encode avro --register --dead-topic "$HTA_PREFIX.$n.dlq" -t "$HTA_PREFIX.$n.$1" --schema "$2" "${@:3}"; }
	# dimensions of all kinds, values of all digits, windows without a value
	hta-gen --count 2000 --step 100ms | jq -c '.v = ([null, 0.5, -3, 1e20, 12.123456789, 7, 99999.000000001][(.user_id[2:] | tonumber) % 7])
		| .d = ([null, true, "12", "h\u00e9\"", 1.25, -7, "9007199254740993", "18446744073709551616"][(.customer[2:] | tonumber) % 8])' |
		sed -E 's/"d":"([0-9]{3,})"/"d":\1/' >events
	measures="--value v --uniq user_id --agg a=avg(v) --agg p=p99(v) --agg h=histogram(v,1,10.5) --agg l=last(user_id) --agg s=sum(v) --agg f=first(v)"
	feed pipe "hta-consume --job j events | hta-window --metric m --by d $(printf '%q ' $measures) | hta-sink-sqlite --init s.db | hta-commit"
	feed pipe "hta-consume --job j2 events | hta-window --metric plain | hta-sink-sqlite --init s.db | hta-commit"
	hta-consume --final m --final plain -d s.db --until end >rows
	[ "$(jq -c 'select(.metric == "m") | .dims.d' rows | sort -u | wc -l)" = 8 ]
	as_avro rows row.avsc <rows
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -f '%k\n' >keys
	jq -r '"\(.metric)|\(.window_start)|\(.dims_hash)"' rows | cmp - keys
	feed decode
	same_values rows "$out"
	grep -q '"d":18446744073709551616.000000000' "$out"
	grep -q '"max":100000000000000000000.000000000' "$out"
	# what was read back is stored as the rows are
	hta-sink-sqlite --init a.db <rows
	hta-sink-sqlite --init b.db <"$out"
	all() { sqlite3 "$1" "SELECT metric, window_start, hex(dims_hash), count, value_count, sum, min, max, uniq, hex(uniq_sketch) FROM hta_rollups ORDER BY 1, 2, 3"; }
	[ "$(all a.db | wc -l)" = "$(wc -l <rows)" ]
	cmp <(all a.db) <(all b.db)
	# deltas, and what no field holds
	echo '{"op":"add","metric":"m","window_start":"2026-01-01T00:00:00.250Z","window_end":"2026-01-01T00:01:00Z","dims":{},"dims_hash":"00","count":2,"value_count":2,"sum":"12345678901234567890.123456789","min":"-0.5","max":"7"}' >deltas
	printf '%s\n' '{"op":"set","metric":"m","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{"d":0.1234567891},"dims_hash":"00","count":1}' \
		'{"op":"set","metric":"m","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{},"dims_hash":"00","count":1,"new":1}' >odd
	cat deltas odd | as_avro rows row.avsc
	feed decode -o -1
	same_values <(sed -E 's/"(-?[0-9.]+)"(,|})/\1\2/g; s/"dims_hash":00/"dims_hash":"00"/' deltas) "$out"
	kcat -C -e -q -b "$HTA_BROKERS" -t "$HTA_PREFIX.$n.dlq" -f '%h\n' | grep -oE 'hta.reason=[^,]*' >reasons
	expect reasons <<-'END'
		hta.reason=it does not fit the schema: .dims.d: no branch of the union holds the value
		hta.reason=it does not fit the schema: .new: the schema has no such field
	END
	# alerts, keyed
	jq -nc 'range(30) as $m | range(if $m == 20 then 50 else 10 end) | {ts: (1767225600 + 60 * $m | todate), d: 1.5}' |
		hta-window --by d | hta-trend --factor 2 >alerts
	[ -s alerts ]
	as_avro alerts alert.avsc --key key <alerts
	topic=$HTA_PREFIX.$n.alerts
	kcat -C -e -q -b "$HTA_BROKERS" -t "$topic" -f '%k\n' | cmp - <(jq -r .key alerts)
	feed decode
	same_values alerts "$out"
}

@test "an epoch of records is a transaction, and its dead letters go with it" {
	with_registry
	echo "$order" >order.avsc
	local from=$topic
	printf '%s\n' '{"id":1,"item":"a"}' '{"id":2}' '{"id":3,"item":"c"}' | kcat -P -b "$HTA_BROKERS" -t "$from" -p 0
	topic_new "$BATS_TEST_NUMBER.dlq" 1
	topic_new "$BATS_TEST_NUMBER.avro" 1
	feed pipe "hta-consume -b $HTA_BROKERS -t $from -g $from -e | hta-sink-kafka -b $HTA_BROKERS -t $topic --encode avro \
		--schema order.avsc --registry $registry --register --dead-topic $HTA_PREFIX.$BATS_TEST_NUMBER.dlq | hta-commit"
	settled "$topic"
	settled "$HTA_PREFIX.$BATS_TEST_NUMBER.dlq"
	feed decode
	expect <<-'END'
		{"id":1,"item":"a"}
		{"id":3,"item":"c"}
	END
	kcat -C -e -q -b "$HTA_BROKERS" -t "$HTA_PREFIX.$BATS_TEST_NUMBER.dlq" -f '%k %s\n' >letters
	expect letters <<<"$from/0/1 {\"id\":2}"
}

# ---- command lines

@test "options that do not go together are refused" {
	fails_with 64 hta-consume -b x -t y --registry http://r
	says -- '--registry is for --decode avro or registry, which is missing'
	fails_with 64 hta-consume -b x -t y --decode json --schema latest
	says -- '--schema is for --decode avro or registry, which is missing'
	fails_with 64 hta-consume --decode protobuf -b x -t y
	says '"protobuf": say avro, json or registry'
	fails_with 64 hta-consume --decode avro file
	says -- '--decode is for topics'
	fails_with 64 hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode avro
	says 'HTA_REGISTRY'
	fails_with 64 hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode avro --registry localhost:8081
	says 'a URL is http://'
	fails_with 78 hta-consume -b "$HTA_BROKERS" -t "$topic" -e --decode avro --registry http://127.0.0.1:1 --schema /nowhere
	says '/nowhere'
	fails_with 64 hta-sink-kafka -b x -t y --schema z </dev/null
	says -- '--schema is for --encode, which is missing'
	fails_with 64 hta-sink-kafka -b x -t y --encode protobuf </dev/null
	says '"protobuf": say avro or json'
	fails_with 64 hta-sink-kafka -b x -t y --encode json </dev/null
	says -- '--encode json needs a schema: --schema FILE'
	echo '[]' >schema.json
	fails_with 78 hta-sink-kafka -b x -t y --encode json --schema schema.json </dev/null
	says 'schema.json: a schema is an object, true or false'
	echo '{"type":' >schema.json
	fails_with 78 hta-sink-kafka -b x -t y --encode json --schema schema.json </dev/null
	says 'schema.json: '
	fails_with 64 hta-sink-kafka -b x -t y --encode avro </dev/null
	says -- '--encode avro needs a schema: --schema FILE'
	echo '{"type":"record"}' >order.avsc
	fails_with 78 hta-sink-kafka -b x -t y --encode avro --schema order.avsc </dev/null
	says 'order.avsc: '
	fails_with 64 hta-sink-kafka -b x -t y --dead --encode avro --schema order.avsc </dev/null
	says 'dead letters, which are never encoded'
}
