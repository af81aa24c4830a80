# The mock of tests/mock, a broker without servers: reads "topic NAME PARTITIONS" from its standard input, a fifo that it
# holds open itself.

svc_mock_up() { # DIR
	local dir=$1 program
	program=$(command -v hta-mock-broker) || {
		svc_say "no mock broker: hta-mock-broker is not in PATH, make check builds it"
		return 69
	}
	mkdir -p "$dir/mock"
	[ -p "$dir/mock/in" ] || mkfifo "$dir/mock/in"
	: >"$dir/mock.log"
	# shellcheck disable=SC2016
	svc_spawn mock "$dir" sh -c 'exec "$1" <>in' sh "$program"
	svc_ready mock "$dir" grep -q '^127' "$dir/mock.log" || return
	head -n 1 "$dir/mock.log" >"$dir/mock.port"
}

# A real broker goes before it.
svc_mock_env() { # DIR
	[ -n "$(svc_kafka_env "$1")" ] || ! svc_alive mock "$1" ||
		echo "export HTA_BROKERS=$(<"$1/mock.port") HTA_BROKER_KIND=mock"
}
