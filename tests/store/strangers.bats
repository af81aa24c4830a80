# Both programs, hta-ingest and hta-serve, with strangers for clients: curl, wrk, requests and websockets of Python, nginx in
# front, and slowhttptest, which hurts nobody else. What they make of the server itself is in tests/cli/http.bats.
load ../helpers
load ../ingest

setup_file() {
	command -v wrk >/dev/null || "$top/tests/packages.sh" load || lack "wrk is not to be had"
	/usr/bin/python3 -c 'import requests, websockets' 2>/dev/null || "$top/tests/packages.sh" test || lack "python3-requests is not to be had"
}

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# A reader of a store with a metric; its process is $reader, its place $from.
read_store() { # [OPTION...]
	hta-gen --count 600 --step 1s | hta-window --metric hits --by endpoint --value latency_ms | hta-sink-sqlite --init s.db
	spawn reader hta-serve -v -l 0 -d s.db --push 1s "$@"
	reader=$pid
	wait_until 60 grep -q 'listens on' reader.err
	from=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' reader.err)
}

# Slow heads, slow bodies and slow readers, 180 of them at once, for 20 seconds; what a client that is not slow is answered
# meanwhile, over and over, each time at once.
served_beside() { # PLACE PATH_OF_POSTS COMMAND
	local n=0 kinds=() kind
	for kind in "-H -i 2 -u $1/health" "-B -i 2 -s 4000 -t POST -f application/json -u $1$2" "-X -n 2 -w 10 -y 20 -z 5 -k 3 -u $1/openapi.json"; do
		# shellcheck disable=SC2086
		spawn slow${#kinds[@]} slowhttptest -c 60 -r 60 -l 20 -p 3 $kind
		kinds+=("$pid")
	done
	while ! { gone "${kinds[0]}" && gone "${kinds[1]}" && gone "${kinds[2]}"; }; do
		"$3" || { echo "not served the $n-th time"; return 1; }
		n=$((n + 1))
	done
	[ $n -ge 10 ]
	[ "$(figure "$1" 'hta_http_refused_total{reason="slow"}')" -ge 100 ] || { curl -sS "$1/metrics" | grep refused; return 1; }
	wait_until 60 idle "$1"
}
takes_event() { [ "$(curl -sS --max-time 60 -o /dev/null -w '%{http_code}' -H "$json" -d "$view" "$url/events")" = 202 ]; }
tells_rows() { curl -sS --max-time 60 "$from/latest?metric=hits" | jq -e '.rows | length > 0' >/dev/null; }

figure() { curl -sS --max-time 60 "$1/metrics" | awk -v name="$2" 'index($1, name) == 1 { print $2 }'; } # PLACE NAME

idle() { [ "$(figure "$1" 'hta_http_connections{state="busy"}')" = 1 ]; } # PLACE

@test "strangers: slow heads, bodies and readers hurt nobody" {
	serve
	served_beside "$url" /events takes_event
	end
	read_store
	served_beside "$from" /graphql tells_rows
	kill -TERM "$reader"
	exits_with 0 60 "$reader"
}

@test "strangers: requests of Python, a session, streams, codings; websockets of pages" {
	serve
	read_store --allow-origin https://app.example
	feed /usr/bin/python3 - "$url" "$from" <<-'END'
		import asyncio, gzip, json, sys
		import requests, websockets
		intake, reader = sys.argv[1:]
		s = requests.Session()
		event = {"event_type": "a", "user_id": "u", "payload": {}}
		for i in range(50):
		    r = s.post(intake + "/events", json=event | {"event_id": f"e{i}"}, timeout=60)
		    assert r.status_code == 202 and r.json()["event_id"] == f"e{i}", r.text
		lines = "".join(json.dumps(event | {"event_id": f"e{i}"}) + "\n" for i in range(40, 60)).encode()
		stream = (lines[i:i + 7] for i in range(0, len(lines), 7))
		r = s.post(intake + "/ingest", data=stream, headers={"Content-Type": "application/x-ndjson"}, timeout=60)
		assert r.json() == {"status": "accepted", "count": 20, "duplicates": 10}, r.text
		r = s.post(intake + "/ingest", data=gzip.compress(lines), headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}, timeout=60)
		assert r.json()["duplicates"] == 20, r.text
		r = s.post(intake + "/events", json={}, timeout=60)
		assert r.status_code == 422 and r.json()["code"] == "invalid-event", r.text
		r = s.get(reader + "/history", params={"metric": "hits", "dims": json.dumps({"endpoint": "/none"})}, timeout=60)
		assert r.status_code == 200 and r.json()["rows"] == [], r.text
		r = s.get(reader + "/latest", params={"metric": "hits"}, timeout=60)
		again = s.get(r.url, headers={"If-None-Match": r.headers["ETag"]}, timeout=60)
		assert (r.status_code, again.status_code, again.content) == (200, 304, b""), again.text
		with s.get(reader + "/live-stats", params={"rules": "hits"}, headers={"Accept": "text/event-stream"}, stream=True, timeout=60) as r:
		    assert next(l for l in r.iter_lines() if l.startswith(b"data: "))
		async def shown(origin):
		    try:
		        async with websockets.connect(reader.replace("http", "ws") + "/live-stats", origin=origin) as ws:
		            await ws.send('{"subscribe_rules":["hits"]}')
		            return json.loads(await asyncio.wait_for(ws.recv(), 60))["rule_id"]
		    except websockets.InvalidStatusCode as e:
		        return e.status_code
		origins = [None, reader, "https://app.example", "https://evil.example"]
		assert [asyncio.run(shown(o)) for o in origins] == ["hits", "hits", "hits", 403]
	END
	end
	[ "$(logged | jq -r .event_id | sort -u | wc -l)" = 60 ]
}

@test "strangers: wrk, many connections, each answer durable and each event once" {
	serve
	cat >post.lua <<-'END'
		local n, threads = 0, 0
		function setup(thread) threads = threads + 1; thread:set("me", threads) end
		function request()
			n = n + 1
			return wrk.format("POST", "/events", {["Content-Type"] = "application/json"},
				'{"event_type":"a","user_id":"u","event_id":"' .. me .. "-" .. n .. '","payload":{}}')
		end
	END
	feed wrk -t 2 -c 64 -d 3s --timeout 60s -s post.lua "$url"
	[ "$(grep -c 'Non-2xx\|Socket errors' "$out")" = 0 ] || { cat "$out"; return 1; }
	answered=$(awk '/requests in/ {print $1}' "$out")
	end
	logged >lines
	[ "$(jq -r .event_id lines | sort | uniq -d | wc -l)" = 0 ]
	[ "$(wc -l <lines)" -ge "$answered" ]
	[ "$answered" -gt 100 ]
}

@test "strangers: nginx in front of both, on one port, with keep-alive" {
	serve
	read_store
	front=$(svc_free_port)
	mkdir nginx
	cat >nginx/conf <<-END
		daemon off; worker_processes 1; pid $PWD/nginx/pid; error_log $PWD/nginx/error;
		events {}
		http {
			access_log off; client_body_temp_path $PWD/nginx/body; proxy_temp_path $PWD/nginx/proxy;
			fastcgi_temp_path $PWD/nginx/fcgi; uwsgi_temp_path $PWD/nginx/uwsgi; scgi_temp_path $PWD/nginx/scgi;
			upstream in { server 127.0.0.1:${url##*:}; keepalive 4; }
			upstream out { server 127.0.0.1:${from##*:}; keepalive 4; }
			map "\$request_method \$uri" \$back { default out; "POST /events" in; "POST /ingest" in; "~^POST /api/" in; }
			server {
				listen 127.0.0.1:$front;
				location / { proxy_pass http://\$back; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host localhost; }
			}
		}
	END
	spawn nginx /usr/sbin/nginx -p "$PWD/nginx" -c "$PWD/nginx/conf"
	wait_until 60 curl -sSf "http://127.0.0.1:$front/health"
	url=http://127.0.0.1:$front
	for _ in {1..30}; do takes_event; done
	head -c 3000000 /dev/zero | tr '\0' a | jq -Rc '{event_type: "a", user_id: "u", payload: {a: .}}' >large
	post /events @large
	[ "$status" = 413 ]
	from=$url tells_rows
	curl -sS -H "$json" -d '{"query":"{ metrics { name } }"}' "$url/graphql" | jq -e '.data.metrics[0].name == "hits"'
	# what nginx refuses or mends never becomes an event that nobody sent
	before=$(logged | wc -l)
	feed /usr/bin/python3 - "$front" "$view" <<-'END'
		import socket, sys
		port, event = sys.argv[1:]
		head = "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		behind = f"{head}Content-Length: {len(event)}\r\nConnection: close\r\n\r\n{event}"
		for length in ("5", "+5", "0x5", "5, 5"):
		    for framing in (f"Transfer-Encoding: chunked\r\nContent-Length: {length}", f"Content-Length: {length}\r\nTransfer-Encoding: chunked",
		                    f"Transfer-Encoding: xchunked\r\nContent-Length: {length}", f"Content-Length: {length}\r\nContent-Length: 0"):
		        with socket.create_connection(("127.0.0.1", int(port)), 60) as s:
		            got = b""
		            try:
		                s.sendall(f"{head}{framing}\r\n\r\n0\r\n\r\n{behind}".encode())
		                while piece := s.recv(65536):
		                    got += piece
		            except ConnectionError:
		                pass
		        assert b" 202 " not in got, (framing, got)
	END
	[ "$(logged | wc -l)" = "$before" ]
	end
}
