# ClickHouse 26.9 over HTTP, out of a wheel of PyPI that is got once and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests; 69
# where it cannot be had. hta_pw, whose password is "right", has to log in with it. Its data survives any death.

svc_clickhouse_wheel=chdb-core==26.9.0

# The folder with Python's environment. 69 and the reason in a line where that cannot be.
svc_clickhouse_lib() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests lib tmp
	lib=$cache/clickhouse-${svc_clickhouse_wheel##*=}
	if [ ! -d "$lib" ]; then
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no ClickHouse: no place to keep it in $cache"
			return 69
		fi
		if ! { python3 -m venv "$tmp" && "$tmp/bin/pip" -q install "$svc_clickhouse_wheel" numpy &&
			"$tmp/bin/python" "$SVC_HOME/services/clickhouse_server.py" - 0; } </dev/null >"$tmp/log" 2>&1; then
			svc_say "no ClickHouse: $svc_clickhouse_wheel cannot be had: $(tail -n 1 "$tmp/log")"
			rm -rf "$tmp"
			return 69
		fi
		# who comes second finds the folder there and drops his own
		mv -T "$tmp" "$lib" 2>/dev/null || rm -rf "$tmp"
	fi
	echo "$lib"
}

svc_clickhouse_needs() { svc_clickhouse_lib >/dev/null; }

svc_clickhouse_sql() { # DIR SQL
	curl -sf -m 10 --data-binary "$2" "http://127.0.0.1:$(<"$1/clickhouse.port")/"
}

# Its data lie in our folder: a stranger with our port is not taken for it.
svc_clickhouse_answers() { # DIR
	[ "$(svc_clickhouse_sql "$1" "SELECT path FROM system.disks WHERE name = 'default'")" = "$1/clickhouse/" ]
}

svc_clickhouse_up() { # DIR
	local dir=$1 lib
	lib=$(svc_clickhouse_lib) || return
	[ -s "$dir/clickhouse.port" ] || svc_free_port >"$dir/clickhouse.port"
	mkdir -p "$dir/clickhouse"
	svc_spawn clickhouse "$dir" "$lib/bin/python" "$SVC_HOME/services/clickhouse_server.py" "$dir/clickhouse" \
		"$(<"$dir/clickhouse.port")"
	svc_ready clickhouse "$dir" svc_clickhouse_answers "$dir"
}

svc_clickhouse_env() { # DIR
	! svc_alive clickhouse "$1" || echo "export CLICKHOUSE_URL=clickhouse://127.0.0.1:$(<"$1/clickhouse.port")"
}

# An empty database.
svc_clickhouse_place() { # DIR PREFIX
	svc_clickhouse_sql "$1" "CREATE DATABASE $2" &&
		echo "export CLICKHOUSE_URL=clickhouse://127.0.0.1:$(<"$1/clickhouse.port")/$2"
}
