# An independent recount: the raw lines of a file, added up by Postgres' own numeric, against what the sinks hold.
# Every rollup is brought to one text a row: start|end|dims|count|value_count|sum|min|max.

# Loads a file of events into the table raw (any text; one line a row).
raw_load() { # FILE
	psql -Xq -v ON_ERROR_STOP=1 <<-END
		drop table if exists raw;
		create table raw (line jsonb);
		\copy raw from '$1' with (format csv, delimiter E'\x01', quote E'\x02')
	END
}

# The recount: by minute, endpoint and status, of latency_ms.
raw_rows() {
	psql -XAtq <<-'END'
		set timezone = 'UTC';
		with e as (select date_trunc('minute', (line->>'ts')::timestamptz) as s, line->'endpoint' as a, line->'status' as b,
			(line->>'latency_ms')::numeric as v from raw)
		select to_char(s, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), a, b, count(*), count(v), trim_scale(sum(v)), trim_scale(min(v)), trim_scale(max(v))
		from e group by s, a, b order by 1, 2, 3
	END
}

pg_rows() { # [TABLE]
	psql -XAtq <<-END
		set timezone = 'UTC';
		select to_char(window_start, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), dims->'endpoint', dims->'status', count, value_count, sum, min, max
		from ${1:-hta_rollups} order by 1, 2, 3
	END
}

sqlite_rows() { # FILE
	sqlite3 "$1" "select window_start, json_quote(json_extract(dims, '\$.endpoint')), json_extract(dims, '\$.status'), count, value_count, sum, min, max
		from hta_rollups order by 1, 2, 3"
}

# Exact numbers of different users by minute, endpoint and status: is every estimate within 3 %, or within 4 (small sets: registers that
# collide)?
pg_estimates_hold() {
	psql -XAtq <<-'END'
		set timezone = 'UTC';
		select bool_and(abs(r.uniq - x.n) * 100.0 / x.n <= 3 or abs(r.uniq - x.n) <= 4)
		from (select date_trunc('minute', (line->>'ts')::timestamptz) as s, line->'endpoint' as a, line->'status' as b,
			count(distinct line->>'user_id') as n from raw group by 1, 2, 3) x
		join hta_rollups r on r.window_start = x.s and r.dims->'endpoint' = x.a and r.dims->'status' = x.b
	END
}

same_rows() { # FILE FILE
	[ -s "$1" ] || { echo "no rows in $1"; return 1; }
	diff <(sort "$1") <(sort "$2") | head -n 20
	cmp -s <(sort "$1") <(sort "$2")
}

# What Redis holds under the prefix, read with its own commands.
redis_hashes() { # LUA-EXPRESSION OVER h
	redis-cli -u "$REDIS_URL" --raw eval "
		local out, cursor, hex = {}, '0', {}
		for i = 0, 255 do hex[string.char(i)] = string.format('%02x', i) end
		repeat
			local r = redis.call('scan', cursor, 'match', '{$HTA_PREFIX}:r:*', 'count', 1000)
			cursor = r[1]
			for _, k in ipairs(r[2]) do
				local flat, h = redis.call('hgetall', k), {}
				for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
				h.key = k
				out[#out + 1] = $1
			end
		until cursor == '0'
		return out" 0
}

redis_rows() {
	redis_hashes "(function() local d = cjson.decode(h.dims)
		return table.concat({h.window_start, '\"' .. d.endpoint .. '\"', string.format('%d', d.status), h.count, h.value_count, h.sum, h.min, h.max}, '|') end)()"
}

# dims_hash|uniq, where the stored number, PFCOUNT of the sketch beside it and each other agree.
redis_uniques() {
	redis_hashes "h.dims_hash .. '|' .. (tonumber(h.uniq) == redis.call('pfcount', (h.key:gsub(':r:', ':u:', 1))) and h.uniq or 'differs')"
}

# Lines "DIMS_HASH redis HEX".
redis_sketches() {
	redis_hashes "h.dims_hash .. ' redis ' .. (redis.call('get', (h.key:gsub(':r:', ':u:', 1))):gsub('.', hex))"
}
