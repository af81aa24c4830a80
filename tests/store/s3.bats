# hta-sink-s3 and hta-consume s3://..: what is in the bucket, read by zstd(1) and gzip(1), and what comes out of it again; death,
# cut connections and a server that goes at every place of an upload. The server is versitygw, which checks signatures.
load ../helpers

setup() {
	with_service s3
	cd "$BATS_TEST_TMPDIR"
	place=s3://$S3_BUCKET/$BATS_TEST_NUMBER
	folder=$S3_FOLDER/$BATS_TEST_NUMBER/events
}

events() { hta-gen --step 10ms "$@"; }

# A job into the archive; options of the sink.
archive() { # JOB FILE [OPTION...]
	pipe "hta-consume --job $1 --dead drop --epoch-records ${epoch:-3000} $2 |
		hta-sink-s3 --positions pos.db --init ${*:3} $place | hta-commit"
}

objects() { find "$folder" -type f | LC_ALL=C sort; }
content() { objects | xargs zstd -dcq; }
uploads() { find "$S3_FOLDER/.sgwtmp/multipart" -mindepth 2 -maxdepth 2 2>/dev/null | wc -l; }

# Rows by type of whatever hta-consume is told to read.
rows() { # DB OPERAND...
	pipe "hta-consume --job rows ${*:2} | hta-window --by event_type --value latency_ms | hta-sink-sqlite --init $1 | hta-commit" &&
		sqlite3 "$1" 'SELECT metric, window_start, dims, count, sum, min, max FROM hta_rollups ORDER BY 1, 2, 3'
}

@test "an object a partition and epoch, named by where it begins, and the same rows out of it again" {
	events --count 20000 >a.ndjson
	events --count 15000 --seed 2 --start 2026-03-04T23:59:00Z >b.ndjson
	feed archive j '-t web a.ndjson -t app b.ndjson'
	[ "$(objects | wc -l)" -ge 12 ]
	[ -e "$folder/2026/01/01/web.0.00000000000000000000.ndjson.zst" ]
	[ -e "$folder/2026/03/04/app.0.00000000000000000000.ndjson.zst" ]
	find "$folder/2026/03/05" -name 'app.0.*.ndjson.zst' | grep -q .
	find "$folder" -name 'web.*' | awk -F/ '{ print $NF, $0 }' | LC_ALL=C sort | cut -d' ' -f2 | xargs zstd -dcq | cmp - a.ndjson
	find "$folder" -name 'app.*' | awk -F/ '{ print $NF, $0 }' | LC_ALL=C sort | cut -d' ' -f2 | xargs zstd -dcq | cmp - b.ndjson
	feed hta-consume "$place"
	LC_ALL=C sort "$out" | cmp - <(LC_ALL=C sort a.ndjson b.ndjson)
	[ "$(uploads)" = 0 ]
	rows first.db -t web a.ndjson -t app b.ndjson >want
	rows again.db "$place" >got
	[ "$(wc -l <want)" -gt 20 ]
	cmp want got
	# and it goes on where the positions are
	feed archive j '-t web a.ndjson -t app b.ndjson'
	rows again.db "$place" | cmp want
}

@test "gzip, a level, a folder of another name" {
	events --count 5000 >a.ndjson
	feed archive j '-t web a.ndjson' --gzip --level 9 --folder kept
	find "$S3_FOLDER/$BATS_TEST_NUMBER/kept" -name '*.ndjson.gz' | LC_ALL=C sort | xargs gzip -dc | cmp - a.ndjson
	feed hta-consume "$place/kept"
	cmp "$out" a.ndjson
	rows one.db -t web a.ndjson >want
	rows two.db "$place" | cmp want
}

@test "parts: an epoch larger than one, and memory that is not" {
	events --count 120000 --pad 300 >a.ndjson 2>/dev/null || events --count 400000 >a.ndjson
	epoch=1e9 feed archive j '-t web a.ndjson' --gzip --level 1
	[ "$(objects | wc -l)" -ge 1 ]
	objects | xargs gzip -dc | cmp - a.ndjson
	feed hta-consume "$place"
	cmp "$out" a.ndjson
}

# Parts that lie in the bucket while their epoch is open.
parts() { find "$folder.parts" -type f 2>/dev/null | wc -l; }
parts_lie() { [ "$(parts)" -gt 0 ]; }
largest() { objects | xargs stat -c %s | sort -n | tail -n 1; }

# A program, and the most memory that it had, in KiB, in the file `peak`.
peak() {
	python3 -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open("peak", "w"))
sys.exit(code)' "$@"
}

# A job whose third epoch, and what follows, has several parts.
large="hta-consume --job j -t web --dead drop --epoch 1h --epoch-records 1e9 a.ndjson"

@test "an epoch of many parts is sent while it is open, in little memory, and is one object" {
	events --count 700000 >a.ndjson
	export -f peak
	spawn job bash -c "set -o pipefail; $large | peak hta-sink-s3 --positions pos.db --init $place | hta-commit"
	wait_until 60 parts_lie
	exits_with 0 60
	[ "$(largest)" -gt 16777216 ]
	check_archive a.ndjson
	[ "$(parts)" = 0 ]
	[ "$(<peak)" -lt 131072 ]
	[ "$(uploads)" = 0 ]
}

@test "death in an epoch of many parts: each record is there once, and --clean deletes what is left" {
	events --count 700000 >a.ndjson
	for point in sink-claimed:3 sink-inside:3 sink-sent:3; do
		rm -f died
		not pipe "$large | { HTA_CRASH=$point hta-sink-s3 --positions pos.db --init $place; echo \$? >died; } | hta-commit" 2>err
		[ "$(<died)" = 137 ] || { cat err; false; }
		# before that they may all be on their way
		if [ $point = sink-sent:3 ]; then parts_lie; else [ "$(largest)" -lt 8388608 ]; fi
	done
	feed pipe "$large | hta-sink-s3 --positions pos.db --clean $place | hta-commit"
	check_archive a.ndjson
	parts_lie
	find "$folder.parts" -exec touch -d '2 days ago' {} +
	feed pipe "$large | hta-sink-s3 --positions pos.db --clean $place | hta-commit"
	[ "$(parts)" = 0 ]
	check_archive a.ndjson
}

through_moody() { # MOOD
	spawn "$1" python3 -B "$tests/store/s3_moody.py" "${AWS_ENDPOINT_URL##*:}" "$1"
	wait_until 60 test -s "$1.out"
	export AWS_ENDPOINT_URL=http://127.0.0.1:$(head -n 1 "$1.out")
}

@test "an epoch that the archive has already is over while parts are on their way; the sink beside it was restored" {
	# records that do not become much smaller
	python3 -B -c 'import base64, random
random.seed(5)
for n in range(80000):
    print("{\"ts\":\"2026-01-01T00:00:00Z\",\"n\":%d,\"x\":\"%s\"}" % (n, base64.b64encode(random.randbytes(1700)).decode()))' >all.ndjson
	two="$large | hta-sink-s3 -v --positions pos.db --init $place | hta-sink-sqlite --events --init beside.db | hta-commit"
	head -n 20 all.ndjson >a.ndjson
	feed pipe "$two"
	cp beside.db older.db
	head -n 45000 all.ndjson >a.ndjson
	feed pipe "$two"
	check_archive a.ndjson
	# the epoch comes again for the sake of the other one; behind it stand new ones, which have several parts too
	mv older.db beside.db
	mv all.ndjson a.ndjson
	direct=$AWS_ENDPOINT_URL
	through_moody linger # takes parts late, and not in the order in which they come
	feed pipe "$two"
	says 'was applied already'
	AWS_ENDPOINT_URL=$direct
	[ "$(grep -c '^linger' linger.out)" -ge 6 ]
	not grep refused linger.out
	# no name comes twice in a process: a late request hits no other part
	grep '^linger' linger.out | cut -d. -f3 | sort -u | wc -l | grep -x 2
	grep '^linger' linger.out | sort | uniq -d >twice
	[ ! -s twice ]
	check_archive a.ndjson
	sqlite3 beside.db 'SELECT count(*), count(DISTINCT record_offset) FROM hta_events' | grep -x '80000|80000'
}

@test "a part that is not the one that was sent is not copied" {
	events --count 700000 >a.ndjson
	direct=$AWS_ENDPOINT_URL
	through_moody etag
	fails_with 75 pipe "$large | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	says 'a part of .* is not the one that was sent'
	AWS_ENDPOINT_URL=$direct
	[ "$(largest)" -lt 8388608 ]
	feed pipe "$large | hta-sink-s3 --positions pos.db $place | hta-commit"
	check_archive a.ndjson
}

@test "a bucket that answers no deletion of a part holds up nobody" {
	events --count 700000 >a.ndjson
	direct=$AWS_ENDPOINT_URL
	through_moody mute
	feed timeout 150 bash -c "set -o pipefail; $large | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	[ "$(grep -c 'stay (--clean): DELETE .*: no answer in time' <<<"$stderr")" = 1 ]
	[ "$(grep -c '^mute' mute.out)" -ge 2 ]
	AWS_ENDPOINT_URL=$direct
	parts_lie
	check_archive a.ndjson
}

@test "the server goes while an epoch of many parts is open; parts and copies are lost on their way" {
	own=$BATS_TEST_TMPDIR/own
	svc_start s3 "$own"
	eval "$(svc_env "$own" | grep AWS_)"
	eval "$(svc_s3_place "$own" mine)"
	folder=$S3_FOLDER/events place=s3://$S3_BUCKET
	events --count 700000 >a.ndjson
	spawn job bash -c "set -o pipefail; $large | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	wait_until 60 parts_lie
	svc_stop s3 "$own" KILL
	not gone "$pid"
	svc_start s3 "$own"
	exits_with 0 60
	check_archive a.ndjson
	direct=$AWS_ENDPOINT_URL
	for pattern in .parts/ x-amz-copy-source; do
		for when in before after; do
			rm -f pos.db
			: >proxy.out
			through_proxy $pattern $when 3
			feed pipe "$large | hta-sink-s3 --positions pos.db --init --folder $when $place/${pattern%/} | hta-commit"
			[ "$(cuts)" = 3 ]
			export AWS_ENDPOINT_URL=$direct
			folder=$S3_FOLDER/${pattern%/}/$when
			place=$place/${pattern%/}/$when check_archive a.ndjson
			[ "$(largest)" -gt 16777216 ]
		done
	done
	svc_stop s3 "$own" KILL
}

@test "records keep their offsets in an epoch of many parts, with gaps from its midst on" {
	with_service kafka
	topic_new large 1
	events --count 500000 >a.ndjson
	produce "$topic" a.ndjson
	where='.ts > "2026-01-01T00:00:01Z" and (.ts < "2026-01-01T01:00:00Z" or .status < 500)'
	for how in --level=1 --gzip; do
		feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.a$how --until end --dead drop --epoch 1h --epoch-records 1e9 |
			hta-filter --dead drop --where '$where' | hta-sink-s3 --positions $how.db --folder $how --init $how $place | hta-commit"
		folder=$S3_FOLDER/$BATS_TEST_NUMBER/$how
		[ "$(largest)" -gt 10000000 ]
		feed pipe "hta-consume --job spots $place/$how | hta-sink-sqlite --events --init --time ts spots.db | hta-commit"
		sqlite3 spots.db 'SELECT record_offset, record FROM hta_events ORDER BY 1' >got$how
		rm spots.db
	done
	jq -c "select($where) | [input_line_number - 1]" a.ndjson | tr -d '[]' >want
	cut -d'|' -f1 got--gzip | cmp - want
	cmp got--gzip got--level=1
	cut -d'|' -f2- got--gzip | cmp - <(hta-filter --where "$where" <a.ndjson)
}

@test "records keep the offsets that they had: a topic that was compacted, transactions, filters above" {
	with_service kafka
	topic_new gaps 2
	events --count 4000 >a.ndjson
	produce "$topic" a.ndjson
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.arch --until end --dead drop --epoch-records 700 |
		hta-filter --dead drop --where '.status < 500' | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	jq -c 'select(.status < 500)' a.ndjson | LC_ALL=C sort >want
	feed hta-consume "$place"
	[ "$(wc -l <want)" -lt 4000 ]
	LC_ALL=C sort "$out" | jq -c . | cmp - want
	# where each stood, by the control lines of an acknowledged stream
	spots() { hta-consume --job spots "$@" | hta-sink-sqlite --events --init "$db" | hta-commit &&
		sqlite3 "$db" 'SELECT partition, record_offset, record FROM hta_events ORDER BY 1, 2'; }
	db=one.db
	feed pipe "hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.spots --until end | hta-filter --dead drop --where '.status < 500' |
		hta-sink-sqlite --events --init one.db | hta-commit"
	sqlite3 one.db 'SELECT partition, record_offset, record FROM hta_events ORDER BY 1, 2' >spots.want
	db=two.db spots "$place" >spots.got
	cmp spots.want spots.got
}

@test "an object an event, by its id, the same twice" {
	events --count 300 >a.ndjson
	printf 'no JSON\n{"ts":"2026-01-01T00:00:05Z","event_id":"a/b"}\n' >>a.ndjson
	feed archive j '-t web a.ndjson' --each
	[ "$(objects | wc -l)" = 302 ]
	while read -r id day; do
		[ -e "$folder/$day/$id.json" ] || { echo "no $day/$id"; return 1; }
	done < <(head -n 300 a.ndjson | jq -r '"\(.event_id) \(.ts[0:10] | gsub("-"; "/"))"')
	[ "$(<"$folder/2026/01/01/a%2Fb.json")" = '{"ts":"2026-01-01T00:00:05Z","event_id":"a/b"}' ]
	[ "$(cat "$folder"/undated/web.0.*.json)" = 'no JSON' ]
	rm pos.db
	feed archive j2 '-t web a.ndjson' --each
	[ "$(objects | wc -l)" = 302 ]
}

@test "an object an event is read again, in the order of the keys, as a plain stream" {
	events --count 1500 >a.ndjson
	printf 'no JSON\n{"ts":"2026-01-01T00:00:05Z","event_id":"a/b %%"}\n' >>a.ndjson
	feed archive j '-t web a.ndjson' --each
	feed hta-consume "$place"
	not grep -q 'passed over' <<<"$stderr"
	LC_ALL=C sort "$out" | cmp - <(LC_ALL=C sort a.ndjson)
	[ "$(tail -n 1 "$out")" = 'no JSON' ]
	head -n -1 "$out" | jq -r '"\(.ts[0:10])/\(.event_id | @uri)"' | LC_ALL=C sort -c
	hta-consume "$place" --until 5 | cmp - <(head -n 5 "$out")
	hta-consume "$place/events/undated" | cmp - <(echo 'no JSON')
	hta-consume "$place" | hta-window --dead dead 2>/dev/null | jq -s 'map(.count) | add' | grep -qx 1501
	# no job, no place in it: new ones come anywhere among the others
	fails_with 64 hta-consume --job again "$place"
	says 'an object an event .hta-sink-s3 --each.*not in the order in which they came'
	for from in latest -5; do
		fails_with 64 hta-consume --from $from "$place"
		says 'earliest there'
	done
	# several lines in one, a long one, one that is empty, and strangers
	mkdir "$folder/2026/01/02"
	{ seq 1 5000 | sed 's/.*/{"n":&}/'; head -c 9000000 /dev/zero | tr '\0' x; } >"$folder/2026/01/02/many.json"
	: >"$folder/2026/01/02/empty.json"
	echo stranger >"$folder/2026/01/02/other.txt"
	feed hta-consume --max-line 64M "$place/events/2026/01/02"
	cmp <(cat "$folder/2026/01/02/many.json"; echo) "$out"
	says '2 objects are not of hta-sink-s3, or empty: passed over'
	rm "$folder/2026/01/02/many.json"
	# among objects that have offsets they are passed over, and that is said
	rm -f pos.db
	feed archive j3 '-t web a.ndjson'
	feed hta-consume "$place"
	cmp "$out" a.ndjson
	says '1502 objects of hta-sink-s3 --each are passed over'
}

@test "more objects than a page of a list has, and others among them" {
	events --count 9000 >a.ndjson
	feed archive j '-t web a.ndjson'
	for n in $(seq 1200); do echo "$folder/2025-$n.json" "$folder/2026/01/01/w-$n.ndjson.zst"; done | xargs touch
	feed hta-consume "$place"
	cmp "$out" a.ndjson
}

# ---- what is refused

@test "keys, secrets, buckets, endpoints: one line, and 78 at once" {
	events --count 10 >a.ndjson
	AWS_SECRET_ACCESS_KEY=wrong fails_with 78 archive j a.ndjson
	says 'hta-sink-s3: GET s3://.*: status 403 SignatureDoesNotMatch'
	AWS_ACCESS_KEY_ID=nobody fails_with 78 archive j a.ndjson
	says 'status 40[34] '
	AWS_SECRET_ACCESS_KEY=wrong fails_with 78 hta-consume "$place"
	place=s3://no-such-bucket-$RANDOM/x fails_with 78 archive j a.ndjson
	says 'there is no such bucket'
	AWS_ACCESS_KEY_ID='' fails_with 78 archive j a.ndjson
	says 'AWS_ACCESS_KEY_ID is not set'
	AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' HOME=$PWD fails_with 78 archive j a.ndjson
	says 'no keys: set AWS_ACCESS_KEY_ID'
	not grep -q wrong <<<"$stderr"
	fails_with 78 hta-consume "$place"
	says 'no objects of hta-sink-s3 are there'
	fails_with 64 hta-consume s3://Bad_Name/x
	fails_with 64 hta-consume "$place" a.ndjson
	says 'a file is not for s3://'
	fails_with 64 hta-consume --endpoint localhost:1 "$place"
	fails_with 64 pipe "hta-consume --job j a.ndjson | hta-sink-s3 $place | hta-commit"
	says '--positions'
	fails_with 64 pipe "hta-consume --job j --dead drop a.ndjson | hta-filter --dead drop '., .' | hta-sink-s3 --positions p.db --init $place | hta-commit"
	says 'hta-filter above may make several records of one'
	fails_with 64 hta-sink-s3 --positions p.db "$place" <a.ndjson
	says 'stores no plain stream'
}

@test "over TLS, where bodies are not hashed; a certificate of somebody else is 78" {
	events --count 9000 >a.ndjson
	mkdir -p data/mine meta
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	port=$(svc_free_port)
	spawn tls env ROOT_ACCESS_KEY=hta ROOT_SECRET_KEY=right "$(svc_s3_binary)" --quiet --port "127.0.0.1:$port" \
		--cert "$PWD/cert.pem" --key "$PWD/key.pem" posix --sidecar "$PWD/meta" "$PWD/data"
	export AWS_ENDPOINT_URL=https://127.0.0.1:$port
	wait_until 60 curl -sk -o /dev/null "$AWS_ENDPOINT_URL"
	place=s3://mine/x
	fails_with 78 archive j '-t web a.ndjson'
	says 'SSL certificate problem'
	export AWS_CA_BUNDLE=$PWD/cert.pem
	feed archive j '-t web a.ndjson'
	hta-consume "$place" | cmp - a.ndjson
	AWS_SECRET_ACCESS_KEY=wrong fails_with 78 hta-consume "$place"
}

@test "keys of a file, by profile; of a container; of a machine" {
	events --count 10 >a.ndjson
	mkdir .aws
	printf '[default]\naws_access_key_id = x\naws_secret_access_key = y\n[hta]\naws_access_key_id = hta\naws_secret_access_key = right\n' >.aws/credentials
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	export HOME=$PWD
	AWS_PROFILE=hta feed archive j a.ndjson --folder j
	fails_with 78 archive k a.ndjson
	AWS_PROFILE=none fails_with 78 archive k a.ndjson
	says 'has no keys for AWS_PROFILE none'
	rm .aws/credentials
	mkdir -p www/latest/meta-data/iam/security-credentials
	echo '{"Code":"Success","AccessKeyId":"hta","SecretAccessKey":"right","Expiration":"2199-01-01T00:00:00Z"}' | tee www/keys >www/latest/meta-data/iam/security-credentials/role
	spawn keys python3 -B "$tests/store/s3_keys.py" www
	wait_until 60 test -s keys.out
	AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$(<keys.out)/keys feed archive l a.ndjson --folder l
	AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$(<keys.out) feed archive m a.ndjson --folder m
	AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1 fails_with 78 archive n a.ndjson --folder n
	# a service that is there, and has none to give now; one that has none
	spawn tired python3 -B "$tests/store/s3_keys.py" www 503
	wait_until 60 test -s tired.out
	AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$(<tired.out) fails_with 69 archive o a.ndjson --folder o --retry-for 1s
	says 'status 503'
	# one that has given some, which have expired, and gives none any more
	cp -r www old
	sed -i 's/2199/2020/' old/latest/meta-data/iam/security-credentials/role
	spawn leaving python3 -B "$tests/store/s3_keys.py" old 503 3
	wait_until 60 test -s leaving.out
	AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$(<leaving.out) fails_with 69 archive q a.ndjson --folder q --retry-for 1s
	says 'api/token: status 503'
	rm www/latest/meta-data/iam/security-credentials/role
	AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$(<keys.out) fails_with 78 archive p a.ndjson --folder p
	says 'status 404'
}

@test "a gap and an overlap are 65, named; a gap can be skipped" {
	events --count 20000 >a.ndjson
	feed archive j '-t web a.ndjson'
	mapfile -t object < <(objects)
	mv "${object[2]}" kept
	fails_with 65 hta-consume "$place"
	says "offsets [0-9]+ to [0-9]+ of web/0 are in no object"
	fails_with 65 rows gap.db "$place"
	feed pipe "hta-consume --job skip --on-gap skip $place | hta-sink-sqlite --events --init skip.db | hta-commit"
	sqlite3 skip.db 'SELECT record FROM hta_events' | cmp - <(objects | xargs zstd -dcq)
	mv kept "${object[2]}"
	mkdir -p "$folder/2026/02/02"
	cp "${object[2]}" "$folder/2026/02/02/"
	fails_with 65 hta-consume "$place"
	says 'both begin at offset'
}

@test "another job's objects are not written over; what is lost is told" {
	events --count 6000 >a.ndjson
	feed archive j '-t web a.ndjson'
	fails_with 78 archive other '-t web a.ndjson'
	says 'is there, and was not written by this job'
	content | cmp - a.ndjson
	events --count 6000 --seed 3 >>a.ndjson
	rm "$(objects | tail -n 1)"
	fails_with 78 archive j '-t web a.ndjson'
	says 'has lost what was stored of job j'
}

# ---- what goes wrong on the way

# All that is in the archive is the source's, in its order, once.
check_archive() { # FILE
	objects | awk -F/ '{ print $NF, $0 }' | LC_ALL=C sort | cut -d' ' -f2 | xargs zstd -dcq | cmp - "$1"
	hta-consume "$place" | cmp - "$1"
}

# It has an upload open, or has ended; looked at without a pause, so many times more.
at_work() { # PID TIMES
	local n
	for n in $(seq 400); do
		if gone "$1" || [ "$(uploads)" -gt 0 ]; then
			[ $n -ge "$2" ] && return
		fi
	done
	return 1
}

@test "killed again and again in the midst of its work, each record is there once" {
	events --count 60000 >a.ndjson
	for n in $(seq 12); do
		spawn job bash -c "hta-consume --job j -t web --dead drop --epoch-records 500 a.ndjson | hta-sink-s3 --positions pos.db --init $place | hta-commit"
		wait_until 60 at_work "$pid" $((n % 4))
		kill -KILL -- "-$pid" # fails where it has left by itself
		wait_until 60 gone_all_of "$pid"
	done
	[ "$(objects | wc -l)" -lt 120 ]
	feed archive j '-t web a.ndjson'
	check_archive a.ndjson
}

@test "killed when one of an epoch's two objects was complete, and cut elsewhere then" {
	events --count 900 >a.ndjson
	events --count 900 --seed 2 >b.ndjson
	direct=$AWS_ENDPOINT_URL
	through_proxy 'web.0.00000000000000000000.ndjson.zst?uploadId=' before 1000
	spawn job bash -c "hta-consume --job j --dead drop -t web a.ndjson -t app b.ndjson | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	wait_until 60 test -s "$folder/2026/01/01/app.0.00000000000000000000.ndjson.zst"
	wait_until 60 cut_twice
	kill_all_of "$pid"
	AWS_ENDPOINT_URL=$direct
	[ "$(objects | wc -l)" = 1 ]
	epoch=250 feed archive j '-t web a.ndjson -t app b.ndjson'
	feed hta-consume "$place"
	LC_ALL=C sort "$out" | cmp - <(LC_ALL=C sort a.ndjson b.ndjson)
	[ "$(find "$folder" -name 'app.*' | wc -l)" -ge 3 ]
}
cut_twice() { [ "$(cuts)" -ge 2 ]; }

@test "two pipelines of one job at once: one of them has to leave, and each record is there once" {
	[ -z "${S3_BESIDE:-}" ] || skip "the file system has no attributes for what this server says of an object: two writers would lose it"
	# more than the one gets done before the other has begun
	events --count 150000 >a.ndjson
	for n in 1 2; do
		spawn "job$n" bash -c "set -o pipefail; hta-consume --job j -t web --dead drop --epoch-records 500 a.ndjson | hta-sink-s3 --positions pos.db --init $place | hta-commit"
		pids[n]=$pid
	done
	for n in 1 2; do
		wait_until 60 gone "${pids[n]}"
		code=0
		wait "${pids[n]}" || code=$?
		[[ $code == 0 || $code == 7[56] ]] || { cat "job$n.err"; false; }
		codes+=($code)
	done
	[ "${codes[*]}" != '0 0' ]
	feed archive j '-t web a.ndjson'
	check_archive a.ndjson
}

# A proxy before the server, which cuts the connection at a pattern, so many times.
through_proxy() { # PATTERN before|inside|after TIMES
	spawn proxy python3 -B "$tests/store/s3_proxy.py" "${AWS_ENDPOINT_URL##*:}" "$@"
	wait_until 60 test -s proxy.out
	export AWS_ENDPOINT_URL=http://127.0.0.1:$(head -n 1 proxy.out)
}
cuts() { grep -c cut proxy.out; }

@test "the answer of the last word of an upload is lost, its request too" {
	events --count 30000 >a.ndjson
	for when in after inside before; do
		direct=$AWS_ENDPOINT_URL
		folder=$S3_FOLDER/$BATS_TEST_NUMBER/$when place=s3://$S3_BUCKET/$BATS_TEST_NUMBER
		: >proxy.out
		through_proxy '<CompleteMultipartUpload>' $when 9
		rm -f pos.db
		feed archive j '-t web a.ndjson' --folder $when
		[ "$(cuts)" -ge 8 ]
		export AWS_ENDPOINT_URL=$direct
		place+=/$when
		check_archive a.ndjson
	done
}

# The archive through a server in a mood, and how often it was.
moody() { # MOOD
	spawn moody python3 -B "$tests/store/s3_moody.py" "${AWS_ENDPOINT_URL##*:}" "$1"
	wait_until 60 test -s moody.out
	AWS_ENDPOINT_URL=http://127.0.0.1:$(head -n 1 moody.out) feed archive j '-t web a.ndjson' --folder "$1"
	AWS_ENDPOINT_URL=http://127.0.0.1:$(head -n 1 moody.out) hta-consume "$place/$1" | cmp - a.ndjson
	kill "$pid"
	rm pos.db
}
moods() { grep -c "^$1\$" moody.out; } # MOOD

@test "slow down; another clock; another region; an error behind 200; a token that has expired" {
	events --count 9000 >a.ndjson
	moody slow
	[ "$(moods slow)" -ge 5 ]
	moody skew
	[ "$(moods skew)" = 2 ]
	says "this machine's clock differs from .*'s by (59|60)[0-9] s"
	AWS_REGION=eu-west-9 moody region
	[ "$(moods region)" = 2 ]
	moody late
	[ "$(moods late)" -ge 3 ]
	# keys of the environment are not asked for anew
	spawn token python3 -B "$tests/store/s3_moody.py" "${AWS_ENDPOINT_URL##*:}" token
	wait_until 60 test -s token.out
	AWS_ENDPOINT_URL=http://127.0.0.1:$(head -n 1 token.out) fails_with 78 archive j '-t web a.ndjson'
	says 'ExpiredToken: moody & tired'
}

@test "parts and beginnings of uploads are lost on their way" {
	events --count 30000 >a.ndjson
	direct=$AWS_ENDPOINT_URL
	through_proxy 'partNumber=1' after 5
	feed archive j '-t web a.ndjson'
	[ "$(cuts)" = 5 ]
	AWS_ENDPOINT_URL=$direct check_archive a.ndjson
}

@test "the server goes and comes" {
	own=$BATS_TEST_TMPDIR/own
	svc_start s3 "$own"
	eval "$(svc_env "$own" | grep AWS_)"
	eval "$(svc_s3_place "$own" mine)"
	folder=$S3_FOLDER/events place=s3://$S3_BUCKET
	events --count 600000 >a.ndjson
	spawn job bash -c "hta-consume --job j -t web --dead drop --epoch-records 5000 a.ndjson | hta-sink-s3 --positions pos.db --init $place | hta-commit"
	wait_until 60 test -d "$folder"
	svc_stop s3 "$own" KILL
	not gone "$pid"
	[ "$(objects | wc -l)" -lt 120 ]
	svc_start s3 "$own"
	exits_with 0 60
	check_archive a.ndjson
	svc_stop s3 "$own" KILL
	fails_with 69 hta-consume --retry-for 1s "$place"
	fails_with 69 archive j '-t web a.ndjson' --retry-for 1s
	says 'given up after 1s'
}

@test "while the bucket is away a pipeline of another group goes on, and the archive catches up" {
	with_service kafka
	own=$BATS_TEST_TMPDIR/own
	svc_start s3 "$own"
	eval "$(svc_env "$own" | grep AWS_)"
	eval "$(svc_s3_place "$own" mine)"
	folder=$S3_FOLDER/events place=s3://$S3_BUCKET
	topic_new apart 2
	events --count 5000 >a.ndjson
	produce "$topic" a.ndjson
	archiving="hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.apart.archive --epoch-records 1000 --until end --dead drop |
		hta-sink-s3 --positions pos.db --init $place | hta-commit"
	counting="hta-consume -b $HTA_BROKERS -t $topic -g $HTA_PREFIX.apart.rollups --epoch-records 1000 --until end --dead drop |
		hta-window --by endpoint --dead drop | hta-sink-sqlite --init rollups.db | hta-commit"
	feed pipe "$archiving"
	svc_stop s3 "$own" KILL
	events --count 15000 --seed 2 >b.ndjson
	produce "$topic" b.ndjson
	spawn archive bash -c "set -o pipefail; $archiving"
	wait_until 60 grep -q 'trying again' archive.err
	feed pipe "$counting"
	[ "$(sqlite3 rollups.db 'SELECT sum(count) FROM hta_rollups')" = 20000 ]
	not gone "$pid"
	svc_start s3 "$own"
	exits_with 0 60
	hta-consume "$place" | LC_ALL=C sort | cmp - <(LC_ALL=C sort a.ndjson b.ndjson)
	svc_stop s3 "$own" KILL
}

@test "uploads that nobody ends are ended by --clean, those of today stay" {
	events --count 1000 >a.ndjson
	eval "$(svc_s3_place "$HTA_SERVICES" "${HTA_PREFIX}_clean")"
	place=s3://$S3_BUCKET/x
	through_proxy '<CompleteMultipartUpload>' before 1000
	fails_with 69 archive j '-t web a.ndjson' --retry-for 2s
	export AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$HTA_SERVICES/s3.port")
	rm pos.db
	[ "$(uploads)" -ge 1 ]
	feed archive k '-t app a.ndjson' --clean --folder k
	[ "$(uploads)" -ge 1 ]
	feed archive j '-t web a.ndjson' --clean
	[ "$(uploads)" -ge 1 ]
	find "$S3_FOLDER/.sgwtmp" -exec touch -d '2 days ago' {} +
	feed archive j '-t web a.ndjson' --clean
	[ "$(uploads)" = 0 ]
}

# ---- strangers

# Programs out of PyPI, got once and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests; their folder in $venv.
with_pip() { # NAME PACKAGE...
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests
	venv=$cache/$1
	[ ! -e "$venv/whole" ] || return 0
	python3 -c 'import ensurepip' 2>/dev/null || "$top/tests/packages.sh" python || lack "python3-venv is not to be had: ${*:2} comes by pip"
	mkdir -p "$cache" && rm -rf "$venv" && python3 -m venv "$venv"
	timeout 250 "$venv/bin/pip" -q install --disable-pip-version-check "${@:2}" || lack "${*:2} is not to be had by pip"
	touch "$venv/whole"
}

@test "another server, moto, finds the signatures right, and nothing else" {
	with_pip moto-5.2.5 'moto[s3]==5.2.5' flask flask-cors
	events --count 350000 >a.ndjson
	port=$(svc_free_port)
	spawn moto env INITIAL_NO_AUTH_ACTION_COUNT=3 "$venv/bin/python" -m moto.server -H 127.0.0.1 -p "$port"
	wait_until 60 curl -s -o /dev/null "http://127.0.0.1:$port/moto-api/"
	"$venv/bin/python" -B "$tests/store/s3_moto.py" "http://127.0.0.1:$port" mine >keys
	eval "$(<keys)"
	place='s3://mine/a=b, c+d/~é'
	quoted="'$place'"
	feed pipe "hta-consume --job j -t 'a b/ü' --dead drop --epoch 1h --epoch-records 1e9 a.ndjson | hta-sink-s3 --positions pos.db --init $quoted | hta-commit"
	hta-consume "$place" | cmp - a.ndjson
	AWS_SECRET_ACCESS_KEY=wrong fails_with 78 hta-consume "$place"
	says 'status 403 SignatureDoesNotMatch'
}

@test "examples/parquet.sh makes a Parquet file of a day, from the bucket and from a folder" {
	with_pip duckdb-1.4.4 duckdb-cli==1.4.4 duckdb-ext-httpfs==1.4.4.20260205
	chmod +x "$venv/bin/duckdb"
	HTA_HTTPFS=$(find "$venv" -name httpfs.duckdb_extension)
	export HTA_HTTPFS PATH=$venv/bin:$PATH
	events --count 20000 --start 2026-11-26T23:59:00Z >a.ndjson
	feed archive j '-t web a.ndjson'
	feed "$top/examples/parquet.sh" "$place/events" 2026-11-26 "$place/parquet/dt=2026-11-26/0.parquet"
	file=$S3_FOLDER/$BATS_TEST_NUMBER/parquet/dt=2026-11-26/0.parquet
	want=$(find "$folder/2026/11/26" -type f | xargs zstd -dcq | jq -n '[inputs | .latency_ms] | length, add * 1000 | round' | paste -sd ,)
	[ "$(duckdb -csv -noheader -c "SELECT count(*), round(sum(latency_ms) * 1000)::BIGINT FROM '$file'")" = "$want" ]
	feed "$top/examples/parquet.sh" "$folder" 2026-11-27 27.parquet
	[ "$(duckdb -csv -noheader -c "SELECT count(DISTINCT event_id) FROM read_parquet(['$file', '27.parquet'])")" = 20000 ]
	fails_with 64 "$top/examples/parquet.sh" x
}
