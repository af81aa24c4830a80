# Postgres 15 with the hll extension. It runs as another account when we are root: DIR must be reachable for it. hta_pw,
# whose password is "right", has to log in with it.

svc_pg_bin() {
	local bin
	for bin in "${HTA_PG_BIN:-}" /usr/lib/postgresql/15/bin; do
		[ ! -x "$bin/initdb" ] || { echo "$bin"; return; }
	done
	svc_say "no PostgreSQL 15: run tests/packages.sh test, or set HTA_PG_BIN to its bin folder"
	return 69
}

# What a command begins with to run as an account that Postgres accepts.
SVC_PG_AS=(env)
if [ "$(id -u)" = 0 ]; then
	svc_account=postgres
	id -u $svc_account >/dev/null 2>&1 || svc_account=nobody
	SVC_PG_AS=(setpriv "--reuid=$svc_account" "--regid=$(id -g $svc_account)" --clear-groups env HOME=/)
fi

# The default collation is a natural language's, as it is at most users': what needs byte order must say so.
svc_pg_init() { # DIR
	local dir=$1 bin
	bin=$(svc_pg_bin) || return
	mkdir -p "$dir/pg"
	[ "$(id -u)" != 0 ] || chown "$svc_account" "$dir/pg"
	"${SVC_PG_AS[@]}" test -w "$dir/pg" || {
		svc_say "$dir/pg is out of reach for the account ${svc_account:-}: choose a folder below /tmp"
		return 1
	}
	(cd "$dir/pg" && "${SVC_PG_AS[@]}" "$bin/initdb" -D "$dir/pg/data" -U hta -A trust --no-sync -E UTF8 \
		--locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US) >>"$dir/pg.log" 2>&1 || return
	"${SVC_PG_AS[@]}" tee -a "$dir/pg/data/postgresql.conf" <"$SVC_HOME/services/postgresql.conf" >/dev/null
	{
		echo "unix_socket_directories = '$dir/pg'"
		[ "${HTA_PG_FSYNC:-off}" = on ] || echo "fsync = off"
	} | "${SVC_PG_AS[@]}" tee -a "$dir/pg/data/postgresql.conf" >/dev/null
	printf '%s\n' 'local all hta_pw scram-sha-256' 'host all hta_pw 127.0.0.1/32 scram-sha-256' \
		'local all all trust' 'host all all 127.0.0.1/32 trust' |
		"${SVC_PG_AS[@]}" tee "$dir/pg/data/pg_hba.conf" >/dev/null
}

# Asked through the socket in DIR: whoever else has the port is not taken for ours.
svc_pg_sql() { # DIR SQL
	PGOPTIONS='' "$(svc_pg_bin)/psql" -X -q -A -t -h "$1/pg" -p "$(<"$1/pg.port")" -U hta -d postgres \
		-v ON_ERROR_STOP=1 -c "$2"
}

svc_pg_up() { # DIR
	local dir=$1 bin
	bin=$(svc_pg_bin) || return
	[ -e "$dir/pg/data/pg_hba.conf" ] || svc_pg_init "$dir" || return
	[ -s "$dir/pg.port" ] || svc_free_port >"$dir/pg.port"
	svc_spawn pg "$dir" "${SVC_PG_AS[@]}" "$bin/postgres" -D "$dir/pg/data" -p "$(<"$dir/pg.port")"
	svc_ready pg "$dir" svc_pg_sql "$dir" 'select 1' || return
	[ -e "$dir/pg/login" ] && return
	svc_pg_sql "$dir" "create role hta_pw superuser login password 'right'" && touch "$dir/pg/login"
}

svc_pg_signal() { echo INT; } # its fast shutdown

svc_pg_env() { # DIR
	! svc_alive pg "$1" || echo "export PGHOST=127.0.0.1 PGPORT=$(<"$1/pg.port") PGUSER=hta PGDATABASE=postgres"
}

# An empty database.
svc_pg_place() { # DIR PREFIX
	svc_pg_sql "$1" "create database $2" && echo "export PGDATABASE=$2"
}
