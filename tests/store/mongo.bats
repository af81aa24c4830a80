# hta-sink-mongo on a server that speaks MongoDB's protocol (FerretDB: tests/services/mongo.sh says what it does otherwise):
# what it stores, that it stores it once, what it refuses, and who reads it.
load ../helpers

# A database for each test.
setup() {
	with_service mongo
	cd "$BATS_TEST_TMPDIR"
	server=${MONGODB_URI%/*}
	db=${MONGODB_URI##*/}_$BATS_TEST_NUMBER
	export MONGODB_URI=$server/$db
}

teardown() {
	kill_spawned
	[ ! -d own ] || svc_stop mongo "$PWD/own" KILL
}

# Python, in which "db" is the database; what it prints.
ask() { svc_mongo_python "${own:-$HTA_SERVICES}" "$db" "$1"; }
number() { ask "print(db.${1:-hta_events}.count_documents({}))"; } # [COLLECTION]

# A job over the file `in`.
job() { # NAME [SINK...]
	pipe "hta-consume --job $1 --epoch-records ${epoch:-100} --until end in | ${*:2} | hta-commit"
}

@test "mongo: events come once, with their members, and a replay changes nothing" {
	hta-gen --count 300 >in
	echo nonsense >>in
	feed job one hta-sink-mongo --init
	[ "$(number)" = 300 ]
	[ "$(ask 'd = db.hta_dead.find_one(); print(d["record"], d["stage"], d["kind"], db.hta_dead.count_documents({}))')" = "nonsense hta-sink-mongo dead 1" ]
	ask 'print(sorted((d["_id"], d["received_at"], d["record"]) for d in db.hta_events.find()))' >before
	feed job one hta-sink-mongo
	feed job two hta-sink-mongo
	ask 'print(sorted((d["_id"], d["received_at"], d["record"]) for d in db.hta_events.find()))' | diff before -
	ask 'import json
for d in db.hta_events.find():
    line = json.loads(d["record"])
    assert d["event"] == line, (d["event"], line)
    assert d["ts"].isoformat()[:23].ljust(23, "0")[:19] == line["ts"][:19], d
    assert (d["event_type"], d["user_id"], d["event_id"]) == (line["event_type"], line["user_id"], line["event_id"])
    assert d["_id"] == "%s/%d/%d" % (d["topic"], d["partition"], d["offset"])
    assert open("in", "rb").read()[d["offset"]:].split(b"\n")[0].decode() == d["record"]
print("ok")' >said
	[ "$(<said)" = ok ]
	[ "$(ask 'print(sorted(i["name"] for i in db.hta_events.list_indexes()))')" = "['_id_', 'hta_time', 'hta_type', 'hta_user']" ]
}

@test "mongo: numbers lose nothing, and what has no form is kept as text" {
	cat >in <<-'END'
		{"n":1,"v":[0,1.5,0.1,0.30000000000000004,2147483647,2147483648,-9223372036854775808,1e300]}
		{"n":2,"v":[18446744073709551615,0.1234567890123456789,1e400,123456789012345678901234567890.5]}
		{"n":3,"a.b":{"$c":1,"d$":2},"x":1,"x":2,"":3}
		{"n":4,"a\u0000b":1}
		{"n":5,"v":"\ud800"}
		{"n":6,"v":[1,[2,[3]]]}
		{"n":7,"v":"a\u0000b\u00e9"}
	END
	printf '{"n":8,"v":%s1%s}\n' "$(printf '{"d":%.0s' {1..120})" "$(printf '}%.0s' {1..120})" >>in
	feed job one hta-sink-mongo --init
	[ "$(number)" = 8 ]
	feed hta-query events -d "$MONGODB_URI" --limit 100
	diff <(sort "$out") <(sort in)
	ask '
by = {__import__("json").loads(d["record"])["n"]: d.get("event") for d in db.hta_events.find()}
assert by[1]["v"] == [0, 1.5, 0.1, 0.30000000000000004, 2147483647, 2147483648, -9223372036854775808, 1e300], by[1]
assert by[2]["v"] == ["18446744073709551615", "0.1234567890123456789", "1e400", "123456789012345678901234567890.5"], by[2]
assert by[3] == {"n": 3, "a\uff0eb": {"\uff04c": 1, "d$": 2}, "x": 2, "": 3}, by[3]
assert by[4] is None and by[5] is None and by[6] is None and by[8] is None, by
assert by[7]["v"] == "a\0b\xe9", by[7]'
}

@test "mongo: known by a member, one of each key, the first or with --replace the last" {
	cat >f <<-'END'
		{"n":1,"topic":"a","event_id":"1"}
		{"n":2,"topic":"a","event_id":1}
		{"n":3,"topic":"b","event_id":"1"}
		{"n":4,"topic":"a","event_id":1.0}
		{"n":5,"event_id":"x"}
	END
	fails_with 65 hta-sink-mongo --key topic,event_id --init <f
	says 'topic is missing'
	feed hta-query -d "$MONGODB_URI" events
	[ "$(jq -r .n "$out" | sort | paste -sd ' ')" = '1 2 3' ]
	head -n 4 f | feed hta-sink-mongo --key topic,event_id -n
	expect <<-'END'
		new 0, equal 3, different 1
	END
	feed hta-sink-mongo --key topic,event_id --replace <<<$'{"n":8,"topic":"a","event_id":"1"}\n{"n":9,"topic":"a","event_id":"1"}'
	feed hta-query -d "$MONGODB_URI" events --topic a
	[ "$(jq -r .n "$out" | sort | paste -sd ' ')" = '2 9' ]
	fails_with 64 hta-sink-mongo --collection third --init <f
	says 'have no offset to be known by'
	echo '{"n":1}' >in
	fails_with 78 job one hta-sink-mongo
	says 'knows events by members of theirs'
	# all pages, where nothing but the key tells events apart
	hta-gen --count 50 --step 0s | feed hta-sink-mongo --key event_id --collection other --init
	local after=()
	while hta-query -d "$MONGODB_URI" events --table other --limit 7 --meta "${after[@]}" >page; do
		cat page >>pages
		after=(--after "$(tail -n 1 page | jq -r .cursor)")
	done
	[ "$(jq -r .event_id pages | sort -u | wc -l)" = 50 ]
	[ "$(wc -l <pages)" = 50 ]
}

@test "mongo: newest first, by type and user and time, page by page" {
	cat >in <<-'END'
		{"n":1,"ts":"2026-01-01T00:00:01Z","event_type":"click","user_id":"ann","source":"web"}
		{"n":2,"ts":"2026-01-01T00:00:03.25Z","event_type":"click","user_id":"bob","source":"app"}
		{"n":3,"ts":"2026-01-01T00:00:03Z","event_type":"view","user_id":"ann","source":"web"}
		{"n":4,"event_type":"view","user_id":"bob"}
		{"n":5,"ts":"2026-01-01T00:00:03Z","event_type":"view","user_id":"bob","source":"web"}
		{"n":6,"event_type":"view"}
	END
	feed job one hta-sink-mongo --init
	order() { jq -r .n "$out" | paste -sd ' '; }
	query() { feed hta-query events -d "$MONGODB_URI" "$@"; }
	query
	[ "$(order)" = '2 5 3 1 6 4' ]
	query --user bob
	[ "$(order)" = '2 5 4' ]
	query --type view --source web
	[ "$(order)" = '5 3' ]
	query --since 2026-01-01T00:00:01Z --until 2026-01-01T00:00:03.25Z -n 2
	[ "$(order)" = '5 3' ]
	local after=() all=
	for _ in 1 2 3 4 5 6; do
		query --limit 1 --meta "${after[@]}"
		all+=$(jq .record.n "$out")
		after=(--after "$(jq -r .cursor "$out")")
	done
	[ "$all" = 253164 ]
	fails_with 1 hta-query -d "$MONGODB_URI" events "${after[@]}"
	fails_with 78 hta-query -d "$MONGODB_URI" metrics
	says 'holds events .*no rollups'
	fails_with 78 hta-query -d "$server/nowhere" events
	says 'nowhere: collection hta_events is missing'
	fails_with 69 hta-query -d mongodb://127.0.0.1:1/x events
}

@test "mongo: whoever dies at any point, each event is there once" {
	hta-gen --count 300 >in
	feed hta-sink-mongo --init </dev/null
	for point in barrier-before sink-init sink-inside:1 sink-inside:3 sink-written sink-written:2 sink-sent sink-sent:2 barrier-after; do
		name=m_${point//[-:]/_}
		ask 'db.hta_events.delete_many({})'
		job $name "{ HTA_CRASH=$point hta-sink-mongo --name $name; echo \$? >died; }" 2>err || :
		[ "$(<died)" = 137 ] || { cat err; false; }
		echo "$point: $(number)"
		[ "$(number)" -lt 300 ]
		job $name "hta-sink-mongo --name $name"
		[ "$(number)" = 300 ]
	done
	[ "$(ask 'import json
print(sorted(set(sum(p["next"] for p in json.loads(d["state"])["pos"]) for d in db.hta_job.find())))')" = "[$(stat -c %s in)]" ]
}

# A server that is this test's alone.
own_server() {
	own=$PWD/own
	mkdir -p "$own"
	svc_start mongo "$own"
	server=mongodb://127.0.0.1:$(<own/mongo.port)
	export MONGODB_URI=$server/$db
}

moved_beyond() { [ "$(number 2>/dev/null || echo "$1")" -gt "$1" ]; }
# Or has ended: where much goes on beside us it may have come to its end before we look.
moved_or_gone() { moved_beyond "$1" || gone "$2"; } # NUMBER PID

@test "mongo: the server dies in the middle, three times, and each event is there once" {
	own_server
	hta-gen --count 1500 >in
	feed hta-sink-mongo --init </dev/null
	run_job() { job one "hta-sink-mongo --retry-for 60s"; }
	export -f run_job job pipe
	spawn job bash -c run_job
	running=$pid
	for _ in 1 2 3; do
		wait_until 60 moved_or_gone "$(number)" $running
		if gone $running; then break; fi
		svc_stop mongo "$own" KILL
		svc_start mongo "$own"
	done
	exits_with 0 120 $running
	grep -q 'trying again' job.err
	feed hta-query events -d "$MONGODB_URI" --limit 10000
	diff <(sort "$out") <(sort in)
}

@test "mongo: a server that is away, or hangs, does not keep a pipeline from leaving" {
	own_server
	hta-gen --count 30000 >in
	feed hta-sink-mongo --init </dev/null
	spawn job bash -c "hta-consume --job one --epoch-records 30000 --drain-timeout 2s in | hta-sink-mongo | hta-commit"
	running=$pid
	wait_until 60 moved_beyond 0
	kill -STOP "$(<own/mongo.pid)"
	kill -TERM -- -$running
	wait_until 60 gone $running || { kill -CONT "$(<own/mongo.pid)"; false; }
	kill -CONT "$(<own/mongo.pid)"
}

@test "mongo: what is refused, and how it is said" {
	url=$MONGODB_URI
	fails_with 78 hta-sink-mongo </dev/null
	says "$db: collection hta_events is missing: run .hta-sink-mongo --init </dev/null. once, or add --init$"
	feed hta-sink-mongo --init </dev/null
	feed hta-sink-mongo --init </dev/null
	MONGODB_URI=${url/:\/\//:\/\/ann:wr%6Fng@} fails_with 78 hta-sink-mongo --retry-for 1s </dev/null
	not grep -q 'wrong\|wr%6Fng' <<<"$stderr"
	[ "$(wc -l <<<"$stderr")" = 1 ]
	fails_with 69 hta-sink-mongo --retry-for 1s mongodb://127.0.0.1:1/x </dev/null
	says 'Connection refused.*given up after 1s'
	fails_with 69 hta-sink-mongo --retry-for 1s "$url?tls=true&connectTimeoutMS=2000" </dev/null
	for bad in redis://x mongodb:// 'mongodb://h' 'mongodb://h/' 'mongodb://u:p@:1/x' 'mongodb://h:p:x/%zz'; do
		fails_with 64 hta-sink-mongo "$bad" </dev/null
	done
	for name in hta_job system.x 'a$b' ''; do
		fails_with 64 hta-sink-mongo --collection "$name" </dev/null
	done
	MONGODB_URI= fails_with 64 hta-sink-mongo </dev/null
	says 'which database'
	hta-gen --count 10 >in
	fails_with 64 pipe "hta-consume --job j --until end in | hta-window | hta-sink-mongo | hta-commit"
	says 'hta-window stands above.*hta-sink-mongo \.\.\. \| hta-window'
	fails_with 64 job j "hta-sink-mongo --dry-run"
	fails_with 64 pipe "hta-consume --job j --until end in | hta-window | hta-sink-clickhouse --positions $url | hta-commit"
	says 'its own events only'
	ask 'db.strange.insert_one({"a": 1})'
	fails_with 78 hta-sink-mongo --collection strange </dev/null
	says 'strange is there, and holds no events'
	ask 'db.hta_events.create_index("event_type", unique=True, name="mine")'
	fails_with 78 job j hta-sink-mongo
	says 'E11000'
	[ "$(number hta_job)" = 1 ]
}

@test "mongo: a certificate that is not trusted is 78, one that is goes on" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null
	port=$(svc_free_port)
	host=${server#mongodb://}
	cat >front.py <<-'END'
		import socket, ssl, sys, threading
		ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		ctx.load_cert_chain("cert.pem", "key.pem")
		s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		def pump(a, b):
		    try:
		        while (d := a.recv(65536)):
		            b.sendall(d)
		    except OSError:
		        pass
		    for x in (a, b):
		        try: x.shutdown(socket.SHUT_RDWR)
		        except OSError: pass
		while True:
		    c, _ = s.accept()
		    try:
		        c = ctx.wrap_socket(c, server_side=True)
		    except (ssl.SSLError, OSError):
		        continue
		    t = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
		    for x in ((c, t), (t, c)):
		        threading.Thread(target=pump, args=x, daemon=True).start()
	END
	spawn front python3 front.py "$port" "${host##*:}"
	wait_until 60 bash -c ": </dev/tcp/127.0.0.1/$port"
	fails_with 78 hta-sink-mongo --init --retry-for 5s "mongodb://127.0.0.1:$port/$db?tls=true" </dev/null
	says 'certificate verify failed'
	fails_with 78 hta-sink-mongo --init --retry-for 5s "mongodb://127.0.0.1:$port/$db?tls=true&tlsCAFile=nowhere.pem" </dev/null
	hta-gen --count 50 >in
	feed job one "hta-sink-mongo --init 'mongodb://127.0.0.1:$port/$db?tls=true&tlsCAFile=$PWD/cert.pem'"
	feed hta-query events -d "mongodb://127.0.0.1:$port/$db?tls=true&tlsCAFile=$PWD/cert.pem" --limit 100
	diff <(sort "$out") <(sort in)
}

@test "mongo: a job is reset, and begins anew; a store that was restored is filled" {
	hta-gen --count 100 >in
	feed job one hta-sink-mongo --init
	feed hta-sink-mongo --reset one
	grep -q 'events stay' "$out"
	[ "$(number hta_job)" = 0 ]
	feed job one hta-sink-mongo
	[ "$(number)" = 100 ]
	first=$(stat -c %s in)
	# a store that has gone back to an older state gets what it lacks
	ask 'print(__import__("json").dumps(list(db.hta_job.find())))' >older
	hta-gen --count 100 --seed 2 >>in
	feed job one hta-sink-mongo
	[ "$(number)" = 200 ]
	ask 'db.hta_job.delete_many({}); db.hta_job.insert_many(__import__("json").load(open("older"))); db.hta_events.delete_many({"offset": {"$gte": '$first'}})'
	[ "$(number)" = 100 ]
	feed job one hta-sink-mongo
	[ "$(number)" = 200 ]
}

@test "mongo: rules out of a collection, by one line, are what hta-window takes" {
	ask 'db.rules.insert_many([{"_id": "a", "rule_id": "per_type", "group_by": ["event_type"], "window_size": "1m", "metric": "count"}, {"_id": "b", "rule_id": "per_user", "group_by": ["user_id"], "window_size": "5m", "metric": "count"}])'
	# who exports is a stand-in: the lines that mongoexport writes, of the same collection
	mkdir bin rules
	cat >bin/mongoexport <<-END
		#!/bin/bash
		[ "\$*" = "--quiet --uri \$MONGODB_URI -c rules -o .all" ] || exit 64
		exec >.all
		source $BATS_TEST_DIRNAME/../services.sh
		svc_mongo_python $HTA_SERVICES $db 'import json
		for d in db.rules.find(): print(json.dumps(d))'
		exit \${BROKEN:-0}
	END
	chmod +x bin/mongoexport
	sed -n '/^cd .*mongoexport/,/^\.Ed/{/^\.Ed/d;p}' "$BATS_TEST_DIRNAME/../../man/hta-sink-mongo.1" | sed "s|/etc/hta/rules|$PWD/rules|" >line.sh
	[ "$(wc -l <line.sh)" = 2 ]
	PATH=$PWD/bin:$PATH feed bash line.sh
	hta-gen --count 200 >in
	feed hta-window --rules rules <in
	[ "$(jq -r .metric "$out" | sort -u | paste -sd ' ')" = 'per_type per_user' ]
	cp rules/mongo.json before
	PATH=$PWD/bin:$PATH BROKEN=1 not bash line.sh
	ask 'db.rules.insert_one({"_id": "c", "rule_id": "bad", "group_by": 7})'
	PATH=$PWD/bin:$PATH not bash line.sh
	ask 'db.rules.delete_many({})'
	PATH=$PWD/bin:$PATH not bash line.sh
	cmp rules/mongo.json before
}
