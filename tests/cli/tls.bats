# TLS below HTTP: the server of lib/net (tests/mock/hta-http) and hta-ingest with drv/tls, and strangers for clients.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# A certificate that signs itself, in NAME.pem and NAME.key.
certify() { # NAME [OPTION OF openssl req...]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 30 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "${@:2}" 2>/dev/null
	chmod 600 "$1.key"
}

# One that is good from DAY to DAY, counted from now.
certify_from() { # NAME DAY DAY
	certify "$1"
	mkdir -p ca
	: >ca/index
	printf '[ca]\ndefault_ca=me\n[me]\ndatabase=ca/index\nnew_certs_dir=ca\nrand_serial=yes\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n' >ca/conf
	openssl req -new -key "$1.key" -subj /CN=localhost -addext subjectAltName=DNS:localhost -out "$1.csr"
	openssl ca -batch -config ca/conf -selfsign -keyfile "$1.key" -in "$1.csr" -out "$1.pem" -notext \
		-startdate "$(date -u -d "$2 days" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$3 days" +%Y%m%d%H%M%SZ)" 2>/dev/null
}

# Starts the server; its port is in $port, its process in $server.
serve() { # [SETTING...]
	[ -e live.pem ] || certify live
	cp live.pem ca.pem
	spawn http hta-http 0 cert=live.pem key=live.key "$@"
	server=$pid
	wait_until 60 grep -q : http.out
	port=$(sed -E 's/^[^,]*:([0-9]+).*/\1/' http.out)
	url=https://localhost:$port
}

get() { curl -sS --max-time 60 --cacert ca.pem "$@"; }
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
	wait_until 60 is handshake 2
}

@test "tls: requests are read as without it, pipelined and doubtful ones too" {
	serve
	HTTP_CA=ca.pem python3 "$tests/cli/http_raw.py" "$port"
}

@test "tls: WebSocket, a frame for many clients" {
	serve ping=3600000 linger=300000
	HTTP_CLIENTS=200 HTTP_CA=ca.pem /usr/bin/python3 "$tests/cli/http_ws.py" "$port" echo refusals fan_out >&3
	wait_until 60 is live 0
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
	wait_until 60 is in-flight 0
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
		    s.settimeout(60)
		    while s.recv(65536):
		        pass
	END
	spawn stall python3 stall.py "$port"
	exits_with 0 60
	wait_until 60 is handshake 20
	wait_until 60 alone
}

@test "tls: plain HTTP is told so, what is neither is closed" {
	serve
	get "http://localhost:$port/items/a" -o body -w '%{http_code} %{content_type}\n' >"$out"
	expect <<-'END'
		400 application/problem+json
	END
	[ "$(jq -r '.code, .detail' body)" = $'tls\nthis port speaks TLS: https' ]
	[ "$(code -T - -X POST "http://localhost:$port/echo" </dev/zero)" = 400 ]
	# without what begins a handshake, a request, or a record of TLS or SSL 2, for whose rest the server would wait
	head -c 1000 /dev/urandom | tr '\1\3\26GPHC' x >noise
	feed python3 -c 'import socket, sys; s = socket.create_connection(("localhost", int(sys.argv[1])), 60)
s.sendall(open("noise", "rb").read()); print(len(s.recv(100)))' "$port"
	wait_until 60 is handshake 1
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
	wait_until 60 alone
}

# Puts this one in the place of what the server has, and has it read.
change() { # NAME
	cp "$1.pem" new.pem && cp -p "$1.key" new.key
	mv new.key live.key && mv new.pem live.pem
	: >http.err
	kill -USR1 "$server"
	wait_until 60 grep -q "${2:-read anew}" http.err
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

# ---- hta-ingest

json='Content-Type: application/json'
event='{"event_type":"page_view","user_id":"123","payload":{}}'

# Starts an intake; its process is $server.
intake() { # [OPTION...]
	spawn ingest hta-ingest -v -l 0 --log log --only-log --cert live.pem --key live.key "$@"
	server=$pid
	wait_until 60 grep -q 'listens on' ingest.err
	port=$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' ingest.err)
	url=https://localhost:$port
}

refuses() { # TEXT OPTION...
	fails_with 78 hta-ingest -l 0 --log log --only-log "${@:2}"
	says "$1" || return
	[ ! -e log ]
}

@test "tls: files that are no good are 78, and told apart" {
	certify live
	certify other
	certify_from old -2 -1
	certify_from young 1 2
	refuses 'live.pem: No such file' --cert none/live.pem --key live.key
	refuses 'other.key: the key is not that of the certificate in live.pem' --cert live.pem --key other.key
	refuses 'old.pem: the certificate expired at 20' --cert old.pem --key old.key
	refuses 'young.pem: the certificate is not good before 20' --cert young.pem --key young.key
	refuses 'live.key: there is no certificate in it' --cert live.key --key live.key
	refuses '/dev/null: is no file' --cert live.pem --key /dev/null
	refuses 'is a directory|is no file' --cert . --key live.key
	cp live.pem pem.key && chmod 600 pem.key
	refuses 'pem.key: there is no private key in it' --cert live.pem --key pem.key
	openssl ec -in live.key -aes256 -passout pass:secret -out locked.key 2>/dev/null && chmod 600 locked.key
	refuses 'locked.key: the key is protected by a passphrase' --cert live.pem --key locked.key
	head -c 200 live.pem >cut.pem
	refuses 'cut.pem: there is no certificate in it' --cert cut.pem --key live.key
	cat live.pem cut.pem >half.pem
	refuses 'half.pem: what stands behind the first certificate is none' --cert half.pem --key live.key
	head -c 300000 /dev/zero >long.pem
	refuses 'long.pem: more than 256 KiB' --cert long.pem --key live.key
	chmod 644 live.key
	refuses 'live.key: others can read or write it: chmod 600' --cert live.pem --key live.key
	openssl req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.pem -subj /CN=localhost 2>/dev/null && chmod 600 weak.key
	refuses 'weak.pem: the certificate cannot be used: ee key too small' --cert weak.pem --key weak.key
	for options in '--cert live.pem' '--key live.key' '--client-ca live.pem' '--cert live.pem --key live.key --client-ca live.pem'; do
		fails_with 64 hta-ingest -l 0 --log log --only-log $options
	done
}

served_is() { openssl s_client -connect "localhost:$port" </dev/null 2>/dev/null | openssl x509 | cmp - <(openssl x509 -in "$1"); } # FILE

@test "tls: an intake, its metric, files that are no good at USR1" {
	certify live
	cp live.pem ca.pem
	cp live.pem a.pem
	cp -p live.key a.key
	certify other
	certify_from old -2 -1
	intake
	[ "$(code -H "$json" -d "$event" "$url/events")" = 202 ]
	until=$(get "$url/metrics" | sed -n 's/^hta_tls_not_after_seconds //p')
	[ "$(date -u -d "$(openssl x509 -in live.pem -noout -enddate | cut -d= -f2)" +%s)" = "$until" ]
	cp other.key new.key && chmod 600 new.key && mv new.key live.key
	kill -USR1 "$server"
	wait_until 60 grep -q 'live.key: the key is not that of the certificate in live.pem; the certificate stays as it was' ingest.err
	cp old.pem live.pem && cp old.key live.key
	kill -USR1 "$server"
	wait_until 60 grep -q 'live.pem: the certificate expired at .*; the certificate stays as it was' ingest.err
	rm live.pem
	kill -USR1 "$server"
	wait_until 60 grep -q 'live.pem: No such file or directory; the certificate stays as it was' ingest.err
	[ "$(code -H "$json" -d "$event" "$url/events")" = 202 ]
	cp a.pem live.pem && cp a.key live.key
	kill -USR1 "$server"
	wait_until 60 grep -q 'the certificate was read anew' ingest.err
	[ "$(code -H "$json" -d "$event" "$url/events")" = 202 ]
	# files that have changed are found without a signal
	cp other.pem live.pem && cp other.key live.key
	wait_until 60 served_is other.pem
	kill -TERM "$server"
	exits_with 0 60 "$server"
	[ "$(hta-consume --log log -e --dead drop | wc -l)" = 3 ]
}

@test "tls: keys without it beyond this machine are a notice" {
	certify live
	hta-ingest --new-key web | tail -n 1 >keys && chmod 600 keys
	for tls in '' '--cert live.pem --key live.key'; do
		spawn ingest hta-ingest -v -l 0.0.0.0:0 --log log --only-log --keys keys $tls
		wait_until 60 grep -q 'listens on' ingest.err
		kill -TERM "$pid"
		exits_with 0 60
		grep -c 'keys are sent without TLS' ingest.err >>notices || :
	done
	expect notices <<-'END'
		1
		0
	END
}

# A certificate for a client, signed by this authority: NAME.pem, NAME.key.
sign() { # AUTHORITY NAME SUBJECT
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" -subj "$3" -out csr 2>/dev/null
	openssl x509 -req -in csr -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 2 -out "$2.pem" 2>/dev/null
}

@test "tls: certificates of clients stand for keys" {
	certify live
	cp live.pem ca.pem
	certify authority -subj /CN=authority
	certify stranger -subj /CN=authority
	sign authority writer /O=here/CN=writer
	sign authority reader /CN=reader
	sign authority nobody /CN=nobody
	sign stranger forged /CN=writer
	hta-ingest --new-key web >new
	key=$(head -n 1 new)
	{ tail -n 1 new; echo 'writer cert write topics=events'; echo 'reader cert read'; } >keys
	chmod 600 keys
	intake --keys keys --client-ca authority.pem
	as() { code --cert "$1.pem" --key "$1.key" "${@:2}"; } # NAME ARGUMENT OF curl...
	post=(-H "$json" -d "$event" "$url/events")
	[ "$(code "${post[@]}")" = 401 ]
	[ "$(code -H "X-API-Key: $key" "${post[@]}")" = 202 ]
	for version in 1.2 1.3; do
		[ "$(as writer --tls-max $version "${post[@]}")" = 202 ]
		[ "$(as reader --tls-max $version "${post[@]}")" = 403 ]
		[ "$(as nobody --tls-max $version "${post[@]}")" = 401 ]
		[ "$(as writer --tls-max $version -H 'X-API-Key: wrong' "${post[@]}")" = 401 ]
		[ "$(as forged --tls-max $version "${post[@]}" 2>/dev/null)" = 000 ]
	done
	[ "$(as reader "$url/stats")" = 200 ]
	[ "$(as writer -H "$json" -d '{"topic":"other","event_type":"x","user_id":"u","payload":{}}' "$url/events")" = 403 ]
	certify authority -subj /CN=new
	kill -USR1 "$server"
	wait_until 60 grep -q 'the certificate was read anew' ingest.err
	[ "$(as writer "${post[@]}" 2>/dev/null)" = 000 ]
}
