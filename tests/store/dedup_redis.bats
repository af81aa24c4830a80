# hta-dedup with a state in Redis, which hosts share.
load ../helpers
load ../stream
setup() {
	cd "$BATS_TEST_TMPDIR"
	with_service redis
	redis-cli -u "$REDIS_URL" flushdb >/dev/null
}

r() { redis-cli -u "$REDIS_URL" "$@"; }

# ---- a job of files ----

# Events of which a fifth is there twice.
make_events() { # COUNT FILE
	hta-gen --count "$1" --step 100ms | awk '{ print; kept[NR] = $0 } NR % 4 == 0 { print kept[int(NR * (NR % 7) / 7) + 1] }' >"$2"
}
counted() { sqlite3 rows.db 'SELECT coalesce(sum(count), 0) FROM hta_rollups'; }
line() { # [OPTION...]
	echo "hta-consume --job d -t ev in -e | hta-dedup --key event_id --state redis: --dead drop $* | hta-window --every 1m --by endpoint --dead drop | hta-sink-sqlite --init rows.db | hta-commit"
}
job() { feed pipe "$(line "$@")"; } # [OPTION...]

@test "a job: each event once, as often as it is started" {
	make_events 30000 in
	job
	says 'set appendfsync always'
	[ "$(counted)" = 30000 ]
	job
	[ "$(counted)" = 30000 ]
	{ head -n 2000 in; hta-gen --seed 9 --count 1; } >>in
	job
	[ "$(counted)" = 30001 ]
	[ "$(r hget '{hta:d}state' keys)" = 30001 ]
	[ "$(r llen '{hta:d}open:ev/0')" = 0 ]
	[ "$(r hget '{hta:d}part' ev/0 | cut -d' ' -f2)" = "$(wc -c <in)" ]
	[ "$(r dbsize)" = 30004 ]
}

@test "a crash between the state and the sink: the replay gets the same verdicts" {
	make_events 30000 in
	for point in barrier-before state-inside barrier-after; do
		for n in 1 2 3; do
			rm -f rows.db*
			r flushdb >/dev/null
			fails_with 76 pipe "$(line | sed "s/ in / in --epoch-records 5000 /; s/| hta-dedup/| HTA_CRASH=$point:$n hta-dedup/")"
			[ "$(counted)" -lt 30000 ]
			job
			[ "$(counted)" = 30000 ]
		done
	done
}

@test "the horizon: the verdicts of a plain stream; what is beyond it leaves the state" {
	python3 -c '
import datetime, random
random.seed(7)
at = datetime.datetime(2026, 1, 1)
for i in range(60000):
    at += datetime.timedelta(seconds=1)
    print("{\"event_id\":%d,\"endpoint\":\"/\",\"ts\":\"%sZ\"}" % (random.randrange(i // 5000 * 2000, i // 5000 * 2000 + 10000), at.isoformat()))' >in
	feed hta-dedup --key event_id --time ts --horizon 1h in
	want=$(wc -l <"$out")
	feed pipe "$(line --time ts --horizon 1h | sed 's/ in / in --epoch-records 2000 /')"
	[ "$(counted)" = "$want" ]
	keys=$(r hget '{hta:d}state' keys)
	[ "$keys" -lt $((want / 2)) ]
	# what is counted is what is there: places of 20 bytes
	[ "$(r eval "local n = 0 for _, k in ipairs(redis.call('KEYS', '{hta:d}k*')) do n = n + redis.call('STRLEN', k) end return n / 20" 0)" = "$keys" ]
	# nothing below the floor is judged anew
	rm rows.db*
	fails_with 78 pipe "$(line --time ts --horizon 1h)"
	says 'another start of job d'
}

@test "--max-keys bounds what is held" {
	seq 1 20000 | sed 's/.*/{"event_id":&,"endpoint":"\/","ts":"2026-01-01T00:00:00Z"}/' >in
	feed pipe "$(line --max-keys 3000 | sed 's/ in / in --epoch 1h --epoch-records 1000 /')"
	[ "$(counted)" = 20000 ]
	keys=$(r hget '{hta:d}state' keys)
	# sinks may need what the last epochs had
	[ "$keys" -lt 13000 ]
	[ "$keys" -gt 7000 ]
	[ "$(r eval "return #redis.call('KEYS', '{hta:d}k*')" 0)" = "$keys" ]
}

@test "a state is of one job, one key and one start" {
	hta-gen --count 100 >in
	job
	fails_with 78 pipe "$(line | sed 's/event_id/user_id/')"
	says 'has keys of .event_id, not of .user_id'
	fails_with 78 pipe "$(line | sed 's/rows.db/other.db/')"
	says 'another start of job d'
	feed pipe "$(line | sed 's/--job d/--job e/; s/rows.db/another.db/')"
	[ "$(r hget '{hta:e}state' keys)" = 100 ]
	r hset '{hta:d}state' format 2
	fails_with 78 pipe "$(line)"
	says 'a state of a newer program \(format 2\)'
}

@test "a state that is older than the sinks, or missing, is refused; --adopt takes it" {
	make_events 20000 all
	head -n 10000 all >in
	job
	old=$(r hget '{hta:d}part' ev/0)
	cp all in
	job
	[ "$(counted)" = 20000 ]
	r hset '{hta:d}part' ev/0 "$old"
	hta-gen --seed 3 --count 5 >>in
	fails_with 78 pipe "$(line)"
	says 'older than the sinks: it knows ev/0 up to [0-9]+, the sinks have [0-9]+'
	r flushdb
	fails_with 78 pipe "$(line)"
	says 'knows nothing of ev/0'
	[ "$(counted)" = 20000 ]
	job --adopt
	says 'adopted from [0-9]+'
	[ "$(counted)" = 20005 ]
}

@test "a server that cannot keep a state is refused, or said" {
	hta-gen --count 100 >in
	serve() { # OPTION...
		spawn server redis-server --port 0 --unixsocket "$PWD/s" --save '' --dir "$PWD" "$@"
		wait_until 60 redis-cli -s s ping
	}
	at_socket() { line | sed "s|redis:|unix://:$1@$PWD/s|"; }
	serve --appendonly no --requirepass secret
	fails_with 78 pipe "$(at_socket secret)"
	says 'set appendonly yes'
	says 'a password on the command line'
	fails_with 78 pipe "$(at_socket wrong-one)"
	says WRONGPASS
	not says wrong-one
	kill "$pid"
	exits_with 0 60
	serve --appendonly yes --appendfsync always --maxmemory 100mb --maxmemory-policy allkeys-lru --requirepass secret
	fails_with 78 pipe "$(at_socket secret)"
	says 'set maxmemory-policy noeviction'
	redis-cli -s s --no-auth-warning -a secret config set maxmemory-policy noeviction
	feed pipe "$(at_socket secret)"
	not says appendfsync
	[ "$(counted)" = 100 ]
	kill "$pid"
	exits_with 0 60
	fails_with 69 pipe "$(at_socket secret)"
	says 'given up after 10s'
}

# ---- several hosts, by hand: dedup_hosts.py has the scenes ----

hosts() { feed python3 -B "$tests/store/dedup_hosts.py" "$@" || { cat "$out"; return 1; }; } # SCENE [SEED...]

@test "hosts: a key that another one has seen is a duplicate, in whatever partition" { hosts shared; }
@test "hosts: who has lost a partition is refused, at the next record and at the next barrier" { hosts zombie; }
@test "hosts: a claim of one that died is found again, and free where the log has lost its record" { hosts claims; }
@test "hosts: keys are dropped by the time of all partitions; a range from below is refused" { hosts floors; }
@test "hosts: a server that went away, and one that is another process, are a new start" { hosts server; }
@test "hosts: a retried dead letter is known by its original's place" { hosts letters; }
@test "hosts: moves, kills, restarts of the server and records that the log loses, at random" { hosts random 1 2 3 4 5 6; }
