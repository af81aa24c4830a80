# A cluster of three nodes, each of them as in kafka.sh: kafka3-1, kafka3-2, kafka3-3 by name, or all by kafka3.

svc_kafka3_parts() { echo kafka3-1 kafka3-2 kafka3-3; }

svc_kafka3_needs() { svc_kafka_needs; }

# All three, or the one that is named: a node that comes back finds the others or waits for them.
svc_kafka3_up() { # DIR NAME
	local dir=$1 which=$2 node nodes=(kafka3-1 kafka3-2 kafka3-3) up=() want=1
	for node in "${nodes[@]}"; do svc_kafka_ports "$node" "$dir"; done
	svc_kafka_ids "$dir" "${nodes[@]}"
	up=("$which")
	[ "$which" != kafka3 ] || { up=("${nodes[@]}"); want=3; }
	for node in "${up[@]}"; do
		svc_alive "$node" "$dir" || svc_kafka_spawn "$node" "$dir" "${nodes[@]}" || return
	done
	for node in "${up[@]}"; do
		svc_ready "$node" "$dir" svc_kafka_answers "$node" "$dir" $want || return
	done
}

svc_kafka3_env() { # DIR
	[ ! -s "$1/kafka3-1.port" ] ||
		echo "export HTA_BROKERS3=$(sed 's/ .*//;s/^/127.0.0.1:/' "$1"/kafka3-?.port | paste -sd,)"
}
