# Who gets at Redis, and over what: TLS and certificates, users with the least rights, passwords that nobody else sees.
load ../helpers
load ../certs
load ../stream

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { kill_spawned; }

events() { hta-gen --count "${1:-200}" --seed 7; }

# A server of this test's own; its port is $port.
serve() { # NAME [SETTING...]
	port=$(svc_free_port)
	mkdir -p "$1"
	spawn "$1" redis-server --bind 127.0.0.1 --port "$port" --save '' --dir "$PWD/$1" "${@:2}"
	wait_until 60 redis-cli -e -p "$port" ping
}

# The same over TLS: its certificate is CERTIFICATE.pem.
serve_tls() { # NAME CERTIFICATE [SETTING...]
	port=$(svc_free_port)
	mkdir -p "$1"
	spawn "$1" redis-server --bind 127.0.0.1 --port 0 --tls-port "$port" --tls-cert-file "$PWD/$2.pem" --tls-key-file "$PWD/$2.key" --tls-ca-cert-file "$PWD/ca.pem" \
		--tls-auth-clients no --save '' --dir "$PWD/$1" "${@:3}"
	tls=(--tls --insecure)
	wait_until 60 redis-cli "${tls[@]}" -e -p "$port" ping
}

# Leaves at once, with one line: that it tries again would be another. Seconds are for what works beside.
refused() { # CODE COMMAND...
	local from
	from=$(svc_now_ms)
	if [ "$2" = pipe ] || [ "$2" = dedup ]; then fails_with "$@"; else fails_with "$1" timeout 20 "${@:2}"; fi
	[ $(($(svc_now_ms) - from)) -lt 15000 ]
	# of a handshake that takes two seconds it says so
	[ "$(grep -vc 'no answer to the handshake of TLS yet' <<<"$stderr")" = 1 ] || { echo "$stderr"; return 1; }
}

# All of a job, behind it a plain stream, and what is read of it: from where and to where is $1.
whole_job() { # URL
	pipe "hta-consume --job j --dead drop events | hta-window --every 100ms --by region,status --value latency_ms --uniq user_id --agg 'last(latency_ms)' --dead drop |
		hta-sink-redis --ttl never $1 | hta-commit"
}

# ---- TLS

@test "redis login: over TLS all is stored and read, as without it" {
	authority ca
	certificate server ca
	serve_tls server server --appendonly yes --appendfsync always
	url="rediss://localhost:$port?cacert=$PWD/ca.pem"
	events 20000 >events
	feed hta-sink-redis --init "$url" </dev/null
	feed whole_job "$url"
	[ -z "$stderr" ]
	hta-window --every 100ms --by region,status --value latency_ms --uniq user_id --agg 'last(latency_ms)' --dead drop events >want
	feed hta-query -d "$url" history events --since 2026-01-01 --until 2027-01-01
	sed 's/,"open":true//' "$out" | cmp - want
	# the state of hta-dedup, positions of another sink, a start that looks only
	cat events events >twice
	feed pipe "hta-consume --job d --dead drop twice | hta-dedup --key event_id --state '$url' | hta-window --dead drop | hta-sink-sqlite --init rows.db | hta-commit"
	[ "$(redis-cli "${tls[@]}" -p "$port" hget '{hta:d}state' format)" = 1 ]
	feed hta-check --connect -d "$url"
	feed hta-query -d "$url" metrics
	at=127.0.0.1:$(svc_free_port)
	spawn reader hta-serve -l "$at" --redis "$url"
	wait_until 60 eval 'curl -sSf "http://$at/latest?metric=events" | grep -q count'
	[ "$(redis-cli "${tls[@]}" -p "$port" --scan --pattern '{hta}:r:*' | wc -l)" = "$(wc -l <want)" ]
}

@test "redis login: certificates that do not stand are 78 at once, in one line" {
	authority ca
	authority stranger
	certificate server ca
	certificate old ca IP:127.0.0.1 -3 -1
	certificate early ca IP:127.0.0.1 1 2
	certificate other ca DNS:other.example,IP:127.0.0.2
	serve_tls server server
	for program in "hta-sink-redis --init" "hta-query metrics -d" "hta-check --connect -d"; do
		refused 78 $program "rediss://127.0.0.1:$port?cacert=stranger.pem" </dev/null
		says "127.0.0.1:$port: the server's certificate is not accepted: who has signed it is not known here"
	done
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port" </dev/null
	says 'who has signed it is not known here'
	SSL_CERT_FILE=ca.pem feed hta-sink-redis --init "rediss://127.0.0.1:$port" </dev/null
	refused 78 pipe "echo '{\"event_id\":1}' >events; hta-consume --job d --dead drop events | hta-dedup --key event_id --state 'rediss://127.0.0.1:$port?cacert=stranger.pem' | hta-commit 2>/dev/null"
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=none.pem" </dev/null
	says 'none.pem: No such file'
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=server.key" </dev/null
	says 'server.key: there is no certificate in it'

	serve_tls old old
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	says 'is not accepted: certificate has expired'
	serve_tls early early
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	says 'is not accepted: certificate is not yet valid'
	serve_tls other other
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	says 'is not accepted: it is not for 127.0.0.1'
	refused 78 hta-sink-redis "rediss://localhost:$port?cacert=ca.pem" </dev/null
	says 'is not accepted: it is not for localhost'
	feed hta-sink-redis --init "rediss://127.0.0.1:$port?cacert=ca.pem&sni=other.example" </dev/null
}

@test "redis login: a server that asks for our certificate" {
	authority ca
	authority stranger
	certificate server ca
	certificate ours ca DNS:ours
	certificate theirs stranger DNS:theirs
	certificate old ca DNS:old -3 -1
	serve_tls server server
	redis-cli "${tls[@]}" -p "$port" config set tls-auth-clients yes
	url="rediss://127.0.0.1:$port?cacert=ca.pem"
	feed hta-sink-redis --init "$url&cert=ours.pem&key=ours.key" </dev/null
	refused 78 hta-sink-redis "$url" </dev/null
	says 'the server wants a certificate of ours, and there is none'
	refused 78 hta-sink-redis "$url&cert=theirs.pem&key=theirs.key" </dev/null
	says 'the server does not accept our certificate: .*unknown ca'
	refused 78 hta-sink-redis "$url&cert=old.pem&key=old.key" </dev/null
	says 'old.pem: the certificate expired at '
	# TLS 1.2 has no alert for that
	redis-cli "${tls[@]}" --cert ours.pem --key ours.key -p "$port" config set tls-protocols TLSv1.2
	refused 78 hta-sink-redis "$url" </dev/null
	says 'the server refuses the handshake: no common cipher, or it wants a certificate of ours'
	redis-cli "${tls[@]}" --cert ours.pem --key ours.key -p "$port" config set tls-protocols 'TLSv1.2 TLSv1.3'
	refused 78 hta-sink-redis "$url&cert=ours.pem&key=theirs.key" </dev/null
	says 'theirs.key: the key is not that of the certificate in ours.pem'
	chmod 644 ours.key
	refused 78 hta-sink-redis "$url&cert=ours.pem&key=ours.key" </dev/null
	says 'ours.key: others can read or write it: chmod 600'
	fails_with 64 hta-sink-redis "$url&cert=ours.pem" </dev/null
}

@test "redis login: plain to a port of TLS, TLS to a plain one, TLS that is too old" {
	authority ca
	certificate server ca
	serve_tls server server --tls-protocols TLSv1.2
	feed hta-sink-redis --init "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	fails_with 69 hta-sink-redis --retry-for 200ms "redis://127.0.0.1:$port" </dev/null
	says 'before any answer \(if the port speaks TLS: rediss://\)'
	port=$(svc_free_port)
	spawn web python3 -m http.server --bind 127.0.0.1 "$port"
	wait_until 60 eval "exec 5<>/dev/tcp/127.0.0.1/$port"
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	says 'what answers there does not speak TLS'
	# a Redis without TLS waits for the end of what it takes for a command
	serve silent
	spawn sink hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem"
	wait_until 60 grep -qE 'does this port speak TLS|does not speak TLS' sink.err
	kill -TERM "$pid"
	port=$(svc_free_port)
	spawn older openssl s_server -accept "127.0.0.1:$port" -cert server.pem -key server.key -tls1_1 -cipher ALL:@SECLEVEL=0 -www
	wait_until 60 grep -q ACCEPT older.out
	refused 78 hta-sink-redis "rediss://127.0.0.1:$port?cacert=ca.pem" </dev/null
	says 'does not speak TLS 1.2 or newer'
}

@test "redis login: a connection over TLS that is cut without a word is lost, and made again" {
	authority ca
	certificate server ca
	serve_tls server server
	url="rediss://127.0.0.1:$port?cacert=ca.pem"
	mkfifo in
	exec 7<>in
	spawn sink bash -c 'exec 7>&-; exec hta-sink-redis --foreign --init --ttl never "$0"' "$url" <in
	passed() { grep -c '"k":"bar"' sink.out | grep -qx "$1"; }
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; } >&7
	wait_until 60 passed 1
	redis-cli "${tls[@]}" -p "$port" client kill type normal
	{ add a 0 1 1; bar 2 ev/0:1:2; } >&7
	wait_until 60 passed 2
	end >&7
	exits_with 0 60
	[ "$(redis-cli "${tls[@]}" -p "$port" hget "{hta}:r:m:1767225600:1767225660:$(hash_of a)" count)" = 2 ]
}

# ---- users

# The ACL SETUSER of a user in the manual, as arguments of redis-cli.
acl_of() { # USER
	sed -n "s/^ACL SETUSER $1 \(.*\)/\1/p" "$top/man/hta-sink-redis.1" | tr ' ' '\n' | sed 's/^>SECRET$/>p/'
}

# Makes the user so, but for what is given.
user() { # NAME [WITHOUT]
	local words
	mapfile -t words < <(acl_of "$1" | grep -vxF -e "${2:-nothing}")
	redis-cli -p "$port" -e acl setuser "$1" "${words[@]}" >/dev/null
}

# Each right of a user taken away, but one that may be missing: the command is refused, and says which it is.
each_right() { # NAME BUT COMMAND...
	local right n=0
	for right in $(acl_of "$1" | grep '^[+]' | grep -vxF -e "$2"); do
		user "$1" "$right"
		refused 78 "${@:3}" </dev/null
		says "127.0.0.1:$port: user $1 may not call ${right#+}: ACL SETUSER $1 [+]${right#+}\$"
		n=$((n + 1))
	done
	[ $n -gt 6 ]
	user "$1" "$(acl_of "$1" | grep '~')"
	refused 78 "${@:3}" </dev/null
	says "127.0.0.1:$port: user $1 may not use these keys: ACL SETUSER $1 ~\\{hta(:d\\}|\\}:)\\*\$"
	user "$1"
}

@test "redis login: the rights of the manual are enough for a sink, and each that is missing is named at the start" {
	serve server
	user hta
	export REDIS_URL=redis://hta:p@127.0.0.1:$port/1
	events >events
	feed hta-sink-redis --init </dev/null
	feed whole_job ''
	[ -z "$stderr" ]
	hta-window --metric plain --by region --value latency_ms --uniq user_id --dead drop events >rows
	for options in '' '' -n --replace; do feed hta-sink-redis --ttl never $options <rows; done
	feed hta-sink-redis --reset j
	feed whole_job ''
	each_right hta +nothing hta-sink-redis --init
	redis-cli -p "$port" acl setuser hta resetkeys '%R~{hta}:*' >/dev/null
	refused 78 hta-sink-redis </dev/null
	says 'user hta may not use these keys'
	user hta
	feed hta-sink-redis --init </dev/null
}

@test "redis login: the rights of the manual are enough to read, for alerts and for keys of duplicates" {
	serve server --appendonly yes --appendfsync always
	events 2000 >events
	REDIS_URL=redis://127.0.0.1:$port/1 feed hta-sink-redis --init </dev/null
	REDIS_URL=redis://127.0.0.1:$port/1 feed whole_job ''
	export REDISCLI_AUTH=p
	user reader
	export HTA_STORE=redis://reader@127.0.0.1:$port/1
	for what in 'history events --since 2026-01-01 --until 2027-01-01' 'top events' 'latest events' metrics 'positions j'; do feed hta-query $what; done
	each_right reader +asking hta-query metrics
	user trend
	HTA_STORE=${HTA_STORE/reader/trend}
	feed hta-trend --warm-up 0 events
	feed hta-trend --reset events
	each_right trend +asking hta-trend events
	user dedup
	export REDIS_URL=redis://dedup@127.0.0.1:$port/1
	dedup() { pipe "hta-consume --job d --dead drop events 2>/dev/null | hta-dedup --key event_id --state redis: --dead drop | hta-window --dead drop 2>/dev/null |
		hta-sink-sqlite --init rows.db 2>/dev/null | hta-commit 2>/dev/null"; }
	feed dedup
	each_right dedup '+config|get' dedup
}

# ---- passwords

@test "redis login: a password out of a file, of the environment, never in a process list" {
	serve server
	redis-cli -p "$port" acl setuser hta on '>pa ss/wörd' '~*' +@all >/dev/null
	redis-cli -p "$port" acl setuser default on '>other' >/dev/null
	(umask 077 && printf 'pa ss/wörd\nnot this\n' >pass && printf 'wrong\n' >wrong && printf '\n' >empty)
	feed hta-sink-redis --init "redis://hta@127.0.0.1:$port?passfile=$PWD/pass" </dev/null
	[ -z "$stderr" ]
	REDISCLI_AUTH='pa ss/wörd' feed hta-sink-redis "redis://hta@127.0.0.1:$port" </dev/null
	REDISCLI_AUTH=other feed hta-sink-redis "redis://127.0.0.1:$port" </dev/null
	REDISCLI_AUTH=other feed hta-sink-redis "redis://hta@127.0.0.1:$port?passfile=pass" </dev/null
	refused 78 hta-sink-redis "redis://hta@127.0.0.1:$port?passfile=wrong" </dev/null
	says 'WRONGPASS'
	not grep -q wrong <<<"$stderr"
	refused 78 hta-sink-redis "redis://127.0.0.1:$port" </dev/null
	says 'NOAUTH'
	refused 78 hta-sink-redis "redis://hta@127.0.0.1:$port?passfile=empty" </dev/null
	says 'empty: no password in it'
	refused 64 hta-sink-redis "redis://hta@127.0.0.1:$port" </dev/null
	says 'a user without a password'
	chmod 644 pass
	refused 78 hta-sink-redis "redis://hta@127.0.0.1:$port?passfile=pass" </dev/null
	says 'pass: others can read or write it: chmod 600 pass'
	refused 78 hta-query -d "redis://hta@127.0.0.1:$port?passfile=none" metrics
	says 'none: No such file'
	# the counters, the log and the command line of a program that runs have none of it
	chmod 600 pass
	mkfifo in
	exec 7<>in
	spawn sink hta-sink-redis --foreign -vv "redis://hta@127.0.0.1:$port?passfile=$PWD/pass" <in
	{ hello; probe; init ev/0:0; } >&7
	wait_until 60 eval 'redis-cli -p $port -a other --no-auth-warning client list | grep -q user=hta'
	not grep -q wörd "/proc/$pid/cmdline" sink.err
	not grep -rq wörd "$HTA_RUN"
	end >&7
	exec 7>&-
	exits_with 0 60
}

# ---- a cluster

@test "redis login: a cluster over TLS, with a user, through any of its nodes" {
	authority ca
	certificate server ca
	for i in 1 2 3; do
		node[i]=$(svc_free_port)
		mkdir c$i
		spawn node$i redis-server --bind 127.0.0.1 --port 0 --tls-port "${node[i]}" --tls-cert-file "$PWD/server.pem" --tls-key-file "$PWD/server.key" --tls-ca-cert-file "$PWD/ca.pem" \
			--tls-auth-clients no --tls-cluster yes --tls-replication yes --cluster-enabled yes --cluster-port "$(svc_free_port)" --save '' --dir "$PWD/c$i"
		wait_until 60 redis-cli --tls --cacert ca.pem -e -p "${node[i]}" ping
	done
	redis-cli --tls --cacert ca.pem --cluster create 127.0.0.1:"${node[1]}" 127.0.0.1:"${node[2]}" 127.0.0.1:"${node[3]}" --cluster-yes
	for i in 1 2 3; do wait_until 60 eval "redis-cli --tls --cacert ca.pem -p ${node[i]} cluster info | grep -q cluster_state:ok"; done
	for i in 1 2 3; do
		for name in hta reader; do
			mapfile -t words < <(acl_of $name)
			redis-cli --tls --cacert ca.pem -p "${node[i]}" -e acl setuser $name "${words[@]}"
		done
	done
	events 2000 >events
	hta-window --every 100ms --by region,status --value latency_ms --uniq user_id --agg 'last(latency_ms)' --dead drop events >want
	export REDISCLI_AUTH=p
	for i in 1 2 3; do
		url="rediss://hta@127.0.0.1:${node[i]}?cacert=ca.pem"
		feed hta-sink-redis --init "$url" </dev/null
		feed whole_job "$url"
		feed hta-query -d "${url/hta@/reader@}" history events --since 2026-01-01 --until 2027-01-01
		sed 's/,"open":true//' "$out" | cmp - want
	done
}
