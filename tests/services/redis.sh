# Redis with an append-only file. hta_pw, whose password is "right", has to log in with it.

svc_redis_cli() { redis-cli -h 127.0.0.1 -p "$(<"$1/redis.port")" "${@:2}"; } # DIR ARG...

svc_redis_answers() { # DIR
	svc_redis_cli "$1" info server | tr -d '\r' | grep -qx "process_id:$(<"$1/redis.pid")" &&
		[ "$(svc_redis_cli "$1" ping)" = PONG ]
}

svc_redis_up() { # DIR
	local dir=$1
	local manifest=$dir/redis/appendonlydir/appendonly.aof.manifest
	mkdir -p "$dir/redis"
	[ -s "$dir/redis.port" ] || svc_free_port >"$dir/redis.port"
	# as hta-sink-redis(1) has it: a file whose end was cut is not for Redis to mend
	[ ! -e "$manifest" ] || redis-check-aof --fix "$manifest" <<<y >>"$dir/redis.log" 2>&1 || return
	svc_spawn redis "$dir" redis-server "$SVC_HOME/services/redis.conf" --port "$(<"$dir/redis.port")" --dir "$dir/redis"
	svc_ready redis "$dir" svc_redis_answers "$dir"
}

svc_redis_env() { # DIR
	! svc_alive redis "$1" || echo "export REDIS_URL=redis://127.0.0.1:$(<"$1/redis.port")/0"
}

# An empty number. They are handed out in turn; number 0 stays free for tests that mean to look at the default.
svc_redis_place() { # DIR
	local n
	{
		flock 8
		n=$(($(cat "$1/redis.next" 2>/dev/null || echo 1)))
		echo $((n % 511 + 1)) >"$1/redis.next"
	} 8>"$1/redis.numbers"
	svc_redis_cli "$1" -n $n flushdb >&2 && echo "export REDIS_URL=redis://127.0.0.1:$(<"$1/redis.port")/$n"
}
