# DynamoDB Local, as tests/services/dynamo.xml pins it, got once with Maven and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests;
# 69 where there is no Java. It listens on all addresses, and checks no signatures (tests/store/dynamo_moody.py does). All it
# knows is in its memory and gone when it is stopped, or, where HTA_DYNAMO_DATA names a folder, in that.

# The folder with its jars. 69 and the reason in a line where that cannot be.
svc_dynamo_lib() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests pom=$SVC_HOME/services/dynamo.xml lib tmp
	command -v java >/dev/null || { svc_say "no DynamoDB: no java, run tests/packages.sh kafka"; return 69; }
	lib=$cache/dynamo-$(cksum <"$pom" | tr -d ' ')
	if [ ! -d "$lib" ]; then
		command -v mvn >/dev/null || { svc_say "no DynamoDB: no mvn, run tests/packages.sh kafka"; return 69; }
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no DynamoDB: no place to keep it in $cache"
			return 69
		fi
		# Java takes the home folder from the account and not from HOME
		if ! mvn -q -B -Duser.home="${HOME:-/tmp}" -f "$pom" dependency:copy-dependencies -DoutputDirectory="$tmp" \
			</dev/null >"$tmp/log" 2>&1; then
			svc_say "no DynamoDB: Maven could not get it: $(grep -m 1 ERROR "$tmp/log" || echo "no reason given")"
			rm -rf "$tmp"
			return 69
		fi
		# who comes second finds the folder there and drops his own
		mv -T "$tmp" "$lib" 2>/dev/null || rm -rf "$tmp"
	fi
	echo "$lib"
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
