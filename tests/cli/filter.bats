# hta-filter: programs of jq and conditions over records.
load ../helpers
setup() { cd "$BATS_TEST_TMPDIR"; }

some() {
	cat <<-'END'
		{"id":1,"status":200, "n":12345678901234567890}
		{"id":2,"status":500,"tags":["a","b"]}
		{"id":3,"status":503,"tags":[],"s":"\u00e9"}
	END
}

@test "what passes unchanged is written as it came, whichever way" {
	some >in
	sed -n 1p in >want
	for way in "select(.status < 300)" "." "if .status then . else empty end"; do
		feed hta-filter "$way" in
		head -n 1 "$out" | cmp - want
	done
	feed hta-filter --where '.status < 300' in
	cmp "$out" want
	feed hta-filter --where '.n == 12345678901234567890' in
	cmp "$out" want
}

@test "outputs: none, one that is another, several" {
	some >in
	feed hta-filter '{id, tag: .tags[]?}' in
	expect <<-'END'
		{"id":2,"tag":"a"}
		{"id":2,"tag":"b"}
	END
	feed hta-filter 'del(.tags) | .status += 1' <in
	expect <<-'END'
		{"id":1,"status":201,"n":12345678901234567000}
		{"id":2,"status":501}
		{"id":3,"status":504,"s":"é"}
	END
	feed hta-filter empty in
	[ ! -s "$out" ]
}

@test "an error takes the whole record: nothing of it is written" {
	some >in
	fails_with 65 hta-filter '., (if .id == 2 then error("no twos") else empty end)' in
	says 'in:2: no twos'
	says '1 of 3 lines were bad; the others are passed on'
	[ "$(jq .id "$out" | tr '\n' ' ')" = '1 3 ' ]
	feed hta-filter --dead dead '.id' <in
	[ "$(jq -r '.reason' dead | sort | uniq -c | tr -s ' ')" = ' 1 an output is no object: 1
 1 an output is no object: 2
 1 an output is no object: 3' ]
	fails_with 65 hta-filter --where '.id | startswith("x")' in
	says 'in:1: startswith.. requires string inputs'
}

@test "what is no object is a dead letter, a blank line is nothing" {
	printf '%s\n' '{"a":1}' '[1]' '' '{"a":1}{"a":2}' '{"a":NaN}' $'{"a":"\xff"}' '{"a":2}' >in
	for way in . --where=.a; do
		feed hta-filter --dead dead "$way" <in
		expect <<-'END'
			{"a":1}
			{"a":2}
		END
		[ "$(wc -l <dead)" = 4 ]
		rm dead
	done
}

@test "the program from a file, with --where before it" {
	some >in
	printf '# the ids\n{id}\n' >ids.jq
	feed hta-filter -f ids.jq --where '.status >= 500' in
	expect <<-'END'
		{"id":2}
		{"id":3}
	END
	fails_with 78 hta-filter -f none.jq in
	says 'none.jq: No such file'
}

@test "what is no program is told before the first record" {
	fails_with 64 hta-filter </dev/null
	says 'a program is missing'
	fails_with 64 hta-filter 'select(' </dev/null
	says 'jq: syntax error'
	fails_with 64 hta-filter --where '.a ==' </dev/null
	says '--where'
	fails_with 64 hta-filter 'import "a" as a; .' </dev/null
	fails_with 64 hta-filter '$__loc__.file, $HOME' </dev/null
	says 'HOME'
}

@test "an acknowledged stream: books balance, control records pass" {
	hta-gen --count 20000 --step 1ms --bad-prob 1% >in
	feed pipe 'hta-consume --job f in -e | hta-filter "select(.status >= 500), (select(.status == 404) | {ts, status, was: 404})" | hta-window --every 1h --by status --dead drop | hta-sink-sqlite --init db | hta-commit -v'
	python3 - <<-'END' >want
		import collections, json
		n = collections.Counter()
		for line in open("in", "rb"):
		    try:
		        status = json.loads(line)["status"]
		    except (ValueError, KeyError, TypeError):
		        continue
		    if isinstance(status, int) and (status >= 500 or status == 404):
		        n[status] += 1
		print("\n".join("%d %d" % x for x in sorted(n.items())))
	END
	sqlite3 -separator ' ' db "SELECT dims ->> 'status', sum(count) FROM hta_rollups GROUP BY 1 ORDER BY 1" >got
	[ -s want ]
	cmp got want
}

@test "the answers of jq, over generated events and 20 programs" {
	hta-gen --count 2000 --step 1s >in
	while IFS= read -r program; do
		jq -c "$program" in >want
		feed hta-filter "$program" in
		jq -c . "$out" | cmp - want || { echo "$program"; return 1; }
	done <<-'END'
		.
		empty
		select(.status >= 500)
		select(.payload.price > 100) | {user_id, price: .payload.price}
		del(.payload)
		.payload
		{(.event_type): .latency_ms}
		., .payload
		select(.endpoint | startswith("/api/v1/l"))
		select(.endpoint | test("log|car"))
		. + {path: (.endpoint | split("/"))}
		.endpoint |= ascii_upcase
		with_entries(select(.value | type == "string"))
		{a: [.status, .latency_ms] | add}
		to_entries | map({(.key): .value}) | add
		select(IN(.region; "eu-west-1", "us-east-1"))
		{t: (.ts | sub("\\.[0-9]+Z"; "Z") | fromdate)}
		.payload.referrer as $r | {$r}
		reduce range(3) as $i (.; .n += $i)
		if .status == 200 then empty elif .status < 500 then {ok: false} else {error: .status} end
	END
}

@test "jq's own cases of its language, where they apply to objects" {
	python3 "$BATS_TEST_DIRNAME/jq_cases.py" fetch . >why || lack "jq's sources are not to be had: $(cat why)"
	feed python3 "$BATS_TEST_DIRNAME/jq_cases.py" run jq-jq-1.6/tests/{jq,base64,onig,optional}.test
	cat "$out"
	[ "$(tail -n 1 "$out")" = '342 right, 0 wrong, 11 beyond a filter' ]
}
