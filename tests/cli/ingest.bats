# hta-ingest: what clients are answered, and that what they were answered is in the log, once.
load ../helpers
load ../ingest

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() {
	kill_spawned
	if mountpoint -q "$BATS_TEST_TMPDIR/disk"; then umount "$BATS_TEST_TMPDIR/disk"; fi
}

@test "an event, a batch, a publication: answered as their systems do, and in the log" {
	serve
	post /events "$view"
	answers 202 '[.status, .message] | @csv' '"accepted","Event accepted for processing"'
	[ "$(jq -r .event_id body)" = "$(logged | jq -r .event_id)" ]
	post /publish "$login"
	answers 201 '[.status, .topic, .event_id] | @csv' '"created","user.login","evt-001"'
	post /publish "$login"
	answers 409 '[.code, .topic, .event_id] | @csv' '"duplicate","user.login","evt-001"'
	grep -qi '^content-type: application/problem+json' head
	post /publish "{\"events\":[$login,${login/001/002}]}"
	answers 201 'del(.status)' '{"received":2,"created":1,"duplicates":1}'
	post /publish "{\"events\":[$login]}"
	answers 409 '[.received, .created, .duplicates]' '[1,0,1]'
	post /ingest "$(batch 1 3 | jq -sc .)"
	answers 202 . '{"status":"accepted","count":3,"duplicates":0}'
	post /ingest "$(batch 3 4 | jq -sc .)"
	answers 202 . '{"status":"accepted","count":2,"duplicates":1}'
	end
	[ "$(logged | wc -l)" = 7 ]
	[ "$(logged | jq -c '[.topic, .event_id]' | sort -u | wc -l)" = 7 ]
	logged | jq -es 'all(.received_at and .timestamp and .topic)' >/dev/null
}

@test "lines: one is an event, several are a batch" {
	serve
	post /events "$view" -H "$ndjson"
	answers 202 .status accepted
	jq -e .event_id body
	post /events "$view"$'\n'"$view"$'\n' -H "$ndjson"
	answers 202 . '{"status":"accepted","count":2,"duplicates":0}'
	batch 1 500 >lines
	for coding in gzip zstd; do
		$coding -c lines >packed
		post /ingest @packed -H "$ndjson" -H "Content-Encoding: $coding"
		[ "$status" = 202 ]
	done
	answers 202 . '{"status":"accepted","count":500,"duplicates":500}'
	end
	[ "$(logged | wc -l)" = 503 ]
}

@test "typed endpoints by a schema: ids, totals, and what is wrong" {
	serve --route "/api/v1/orders=order_events:$top/examples/routes/orders.json" --route "/api/v1/product-views=product_views:$top/examples/routes/product-views.json"
	post /api/v1/orders '{"user_id":"user_001","items":[{"product_id":"prod_123","quantity":2,"price":99.99}]}'
	answers 202 '[.status, .topic, .event_id == .order_id]' '["accepted","order_events",true]'
	post /api/v1/orders '{"user_id":"user_001","order_id":"o1","items":[{"product_id":"p","quantity":1,"price":1}]}'
	answers 202 .order_id o1
	post /api/v1/orders '{"user_id":"user_001","order_id":"o1","items":[{"product_id":"p","quantity":1,"price":1}]}'
	answers 202 .duplicate true
	post /api/v1/product-views '{"user_id":"user_001","product_id":"prod_1"}'
	answers 202 .topic product_views
	post /api/v1/orders '{"user_id":"user_001","items":[{"product_id":"p","quantity":0,"price":1}]}'
	answers 422 '.errors[0].pointer' /items/0/quantity
	end
	[ "$(logged | jq -r 'select(.topic == "order_events").total' | xargs)" = '199.98 1' ]
}

@test "what is refused says so by its status, and nothing of it is in the log" {
	serve --max-events 3 --max-event 1k --max-body 64k
	post /events '{"event_type":'
	refuses 400 malformed-json
	post /events '{"event_type":"x","user_id":7,"payload":{}}'
	answers 422 '.errors[0] | [.index, .pointer, .code]' '[0,"/user_id","not-a-string"]'
	post /events '{"event_type":"x","event_type":"y","user_id":"u","payload":{}}'
	answers 422 '.errors[0].code' duplicate-member
	post /events '{"event_type":"x","user_id":"u","payload":{},"received_at":"2026-01-01T00:00:00Z"}'
	answers 422 '.errors[0].code' reserved-member
	post /ingest '[]'
	[ "$status" = 422 ]
	post /ingest "$(batch 1 4 | jq -sc .)"
	refuses 413 too-many-events
	post /ingest "[$(batch 1 1), {\"event_id\":7}]"
	answers 422 '[.errors_total, .errors[0].index]' '[3,1]'
	post /events "{\"event_type\":\"x\",\"user_id\":\"u\",\"payload\":{\"a\":\"$(printf '%2000s' '')\"}}"
	[ "$status" = 413 ]
	head -c 100000 /dev/zero >long
	post /events @long
	refuses 413 body-too-large
	post /events "$view" -H 'Content-Type: text/plain'
	refuses 415 content-type
	post /events "$view" -H 'Content-Encoding: br'
	refuses 415 content-encoding
	post /events "$view" -H 'Accept: text/html'
	refuses 406 not-acceptable
	post /event "$view"
	refuses 404 not-found
	post /events "$view" -X PUT
	refuses 405 method-not-allowed
	grep -qi '^allow: OPTIONS, POST' head
	post /events "$view" -H 'Host: evil.example'
	refuses 421 misdirected
	[ "$(get /limits | jq '[.events, .event_bytes, .body_bytes]' -c)" = '[3,1024,65536]' ]
	end
	[ -z "$(logged)" ]
}

@test "lenient: the good ones are taken, the others are dead letters" {
	serve
	post /ingest "[$(batch 1 1),{\"user_id\":1},$(batch 2 2)]" -H 'Prefer: handling=lenient'
	answers 202 '[.count, .rejected, .errors[0].index]' '[2,1,1]'
	grep -qi '^preference-applied: handling=lenient' head
	end
	[ "$(logged | wc -l)" = 2 ]
	feed pipe 'hta-consume --job j --log log -e --dead bad | hta-commit >sum'
	[ "$(jq -r .record bad)" = '{"user_id":1}' ]
}

@test "Idempotency-Key: a request that is sent again is known, after a kill too" {
	serve
	post /events "$view" -H 'Idempotency-Key: k1'
	[ "$status" = 202 ]
	id=$(jq -r .event_id body)
	kill -9 "$intake"
	wait_until 60 gone "$intake"
	serve
	post /events "$view" -H 'Idempotency-Key: k1'
	answers 202 '[.event_id, .duplicate]' "[\"$id\",true]"
	grep -qi '^idempotency-replayed: true' head
	post /events "${view/home/away}" -H 'Idempotency-Key: k1'
	refuses 422 idempotency-mismatch
	end
	[ "$(logged | wc -l)" = 1 ]
}

@test "the same event from many at once: one has created it, and nobody hears of it before it is durable" {
	serve
	for id in 1 2 3; do
		get "/publish?n=[1-40]" -Z --parallel-max 20 -o /dev/null -w '%{http_code}\n' -H "$json" -d "${login/001/$id}" | sort | uniq -c >codes
		[ "$(xargs <codes)" = '1 201 39 409' ]
	done
	end
	[ "$(logged | wc -l)" = 3 ]
}

@test "kill -9 under load: what was acknowledged is in the log, once" {
	feed python3 "$tests/cli/ingest_kill.py" log "${HTA_KILLS:-20}" "${HTA_SEED:-$RANDOM}"
	[ ! -s wrong ] || { head -n 3 wrong; return 1; }
	logged | jq -r .event_id | sort >ids
	[ "$(wc -l <acked)" -gt 1000 ]
	[ -z "$(uniq -d ids)" ]
	[ -z "$(sort -u acked | comm -23 - ids)" ]
	[ -z "$(sort -u sent | comm -13 - ids)" ]
	[ "$(jq .unique_processed stats)" = "$(wc -l <ids)" ]
	[ "$(jq '.received_count - .duplicate_dropped' stats)" = "$(wc -l <ids)" ]
}

@test "TERM under load: everything is answered, and 0" {
	serve
	batch 1 20000 | split -l 100 - part.
	for part in part.*; do
		post /ingest "@$part" -H "$ndjson" -H 'Connection: close' || :
		[ "$status" != 202 ] || cat "$part" >>acked
	done &
	load=$!
	wait_until 60 test -s acked
	end
	kill $load 2>/dev/null || :
	wait $load || :
	[ -z "$(jq -r .event_id acked | sort | comm -23 - <(logged | jq -r .event_id | sort))" ]
	[ -z "$(logged | jq -r .event_id | sort | uniq -d)" ]
}

@test "statistics survive a kill, and a reset is a base line" {
	serve
	for _ in 1 2 3; do post /publish "$login"; done
	kill -9 "$intake"
	wait_until 60 gone "$intake"
	serve
	post /publish "${login/login/logout}"
	[ "$(get /stats | jq -c 'del(.uptime)')" = '{"received_count":4,"unique_processed":2,"duplicate_dropped":2,"deduplication_rate":50,"topics":["user.login","user.logout"]}' ]
	get /stats | grep -q '"deduplication_rate":50.00,'
	get /stats | jq -e '.uptime | test("^0:0[0-9]:[0-9]{2}\\.[0-9]{6}$")'
	post /stats/reset ''
	[ "$status" = 200 ]
	post /publish "$login"
	[ "$(get /stats | jq -c '[.received_count, .duplicate_dropped, .deduplication_rate]')" = '[1,1,100]' ]
	end
	serve
	[ "$(get /stats | jq -c '[.received_count, .duplicate_dropped]')" = '[1,1]' ]
}

@test "metrics are what was answered, in Prometheus' form" {
	serve
	post /publish "$login"
	post /publish "$login"
	post /publish nonsense
	post /ingest '[{"user_id":1}]'
	post /nowhere ''
	get /metrics >metrics
	metric() { grep -v '^#' metrics | grep -F "$1 " | cut -d' ' -f2; } # NAME
	[ "$(metric 'hta_http_requests_total{route="/publish",method="POST",code="201"}')" = 1 ]
	[ "$(metric 'hta_http_requests_total{route="/publish",method="POST",code="409"}')" = 1 ]
	[ "$(metric 'hta_http_requests_total{route="none",method="POST",code="404"}')" = 1 ]
	[ "$(metric 'hta_ingest_events_total{topic="user.login",outcome="accepted"}')" = 1 ]
	[ "$(metric 'hta_ingest_events_total{topic="user.login",outcome="duplicate"}')" = 1 ]
	[ "$(metric 'hta_ingest_events_total{topic="",outcome="invalid"}')" = 1 ]
	[ "$(metric hta_ingest_ack_seconds_count)" = 2 ]
	[ "$(metric 'hta_ingest_ack_seconds_bucket{le="+Inf"}')" = 2 ]
	[ "$(metric hta_dedup_ids)" = 1 ]
	[ "$(metric 'hta_http_request_seconds_count{route="/publish"}')" = 3 ]
	[ "$(metric 'hta_log_group_events_bucket{le="+Inf"}')" = 2 ]
	[ "$(metric hta_log_free_bytes)" -gt 0 ]
	[ "$(metric hta_log_limit_bytes)" = 10737418240 ]
	# no job has read it: all of it is held
	[ "$(metric hta_log_held_bytes)" -gt 0 ]
	[ "$(metric hta_log_held_bytes)" = "$(metric hta_log_bytes)" ]
	[ "$(grep -vcE '^(# (HELP|TYPE) hta_|hta_[a-z_]+(\{[^}]*\})? [0-9.]+$)' metrics)" = 0 ]
	[ -z "$(grep -v '^#' metrics | sed 's/ [^ ]*$//' | sort | uniq -d)" ]
	end
}

@test "keys: who may do what, how much, of which topics; read anew at USR1" {
	hta-ingest --new-key web >new
	key=$(head -n 1 new)
	sed -n 's/$/ rate=1\/s burst=5/;2p' new >keys
	hta-ingest --new-key stats >new
	reader=$(head -n 1 new)
	sed -n 's/write$/read/;2p' new >>keys
	fails_with 78 hta-ingest -l 0 --log log --only-log --keys keys
	says 'chmod 600'
	chmod 600 keys
	serve --keys keys
	post /events "$view"
	refuses 401 no-key
	grep -qi '^www-authenticate: Bearer' head
	post /events "$view" -H "Authorization: Bearer $key"
	[ "$status" = 202 ]
	post /events "$view" -H "X-API-Key: $key"
	[ "$status" = 202 ]
	post /events "$view" -H "X-API-Key: $reader"
	refuses 403 scope
	[ "$(get /stats -H "X-API-Key: $reader" | jq .received_count)" = 2 ]
	# where filling the bucket again took no longer than a test, the first one passes and leaves a debt
	for first in 1 101; do
		[ "$status" = 429 ] || post /ingest "$(batch $first $((first + 99)) | jq -sc .)" -H "X-API-Key: $key"
	done
	refuses 429 rate
	grep -qiE '^retry-after: [1-9]' head
	grep -qiE '^ratelimit-policy: "events";q=5;w=5' head
	grep -qiE '^ratelimit: "events";r=[0-4];t=[1-9]' head
	grep -qiE '^x-ratelimit-limit: 5' head
	grep -qiE '^x-ratelimit-remaining: [0-4]' head
	get /health | jq -e '.status == "ok"'
	sed -i 's/rate=1.*/topics=orders/' keys
	kill -USR1 "$intake"
	wait_until 60 grep -q 'read anew' ingest.err
	post /events "$view" -H "X-API-Key: $key"
	refuses 403 topic
	echo nonsense >keys
	kill -USR1 "$intake"
	wait_until 60 grep -q 'stay as they were' ingest.err
	end
	[ "$(logged | grep -c page_view)" = 2 ]
}

@test "a full log refuses with 503 and takes up again, and knows what it has" {
	mkdir disk
	mount -t tmpfs -o size=100m tmpfs disk || skip "no rights to mount"
	log=disk/log
	serve
	head -c 900000 /dev/zero | tr '\0' x >pad
	for i in $(seq 100); do
		printf '{"event_id":"f%d","event_type":"x","user_id":"u","payload":{"p":"%s"}}' "$i" "$(cat pad)" >big
		post /events @big
		[ "$status" = 202 ] || break
		echo "f$i" >>acked
	done
	refuses 503 log-full
	grep -qi '^retry-after: 30' head
	[ "$(get /health/ready | jq -r .code)" = log-full ]
	post /publish "$login"
	wait_until 60 bash -c "set -o pipefail; curl -sf $url/health | jq -e .log.full"
	mount -o remount,size=400m disk
	wait_until 60 bash -c "curl -s -o /dev/null -w '%{http_code}' -H '$json' --data-binary @big $url/events | grep 202"
	echo "f$i" >>acked
	end
	logged | jq -r .event_id | grep '^f' | cmp - acked
}

@test "a log that fails: who waits is refused, 74, and the next start has what was answered" {
	under=(env --ignore-signal=XFSZ)
	serve
	post /events "$view"
	[ "$status" = 202 ]
	prlimit --pid "$intake" --fsize=1000
	batch 1 100 | jq -sc . >hundred
	post /ingest @hundred
	refuses 503 log-failed
	exits_with 74 60 "$intake"
	grep -q 'hta-ingest: .*File too large' ingest.err
	under=()
	serve
	post /ingest @hundred
	answers 202 '[.count, .duplicates]' '[100,0]'
	end
	[ "$(logged | wc -l)" = 101 ]
}

@test "a disk that fails: EIO of the write itself, at a time of its own" {
	cat >eio.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <sys/uio.h>
		#include <unistd.h>
		static int bad(void) { return access("bad", F_OK) == 0 && (errno = EIO); }
		ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags)
		{
			ssize_t (*next)(int, const struct iovec *, int, off_t, int) = (ssize_t (*)(int, const struct iovec *, int, off_t, int))dlsym(RTLD_NEXT, "pwritev2");
			return bad() ? -1 : next(fd, v, n, at, flags);
		}
		ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
		{
			ssize_t (*next)(int, const void *, size_t, off_t) = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
			return bad() ? -1 : next(fd, p, n, at);
		}
	END
	cc -shared -fPIC -o eio.so eio.c
	under=(env "LD_PRELOAD=$PWD/eio.so" ASAN_OPTIONS=verify_asan_link_order=0)
	serve
	post /ingest "$(batch 1 10 | jq -sc .)"
	answers 202 .count 10
	touch bad
	post /ingest "$(batch 11 20 | jq -sc .)"
	refuses 503 log-failed
	grep -qi '^retry-after' head
	exits_with 74 60 "$intake"
	grep -q 'hta-ingest: .*Input/output error' ingest.err
	rm bad
	serve
	post /ingest "$(batch 1 20 | jq -sc .)"
	answers 202 '[.count, .duplicates]' '[20,10]'
	end
	[ "$(logged | jq -r .event_id | sort -u | wc -l)" = 20 ]
	[ "$(logged | wc -l)" = 20 ]
}

@test "behind it a pipeline counts what it took, exactly once" {
	serve
	job='hta-consume --job j --log log --epoch 50ms | hta-window --every 1m --time timestamp --by event_type --dead drop | hta-sink-sqlite --init rows.db | hta-commit'
	spawn p bash -c "set -o pipefail; $job"
	pipeline=$pid
	counted() { [ "$(sqlite3 rows.db 'SELECT coalesce(sum(count), 0) FROM hta_rollups')" = "$1" ]; }
	for n in 1 2 3; do
		post /ingest "$(batch $((n * 1000 - 500)) $((n * 1000 + 499)) | jq -sc .)"
		[ "$status" = 202 ]
		wait_until 60 counted $((n * 1000))
		kill_all_of "$pipeline"
		spawn p bash -c "set -o pipefail; $job"
		pipeline=$pid
	done
	get /health | jq -e .pipeline
	end
	kill_all_of "$pipeline"
	feed pipe "${job/--epoch/-e --epoch}"
	counted 3000
}

@test "Prefer: wait: answered when the sinks have it, or with a place to ask at" {
	serve
	post /events "$view" -H 'Prefer: handling=lenient, wait=1'
	answers 202 .status accepted
	place=$(sed -nE 's/^location: ([^\r]*).*/\1/ip' head)
	[ "$(get "$place" | jq -c .)" = '{"durable":true,"acked":false}' ]
	spawn p bash -c 'hta-consume --job j --log log --epoch 50ms | hta-window --every 1m --time timestamp --by event_type --dead drop | hta-sink-sqlite --init rows.db | hta-commit'
	wait_until 60 bash -c "set -o pipefail; curl -sf $url$place | jq -e .acked"
	post /events "$view" -H 'Prefer: wait=20'
	answers 200 .status accepted
	grep -qi '^preference-applied: wait' head
	[ "$(sqlite3 rows.db 'SELECT sum(count) FROM hta_rollups')" = 2 ]
	post '/events?wait=soon' "$view"
	refuses 422 bad-parameter
	post '/publish?wait=20' "$login"
	[ "$status" = 201 ]
	post /ingest "$(batch 5 5 | jq -sc .)" -H 'Prefer: wait=20'
	post /ingest "$(batch 5 5 | jq -sc .)" -H 'Prefer: wait=20'
	answers 200 .duplicates 1
	kill_all_of "$pid"
	(post /ingest "$(batch 1 1 | jq -sc .)" -H 'Prefer: wait=60' && answers 202 .count 1) &
	waits=$!
	wait_until 60 bash -c "set -o pipefail; curl -sf $url/stats | jq -e '.received_count == 6'"
	end
	wait $waits
	[ "$(get /acks/x -o /dev/null -w '%{http_code}' || :)" = 000 ]
}

@test "the command line: what is missing is said, and other machines need keys" {
	fails_with 64 hta-ingest -l 0
	says '--log DIR is missing'
	fails_with 64 hta-ingest -l 0 --log log
	says '`. hta-commit. is missing.*hta-consume --log log'
	fails_with 64 hta-ingest --log log --only-log
	says '-l \[ADDR:\]PORT is missing'
	fails_with 78 hta-ingest -l :0 --log log --only-log
	says '--keys FILE .*--insecure'
	fails_with 64 hta-ingest -l 0 --log log --only-log --route nonsense
	fails_with 78 hta-ingest -l 0 --log log --only-log --route /x=y:./none.json
	fails_with 64 hta-ingest -l 0 --log log --only-log --route "/x=y:$top/examples/routes/orders.json" --route "/x=z:$top/examples/routes/orders.json"
	fails_with 64 hta-ingest --new-key 'a b'
	fails_with 64 hta-ingest -l 0 --log log --only-log --allow-origin example.org
	fails_with 78 prlimit --nofile=100:1000 hta-ingest -l 0 --log log --only-log
	says 'limit of descriptors is 1000: --max-conns 4096 needs 4160'
	serve
	fails_with 78 hta-ingest -l 0 --log log --only-log
	says 'another process writes'
	[ "$(hta-ingest --log json --new-key a 2>&1 | wc -l)" = 2 ]
	end
	fails_with 78 hta-ingest -l 0 --log log --only-log --topic other
}

@test "limits of heads and descriptors; pages of another origin" {
	under=(prlimit --nofile=100:1000)
	serve --max-conns 200 --max-head 2k --allow-origin https://app.example --allow-origin http://localhost:3000
	[ "$(awk '/^Max open files/ {print $4}' "/proc/$intake/limits")" = 264 ]
	post /events "$view" -H "X-A: $(printf %2000s | tr ' ' a)"
	answers 431 .detail 'the head is too long: 2048 bytes at most, 100 fields'
	[ "$(get /limits | jq .head_bytes)" = 2048 ]
	# a browser asks, then sends, and may read what is refused as well
	get /events -X OPTIONS -o /dev/null -D head -H 'Origin: https://app.example' -H 'Access-Control-Request-Method: POST'
	grep -qi '^access-control-allow-methods: OPTIONS, POST' head
	grep -qi '^access-control-allow-headers: .*authorization.*content-type' head
	for data in "$view" '{}'; do
		post /events "$data" -H 'Origin: https://app.example'
		[ "$(grep -i '^access-control-allow-origin' head | tr -d '\r')" = 'Access-Control-Allow-Origin: https://app.example' ]
		grep -qi '^vary: origin' head
	done
	curl -sS --http2-prior-knowledge -D head -o body -H "$json" -H 'Origin: http://localhost:3000' -d "$view" "$url/events"
	grep -qi '^access-control-allow-origin: http://localhost:3000' head
	post /events "$view" -H 'Origin: https://evil.example'
	[ "$status" = 202 ]
	[ "$(grep -ci '^access-control' head)" = 0 ]
	end
}

@test "volatile: a plain stream, and every answer says that nothing is durable" {
	fails_with 64 hta-ingest -l 0 --volatile --log log
	fails_with 64 hta-ingest -l 0 --volatile --only-log
	mkfifo pipe
	spawn plain bash -c 'set -o pipefail; hta-ingest -v -l 0 --volatile 2>ingest.err | { read -r _ <pipe; cat; }'
	wait_until 60 grep -q 'listens on' ingest.err
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)
	post /events "$view"
	answers 202 .durable false
	post /publish "$login"
	answers 201 .durable false
	post /publish "$login"
	answers 409 '[.code, .durable] | @csv' '"duplicate",false'
	post /ingest "$(batch 1 3 | jq -sc .)" -H 'Prefer: wait=20'
	answers 202 '[.count, .durable]' '[3,false]'
	post /acks/1 '' -X GET
	answers 200 .durable false
	# nobody reads: what does not fit waits, is refused in the end, and is not there
	jq -nc '[range(2000) | {event_id: "x\(.)", user_id: "u", event_type: "click", payload: {p: ("p" * 600)}}]' >large
	for i in {1..12}; do
		jq -c "map(.event_id += \"-$i\")" large | curl -sS --max-time 60 -o "answer.$i" -H "$json" --data-binary @- "$url/ingest" &
		clients+=($!)
	done
	wait_until 60 bash -c 'grep -qs overloaded answer.*'
	echo >pipe
	wait "${clients[@]}"
	kill -TERM "$(pgrep -s "$pid" -x hta-ingest)"
	exits_with 0 60
	[ "$(jq -r .event_id plain.out | sort | uniq -d | wc -l)" = 0 ]
	[ "$(wc -l <plain.out)" = "$((5 + $(cat answer.* | jq -s 'map(.count // 0) | add')))" ]
	# a reader that leaves
	rm ingest.err
	spawn plain bash -c 'set -o pipefail; hta-ingest -v -l 0 --volatile 2>ingest.err | head -n 1'
	wait_until 60 grep -q 'listens on' ingest.err
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err | tail -n 1)
	wait_until 60 not post /events "$view"
	exits_with 75 60
}

@test "a socket that a service manager holds: no client is refused while the intake is started again" {
	cat >holder.py <<-'END'
		import os, signal, socket, subprocess, sys, threading, urllib.request
		held = socket.create_server(("127.0.0.1", 0), backlog=128)
		def start():
		    pid = os.fork()
		    if pid == 0:
		        os.dup2(held.fileno(), 3)
		        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
		        os.execvp("hta-ingest", ["hta-ingest", "--log", "log", "--only-log"])
		    return pid
		ending, done = [], []
		def client(n):
		    while not ending:
		        body = b'{"event_type":"x","user_id":"u","event_id":"%d-%d","payload":{}}' % (n, len(done))
		        ask = urllib.request.Request(f"http://127.0.0.1:{held.getsockname()[1]}/events", body, {"Content-Type": "application/json"})
		        assert urllib.request.urlopen(ask, timeout=30).status == 202
		        done.append(n)
		pid, threads = start(), [threading.Thread(target=client, args=(n,)) for n in range(4)]
		for t in threads: t.start()
		for _ in range(5):
		    before = len(done)
		    while len(done) < before + 20 and any(t.is_alive() for t in threads): pass
		    os.kill(pid, signal.SIGTERM)
		    assert os.waitpid(pid, 0)[1] == 0
		    pid = start()
		ending.append(1)
		for t in threads: t.join()
		os.kill(pid, signal.SIGTERM)
		os.waitpid(pid, 0)
		print(len(done))
	END
	feed python3 holder.py
	[ "$(grep -c Traceback <<<"$stderr")" = 0 ]
	[ "$(<"$out")" = "$(logged | wc -l)" ]
}

@test "the document: valid, every endpoint is in it, and a page shows it" {
	route=(--route "/api/v1/orders=order_events:$top/examples/routes/orders.json")
	feed hta-ingest --openapi "${route[@]}"
	cp "$out" document
	[ "$(jq -r .openapi document)" = 3.1.0 ]
	[ "$(jq '.paths["/ingest"].post.requestBody.content["application/json"].schema.maxItems' document)" = 10000 ]
	jq -e '.paths["/api/v1/orders"].post.requestBody.content["application/json"].schema.required | index("user_id")' document
	[ "$(jq -r '[.. | .["$ref"]? // empty] | unique | .[] | ltrimstr("#/") | split("/") | tojson' document | while read -r path; do jq "getpath($path) == null" document; done | sort -u)" = false ]
	[ "$(jq -r '.paths[][].operationId' document | sort | uniq -d)" = '' ]
	serve "${route[@]}"
	get /openapi.json | cmp - document
	# of each path: its methods are those of the document, and no other
	jq -r '.paths | to_entries[] | [(.key | sub("{.*}"; "1")), (.value | keys | map(ascii_upcase) | join(","))] | @tsv' document >paths
	[ "$(wc -l <paths)" = 13 ]
	while read -r path methods; do
		get "$path" -X OPTIONS -o /dev/null -D head
		[ "$(sed -nE 's/^allow: ([^\r]*).*/\1/ip' head | tr -d ' ' | sed -E 's/,?(HEAD|OPTIONS)//g; s/^,//')" = "$methods" ]
	done <paths
	get /docs -D head >page
	csp=$(sed -nE 's/^content-security-policy: ([^\r]*).*/\1/ip' head)
	for tag in script style; do
		hash=$(python3 -c 'import base64, hashlib, re, sys; print(base64.b64encode(hashlib.sha256(re.search(f"<{sys.argv[1]}>(.*)</{sys.argv[1]}>", open("page").read(), re.S)[1].encode()).digest()).decode())' $tag)
		grep -qF "$tag-src 'sha256-$hash'" <<<"$csp"
	done
	[ "$(grep -cE 'https?://|style=|onclick' page)" = 0 ]
	# the anchors that problems name
	post /events 'x'
	[ "$(jq -r .type body)" = /docs#malformed-json ]
	jq -e '.["x-problems"] | map(.code) | index("malformed-json")' document
	fails_with 64 hta-ingest --openapi --route nonsense
	fails_with 74 bash -c 'hta-ingest --openapi >/dev/full'
	end
}

@test "an id that is remembered no longer is taken once more, and counted as unique" {
	serve --dedup-ids 10 --max-events 600 # of which as many are remembered, or one request could not be judged
	publish() { # FIRST LAST
		post /publish "$(seq "$1" "$2" | jq -c '{topic: "t", event_id: "e\(.)", timestamp: "2026-01-01T00:00:00Z", source: "s", payload: {}}' | jq -cs '{events: .}')"
	}
	publish 1 1
	[ "$status" = 201 ]
	publish 1 1
	[ "$status" = 409 ]
	publish 2 600
	[ "$status" = 201 ]
	publish 601 1200
	[ "$status" = 201 ]
	publish 1 1
	[ "$status" = 201 ]
	publish 1200 1200
	[ "$status" = 409 ]
	[ "$(get /stats | jq -c '[.received_count, .unique_processed, .duplicate_dropped]')" = '[1203,1201,2]' ]
	end
}
