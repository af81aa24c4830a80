# What dlq.bats (tables) and dlq_stores.bats (stores that keep events) share. Both have use STORE, job_of_topic, $store.

dlq() { hta-dlq "$@"; }
places() { dlq ls "$@" --format json | jq -r '"\(.topic // .file)/\(.partition // .line)/\(.offset // 0)"' | sort; }

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
