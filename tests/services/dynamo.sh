# DynamoDB Local, as tests/services/dynamo.xml pins it, got once with Maven and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests;
# 69 where there is no Java. It listens on all addresses, and checks no signatures (tests/store/dynamo_moody.py does). All it
# knows is in its memory and gone when it is stopped, or, where HTA_DYNAMO_DATA names a folder, in that.

# The folder with its jars. 69 and the reason in a line where that cannot be.
svc_dynamo_lib() {
	local pom=$SVC_HOME/services/dynamo.xml
	svc_from_maven DynamoDB "dynamo-$(cksum <"$pom" | tr -d ' ')" svc_maven_jars "$pom"
}

svc_dynamo_needs() { svc_dynamo_lib >/dev/null; }

# Who asks without a signature is told so.
svc_dynamo_answers() { # PORT
	curl -s -m 2 "http://127.0.0.1:$1/" | grep -q MissingAuthenticationToken
}

svc_dynamo_up() { # DIR
	local dir=$1 port lib data=(-inMemory)
	lib=$(svc_dynamo_lib) || return
	[ -s "$dir/dynamo.port" ] || svc_free_port >"$dir/dynamo.port"
	port=$(<"$dir/dynamo.port")
	mkdir -p "$dir/dynamo"
	[ -z "${HTA_DYNAMO_DATA:-}" ] || data=(-dbPath "$HTA_DYNAMO_DATA")
	svc_spawn dynamo "$dir" java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.library.path="$lib" -cp "$lib/*" \
		com.amazonaws.services.dynamodbv2.local.main.ServerRunner "${data[@]}" -sharedDb -disableTelemetry -port "$port"
	svc_ready dynamo "$dir" svc_dynamo_answers "$port"
}

svc_dynamo_env() { # DIR
	svc_alive dynamo "$1" || return 0
	echo "export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(<"$1/dynamo.port") AWS_ACCESS_KEY_ID=hta AWS_SECRET_ACCESS_KEY=right"
	echo "export AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1"
}
