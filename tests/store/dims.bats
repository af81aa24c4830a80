# Dimensions of rules that are more than a path: classes, ranges, small letters, cuts, elements; equal to a recount.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

rule() { # NAME DIMENSIONS [MEMBERS]
	printf '{"rule_id":"%s","window_size":"10s","group_by":[%s],"aggregates":{"s":{"sum":"ms"},"u":{"uniq_exact":"who"}}%s}\n' "$1" "$2" "${3-}"
}
shapes='{"path":"status","as":"class","class":100},{"path":"path","lower":true,"max":6},{"path":"ms","class":[-5,10.5,50]},{"path":"tags","explode":true}'

# Made events, and their rows of that rule by another hand: "second dims count sum elements", and how many lines are bad.
made() { # COUNT SEED
	python3 - "$@" <<-'END'
		import collections, json, math, random, sys
		from decimal import Decimal
		n, r = int(sys.argv[1]), random.Random(int(sys.argv[2]))
		rows, bad, cuts = collections.defaultdict(lambda: [0, Decimal(0), set()]), 0, 0
		def text(v):
		    return format(v.normalize(), "f")
		def shaped(e, tag):
		    d = {}
		    if "status" in e:
		        d["class"] = None if e["status"] is None else str(math.floor(Decimal(e["status"]) / 100)) + "xx"
		    if "path" in e:
		        d["path"] = p = e["path"]
		        if isinstance(p, str):
		            b = "".join(c.lower() if c.isascii() else c for c in p).encode()[:6]
		            d["path"] = b.decode(errors="ignore")
		            global cuts
		            cuts += len(p.encode()) > 6
		    if "ms" in e:
		        m = Decimal(e["ms"])
		        d["ms"] = "<-5" if m < -5 else "-5..10.5" if m < Decimal("10.5") else "10.5..50" if m < 50 else ">=50"
		    if tag is not Ellipsis:
		        d["tags"] = tag
		    return json.dumps(d, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
		with open("events", "w") as out:
		    for i in range(n):
		        e = {"ts": "2026-01-01T00:%02d:%02d.5Z" % (i * 300 // n // 60, i * 300 // n % 60), "who": r.randrange(40)}
		        for k, of in (("status", [200, 201, 404, 503, "500", 99, -1, None, ...]),
		                      ("path", ["/A", "/API/x", "/\u00c9T\u00c9", "/caf\u00e9s/x", 'q"\\"', 7, True, None, ...]),
		                      ("ms", ["-6", "-5", "10.4999", "10.5", "49.9", "50", "1e3", ...]),
		                      ("tags", [[], ["a"], ["a", "b"], ["b", "b", None], "a", ["x,]\"", 1, True], list(range(64)), 3, None, ...])):
		            v = r.choice(of)
		            if v is not Ellipsis:
		                e[k] = v
		        wrong = r.random() < .03 and r.choice([("status", "x"), ("ms", []), ("tags", ["a", ["b"]]), ("tags", ["a", {}]), ("tags", list(range(65)))])
		        if wrong:
		            e[wrong[0]] = wrong[1]
		        line = {k: v for k, v in e.items() if k != "ms" or wrong and k == wrong[0]}
		        json.dump(line, out, ensure_ascii=r.random() < .5)
		        if "ms" in e and "ms" not in line:    # as it is written: 1e3
		            out.seek(out.tell() - 1)
		            out.write(', "ms": %s}' % e["ms"])
		        out.write("\n")
		        if wrong:
		            bad += 1
		            continue
		        tags = e.get("tags", ...)
		        for tag in (tags or [...]) if isinstance(tags, list) else [tags]:
		            x = rows["%03d " % (i * 300 // n // 10 * 10) + shaped(e, tag)]
		            x[0] += 1
		            x[1] += Decimal(e.get("ms", 0))
		            x[2].add(e["who"])
		with open("want", "w") as out:
		    for k, x in sorted(rows.items()):
		        out.write("%s %d %s %d\n" % (k, x[0], text(x[1]) if x[1] else "0", len(x[2])))
		print(bad, cuts)
	END
}

# Rows as that has them; null where no number came is 0.
told() { # [FILE]
	python3 -c '
import json, sys
from decimal import Decimal
for line in open(sys.argv[1]):
    r = json.loads(line, parse_float=Decimal)
    t = r["window_start"]
    d = json.dumps(r["dims"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    s = Decimal(r["measures"]["s"] or 0)
    print("%03d" % (int(t[14:16]) * 60 + int(t[17:19])), d, r["count"], format(s.normalize(), "f") if s else "0", r["measures"]["u"])' "${1:-$out}" | LC_ALL=C sort
}

@test "dims: equal to a recount, over threads and chunks as well" {
	read -r bad cuts <<<"$(made 4000 1)"
	LC_ALL=C sort -o want want
	rule d "$shapes" >r.json
	feed hta-window --dead dead --rules r.json events
	told | cmp want
	[ "$(wc -l <dead)" = "$bad" ]
	mv "$out" one
	feed hta-window --dead drop -j 3 --rules r.json events
	cmp "$out" one
	feed pipe 'cat events | hta-window --dead drop -j 2 --rules r.json'
	cmp "$out" one
	[ "$cuts" -gt 0 ]
}

@test "dims: rules that share a key, and one that does not, count as each alone" {
	made 1000 2 >/dev/null
	for name in a b c; do rule $name "$shapes"; done >r.json
	rule d '"path","status"' ',"where":".tags == null"' >>r.json
	rule e '"path",{"path":"path","as":"again"},{"path":"path","as":"small","lower":true}' >>r.json
	feed hta-window --dead drop --rules r.json events
	mv "$out" all
	for name in a b c d e; do
		grep "\"$name\"" r.json >one.json
		feed hta-window --dead drop --rules one.json events
		jq -c "select(.metric == \"$name\")" all >of
		jq -c . "$out" | cmp of
	done
}

@test "dims: what a rule cannot take is bad for it alone, and is told by path" {
	rule d "$shapes" >r.json
	rule all '' >>r.json
	cat >lines <<-'END'
		{"ts":"2026-01-01T00:00:00Z","status":"x"}
		{"ts":"2026-01-01T00:00:00Z","ms":1,"tags":["a",[]]}
		{"ts":"2026-01-01T00:00:00Z","path":{}}
	END
	echo "{\"ts\":\"2026-01-01T00:00:00Z\",\"tags\":[$(seq -s, 65)]}" >>lines
	fails_with 65 hta-window --rules r.json lines
	[ "$(jq -r '"\(.metric) \(.count)"' "$out")" = 'all 4' ]
	says 'lines:1: metric d: \.status is a string: classes are of numbers'
	says 'lines:2: metric d: an element of tags is an array'
	says 'lines:3: metric d: path is an object, not a string'
	says 'lines:4: metric d: tags has 65 elements, at most 64 can count'
	rule d '{"path":"a","explode":true},{"path":"b","explode":true}' >r.json
	fails_with 78 hta-window --rules r.json lines
	says 'one dimension of a rule may "explode", this one has 2'
	rule d '"a",{"path":"b","as":"a"}' >r.json
	fails_with 78 hta-window --rules r.json lines
	says 'two dimensions are called a'
}

@test "dims: sessions of elements" {
	rule s '{"path":"tags","explode":true}' | sed 's/"window_size":"10s"/"gap":"5s"/' >r.json
	cat >lines <<-'END'
		{"ts":"2026-01-01T00:00:00Z","tags":["a","b"]}
		{"ts":"2026-01-01T00:00:04Z","tags":["a"]}
		{"ts":"2026-01-01T00:00:06Z","tags":["b"]}
	END
	feed hta-window --rules r.json lines
	[ "$(jq -r '"\(.dims.tags) \(.window_start[17:19]) \(.window_end[17:19]) \(.count)"' "$out" | sort)" = $'a 00 09 2\nb 00 05 1\nb 06 11 1' ]
}

@test "dims: an acknowledged stream into SQLite, its meaning, its view, and final rows" {
	made 1000 3 >/dev/null
	LC_ALL=C sort -o want want
	rule d "$shapes" >r.json
	job() { feed pipe "hta-consume --job j events | hta-window --dead drop --rules $1 | hta-sink-sqlite --init db | hta-commit"; }
	job r.json
	sqlite3 db 'select definition from hta_metric' | jq -c .by |
		diff - <(echo '[{"path":"status","as":"class","class":100},{"path":"ms","class":[-5,10.5,50]},{"path":"path","lower":true,"max":6},{"path":"tags","explode":true}]')
	feed hta-query -d db --format table metrics
	grep -qF ' class of 100 of status as class,range of ms (-5, 10.5, 50),path in small letters cut at 6 bytes,element of tags' "$out"
	[ "$(sqlite3 db "select sum(count) from d where class = '5xx' and tags = 'a'")" = "$(awk '/"class":"5xx".*"tags":"a"/ { n += $(NF - 2) } END { print n }' want)" ]
	feed hta-query -d db history d --since 2025-12-31
	told | cmp want
	job r.json
	feed pipe 'hta-consume --job out --final d -d db -e | hta-sink-sqlite --init final.db | hta-commit'
	feed hta-query -d final.db history d --since 2025-12-31
	told | cmp - <(grep -v '^290 ' want)
	rule d "${shapes/100/10}" >other.json
	fails_with 78 pipe 'hta-consume --job j events | hta-window --rules other.json | hta-sink-sqlite db | hta-commit'
}

@test "dims: hta-check explains, prints and tests them" {
	rule d "$shapes" ',"tests":[{"name":"t","in":[{"ts":"2026-01-01T00:00:00Z","status":503,"path":"/API/X","ms":3,"tags":["a"]}],"rows":[{"dims":{"class":"5xx","path":"/api/x","ms":"-5..10.5","tags":"a"},"count":1}],"dead":0,"match":"exact"}]' >r.json
	feed hta-check --test r.json
	feed hta-check --explain r.json
	grep -qF 'each combination of class of 100 of status as class, path in small letters cut at 6 bytes, range of ms (-5, 10.5, 50) and element of tags' "$out"
	feed hta-check --print json r.json
	[ "$(jq -c .group_by "$out")" = "$(jq -c .group_by r.json)" ]
}
