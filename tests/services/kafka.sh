# A broker: HTA_TEST_BROKERS if that is set, else Apache Kafka as tests/kafka/pom.xml pins it (the jars are kept in
# ${XDG_CACHE_HOME:-~/.cache}/hta-tests); 69 where there is no Java. The second listener wants hta_pw and "right" (SASL PLAIN).

# The folder with Kafka's jars; got once with Maven. 69 and the reason in a line where that cannot be, and at once where
# HTA_NO_KAFKA has a reason already.
svc_kafka_lib() {
	local pom=$SVC_HOME/kafka/pom.xml
	[ -z "${HTA_NO_KAFKA:-}" ] || { svc_say "$HTA_NO_KAFKA"; return 69; }
	svc_from_maven Kafka "kafka-$(cksum <"$pom" | tr -d ' ')" svc_maven_jars "$pom"
}

# Which broker a test would get: given, apache, or mock and why on stderr.
svc_kafka_kind() {
	if [ -n "${HTA_TEST_BROKERS:-}" ]; then
		echo given
	elif svc_kafka_lib >/dev/null; then
		echo apache
	else
		echo mock
	fi
}

svc_kafka_java() { # CLASS ARG...
	SVC_JAVA=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
		-Dorg.slf4j.simpleLogger.showDateTime=true -cp "$(svc_kafka_lib)/*" "$@")
}

# Ports of a node: clients, clients with a password, controllers.
svc_kafka_ports() { # NAME DIR
	[ -s "$2/$1.port" ] || echo "$(svc_free_port) $(svc_free_port) $(svc_free_port)" >"$2/$1.port"
}

# Node ids are drawn, so that a stranger's broker that took our port is not taken for ours.
svc_kafka_ids() { # DIR NAME...
	local dir=$1 base=$((10 * (1 + RANDOM % 3000))) n=0 name
	shift
	for name; do
		n=$((n + 1))
		[ -s "$dir/$name.id" ] || echo $((base + n)) >"$dir/$name.id"
	done
}

svc_kafka_spawn() { # NAME DIR ALL-NODES...
	local name=$1 dir=$2 node client sasl ctl voters=''
	shift 2
	for node; do
		read -r _ _ ctl <"$dir/$node.port"
		voters+=${voters:+,}$(<"$dir/$node.id")@127.0.0.1:$ctl
	done
	read -r client sasl ctl <"$dir/$name.port"
	mkdir -p "$dir/$name"
	{
		cat "$SVC_HOME/services/kafka.properties"
		echo "node.id=$(<"$dir/$name.id")"
		echo "controller.quorum.voters=$voters"
		echo "listeners=PLAINTEXT://127.0.0.1:$client,SASL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$ctl"
		echo "advertised.listeners=PLAINTEXT://127.0.0.1:$client,SASL://127.0.0.1:$sasl"
		echo "log.dirs=$dir/$name/log"
		echo "default.replication.factor=$#"
		echo "offsets.topic.replication.factor=$#"
		echo "transaction.state.log.replication.factor=$#"
		echo "transaction.state.log.min.isr=$((($# + 1) / 2))"
		echo "min.insync.replicas=$((($# + 1) / 2))"
	} >"$dir/$name/server.properties"
	if [ ! -e "$dir/$name/log/meta.properties" ]; then
		svc_kafka_java kafka.tools.StorageTool format -t htaTestsClusterAAAAAAA -c "$dir/$name/server.properties"
		"${SVC_JAVA[@]}" >>"$dir/$name.log" 2>&1 || return
	fi
	svc_kafka_java kafka.Kafka "$dir/$name/server.properties"
	svc_spawn "$name" "$dir" "${SVC_JAVA[@]}"
}

svc_kafka_answers() { # NAME DIR NODES
	local client said
	read -r client _ <"$2/$1.port"
	(: <"/dev/tcp/127.0.0.1/$client") &&
		said=$(kcat -b "127.0.0.1:$client" -L -m 2) &&
		grep -q "broker $(<"$2/$1.id") at" <<<"$said" &&
		[ "$(grep -c '^  broker ' <<<"$said")" -ge "$3" ]
}

svc_kafka_up() { # DIR
	local dir=$1
	svc_kafka_ports kafka "$dir"
	svc_kafka_ids "$dir" kafka
	svc_kafka_spawn kafka "$dir" kafka && svc_ready kafka "$dir" svc_kafka_answers kafka "$dir" 1
}

svc_kafka_needs() { svc_kafka_lib >/dev/null; }

svc_kafka_given() { # DIR
	[ -n "${HTA_TEST_BROKERS:-}" ] && echo "$HTA_TEST_BROKERS" >"$1/kafka.given"
}

svc_kafka_stopped() { rm -f "$1/kafka.given"; } # DIR

svc_kafka_env() { # DIR
	local client sasl
	if [ -s "$1/kafka.given" ]; then
		echo "export HTA_BROKERS=$(<"$1/kafka.given") HTA_BROKER_KIND=given"
	elif svc_alive kafka "$1"; then
		read -r client sasl _ <"$1/kafka.port"
		echo "export HTA_BROKERS=127.0.0.1:$client HTA_BROKERS_SASL=127.0.0.1:$sasl HTA_BROKER_KIND=apache"
	fi
}
