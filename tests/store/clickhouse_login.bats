# ClickHouse over TLS, which a proxy speaks for it, and logins: what is refused is 78 at once.
load ../helpers
load ../certs

setup() {
	with_service clickhouse
	cd "$BATS_TEST_TMPDIR" || return
	plain=${CLICKHOUSE_URL%/*}
	db=${CLICKHOUSE_URL##*/}_$BATS_TEST_NUMBER
	for sql in "DROP DATABASE IF EXISTS $db" "CREATE DATABASE $db"; do curl -sS -m 120 --data-binary "$sql" "${plain/clickhouse/http}/"; done
	unset CLICKHOUSE_URL
	authority ca
}

teardown() { kill_spawned; }

# The proxy with this certificate; its port is in $front.
front() { # CERTIFICATE [SETTING...]
	front=$(svc_free_port)
	mkdir -p "$1.nginx"
	cat >"$1.nginx/conf" <<-END
		daemon off; worker_processes 1; pid $PWD/$1.nginx/pid; error_log $PWD/$1.nginx/error;
		events {}
		http {
			access_log off; client_body_temp_path $PWD/$1.nginx/body; proxy_temp_path $PWD/$1.nginx/proxy;
			fastcgi_temp_path $PWD/$1.nginx/fcgi; uwsgi_temp_path $PWD/$1.nginx/uwsgi; scgi_temp_path $PWD/$1.nginx/scgi;
			client_max_body_size 0;
			server {
				listen 127.0.0.1:$front ssl; ssl_certificate $PWD/$1.pem; ssl_certificate_key $PWD/$1.key;
				$(printf '%s; ' "${@:2}")
				location / { proxy_pass ${plain/clickhouse/http}/; proxy_pass_request_headers on; }
			}
		}
	END
	sed -i 's/^ *; *$//' "$1.nginx/conf"
	spawn "$1.nginx" /usr/sbin/nginx -p "$PWD/$1.nginx" -c "$PWD/$1.nginx/conf"
	wait_until 60 curl -sk -o /dev/null "https://127.0.0.1:$front/ping"
}

# Leaves at once, with one line: that it tries again would be another. Seconds are for what works beside.
refused() { # CODE COMMAND...
	local from
	from=$(svc_now_ms)
	fails_with "$@"
	[ $(($(svc_now_ms) - from)) -lt 45000 ]
	[ "$(wc -l <<<"$stderr")" = 1 ] || { echo "$stderr"; return 1; }
}

sink() { hta-sink-clickhouse --positions positions.db --retry-for 300ms "$@" <rows; }

@test "clickhouse login: over TLS all is stored and read; certificates that do not stand are 78" {
	authority stranger
	certificate server ca
	certificate old ca IP:127.0.0.1 -3 -1
	certificate other ca DNS:other.example
	hta-gen --count 2000 --seed 5 | hta-window --by region --dead drop >rows
	front server
	url=clickhouses://127.0.0.1:$front/$db
	feed sink --init "$url?ca=ca.pem"
	[ -z "$stderr" ]
	feed hta-query -d "$url?ca=ca.pem" history events --since 2026-01-01 --until 2027-01-01
	[ "$(jq -s 'map(.count) | add' "$out")" = 2000 ]
	for program in sink 'hta-query metrics -d' 'hta-check --connect -d'; do
		refused 78 $program "$url?ca=stranger.pem"
		says 'certificate'
		refused 78 $program "$url"
	done
	refused 78 sink "$url?ca=none.pem"
	CLICKHOUSE_USER=hta_pw CLICKHOUSE_PASSWORD=wr0ng refused 78 sink "$url?ca=ca.pem"
	not grep -q wr0ng <<<"$stderr"
	CLICKHOUSE_USER=hta_pw CLICKHOUSE_PASSWORD=right feed sink "$url?ca=ca.pem"
	front old
	refused 78 sink "clickhouses://127.0.0.1:$front/$db?ca=ca.pem"
	says 'certificate has expired'
	front other
	refused 78 sink "clickhouses://127.0.0.1:$front/$db?ca=ca.pem"
	says 'does not match|no alternative certificate subject name'
	# plain where TLS is spoken, TLS where it is not
	fails_with 78 sink "clickhouse://127.0.0.1:$front/$db"
	fails_with 69 sink "${plain/clickhouse/clickhouses}/$db?ca=ca.pem"
}

@test "clickhouse login: a proxy that asks for our certificate" {
	authority stranger
	certificate server ca
	certificate ours ca DNS:ours
	certificate theirs stranger DNS:ours
	hta-gen --count 100 --seed 5 | hta-window --by region --dead drop >rows
	front server "ssl_client_certificate $PWD/ca.pem" 'ssl_verify_client on'
	url="clickhouses://127.0.0.1:$front/$db?ca=ca.pem"
	feed sink --init "$url&cert=ours.pem&key=ours.key"
	refused 78 sink "$url"
	refused 78 sink "$url&cert=theirs.pem&key=theirs.key"
	fails_with 78 sink "$url&cert=ours.pem&key=theirs.key"
	fails_with 64 sink "$url&cert=ours.pem"
}

@test "clickhouse login: positions in a Redis over TLS, of a user who may use them only" {
	certificate server ca
	port=$(svc_free_port)
	spawn redis redis-server --bind 127.0.0.1 --port 0 --tls-port "$port" --tls-cert-file "$PWD/server.pem" --tls-key-file "$PWD/server.key" \
		--tls-ca-cert-file "$PWD/ca.pem" --tls-auth-clients no --save '' --dir "$PWD"
	cli=(redis-cli --tls --cacert ca.pem -e -p "$port")
	wait_until 60 "${cli[@]}" ping
	read -r -a rights < <(sed -n 's/^ACL SETUSER hta \(.*\)/\1/p' "$top/man/hta-sink-redis.1" | sed 's/~{hta}/~{clickhouse:events_agg}/; s/>SECRET/>p/')
	"${cli[@]}" acl setuser hta "${rights[@]}"
	hta-gen --count 2000 --seed 5 >events
	export REDISCLI_AUTH=p
	job() {
		pipe "hta-consume --job j events 2>/dev/null | hta-window --metric web --by region --dead drop 2>/dev/null |
			hta-sink-clickhouse --init --positions 'rediss://hta@127.0.0.1:$port?cacert=$1' '$plain/$db' | hta-commit 2>/dev/null"
	}
	feed job ca.pem
	[ "$("${cli[@]}" --user hta -a p --no-auth-warning get '{clickhouse:events_agg}:schema')" = 1 ]
	feed job ca.pem
	[ "$(curl -sS --data-binary "SELECT sum(count) FROM $db.events_agg_v" "${plain/clickhouse/http}/")" = 2000 ]
	authority stranger
	refused 78 job stranger.pem
	says "127.0.0.1:$port: the server's certificate is not accepted"
}
