# GraphQL against strangers: graphql-js over the same schema and data, and the audits of graphql-http. Both come by npm; where
# that is not, they are not asked. hta-gql (tests/mock) is lib/gql without a server.
load ../helpers

setup_file() {
	command -v npm >/dev/null || "$top/tests/packages.sh" node || lack "npm is not to be had: graphql-js comes by it"
	cd "$BATS_FILE_TMPDIR"
	echo '{"private":true,"dependencies":{"graphql":"16.11.0","graphql-http":"1.23.1"}}' >package.json
	npm install --silent --no-audit --no-fund || lack "npm has no registry: graphql-js comes by it"
}

setup() { cd "$BATS_FILE_TMPDIR"; }

# graphql.mjs VERB [SEED COUNT]
stranger() {
	local verb=$1
	shift
	feed node "$BATS_TEST_DIRNAME/graphql.mjs" "$verb" "$(command -v hta-gql)" "$BATS_TEST_DIRNAME/graphql.json" "$@"
	cat "$out"
}

# A POST of a body: status and body of the answer.
post() {
	jq -cn --arg body "$1" '{content_type:"application/json",accept:"application/graphql-response+json",$body}' |
		hta-gql "$BATS_TEST_DIRNAME/graphql.json" | cut -f 1,4
}

@test "graphql: random requests, whole and broken, are answered as by graphql-js" {
	stranger same "${HTA_SEED:-1}" 6000
	grep -q '^same: ' "$out"
	# enough of each: data, errors before it, errors within it; few beyond our limits
	jq -e '.good > 1000 and .bad > 1000 and .errors > 50 and .refused < 200' <<<"$(sed -n 's/^same: //p' "$out")"
}

@test "graphql: what graphql-js asks about a schema is answered as by graphql-js" {
	stranger introspect
	[ "$(sort -u "$out")" = same ]
	[ "$(wc -l <"$out")" = 5 ]
}

@test "graphql: the audits of graphql-http pass, all of them" {
	stranger audits
	[ "$(tail -n 1 "$out")" = "61 of 61" ]
}

@test "graphql: the audits pass at hta-serve as well" {
	hta-window --by endpoint </dev/null | hta-sink-sqlite --init "$BATS_TEST_TMPDIR/s.db"
	spawn serve hta-serve -v -l 0 -d "$BATS_TEST_TMPDIR/s.db"
	wait_until 60 grep -q 'listens on' "$BATS_TEST_TMPDIR/serve.err"
	feed node "$BATS_TEST_DIRNAME/graphql.mjs" audits \
		"http://127.0.0.1:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' "$BATS_TEST_TMPDIR/serve.err")/graphql" \
		"$BATS_TEST_DIRNAME/graphql.json"
	[ "$(tail -n 1 "$out")" = "61 of 61" ] || { cat "$out"; return 1; }
}

@test "graphql: what Apollo and code generators add to a query" {
	diff <(post '{"operationName":"Latest","query":"query Latest { latestEvents(limit: 1) { eventId payload __typename } }","variables":{},"extensions":{"clientLibrary":{"name":"@apollo/client"}}}') - <<-'END'
		200	{"data":{"latestEvents":[{"eventId":"e0","payload":{"k":"a","n":1.5},"__typename":"Event"}]}}
	END
}

@test "graphql: exponents of fragments and of introspection end at once" {
	local spread query i
	query='{...F0}'
	for i in $(seq 0 29); do
		spread=" ...F$((i + 1))"
		query+=" fragment F$i on Query{$spread$spread$spread$spread$spread$spread$spread$spread}"
	done
	post "$(jq -cn --arg query "$query fragment F30 on Query{metrics{name}}" '{$query}')" >answer
	grep -q $'^400\t.*more than 10 fields of the query type' answer
	post '{"query":"{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}"}' >answer
	grep -q $'^400\t.*the document ends' answer
	post '{"query":"{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}"}' >answer
	grep -q $'^400\t.*lists of introspection' answer
}
