# examples/prometheus and examples/grafana: rules by promtool's own tests; every query of dashboard and alerts by a real Prometheus that scrapes
# an intake (TLS, a key), a pipeline's reader and node-exporter's text file.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

examples=$top/examples
check() { /usr/bin/python3 -B "$tests/store/prometheus.py" "$@"; }

@test "promtool: configuration, rules, and the rules' own tests" {
	feed promtool check config "$examples/prometheus/prometheus.yml"
	grep -qE '[12][0-9] rules found' "$out"
	feed promtool check rules "$examples/prometheus/hta.rules.yml"
	feed promtool test rules "$examples/prometheus/hta.test.yml"
	grep -q SUCCESS "$out"
	# it can fail
	mkdir broken
	sed 's/> 0\.01/> 0.03/' "$examples/prometheus/hta.rules.yml" >broken/hta.rules.yml
	cp "$examples/prometheus/hta.test.yml" broken
	fails_with 1 promtool test rules broken/hta.test.yml
}

@test "each alert: severity, tests that fire and do not, a line in hta(7)" {
	check alerts "$top/man/hta.7"
}

@test "the dashboard's form: ids, grid, data sources, no plugins" {
	check form
}

# The examples' ports are the manual's.
@test "provisioning and compose: files that are there, where Grafana looks" {
	for yml in "$examples"/grafana/provisioning/*/*.yml; do python3 -c 'import sys, yaml; assert yaml.safe_load(open(sys.argv[1]))["apiVersion"] == 1' "$yml"; done
	folder=$(sed -n 's/.*options: {path: \(.*\)}/\1/p' "$examples/grafana/provisioning/dashboards/hta.yml")
	grep -qF "./examples/grafana/hta.json:$folder/hta.json" "$top/docker-compose.yml"
	grep -qF './examples/grafana/provisioning:/etc/grafana/provisioning' "$top/docker-compose.yml"
	grep -qF './examples/prometheus:/etc/prometheus' "$top/docker-compose.yml"
	address=$(sed -n 's|.*url: http://||p' "$examples/grafana/provisioning/datasources/prometheus.yml")
	grep -qF -- "--web.listen-address=$address" "$top/docker-compose.yml"
}

listens() { # FILE
	wait_until 60 grep -q 'listens on' "$1"
	sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p;T;q' "$1"
}

start_intake() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout live.key -out live.pem -days 30 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	hta-ingest --new-key web >made
	head -n 1 made >hta.key
	sed -n 's/ write$/ write,metrics/;2p' made >keys
	grep -q metrics keys
	chmod 600 live.key keys
	spawn pipeline bash -c 'set -o pipefail; hta-ingest -v -l 0 --log log --epoch 100ms --cert live.pem --key live.key --keys keys 2>ingest.err |
		hta-window --metric hits --by event_type --time timestamp --value payload.n --lateness 1h | hta-sink-sqlite --init s.db | hta-commit'
	pipeline=$pid
	ingest=$(listens ingest.err)
}

# What there is to see: events, a duplicate, one that is bad, a query.
post() { # BODY CODE [PATH]
	[ "$(curl -sS -o body -w '%{http_code}' --max-time 60 --cacert live.pem -H "Authorization: Bearer $(<hta.key)" -H 'Content-Type: application/json' \
		-d "$1" "https://localhost:$ingest${3:-/events}")" = "$2" ] && return
	cat body
	return 1
}
event() { echo '{"event_id":"'"$1"'","event_type":"click","user_id":"u","timestamp":"'"$(date -u +%FT%TZ)"'","payload":{"n":'"${2:-1}"'}}'; } # ID [N]
traffic() {
	local i
	for i in $(seq 5); do post "$(event "$RANDOM$RANDOM$i")" 202; done
	post "$(event same)" 202
	post '{}' 422
	curl -sS -o /dev/null --max-time 60 "http://localhost:$serve/latest?metric=hits"
	hta-top --metrics >textfile/new && mv textfile/new textfile/hta.prom
}
asked() { traffic && check ask "http://127.0.0.1:$prometheus"; }
# Alerts that wait for their time ("for") are pending.
state() { curl -sS --max-time 60 "http://127.0.0.1:$prometheus/api/v1/alerts" | jq -r '.data.alerts[] | "\(.labels.alertname) \(.state)"' | grep -x "$1 $2"; } # ALERT STATE
firing() { state "$1" firing; } # ALERT
pending() { state "$1" pending; } # ALERT
is() { [ "$(curl -sS --max-time 60 -G --data-urlencode "query=$1" "http://127.0.0.1:$prometheus/api/v1/query" | jq -r '.data.result[0].value[1]')" = "$2" ]; } # QUERY VALUE

@test "a real Prometheus: every query of the dashboard and of the alerts gives data" {
	mkdir textfile data
	start_intake
	post "$(event first)" 202
	wait_until 60 test -s s.db
	spawn serve hta-serve -v -l 0 -d s.db
	serve=$(listens serve.err)
	traffic
	node=$(svc_free_port)
	spawn node prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=textfile --web.listen-address="127.0.0.1:$node"
	check config "localhost:$ingest" "localhost:$serve" "localhost:$node" "$PWD" >prometheus.yml
	prometheus=$(svc_free_port)
	spawn prometheus prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$prometheus"
	wait_until 60 is 'sum(up)' 3
	wait_until 60 asked
	# the text file is taken, with the pipeline's own job
	wait_until 60 is node_textfile_scrape_error 0
	wait_until 60 is "count(hta_pipeline_up{job=\"ingest\",instance=\"localhost:$node\"})" 1

	# the real thing, in small: a value that is no number, a stage that is killed
	post "$(event dead '"x"')" 202
	wait_until 60 firing HtaDeadLetters
	kill -KILL "$(pgrep -g "$pipeline" -x hta-sink-sqlite)"
	wait_until 60 pending HtaPipelineFailed
	wait_until 60 pending HtaServerDown
}
