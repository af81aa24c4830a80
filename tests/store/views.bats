# Views named as metrics, in Postgres and SQLite: what plain SQL shows is what hta-query shows, of rows, hours and days.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR"; }

use() { # pg|sqlite
	kind=$1
	case $1 in
	pg)
		with_service pg
		psql -Xqc 'drop schema public cascade; create schema public' 2>/dev/null
		sink=hta-sink-pg store="host=$PGHOST"
		;;
	sqlite) sink="hta-sink-sqlite db" store=db ;;
	esac
}

sql() { # STATEMENT: a value a line
	case $kind in
	pg) psql -XAtq -v ON_ERROR_STOP=1 -c "$1" ;;
	sqlite) sqlite3 db "$1" ;;
	esac
}

rows() { # FROM-CLAUSE: objects
	case $kind in
	pg) psql -XAtq -v ON_ERROR_STOP=1 -c "select to_json(v) from (select * from $1) v" ;;
	sqlite) sqlite3 -json db "select * from $1" ;;
	esac
}

equal() { python3 "$tests/store/views.py" "$@"; }
history() { hta-query -d "$store" history --since 2000-01-01 --until 2040-01-01 "$@"; }

job() { # INPUT FLAGS OF THE WINDOW..
	feed pipe "hta-consume --dead drop --job $HTA_JOB $1 | hta-window --dead drop $(printf '%q ' "${@:2}") | $sink --init | hta-commit"
}
HTA_JOB=m

# The last Sundays of March and October 2026, and the days about them; some seconds in which several events share a window.
summer() { python3 "$tests/store/views.py" --events 2026-03-28T19:00:00Z 2026-03-30T03:00:00Z 300 2026-10-24T19:00:00Z 2026-10-26T03:00:00Z 300 >events; }

every_operation=(--metric ev --every 15m --by region,ok --value x --uniq user --agg 'n=count(x)' --agg 'bad=count if .ok == false' --agg 'sum(x)' --agg 'min(x)'
	--agg 'max(x)' --agg 'mean=avg(x)' --agg 'stddev(x)' --agg rate --agg 'r=rate(x)' --agg 'h=histogram(x,-3.5,0,10.25)' --agg 'p99(x)' --agg 'q=quantiles(x,0.05,0.5,0.999)'
	--agg 'uniq(user)' --agg 'uniq_exact(user)' --agg 'max=max(x) if .ok')
no_sql=p99_x,q_p05,q_p50,q_p999,uniq_user,uniq_exact_user,uniq_exact_user_exact,uniq

same_rows() {
	use "$1"
	summer
	job events "${every_operation[@]}"
	rows ev >view
	history ev >query
	equal view query
	[ "$(sql 'select count(distinct window_start) from ev')" -gt 200 ]
	# an older delta of the same windows is merged into them
	{ cat events; sed -n 1,50p events; } >more
	job more "${every_operation[@]}"
	rows ev >view
	history ev >query
	equal view query
	# by dimension, text
	[ "$(sql "select sum(count) from ev where region = 'a' and ok = 'true'")" = "$(jq -r 'select(.region == "a" and .ok) | 1' more | wc -l)" ]
}
@test "views: show what hta-query shows in Postgres" { same_rows pg; }
@test "views: show what hta-query shows in SQLite" { same_rows sqlite; }

steps_in_sqlite() { # ZONE METRIC NULL
	TZ=$1 rows "$2_days" >view
	history "$2" --step day --zone "$1" >query
	equal --null "$3" view query
}

@test "views: hours and days in SQLite are hta-query's" {
	use sqlite
	summer
	job events "${every_operation[@]}"
	rows ev_hours >view
	history ev --step 1h >query
	equal --null $no_sql view query
	for zone in UTC Europe/Berlin America/New_York Asia/Kathmandu; do
		steps_in_sqlite $zone ev $no_sql
	done
	steps_in_sqlite Europe/Berlin ev $no_sql
	[ "$(TZ=Europe/Berlin sql "select sum(count) from ev_days where window_start = '2026-03-28T23:00:00Z' and window_end = '2026-03-29T22:00:00Z'")" = $((23 * 12)) ]
	[ "$(TZ=Europe/Berlin sql "select sum(count) from ev_days where window_start = '2026-10-24T22:00:00Z' and window_end = '2026-10-25T23:00:00Z'")" = $((25 * 12)) ]
}

@test "views: hours, days, weeks and months in Postgres are hta-query's" {
	use pg
	summer
	job events "${every_operation[@]}"
	for step in 1h 1d day week month; do
		for zone in UTC Europe/Berlin Asia/Kathmandu +05:45 -0330 +01; do
			rows "ev_by('$step', '$zone')" >view
			# shellcheck disable=SC2046
			history ev --step $step $(case $step in 1?) ;; *) echo --zone $zone ;; esac) >query
			equal --null $no_sql view query
		done
	done
	[ "$(sql "select sum(count) from ev_by('day', 'Europe/Berlin') where window_start = '2026-03-28T23:00:00Z' and window_end = '2026-03-29T22:00:00Z'")" = $((23 * 12)) ]
	[ "$(sql "select sum(count) from ev_by('day', 'Europe/Berlin') where window_start = '2026-10-24T22:00:00Z' and window_end = '2026-10-25T23:00:00Z'")" = $((25 * 12)) ]
	# steps that a range touches are whole
	rows "ev_by('day', zone => 'Europe/Berlin', since => '2026-03-29T12:00Z', until => '2026-10-25T00:00Z')" >view
	hta-query -d "$store" history ev --step day --zone Europe/Berlin --since 2026-03-29T12:00:00Z --until 2026-10-25T00:00:00Z >query
	equal --null $no_sql view query
	fails_with 3 psql -XAt -v ON_ERROR_STOP=1 <<<"select * from ev_by('days')"
	says 'step days: there are 1h, 1d, day, week and month'
	fails_with 3 psql -XAt -v ON_ERROR_STOP=1 <<<"select * from ev_by('day', 'Mars/Olympus')"
	fails_with 3 psql -XAt -v ON_ERROR_STOP=1 <<<"select * from ev_by('day', null)"
}

# Midnights that come twice, that are skipped, that a clock is set back over, and a day that never was.
midnights() { # MONTHS ABOUT ZONE..
	python3 "$tests/store/views.py" --events "$1" "$2" 900 >events
	HTA_JOB=j$RANDOM$RANDOM
	metric=$(tr 'A-Z/' 'a-z_' <<<"$3")
	job events --metric "$metric" --every 15m --by region --agg 'avg(x)'
	if [ $kind = pg ]; then
		rows "${metric}_by('day', '$3')" >view
		history "$metric" --step day --zone "$3" >query
		equal view query
	else
		TZ=$3 rows "${metric}_days" >view
		history "$metric" --step day --zone "$3" >query
		equal view query
	fi
}
everywhere() {
	use "$1"
	midnights 2025-03-07T00:00:00Z 2025-03-11T00:00:00Z America/Havana
	midnights 2025-10-31T00:00:00Z 2025-11-04T00:00:00Z Cuba
	midnights 2010-11-05T00:00:00Z 2010-11-09T00:00:00Z America/St_Johns
	midnights 2011-12-28T00:00:00Z 2012-01-02T00:00:00Z Pacific/Apia
	midnights 2017-10-13T00:00:00Z 2017-10-17T00:00:00Z America/Sao_Paulo
	midnights 2018-02-16T00:00:00Z 2018-02-20T00:00:00Z Brazil/East
}
@test "views: every kind of midnight in Postgres" { everywhere pg; }
@test "views: every kind of midnight in SQLite" { everywhere sqlite; }

@test "views: windows that do not fit are told, never lost, in Postgres" {
	use pg
	summer
	job events --metric seven --every 7h --metric hour --every 1h --agg 'avg(x)'
	fails_with 3 psql -XAt -v ON_ERROR_STOP=1 <<<"select * from seven_by('1d')"
	says 'windows of 07:00:00 do not fit into the step \(1d\): there is one on both sides of 2026-03-'
	fails_with 3 psql -XAt -v ON_ERROR_STOP=1 <<<"select * from hour_by('day', 'Asia/Kathmandu')"
	says 'windows of 01:00:00 do not fit into the step \(day, Asia/Kathmandu\)'
	rows "hour_by('day', 'Europe/Berlin')" >view
	history hour --step day --zone Europe/Berlin >query
	equal view query
}

@test "views: windows that do not fit are told, never lost, in SQLite" {
	use sqlite
	summer
	job events --metric seven --every 7h --metric hour --every 1h --agg 'avg(x)' --metric half --every 12h
	[ "$(sql "select group_concat(name) from (select name from sqlite_master where type = 'view' and name not like 'hta%' order by 1)")" = half,half_days,hour,hour_days,hour_hours,seven ]
	TZ=Asia/Kathmandu fails_with 1 sqlite3 db 'select sum(count) from hour_days'
	says 'a window lies in two days of this time zone \(TZ\), it starts at 2026-03-'
	TZ=Europe/Berlin rows hour_days >view
	history hour --step day --zone Europe/Berlin >query
	equal view query
	# a plain stream says nothing of its windows: each is looked at
	hta-window --metric plain --every 7h --dead drop events | $sink
	fails_with 1 sqlite3 db 'select sum(count) from plain_hours'
	says 'a window lies in two hours'
}

# Nobody's relation is touched. $1: pg|sqlite
taken() {
	use "$1"
	sql 'create table events (a integer); create view "q" as select 1 as one'
	summer
	job events --metric events --every 15m --metric q --every 15m
	says 'metric events has no view'
	says 'metric q has no view'
	says 'rename that and start once with --init'
	[ "$(sql 'select one from q; select count(*) from events')" = $'1\n0' ]
	# two tables, one name
	sink="$sink --table other"
	HTA_JOB=n
	job events --metric own --every 15m
	job events --metric own --every 15m
	not grep -q view <<<"$stderr"
	sink="${sink% --table other} --table third"
	HTA_JOB=o
	job events --metric own --every 15m
	says 'metric own has no view'
	[ "$(sql 'select count(*) > 0 from own')" = "$([ "$1" = pg ] && echo t || echo 1)" ]
	# what was in the way is gone
	sink="${sink% --table third}"
	HTA_JOB=m
	sql 'drop table events; drop view q'
	job events --metric events --every 15m --metric q --every 15m
	not grep -q view <<<"$stderr"
	rows events >view
	history events >query
	equal view query
}
@test "views: a name that is taken is left alone in Postgres" {
	taken pg
	# a function of that name
	sql "create function fn_by(text) returns int language sql as 'select 7'"
	summer
	HTA_JOB=f
	job events --metric fn --every 15m
	says 'metric fn has no function fn_by'
	[ "$(sql "select fn_by('x')")" = 7 ]
	[ "$(sql "select count(*) > 0 from fn")" = t ]
}
@test "views: a name that is taken is left alone in SQLite" {
	taken sqlite
	# without regard to case
	summer
	HTA_JOB=f
	job events --metric OWN --every 15m
	says 'metric OWN has no view OWN'
}

# Metrics whose names differ in case only, in one job. SQLite has one view for both names, of the metric that came first.
cases() { # pg|sqlite
	use "$1"
	summer
	HTA_JOB=c
	job events --metric Case --every 15m --by region --metric case --every 15m
	history Case >query
	rows '"Case"' >view
	equal view query
	history case >query
	[ "$(jq -s 'map(.count) | add' query)" = "$(wc -l <events)" ]
}
@test "views: names that differ in case only are two in Postgres" {
	cases pg
	rows '"case"' >view
	equal view query
}
@test "views: names that differ in case only are one in SQLite, and that is told" {
	cases sqlite
	for view in case case_hours case_days; do
		says "metric case has no view $view: the name is taken by what this program has not made, or by another metric"
	done
	# the first keeps it, whoever comes next
	HTA_JOB=d
	cp -r events more
	job more --metric CASE --every 15m
	says 'metric CASE has no view CASE'
	[ "$(sql "select group_concat(name) from (select name from sqlite_master where type = 'view' and name like 'case%' order by 1)")" = Case,Case_days,Case_hours ]
	history Case >query
	rows '"case"' >view
	equal view query
}

short() { # pg|sqlite HOURS
	use "$1"
	python3 -c 'for i in range(15000): print("{\"ts\":\"2026-03-28T%02d:59:%02d.%03dZ\",\"x\":%d.5}" % (21 + i // 7500, i // 250 % 30 + 30, i % 250 * 4, i))' >events
	HTA_JOB=s
	job events --metric ev --every 125ms --value x --agg 'avg(x)'
	rows ev >view
	history ev >query
	equal view query
	[ "$(wc -l <query)" = 480 ]
	rows "$2" >view
	history ev --step 1h >query
	equal view query
	[ "$(jq -r '"\(.window_start) \(.count)"' query)" = $'2026-03-28T21:00:00Z 7500\n2026-03-28T22:00:00Z 7500' ]
}
@test "views: windows below a second, and their hours, in Postgres" { short pg "ev_by('1h')"; }
@test "views: windows below a second, and their hours, in SQLite" { short sqlite ev_hours; }

@test "views: a role that may not create has none, and counts" {
	use pg
	summer
	feed $sink --init </dev/null
	sql "drop role if exists clerk; create role clerk login; grant usage on schema public to clerk; grant all on all tables in schema public to clerk"
	feed pipe "hta-consume --dead drop --job m events | hta-window --dead drop --metric a --metric b | PGUSER=clerk $sink -v | hta-commit"
	[ "$(grep -c 'may not create in schema public' <<<"$stderr")" = 1 ]
	[ "$(sql 'select count(*) from pg_views where viewname in ($$a$$, $$b$$)')" = 0 ]
	[ "$(hta-query -d "$store" metrics | wc -l)" = 2 ]
	# who may does it later
	feed $sink --init </dev/null
	rows a >view
	history a >query
	equal view query
	sql 'drop owned by clerk; drop role clerk'
}

resets() {
	use "$1"
	summer
	sql 'create view mine as select 1 as one'
	job events --metric a/b --every 15m --metric "it's" --every 15m
	hta-window --metric plain --every 15m --dead drop events | $sink
	HTA_JOB=other
	job events --metric kept --every 15m
	feed $sink --reset m
	case $1 in
	pg) sql "select viewname from pg_views where schemaname = 'public' order by 1; select proname from pg_proc where pronamespace = 'public'::regnamespace and proname like '%\_by' order by 1" ;;
	sqlite) sql "select name from sqlite_master where type = 'view' order by 1" ;;
	esac | paste -sd' ' >left
	cat left
	[ "$(cat left)" = "$([ "$1" = pg ] && echo hta_final hta_numbers kept mine plain kept_by plain_by || echo hta_final hta_numbers kept kept_days kept_hours mine plain plain_days plain_hours)" ]
}
@test "views: --reset drops those of the job in Postgres" { resets pg; }
@test "views: --reset drops those of the job in SQLite" { resets sqlite; }

@test "views: an older text is made anew by --init, in place" {
	use pg
	summer
	job events "${every_operation[@]}"
	sql "drop role if exists reader; create role reader; grant select on ev to reader; create view on_it as select count from ev"
	sql "do \$x\$ begin execute 'comment on view ev is ' || quote_literal(regexp_replace(obj_description('ev'::regclass), '.{16}$', '0123456789abcdef')); end \$x\$"
	feed $sink --init </dev/null
	[ "$(sql "select obj_description('ev'::regclass) !~ '0123456789abcdef$', has_table_privilege('reader', 'ev', 'select')")" = 't|t' ]
	# other columns
	sql "drop owned by reader; drop role reader; drop view if exists on_it; drop view ev cascade; create view ev as select 1 as one; comment on view ev is 'hta {\"rollups\":\"hta_rollups\",\"metric\":\"ev\",\"view\":\"rows\"} 0123456789abcdef'"
	feed $sink --init </dev/null
	rows ev >view
	history ev >query
	equal view query
	use sqlite
	job events "${every_operation[@]}"
	sql "drop view ev; create view ev as /* hta {\"rollups\":\"hta_rollups\",\"metric\":\"ev\",\"view\":\"rows\"} */ select 1 as one"
	feed $sink --init </dev/null
	rows ev >view
	history ev >query
	equal view query
}

# What hta 0.1.0 has left (tests/store/upgrade.bats).
upgrades() {
	use "$1"
	case $1 in
	pg) psql -XqAt -v ON_ERROR_STOP=1 -f "$BATS_TEST_DIRNAME/upgrade/pg.sql" ;;
	sqlite) sqlite3 db <"$BATS_TEST_DIRNAME/upgrade/sqlite.sql" ;;
	esac
	feed $sink --init </dev/null
	for metric in hits all plain; do
		rows "\"$metric\"" >view
		history $metric >query
		equal view query
	done
	[ "$(sql "select path from plain order by 1 limit 1")" = /a ]
}
@test "views: an older store gets them by --init in Postgres" { upgrades pg; }
@test "views: an older store gets them by --init in SQLite" { upgrades sqlite; }

names() {
	use "$1"
	cat >events <<-'END'
		{"ts":"2026-01-01T00:00:01Z","sum":"x","a b":null,"Count":5,"s":{"t":1.5},"q'":"it's","x":2,"q\"":true,"b\\":"\\"}
		{"ts":"2026-01-01T00:00:02Z","sum":"x","Count":5,"s":{"t":false},"q'":"","x":2.5,"q\"":1,"b\\":"\\"}
	END
	job events --metric 'Say "x"; --' --by 'sum,."a b",Count,s.t,."q'\''",."q\"",."b\\"' --value x --agg 'sum=avg(x)' --agg 'avg=max(x)' --agg 'S=count(x)'
	rows '"Say ""x""; --"' >view
	history 'Say "x"; --' >query
	equal view query
	[ "$(jq -c '[.. | objects | select(.dims_hash) | .["a b", "s.t", "q'\''", "sum_", "avg_", "S"]]' view | head -n 2 | tail -n 1)" != null ]
	[ "$(sql 'select sum_, avg_, "S", "q'\''" from "Say ""x""; --" order by 1')" = $'2.0|2.0|1|it\'s\n2.5|2.5|1|' ] ||
		[ "$(sql 'select sum_, avg_, "S", "q'\''" from "Say ""x""; --" order by 1')" = $'2|2|1|it\'s\n2.5|2.5|1|' ]
}
@test "views: names of every kind in Postgres" { names pg; }
@test "views: names of every kind in SQLite" { names sqlite; }

@test "views: a name that Postgres would cut" {
	use pg
	summer
	long=$(printf 'm%.0s' $(seq 63))
	job events --metric "${long}x" --every 15m --metric "$long" --every 15m --metric hta_x --every 15m
	[ "$(sql "select count(*) from pg_views where viewname like 'm%' or viewname = 'hta_x'")" = 1 ]
	rows "$long" >view
	history "$long" >query
	equal view query
}

@test "views: uniques of days are merged where the extension is there" {
	use pg
	[ -n "$(sql "select 1 from pg_available_extensions where name = 'hll'")" ]
	sql 'create extension hll'
	summer
	job events --metric u --every 15m --by region --uniq user
	sql "select u.uniq - q.n between -1 and 1 from u_by('day', 'Europe/Berlin') u join (select window_start, dims_hash, n from (values ($(history u --step day --zone Europe/Berlin | jq -r "\"'\(.window_start)'::timestamptz,'\(.dims_hash)',\(.uniq)\"" | paste -sd'#' | sed 's/#/),(/g'))) v(window_start, dims_hash, n)) q using (window_start, dims_hash)" | sort | uniq -c >got
	[ "$(awk '{ print $2, ($1 > 9) }' got)" = 't 1' ]
}

# Panes are stored where windows overlap: a metric of panes of five minutes becomes one of windows of 15 minutes each five.
hops() {
	use "$1"
	python3 "$tests/store/views.py" --events 2026-01-01T00:10:00Z 2026-01-01T01:10:00Z 20 | grep -v '"ts":"2026-01-01T00:[34]' >events
	job events --metric hop --every 5m --by region --agg 'avg(x)' --agg 'p50(x)'
	rows hop >panes
	case $1 in
	pg) sql "update hta_metric set definition = definition || '{\"every\":\"15m\",\"slide\":\"5m\"}'" ;;
	sqlite) sql "update hta_metric set definition = json_set(definition, '$.every', '15m', '$.slide', '5m')" ;;
	esac
	feed $sink --init </dev/null
	rows hop >view
	python3 - <<-'END'
		import json
		from datetime import datetime, timedelta
		def read(name):
		    text = open(name).read()
		    rows = json.loads(text) if text.startswith("[") else [json.loads(x) for x in text.splitlines()]
		    for r in rows:
		        r["window_start"], r["window_end"] = (datetime.fromisoformat(r[k].replace("Z", "+00:00")) for k in ("window_start", "window_end"))
		    return rows
		panes, hops = read("panes"), read("view")
		low, high = min(p["window_start"] for p in panes), max(p["window_end"] for p in panes)
		want, at = {}, low
		while at + timedelta(minutes=15) <= high:
		    for p in panes:
		        if at <= p["window_start"] < at + timedelta(minutes=15):
		            want[at, p["region"]] = want.get((at, p["region"]), 0) + p["count"]
		    at += timedelta(minutes=5)
		assert {(h["window_start"], h["region"]): h["count"] for h in hops} == want and len(hops) == len(want) > 20
		assert all(h["window_end"] - h["window_start"] == timedelta(minutes=15) and h["p50_x"] is None and h["avg_x"] for h in hops)
	END
	# steps are made of panes
	case $1 in
	pg) rows "hop_by('1h')" >view ;;
	sqlite) rows hop_hours >view ;;
	esac
	jq -s 'flatten | map(.count) | add' view >got
	[ "$(cat got)" = "$(wc -l <events)" ]
}
@test "views: windows that overlap are added up from panes in Postgres" { hops pg; }
@test "views: windows that overlap are added up from panes in SQLite" { hops sqlite; }

# A setting of the server, or a definition that is damaged, costs the views and nothing else.
@test "views: what cannot be made never stops a job" {
	use pg
	summer
	feed $sink --init </dev/null
	sql "create function no() returns event_trigger language plpgsql as 'begin raise exception \$\$no views here\$\$; end'; create event trigger no on ddl_command_start when tag in ('CREATE VIEW') execute function no()"
	job events --metric ev --every 15m
	says 'metric ev has no view of today: no views here'
	sql 'drop event trigger no; drop function no'
	[ "$(sql 'select sum(count) from hta_rollups')" = "$(wc -l <events)" ]
	use sqlite
	job events --metric ev --every 15m
	sql "update hta_metric set definition = '{\"every\":5,\"by\":[\"..\"]}'"
	feed $sink --init </dev/null
	says 'views of metrics are not made: metric ev: '
}
