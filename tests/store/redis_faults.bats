# hta-sink-redis where something goes wrong: logins, servers that go and come, refusals in every place, death.
load ../helpers
load ../stream

setup() { with_service redis; }

r() { redis-cli -u "$REDIS_URL" "$@"; }
m0=1767225600:1767225660
row() { r hget "{hta}:r:m:$m0:$(hash_of "$1")" "$2"; } # DIM FIELD

# A server that is this test's alone. It ends with the test.
own_server() {
	own=$BATS_TEST_TMPDIR/own
	svc_start redis "$own"
	export REDIS_URL=redis://127.0.0.1:$(<"$own/redis.port")/0
}

teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop redis "$own" KILL
	[ -z "${acl_user:-}" ] || r acl deluser "$acl_user"
}

# A sink in the background; lines of its stream are written by `tell`.
start_sink() { # [OPTION...]
	[ -p "$BATS_TEST_TMPDIR/in" ] || mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	spawn sink bash -c 'exec 7>&-; exec hta-sink-redis --foreign --init --ttl never "$@"' sh "$@" <"$BATS_TEST_TMPDIR/in"
}
tell() { cat >&7; }
passed() { grep -c '"k":"bar"' "$BATS_TEST_TMPDIR/sink.out" | grep -qx "$1"; } # EPOCHS
warned() { grep -qE -e "$1" "$BATS_TEST_TMPDIR/sink.err"; } # REGEX

# ---- where and who

@test "a wrong password and a database that is not there are 78 at once, the password is never told" {
	REDIS_URL=${REDIS_URL/:\/\//:\/\/hta_pw:wr%6Fng@} fails_with 78 hta-sink-redis --init </dev/null
	says 'WRONGPASS'
	not grep -q 'wrong\|wr%6Fng' <<<"$stderr"
	REDIS_URL=${REDIS_URL/:\/\//:\/\/hta_pw:right@} feed hta-sink-redis --init </dev/null
	[ -z "$stderr" ]
	feed hta-sink-redis --init "${REDIS_URL/:\/\//:\/\/hta_pw:right@}" </dev/null
	says 'a password on the command line is seen by everybody'
	REDIS_URL=${REDIS_URL%/*}/99999 fails_with 78 hta-sink-redis --init </dev/null
	says 'DB index is out of range'
	REDIS_URL=redis://u:secret@host:port fails_with 64 hta-sink-redis </dev/null
	says 'REDIS_URL: the Redis URL is malformed'
	not grep -q secret <<<"$stderr"
}

@test "a unix socket, a password in its URL, none where one is wanted" {
	spawn server redis-server --port 0 --unixsocket "$BATS_TEST_TMPDIR/s" --requirepass 'p@ss/word' --save '' --dir "$BATS_TEST_TMPDIR"
	wait_until 60 test -S "$BATS_TEST_TMPDIR/s"
	REDIS_URL="unix://:p%40ss%2Fword@$BATS_TEST_TMPDIR/s?db=3" feed hta-sink-redis --init </dev/null
	[ "$(redis-cli -s "$BATS_TEST_TMPDIR/s" -a 'p@ss/word' --no-auth-warning -n 3 get {hta}:schema)" = 1 ]
	fails_with 78 hta-sink-redis "unix://$BATS_TEST_TMPDIR/s" </dev/null
	says 'NOAUTH'
}

@test "no server: tried again, then 69" {
	port=$(svc_free_port)
	fails_with 69 hta-sink-redis --init --retry-for 1s "redis://127.0.0.1:$port" </dev/null
	says 'Connection refused; trying again'
	says 'Connection refused; given up after 1s'
}

@test "a user who may not call all that a script calls is 78 before anything is written" {
	acl_user=$HTA_PREFIX
	hello >"$BATS_TEST_TMPDIR/stream"
	{ probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end; } >>"$BATS_TEST_TMPDIR/stream"
	feed hta-sink-redis --init </dev/null
	for forbidden in -zadd -hset -expireat -pfmerge -del; do
		r acl setuser "$acl_user" reset on '>p' '~{hta}:*' +@all $forbidden
		REDIS_URL=${REDIS_URL/:\/\//:\/\/$acl_user:p@} fails_with 78 pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --ttl never"
		says "user $acl_user may not call ${forbidden#-}: ACL SETUSER $acl_user [+]${forbidden#-}"
		[ "$(r exists {hta}:job:web:redis%3Ahta)" = 0 ]
	done
	r acl setuser "$acl_user" reset on '>p' '~{hta}:*' +@all
	REDIS_URL=${REDIS_URL/:\/\//:\/\/$acl_user:p@} feed pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --ttl never"
	[ "$(row a count)" = 1 ]
}

# ---- servers that come and go

@test "memory full, a replica, scripts flushed, connections cut, a busy server: tried again, each epoch once" {
	own_server
	start_sink
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; } | tell
	wait_until 60 passed 1

	r config set maxmemory 1
	{ add a 0 1 1; add b 0 1 1; bar 2 ev/0:1:2; } | tell
	wait_until 60 warned 'OOM'
	[ "$(row a count)$(row b count)" = 1 ]
	[[ $(r hget {hta}:pos:web:redis%3Ahta ev/0) == "0 1 "* ]]
	r config set maxmemory 0
	wait_until 60 passed 2

	r replicaof 127.0.0.1 1
	{ add a 0 1 1; bar 3 ev/0:2:3; } | tell
	wait_until 60 warned 'READONLY|MASTERDOWN'
	r replicaof no one
	wait_until 60 passed 3

	r script flush
	{ add a 0 1 1; bar 4 ev/0:3:4; } | tell
	wait_until 60 passed 4

	r client kill type normal
	{ add a 0 1 1; bar 5 ev/0:4:5; } | tell
	wait_until 60 passed 5

	r config set busy-reply-threshold 50
	spawn busy redis-cli -u "$REDIS_URL" eval 'while true do end' 0
	wait_until 60 eval 'r ping | grep -q BUSY'
	{ add a 0 1 1; bar 6 ev/0:5:6; } | tell
	wait_until 60 warned 'BUSY'
	r script kill
	wait_until 60 passed 6

	end | tell
	exits_with 0 60
	[ "$(row a count) $(row b count)" = "6 1" ]
	warned 'back after'
}

@test "an eviction policy is warned of" {
	own_server
	r config set maxmemory 100mb maxmemory-policy allkeys-lru
	feed hta-sink-redis --init </dev/null
	says 'may evict keys \(maxmemory_policy:allkeys-lru\)'
	r config set maxmemory 0
	feed hta-sink-redis --init </dev/null
	[ -z "$stderr" ]
}

@test "an append-only file that Redis may cut is warned of where the schema is made, once" {
	own_server
	feed hta-sink-redis --init --prefix safe </dev/null
	[ -z "$stderr" ]
	r config set aof-load-truncated yes
	feed hta-sink-redis --init --prefix cut </dev/null
	says 'aof-load-truncated yes: rows can be wrong after a crash'
	feed hta-sink-redis --init --prefix cut </dev/null
	[ -z "$stderr" ]
	r config set appendonly no
	feed hta-sink-redis --init --prefix memory </dev/null
	[ -z "$stderr" ]

	r config set appendonly yes
	r acl setuser no_config on '>pw' '~*' '&*' +@all -config
	REDIS_URL=${REDIS_URL/:\/\//://no_config:pw@} feed hta-sink-redis --init --prefix refused </dev/null
	[ -z "$stderr" ]
}

@test "a server killed under the sink and started again: exactly what it kept, and the rest" {
	own_server
	r config set appendfsync always
	start_sink
	{ hello; probe; init ev/0:0; } | tell
	for e in 1 2 3 4 5 6 7 8; do { add a 0 1 0.1; bar $e ev/0:$((e - 1)):$e; } | tell; done
	svc_stop redis "$own" KILL
	for e in 9 10; do { add a 0 1 0.1; bar $e ev/0:$((e - 1)):$e; } | tell; done
	svc_start redis "$own"
	end | tell
	exits_with 0 60
	[ "$(row a count) $(row a sum)" = "10 1" ]
}

@test "a store that lost its tail is noticed: 75, and the start finds the older position" {
	own_server
	r config set appendfsync always	# what is acknowledged is in the file that is copied
	sink() { cat >"$BATS_TEST_TMPDIR/lines"; cat "$BATS_TEST_TMPDIR/lines" | hta-sink-redis --foreign --init --ttl never; }
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end; } | sink
	cp -r "$own/redis" "$own/kept"
	start_sink
	{ hello; probe; add a 0 1 1; bar 2 ev/0:1:2; } | tell
	wait_until 60 passed 1
	svc_stop redis "$own" KILL
	rm -r "$own/redis" && mv "$own/kept" "$own/redis"
	svc_start redis "$own"
	{ add a 0 1 1; bar 3 ev/0:2:3; } | tell
	exits_with 75 60
	warned 'ev/0 stands at 1 here, the epoch goes from 2 to 3'
	[ "$(row a count)" = 1 ]
}

@test "while a stopped server is waited for, a reader that leaves and a second signal are noticed" {
	own_server
	mkfifo "$BATS_TEST_TMPDIR/out"
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	exec 6<>"$BATS_TEST_TMPDIR/out"
	spawn sink bash -c 'exec 7>&- 6>&-; exec hta-sink-redis --foreign --init --ttl never >"$1"' sh "$BATS_TEST_TMPDIR/out" <"$BATS_TEST_TMPDIR/in"
	{ hello; probe; init ev/0:0; probe; } >&7
	head -n 4 <&6 >"$BATS_TEST_TMPDIR/got"
	grep -q fedcba9876543210 "$BATS_TEST_TMPDIR/got"
	kill -STOP "$(<"$own/redis.pid")"
	{ add a 0 1 1; bar 1 ev/0:0:1; } >&7
	head -n 1 <&6 >"$BATS_TEST_TMPDIR/got"
	exec 6>&-
	exits_with 75 60
	grep -q 'reader of standard output has left' "$BATS_TEST_TMPDIR/sink.err"
	kill -CONT "$(<"$own/redis.pid")"
}

# ---- death of the sink

# Records k = 0 .. N-1 of one partition; record k adds (k % 97) / 8 to group k % 5. Deltas of [FROM, TO) and their barrier.
epoch() { # FROM TO
	awk -v f="$1" -v t="$2" 'BEGIN {
		for (k = f; k < t; k++) { g = k % 5; v = k % 97 * 125; n[g]++; s[g] += v; if (!(g in lo) || v < lo[g]) lo[g] = v; if (v > hi[g]) hi[g] = v }
		for (g in n) printf "{\"op\":\"add\",\"metric\":\"m\",\"window_start\":\"2026-01-01T00:00:00Z\",\"window_end\":\"2026-01-01T00:01:00Z\",\"dims\":{\"g\":%d},\"dims_hash\":\"%032d\",\"count\":%d,\"value_count\":%d,\"sum\":\"%.3f\",\"min\":\"%.3f\",\"max\":\"%.3f\"}\n", g, g, n[g], n[g], s[g] / 1000, lo[g] / 1000, hi[g] / 1000
	}'
	bar "$2" "ev/0:$1:$2"
}

whole() { # N
	awk -v t="$1" 'BEGIN { for (k = 0; k < t; k++) { g = k % 5; n[g]++; s[g] += k % 97 * 125 } for (g = 0; g < 5; g++) printf "%d %.12g\n", n[g], s[g] / 1000 }'
}

stored() {
	for g in 0 1 2 3 4; do r hmget {hta}:r:m:$m0:$(printf %032d $g) count sum | paste -sd' '; done
}

# From the stored position on, in epochs of a length that changes with every start.
rest() { # N STEP
	local next
	next=$(r hget {hta}:pos:web:redis%3Ahta ev/0 | cut -d' ' -f2)
	hello
	probe
	[ -n "$next" ] || init ev/0:0
	for ((next = ${next:-0}; next < $1; next += $2)); do epoch $next $((next + $2 < $1 ? next + $2 : $1)); done
	end
}

@test "killed at every point, started again, other cuts: all is there once" {
	r flushdb
	step=7
	for point in sink-init sink-sent barrier-before barrier-after sink-sent:3 sink-sent:2 barrier-before:2 barrier-after:2 line-half:2; do
		rest 400 $step >"$BATS_TEST_TMPDIR/stream"
		HTA_CRASH=$point fails_with 137 pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --init --ttl never"
		step=$((step + 4))
	done
	rest 400 13 >"$BATS_TEST_TMPDIR/stream"
	feed pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --init --ttl never"
	stored >"$BATS_TEST_TMPDIR/stored"
	whole 400 | expect "$BATS_TEST_TMPDIR/stored"
}

@test "killed at any moment: all is there once" {
	r flushdb
	n=6000	# more than comes through before the last of them
	{ declare -p inc gen job; declare -f; } >"$BATS_TEST_TMPDIR/functions"
	for try in 1 2 3 4 5 6; do
		spawn run bash -c ". $BATS_TEST_TMPDIR/functions; rest $n $((2 + try)) | hta-sink-redis --foreign --init --ttl never"
		wait_until 60 eval '[ "$(r hget {hta}:pos:web:redis%3Ahta ev/0 | cut -d" " -f2)" -gt $((try * 100)) ]'
		kill_all_of $pid
	done
	[ "$(r hget {hta}:pos:web:redis%3Ahta ev/0 | cut -d' ' -f2)" -lt $n ]
	rest $n 50 >"$BATS_TEST_TMPDIR/stream"
	feed pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --init --ttl never"
	stored >"$BATS_TEST_TMPDIR/stored"
	whole $n | expect "$BATS_TEST_TMPDIR/stored"
}

# Sets conflicts to how many of them left with 75, or by the broken pipe of a sink that did.
three_at_once() { # N
	local step p code pids
	until [ "$(r hget {hta}:pos:web:redis%3Ahta ev/0 | cut -d' ' -f2)" = "$1" ]; do
		pids=()
		for step in 7 11 13; do
			spawn run$step bash -c ". $BATS_TEST_TMPDIR/functions; rest $1 $step | hta-sink-redis --foreign --init --ttl never"
			pids+=($pid)
		done
		for p in "${pids[@]}"; do
			wait_until 60 gone $p
			code=0
			wait $p || code=$?
			case $code in 0) ;; 75 | 141) conflicts=$((conflicts + 1)) ;; *) cat "$BATS_TEST_TMPDIR"/run*.err; return 1 ;; esac
		done
	done
}

@test "three pipelines at once over the same records: conflicts, and all is there once" {
	n=600
	{ declare -p inc gen job; declare -f; } >"$BATS_TEST_TMPDIR/functions"
	conflicts=0
	for round in 1 2 3 4 5; do
		r flushdb
		three_at_once $n
		stored >"$BATS_TEST_TMPDIR/stored"
		whole $n | expect "$BATS_TEST_TMPDIR/stored"
		[ $conflicts = 0 ] || return 0
	done
	echo "five rounds and never two at once"
	return 1
}

# ---- a cluster

@test "a cluster: the node that has the keys is found by its redirection" {
	own=$BATS_TEST_TMPDIR/own
	ports=() bus=()
	for i in 1 2; do
		ports[i]=$(svc_free_port) bus[i]=$(svc_free_port)
		mkdir "$BATS_TEST_TMPDIR/n$i"
		spawn node$i redis-server --port ${ports[i]} --bind 127.0.0.1 --cluster-enabled yes --save '' --dir "$BATS_TEST_TMPDIR/n$i" --cluster-port ${bus[i]}
		wait_until 60 redis-cli -p ${ports[i]} -e ping
	done
	own=
	slot=$(redis-cli -p ${ports[1]} cluster keyslot '{hta}:schema')
	redis-cli -p ${ports[1]} -e cluster addslotsrange 0 $((slot - 1)) $((slot + 1)) 16383
	redis-cli -p ${ports[2]} -e cluster addslots $slot
	redis-cli -p ${ports[1]} -e cluster meet 127.0.0.1 ${ports[2]} ${bus[2]}
	for i in 1 2; do wait_until 60 eval "redis-cli -p ${ports[i]} cluster info | grep -q cluster_state:ok"; done
	{ hello; probe; init ev/0:0; add a 0 2 1; bar 1 ev/0:0:1; end; } >"$BATS_TEST_TMPDIR/stream"
	REDIS_URL=redis://127.0.0.1:${ports[1]} feed pipe "cat $BATS_TEST_TMPDIR/stream | hta-sink-redis --foreign --init --ttl never"
	says "the cluster has these keys at 127.0.0.1:${ports[2]}"
	[ "$(redis-cli -p ${ports[2]} hget "{hta}:r:m:$m0:$(hash_of a)" count)" = 2 ]
}

# Three nodes, each with a third of the slots, at the ports ${node[1]} to ${node[3]}; and $tag[1] to $tag[3], a prefix in each.
cluster_of_three() {
	local i slot n=0
	node=()
	for i in 1 2 3; do
		node[i]=$(svc_free_port)
		mkdir "$BATS_TEST_TMPDIR/c$i"
		spawn node$i redis-server --port ${node[i]} --bind 127.0.0.1 --cluster-enabled yes --save '' --dir "$BATS_TEST_TMPDIR/c$i" --cluster-port "$(svc_free_port)"
		wait_until 60 redis-cli -p ${node[i]} -e ping
	done
	redis-cli --cluster create 127.0.0.1:${node[1]} 127.0.0.1:${node[2]} 127.0.0.1:${node[3]} --cluster-yes >/dev/null
	for i in 1 2 3; do wait_until 60 eval "redis-cli -p ${node[i]} cluster info | grep -q cluster_state:ok"; done
	tag=()
	while [ ${#tag[@]} -lt 3 ]; do
		n=$((n + 1))
		slot=$(redis-cli -p ${node[1]} cluster keyslot "{p$n}:schema")
		tag[1 + (slot > 5460) + (slot > 10922)]=p$n
	done
}

# Everything of a prefix through one node, as JSON.
ask_all() { # NODE PREFIX
	local q="hta-query -d redis://127.0.0.1:$1 --prefix $2"
	$q history events --since 2026-01-01 --until 2027-01-01 && $q top events -n 3 && $q latest events --by region && $q metrics && $q positions j
}

# The same job's rows in each shard, and what hta-window says of them in the file rows.
fill_cluster() {
	local i
	hta-gen --count 4000 >"$BATS_TEST_TMPDIR/events"
	for i in 1 2 3; do
		pipe "hta-consume --job j --dead drop '$BATS_TEST_TMPDIR/events' | hta-window --dead drop --every 100ms --by region,status --value latency_ms --uniq user_id |
			hta-sink-redis --init --ttl never --prefix ${tag[i]} redis://127.0.0.1:${node[1]} | hta-commit"
	done
	hta-window --every 100ms --by region,status --value latency_ms --uniq user_id "$BATS_TEST_TMPDIR/events" >"$BATS_TEST_TMPDIR/rows"
}

@test "a cluster of three: hta-query reads any shard through any node" {
	cluster_of_three
	fill_cluster
	for i in 1 2 3; do
		for k in 1 2 3; do
			feed ask_all ${node[k]} ${tag[i]}
			[ -z "$stderr" ]
			sed "s/redis:${tag[i]}/redis:P/" "$out" >"$BATS_TEST_TMPDIR/got"
			[ -e "$BATS_TEST_TMPDIR/want" ] || cp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/want"
			cmp "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
		done
	done
	# and what it reads is what was counted
	hta-query -d redis://127.0.0.1:${node[1]} --prefix ${tag[2]} history events --since 2026-01-01 --until 2027-01-01 | sed 's/,"open":true//' |
		cmp - "$BATS_TEST_TMPDIR/rows"
	fails_with 78 hta-query -d redis://127.0.0.1:${node[2]} --prefix nobody metrics
	fails_with 69 hta-query -d redis://127.0.0.1:1 --prefix ${tag[1]} metrics
}

# Some keys of a slot to another node, all of them where no number is given; then the slot is that node's.
begin_move() { # SLOT FROM TO
	redis-cli -p $3 -e cluster setslot $1 importing "$(redis-cli -p $2 cluster myid)"
	redis-cli -p $2 -e cluster setslot $1 migrating "$(redis-cli -p $3 cluster myid)"
}
move_keys() { # SLOT FROM TO N
	local keys
	mapfile -t keys < <(redis-cli -p $2 cluster getkeysinslot $1 $4)
	[ ${#keys[@]} = 0 ] || redis-cli -p $2 -e migrate 127.0.0.1 $3 "" 0 5000 keys "${keys[@]}"
}
end_move() { # SLOT FROM TO
	local id port
	while [ "$(redis-cli -p $2 cluster countkeysinslot $1)" != 0 ]; do move_keys $1 $2 $3 50 >/dev/null; done
	id=$(redis-cli -p $3 cluster myid)
	redis-cli -p $3 -e cluster setslot $1 node $id
	for port in ${node[2]} ${node[1]} ${node[3]}; do redis-cli -p $port -e cluster setslot $1 node $id; done
}

@test "a cluster: a slot on its way is read here and there, and never wrong" {
	cluster_of_three
	fill_cluster
	local slot from=${node[2]} to=${node[3]} p=${tag[2]} queries=0
	slot=$(redis-cli -p $from cluster keyslot "{$p}:schema")
	ask_all $from $p >"$BATS_TEST_TMPDIR/want"
	same() { feed ask_all $1 $p && [ -z "$stderr" ] && cmp "$BATS_TEST_TMPDIR/want" "$out"; }
	begin_move $slot $from $to
	for k in 1 2 3; do same ${node[k]}; done
	# what is looked for first, and every second row
	redis-cli -p $from -e migrate 127.0.0.1 $to "" 0 5000 keys "{$p}:schema" "{$p}:metric" "{$p}:pos:j:redis%3A$p"
	move_keys $slot $from $to $(($(redis-cli -p $from cluster countkeysinslot $slot) / 2))
	[ "$(redis-cli -p $from exists "{$p}:metric" 2>&1 | cut -d' ' -f1)" = ASK ]
	for k in 1 2 3; do same ${node[k]}; done
	end_move $slot $from $to
	[ "$(redis-cli -p $from get "{$p}:schema" 2>&1)" = "MOVED $slot 127.0.0.1:$to" ]
	for k in 1 2 3; do same ${node[k]}; done
	# to and fro below the queries
	spawn fro bash -c "$(declare -p node); $(declare -f begin_move move_keys end_move)
		for _ in 1 2 3; do
			begin_move $slot $to $from && end_move $slot $to $from && begin_move $slot $from $to && end_move $slot $from $to || exit
		done"
	until gone $pid; do
		same ${node[queries % 3 + 1]}
		queries=$((queries + 1))
	done
	exits_with 0 1
	[ $queries -gt 3 ]
}

@test "a replica that may not be written to can be read; the sink is told to wait" {
	own_server
	port=$(svc_free_port)
	spawn replica redis-server --port $port --bind 127.0.0.1 --save '' --dir "$BATS_TEST_TMPDIR" --replicaof 127.0.0.1 "$(<"$own/redis.port")"
	hta-gen --count 100 | hta-window | hta-sink-redis --init --ttl never
	hta-query -d "$REDIS_URL" latest events >"$BATS_TEST_TMPDIR/want"
	# the metric may be there before its rows are
	wait_until 60 eval "hta-query -d redis://127.0.0.1:$port latest events | cmp - '$BATS_TEST_TMPDIR/want'"
	feed hta-query -d redis://127.0.0.1:$port latest events
	cmp "$BATS_TEST_TMPDIR/want" "$out"
	fails_with 69 hta-sink-redis --init --retry-for 1s redis://127.0.0.1:$port < <(hta-gen --count 100 | hta-window)
	says 'READONLY'
}
