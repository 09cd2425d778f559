# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# state.sh - what a run keeps on its host: folders, small files, steps.
#
# Goes in front of every script.  Settings stand before it as quoted variables:
# RB_INSTANCE RB_RUN RB_JOB RB_MODE RB_LEASE RB_MAX.  POSIX sh only: it runs
# on dash, busybox, bash and macOS.  Files are read as data, never sourced.
#
#	~/.ragbackup/locks/KEY			who holds what, all daemons
#	~/.ragbackup/INSTANCE/runs/RUN/		one run: $RUN below
#		owner	run, instance, job, since, dir
#		token.STATE	armed, captured, released, fired: its name counts
#		beat	the daemon's sign of life; helper.beat: the helper's
#		conf	what the helper needs; ran: what ran, in start order
#		stopping, stopped	stops issued; finish times seen
#		steps/	process groups of the steps under way
#		firer.N, fire.beat, report	who fires, how it ended
set -u
umask 077
COPYFILE_DISABLE=1
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin
PATH=$PATH:/usr/sbin:/sbin
export COPYFILE_DISABLE PATH
# A closed pipe is an error of the command, not our end.
trap '' PIPE

note() {
	printf '@rb %s\n' "$*" >&2
}

# out WORD VALUE...: one line for the daemon, fields parted by tabs.
out() {
	_line=$1
	shift
	for _field; do
		_line="$_line	$_field"
	done
	printf '%s\n' "$_line"
}

# die CODE TEXT: end with an error of that name (see err.h).
die() {
	out error "$1" "$2"
	exit 1
}

warn() {
	out warn "$1"
}

epoch() {
	date +%s
}

is_number() {
	case $1 in
	'' | *[!0-9]*) return 1 ;;
	esac
	return 0
}

# Seconds that no clock change moves, where the system tells them.
clock() {
	if [ -r /proc/uptime ]; then
		IFS=. read -r _up _ </proc/uptime
		echo "$_up"
	else
		echo "${TICKS:-0}"
	fi
}

# As clock, but the same for every process of this host; where the system does
# not tell, the time of day.
moment() {
	if [ -r /proc/uptime ]; then
		clock
	else
		epoch
	fi
}

# What a sign of life begins with: another host, or this one after a reboot,
# has another clock.
stamp() {
	echo "$(moment) $(epoch) $(boot_id)"
}

tick() {
	sleep 1
	TICKS=$((${TICKS:-0} + 1))
}

# Differs after each start of the host.
boot_id() {
	if [ -r /proc/sys/kernel/random/boot_id ]; then
		IFS= read -r _boot </proc/sys/kernel/random/boot_id
	else
		_boot=$(sysctl -n kern.bootsessionuuid 2>/dev/null) ||
			_boot=$(sysctl -n kern.boottime 2>/dev/null |
				tr -cd '0-9') || _boot=unknown
	fi
	echo "$_boot"
}

# limit SECONDS COMMAND...: end it by force when it takes longer.
limit() {
	_limit=$1
	shift
	"$@" &
	_pid=$!
	(
		exec >/dev/null 2>&1 </dev/null
		while [ "$_limit" -gt 0 ]; do
			sleep 1
			_limit=$((_limit - 1))
			kill -0 "$_pid" || exit 0
		done
		kill -KILL "$_pid"
	) &
	_watch=$!
	wait "$_pid"
	_status=$?
	kill "$_watch" 2>/dev/null
	return "$_status"
}

# put FILE: standard input becomes its content, whole or not at all.
put() {
	cat >"$1.tmp.$$" && mv -f "$1.tmp.$$" "$1"
}

# As put, and on the disk before it returns.
put_durable() {
	cat >"$1.tmp.$$" || return 1
	sync "$1.tmp.$$" 2>/dev/null || sync
	mv -f "$1.tmp.$$" "$1" || return 1
	sync "${1%/*}" 2>/dev/null || sync
}

# get FILE KEY: the value of a KEY=VALUE line.
get() {
	[ -r "$1" ] || return 1
	while IFS= read -r _kv; do
		case $_kv in
		"$2="*)
			printf '%s\n' "${_kv#*=}"
			return 0
			;;
		esac
	done <"$1"
	return 1
}

# "~" is the home on this host.
expand() {
	case $1 in
	'~') printf '%s\n' "$HOME" ;;
	'~/'*) printf '%s/%s\n' "$HOME" "${1#??}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# A folder of ours, for us alone, and no link that leads elsewhere.
folder() {
	[ -d "$1" ] || mkdir "$1" 2>/dev/null || [ -d "$1" ] ||
		die io "cannot make $1 on the host"
	[ ! -L "$1" ] || die not-permitted "$1 is a symbolic link"
	# shellcheck disable=SC2012,SC2046 # ls is the portable stat
	set -- "$1" $(ls -ldn "$1" | head -n 1)
	[ "${4:-x}" = "$(id -u)" ] ||
		die not-permitted "$1 belongs to another user"
	case $2 in
	drwx------*) ;;
	*) chmod 700 "$1" || die not-permitted "$1 is open to others" ;;
	esac
}

state_names() {
	[ -n "${HOME:-}" ] || HOME=$(eval "echo ~$(id -un)")
	export HOME
	# One spelling for all who come: "/home/me/" is "/home/me".
	RB_HOME=$(cd "$HOME" 2>/dev/null && pwd -P) || RB_HOME=$HOME
	RB_HOME=${RB_HOME%/}/.ragbackup
	LOCKS=$RB_HOME/locks
	RUN=$RB_HOME/$RB_INSTANCE/runs/$RB_RUN
}

# Refuse what somebody else could have put there.
state_check() {
	state_names
	for _dir in "$RB_HOME" "$LOCKS" "$RB_HOME/$RB_INSTANCE" \
	    "$RB_HOME/$RB_INSTANCE/runs"; do
		folder "$_dir"
	done
	[ ! -e "$RUN" ] || folder "$RUN"
}

# "GROUP START" of a process: what tells it from a later one with its number.
proc_of() {
	if [ -r "/proc/$1/stat" ]; then
		IFS= read -r _stat <"/proc/$1/stat" 2>/dev/null || return 1
		# shellcheck disable=SC2086 # words are wanted
		set -- ${_stat##*) }
		[ "$1" != Z ] || return 1
		echo "$3 ${20}"
	else
		# shellcheck disable=SC2046
		set -- $(ps -o pgid= -o lstart= -p "$1" 2>/dev/null)
		[ $# -gt 1 ] || return 1
		_group=$1
		shift
		echo "$_group $(printf '%s' "$*" | tr ' ' _)"
	fi
}

# Record this script's process group, so that firing can end it.
step_begin() {
	[ -d "$RUN/steps" ] || die lease-lost "the run's folder is gone"
	_step=$RUN/steps/$1.$$
	echo "$(proc_of $$) $$ $(boot_id)" >"$_step"
	trap 'rm -f "$_step"' EXIT
	trap 'exit 143' TERM INT HUP
}

# End every step under way but ourselves, at once.
steps_kill() {
	_own=$(proc_of $$)
	for _file in "$RUN"/steps/*; do
		[ -f "$_file" ] || continue
		read -r _group _start _leader _boot_was <"$_file" || continue
		is_number "$_group" && is_number "$_leader" || continue
		[ "$_group" -gt 1 ] && [ "$_boot_was" = "$(boot_id)" ] ||
			continue
		[ "$_group" != "${_own%% *}" ] || continue
		_is=$(proc_of "$_leader") || _is=
		# The leader may be gone and its children not.
		[ -z "$_is" ] || [ "$_is" = "$_group $_start" ] || continue
		kill -KILL "-$_group" 2>/dev/null
		rm -f "$_file"
	done
}
