# A registry of schemas: Apicurio, whose /apis/ccompat/v7 is Confluent's interface; all it knows is in its memory. Got once
# with Maven and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests; 69 where there is no Java.

svc_registry_version=3.0.9

# The folder with its jars. 69 and the reason in a line where that cannot be.
svc_registry_lib() { svc_from_maven registry "registry-$svc_registry_version" svc_registry_get; }

svc_registry_get() { # DIR
	svc_maven org.apache.maven.plugins:maven-dependency-plugin:2.8:copy \
		-Dartifact="io.apicurio:apicurio-registry-app:$svc_registry_version:tar.gz:all" -DoutputDirectory="$1" &&
		tar xzf "$1/apicurio-registry-app-$svc_registry_version-all.tar.gz" -C "$1" &&
		rm -f "$1"/*.tar.gz
}

svc_registry_needs() { svc_registry_lib >/dev/null; }

svc_registry_up() { # DIR
	local dir=$1 port lib
	lib=$(svc_registry_lib) || return
	[ -s "$dir/registry.port" ] || svc_free_port >"$dir/registry.port"
	port=$(<"$dir/registry.port")
	mkdir -p "$dir/registry"
	svc_spawn registry "$dir" env QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT="$port" QUARKUS_MANAGEMENT_ENABLED=false \
		java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-jar "$lib/apicurio-registry-app-$svc_registry_version-runner.jar"
	svc_ready registry "$dir" svc_registry_answers "$port"
}

svc_registry_answers() { # PORT
	curl -sf -m 2 "http://127.0.0.1:$1/apis/ccompat/v7/subjects"
}

svc_registry_env() { # DIR
	! svc_alive registry "$1" ||
		echo "export HTA_TEST_REGISTRY=http://127.0.0.1:$(<"$1/registry.port")/apis/ccompat/v7"
}
