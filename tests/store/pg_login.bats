# Who gets at Postgres, and over what: certificates, passwords, the rules of pg_hba.conf, a role with the least rights, a
# pooler in between. What is refused is 78, in one line, at once.
load ../helpers
load ../certs

setup() { cd "$BATS_TEST_TMPDIR" || return; }

teardown() {
	kill_spawned
	[ -z "${own:-}" ] || svc_stop pg "$own" KILL
}

# A server of this test's own with TLS, its certificate being server.pem; pg_hba.conf is what comes in, then all is trusted.
own_server() {
	own=$BATS_TEST_TMPDIR/own
	chmod go+x . .. ../..
	with_service
	svc_start pg "$own"
	export PGHOST=127.0.0.1 PGDATABASE=postgres PGUSER=hta
	PGPORT=$(<"$own/pg.port")
	export PGPORT
	authority ca
	certificate server ca
	serve_with server
	svc_pg_sql "$own" 'alter system set ssl = on'
	svc_pg_sql "$own" "alter system set ssl_ca_file = 'ca.pem'"
	rules </dev/null
	svc_stop pg "$own"
	svc_start pg "$own"
}

into_data() { # FILE NAME
	"${SVC_PG_AS[@]}" tee "$own/pg/data/$2" <"$1" >/dev/null
	"${SVC_PG_AS[@]}" chmod 600 "$own/pg/data/$2"
}

serve_with() { # CERTIFICATE
	into_data "$1.pem" server.crt
	into_data "$1.key" server.key
	into_data ca.pem ca.pem
}

again() { svc_pg_sql "$own" 'select pg_reload_conf()' >/dev/null; }

# Rules of logins over TCP; the socket is trusted.
rules() {
	{ echo 'local all all trust'; cat; echo 'host all hta 127.0.0.1/32 trust'; } >hba
	into_data hba pg_hba.conf
	again
}

sink() { hta-sink-pg --init --retry-for 300ms "$@" </dev/null; }
enter() { hta-sink-pg --retry-for 300ms "$@" </dev/null; } # a role that does not own the tables

# Leaves at once, with one line: that it tries again would be another. Seconds are for what works beside.
refused() { # CODE COMMAND...
	local from
	from=$(svc_now_ms)
	fails_with "$@"
	[ $(($(svc_now_ms) - from)) -lt 45000 ]
	[ "$(wc -l <<<"$stderr")" = 1 ] || { echo "$stderr"; return 1; }
}

# ---- TLS

@test "pg login: certificates of the server" {
	own_server
	authority stranger
	certificate old ca IP:127.0.0.1 -3 -1
	certificate other ca DNS:other.example
	ca="sslmode=verify-full sslrootcert=ca.pem"
	feed sink "$ca"
	[ -z "$stderr" ]
	feed sink "$ca host=localhost"
	for program in sink 'hta-query metrics -d' 'hta-check --connect -d'; do
		refused 78 $program "sslmode=verify-full sslrootcert=stranger.pem"
		says 'certificate verify failed'
	done
	refused 78 sink "sslmode=verify-ca sslrootcert=stranger.pem"
	refused 78 sink "sslmode=verify-full sslrootcert=none.pem"
	says 'none.pem'
	serve_with old
	again
	wait_until 60 eval 'refused 78 sink "$ca" && says "certificate verify failed"'
	serve_with other
	again
	wait_until 60 eval 'refused 78 sink "$ca" && says "does not match host name"'
	feed sink "sslmode=verify-ca sslrootcert=ca.pem"
	feed sink "sslmode=verify-full sslrootcert=ca.pem host=other.example hostaddr=127.0.0.1"
}

@test "pg login: our certificate, and ways that pg_hba.conf closes" {
	own_server
	authority stranger
	certificate ours ca DNS:ours
	certificate nobody ca DNS:nobody
	certificate theirs stranger DNS:ours
	certificate old ca DNS:ours -3 -1
	feed sink
	svc_pg_sql "$own" 'create role ours login' -c 'grant all on all tables in schema public to ours' >/dev/null
	svc_pg_sql "$own" 'grant all on all tables in schema public to ours'
	rules <<-'END'
		hostssl all ours 127.0.0.1/32 cert
	END
	tls="sslmode=verify-full sslrootcert=ca.pem user=ours"
	feed enter "$tls sslcert=ours.pem sslkey=ours.key"
	refused 78 enter "$tls"
	says 'requires a valid client certificate'
	refused 78 enter "$tls sslcert=nobody.pem sslkey=nobody.key"
	says 'certificate authentication failed for user "ours"'
	for name in theirs old; do
		refused 78 enter "$tls sslcert=$name.pem sslkey=$name.key"
		says 'alert (unknown ca|certificate expired)'
	done
	refused 78 enter "$tls sslcert=ours.pem sslkey=nobody.key"
	chmod 644 ours.key
	refused 78 enter "$tls sslcert=ours.pem sslkey=ours.key"
	says 'ours.key'
	# without TLS there is no rule that lets in; a rule that refuses
	refused 78 enter "user=ours sslmode=disable"
	says 'no pg_hba.conf entry for host "127.0.0.1", user "ours", database "postgres", no encryption'
	rules <<-'END'
		host all ours 127.0.0.1/32 reject
	END
	refused 78 enter "$tls"
	says 'pg_hba.conf rejects connection'
}

@test "pg login: scram bound to the connection, a password out of a file, a wrong one" {
	own_server
	feed sink
	svc_pg_sql "$own" "create role pw login password 'se cret'"
	svc_pg_sql "$own" 'grant all on all tables in schema public to pw'
	rules <<-'END'
		host all pw 127.0.0.1/32 scram-sha-256
	END
	(umask 077 && echo '*:*:*:pw:se cret' >pass && echo '*:*:*:pw:wr0ng' >wrong)
	tls="user=pw sslmode=verify-full sslrootcert=ca.pem channel_binding=require"
	PGPASSFILE=$PWD/pass feed enter "$tls"
	[ -z "$stderr" ]
	PGPASSWORD='se cret' feed enter "$tls"
	PGPASSFILE=$PWD/wrong refused 78 enter "$tls"
	says 'password authentication failed for user "pw"'
	not grep -q wr0ng <<<"$stderr"
	refused 78 enter "$tls"
	says 'no password supplied'
	PGPASSFILE=$PWD/pass refused 78 enter "user=pw sslmode=disable channel_binding=require"
	says 'channel binding'
	chmod 644 pass
	PGPASSFILE=$PWD/pass fails_with 78 enter "$tls"
	says 'permissions should be u=rw'
}

@test "pg login: another machine without TLS is warned of in one line, where nobody has said sslmode" {
	local address
	address=$(hostname -I | tr ' ' '\n' | grep -m 1 '^[0-9.]*$') || skip 'needs an address that is not of the loopback'
	own_server
	svc_pg_sql "$own" "alter system set listen_addresses = '*'"
	svc_pg_sql "$own" 'alter system set ssl = off'
	rules <<<"host all hta $address/32 trust"
	svc_stop pg "$own"
	svc_start pg "$own"
	feed sink "host=$address"
	[ "$(wc -l <<<"$stderr")" = 1 ]
	says "^hta-sink-pg: $address has no TLS: rows and logins can be read on the way; say sslmode=verify-full, or sslmode=disable"
	fails_with 1 hta-query -d "host=$address" metrics
	says 'has no TLS'
	for mode in disable allow; do
		feed sink "host=$address sslmode=$mode"
		[ -z "$stderr" ]
	done
	PGSSLMODE=prefer feed sink "host=$address"
	[ -z "$stderr" ]
	feed sink
	[ -z "$stderr" ]
	svc_pg_sql "$own" 'alter system set ssl = on'
	again
	wait_until 60 eval 'feed sink "host=$address" && [ -z "$stderr" ]'
}

# ---- rights

# The SQL of the manual that makes a role.
grants() { sed -n '/^CREATE ROLE hta /,/^\.Ed/p' "$top/man/hta-sink-pg.1" | grep -v '^\.Ed'; }

job() { # CONNINFO [OPTION...]: of hta-consume
	pipe "hta-consume ${*:2} --job j events 2>/dev/null | hta-window --every 1m --by region --value latency_ms --uniq user_id 2>/dev/null | hta-sink-pg --retry-for 300ms $1 | hta-commit 2>/dev/null"
}

@test "pg login: the rights of the manual are enough, and each that is missing is named at the start" {
	with_service pg
	psql -Xqc 'drop schema if exists public cascade' -c 'create schema public' 2>/dev/null
	{ hta-gen --count 300 --seed 3 && echo broken; } >events
	feed hta-sink-pg --init </dev/null
	role=r_$HTA_PREFIX
	grants | sed "s/\bhta\b/$role/g; s/'SECRET'/'x'/; s/DATABASE rollups/DATABASE $PGDATABASE/" >grants.sql
	grep -q 'GRANT' grants.sql
	psql -Xq -v ON_ERROR_STOP=1 -f grants.sql
	feed job "user=$role"
	[ "$(psql -XAtc 'select sum(count) from hta_rollups')" = 300 ]
	[ "$(psql -XAtc 'select count(*) from hta_dead')" = 1 ]
	hta-window --metric plain events --dead drop >rows
	feed hta-sink-pg --retry-for 300ms "user=$role" <rows
	feed hta-sink-pg --retry-for 300ms --replace "user=$role" <rows
	# each of them, for a job
	n=0
	while read -r right on; do
		psql -Xqc "revoke $right on $on from $role"
		[ "$right" != EXECUTE ] || psql -Xqc "revoke execute on $on from public"
		refused 78 job "user=$role"
		what=${on%%(*}
		says "^hta-sink-pg: role $role (lacks a right: GRANT $right ON \"?$what\"? TO $role|may not use the schema of the tables: GRANT USAGE ON $what TO $role)\$|permission denied for table $what\$"
		psql -Xqc "grant $right on $on to $role"
		n=$((n + 1))
	done <<-END
		USAGE SCHEMA public
		SELECT hta_schema
		SELECT hta_rollups
		INSERT hta_rollups
		UPDATE hta_rollups
		SELECT hta_job
		INSERT hta_job
		UPDATE hta_job
		SELECT hta_pos
		INSERT hta_pos
		UPDATE hta_pos
		SELECT hta_metric
		INSERT hta_metric
		INSERT hta_dead
		SELECT hta_rules
		EXECUTE $(psql -XAtc "select 'FUNCTION ' || oid::regprocedure from pg_proc where proname = 'hta_advance'" | sed 's/FUNCTION //; s/^/FUNCTION /')
	END
	[ $n = 16 ]
	psql -Xqc "revoke connect on database $PGDATABASE from public, $role"
	refused 78 job "user=$role"
	says 'permission denied for database'
	psql -Xqc "grant connect on database $PGDATABASE to public, $role"
	feed job "user=$role"
	psql -Xqc "drop owned by $role" -c "drop role $role"
}

@test "pg login: a table with a retention, by the rights of the manual, and each that is missing" {
	with_service pg
	psql -Xqc 'drop schema if exists public cascade' -c 'create schema public' 2>/dev/null
	role=r_$HTA_PREFIX
	{ grants; sed -n '/^GRANT .* ON hta_retention/,/^\.Ed/p' "$top/man/hta-sink-pg.1" | grep -v '^\.Ed'; } |
		sed "s/\bhta\b/$role/g; s/'SECRET'/'x'/; s/DATABASE rollups/DATABASE $PGDATABASE/" >grants.sql
	[ "$(grep -c 'GRANT.*hta_retention\|GRANT DELETE ON hta_rollups' grants.sql)" = 2 ]
	hta-gen --count 300 --seed 3 --step 1h >events
	for pieces in days rows; do
		[ $pieces = days ] || feed hta-sink-pg --init </dev/null
		feed hta-sink-pg --init --retention 2d </dev/null
		psql -Xq -v ON_ERROR_STOP=1 -f grants.sql
		[ "$(psql -XAtc 'select pieces from hta_retention')" = $pieces ]
		feed job "user=$role" --epoch-records 40
		not says 'not taken out'
		[ "$(psql -XAtc 'select sum(count), bool_and(window_start >= (select purged_before from hta_retention)) from hta_rollups')" = '84|t' ]
		while read -r right on; do
			psql -Xqc "revoke $right on $on from $role"
			refused 78 job "user=$role"
			says "^hta-sink-pg: role $role lacks a right: GRANT $right ON \"?$on\"? TO $role\$"
			psql -Xqc "grant $right on $on to $role"
		done <<-END
			DELETE hta_rollups
			UPDATE hta_retention
		END
		# partitions that this role may not drop: rows go all the same
		if [ $pieces = days ]; then
			feed hta-sink-pg --reset j
			psql -Xqc 'delete from hta_retention' -c 'truncate hta_rollups'
			feed hta-sink-pg --init --retention 2d </dev/null
			psql -Xqc "select hta_days('hta_rollups', 'hta_rollups', array(select '2026-01-01T00:00Z'::timestamptz + i * interval '24h' from generate_series(0, 12) i))"
			[ "$(psql -XAtc "select count(*) from pg_inherits where inhparent = 'hta_rollups'::regclass")" = 14 ]
			feed job "user=$role" --epoch-records 40
			not says 'not taken out'
			[ "$(psql -XAtc 'select sum(count), bool_and(window_start >= (select purged_before from hta_retention)) from hta_rollups')" = '84|t' ]
			[ "$(psql -XAtc "select count(*) from pg_inherits where inhparent = 'hta_rollups'::regclass")" = 14 ]
		fi
		psql -Xqc "drop owned by $role" -c "drop role $role" -c 'drop schema public cascade' -c 'create schema public' 2>/dev/null
	done
}

# ---- a pooler

@test "pg login: through PgBouncer with a transaction each, TLS and scram on the way to it" {
	own_server
	feed sink
	svc_pg_sql "$own" "create role pw login password 'right'"
	svc_pg_sql "$own" 'grant all on all tables in schema public to pw'
	authority stranger
	rules <<-'END'
		host all pw 127.0.0.1/32 scram-sha-256
	END
	pooler=$(svc_free_port)
	mkdir pool
	echo '"pw" "right"' >users
	cat >ini <<-END
		[databases]
		* = host=127.0.0.1 port=$PGPORT
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $pooler
		unix_socket_dir =
		auth_type = scram-sha-256
		auth_file = $PWD/pool/users
		pool_mode = transaction
		default_pool_size = 1
		client_tls_sslmode = require
		client_tls_cert_file = $PWD/pool/server.pem
		client_tls_key_file = $PWD/pool/server.key
		server_tls_sslmode = verify-full
		server_tls_ca_file = $PWD/pool/ca.pem
	END
	[ "$(id -u)" != 0 ] || chown "$svc_account" pool
	for file in users ini server.pem server.key ca.pem; do "${SVC_PG_AS[@]}" tee "pool/$file" <$file >/dev/null; done
	"${SVC_PG_AS[@]}" chmod 600 pool/server.key
	spawn pool "${SVC_PG_AS[@]}" pgbouncer "$PWD/pool/ini"
	export PGPASSWORD=right
	way="host=127.0.0.1 port=$pooler user=pw sslmode=verify-full"
	wait_until 60 psql -XAtc 'select 1' "$way sslrootcert=ca.pem"
	hta-gen --count 300 --seed 3 >events
	feed job "'$way sslrootcert=ca.pem'"
	[ "$(svc_pg_sql "$own" 'select sum(count) from hta_rollups')" = 300 ]
	feed hta-query -d "$way sslrootcert=ca.pem" latest events
	refused 78 enter "$way sslrootcert=stranger.pem"
	says 'certificate verify failed'
	PGPASSWORD=wrong fails_with 78 enter "$way sslrootcert=ca.pem"
	says 'authentication failed'
	fails_with 78 enter "host=127.0.0.1 port=$pooler user=pw sslmode=disable"
	says 'SSL required'
}
