# The Kafka of kafka.sh with TLS, logins and rights (kafkatls.properties has the listeners). Its certificates are made
# anew where it has none yet, in DIR/kafkatls:
#
#   ca.pem                            signs all of them
#   other.pem                         signs none
#   reader.pem, reader.key            a client's; reader.enc is the key behind the password "key-secret"
#   old-reader.pem, stray-reader.pem  the same key, expired; and signed by other.pem

svc_kafkatls_needs() { svc_kafka_lib >/dev/null; }

svc_kafkatls_authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" \
		-out "$1.pem"
}

svc_kafkatls_request() { # NAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$1.key" -out "$1.csr"
}

svc_kafkatls_sign() { # REQUEST AUTHORITY DAYS CERTIFICATE
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -copy_extensions copyall -days "$3" \
		-out "$4.pem"
}

svc_kafkatls_certify() ( # FOLDER
	set -e
	umask 077
	cd "$1"
	svc_kafkatls_authority ca
	svc_kafkatls_authority other
	svc_kafkatls_request broker
	svc_kafkatls_request reader
	svc_kafkatls_sign broker ca 2 broker
	svc_kafkatls_sign broker ca -1 old-broker
	svc_kafkatls_sign reader ca 2 reader
	svc_kafkatls_sign reader ca -1 old-reader
	svc_kafkatls_sign reader other 2 stray-reader
	openssl pkcs8 -topk8 -in reader.key -passout pass:key-secret -out reader.enc
	cat broker.key broker.pem ca.pem >broker.store
	cat broker.key old-broker.pem ca.pem >old-broker.store
	: >made
)

svc_kafkatls_settings() { # FOLDER
	local admin tls sasl cert expired ctl all
	read -r admin tls sasl cert expired ctl <"$1.port"
	all=ADMIN://127.0.0.1:$admin,TLS://127.0.0.1:$tls,SASL://127.0.0.1:$sasl,CERT://127.0.0.1:$cert,EXPIRED://127.0.0.1:$expired
	cat "$SVC_HOME/services/kafkatls.properties"
	echo "controller.quorum.voters=1@127.0.0.1:$ctl"
	echo "listeners=$all,CONTROLLER://127.0.0.1:$ctl"
	echo "advertised.listeners=$all"
	echo "log.dirs=$1/log"
	echo "ssl.keystore.location=$1/broker.store"
	echo "ssl.truststore.location=$1/ca.pem"
	echo "listener.name.expired.ssl.keystore.location=$1/old-broker.store"
}

svc_kafkatls_format() { # FOLDER
	local hash
	local scram=()
	for hash in 256 512; do scram+=(--add-scram "SCRAM-SHA-$hash=[name=scram-user,password=scram-secret]"); done
	svc_kafka_java kafka.tools.StorageTool format -t htaTestsTlsAAAAAAAAAAA -c "$1/server.properties" "${scram[@]}"
	"${SVC_JAVA[@]}"
}

svc_kafkatls_up() { # DIR
	local folder=$1/kafkatls
	mkdir -p "$folder"
	[ -s "$folder.port" ] || for _ in 1 2 3 4 5 6; do svc_free_port; done | paste -sd' ' >"$folder.port"
	[ -e "$folder/made" ] || svc_kafkatls_certify "$folder" >>"$folder.log" 2>&1 || return
	svc_kafkatls_settings "$folder" >"$folder/server.properties"
	[ -e "$folder/log/meta.properties" ] || svc_kafkatls_format "$folder" >>"$folder.log" 2>&1 || return
	svc_kafka_java kafka.Kafka "$folder/server.properties"
	svc_spawn kafkatls "$1" "${SVC_JAVA[@]}"
	svc_ready kafkatls "$1" svc_kafkatls_answers "$folder"
}

svc_kafkatls_answers() { # FOLDER
	local port said
	read -r port _ <"$1.port"
	said=$(kcat -b "127.0.0.1:$port" -L -m 2) && grep -q "broker 1 at 127.0.0.1:$port" <<<"$said"
}

svc_kafkatls_env() { # DIR
	local admin tls sasl cert expired
	svc_alive kafkatls "$1" || return 0
	read -r admin tls sasl cert expired _ <"$1/kafkatls.port"
	echo "export HTA_TLS_ADMIN=127.0.0.1:$admin HTA_TLS_BROKERS=127.0.0.1:$tls HTA_TLS_SASL=127.0.0.1:$sasl"
	echo "export HTA_TLS_CERT=127.0.0.1:$cert HTA_TLS_EXPIRED=127.0.0.1:$expired HTA_TLS_DIR=$1/kafkatls"
}

# The path of a librdkafka, out of a wheel of PyPI, that logs in by SCRAM at Kafka 4: to be preloaded. It is got once and
# kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests; 69 and the reason in a line where that cannot be.
svc_kafkatls_newer() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests lib tmp wheel=confluent-kafka==2.16.1
	lib=$cache/librdkafka-${wheel##*=}
	if [ ! -d "$lib" ]; then
		mkdir -p "$cache" && tmp=$(mktemp -d "$cache/new.XXXXXX") || return
		if ! { python3 -m venv "$tmp" && "$tmp/bin/pip" -q download --no-deps --only-binary :all: -d "$tmp" "$wheel" &&
			python3 -m zipfile -e "$tmp"/*.whl "$tmp/wheel" && cp "$tmp"/wheel/confluent_kafka.libs/librdkafka-*.so.1 \
			"$tmp/librdkafka.so.1"; } </dev/null >"$tmp/log" 2>&1; then
			svc_say "no newer librdkafka: $wheel cannot be had: $(tail -n 1 "$tmp/log")"
			rm -rf "$tmp"
			return 69
		fi
		rm -rf "$tmp"/*.whl "$tmp/wheel" "$tmp/bin" "$tmp/lib" "$tmp"/lib64 "$tmp/include"
		# who comes second finds the folder there and drops his own
		mv -T "$tmp" "$lib" 2>/dev/null || rm -rf "$tmp"
	fi
	echo "$lib/librdkafka.so.1"
}
