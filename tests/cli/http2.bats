# HTTP/2 in the server of lib/net (tests/mock/hta-http) and hta-ingest, by drv/h2, with curl, h2load and frames by hand.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# Starts the server; its port is in $port, its process in $server.
serve() { # [SETTING...]
	spawn http hta-http 0 h2=1 "$@"
	server=$pid
	wait_until 60 grep -q : http.out
	port=$(sed -E 's/^[^,]*:([0-9]+).*/\1/' http.out)
	url=http://localhost:$port
}

certify() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	chmod 600 key.pem
}

http2=(--http2-prior-knowledge)
get() { curl -sS --max-time 60 "${http2[@]}" "$@"; }
code() { get -o /dev/null -w '%{http_version} %{http_code}\n' "$@"; }
figure() { get "$url/stats" | awk -v name="$1" '$1 == name { print $2 }' | tail -n 1; }
is() { [ "$(figure "$1")" = "$2" ]; } # FIGURE VALUE
raw() { feed python3 "$tests/cli/http2_raw.py" "$port" "$@"; }

bodies() {
	head -c 5000000 /dev/urandom >body
	get --data-binary @body "$url/echo" | cmp - body
	get -T - -X POST "$url/echo" <body | cmp - body
	for coding in gzip zstd; do
		$coding -c body >packed
		get --data-binary @packed -H "Content-Encoding: $coding" "$url/echo" | cmp - body
	done
	[ "$(code --data-binary @packed -H 'Content-Encoding: br' "$url/echo")" = '2 415' ]
	head -c 80000000 /dev/zero >body
	[ "$(code --data-binary @body "$url/echo")" = '2 413' ]
	[ "$(code -T - -X POST "$url/echo" <body)" = '2 413' ]
	gzip -1 <body >bomb
	[ "$(code --data-binary @bomb -H 'Content-Encoding: gzip' "$url/echo")" = '2 413' ]
	[ "$(figure too-large)" = 3 ]
	wait_until 60 is in-flight 0
	get "$url/stream?n=200000" >"$out"
	[ "$(wc -l <"$out")" = 200000 ]
	fails_with 92 get "$url/stream?n=2000&cut=1"
	get --limit-rate 2M "$url/stream?n=300000" >"$out"
	[ "$(tail -n 1 "$out")" = 'line 1' ]
}

@test "http2: bodies and streams come through as they were, a stream that fails is cut" {
	serve
	bodies
}

@test "http2: the same over TLS, as client and server agree" {
	certify
	serve cert=cert.pem key=key.pem
	url=https://localhost:$port
	http2=(--http2 --cacert cert.pem)
	bodies
	[ "$(curl -sS --http1.1 --cacert cert.pem -w ' %{http_version}' "$url/items/a")" = 'a 1.1' ]
	http2=(--http2-prior-knowledge)
	[ "$(get -o body -w '%{http_code}\n' "http://localhost:$port/items/a" 2>&1 | grep -c '^000$')" = 1 ]
}

@test "http2: HEAD, problems, ids, and HTTP/1.1 beside it" {
	serve
	[ "$(code -I "$url/items/a")" = '2 200' ]
	[ "$(get -I "$url/items/a" | tr -d '\r' | grep -i '^content-length')" = 'content-length: 1' ]
	[ "$(get "$url/items/a%2Fb%C3%A4")" = 'a/bä' ]
	get -X DELETE -H 'X-Request-Id: mine' "$url/count" >"$out"
	[ "$(jq -r '[.status, .code, .instance, .request_id] | join(" ")' "$out")" = '405 method-not-allowed /count mine' ]
	[ "$(curl -sS --http1.1 -w ' %{http_version}' "$url/items/a")" = 'a 1.1' ]
	[ "$(code -d '{}' -H 'Content-Type: application/json' -H 'Expect: 100-continue' "$url/count")" = '2 200' ]
	raw order doubtful
}

@test "http2: many streams of many clients, each answered once" {
	serve
	echo '{}' >body
	h2load -n 20000 -c 20 -m 50 -d body -H 'content-type: application/json' "http://127.0.0.1:$port/count" >"$out"
	grep -q '20000 succeeded, 0 failed' "$out"
	[ "$(get -d '{}' -H 'Content-Type: application/json' "$url/count" | jq .requests)" = 20001 ]
}

@test "http2: who stalls, resets or leaves hurts nobody" {
	serve head=1000 body=1000 idle=3000 stall=1000
	raw slow_head slow_body stalled resets left
	wait_until 60 is busy 1
	raw idle
	[ "$(figure slow)" = 1 ]
	raw left
	kill -TERM "$server"
	exits_with 0 60 "$server"
}

@test "http2: bodies share a budget" {
	serve budget=1000000
	raw budget
	is overloaded 1
	wait_until 60 is in-flight 0
}

@test "http2: TERM answers what is under way, and ends with 0" {
	serve
	get "$url/late?ms=4000" >late.out &
	late=$!
	wait_until 60 is busy 2
	kill -TERM "$server"
	wait $late
	[ "$(cat late.out)" = late ]
	exits_with 0 60 "$server"
}

@test "http2: an intake has each event that it answered for" {
	certify
	spawn ingest hta-ingest -v -l 0 --log log --only-log --cert cert.pem --key key.pem
	wait_until 60 grep -q 'listens on' ingest.err
	port=$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)
	echo '{"event_type":"page_view","user_id":"123","payload":{}}' >event
	h2load -n 3000 -c 8 -m 20 -d event -H 'content-type: application/json' "https://localhost:$port/events" >"$out"
	grep -q '3000 succeeded, 0 failed' "$out"
	grep -q 'Application protocol: h2' "$out"
	kill -TERM "$pid"
	exits_with 0 60
	[ "$(hta-consume --log log -e --dead drop | jq -r .event_id | sort -u | wc -l)" = 3000 ]
}
