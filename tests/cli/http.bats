# The server of lib/net (tests/mock/hta-http) with strangers for clients: curl, raw sockets, nginx in front, slowhttptest.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# Starts the server; its port is in $port, its process in $server.
serve() { # [SETTING...]
	spawn http hta-http 0 "$@"
	server=$pid
	wait_until 60 grep -q : http.out
	port=$(sed -E 's/^[^,]*:([0-9]+).*/\1/' http.out)
	url=http://localhost:$port
}

get() { curl -sS --max-time 60 "$@"; }
code() { get -o /dev/null -w '%{http_code}\n' "$@"; }
figure() { get "$url/stats" | awk -v name="$1" '$1 == name { print $2 }' | tail -n 1; }

none_in_flight() { [ "$(figure in-flight)" = 0 ]; }

# This many requests are under way, the question for it among them.
busy() { [ "$(figure busy)" = "$1" ]; }

@test "http: what two readers could take for different requests is refused, and nothing behind it is served" {
	serve
	python3 "$tests/cli/http_raw.py" "$port"
}

# nginx in front of the server, with this location; its port is in $front.
behind_nginx() { # LOCATION
	front=$(svc_free_port)
	mkdir -p nginx
	cat >nginx/conf <<-END
		daemon off; worker_processes 1; pid $PWD/nginx/pid; error_log $PWD/nginx/error;
		events {}
		http {
			access_log off; client_body_temp_path $PWD/nginx/body; proxy_temp_path $PWD/nginx/proxy;
			fastcgi_temp_path $PWD/nginx/fcgi; uwsgi_temp_path $PWD/nginx/uwsgi; scgi_temp_path $PWD/nginx/scgi;
			upstream back { server 127.0.0.1:$port; keepalive 4; }
			server { listen 127.0.0.1:$front; $1 }
		}
	END
	spawn nginx /usr/sbin/nginx -p "$PWD/nginx" -c "$PWD/nginx/conf"
	wait_until 60 get "http://127.0.0.1:$front/stats"
}

@test "http: behind nginx one request in is one request seen" {
	serve
	behind_nginx "location / { proxy_pass http://back; proxy_http_version 1.1;
		proxy_set_header Connection ''; proxy_set_header Host localhost; proxy_request_buffering off; }"
	python3 "$tests/cli/http_raw.py" "$port" "$front"
}

@test "http: bodies come through as they were, whole, chunked, compressed" {
	serve
	head -c 5000000 /dev/urandom >body
	get --data-binary @body "$url/echo" | cmp - body
	get -T - -X POST "$url/echo" <body | cmp - body
	for coding in gzip zstd; do
		$coding -c body >packed
		get --data-binary @packed -H "Content-Encoding: $coding" "$url/echo" | cmp - body
		get -T - -X POST -H "Content-Encoding: $coding" "$url/echo" <packed | cmp - body
	done
	python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))' <body >packed
	get --data-binary @packed -H "Content-Encoding: deflate" "$url/echo" | cmp - body
	wait_until 60 none_in_flight
}

@test "http: a client sees that its body is too large, before and while it sends it" {
	serve
	head -c 80000000 /dev/zero >body
	[ "$(code --data-binary @body "$url/echo")" = 413 ]
	[ "$(code --data-binary @body -H Expect: "$url/echo")" = 413 ]
	[ "$(code -T - -X POST "$url/echo" <body)" = 413 ]
	gzip -1 <body >bomb
	[ "$(code --data-binary @bomb -H 'Content-Encoding: gzip' "$url/echo")" = 413 ]
	[ "$(code -X POST --data-binary @bomb -H 'Content-Encoding: br' "$url/echo")" = 415 ]
	[ "$(figure too-large)" = 4 ]
}

@test "http: 100-continue is answered at once" {
	serve
	head -c 2000000 /dev/zero >body
	wait_until 60 at_once # beside others once may be too slow
}
# curl sends the body anyway after a second.
at_once() {
	local took
	took=$(get -o /dev/null -w '%{time_total}' --data-binary @body -H 'Expect: 100-continue' "$url/echo") && awk -v t="$took" 'BEGIN { exit !(t < 0.9) }'
}

@test "http: keep-alive, HEAD, HTTP/1.0, IPv6, problems" {
	serve
	[ "$(get -o /dev/null -o /dev/null -w '%{num_connects} ' "$url/items/a%2Fb" "$url/items/2")" = '1 0 ' ]
	[ "$(get "$url/items/a%2Fb%C3%A4")" = 'a/bä' ]
	[ "$(code -I "$url/items/a")" = 200 ]
	[ "$(get -0 "$url/items/a")" = a ]
	[ "$(get -0 "$url/items/a" -H 'Connection: keep-alive' "$url/items/b" -H 'Connection: keep-alive')" = ab ]
	[ ! -e /proc/net/if_inet6 ] || ! grep -q '^0*1 ' /proc/net/if_inet6 || [ "$(get "http://[::1]:$port/items/a")" = a ]
	get -X DELETE -H 'X-Request-Id: mine' "$url/count" >"$out"
	[ "$(jq -r '[.status, .code, .instance, .request_id] | join(" ")' "$out")" = '405 method-not-allowed /count mine' ]
	[ "$(code -H 'Host: evil.test' "$url/stats")" = 421 ]
	[ "$(code -H 'Accept: text/html' -d '{}' -H 'Content-Type: application/json' "$url/count")" = 406 ]
	[ "$(code -d '{}' "$url/count")" = 415 ]
}

@test "http: a stream that fails is cut, so that its client knows" {
	serve
	get "$url/stream?n=200000" >"$out"
	[ "$(wc -l <"$out")" = 200000 ]
	fails_with 18 get "$url/stream?n=2000&cut=1"
	fails_with 56 get -0 "$url/stream?n=2000&cut=1"
	get --limit-rate 2M "$url/stream?n=300000" >"$out"
	[ "$(tail -n 1 "$out")" = 'line 1' ]
}

@test "http: slow clients are told so, and hurt nobody" {
	serve head=1000 body=1000 linger=3000
	slowhttptest -c 50 -r 50 -i 1 -l 5 -H -u "$url/stats" >slow.out 2>&1 &
	slow=$!
	slowhttptest -c 50 -r 50 -i 1 -l 5 -B -u "$url/count" >body.out 2>&1 &
	[ "$(code -d '{}' -H 'Content-Type: application/json' "$url/count")" = 200 ]
	wait $slow $! || :
	[ "$(figure slow)" -ge 50 ]
	wait_until 60 busy 1
}

@test "http: TERM answers what is under way, and ends with 0" {
	serve
	get "$url/late?ms=4000" >late.out &
	late=$!
	wait_until 60 busy 2
	kill -TERM "$server"
	wait $late
	[ "$(cat late.out)" = late ]
	exits_with 0 60 "$server"
	fails_with 7 get "$url/stats"
}

@test "http: a socket of the service manager" {
	cat >activate.py <<-'END'
		import os, socket, sys
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], file=open("port", "w"), flush=True)
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
		os.execvp("hta-http", ["hta-http", "-"])
	END
	spawn http python3 activate.py
	wait_until 60 grep -q : http.out
	[ "$(get "http://127.0.0.1:$(<port)/items/a")" = a ]
	kill -TERM "$pid"
	exits_with 0 60
	fails_with 78 hta-http -
	says 'no place to listen on is given'
}

@test "http: a port in use is 75, a bad place 64" {
	serve
	fails_with 75 hta-http "127.0.0.1:$port"
	says "cannot listen on 127.0.0.1:$port: Address already in use"
	fails_with 64 hta-http localhost
}

# This many are at /live.
live() { [ "$(figure live)" = "$1" ]; }

@test "http: WebSocket, as python3-websockets has it" {
	serve ping=2000
	/usr/bin/python3 "$tests/cli/http_ws.py" "$port" echo refusals unanswered
	[ "$(code "$url/ws")" = 426 ]
	get -i "$url/ws" >"$out"
	grep -qi '^Upgrade: websocket' "$out"
	wait_until 60 busy 1
}

@test "http: a frame for 1,000 clients, one of which does not read" {
	ulimit -n "$(ulimit -H -n)"
	serve ping=3600000
	/usr/bin/python3 "$tests/cli/http_ws.py" "$port" fan_out >&3
	wait_until 60 live 0
	[ "$(figure closed-1013) $(figure skipped)" = "1 3" ]
	[ "$(figure sent)" -ge 20000 ]
}

@test "http: TERM ends connections of WebSocket with 1001, streams of events whole" {
	serve
	spawn ws /usr/bin/python3 "$tests/cli/http_ws.py" "$port" drained
	peer=$pid
	wait_until 60 grep -q ready ws.out
	get -N -H 'Accept: text/event-stream' "$url/live" >events &
	events=$!
	wait_until 60 live 1
	wait_until 60 busy 2
	get -d one -H 'Content-Type: text/plain' "$url/push"
	get -d two -H 'Content-Type: text/plain' "$url/push"
	wait_until 60 grep -q two events
	[ "$(get "$url/live")" = two ]
	kill -TERM "$server"
	wait $events
	exits_with 0 60 "$server"
	exits_with 0 60 "$peer"
	[ "$(grep -c '^data: ' events)" -ge 1 ]
}

@test "http: WebSocket and events below a prefix behind nginx" {
	serve
	behind_nginx "location /below/ { proxy_pass http://back/; proxy_http_version 1.1; proxy_buffering off;
		proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host localhost; }"
	/usr/bin/python3 "$tests/cli/http_ws.py" "$front/below" echo
	spawn events curl -sSN -H 'Accept: text/event-stream' "http://127.0.0.1:$front/below/live"
	wait_until 60 busy 2
	get -d one -H 'Content-Type: text/plain' "$url/push"
	wait_until 60 grep -q '^data: one' events.out
	kill "$pid"
	wait_until 60 busy 1
}
