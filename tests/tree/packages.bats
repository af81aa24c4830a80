# What is handed out: the tarball, Debian's packages, what they leave on a host, and the image that is made of them.
# The packages are built once, by the first test that wants them.
load ../helpers
# shellcheck source=tests/root.bash
source "$tests/root.bash"

export BATS_TEST_TIMEOUT=900	# the first test builds the packages
unset SOURCE_DATE_EPOCH

packaging=$top/examples/packaging
debs=$BATS_FILE_TMPDIR/debs
tarball=$BATS_FILE_TMPDIR/hta.tar.xz

times() { tar --utc --full-time -tvf "$1" | awk '{ print $4, $5 }' | sort -u; } # TARBALL

# As `make deb` does it, but unoptimised: that halves the time, and nothing here asks for speed.
build_debs() {
	local env=(DEB_BUILD_OPTIONS='nocheck noautodbgsym noopt' DEB_CFLAGS_APPEND=-g0)
	rm -f "$HTA_BUILD_DIR"/hta-*.tar.xz
	env "${env[@]}" make -s -C "$HTA_BUILD_DIR" deb >"$BATS_FILE_TMPDIR/built" && mkdir "$debs" &&
		xargs mv -t "$debs" <"$BATS_FILE_TMPDIR/built" && mv "$HTA_BUILD_DIR"/hta-*.tar.xz "$tarball"
}

setup() {
	"$tests/packages.sh" build deb || lack "packages are not to be had: tests/packages.sh build deb"
}

# A clean root in $root, made by the first who asks for it.
clean_root() { # NAME
	local why
	why=$(root_lacks zstd)
	[ -z "$why" ] || skip "no clean root: $why"
	root=$BATS_FILE_TMPDIR/$1
	[ ! -d "$root/debs" ] || return 0
	root_unpack "$root" >"$out" 2>&1 || skip "no clean root: $(tail -n 1 "$out")"
	cp -R "$debs" "$root/debs"
}

# One in which systemd is installed; two tests share it, in their order.
clean_host() {
	clean_root host
	[ -x "$root/bin/systemctl" ] || feed root_install "$root" systemd
}

in_root() { root_run "$root" / "$@"; }
install_debs() { # PACKAGE...
	local name files=()
	for name in "$@"; do files+=("/debs/$(basename "$debs/$name"_*.deb)"); done
	feed root_install "$root" "${files[@]}"
}
names() { basename -a "$debs"/*.deb | sed 's/_.*//'; }
field() { dpkg-deb -f "$debs/$1"_*.deb "$2"; } # PACKAGE FIELD
list() { dpkg-deb -c "$debs/$1"_*.deb | awk '{ print $6 }'; } # PACKAGE

# All paths of the root, without what dpkg, apt, ldconfig and the kernel keep for themselves.
paths() {
	find "$root" -xdev -path "$root/debs" -prune -o -printf '/%P\n' |
		grep -vE '^/(var/(lib/(dpkg|apt|systemd)|cache|log)|proc|run/(lock|systemd)|tmp)(/|$)|^/etc/(passwd|group|g?shadow|sub[ug]id)-$|\.pwd\.lock$' | sort
	cat "$root/etc/passwd" "$root/etc/group"
}

# ---- the tarball ----

@test "dist: the tarball makes itself again, byte by byte, elsewhere and under another umask" {
	once build_debs
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	cd "$BATS_TEST_TMPDIR/elsewhere"
	(umask 077 && tar --no-same-permissions -xf "$tarball")
	cd hta-*
	feed ./configure -q
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C make -s dist)
	cmp "$tarball" hta-*.tar.xz
	# the time of what is packed is that of the commit, where there is one
	[ "$(times "$tarball" | wc -l)" = 1 ]
	src=$(cd "$HTA_BUILD_DIR" && cd "$(sed -n 's/^srcdir = //p' Makefile)" && pwd)
	if [ -e "$src/.git" ] && git -C "$src" log -1; then
		[ "$(times "$tarball")" = "$(TZ=UTC0 git -C "$src" log -1 --date=format-local:'%F %T' --format=%cd)" ]
	fi
}

@test "dist: has every source there is" {
	once build_debs
	tar -tf "$tarball" | sed -n 's|^[^/]*/||; /[^/]$/p' | sort >"$BATS_TEST_TMPDIR/has"
	cd "$top"
	find bin examples lib man -type f ! -name '*.[oa]' ! -name '*.gc*' ! -name '*.inc' ! -name .dirstamp ! -path '*/.deps/*' | sort |
		comm -13 "$BATS_TEST_TMPDIR/has" - >"$out"
	expect </dev/null
}

# ---- the packages as such ----

@test "deb: lintian has nothing against them" {
	once build_debs
	# that one asks for the bug that a package new to Debian closes
	feed lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$debs"/*.deb
	expect </dev/null
}

@test "deb: a package each driver, librdkafka for Kafka's alone" {
	once build_debs
	[ "$(for name in $(names); do field "$name" Depends | sed -n "/librdkafka/s/.*/$name/p"; done)" = hta-kafka ]
	not grep -q 'usr/bin/hta-sink-' <(list hta)
	# whichever brings a sink is of hta-all, and has all that belongs to it
	for name in $(names | grep -vx 'hta\|hta-all'); do
		[[ $(field hta-all Depends) == *"$name (= "* ]]
		sink=$(list "$name" | sed -n 's|^\./usr/bin/\(hta-sink-.*\)|\1|p')
		[ -n "$sink" ]
		for path in "man/man1/$sink.1.gz" "bash-completion/completions/$sink" "zsh/vendor-completions/_$sink" \
			"fish/vendor_completions.d/$sink.fish"; do
			list "$name" | grep -qx "./usr/share/$path"
		done
	done
	# one list of what a build needs: a compiler and make are understood, autoconf comes with debhelper
	sed -n '/^Build-Depends:/,/^[A-Z].*-Root/{ s/^ \(lib.*\|pkg.*\|zlib.*\),$/\1/p }' "$packaging/debian/control" | sort >"$BATS_TEST_TMPDIR/control"
	(eval "$(sed -n '/^build="/,/"$/p' "$tests/packages.sh")" && tr -s ' \t\n' '\n' <<<"$build") |
		grep -vxE 'autoconf|automake|gcc|libc6-dev|make|' | sort | diff - "$BATS_TEST_TMPDIR/control"
}

@test "deb: another version than the changelog's is refused, a missing tool told" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p hta-9.9.9/examples
	cp -R "$packaging" hta-9.9.9/examples
	tar -cJf hta-9.9.9.tar.xz hta-9.9.9
	fails_with 65 "$packaging/deb.sh" hta-9.9.9.tar.xz .
	says 'changelog is .*, the tarball is hta-9\.9\.9: add an entry'
	fails_with 69 env PATH=/nowhere /bin/sh "$packaging/deb.sh" hta-9.9.9.tar.xz .
	says 'no dpkg-buildpackage here'
	fails_with 64 "$packaging/deb.sh"
	[ -z "$(compgen -G "${TMPDIR:-/tmp}/hta-deb.*")" ]
}

# ---- on a host ----

@test "deb: installed on a clean host, used, and purged without a trace" {
	once build_debs
	clean_host
	paths >"$BATS_TEST_TMPDIR/before"
	install_debs hta hta-sqlite

	# a job over a file, by the user and in the place that are there for it
	grep -q '^hta:x:[0-9]*:[0-9]*:hta pipelines:/var/lib/hta:/usr/sbin/nologin$' "$root/etc/passwd"
	[ "$(in_root stat -c '%U %a' /var/lib/hta /run/hta | paste -sd' ')" = 'hta 750 hta 755' ]
	feed in_root setpriv --reuid hta --regid hta --clear-groups bash -c 'set -o pipefail; cd /var/lib/hta && hta-gen --count 1000 >e.ndjson &&
		hta-consume --job j e.ndjson | hta-window | hta-sink-sqlite --init r.db | hta-commit &&
		hta-window e.ndjson >/dev/null && hta-query -d r.db history events --since 2026-01-01 --format json && rm e.ndjson r.db* && rm -rf /tmp/hta-*'
	[ "$(jq -s 'map(.count) | add' "$out")" = 1000 ]
	feed in_root bash -c '. /usr/share/bash-completion/completions/hta-window && complete -p hta-window'
	[ -s "$root/usr/share/fish/vendor_completions.d/hta-window.fish" ]
	[ -s "$root/usr/share/zsh/vendor-completions/_hta-window" ]
	feed zsh -c 'print -l $fpath'
	grep -qx /usr/share/zsh/vendor-completions "$out"
	for page in hta-window hta-consume hta hta-protocol; do feed mman -M "$root/usr/share/man" -w $page; done

	# without Kafka, with it, and without it again
	[ -z "$(find "$root" -name 'librdkafka.so*')" ]
	fails_with 78 in_root hta-consume -b broker:9092 -t events -g g
	says 'apt-get install hta-kafka'
	install_debs hta-kafka
	feed in_root hta-consume -X list
	grep -q bootstrap.servers "$out"
	for name in check consume dlq query; do [ "$(in_root readlink -f /usr/bin/hta-$name)" = /usr/lib/hta/with-kafka/hta-$name ]; done
	feed in_root apt-get -q -y remove hta-kafka
	for name in check consume dlq query; do [ "$(in_root readlink -f /usr/bin/hta-$name)" = /usr/lib/hta/without-kafka/hta-$name ]; done

	# all of them
	install_debs $(names)
	for name in $(cd "$root/usr/bin" && ls -d hta-*); do in_root "$name" --version; done

	feed in_root apt-get -q -y purge 'hta*'
	feed in_root apt-get -q -y autoremove --purge
	paths | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deb: units are valid, run as one user, and are left to the administrator" {
	once build_debs
	clean_host
	install_debs hta
	units=(hta@web.service hta-ingest.service hta-ingest.socket hta-serve.service)
	feed in_root systemd-analyze verify --man=no "${units[@]}"
	[ -z "$stderr" ]
	[ -z "$(find "$root/etc/systemd" -name 'hta*')" ]
	# a drop-in each, and it is read
	for unit in hta@ hta-ingest hta-serve; do
		drop=$root/lib/systemd/system/$unit.service.d/user.conf
		grep -qx 'DynamicUser=no' "$drop"
		grep -qx 'User=hta' "$drop"
		echo Usr=hta >>"$drop"
		feed in_root systemd-analyze verify --man=no "${units[@]}"
		says "$unit.*user.conf.*Unknown key.*Usr"
		sed -i '/^Usr/d' "$drop"
	done
	# and a program that is not there would be found
	rm "$root/usr/bin/hta-serve"
	in_root systemd-analyze verify --man=no hta-serve.service 2>&1 | grep -q 'hta-serve.*not'

	# what is the administrator's outlives a purge, and so does the user that it belongs to
	in_root install -d -o hta -g hta /var/lib/hta/web
	echo keep | tee "$root/var/lib/hta/web/rollups.db" >"$root/etc/hta/web.sh"
	feed in_root apt-get -q -y purge hta
	[ "$(cat "$root/var/lib/hta/web/rollups.db" "$root/etc/hta/web.sh" | wc -l)" = 2 ]
	grep -q ^hta: "$root/etc/passwd"
}

# ---- the image, as far as one can tell without Docker ----

# Instructions of a stage, a line each: NAME ARGUMENTS.
stage() { # NAME
	sed -e ':a; /\\$/{ N; s/\\\n[[:space:]]*/ /; ba; }' -e '/^#/d; /^$/d' "$packaging/Dockerfile" | awk -v name="$1" '/^FROM / { on = NF > 2 && $NF == name } on'
}
image() { stage hta; }

@test "image: its commands make a small root whose user runs a pipeline" {
	once build_debs
	clean_root image
	[ "$(image | sed 's/ .*//' | sort -u | paste -sd' ')" = 'CMD ENV FROM RUN USER VOLUME WORKDIR' ]
	image >"$BATS_TEST_TMPDIR/image"
	[ "$(sed -n 's/^FROM //p' "$BATS_TEST_TMPDIR/image")" = 'debian:12-slim AS hta' ]
	# it is what is built where nobody says otherwise
	[ "$(grep '^FROM ' "$packaging/Dockerfile" | tail -n 1)" = 'FROM hta' ]
	command=$(sed -nE 's/^RUN (--mount=[^ ]* *)*//p' "$BATS_TEST_TMPDIR/image")
	grep -q '^RUN --mount=type=bind,from=build,source=/debs,target=/debs ' "$BATS_TEST_TMPDIR/image"
	feed in_root sh -c "$command"
	user=$(sed -n 's/^USER //p' "$BATS_TEST_TMPDIR/image")
	dir=$(sed -n 's/^WORKDIR //p' "$BATS_TEST_TMPDIR/image")
	[ "$user" = hta ]
	feed root_run "$root" "$dir" setpriv --reuid "$user" --regid "$user" --clear-groups bash -c 'set -o pipefail
		hta-gen --count 1000 >e.ndjson
		hta-consume --job j e.ndjson | hta-window | hta-sink-sqlite --init r.db | hta-commit
		hta-query -d r.db history events --since 2026-01-01 --format json'
	[ "$(jq -s 'map(.count) | add' "$out")" = 1000 ]
	feed in_root hta-sink-kafka --version
	# no compiler, no systemd, no folder that others may write to
	[ -z "$(find "$root/usr/bin" -name 'gcc*' -o -name systemctl -o -name 'x86_64-linux-gnu-gcc*')" ]
	[ "$(du -sm --exclude=debs --exclude=archives "$root" | cut -f1)" -lt 320 ]
	# the stage for docker-compose.yml: a system of hta-systems(7) runs in it
	[ "$(stage systems | sed -n 's/^FROM //p')" = 'hta AS systems' ]
	feed in_root sh -c "$(stage systems | sed -n 's/^RUN //p')"
	cp -R "$top/examples" "$root/examples"
	feed root_run "$root" "$dir" setpriv --reuid "$user" --regid "$user" --clear-groups \
		env HTA_IN="$(svc_free_port)" HTA_OUT="$(svc_free_port)" /examples/systems/dedup.sh
	grep -qx 'unique events: 5000, as counted again' "$out"
}

@test "image: the build stage installs what tests/packages.sh lists, and sees the sources" {
	grep -qx 'RUN tests/packages.sh build deb' "$packaging/Dockerfile"
	# every file that a tarball is made of comes through the ignore file
	cd "$top"
	python3 - "$packaging/Dockerfile.dockerignore" <<-'END' >"$out"
		import os, sys
		kept = {line[1:].strip() for line in open(sys.argv[1]) if line.startswith("!")}
		for name in sorted({path.split("/")[0] for path in open("Makefile.am").read().split() if "/" in path and os.path.exists(path)}):
		    if name not in kept:
		        print(name)
	END
	expect </dev/null
}
