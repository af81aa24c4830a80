# hta-serve behind others: the lines for nginx that its page has, in a real nginx; and TLS of its own.
load ../helpers
load ../serve

# The nth block of nginx' lines in the page.
lines_for_nginx() { # N
	awk -v want="$1" '/^\.Ss /{ on = /Behind nginx/ } /^\.Ed/{ in_block = 0 } in_block == want { print } on && /^\.Bd/{ in_block = ++n }' "$top/man/hta-serve.1"
}

# nginx with these lines, the ports of the page being those of the intake and the server; $url is its place then.
behind_nginx() { # TEXT
	local front
	front=$(svc_free_port)
	mkdir -p nginx
	cat >nginx/conf <<-END
		daemon off; worker_processes 1; pid $PWD/nginx/pid; error_log $PWD/nginx/error;
		events {}
		http {
			access_log off; client_body_temp_path $PWD/nginx/body; proxy_temp_path $PWD/nginx/proxy;
			fastcgi_temp_path $PWD/nginx/fcgi; uwsgi_temp_path $PWD/nginx/uwsgi; scgi_temp_path $PWD/nginx/scgi;
			$(sed "s/127\.0\.0\.1:8080/127.0.0.1:${url##*:}/; s/127\.0\.0\.1:8000/127.0.0.1:${intake_url##*:}/; s/listen 80;/listen 127.0.0.1:$front;/" <<<"$1")
		}
	END
	spawn nginx /usr/sbin/nginx -p "$PWD/nginx" -c "$PWD/nginx/conf"
	url=http://127.0.0.1:$front
}

live() { /usr/bin/python3 -B "$BATS_TEST_DIRNAME/serve_live.py" "$url" "$@"; } # CHECK...

@test "nginx: one port for intake and reader, as the page has it" {
	rows_in_sqlite
	intake log
	serve -d s.db --log log --push 1s
	[ "$(lines_for_nginx 2 | wc -l)" -ge 15 ]
	behind_nginx "$(lines_for_nginx 2)"
	wait_until 60 has /health '"ok"'
	ask /events -H 'Content-Type: application/json' -d '{"event_type":"click","user_id":"u1","payload":{"n":1}}'
	[ "$status" = 202 ]
	ask /ingest -H 'Content-Type: application/json' -d '[{"event_type":"buy","user_id":"u2","payload":{}},{"event_type":"buy","user_id":"u3","payload":{}}]'
	answers 202 .count 2
	ask /publish -H 'Content-Type: application/json' -d '{"topic":"t","event_id":"1","timestamp":"2026-01-01T00:00:00Z","source":"web","payload":{}}'
	[ "$status" = 201 ]
	ask "/acks/$(sed -nE 's/^x-hta-offset: ([0-9]+).*/\1/Ip' head | grep . || echo 0)"
	answers 200 .durable true
	ask '/events?limit=2'
	answers 200 '[.events[].event_type, (.events[0].topic)]' '[null,"buy","t"]'
	ask '/events?user=u1'
	answers 200 '[.events[].payload]' '[{"n":1}]'
	query '{ latestEvents(limit: 1) { topic } metrics { name } }'
	answers 200 .data '{"latestEvents":[{"topic":"t"}],"metrics":[{"name":"hits"},{"name":"visits"}]}'
	ask /stats
	answers 200 '.received_count >= 0' true
	python3 -c 'print("\n".join("{\"event_type\":\"big\",\"user_id\":\"u\",\"payload\":{\"x\":\"%s\"}}" % ("x" * 1000000) for i in range(12)))' >long
	ask /ingest -H 'Content-Type: application/x-ndjson' --data-binary @long
	answers 202 .count 12
	head -c 17000000 /dev/zero >long
	ask /ingest -H 'Content-Type: application/x-ndjson' --data-binary @long
	[ "$status" = 413 ]
	live pushes refusals
	streams visits
}

@test "nginx: below a path, as the page has it" {
	rows_in_sqlite
	serve -d s.db --push 1s
	intake_url=none:1
	behind_nginx "server { listen 80; $(lines_for_nginx 1) }"
	url+=/hta
	wait_until 60 has /health '"ok"'
	ask '/history?metric=hits&from=2026-01-01&to=2026-01-02&limit=3'
	grep -qi '^link: <?metric' head
	ask /
	grep -q 'id=health' body
	for href in $(grep -o 'href=[a-z"#.]*' body); do [[ $href != 'href="/'* && $href != href=/* ]]; done
	live pushes
}

@test "TLS: answers, events of a server and WebSocket" {
	rows_in_sqlite
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout live.key -out live.pem -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	chmod 600 live.key
	serve -d s.db --push 1s --cert live.pem --key live.key
	url=https${url#http}
	export CURL_CA_BUNDLE=$PWD/live.pem SSL_CERT_FILE=$PWD/live.pem
	wait_until 60 ready
	ask '/live-stats?rules=visits'
	answers 200 .rule_id visits
	for version in --http1.1 --http2; do
		streams visits $version
	done
	query '{ metrics { name } }'
	answers 200 '[.data.metrics[].name]' '["hits","visits"]'
	live pushes refusals
	spawn drained /usr/bin/python3 -B "$BATS_TEST_DIRNAME/serve_live.py" "$url" drained
	drained=$pid
	wait_until 60 grep -q open drained.out
	end
	exits_with 0 60 "$drained"
}
