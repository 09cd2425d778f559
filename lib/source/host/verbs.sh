# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# verbs.sh - what both kinds of source do on a host: locks, lease, clean-up.
#
# Follows state.sh and switch.sh.  docker.sh and directory.sh, after it, define
# what they do in their own way: kind_keys, kind_clean, kind_recover.

# ---- locks ----

# True while the run of lock ${1} may still use what it holds.  Repairs and
# unlocks a dead one.
holder_lives() {
	_dir=$(get "$1" dir) || _dir=
	_run=$(get "$1" run) || _run=
	case $_dir in
	"$RB_HOME"/*/runs/"${_run:-?}") ;;
	*)
		# Written whole, so this is no run of ours at all.
		rm -f "$1"
		return 1
		;;
	esac
	if [ ! -d "$_dir" ]; then
		unlock "$_run"
		return 1
	fi
	(
		RUN=$_dir
		case $(token_state) in
		released | gone)
			unlock "$_run"
			exit 1
			;;
		fired)
			[ "$(get "$RUN/report" result)" != ok ] || {
				unlock "$_run"
				exit 1
			}
			;;
		*)
			_lease=$(get "$RUN/owner" lease) || _lease=60
			[ "$(age_of "$RUN/beat")" -gt "$_lease" ] || exit 0
			# Its own helper comes first, while there is one.
			[ "$(get "$RUN/conf" boot)" != "$(boot_id)" ] ||
				[ "$(age_of "$RUN/helper.beat")" -gt 10 ] ||
				exit 0
			;;
		esac
		note repairing what run "$_run" left
		fire repair >/dev/null
		case $? in
		1) exit 0 ;;
		3)
			out unrepaired "$_run" "$(get "$RUN/report" error)"
			exit 0
			;;
		*) out repaired "$_run" "$(get "$RUN/owner" job)" ;;
		esac
		exit 1
	)
}

# All locks of $RUN/keys, in order, or none and LOCKED_BY is the obstacle.
lock_all() {
	LOCKED_BY=
	while IFS= read -r _key; do
		[ -n "$_key" ] || continue
		ln "$RUN/owner" "$LOCKS/$_key" 2>/dev/null && continue
		! lock_is_of "$LOCKS/$_key" "$RB_RUN" || continue
		LOCKED_BY=$LOCKS/$_key
		unlock "$RB_RUN"
		return 1
	done <"$RUN/keys"
	lock_overlap || {
		unlock "$RB_RUN"
		return 1
	}
}

# A path inside another's, or around it, is the same data.
lock_overlap() {
	[ -s "$RUN/lockpaths" ] || return 0
	for _lock in "$LOCKS"/path-*; do
		[ -f "$_lock" ] || continue
		! lock_is_of "$_lock" "$RB_RUN" || continue
		_dir=$(get "$_lock" dir) || continue
		[ -r "$_dir/lockpaths" ] || continue
		while IFS= read -r _mine; do
			while IFS= read -r _theirs; do
				case $_mine/ in
				"$_theirs"/*) LOCKED_BY=$_lock ;;
				esac
				case $_theirs/ in
				"$_mine"/*) LOCKED_BY=$_lock ;;
				esac
			done <"$_dir/lockpaths"
		done <"$RUN/lockpaths"
	done
	[ -z "$LOCKED_BY" ]
}

locks_held() {
	while IFS= read -r _key; do
		[ -z "$_key" ] || lock_is_of "$LOCKS/$_key" "$RB_RUN" ||
			return 1
	done <"$RUN/keys"
}

# Wait up to RB_LOCK_WAIT seconds for the locks.
lock_take() {
	_until=$(($(moment) + RB_LOCK_WAIT))
	_misses=0
	# What a dead run's helper is just repairing is worth a moment.
	_grace=$(($(moment) + 15))
	until lock_all; do
		_who=$LOCKED_BY
		if [ ! -f "$_who" ]; then
			# It went just now, or it cannot be made at all.
			_misses=$((_misses + 1))
			[ "$_misses" -lt 50 ] ||
				refuse io "cannot make the lock $_who"
			continue
		elif ! holder_lives "$_who"; then
			[ "$(moment)" -le $((_grace + 600)) ] && continue
		fi
		_now=$(moment)
		if [ "$_now" -ge "$_until" ]; then
			_dir=$(get "$_who" dir) || _dir=/nowhere
			_lease=$(get "$_who" lease) || _lease=60
			[ "$(age_of "$_dir/beat")" -gt "$_lease" ] &&
				[ "$_now" -lt "$_grace" ] ||
				lock_busy "$_who"
		fi
		note wait for the lock that run "$(get "$_who" run)" holds
		sleep 1
		beat "$_now"
	done
}

lock_busy() {
	refuse busy "in use by run $(get "$1" run) of job '$(get "$1" job)' \
(instance $(get "$1" instance)) since $(get "$1" since): ${1##*/}"
}

# ---- beginning ----

# The run's folder, its token and its locks; ${KEYS} and ${LOCKPATHS} say which.
run_begin() {
	state_check
	if [ "$(token_state)" = gone ]; then
		folder "$RUN"
		mkdir -p "$RUN/steps" || die io "cannot write in $RUN"
		{
			echo "run=$RB_RUN"
			echo "instance=$RB_INSTANCE"
			echo "job=$RB_JOB"
			echo "since=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
			echo "lease=$RB_LEASE"
			echo "dir=$RUN"
		} | put "$RUN/owner" || die io "cannot write in $RUN"
		beat
		: >"$RUN/token.armed"
	fi
	token_need armed
	step_begin prepare
	printf '%s\n' "$KEYS" | sort -u | put "$RUN/keys"
	printf '%s\n' "$LOCKPATHS" | sed '/^$/d' | put "$RUN/lockpaths"
	conf_write | put "$RUN/conf" || die io "cannot write in $RUN"
	lock_take
}

conf_write() {
	echo "mode=$RB_MODE"
	echo "lease=$RB_LEASE"
	echo "max=$RB_MAX"
	echo "boot=$(boot_id)"
	echo "docker=${DK:-}"
	echo "docker_host=${DOCKER_HOST:-}"
	echo "docker_context=${DOCKER_CONTEXT:-}"
}

# A prepare that fails leaves nothing.  What it says comes before what
# cleaning up may have to say.
prepare_abort() {
	token_move armed released || return 0
	kind_clean
	unlock "$RB_RUN"
	rm -rf "$RUN"
}

refuse() {
	out error "$1" "$2"
	prepare_abort
	exit 1
}

# PATH's lock and the path itself, for KEYS and LOCKPATHS.
path_keys() {
	_real=$(cd "$1" 2>/dev/null && pwd -P) || return 1
	KEYS="$KEYS
path-$(printf %s "$_real" | cksum | tr ' ' -)"
	LOCKPATHS="$LOCKPATHS
$_real"
}

# ---- the helper ----

# Start the helper outside of what ends with this connection; says which arms.
helper_launch() {
	helper_text | put "$RUN/helper.sh"
	: >"$RUN/arms"
	if manager_run; then
		echo "manager=$MANAGER" >>"$RUN/arms"
		out arm systemd
	else
		session_run sh "$RUN/helper.sh" "$RUN" session
		out arm session
	fi
	at_run && out arm at
	return 0
}

# By the service manager, where one runs that outlives this session.
manager_run() {
	[ -d /run/systemd/system ] && command -v systemd-run >/dev/null ||
		return 1
	_unit=ragbackup-$RB_RUN
	_user=
	MANAGER=system
	if [ "$(id -u)" != 0 ]; then
		_linger=$(loginctl show-user "$(id -un)" -p Linger 2>/dev/null)
		[ "$_linger" = Linger=yes ] || return 1
		_user=--user
		MANAGER=user
	fi
	systemd-run ${_user:+"$_user"} --collect --quiet --unit="$_unit" \
		sh "$RUN/helper.sh" "$RUN" systemd >/dev/null 2>&1
}

# In a session of its own, by whatever this host has for that.
session_run() {
	if command -v setsid >/dev/null; then
		setsid "$@" >/dev/null 2>&1 </dev/null &
	elif command -v perl >/dev/null; then
		perl -e 'use POSIX; fork and exit; POSIX::setsid(); exec @ARGV' \
			"$@" >/dev/null 2>&1 </dev/null
	elif command -v python3 >/dev/null; then
		python3 -c 'import os, sys
if os.fork(): os._exit(0)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@" >/dev/null 2>&1 </dev/null
	else
		set -m
		nohup "$@" >/dev/null 2>&1 </dev/null &
		set +m
	fi
}

# By atd, which remembers across a reboot.
at_run() {
	command -v at >/dev/null || return 1
	# shellcheck disable=SC2009 # pgrep is not everywhere
	ps -e -o comm= 2>/dev/null | grep -q '^\(.*/\)*atd$' || return 1
	_in=$(((RB_MAX + 59) / 60 + 1))
	_said=$(echo "exec sh '$RUN/helper.sh' '$RUN' at" |
		at now + "$_in" minutes 2>&1) || return 1
	_job=$(printf '%s\n' "$_said" | sed -n 's/^job \([0-9]*\) .*/\1/p')
	is_number "$_job" || return 1
	echo "at=$_job" >>"$RUN/arms"
}

# Over a second connection: the helper's own beat moves.
verb_verify() {
	state_names
	_n0=
	_end=$(($(moment) + 15))
	while [ "$(moment)" -lt "$_end" ]; do
		token_need armed
		_n=
		[ ! -r "$RUN/helper.beat" ] ||
			read -r _ _ _ _n _pid _arm _left \
				<"$RUN/helper.beat"
		if is_number "$_n"; then
			[ -n "$_n0" ] || _n0=$_n
			[ "$_n" -le "$_n0" ] || {
				[ "$_left" != yes ] || out arm cgroup
				out helper "$_pid" "$_arm"
				return 0
			}
		fi
		sleep 0.2 2>/dev/null || sleep 1
	done
	die missing "the dead-man's helper does not run on the host"
}

# ${BEAT} is new each time; never creates the token, nor the folder.
verb_beat() {
	state_names
	beat "$BEAT" || die lease-lost "the run's folder is gone"
	out token "$(token_state)"
}

# After a step that was cut off: was it the switch?
verb_story() {
	state_names
	! token_is fired || die lease-lost "$(token_story)"
}

# ---- ending ----

# captured -> released, and the locks go.  Fired: the helper's word counts.
release_token() {
	if token_move captured released || token_is released; then
		unlock "$RB_RUN"
		at_cancel
		return 0
	fi
	return 1
}

# Wait for whoever fires; 0 when services are back.
fired_wait() {
	_end=$(($(moment) + ${1:-400}))
	while :; do
		fire takeover >/dev/null
		_is=$?
		[ "$_is" -eq 1 ] || return "$_is"
		[ "$(moment)" -lt "$_end" ] || return 1
		sleep 1
	done
}

report_out() {
	for _key in why from at started gone error result; do
		_value=$(get "$RUN/report" $_key) && out report $_key "$_value"
	done
	return 0
}

# Services as before, from whatever state the run is in.
undo_services() {
	[ -d "$RUN" ] || {
		kind_recover
		return 0
	}
	case $(token_state) in
	released) ;;
	gone) kind_recover ;;
	*)
		fire undo >/dev/null
		_is=$?
		[ "$_is" -ne 1 ] || {
			fired_wait 400
			_is=$?
		}
		report_out
		case $_is in
		0) ;;
		1) die timeout "another one is still starting the services" ;;
		*) die service "$(get "$RUN/report" error)" ;;
		esac
		;;
	esac
}

verb_undo() {
	state_check
	undo_services
	unlock "$RB_RUN"
	verb_clean
}

# Nothing of the run is left here.
verb_release() {
	state_check
	case $(token_state) in
	armed | captured | fired) undo_services ;;
	esac
	unlock "$RB_RUN"
	verb_clean
}

verb_clean() {
	kind_clean
	[ ! -d "$RUN" ] || at_cancel
	case $RUN in
	"$RB_HOME"/*/runs/*)
		# A beat on its way may put a file into what is being emptied.
		rm -rf "$RUN" 2>/dev/null || {
			sleep 1
			rm -rf "$RUN"
		}
		;;
	esac
	return 0
}

# ---- streaming ----

# Of GNU tar: times to the nanosecond, and the same bytes each time it is read.
GNU_TAR='--format=pax --numeric-owner --xattrs
--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'

# stream_tar through gzip.  Without pipefail tar's own status goes past it.
gzip_stream() {
	exec 5>&1
	_status=$({ {
		stream_tar
		echo $? >&4
	} 4>&3 | if [ -z "$RB_TEES" ]; then
		gzip_one >&5
	else
		gzip_one | tee_out >&5
	fi; } 3>&1)
	[ "$_status" = 0 ] || exit 1
}

gzip_one() {
	gzip "-$RB_GZIP" || echo gzip >&3
}

# Also into the files of RB_TEES, one a line.  One that cannot be made, or whose
# disk is full, is left to whoever looks for it: tee goes on with the others.
tee_out() {
	set --
	while IFS= read -r _path; do
		_path=$(expand "$_path")
		(
			set -C
			: >"$_path"
		) 2>/dev/null && set -- "$@" "$_path"
	done <<-END
		$RB_TEES
	END
	# With nobody to read, it need not go on; the files are worth nothing.
	trap - PIPE
	tee "$@"
}
