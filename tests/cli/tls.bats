# TLS below HTTP: the server of lib/net (tests/mock/hta-http) and hta-ingest with drv/tls, and strangers for clients.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# A certificate that signs itself, in NAME.pem and NAME.key.
certify() { # NAME [OPTION OF openssl req...]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 30 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "${@:2}" 2>/dev/null
	chmod 600 "$1.key"
}

# Starts the server; its port is in $port, its process in $server.
serve() { # [SETTING...]
	[ -e live.pem ] || certify live
	cp live.pem ca.pem
	spawn http hta-http 0 cert=live.pem key=live.key "$@"
	server=$pid
	wait_until 5 grep -q : http.out
	port=$(sed -E 's/^[^,]*:([0-9]+).*/\1/' http.out)
	url=https://localhost:$port
}

get() { curl -sS --max-time 20 --cacert ca.pem "$@"; }
code() { get -o /dev/null -w '%{http_code}\n' "$@"; }
figure() { get "$url/stats" | awk -v name="$1" '$1 == name { print $2 }' | tail -n 1; }
is() { [ "$(figure "$1")" = "$2" ]; } # FIGURE VALUE

alone() { [ "$(get "$url/stats" | head -n 1)" = 'connections 1' ]; }

# openssl s_client, which leaves when its input ends.
client() { openssl s_client -connect "localhost:$port" -CAfile ca.pem -verify_return_error "$@" 2>&1; }

@test "tls: 1.2 and 1.3, http/1.1 alone, nothing that could be resumed or agreed on anew" {
	serve
	for version in 1.2 1.3; do
		get -v --tlsv$version --tls-max $version "$url/items/a" >"$out" 2>&1
		grep -q "SSL connection using TLSv$version" "$out"
		grep -q 'ALPN: server accepted http/1.1' "$out"
		[ "$(tail -n 1 "$out")" = a ]
		client -tls${version/./_} -alpn h2,http/1.1 <<<'' >"$out"
		grep -q '^ALPN protocol: http/1.1' "$out"
		grep -q '^Compression: NONE' "$out"
		not grep -q 'session ticket' "$out"
	done
	fails_with 1 client -alpn h2
	grep -q 'no application protocol' "$out"
	fails_with 1 client -tls1_1 -cipher ALL:@SECLEVEL=0
	(echo R && cat /dev/zero) | client -tls1_2 >"$out" || :
	grep -q 'no renegotiation' "$out"
	[ "$(figure handshake)" = 2 ]
}

@test "tls: requests are read as without it, pipelined and doubtful ones too" {
	serve
	HTTP_CA=ca.pem python3 "$tests/cli/http_raw.py" "$port"
}

@test "tls: WebSocket, a frame for 1,000 clients" {
	ulimit -n "$(ulimit -H -n)"
	serve ping=3600000
	HTTP_CA=ca.pem /usr/bin/python3 "$tests/cli/http_ws.py" "$port" echo refusals fan_out >&3
	wait_until 10 is live 0
	[ "$(figure closed-1013) $(figure skipped)" = "1 3" ]
}

@test "tls: bodies and streams come through as they were, a stream that fails is cut" {
	serve
	head -c 30000000 /dev/urandom >body
	get --data-binary @body "$url/echo" | cmp - body
	get -T - -X POST "$url/echo" <body | cmp - body
	get --limit-rate 8M --tls-max 1.2 --data-binary @body "$url/echo" | cmp - body
	[ "$(get "$url/stream?n=200000" | tail -n 1)" = 'line 1' ]
	fails_with 18 get "$url/stream?n=2000&cut=1"
	fails_with 56 get -0 "$url/stream?n=2000&cut=1"
	head -c 80000000 /dev/zero >body
	[ "$(code --data-binary @body -H Expect: "$url/echo")" = 413 ]
	[ "$(code -T - -X POST "$url/echo" <body)" = 413 ]
	is in-flight 0
}

@test "tls: who stalls in the handshake, before or within it, loses the place" {
	serve head=1000 connections=10
	cat >stall.py <<-'END'
		import socket, ssl, sys
		hello = ssl.MemoryBIO()
		try:
		    ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
		except ssl.SSLWantReadError:
		    hello = hello.read()
		for part in b"", hello[:1], hello[:100], hello:
		    for _ in range(5):
		        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		        s.sendall(part)
		        globals().setdefault("kept", []).append(s)
		for s in kept:
		    s.settimeout(10)
		    while s.recv(65536):
		        pass
	END
	spawn stall python3 stall.py "$port"
	exits_with 0 20
	[ "$(figure handshake)" = 20 ]
	wait_until 5 alone
}

@test "tls: plain HTTP is told so, what is neither is closed" {
	serve
	get "http://localhost:$port/items/a" -o body -w '%{http_code} %{content_type}\n' >"$out"
	expect <<-'END'
		400 application/problem+json
	END
	[ "$(jq -r '.code, .detail' body)" = $'tls\nthis port speaks TLS: https' ]
	[ "$(code -T - -X POST "http://localhost:$port/echo" </dev/zero)" = 400 ]
	head -c 1000 /dev/urandom | tr '\26GPHC' x >noise
	feed python3 -c 'import socket, sys; s = socket.create_connection(("localhost", int(sys.argv[1])), 5)
s.sendall(open("noise", "rb").read()); print(len(s.recv(100)))' "$port"
	[ "$(figure handshake)" = 1 ]
}

@test "tls: a client that has closed its side is still answered" {
	serve
	cat >half.py <<-'END'
		import socket, ssl, sys
		for tells in True, False:
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
		    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
		    tls = ssl.create_default_context(cafile="ca.pem").wrap_bio(into, out, server_hostname="localhost")
		    def step(act):
		        while True:
		            try:
		                got = act()
		                s.sendall(out.read())
		                return got
		            except ssl.SSLWantReadError:
		                s.sendall(out.read())
		                into.write(s.recv(65536))
		    step(tls.do_handshake)
		    tls.write(b"GET /late?ms=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
		    if tells:
		        try:
		            tls.unwrap()
		        except ssl.SSLWantReadError:
		            pass
		    s.sendall(out.read())
		    s.shutdown(socket.SHUT_WR)
		    got = b""
		    while piece := s.recv(65536):
		        got += piece
		    if tells:  # the library reads nothing behind its own end; what came is more than an alert
		        assert len(got) > 200, got
		    else:
		        into.write(got)
		        assert b"late\n" in tls.read(65536), got
	END
	python3 half.py "$port"
	wait_until 5 alone
}

# Puts this one in the place of what the server has, and has it read.
change() { # NAME
	cp "$1.pem" new.pem && cp -p "$1.key" new.key
	mv new.key live.key && mv new.pem live.pem
	: >http.err
	kill -USR1 "$server"
	wait_until 5 grep -q "${2:-read anew}" http.err
}

# Which certificate a new connection sees.
seen() { client </dev/null | openssl x509 -noout -subject -nameopt multiline | sed -n 's/.*organizationName *= //p'; }

@test "tls: other files at USR1 under load, and no request is lost" {
	certify live -subj /O=a/CN=localhost
	certify b -subj /O=b/CN=localhost
	cp live.pem a.pem && cp -p live.key a.key
	serve
	cat a.pem b.pem >ca.pem
	seq 1200 | sed "s|.*|url = \"$url/items/&\"|" >urls
	get --max-time 120 -Z --no-progress-meter --parallel-max 8 -H 'Connection: close' -K urls -w '=%{http_code}\n' >got 2>lost &
	load=$!
	get --max-time 120 "$url/stream?n=1000000" --limit-rate 4M >stream &
	stream=$!
	for ((i = 1; i <= 10; i++)); do
		wait_until 60 more_than $((i * 80))
		((i % 2)) && next=b || next=a
		change $next
		[ "$(seen)" = $next ]
	done
	wait $load
	[ ! -s lost ] || { sort lost | uniq -c | head; return 1; }
	[ "$(grep -c =200 got)" = 1200 ]
	wait $stream
	[ "$(tail -n 1 stream)" = 'line 1' ]
}
more_than() { [ "$(wc -l <got)" -gt "$1" ]; } # LINES OF got
