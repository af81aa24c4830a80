# A bare Debian 12 in a folder, with what root, debootstrap and namespaces are needed for; tests/fresh.sh and
# tests/tree/packages.bats source it.
#
# How this machine reaches package registries is carried over: http_proxy, https_proxy, no_proxy, apt's Acquire::http
# settings, /etc/hosts, ~/.m2/settings.xml, and the certificates of /usr/local/share/ca-certificates, which Debian's
# ca-certificates takes for Java too. HTA_FRESH_MIRROR=URL says where Debian's packages come from (default: debootstrap's).
#
# Mounts and processes live in namespaces that end with the command in them: nothing is mounted where the root is removed,
# and nothing is left running, even after kill -9.

child=	# the command that root_apart runs: a caller with traps kills it, its namespace's processes die with it

# Why there can be no root here, in a line; nothing if there can be one.
root_lacks() { # NAME...
	local name
	[ "$(id -u)" = 0 ] || { echo "only root can make another root"; return; }
	for name in debootstrap unshare "$@"; do
		command -v "$name" >/dev/null || { echo "no $name here (Debian: apt-get install $name)"; return; }
	done
	root_apart true 2>/dev/null || echo "unshare makes no namespaces here"
}

# Runs a command in mount and process namespaces of its own, which end with us at the latest.
root_apart() { # COMMAND...
	local code=0
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc "$@" </dev/null &
	child=$!
	wait "$child" || code=$?
	child=
	return $code
}

# The first shell stays: it is process 1 there, and has to collect what others leave.
root_run() { # FOLDER CHDIR COMMAND...
	# shellcheck disable=SC2016
	root_apart bash -c '
		cd "$1" && mount -t proc proc proc && mount -t tmpfs -o mode=1777 tmpfs dev/shm &&
			mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts || exit 69
		chdir=$2
		shift 2
		chroot . env -i --default-signal=INT,QUIT --chdir="$chdir" HOME=/root \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
		exit $?' bash "$@"
}

# How the machine reaches registries; none of it adds a program.
root_carry_over() { # FOLDER
	[ ! -e /etc/hosts ] || cp /etc/hosts "$1/etc/hosts" || return
	! command -v apt-config >/dev/null ||
		apt-config dump | grep -E '^Acquire::https?::' >"$1/etc/apt/apt.conf.d/90host" || :
	if [ -d /usr/local/share/ca-certificates ]; then
		mkdir -p "$1/usr/local/share/ca-certificates" &&
			cp -R /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates" || return
	fi
	if [ -e ~/.m2/settings.xml ]; then
		mkdir -p "$1/root/.m2" && cp ~/.m2/settings.xml "$1/root/.m2/" || return
	fi
}

# Debian's smallest variant; what debootstrap says goes to stdout and stderr.
root_make() { # FOLDER
	local mirror=()
	[ -z "${HTA_FRESH_MIRROR:-}" ] || mirror=("$HTA_FRESH_MIRROR")
	root_apart debootstrap --variant=minbase bookworm "$1" "${mirror[@]}"
}

# A new root, for tests that have many: the first is kept as a tarball in ${XDG_CACHE_HOME:-~/.cache}/hta-tests, and so are
# the packages that root_install gets from Debian. 69 where there can be none: the reason is the last line of stderr.
root_unpack() { # FOLDER
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests kept tmp
	kept=$cache/bookworm.tar.zst
	if [ ! -e "$kept" ]; then
		mkdir -p "$cache/bookworm" && tmp=$(mktemp -d "$cache/new.XXXXXX") || return 69
		if ! root_make "$tmp/root" >&2 || ! root_carry_over "$tmp/root" || ! root_run "$tmp/root" / apt-get -q update >&2 ||
			! root_run "$tmp/root" / apt-get clean || ! tar -C "$tmp/root" -cf "$tmp/tar" . || ! zstd -q "$tmp/tar"; then
			rm -rf --one-file-system "$tmp"
			echo "debootstrap made none" >&2
			return 69
		fi
		mv "$tmp/tar.zst" "$kept"
		rm -rf --one-file-system "$tmp"
	fi
	mkdir -p "$1" && chmod 755 "$1" && zstd -q -d -c "$kept" | tar -C "$1" -xf - && root_carry_over "$1" &&
		echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe" && cp /etc/resolv.conf "$1/etc/resolv.conf" || return 69
}

# Packages, which are names or files in there. Lists that are kept grow old: they are got anew where a package is gone.
root_install() { # FOLDER PACKAGE...
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hta-tests/bookworm archives=$1/var/cache/apt/archives
	local install=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${@:2}") code=0
	mkdir -p "$cache"
	cp -u "$cache/"*.deb "$archives" 2>/dev/null || :
	root_run "$1" / "${install[@]}" ||
		{ root_run "$1" / apt-get -q update && root_run "$1" / "${install[@]}"; } || code=$?
	cp -u "$archives/"*.deb "$cache" 2>/dev/null || :
	return $code
}
