# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2088
# hostfs.sh - a store in a folder of this host: folders, facts, flushing.
#
# Goes in front of hostfs_put.sh, hostfs_read.sh or hostfs_keep.sh.  Settings
# stand before it as quoted variables: RB_ROOT, the folder as the configuration
# writes it, RB_KEY or RB_PREFIX, both checked to be safe names, RB_MIN_FREE.
# POSIX sh only: it runs on dash, busybox, bash and macOS.  What is wrong is
# told by a note "error CODE TEXT" (see err.h).
set -u
umask 077
unset CDPATH
LC_ALL=C
export LC_ALL
# What temporary files have in their names: KEY, the mark, a token of the
# writer's; then, if a script of ours made it, "-PID-BOOT".
MARK=.rbtmp-

note() {
	printf '@rb %s\n' "$*" >&2
}

# die CODE TEXT
die() {
	note error "$1" "$(printf '%s' "$2" | tr '\n' ' ')"
	exit 1
}

# die_of TEXT FAULT: the code is in what a program said.
die_of() {
	case $2 in
	*'No space'* | *[Qq]uota*) die no-space "$1: $2" ;;
	*[Pp]'ermission denied'* | *'not permitted'*)
		die not-permitted "$1: $2"
		;;
	esac
	die io "$1: $2"
}

is_number() {
	case $1 in
	'' | *[!0-9]*) return 1 ;;
	esac
	return 0
}

# ROOT, as it is written; "~" is the home on this host.
root_path() {
	[ -n "${HOME:-}" ] || HOME=$(eval "echo ~$(id -un)")
	case $RB_ROOT in
	'~' | '~/'*) ROOT=$HOME${RB_ROOT#?} ;;
	*) ROOT=$RB_ROOT ;;
	esac
	while [ "${ROOT%/}" != "$ROOT" ] && [ "$ROOT" != / ]; do
		ROOT=${ROOT%/}
	done
}

# Into it, and ROOT is physical from now on.
root_enter() {
	root_path
	[ -e "$ROOT" ] || die missing "'$ROOT' is not there"
	[ -d "$ROOT" ] || die config "'$ROOT' is no folder"
	cd -P "$ROOT" 2>/dev/null || die not-permitted "cannot enter '$ROOT'"
	ROOT=$(pwd -P)
	HERE=$ROOT
}

# into FOLDER HOW: one level down, through no link; HOW "make": made if it is
# not there.  False when it is not there.
into() {
	_path=${HERE%/}/$1
	if [ ! -e "./$1" ] && [ ! -L "./$1" ]; then
		[ "$2" = make ] || return 1
		FAULT=$(mkdir "./$1" 2>&1) || [ -d "./$1" ] ||
			die_of "create '$_path'" "$FAULT"
		flush . || die_of "flush '$HERE'" "$FAULT"
	fi
	[ ! -L "./$1" ] || die corrupt "'$_path' is a symbolic link"
	[ -d "./$1" ] || [ ! -e "./$1" ] || die io "'$_path' is no folder"
	cd -P "./$1" 2>/dev/null || {
		[ -d "./$1" ] || return 1
		die not-permitted "cannot enter '$_path'"
	}
	# It could have been replaced between the question and the step.
	[ "$(pwd -P)" = "$_path" ] || die corrupt "'$_path' is a symbolic link"
	HERE=$_path
}

# key_enter KEY HOW: into its folder; LEAF is the rest of its name.
key_enter() {
	LEAF=$1
	while :; do
		case $LEAF in
		*/*) into "${LEAF%%/*}" "$2" || return 1 ;;
		*) return 0 ;;
		esac
		LEAF=${LEAF#*/}
	done
}

# Up again to ROOT, removing the folders that are empty.
folders_prune() {
	while [ "$HERE" != "$ROOT" ]; do
		_name=${HERE##*/}
		HERE=${HERE%/*}
		HERE=${HERE:-/}
		cd -P .. 2>/dev/null && [ "$(pwd -P)" = "$HERE" ] || return 0
		rmdir "./$_name" 2>/dev/null || return 0
	done
}

# flush PATH: its contents are on the disk when this returns; else FAULT.
flush() {
	# There, fsync is not enough, and sync knows no operands.
	if [ "$(uname -s)" = Darwin ] && command -v perl >/dev/null; then
		FAULT=$(perl -e 'open(my $f, "<", $ARGV[0]) &&
			fcntl($f, 51, 0) || die "$!\n"' "$1" 2>&1) && return 0
	else
		FAULT=$(sync "$1" 2>&1) && return 0
	fi
	case $FAULT in
	*nput/output* | *'No space'* | *[Qq]uota*) return 1 ;;
	esac
	# It takes no operands, or not such a one: everything, then.
	FAULT=$(sync 2>&1)
}

# STAT_OPT and STAT_FORM: "SIZE MTIME INODE NAME" by this host's stat.
stat_find() {
	if stat -c %s / >/dev/null 2>&1; then
		STAT_OPT=-c
		STAT_FORM='%s %Y %i %n'
	else
		STAT_OPT=-f
		STAT_FORM='%z %m %i %N'
	fi
}

# facts FILE: SIZE, MTIME, INODE.
facts() {
	stat_find
	_facts=$(stat "$STAT_OPT" "$STAT_FORM" "$1" 2>&1) ||
		die_of "'$RB_KEY'" "$_facts"
	read -r SIZE MTIME INODE _ <<-END
		$_facts
	END
	is_number "$SIZE" || die io "stat says '$_facts'"
}

# Bytes that an ordinary user may still write here.
free_bytes() {
	_kib=$(df -Pk . 2>/dev/null | awk 'END {
		for (i = 3; i <= NF; i++)
			if ($i ~ /^[0-9]+%$/) {
				print $(i - 1)
				exit
			}
		print $4
	}')
	is_number "$_kib" || return 1
	echo $((_kib * 1024))
}

# space_check BYTES: room for so many, and for what is to stay free.
space_check() {
	[ "$RB_MIN_FREE" -gt 0 ] || [ "$1" -gt 0 ] || return 0
	_free=$(free_bytes) || die io "df does not tell what is free in '$HERE'"
	[ $((_free - $1)) -ge "$RB_MIN_FREE" ] ||
		die no-space "'$ROOT' has $_free bytes free, '$RB_KEY' needs \
$1 and $RB_MIN_FREE are to stay free"
}

sha_find() {
	for SHA in sha256sum shasum openssl; do
		! command -v $SHA >/dev/null || return 0
	done
	die missing "no sha256sum, shasum or openssl on this host"
}

# SHA-256 of standard input, in hex.
sha256() {
	case $SHA in
	sha256sum) sha256sum ;;
	shasum) shasum -a 256 ;;
	openssl) openssl dgst -sha256 -r ;;
	esac | {
		read -r _hex _
		printf '%s\n' "$_hex"
	}
}

# Eight characters that differ after each start of the host.
boot_word() {
	{
		cat /proc/sys/kernel/random/boot_id 2>/dev/null ||
			sysctl -n kern.bootsessionuuid 2>/dev/null ||
			sysctl -n kern.boottime 2>/dev/null || echo unknown
	} | tr -cd 'a-zA-Z0-9' | cut -c1-8
}

# Is ./LEAF a file that may be read?  A folder is CODE.
leaf_check() {
	[ ! -L "./$LEAF" ] || die corrupt "'$RB_KEY' is a symbolic link"
	[ ! -d "./$LEAF" ] || die "$1" "'$RB_KEY' is a folder"
	[ -e "./$LEAF" ] || die not-found "'$RB_KEY' is not there"
	[ -f "./$LEAF" ] || die corrupt "'$RB_KEY' is no file"
}
