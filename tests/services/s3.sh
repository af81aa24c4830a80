# versitygw, an S3 server over a folder, built once as SVC_S3_VERSION pins it and kept in ${XDG_CACHE_HOME:-~/.cache}/hta-tests;
# 69 where there is no Go. It checks signatures. A bucket is a folder of DIR/s3/data.

SVC_S3_VERSION=v1.8.0
SVC_S3_GO=1.25.5	# what it is built with where the Go at hand is older: a module of the Go module proxy, as versitygw is

# A go that can build it, as a command. Go from 1.21 on gets a newer one by itself; an older one has to be told.
svc_s3_go() { # FOLDER
	local minor dir
	minor=$(go version | sed -nE 's/^go version go1\.([0-9]+).*/\1/p')
	if [ "${minor:-0}" -ge 21 ]; then
		echo go
		return
	fi
	echo 'module x' >"$1/go.mod"
	dir=$(cd "$1" && go mod download -json "golang.org/toolchain@v0.0.1-go$SVC_S3_GO.linux-$(go env GOARCH)" |
		sed -nE 's/^\t"Dir": "(.*)",$/\1/p')
	[ -n "$dir" ] || return
	chmod +x "$dir"/bin/* "$dir"/pkg/tool/*/*
	echo "$dir/bin/go"
}

# Its path. 69 and the reason in a line where it cannot be had.
svc_s3_binary() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests dir tmp go
	dir=$cache/versitygw-$SVC_S3_VERSION
	if [ ! -x "$dir/versitygw" ]; then
		if ! command -v go >/dev/null && ! "$SVC_HOME/packages.sh" go >&2; then
			svc_say "no S3 server: there is no go"
			return 69
		fi
		if ! mkdir -p "$cache" || ! tmp=$(mktemp -d "$cache/new.XXXXXX"); then
			svc_say "no S3 server: no place to keep it in $cache"
			return 69
		fi
		export GOPATH=$tmp/path GOCACHE=$tmp/cache GOBIN=$tmp/bin GOFLAGS='-modcacherw -buildvcs=false'
		if ! go=$(svc_s3_go "$tmp" 2>"$tmp/log") ||
			! "$go" install "github.com/versity/versitygw/cmd/versitygw@$SVC_S3_VERSION" >>"$tmp/log" 2>&1; then
			svc_say "no S3 server: Go could not build it: $(tail -n 1 "$tmp/log")"
			rm -rf "$tmp"
			return 69
		fi
		mkdir "$tmp/done" && mv "$tmp/bin/versitygw" "$tmp/done"
		# who comes second finds the folder there and drops his own
		mv -T "$tmp/done" "$dir" 2>/dev/null
		rm -rf "$tmp"
	fi
	echo "$dir/versitygw"
}

svc_s3_needs() { (svc_s3_binary) >/dev/null; }

svc_s3_answers() { # DIR
	curl -s -o /dev/null "http://127.0.0.1:$(<"$1/s3.port")/"
}

# What is said of an object stands with its file, and appears with it, where the file system keeps attributes of users. Else it
# is in files beside: whoever comes between sees an object without, and of two that write one object both may lose theirs.
svc_s3_beside() { # DIR
	: >"$1/s3/attributes"
	! python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.hta", b"x" * 2000)' "$1/s3/attributes" 2>/dev/null
}

svc_s3_up() { # DIR
	local dir=$1 beside=()
	mkdir -p "$dir/s3/data" "$dir/s3/meta"
	! svc_s3_beside "$dir" || beside=(--sidecar "$dir/s3/meta")
	[ -s "$dir/s3.port" ] || svc_free_port >"$dir/s3.port"
	svc_spawn s3 "$dir" env ROOT_ACCESS_KEY=hta ROOT_SECRET_KEY=right "$(svc_s3_binary)" --quiet \
		--port "127.0.0.1:$(<"$dir/s3.port")" posix "${beside[@]}" "$dir/s3/data"
	svc_ready s3 "$dir" svc_s3_answers "$dir"
}

svc_s3_env() { # DIR
	svc_alive s3 "$1" || return 0
	echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$1/s3.port") AWS_ACCESS_KEY_ID=hta AWS_SECRET_ACCESS_KEY=right"
	echo "export AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1"
	! svc_s3_beside "$1" || echo 'export S3_BESIDE=1'
}

# A bucket, and the folder that it is. Names of buckets have no underscores.
svc_s3_place() { # DIR PREFIX
	local bucket=${2//_/-}
	curl -fsS -o /dev/null --aws-sigv4 aws:amz:us-east-1:s3 -u hta:right -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d' ' -f1)" \
		-X PUT "http://127.0.0.1:$(<"$1/s3.port")/$bucket" >&2 || return
	echo "export S3_BUCKET=$bucket S3_FOLDER=$1/s3/data/$bucket"
}
