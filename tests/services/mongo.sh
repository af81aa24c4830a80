# A server for MongoDB's protocol: FerretDB over SQLite (mongo_server.go), built once as SVC_MONGO_VERSION pins it and kept
# in ${XDG_CACHE_HOME:-~/.cache}/hta-tests; 69 where there is no Go. It asks for no login. What it does not do as MongoDB does:
#
#   an update holds one of a hundred connections to its own store for each of its documents: with too many it hangs for good
#   indexes that are made twice in one request end it; Decimal128 ends the connection
#   of a request it refuses all behind the first document that it does not take: arrays in arrays
#   an upsert takes a millisecond and more

SVC_MONGO_VERSION=v1.24.2

# Its path. 69 and the reason in a line where it cannot be had.
svc_mongo_binary() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests dir tmp go
	dir=$cache/ferretdb-$SVC_MONGO_VERSION
	if [ ! -x "$dir/mongo_server" ]; then
		if ! command -v go >/dev/null && ! "$SVC_HOME/packages.sh" go >&2; then
			svc_say "no server for MongoDB's protocol: there is no go"
			return 69
		fi
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no server for MongoDB's protocol: no place to keep it in $cache"
			return 69
		fi
		mkdir "$tmp/src" "$tmp/done"
		cp "$SVC_HOME/services/mongo_server.go" "$tmp/src/main.go"
		printf 'module mongo_server\n\ngo 1.22\n\nrequire github.com/FerretDB/FerretDB %s\n' "$SVC_MONGO_VERSION" >"$tmp/src/go.mod"
		export GOPATH=$tmp/path GOCACHE=$tmp/cache GOFLAGS='-modcacherw -buildvcs=false -mod=mod'
		if ! go=$(svc_s3_go "$tmp" 2>"$tmp/log") ||
			! (cd "$tmp/src" && "$go" build -o "$tmp/done/mongo_server" .) >>"$tmp/log" 2>&1; then
			svc_say "no server for MongoDB's protocol: Go could not build it: $(tail -n 1 "$tmp/log")"
			rm -rf "$tmp"
			return 69
		fi
		# who comes second finds the folder there and drops his own
		mv -T "$tmp/done" "$dir" 2>/dev/null
		rm -rf "$tmp"
	fi
	echo "$dir/mongo_server"
}

svc_mongo_needs() { (svc_mongo_binary) >/dev/null; }

# Debian's Python has the client, whichever else stands in PATH.
svc_mongo_python() { # DIR DATABASE TEXT: "db" is the database
	/usr/bin/python3 -c '
import sys, pymongo
db = pymongo.MongoClient("127.0.0.1", int(sys.argv[1]), serverSelectionTimeoutMS=5000, socketTimeoutMS=30000)[sys.argv[2]]
exec(sys.argv[3])' "$(<"$1/mongo.port")" "$2" "$3"
}

svc_mongo_answers() { # DIR
	svc_mongo_python "$1" admin 'db.command("ping")'
}

svc_mongo_up() { # DIR
	local dir=$1 program
	program=$(svc_mongo_binary) || return
	[ -s "$dir/mongo.port" ] || svc_free_port >"$dir/mongo.port"
	mkdir -p "$dir/mongo/data"
	svc_spawn mongo "$dir" "$program" "127.0.0.1:$(<"$dir/mongo.port")" "$dir/mongo/data"
	svc_ready mongo "$dir" svc_mongo_answers "$dir"
}

svc_mongo_env() { # DIR
	! svc_alive mongo "$1" || echo "export MONGODB_URI=mongodb://127.0.0.1:$(<"$1/mongo.port")/test"
}

# A database of its own, which is there with its first document.
svc_mongo_place() { # DIR PREFIX
	echo "export MONGODB_URI=mongodb://127.0.0.1:$(<"$1/mongo.port")/$2"
}
