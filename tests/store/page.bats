# The live page of hta-serve in a real browser, Chromium, by itself and behind nginx. page.py has the checks; where no browser is
# to be had it says why. PAGE_SHOTS=DIR keeps pictures.
load ../helpers

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	"$BATS_TEST_DIRNAME/../packages.sh" browser 2>why || lack "no Chromium: $(tail -1 why)"
}
teardown() { kill_spawned; }

port_of() { sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' "$1.err" | head -1; }
listens() { wait_until 60 grep -q 'listens on' "$1.err"; }
serve() { # [OPTION...]
	spawn serve hta-serve -v -l 0 -d s.db --push 1s "$@"
	server=$pid
	listens serve
	port=$(port_of serve)
}
has_rows() { [ "$(sqlite3 s.db 'SELECT count(*) FROM hta_rollups' 2>/dev/null || echo 0)" -gt "$1" ]; }

# A pipeline that lives, with half an hour of events, each sent twice; its rows are in s.db, and the last one has an odd name.
pipeline() {
	jq -cn 'range(600) | {event_id: "\(.)", event_type: (["click", "view", "buy", "login", "<b>&\"", "logout", "search"][. % 7]),
		user_id: "u\(. % 9)", payload: {}, timestamp: (now - 1800 + 3 * . | todate)}' >events
	spawn web bash -c 'hta-ingest -v -l 0 --log log --job web | hta-window --metric hits --by event_type --time timestamp |
		hta-sink-sqlite --init s.db | hta-commit'
	listens web
	for i in 1 2; do
		curl -sS --max-time 30 --data-binary @events -H 'Content-Type: application/x-ndjson' "http://localhost:$(port_of web)/ingest"
	done
	wait_until 60 has_rows 100
}
browse() { timeout 150 /usr/bin/python3 -B "$BATS_TEST_DIRNAME/page.py" "$@"; } # URL CHECK...

# nginx before the server, which it has as "back", with these locations; its port is in $front.
behind_nginx() { # LOCATION...
	front=$(svc_free_port)
	mkdir -p nginx
	cat >nginx/conf <<-END
		daemon off; worker_processes 1; pid $PWD/nginx/pid; error_log $PWD/nginx/error;
		events {}
		http {
			access_log off; client_body_temp_path $PWD/nginx/body; proxy_temp_path $PWD/nginx/proxy;
			fastcgi_temp_path $PWD/nginx/fcgi; uwsgi_temp_path $PWD/nginx/uwsgi; scgi_temp_path $PWD/nginx/scgi;
			proxy_http_version 1.1; proxy_set_header Host \$http_host;
			upstream back { server 127.0.0.1:$port; }
			server { listen 127.0.0.1:$front; $* }
		}
	END
	spawn nginx /usr/sbin/nginx -p "$PWD/nginx" -c "$PWD/nginx/conf"
	wait_until 60 curl -sf -o /dev/null "http://127.0.0.1:$front/deep/prefix/health"
}
below='location /deep/prefix/ { proxy_pass http://back/; }'
upgrade='proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;'

@test "the page: numbers of pipelines and rules, wide and narrow, light and dark; hidden it asks for nothing" {
	pipeline
	serve
	browse "http://localhost:$port/" numbers hidden
}

@test "the page: what an intake takes, how fast, and what it refuses" {
	hta-gen --count 100 | hta-window --by endpoint | hta-sink-sqlite --init s.db
	spawn only hta-ingest -v -l 0 --log other --only-log --topic orders
	only=$pid
	listens only
	serve
	PAGE_INTAKE=http://localhost:$(port_of only) PAGE_PROCESS=$only browse "http://localhost:$port/" intake
}

@test "the page, and those of the document and of GraphQL: below a prefix of nginx, by WebSocket" {
	pipeline
	serve
	behind_nginx "location /deep/prefix/ { proxy_pass http://back/; $upgrade }"
	browse "http://127.0.0.1:$front/deep/prefix/" prefix docs graphql
}

@test "the page: where a proxy lets no WebSocket through by events, and without these by GET" {
	pipeline
	serve
	behind_nginx "$below"
	browse "http://127.0.0.1:$front/deep/prefix/" events
	kill -TERM "$pid"
	behind_nginx "$below" 'location = /deep/prefix/live-stats { if ($http_accept = text/event-stream) { return 501; } proxy_pass http://back/live-stats; }'
	browse "http://127.0.0.1:$front/deep/prefix/" polling
}

@test "the page: a server that has gone makes it stale, one that is there again does not" {
	pipeline
	serve
	PAGE_SERVER=$server PAGE_AGAIN="hta-serve -q -l $port -d s.db --push 1s" browse "http://localhost:$port/" again
	exits_with 0 60 "$server"
}

@test "the page: a key is asked for, and is in no address and no text" {
	pipeline
	hta-serve --new-key web >made
	tail -1 made >keys
	chmod 600 keys
	serve --keys keys
	PAGE_KEY=$(head -1 made) browse "http://localhost:$port/" key
	not grep -rq "$(head -1 made)" serve.err
}
