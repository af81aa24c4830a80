# The servers of the tests answer real clients, and each test file has a place of its own in them.
load ../helpers

@test "postgres: a query, in this file's own database" {
	with_service pg
	feed psql -XAtc 'select current_database(), 1 + 1'
	expect <<-END
		$HTA_PREFIX|2
	END
}

@test "postgres: the hll extension counts" {
	with_service pg
	feed psql -XqAt <<-'END'
		create extension hll;
		select #hll_add_agg(hll_hash_integer(i % 100)) between 97 and 103 from generate_series(1, 1000) i;
	END
	expect <<-'END'
		t
	END
}

@test "postgres: a wrong password is refused, the right one is not" {
	with_service pg
	PGUSER=hta_pw PGPASSWORD=wrong fails_with 2 psql -XAtc 'select 1'
	says 'password authentication failed for user "hta_pw"'
	PGUSER=hta_pw PGPASSWORD=right feed psql -XAtc 'select current_user'
	expect <<-'END'
		hta_pw
	END
}

@test "redis: set and get, in a database that is this file's own" {
	with_service redis
	feed redis-cli -u "$REDIS_URL" dbsize
	expect <<-'END'
		0
	END
	feed redis-cli -u "$REDIS_URL" set key value
	feed redis-cli -u "$REDIS_URL" get key
	expect <<-'END'
		value
	END
	[[ $REDIS_URL != */0 ]]
}

@test "redis: appends, never evicts, asks hta_pw for the password" {
	with_service redis
	feed pipe 'redis-cli -u "$REDIS_URL" config get maxmemory-policy; redis-cli -u "$REDIS_URL" config get appendonly'
	expect <<-'END'
		maxmemory-policy
		noeviction
		appendonly
		yes
	END
	feed redis-cli -u "${REDIS_URL/:\/\//:\/\/hta_pw:right@}" ping
	feed redis-cli -u "${REDIS_URL/:\/\//:\/\/hta_pw:wrong@}" ping
	says WRONGPASS
}

@test "kafka: 1000 records over six partitions come back, each once" {
	with_service kafka
	topic_new thousand 6
	seq 1000 >"$BATS_TEST_TMPDIR/sent"
	produce "$topic" "$BATS_TEST_TMPDIR/sent"
	feed pipe "kcat -C -q -e -b $HTA_BROKERS -t $topic | sort -n"
	expect <"$BATS_TEST_TMPDIR/sent"
	[ "$(ends "$topic" | awk '$3 > 0' | wc -l)" = 6 ]
}

@test "kafka: a group's commit is seen" {
	with_service kafka
	topic_new groups 2
	seq 10 | produce "$topic" - -p 1
	feed committed "$HTA_PREFIX.g" "$topic"
	expect <<-'END'
		0 - -
		1 - -
	END
	spawn reader kcat -u -b "$HTA_BROKERS" -X auto.offset.reset=earliest -G "$HTA_PREFIX.g" "$topic"
	seq 10 >"$BATS_TEST_TMPDIR/sent"
	wait_until 60 cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/reader.out"
	kill -TERM "$pid"
	exits_with 0 60
	feed committed "$HTA_PREFIX.g" "$topic"
	expect <<-'END'
		0 - -
		1 10 -
	END
}

@test "kafka: a reader of committed records sees no aborted ones" {
	with_service kafka
	topic_new tx 1
	seq 1 3 | kadm -b "$HTA_BROKERS" txn abort "$topic" 0
	seq 4 6 | kadm -b "$HTA_BROKERS" txn commit "$topic" 0
	feed kcat -C -q -e -b "$HTA_BROKERS" -t "$topic"
	seq 4 6 | expect
	feed ends "$topic"
	expect <<-'END'
		0 0 8
	END
}

@test "kafka: the second listener refuses a wrong password" {
	with_service kafka
	[ -n "${HTA_BROKERS_SASL:-}" ] || skip "HTA_TEST_BROKERS has no listener with a password"
	sasl=(-X security.protocol=SASL_PLAINTEXT -X sasl.mechanisms=PLAIN -X sasl.username=hta_pw)
	feed kcat -b "$HTA_BROKERS_SASL" "${sasl[@]}" -X sasl.password=right -L -m 5
	fails_with 1 kcat -b "$HTA_BROKERS_SASL" "${sasl[@]}" -X sasl.password=wrong -L -m 1
	says 'Authentication failed'
}

@test "broker: whichever it is, records and commits" {
	with_service broker
	topic_new any 3
	seq 100 | produce "$topic" -
	feed pipe "kcat -C -q -e -b $HTA_BROKERS -t $topic | sort -n"
	seq 100 | expect
	kadm -b "$HTA_BROKERS" commit "$HTA_PREFIX.any" "$topic" 2 7 note
	feed committed "$HTA_PREFIX.any" "$topic"
	expect <<-'END'
		0 - -
		1 - -
		2 7 note
	END
}

@test "mock: topics, records, and a group that reads to the end" {
	svc_start mock "$BATS_TEST_TMPDIR/svc"
	unset HTA_TEST_BROKERS
	eval "$(svc_env "$BATS_TEST_TMPDIR/svc")"
	[ "$HTA_BROKER_KIND" = mock ]
	HTA_SERVICES=$BATS_TEST_TMPDIR/svc HTA_PREFIX=m topic_new small 6
	seq 1000 | produce "$topic" -
	feed pipe "kcat -C -q -e -b $HTA_BROKERS -t $topic | sort -n"
	seq 1000 | expect
	svc_stop mock "$BATS_TEST_TMPDIR/svc"
	[ -z "$(svc_env "$BATS_TEST_TMPDIR/svc")" ]
}

@test "two folders live side by side; a killed server comes back with its data and its port" {
	dir=$BATS_TEST_TMPDIR
	for it in a b; do
		svc_start redis "$dir/$it"
		svc_redis_cli "$dir/$it" set who $it
	done
	was=$(<"$dir/a/redis.pid")
	svc_stop redis "$dir/a" KILL
	gone "$was"
	svc_start redis "$dir/a"
	for it in a b; do [ "$(svc_redis_cli "$dir/$it" get who)" = $it ]; done
	svc_stop all "$dir/a"
	svc_stop all "$dir/b"
}

@test "helpers: a wrong answer fails" {
	feed echo right
	run -1 expect <<<wrong
	[[ $output == *"-wrong"*"+right"* ]]
	run -1 fails_with 65 true
	run -1 feed false
	run -1 wait_until 0 false
	fails_with 65 bash -c 'echo reason >&2; exit 65'
	says '^reason$'
	run -1 says other
	not says other
	run -1 not says reason
	run -1 not says '('
	run -1 not grep -q x no-such-file
	run -1 not no-such-program
	feed jq -e .a <<<'{"a":1}'
	fails_with 1 jq -e .a <<<'{"a":false}{"a":1}'
	fails_with 1 jq -e .a </dev/null
}

@test "helpers: what is not to be had is skipped, under CI it fails" {
	without() { printf 'load %s/helpers\n@test "x" { lack "no such thing"; }\n' "$tests" >x.bats; CI=$1 bats --tap x.bats; }
	cd "$BATS_TEST_TMPDIR"
	feed without false
	grep -qx 'ok 1 x # skip no such thing' "$out"
	fails_with 1 without true
	grep -q '^not ok 1 x' "$out"
}

@test "helpers: a spawned pipeline gets INT and TERM as a terminal sends them" {
	for sig in INT TERM; do
		spawn job bash -c "trap 'exit 3' $sig; echo ready; while :; do sleep 0.05; done"
		wait_until 60 grep -q ready "$BATS_TEST_TMPDIR/job.out"
		kill -s $sig -- "-$pid"
		exits_with 3 60
	done
	spawn cat cat <<<"input"
	exits_with 0 60
	expect "$BATS_TEST_TMPDIR/cat.out" <<<input
}

@test "mongo: what it has acknowledged outlives a kill" {
	with_service mongo
	own=$BATS_TEST_TMPDIR/own
	mkdir "$own"
	svc_start mongo "$own"
	svc_mongo_python "$own" d 'db.t.insert_one({"_id": 7})'
	svc_stop mongo "$own" KILL
	svc_start mongo "$own"
	[ "$(svc_mongo_python "$own" d 'print(list(db.t.find()))')" = "[{'_id': 7}]" ]
	svc_stop mongo "$own"
}

@test "clickhouse: its data outlives a kill, a wrong password is refused" {
	with_service clickhouse
	own=$BATS_TEST_TMPDIR/own
	ask() { curl -s -m 20 -H "X-ClickHouse-User: $1" -H "X-ClickHouse-Key: $2" --data-binary "$3" "http://127.0.0.1:$(<"$own/clickhouse.port")/"; }
	mkdir "$own"
	svc_start clickhouse "$own"
	ask default '' 'CREATE TABLE t (n Int8) ENGINE = MergeTree ORDER BY n'
	ask default '' 'INSERT INTO t VALUES (7)'
	svc_stop clickhouse "$own" KILL
	svc_start clickhouse "$own"
	[ "$(ask hta_pw right 'SELECT n FROM t')" = 7 ]
	ask hta_pw wrong 'SELECT 1' | grep -q '^Code: 516\.'
	ask hta_reader right 'INSERT INTO t VALUES (8)' | grep -q '^Code: 164\.'
	svc_stop clickhouse "$own"
}
