# hta-dedup: records whose key was there before.
load ../helpers
load ../stream
setup() { cd "$BATS_TEST_TMPDIR"; }

# Events of which a fifth is there twice, the second anywhere behind the first.
make_events() { # COUNT FILE
	hta-gen --count "$1" --step 100ms | python3 -c '
import random, sys
random.seed(7)
out = []
for line in sys.stdin:
    out.append(line)
    if random.random() < 0.25:
        out.append(random.choice(out[-2000:]))
sys.stdout.writelines(out)' >"$2"
}

# The first line of each event_id, as jq and awk see it.
first_of_each() { paste <(jq -r .event_id "$1") "$1" | awk -F'\t' '!seen[$1]++' | cut -f2-; }

counted() { sqlite3 "${1:-rows.db}" 'SELECT coalesce(sum(count), 0) FROM hta_rollups'; }

# The file in as job d, through dedup with the state $keys into rows.db.
keys=keys.db
line() { # [OPTION...]
	echo "hta-consume --job d -t ev in -e | hta-dedup --key event_id --state $keys --dead drop $* | hta-window --every 1m --by endpoint --dead drop | hta-sink-sqlite --init rows.db | hta-commit"
}
job() { feed pipe "$(line "$@")"; } # [OPTION...]

# The same without a store.
bare() { # OPTION...
	echo "hta-consume --job d in -e --dead drop | hta-dedup --key event_id --dead drop $* | hta-commit"
}

@test "a key with the topic: every line of a batch has that of its own record" {
	hta-gen --count 300 >once
	cat once once >in
	for way in "-t a in" "-t a in -t b once"; do
		rm -rf keys.db rows.db
		feed pipe "hta-consume --job d $way -e | hta-dedup --key @topic,event_id --state $keys | hta-window | hta-sink-sqlite --init rows.db | hta-commit"
		[ "$(counted)" = $((300 * $(grep -o -e -t <<<"$way" | wc -l))) ]
	done
}

@test "plain: the first of each key, byte for byte" {
	make_events 5000 in
	first_of_each in >want
	[ "$(wc -l <want)" = 5000 ]
	for way in in "in -k .event_id" "--key user_id,event_id in" "--key event_id,user_id in"; do
		case $way in *-k*) ;; *) way="--key event_id $way" ;; esac
		# shellcheck disable=SC2086
		feed hta-dedup $way
		cmp "$out" want
	done
	feed pipe 'cat in in | hta-dedup --key event_id'
	cmp "$out" want
}

@test "keys are typed and canonical; what has none is a dead letter" {
	printf '%s\n' '{"id":1}' '{"id":1.0}' '{"id":"1"}' '{"id":"\u0031"}' '{"id":true}' '' '{"id":"true"}' '{"id":null}' '{"x":1}' '{"id":[1]}' '[1]' \
		'{"id":10e-1,"id":2}' >in
	feed hta-dedup --key id --dead bad in
	expect <<-'END'
		{"id":1}
		{"id":"1"}
		{"id":true}
		{"id":"true"}
		{"id":10e-1,"id":2}
	END
	[ "$(jq -r .reason bad | head -n 3)" = "$(printf '%s\n' 'key: id is missing' 'key: id is missing' 'key: id is an array or object, no key')" ]
	[ "$(wc -l <bad)" = 4 ]
	fails_with 65 hta-dedup --key id in
}

@test "what is no use is refused before the first record" {
	fails_with 64 hta-dedup </dev/null
	says 'missing: hta-dedup --key event_id'
	fails_with 64 hta-dedup --key a,a </dev/null
	says 'a stands there twice'
	fails_with 64 hta-dedup --key id --state x.db <<<'{"id":1}'
	says 'hta-consume --job NAME FILE'
	[ ! -s "$out" ]
	fails_with 64 hta-dedup --key id --horizon 1d <<<'{"id":1}'
	says 'name its field, --time ts'
	hta-gen --count 10 >in
	fails_with 64 pipe "$(bare)"
	says 'hta-dedup --key event_id --state dedup.db'
	fails_with 64 pipe "$(bare --foreign --state keys.db | sed 's/ | / | grep -a --line-buffered "" | /')"
	says 'put hta-dedup before it'
	fails_with 64 pipe "$(bare --state keys.db | sed 's/ | / | hta-filter . --dead drop | /')"
	says 'hta-filter above may write several records'
	feed pipe "$(bare --state keys.db | sed 's/ | / | hta-filter --where .status==200 --dead drop | /')"
}

@test "the horizon goes by the records' time, not by a clock" {
	for at in 00:00:00 00:00:30 00:01:00 00:02:01 00:01:30 00:03:01 00:03:02; do
		echo '{"id":"a","ts":"2026-01-01T'$at'Z"}'
	done >in
	feed hta-dedup --key id --time ts --horizon 1m in
	[ "$(jq -r .ts "$out" | cut -c 12-19 | tr '\n' ' ')" = '00:00:00 00:02:01 00:03:02 ' ]
	jq -c '.ts |= (fromdate * 1000)' in >ms
	feed hta-dedup --key id --time ts --time-unit ms --horizon 1m ms
	[ "$(wc -l <"$out")" = 3 ]
	fails_with 65 hta-dedup --key id --time ts --horizon 1m ms
	says 'ts is a number: say --time-unit'
}

@test "--max-keys bounds what is held; what made room is counted" {
	seq 1 100000 | sed 's/.*/{"id":&}/' >in
	feed pipe 'cat in in | hta-dedup --key id --max-keys 1000'
	[ "$(wc -l <"$out")" = 200000 ]
	for i in $(seq 1 500); do tail -n 400 in; done >again
	feed hta-dedup --key id --max-keys 1000 in again
	[ "$(wc -l <"$out")" = 100000 ]
}

once_a_start() {
	make_events 30000 in
	job
	[ "$(counted)" = 30000 ]
	job
	[ "$(counted)" = 30000 ]
	# the file grows by events that were there, and by one that was not
	{ head -n 2000 in; hta-gen --seed 9 --count 1; } >>in
	job
	[ "$(counted)" = 30001 ]
}

@test "a job: each event once, as often as it is started" {
	once_a_start
	sqlite3 keys.db 'SELECT next FROM hta_dedup_part' >got
	wc -c <in | cmp - got
}

numbered() { seq "$1" "$2" | sed 's/.*/{"event_id":&,"endpoint":"\/","ts":"2026-01-01T00:00:00Z"}/'; } # FROM TO
stored() { sqlite3 keys.db 'SELECT (SELECT count(*) FROM hta_dedup_more), (SELECT sum(length(entries)) FROM (SELECT entries FROM hta_dedup_chunk UNION ALL SELECT entries FROM hta_dedup_more)) / 32'; }

@test "an epoch of many keys stands in pieces, which come and go together" {
	numbered 1 100000 >in
	feed pipe "$(line | sed 's/ in / in --epoch 1h /')"
	had=$(stored)
	grep -q '^[1-9][0-9]*|100000$' <<<"$had"
	numbered 1 100000 >>in
	job
	[ "$(stored)" = "$had" ]
	numbered 99001 200000 >>in
	feed pipe "$(line --max-keys 30000 | sed 's/ in / in --epoch-records 5000 /')"
	[ "$(counted)" = 200000 ]
	stored | grep '^0|[3-9][0-9]...$'
}

@test "a state of format 1, without pieces, is taken up; one of a newer program is refused" {
	numbered 1 40000 >in
	feed pipe "$(line | sed 's/ in / in --epoch-records 10000 /')"
	sqlite3 keys.db 'UPDATE hta_dedup SET format = 1; DROP TABLE hta_dedup_more'
	numbered 1 100000 >>in
	job
	[ "$(counted)" = 100000 ]
	[ "$(sqlite3 keys.db 'SELECT format FROM hta_dedup')" = 2 ]
	sqlite3 keys.db 'UPDATE hta_dedup SET format = 3'
	fails_with 78 pipe "$(line)"
	says 'a state of a newer program \(format 3\)'
}

@test "lmdb: each event once, as often as it is started" {
	keys=lmdb:keys
	once_a_start
	[ -s keys/data.mdb ]
}

crashes() {
	make_events 30000 in
	for point in barrier-before state-inside barrier-after; do
		for n in 1 2 3; do
			rm -rf ./*.db* keys
			fails_with 76 pipe "$(line | sed "s/ in / in --epoch-records 5000 /; s/| hta-dedup/| HTA_CRASH=$point:$n hta-dedup/")"
			[ "$(counted)" -lt 30000 ]
			job
			[ "$(counted)" = 30000 ]
		done
	done
}

@test "a crash between the state and the sink: the replay gets the same verdicts" {
	crashes
}

@test "lmdb: a crash between the state and the sink" {
	keys=lmdb:keys
	crashes
}

# Events a second apart, whose ids come again after a day or less.
recurring_events() { # COUNT
	python3 -c '
import datetime, random, sys
random.seed(7)
at = datetime.datetime(2026, 1, 1)
for i in range(int(sys.argv[1])):
    at += datetime.timedelta(seconds=1)
    print("{\"event_id\":%d,\"endpoint\":\"/\",\"ts\":\"%sZ\"}" % (random.randrange(i // 5000 * 2000, i // 5000 * 2000 + 10000), at.isoformat()))' "$1"
}

@test "the horizon in a job: the verdicts of a plain stream, whatever keeps the keys; what is beyond it leaves them" {
	recurring_events 200000 >in
	feed hta-dedup --key event_id --time ts --horizon 1h in
	want=$(wc -l <"$out")
	for keys in keys.db lmdb:keys lmdb:all; do
		rm -f rows.db*
		more="--time ts --horizon 1h"
		[ $keys != lmdb:all ] || more=
		feed pipe "$(line "$more" | sed 's/ in / in --epoch-records 5000 /')"
		[ $keys = lmdb:all ] || [ "$(counted)" = "$want" ]
	done
	# twice as many were unique as without a horizon
	[ "$(stat -c %s keys/data.mdb)" -lt "$(stat -c %s all/data.mdb)" ]
}

@test "a state that is older than the sinks, or missing, is refused; --adopt takes it" {
	make_events 20000 all
	head -n 10000 all >in
	job
	cp keys.db old.db
	cp all in
	job
	[ "$(counted)" = 20000 ]
	cp old.db keys.db
	hta-gen --seed 3 --count 5 >>in
	fails_with 78 pipe "$(line)"
	says 'older than the sinks: it knows ev/0 up to [0-9]+, the sinks have [0-9]+'
	[ "$(counted)" = 20000 ]
	rm keys.db
	fails_with 78 pipe "$(line)"
	says 'knows nothing of ev/0'
	[ "$(counted)" = 20000 ]
	job --adopt
	says 'adopted from [0-9]+'
	[ "$(counted)" = 20005 ]
	hta-gen --seed 3 --count 5 >>in
	job
	[ "$(counted)" = 20005 ]
}

@test "a state is of one job, one key and one start" {
	hta-gen --count 100 >in
	job
	fails_with 78 pipe "$(bare --state keys.db | sed 's/--job d/--job e/')"
	says 'the state of job d, this is job e'
	fails_with 78 pipe "$(bare --state keys.db --key user_id)"
	says 'has keys of .event_id, not of .user_id'
	fails_with 78 pipe "$(line | sed 's/rows.db/other.db/')"
	says 'another start of job d'
}

@test "a dead letter that was sent again is known by its original's place" {
	at() { ctl '"at","t":"ev","p":0,"o":'"$1${2:+,\"from\":{\"t\":\"ev\",\"p\":0,\"o\":$2\}}"; }
	lines() {
		hello
		ctl '"read","gen":"'$gen'","pos":[{"t":"ev","p":0,"init":0,"from":0,"next":'$1'}]'
		at 0
		printf '%s\n' '{"id":"a"}' '{"id":"b"}' '{"id":"a","again":1}'
		ctl '"bar","e":1,"gen":"'$gen'","r":[{"t":"ev","p":0,"f":0,"to":3}],"acct":[{"s":"x","in":3,"out":3,"bytes":43}]'
		at 3 1
		echo '{"id":"b","mended":1}'
		at 4 2
		echo '{"id":"c"}'
		at 5
		echo '{"id":"c"}'
		ctl '"bar","e":2,"gen":"'$gen'","r":[{"t":"ev","p":0,"f":3,"to":6}],"acct":[{"s":"x","in":3,"out":3,"bytes":44}]'
		end
	}
	for next in 0 3 6; do
		lines $next >stream
		feed pipe "cat stream | hta-dedup --key id --state keys.db --dead drop | grep -v '\$hta'"
		expect <<-'END'
			{"id":"a"}
			{"id":"b"}
			{"id":"b","mended":1}
			{"id":"c"}
		END
	done
}

@test "one process a file; a text that is no database is none" {
	hta-gen --count 100 >in
	mkfifo hold
	spawn first bash -c "source $tests/stream.bash; { hello; cat hold; } | hta-dedup --key event_id --state keys.db --dead drop | cat"
	exec 9>hold
	wait_until 60 test -s keys.db
	fails_with 78 pipe "$(bare --state keys.db)"
	says 'another process has it'
	exec 9>&-
	head -c 100000 /dev/urandom >bad.db
	fails_with 78 pipe "$(bare --state bad.db)"
	says 'bad.db: file is not a database'
	fails_with 78 pipe "$(bare --state none/keys.db)"
	fails_with 64 pipe "$(bare --state :memory:)"
}

@test "lmdb: one process a folder; what is none is refused, and left alone" {
	hta-gen --count 100 >in
	mkfifo hold
	spawn first bash -c "source $tests/stream.bash; { hello; cat hold; } | hta-dedup --key event_id --state lmdb:keys --dead drop | cat"
	exec 9>hold
	wait_until 60 test -s keys/data.mdb
	fails_with 78 pipe "$(bare --state lmdb:keys)"
	says 'keys: another process has it: one hta-dedup a folder'
	exec 9>&-
	mkdir bad
	head -c 100000 /dev/urandom >bad/data.mdb
	cp bad/data.mdb kept
	fails_with 78 pipe "$(bare --state lmdb:bad)"
	says 'bad: MDB_INVALID: File is not an LMDB file'
	cmp bad/data.mdb kept
	feed pipe "$(bare --state lmdb:cut)"
	truncate -s 5000 cut/data.mdb
	fails_with 65 pipe "$(bare --state lmdb:cut)"
	says 'cut: MDB_CORRUPTED'
	fails_with 78 pipe "$(bare --state lmdb:in)"
	says 'in: Not a directory'
	fails_with 78 pipe "$(bare --state lmdb:none/keys)"
	says 'none/keys: No such file or directory'
	fails_with 78 pipe "$(bare --state lmdb:)"
}

@test "a state that no driver has is no file's name" {
	hta-gen --count 100 >in
	for state in mongo://localhost/1 rocksdb:keys; do
		fails_with 78 pipe "$(bare --state $state)"
		says "$state: this build keeps keys in lmdb: or a file or redis: or rediss: or unix:; a file of that name is ./$state"
		[ ! -e $state ]
	done
	fails_with 78 pipe "$(bare --state mongo://me:secret@localhost/1)"
	not says secret
	feed pipe "$(bare --state ./rocksdb:keys)"
	[ -s rocksdb:keys ]
}
