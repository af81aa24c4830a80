# Postgres that is set up in another way, busy, closed, read-only or out of reach: what is tried again, what is not, and
# that the session's settings change nothing of what is written and read.
load ../helpers
load ../stream

setup() {
	cd "$BATS_TEST_TMPDIR"
	with_service pg
	psql -Xqc 'drop schema if exists public cascade' -c 'create schema public' 2>/dev/null
}

teardown() {
	kill_spawned
	[ -z "${closed:-}" ] || svc_pg_sql "$HTA_SERVICES" "alter database $closed allow_connections true"
	[ -z "${own:-}" ] || svc_stop pg "$own" KILL
}

ask() { psql -XAtqc "$1"; }

row() { add "${1:-a}" 0 1 1 | sed 's/"op":"add"/"op":"set"/; s/"\(1\)"/\1/g'; } # [DIM]

warned() { grep -qE -e "$1" "$BATS_TEST_TMPDIR/sink.err"; } # REGEX

# Holds a lock on the rollups until `let_go`.
hold() {
	mkfifo "$BATS_TEST_TMPDIR/held"
	exec 7<>"$BATS_TEST_TMPDIR/held"
	PGOPTIONS='' spawn holder psql -Xq <"$BATS_TEST_TMPDIR/held"
	echo 'begin; lock table hta_rollups in access exclusive mode;' >&7
	wait_until 60 eval '[ "$(ask "$held")" = 1 ]'
}
held="select count(*) from pg_locks where relation = 'hta_rollups'::regclass and granted
	and mode = 'AccessExclusiveLock'"
waits="select count(*) from pg_stat_activity where application_name = 'hta-sink-pg'
	and datname = current_database() and wait_event_type = 'Lock'"
end_it="select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hta-sink-pg'
	and datname = current_database()"
let_go() { echo 'commit;' >&7; }

# The account that servers run as gets into this test's folder.
let_in() { chmod go+x . .. ../..; }

# A server that is this test's alone. It ends with the test.
own_server() {
	own=$BATS_TEST_TMPDIR/own
	let_in
	svc_start pg "$own"
	export PGHOST=127.0.0.1 PGDATABASE=postgres PGUSER=hta
	PGPORT=$(<"$own/pg.port")
}

# ---- what is written and read

@test "texts are UTF-8, whatever encoding the environment, the role or the database has" {
	text='{"ts":"2026-11-28T13:00:05Z","k":"é€日"}'
	role=r_${HTA_PREFIX}_latin
	psql -Xqc "create role $role superuser login" -c "alter role $role set client_encoding to 'latin1'"
	psql -Xqc "alter database $PGDATABASE set client_encoding to 'win1252'"
	n=0
	for way in PGCLIENTENCODING=LATIN1 PGCLIENTENCODING=SQL_ASCII PGCLIENTENCODING=NONE_SUCH \
		'PGOPTIONS=-c client_encoding=latin1' "PGUSER=$role" HTA_NOTHING=; do
		n=$((n + 1))
		where='client_encoding=latin1'
		feed env "$way" hta-sink-pg --init --table "t$n" "$where" < <(hta-window --by k <<<"$text")
		[ "$(PGCLIENTENCODING=UTF8 ask "select dims ->> 'k', length(dims ->> 'k') from t$n")" = 'é€日|3' ]
		feed env "$way" hta-query -d "$where" --table "t$n" latest events
		[ "$(jq -r .dims.k "$out")" = 'é€日' ]
	done
	[ $n = 6 ]
	psql -Xqc "alter database $PGDATABASE reset client_encoding"
}

@test "a database that does not have every character is 78 at the start; one of bytes holds them all" {
	bare="template template0 locale_provider libc locale 'C'"
	psql -Xqc "create database ${HTA_PREFIX}_l1 encoding latin1 $bare"
	psql -Xqc "create database ${HTA_PREFIX}_ascii encoding sql_ascii $bare"
	hta-window --by k <<<'{"ts":"2026-11-28T13:00:05Z","k":"é€日"}' >rows
	PGDATABASE=${HTA_PREFIX}_l1 fails_with 78 hta-sink-pg --init <rows
	says "database ${HTA_PREFIX}_l1 has the encoding LATIN1, .* encoding UTF8"
	[ "$(PGDATABASE=${HTA_PREFIX}_l1 ask "select to_regclass('hta_rollups') is null")" = t ]
	PGDATABASE=${HTA_PREFIX}_ascii
	feed hta-sink-pg --init <rows
	feed hta-sink-pg --dry-run <rows
	grep -qx 'new 0, equal 1, different 0' "$out"
	feed hta-query latest events
	cmp rows "$out"
}

@test "settings of the session change nothing that is written or read" {
	hta-gen --count 3000 --step 100ms >events
	odd='-c DateStyle=German,DMY -c IntervalStyle=sql_standard -c TimeZone=Asia/Kathmandu'
	odd+=' -c extra_float_digits=-15 -c bytea_output=escape -c standard_conforming_strings=off'
	odd+=' -c backslash_quote=off -c quote_all_identifiers=on -c array_nulls=off'
	odd+=' -c transform_null_equals=on -c default_transaction_isolation=serializable'
	odd+=' -c synchronous_commit=off -c plpgsql.variable_conflict=use_column'
	as_plain="sed 's/m\(plain\|odd\)/p/; s/,\"open\":true//'"
	for sketch in bytea hll; do
		[ $sketch = bytea ] || psql -Xqc 'create extension hll'
		for way in plain odd; do
			window="hta-window --metric m$way --by region --value latency_ms --uniq user_id --lateness 30s"
			[ $way = plain ] || export PGOPTIONS=$odd
			feed pipe "hta-consume --job $sketch$way events | $window |
				hta-sink-pg --init --table ${sketch}_$way | hta-commit"
			for table in plain $way; do
				feed hta-query --table ${sketch}_$table history m$table
				sed "s/m$table/m/" "$out" >$way.$table
			done
			for again in '' --dry-run; do
				feed pipe "hta-query --table ${sketch}_$way history m$way | $as_plain |
					hta-sink-pg $again --table ${sketch}_$way"
			done
			grep -q '^new 0, equal [1-9][0-9]*, different 0$' "$out"
			unset PGOPTIONS
		done
		cmp plain.plain odd.plain
		cmp plain.plain odd.odd
		[ "$(jq -c 'select(.uniq_sketch)' plain.plain | wc -l)" -gt 10 ]
		type="select format_type(atttypid, null) from pg_attribute where attname = 'uniq_sketch'"
		[ "$(ask "$type and attrelid = '${sketch}_odd'::regclass")" = $sketch ]
	done
	[ "$(ask "select distinct lateness = '30s' from hta_job")" = t ]
	final=$(ask 'select count(*) from bytea_plain_final')
	[ "$(PGOPTIONS=$odd ask 'select count(*) from bytea_odd_final')" = "$final" ]
	[ "$final" -gt 10 ]
}

@test "what the search path names is where the tables are, for the sink and for hta-query" {
	role=r_${HTA_PREFIX}_path
	psql -Xqc "create schema shop" -c "create role $role superuser login" -c "alter role $role set search_path = shop"
	PGUSER=$role feed hta-sink-pg --init < <(row)
	[ "$(ask 'select count(*) from shop.hta_rollups')" = 1 ]
	PGUSER=$role feed hta-query latest m
	[ "$(jq .count "$out")" = 1 ]
	fails_with 78 hta-query latest m
	says 'hta_rollups is missing'
	PGOPTIONS='-c search_path=' fails_with 78 hta-sink-pg --init < <(row)
}

@test "the compare-and-set reads what others have committed, whatever isolation is the default" {
	feed hta-sink-pg --init </dev/null
	psql -Xqc 'create table seen (level text)' -c "create function see() returns trigger language plpgsql as
		'begin insert into seen values (current_setting(''transaction_isolation'')); return new; end'"
	for table in hta_rollups hta_metric hta_job; do
		psql -Xqc "create trigger see before insert on $table for each row execute function see()"
	done
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end; } >stream
	export PGOPTIONS='-c default_transaction_isolation=serializable'
	feed pipe 'cat stream | hta-sink-pg --foreign'
	feed hta-sink-pg < <(metric=plain row)
	unset PGOPTIONS
	[ "$(ask 'select level, count(*) from seen group by 1')" = 'read committed|5' ]
}

# ---- what is tried again

@test "lock and statement timeouts and a killed session are tried again; the lock gone, the rows are there" {
	feed hta-sink-pg --init </dev/null
	hold
	for setting in lock_timeout statement_timeout; do
		job=$setting metric=$setting
		{ hello "$setting 00000000000000aa"; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; end; } >stream.$setting
		PGOPTIONS="-c $setting=200" fails_with 69 pipe "cat stream.$setting | hta-sink-pg --foreign --retry-for 1s"
		says "canceling statement due to ${setting/_/ }; trying again"
		says "canceling statement due to ${setting/_/ }; given up after 1s"
	done
	PGOPTIONS="-c lock_timeout=200" spawn sink bash -c 'cat stream.lock_timeout | hta-sink-pg --foreign'
	wait_until 60 warned 'lock timeout; trying again'
	let_go
	exits_with 0 60
	warned 'back after'
	[ "$(ask 'select metric, count from hta_rollups')" = 'lock_timeout|1' ]

	rm held
	hold
	spawn sink bash -c 'cat stream.statement_timeout | hta-sink-pg --foreign'
	wait_until 60 eval '[ "$(ask "$waits")" = 1 ]'
	ask "$end_it"
	wait_until 60 warned 'terminating connection due to administrator command; trying again'
	let_go
	exits_with 0 60
	[ "$(ask 'select metric, count from hta_rollups order by 1')" = $'lock_timeout|1\nstatement_timeout|1' ]
}

@test "a real server's codes: temporary ones are 69 after --retry-for, settings 78 and a row's 65 at once" {
	feed hta-sink-pg --init </dev/null
	psql -Xqc 'create table fault (code text)' -c "create function fail() returns trigger language plpgsql as
		'begin if exists (select from fault) then raise using message = ''fault'',
		errcode = (select code from fault); end if; return new; end'" \
		-c 'create trigger fail before insert on hta_rollups for each row execute function fail()'
	n=0
	while read -r exit codes; do
		for code in $codes; do
			psql -Xqc 'delete from fault' -c "insert into fault values ('$code')"
			fails_with "$exit" hta-sink-pg --retry-for 50ms < <(row)
			says "fault$([ "$exit" != 69 ] || echo '; given up after 50ms')"
			n=$((n + 1))
		done
	done <<-'END'
		69 08006 08P01 25006 25P03 40001 40P01 53100 53200 55006 55P03 57014 57P01 57P03 58030 XX000
		78 0A000 25P02 28000 3D000 3F000 42501 42P01 55000
		65 22003 23514 P0001
	END
	[ $n = 26 ]
	[ "$(ask 'select count(*) from hta_rollups')" = 0 ]
	psql -Xqc "update fault set code = '40001'"
	spawn sink hta-sink-pg < <(row)
	wait_until 60 warned 'trying again'
	psql -Xqc 'delete from fault'
	exits_with 0 60
	[ "$(ask 'select count(*) from hta_rollups')" = 1 ]
}

@test "logins: too many, a closed database are tried again; a role, a right, a setting that is not there: 78" {
	role=r_${HTA_PREFIX}_role
	feed hta-sink-pg --init </dev/null
	psql -Xqc "create role $role login connection limit 0" -c "grant all on schema public to $role" \
		-c "grant all on all tables in schema public to $role"
	PGUSER=$role spawn sink hta-sink-pg < <(row)
	wait_until 60 warned 'too many connections for role .*; trying again'
	psql -Xqc "alter role $role connection limit -1"
	exits_with 0 60
	[ "$(ask 'select count(*) from hta_rollups')" = 1 ]

	closed=$PGDATABASE
	svc_pg_sql "$HTA_SERVICES" "alter database $closed allow_connections false"
	spawn sink hta-sink-pg < <(row)
	wait_until 60 warned 'not currently accepting connections; trying again'
	fails_with 69 hta-query latest m
	svc_pg_sql "$HTA_SERVICES" "alter database $closed allow_connections true"
	exits_with 0 60

	PGUSER=r_${HTA_PREFIX}_none fails_with 78 hta-sink-pg < <(row)
	psql -Xqc "alter role $role nologin"
	PGUSER=$role fails_with 78 hta-sink-pg < <(row)
	says 'not permitted to log in'
	psql -Xqc "alter role $role login" -c "revoke all on all tables in schema public from $role"
	PGUSER=$role fails_with 78 hta-sink-pg < <(row)
	says 'permission denied'
	PGUSER=hta_pw fails_with 78 hta-sink-pg < <(row)
	says 'no password supplied'
	PGOPTIONS='-c no_such=1' fails_with 78 hta-sink-pg < <(row)
	says 'no_such'
	# a name that looks like a code, of a server that starts
	PGUSER='x:  57P03: y' fails_with 78 hta-sink-pg < <(row)
}

@test "a server that shuts down, a standby, its promotion: tried again, each epoch once" {
	own_server
	feed hta-sink-pg --init </dev/null
	{ hello; probe; init ev/0:0; add a 0 1 1; bar 1 ev/0:0:1; } >first
	{ add a 0 1 1; bar 2 ev/0:1:2; end; } >second
	mkfifo in
	exec 6<>in
	spawn sink bash -c 'exec 6>&-; exec hta-sink-pg --foreign' <in
	sink=$pid
	cat first >&6
	wait_until 60 eval 'grep -q "\"k\":\"bar\"" sink.out'

	# its session gone, the server waits for another one's end and lets nobody in
	mkfifo held
	exec 7<>held
	spawn holder psql -Xq <held
	echo "select 'here';" >&7
	wait_until 60 grep -q here holder.out
	ask "$end_it"
	kill -TERM "$(<"$own/pg.pid")"
	wait_until 60 eval 'psql -Xc "select 1" 2>&1 | grep -q "shutting down"'
	cat second >&6
	wait_until 60 warned 'shutting down|administrator command'
	fails_with 69 hta-query latest m
	says 'shutting down'
	exec 7>&-
	kill -KILL "$pid"
	wait_until 60 gone "$(<"$own/pg.pid")"
	svc_stop pg "$own"

	# as after a failover to a standby that is not promoted yet
	touch "$own/pg/data/standby.signal"
	svc_start pg "$own"
	[ "$(ask 'select pg_is_in_recovery()')" = t ]
	fails_with 69 hta-sink-pg --retry-for 300ms < <(row b)
	says 'read-only transaction; given up'
	feed hta-query latest m
	[ "$(jq .count "$out")" = 1 ]
	not gone "$sink"
	ask 'select pg_promote()'
	exits_with 0 60 "$sink"
	warned 'back after'
	[ "$(ask 'select sum(count) from hta_rollups')" = 2 ]
}

@test "a read-only default of the role, the database or the server is not overruled: tried again, then 69" {
	feed hta-sink-pg --init </dev/null
	feed hta-sink-pg < <(metric=old row)
	export PGOPTIONS='-c default_transaction_read_only=on'
	fails_with 69 hta-sink-pg --retry-for 300ms < <(row)
	says 'read-only transaction; given up'
	feed hta-query metrics
	grep -q '"old"' "$out"
	unset PGOPTIONS
	psql -Xqc "alter database $PGDATABASE set default_transaction_read_only = on"
	spawn sink hta-sink-pg < <(row)
	wait_until 60 warned 'read-only transaction; trying again'
	svc_pg_sql "$HTA_SERVICES" "alter database $PGDATABASE reset default_transaction_read_only"
	exits_with 0 60
	[ "$(ask 'select count(*) from hta_rollups')" = 2 ]
}

# ---- connections

@test "settings that can never work are 78 at once, names that do not resolve are tried again" {
	feed hta-sink-pg --init </dev/null
	n=0
	while read -r where; do
		fails_with 78 hta-sink-pg --retry-for 5s "$where" < <(row)
		fails_with 78 hta-query -d "$where" latest m
		n=$((n + 1))
	done <<-'END'
		no such=thing
		postgres://[::1/x
		service=none_such
		sslmode=bogus
		sslmode=require
		sslmode=verify-full
		channel_binding=require
		ssl_min_protocol_version=TLSv9
		target_session_attrs=bogus
		host=a,b port=1,2,3
		port=99999
		port=abc
		hostaddr=256.0.0.1
		keepalives_idle=x
	END
	[ $n = 14 ]
	for where in host=missing.invalid host=invalid.missing.invalid 'host=missing.invalid port=5432' \
		host=/nowhere 'host=127.0.0.1 port=1' target_session_attrs=standby \
		"port=1,$PGPORT host=127.0.0.1,127.0.0.1 target_session_attrs=standby"; do
		fails_with 69 hta-sink-pg --retry-for 300ms "$where" < <(row)
		says 'trying again'
		fails_with 69 hta-query -d "$where" latest m
	done
	# of two hosts the one that answers decides; in another language too
	two="host=/nowhere,127.0.0.1 port=1,$PGPORT"
	LANGUAGE=de fails_with 78 hta-sink-pg --retry-for 5s "$two user=hta_pw password=wrong" < <(row)
	not grep -q wrong <<<"$stderr"
	feed hta-sink-pg "host=/nowhere,127.0.0.1 port=99999,$PGPORT" < <(row)
}

@test "TLS: a file that is not there is 78, and so is a certificate that is not accepted" {
	own_server
	for name in server other; do
		openssl req -x509 -newkey ed25519 -nodes -days 30 -subj /CN=$name \
			-addext subjectAltName=IP:127.0.0.1 -keyout $name.key -out $name.crt 2>/dev/null
	done
	cp server.key server.crt "$own/pg/data/"
	[ "$(id -u)" != 0 ] || chown --reference="$own/pg/data/PG_VERSION" "$own"/pg/data/server.{key,crt}
	chmod 600 "$own/pg/data/server.key"
	svc_pg_sql "$own" 'alter system set ssl = on'
	svc_stop pg "$own"
	svc_start pg "$own"
	feed hta-sink-pg --init sslmode=require < <(row)
	feed hta-sink-pg "sslmode=verify-full sslrootcert=server.crt" < <(row)
	fails_with 78 hta-sink-pg --retry-for 5s "sslmode=verify-full sslrootcert=none.crt" < <(row)
	says 'none.crt'
	HOME=$BATS_TEST_TMPDIR fails_with 78 hta-sink-pg --retry-for 5s "sslmode=verify-ca" < <(row)
	says 'root.crt'
	fails_with 78 hta-sink-pg --retry-for 5s "sslmode=require sslcert=server.crt sslkey=none.key" < <(row)
	fails_with 78 hta-sink-pg --retry-for 300ms "sslmode=verify-full sslrootcert=other.crt" < <(row)
	says 'certificate verify failed$'
	[ "$(ask 'select count(*) from hta_rollups')" = 1 ]
}

# A pooler of the mode on $pooler.
pool() { # MODE
	pooler=$(svc_free_port)
	mkdir -p pool
	cat >pool/ini <<-END
		[databases]
		* = host=127.0.0.1 port=$PGPORT user=hta
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $pooler
		unix_socket_dir =
		auth_type = any
		pool_mode = $1
		default_pool_size = 1
	END
	let_in
	chmod 755 pool
	spawn pool "${SVC_PG_AS[@]}" pgbouncer "$PWD/pool/ini"
	wait_until 60 eval "psql -XAtc 'select 1' 'host=127.0.0.1 port=$pooler'"
}

@test "behind a pooler of transactions a job is whole, in UTF-8; one of statements is 78 at once" {
	printf '{"ts":"2026-11-28T13:00:0%dZ","k":"é€","u":%d}\n' 1 1 2 2 3 3 >events
	pool transaction
	# the pooler's only session has another encoding from somebody else
	PGCLIENTENCODING=LATIN1 psql -Xqc 'select 1' "host=127.0.0.1 port=$pooler" >/dev/null
	feed pipe "hta-consume --job j events | hta-window --by k --uniq u |
		hta-sink-pg --init 'host=127.0.0.1 port=$pooler' | hta-commit"
	[ "$(ask "select dims ->> 'k', count, uniq from hta_rollups")" = 'é€|3|3' ]
	feed hta-query -d "host=127.0.0.1 port=$pooler" latest events
	[ "$(jq -r .dims.k "$out")" = 'é€' ]
	kill -TERM "$pid"

	pool statement
	fails_with 78 hta-sink-pg --retry-for 5s "host=127.0.0.1 port=$pooler" < <(row)
	says 'a pooler of statements is in between'
	fails_with 78 hta-sink-pg --init --table other "host=127.0.0.1 port=$pooler" </dev/null
	{ hello; probe; init ev/0:0; end; } >stream
	fails_with 78 pipe "cat stream | hta-sink-pg --foreign 'host=127.0.0.1 port=$pooler'"
	fails_with 78 hta-query -d "host=127.0.0.1 port=$pooler" latest events
	says 'a pooler of statements is in between'
}
