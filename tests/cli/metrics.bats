# /metrics of hta-ingest and hta-serve: Prometheus' text format and OpenMetrics, read by Prometheus' own parsers.
load ../helpers
load ../serve

metrics() { /usr/bin/python3 -B "$BATS_TEST_DIRNAME/metrics.py" "$@"; } # URL WANTED...

@test "hta-ingest: both formats, with topics and jobs with odd names" {
	intake log
	wait_until 60 curl -sf -o /dev/null "$intake_url/health"
	metrics "$intake_url/metrics" 'hta_build_info{program="hta-ingest"}=1'
	for topic in plain 'a\"b' 'c\\d' 'e\nf' 'größe' '{x=\"y\"} 1'; do
		send "{\"topic\":\"$topic\",\"event_id\":\"1\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"source\":\"web\",\"payload\":{}}"
	done
	send '{"topic":"plain","event_id":"1","timestamp":"2026-01-01T00:00:00Z","source":"web","payload":{}}'
	feed bash -c 'hta-consume --log log --job "größe {x} 1" -e | hta-window --by topic --time timestamp | hta-sink-sqlite --init s.db | hta-commit'
	# which it looks for once a second: no family is to come while they are compared
	knows_job() { curl -sS --max-time 60 "$intake_url/metrics" | grep -q '^hta_log_lag_seconds '; }
	wait_until 60 knows_job
	metrics "$intake_url/metrics" 'hta_ingest_events_total{topic="plain",outcome="duplicate"}=1' 'hta_dedup_ids=6' \
		'hta_ingest_events_total{topic="größe",outcome="accepted"}=1'
}

@test "hta-serve: both formats, with stores, pipelines and clients" {
	rows_in_sqlite
	feed bash -c 'hta-consume --job "ödd {x} 1" events | hta-window --by endpoint | hta-sink-sqlite --init t.db | hta-commit'
	serve -d s.db -d t.db
	wait_until 60 ready
	ask '/latest?metric=hits'
	ask '/latest?metric=nosuch'
	metrics "$url/metrics" 'hta_store_up{store="SQLite 2"}=1' 'hta_http_requests_total{route="/latest",code="404"}=1' \
		'hta_stage_records_in_total{job="ödd {x} 1",program="hta-window"}=2400' 'hta_query_cache_total{result="run"}=3'
	end
}
