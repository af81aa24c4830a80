# hta-check: what is wrong with rules, what they mean, and whether their tests hold.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

# ---- errors ----

@test "check: every error of every file, with its place and what was meant" {
	mkdir rules
	cat >rules/a.json <<-'END'
		[{"rule_id":"a","grup_by":["x"],"lateness":5,"metric":"count"},
		 {"rule_id":"b","metric":"cuont"},
		 {"rule_id":"c","metric":"count","where":".a =="}]
	END
	echo '{"rule_id":"c" "metric"}{"rule_id":"c","metric":"count","zone":"Nowhere"}' >rules/b.json
	fails_with 78 hta-check rules
	[ -z "$(<"$out")" ]
	expect "$out.err" <<-'END'
		hta-check: rules/a.json:1:18: unknown member "grup_by" (did you mean "group_by"?)
		hta-check: rules/a.json:1:44: must be a duration with its unit, in quotes: "10m"
		hta-check: rules/a.json:2:2: unknown operation "cuont" (did you mean "count"?)
		hta-check: rules/b.json:1:16: , or } expected, not "
		hta-check: rules/b.json:1:25: two rules are called c
		hta-check: rules/a.json:3:43: condition ".a ==", character 6: ends where a string, a number, true, false or null is expected; jq: syntax error, unexpected $end
		hta-check: 6 errors
	END
}

@test "check: hta-window refuses what hta-check does, with the same words" {
	local rule
	while read -r rule; do
		echo "$rule" >r.json
		fails_with 78 hta-window --rules r.json
		grep -oE 'r.json:.*' <<<"$stderr" >window
		fails_with 78 hta-check r.json
		grep -oE 'r.json:.*' <<<"$stderr" | diff window -
	done <<-'END'
		{"rule_id":"a","metric":"count","window":"1m"}
		{"rule_id":"a","metric":"count","window_size":60}
		{"rule_id":"a","metric":"sum"}
		{"rule_id":"a"
		{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[1]}]}
	END
}

@test "check: rules of one run agree on time, and fit together" {
	echo '{"rule_id":"a","metric":"count","zone":"UTC"}{"rule_id":"b","metric":"count","zone":"Europe/Berlin"}' >r.json
	fails_with 78 hta-check r.json
	says 'r.json:1:86: "Europe/Berlin", but rule a says "UTC": rules of one run agree on zone$'
	echo '{"rule_id":"a","metric":"count","time_format":"%F %T"}' >r.json
	fails_with 78 hta-check r.json
	says 'r.json:1:1: rule a: --time-format %Y-%m-%d %H:%M:%S has no offset'
	feed hta-check --zone UTC r.json
}

@test "check: lines and standard input" {
	fails_with 78 hta-check -e 'count, smu(x)'
	says '^hta-check: -e:1:8: unknown operation "smu" \(did you mean "sum"\?\)$'
	feed hta-check <<<'{"rule_id":"a","metric":"count"}'
	fails_with 78 hta-check </dev/null
	says '^hta-check: standard input: no rules$'
	fails_with 64 hta-check -e count --metric q -e count --metric events -e count
	says '^hta-check: two rules are called events: --metric NAME before it names a line$'
	fails_with 64 hta-check --explain --test -e count
	fails_with 78 hta-check nowhere.json
}

# ---- warnings ----

# The warnings and hints of a rule, which is a good one.
lint() { # RULE
	echo "$1" >r.json
	feed hta-check -v r.json
}

@test "check: a warning fails only with --strict" {
	lint '{"rule_id":"a","group_by":["v"],"aggregates":{"m":{"max":".v"}}}'
	says '^hta-check: r.json:1:29: warning: v is a dimension and what max is taken of: each of its values is a group by itself$'
	fails_with 78 hta-check --strict r.json
	says '^hta-check: 1 warning \(--strict\)$'
}

@test "check: what is warned of, and what is not" {
	quiet() { lint "$1" && not says 'warning'; }
	lint '{"rule_id":"a","group_by":["u"],"metric":"uniq","field":"u"}'
	says 'warning: u is a dimension and what uniq counts'
	quiet '{"rule_id":"a","group_by":["u"],"metric":"count","field":"u"}'
	lint '{"rule_id":"a","metric":"p99","field":"ms","where":".ms == \"slow\""}'
	says '1:53: warning: ms is compared with the text "slow", but p99 takes numbers of it'
	quiet '{"rule_id":"a","metric":"p99","field":"ms","where":".ms != \"slow\""}'
	quiet '{"rule_id":"a","metric":"p99","field":"ms","where":".ms == \"slow\" | not"}'
	quiet '{"rule_id":"a","metric":"p99","field":"ms","where":".m == \"slow\""}'
	lint '{"rule_id":"a","aggregates":{"e":{"count":true,"where":".status >= \"500\""}}}'
	says '1:57: warning: status is compared with the text "500", and in jq.s order every number is below every text'
	quiet '{"rule_id":"a","metric":"count","where":".status == \"500\""}'
	lint '{"rule_id":"a","metric":"count","group_by":["a","b","c","d","e","f","g","h","i","j","k"]}'
	says '1:44: warning: 11 dimensions'
	lint '{"rule_id":"a","metric":"count"}{"rule_id":"b","metric":"count","note":"x"}'
	says '1:33: warning: rule b counts the same as rule a'
	quiet '{"rule_id":"a","metric":"count"}{"rule_id":"b","metric":"count","active":false}'
	lint '{"rule_id":"a","metric":"count","active":false}'
	says '1:42: warning: no rule is active'
	lint '{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[{}]}]}'
	says '1:42: warning: this test cannot fail'
}

@test "check: hints are for people, and fail nothing" {
	lint '{"rule_id":"a","metric":"count","window_size":"1d","where":".a + 1 > 2"}'
	says '1:48: hint: its windows begin in UTC: days of another zone cannot be cut'
	says '1:61: hint: this condition is libjq'
	says '1:1: hint: rule a has no tests'
	feed hta-check --strict r.json
	[ -z "$stderr" ]
}

@test "check: rules against those that run" {
	echo '{"rule_id":"a","metric":"count"}{"rule_id":"b","version":2,"metric":"count","group_by":["x"]}{"rule_id":"c","metric":"count","group_by":["y"]}' >now.json
	feed hta-check --strict --against now.json now.json
	echo '{"rule_id":"a","metric":"count","note":"why","lateness":"5s"}{"rule_id":"b","version":3,"metric":"count","group_by":["z"]}{"rule_id":"c","metric":"count","group_by":["y"],"active":false}' >new.json
	feed hta-check --strict --against now.json new.json
	echo '{"rule_id":"a","metric":"count","where":".x"}' >new.json
	fails_with 78 hta-check --against now.json new.json
	says '^hta-check: new.json:1:1: rule a counts something else than before: give it version 2$'
	says '^hta-check: warning: rule b is missing: '
	echo '{"rule_id":"a","version":2,"metric":"count"}{"rule_id":"b","version":1,"metric":"count","group_by":["x"]}{"rule_id":"c","metric":"count","group_by":["y"]}' >new.json
	feed hta-check --against now.json new.json
	says '^hta-check: new.json:1:26: warning: version 2 changes nothing that counts: leave it at 1$'
	says '^hta-check: new.json:1:70: warning: version 1 is lower than 2, which runs: that one stays$'
	echo nonsense >now.json
	fails_with 78 hta-check --against now.json new.json
	says '^hta-check: --against now.json: these rules cannot run$'
}

# ---- what they mean ----

@test "check: a rule in words" {
	feed hta-check --explain -e 'count, errors=count if .status >= 500, p99(ms), uniq(user.id) by endpoint, region every 5m where .ok' --lateness 30s
	expect <<-'END'
		events
		  counts     records for which .ok
		  a row      for each window of 5m, and each combination of endpoint and region
		  count      how many records
		  errors     how many records, of records for which .status >= 500
		  p99_ms     99 % of all ms are up to this, within 0.55 %
		  uniq_user_id how many different values of user.id, within 0.8 %
		  time       from ts, as RFC 3339
		  lateness   a window closes once events are 30s behind its end
	END
}

@test "check: one form for all notations" {
	feed hta-check --print json --metric web -e 'errors=count if .status >= 500, avg(ms) by endpoint every 60s'
	expect <<-'END'
		{"rule_id":"web","window_size":"1m","group_by":["endpoint"],"aggregates":{"errors":{"count":true,"where":".status >= 500"},"avg_ms":{"avg":"ms"}}}
	END
	mv "$out" once
	feed hta-check --print json once
	diff once "$out"
}

# Texts of rules, a line each on standard input: "good" or "bad", as hta-check, and as its schema has it.
judged() {
	hta-check --schema >schema.json
	while IFS= read -r text; do
		echo "$text" >text.json
		if hta-check -q text.json 2>why; then echo good; else echo bad; fi
	done <texts >parser
	python3 - <<-'END' >schema
		import json, jsonschema
		schema = json.load(open("schema.json"))
		jsonschema.Draft202012Validator.check_schema(schema)
		valid = jsonschema.Draft202012Validator(schema)
		for text in open("texts"):
		    print("good" if valid.is_valid(json.loads(text)) else "bad")
	END
	paste parser schema texts >"$out"
}

@test "check: the schema and the parser agree on what is a rule" {
	cat >texts <<-'END'
		{"rule_id":"errors","window_size":"1m","group_by":["endpoint"],"where":".method == \"GET\"","aggregates":{"errors":{"count":true,"where":".status >= 500"},"latency":{"avg":"latency_ms"}}}
		{"rule_id":"top_events_10m","window_size":"10m","metric":"count","group_by":["event_type"],"active":true}
		[{"rule_id":"a","version":2,"time":"at","time_unit":"ms","metric":"p99","field":"ms","lateness":"0s","note":"why"}]
		[{"rule_id":"a","metric":"rate","zone":"UTC","time_format":"%F %T","lateness":"1h30m"},{"rule_id":"b","metric":"count"}]
		{"rule_id":"a","aggregates":{"n":"count","c":{"count":"x"},"r":{"rate":true},"s":{"sum":"x","where":".x"},"p":{"p999":"x","where":".x"},"u":{"uniq_exact":"x"}}}
		{"rule_id":"a","aggregates":{"q":{"quantiles":"x","at":[0.5,1]},"h":{"histogram":"x","bounds":[-1,2.5],"where":".x"}}}
		{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[{},"x",{"file":"f"}],"rows":[{"a":1}],"late":0,"dead":2,"match":"exact"}]}
	END
	judged
	not grep -v '^good	good	' "$out"
	[ "$(wc -l <"$out")" = 7 ]
	cat >texts <<-'END'
		{"rule_id":"a"}
		{"metric":"count"}
		7
		{"rule_id":"a","metric":"cuont"}
		{"rule_id":"a","metric":"sum"}
		{"rule_id":"a","metric":"histogram","field":"x"}
		{"rule_id":"a","metric":"p00","field":"x"}
		{"rule_id":"a@2","metric":"count"}
		{"rule_id":"a","metric":"count","window":"1m"}
		{"rule_id":"a","metric":"count","window_size":60}
		{"rule_id":"a","metric":"count","window_size":"60"}
		{"rule_id":"a","metric":"count","window_size":"0s"}
		{"rule_id":"a","metric":"count","window_size":"1m","gap":"1m"}
		{"rule_id":"a","metric":"count","slide":"1m"}
		{"rule_id":"a","metric":"count","max_length":"1m"}
		{"rule_id":"a","metric":"count","version":0}
		{"rule_id":"a","metric":"count","time_unit":"m"}
		{"rule_id":"a","metric":"count","where":""}
		{"rule_id":"a","metric":"count","group_by":"x"}
		{"rule_id":"a","metric":"count","group_by":[""]}
		{"rule_id":"a","metric":"count","group_by":[{"as":"x"}]}
		{"rule_id":"a","metric":"count","group_by":[{"path":"x","class":7}]}
		{"rule_id":"a","metric":"count","group_by":[{"path":"x","max":0}]}
		{"rule_id":"a","metric":"count","fold":["x"]}
		{"rule_id":"a","metric":"count","active":"yes"}
		{"rule_id":"a","metric":"count","aggregates":{"n":"count"}}
		{"rule_id":"a","aggregates":{}}
		{"rule_id":"a","aggregates":{"1n":"count"}}
		{"rule_id":"a","aggregates":{"n":"sum"}}
		{"rule_id":"a","aggregates":{"n":{"where":".x"}}}
		{"rule_id":"a","aggregates":{"n":{"sum":true}}}
		{"rule_id":"a","aggregates":{"n":{"sum":"x","max":"x"}}}
		{"rule_id":"a","aggregates":{"n":{"sum":"x","p99":"x"}}}
		{"rule_id":"a","aggregates":{"n":{"p50":"x","p99":"x"}}}
		{"rule_id":"a","aggregates":{"n":{"sum":"x","bounds":[1]}}}
		{"rule_id":"a","aggregates":{"n":{"p50":"x","by":"x"}}}
		{"rule_id":"a","aggregates":{"n":{"quantiles":"x"}}}
		{"rule_id":"a","aggregates":{"n":{"quantiles":"x","at":[50]}}}
		{"rule_id":"a","aggregates":{"n":{"arg_max":"x"}}}
		{"rule_id":"a","metric":"count","tests":[{"name":"t"}]}
		{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[1]}]}
		{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[{}],"late":-1}]}
		{"rule_id":"a","metric":"count","tests":[{"name":"t","in":[{}],"match":"all"}]}
	END
	judged
	not grep -v '^bad	bad	' "$out"
	[ "$(wc -l <"$out")" = 43 ]
}

@test "check: the schema takes what this hta-window does not know yet, and the manual's rules" {
	hta-check --schema >schema.json
	awk '/^\.Sh |^\.Ss /{ on = /Rules|EXAMPLES/ } on' "$top"/man/hta-window.1 "$top"/man/hta-check.1 | sed 's/\\e/\\/g' >pages
	python3 - <<-'END'
		import json, jsonschema
		valid = jsonschema.Draft202012Validator(json.load(open("schema.json")))
		text, n = open("pages").read(), 0
		while (at := text.find('{"rule_id"')) >= 0:
		    rule, used = json.JSONDecoder().raw_decode(text[at:])
		    valid.validate(rule)
		    text, n = text[at + used:], n + 1
		assert n >= 3, n
		valid.validate({"rule_id": "a", "window_size": "5m", "slide": "1m", "time": "@kafka", "max_groups": 5, "fold": ["ua"], "aggregates": {
		    "f": {"first": "x"}, "a": {"arg_max": "url", "by": "ms"}}, "group_by": ["a", {"path": "status", "as": "s", "class": 100},
		    {"path": "ms", "class": [10, 50]}, {"path": "ua", "lower": True, "max": 64}, {"path": "tags", "explode": True}]})
		valid.validate({"rule_id": "a", "gap": "30m", "max_length": "4h", "metric": "count"})
	END
}

# ---- tests ----

tested() { # TEST...
	printf '{"rule_id":"web","window_size":"1m","group_by":["endpoint"],"lateness":"10s","aggregates":{"errors":{"count":true,"where":".status >= 500"},"ms":{"avg":"ms"}},"tests":[%s]}' "$1" >r.json
}

@test "check: tests of rules, as TAP that a harness reads" {
	tested '{"name":"a minute","in":[{"ts":"2026-01-01T00:00:01Z","endpoint":"/a","status":500,"ms":1},
		"{\"ts\":\"2026-01-01T00:00:02Z\",\"endpoint\":\"/a\",\"status\":200,\"ms\":2}"],
		"rows":[{"window_start":"2026-01-01T01:00:00+01:00","dims":{"endpoint":"/a"},"count":2.0,"measures":{"errors":1,"ms":1.5}}]},
		{"name":"a wrong # one","in":[{"ts":"2026-01-01T00:00:01Z","endpoint":"/a","status":1,"ms":1}],"rows":[{"count":1},{"dims":{"endpoint":"/b"},"count":1}]}'
	fails_with 1 hta-check --test r.json
	says '^hta-check: 1 of 2 tests failed$'
	expect <<-'END'
		TAP version 13
		1..2
		ok 1 - web: a minute
		not ok 2 - web: a wrong   one
		  ---
		  message: 'row 2 is not among the 1 that were written'
		  expected: {"dims":{"endpoint":"/b"},"count":1}
		  got: {"op":"set","metric":"web","window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:01:00Z","dims":{"endpoint":"/a"},"dims_hash":"6b49754d8ea023d22899e4780a9b99e6","count":1,"measures":{"errors":0,"ms":1}}
		  differs: ["dims.endpoint"]
		  ...
	END
	sed -n '/^  ---/,/^  \.\.\./s/^  //p' "$out" | python3 -c 'import sys, yaml; d = yaml.safe_load(sys.stdin); assert d["expected"]["count"] == 1 and d["differs"] == ["dims.endpoint"], d'
}

@test "check: exact tests take no other rows, each row for one" {
	row='{"ts":"2026-01-01T00:00:01Z","endpoint":"/a","status":200}'
	other='{"ts":"2026-01-01T00:00:01Z","endpoint":"/b","status":200}'
	tested '{"name":"x","match":"exact","in":['"$row,$other"'],"rows":[{"count":1}]}'
	fails_with 1 hta-check --test r.json
	grep -qF "message: '2 rows were written, 1 are expected'" "$out"
	tested '{"name":"x","match":"exact","in":['"$row,$other"'],"rows":[{"count":1},{"dims":{"endpoint":"/a"}}]}'
	feed hta-check --test r.json
	tested '{"name":"x","match":"exact","in":['"$row,$other"'],"rows":[{"dims":{"endpoint":"/a"}},{"dims":{"endpoint":"/a"}}]}'
	fails_with 1 hta-check --test r.json
	tested '{"name":"x","match":"exact","in":[" "],"rows":[]}'
	feed hta-check --test r.json
	tested '{"name":"x","match":"subset","in":['"$row,$other"'],"rows":[{"dims":{"endpoint":"/a"}},{"count":1}]}'
	feed hta-check --test r.json
}

@test "check: late and dead lines count, bad ones are told" {
	lines='{"ts":"2026-01-01T01:00:00Z"},"nonsense",'$(for i in $(seq 20); do printf '{"ts":"2026-01-01T01:02:%02dZ"},' "$i"; done)'{"ts":"2026-01-01T00:00:00Z"}'
	tested '{"name":"x","in":['"$lines"'],"late":1,"dead":1,"rows":[{"count":20}]}'
	feed hta-check --test r.json
	tested '{"name":"x","in":['"$lines"'],"late":0,"dead":1,"rows":[{"count":20}]}'
	fails_with 1 hta-check --test r.json
	grep -qF "message: 'the number of late lines differs'" "$out"
	tested '{"name":"x","in":['"$lines"'],"rows":[{"count":20}]}'
	feed hta-check --test r.json
	grep -qE '^# bad lines: 1, the first: .*nonsense|^# bad lines: 1, the first: ' "$out"
}

@test "check: lines from files, which stand beside the rules" {
	mkdir -p rules/data
	hta-gen --count 500 --start 2026-01-01 --step 1ms >rules/data/in.ndjson
	gzip -k rules/data/in.ndjson
	echo '{"rule_id":"n","metric":"count","tests":[{"name":"all","in":[{"file":"data/in.ndjson"},{"ts":"2026-01-01T00:00:00Z"},{"file":"data/in.ndjson.gz"}],"rows":[{"count":1001}]}]}' >rules/r.json
	feed hta-check --test rules
	cd rules
	feed hta-check --test r.json
	echo '{"rule_id":"n","metric":"count","tests":[{"name":"all","in":[{"file":"none"}],"rows":[]}]}' >r.json
	echo '{"rule_id":"m","metric":"count","tests":[{"name":"good","in":[{"ts":0}],"rows":[]},{"name":"no lines","in":[{"file":"data/in.ndjson"}],"rows":[]}]}' >>r.json
	fails_with 1 hta-check --test r.json
	[ "$(grep -c '^ok' "$out")" = 2 ]
	grep -qxF '  message: "none: No such file or directory"' "$out"
	says '1 of 3 tests failed'
	echo '{"rule_id":"n","metric":"count","tests":[{"name":"all","in":[],"rows":[]}]}' >r.json
	fails_with 78 hta-check r.json
	says 'must be an array of at least one line'
}

@test "check: several lines for one metric are one rule, as hta-window takes them" {
	feed hta-check --print json --metric q -e 'a=sum(x) by u' -e 'b=max(y) every 5m' --metric r -e 'c=min(x)'
	[ "$(jq -r '[.rule_id, .window_size, (.aggregates | keys | join("+")), (.group_by | length)] | join(" ")' "$out" | paste -sd/)" = 'q 5m a+b 1/r  c 0' ]
	fails_with 64 hta-check -e 'count every 1h' -e 'sum(x) every 2h'
	says 'two windows'
	fails_with 64 hta-check --metric q -e count --metric r -e count --metric q -e 'sum(x)'
	echo '{"rule_id":"n","window_size":"1m","metric":"count","group_by":["u"],"max_groups":1}' >r.json
	feed hta-check --explain r.json
	grep -q 'at most *1 group$' "$out"
}

@test "check: a rule that is not active is tested all the same, by the options it leaves out" {
	echo '{"rule_id":"n","metric":"count","active":false,"tests":[{"name":"t","in":[{"at":0}],"rows":[{"window_start":"1970-01-01T00:00:00Z"}]}]}' >r.json
	feed hta-check --test --time at --time-unit s r.json
	fails_with 1 hta-check --test r.json
	grep -qF '# bad lines: 1, the first: ' "$out"
	[ ! -e "$HTA_RUN" ] || [ -z "$(ls -A "$HTA_RUN")" ]
}

@test "check: hops and sessions are tested as hta-window counts them" {
	cat >r.json <<-'END'
		{"rule_id":"hop","window_size":"5m","slide":"1m","metric":"count","lateness":"10s","tests":[{"name":"a hop counts five times","match":"exact","in":[{"ts":"2026-01-01T00:04:30Z"}],"rows":[{"window_start":"2026-01-01T00:00:00Z","count":1},{"window_start":"2026-01-01T00:01:00Z","count":1},{"window_start":"2026-01-01T00:02:00Z"},{"window_start":"2026-01-01T00:03:00Z"},{"window_start":"2026-01-01T00:04:00Z"}]}]}
		{"rule_id":"visits","gap":"30m","max_length":"4h","group_by":["user"],"metric":"count","tests":[{"name":"two visits","match":"exact","in":[{"ts":"2026-01-01T00:00:00Z","user":"u"},{"ts":"2026-01-01T00:10:00Z","user":"u"},{"ts":"2026-01-01T02:00:00Z","user":"u"}],"rows":[{"window_start":"2026-01-01T00:00:00Z","window_end":"2026-01-01T00:40:00Z","count":2},{"window_start":"2026-01-01T02:00:00Z","count":1}]}]}
	END
	feed hta-check --test r.json
	[ "$(grep -c '^ok' "$out")" = 2 ]
	sed -i 's/"count":2/"count":3/' r.json
	fails_with 1 hta-check --test r.json
}

@test "check: hta-window does not look at tests" {
	tested '{"name":"x","in":[{"file":"none"}],"rows":[{"count":7}]}'
	feed hta-window --rules r.json <<<'{"ts":"2026-01-01T00:00:00Z","endpoint":"/a"}'
}

# ---- what they cost ----

@test "check: costs are counted over a sample" {
	hta-gen --count 36000 --start 2026-01-01 --step 100ms >sample.ndjson # an hour
	echo '{"rule_id":"m","window_size":"1m","group_by":["region"],"metric":"count","lateness":"10s"}{"rule_id":"h","window_size":"1d","metric":"p99","field":"latency_ms","active":false}' >r.json
	feed hta-check --cost sample.ndjson r.json
	grep -qE '^36000 events in 60.0 minutes of event time, 864k a day$' "$out"
	regions=$(jq -r .region sample.ndjson | sort -u | wc -l)
	[ "$(awk '$1 == "m" { print $2 }' "$out")" = $((regions * 60)) ]
	[ "$(awk '$1 == "m" { print $3 }' "$out")" = "$(awk "BEGIN { printf \"%.1fk\", $regions * 1.44 }")" ]
	[ "$(awk '$1 == "h" { print $2 $3 }' "$out")" = '1>1' ]
	awk '$1 == "m" || $1 == "h" || $1 == "all" { if ($NF < 5 || $NF > 20000) exit 1; n++ } END { exit n != 3 }' "$out"
	echo nonsense >bad
	fails_with 65 hta-check --cost bad r.json
	says '^hta-check: bad: no good line$'
	fails_with 78 hta-check --cost nowhere r.json
}
