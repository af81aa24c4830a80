# What dlq.bats (tables) and dlq_stores.bats (stores that keep events) share. Both have use STORE, job_of_topic, $store.

dlq() { hta-dlq "$@"; }
places() { dlq ls "$@" --format json | jq -r '"\(.topic // .file)/\(.partition // .line)/\(.offset // 0)"' | sort; }

# Waits until no transaction is open in a topic, and none is committed but for its markers: a broker writes those to the
# partitions when it has answered, and until then a reader of committed records ends before that transaction.
settled() { wait_until 60 ends_for_all "$1" "${2:-$HTA_BROKERS}"; } # TOPIC [BROKERS]
ends_for_all() { [ "$(kadm -b "$2" ends "$1")" = "$(kadm -b "$2" -X isolation.level=read_uncommitted ends "$1")" ]; } # TOPIC BROKERS

# What committed transactions wrote: lines "PARTITION KEY HEADERS VALUE".
log_of() { # TOPIC
	settled "$1" >&2 || return
	kcat -C -b "$HTA_BROKERS" -t "$1" -e -q -X isolation.level=read_committed -f '%p %k %h %s\n'
}

# Wherever it dies, the next call finds out what was sent: all letters are there, each once.
resumed() {
	with_service kafka
	use "$1"
	topic_new "crash$1" 2
	jq -nc 'range(500) | "bad \(.)"' | produce "$topic" -
	feed job_of_topic
	for point in dlq-taken:1 dlq-inside:2 dlq-sent:1; do
		HTA_CRASH=$point fails_with 137 dlq retry -d "$store" -b "$HTA_BROKERS"
	done
	[ "$(dlq ls -d "$store" | jq -c 'select(.in_doubt)' | wc -l)" -gt 0 ]
	feed dlq retry -d "$store" -b "$HTA_BROKERS"
	[ "$(log_of "$topic" | wc -l)" = 1000 ]
	[ "$(log_of "$topic" | grep -c hta.from)" = 500 ]
	[ "$(log_of "$topic" | grep hta.from | sort -u | wc -l)" = 500 ]
	fails_with 1 dlq ls -d "$store"
	[ "$(dlq ls -d "$store" --again | jq -s 'map(.retries) | add')" = 500 ]
}
