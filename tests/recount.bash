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

# Exact numbers of different users by minute, endpoint and status, and the estimates beside them: how far off is the worst, in percent?
pg_worst_estimate() {
	psql -XAtq <<-'END'
		set timezone = 'UTC';
		select max(abs(r.uniq - x.n) * 100.0 / x.n) <= 3 or max(abs(r.uniq - x.n)) <= 3
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
