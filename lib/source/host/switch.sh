# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# switch.sh - the dead-man's switch: token, locks, and what firing does.
#
# Follows state.sh; part of every script and of the helper's own file.  The
# token's name is its state and only rename changes it:
#
#	armed -> captured -> released		the run's own way
#	armed | captured -> fired		whoever wins that rename repairs

token_state() {
	for _try in 1 2 3; do
		for _name in fired released captured armed; do
			[ ! -f "$RUN/token.$_name" ] || {
				echo "$_name"
				return 0
			}
		done
	done
	echo gone
}

token_is() {
	[ -f "$RUN/token.$1" ]
}

# token_move FROM TO: true for the one who won.
token_move() {
	mv "$RUN/token.$1" "$RUN/token.$2" 2>/dev/null
}

# Why the token is not what it should be, for people.
token_story() {
	case $(token_state) in
	fired)
		_why=$(get "$RUN/report" why) || _why="see the host"
		echo "the dead-man's switch fired ($_why)"
		;;
	gone) echo "the run's state on the host is gone" ;;
	*) echo "the dead-man's token is '$(token_state)'" ;;
	esac
}

token_need() {
	token_is "$1" || die lease-lost "$(token_story)"
}

beat() {
	[ -d "$RUN" ] || return 1
	echo "$(stamp) ${1:-0} $$" | put "$RUN/beat"
}

# Seconds since FILE's stamp; huge when it cannot be told.
age_of() {
	_then=
	_wall=
	[ ! -r "$1" ] || read -r _then _wall _there _ <"$1" 2>/dev/null
	is_number "$_then" && is_number "$_wall" || {
		echo 999999
		return 0
	}
	if [ "$_there" = "$(boot_id)" ]; then
		_age=$(($(moment) - _then))
	else
		_age=$(($(epoch) - _wall))
	fi
	# A clock set back: trust it no more than a lease.
	[ "$_age" -ge 0 ] || _age=$((-_age))
	echo "$_age"
}

lock_is_of() {
	[ "$(get "$1" run)" = "$2" ]
}

# Take the locks of run ${1} away; what is another's by now is put back.
unlock() {
	_mine=$1
	for _lock in "$LOCKS"/*; do
		[ -f "$_lock" ] && lock_is_of "$_lock" "$_mine" || continue
		_gone=$RB_HOME/.unlock.$$
		mv "$_lock" "$_gone" 2>/dev/null || continue
		lock_is_of "$_gone" "$_mine" || ln "$_gone" "$_lock"
		rm -f "$_gone"
	done
}

# ---- firing ----

FIRER_STALE=30

fire_beat() {
	stamp | put "$RUN/fire.beat"
}

fire_is_done() {
	[ -n "$(get "$RUN/report" result)" ]
}

# Become the one who repairs.  0: we are; 1: another is at work; 2: done.
fire_claim() {
	while :; do
		_state=$(token_state)
		case $_state in
		armed | captured)
			token_move "$_state" fired || continue
			printf '%s\n' "$_state" >"$RUN/from"
			;;
		fired) ;;
		*) return 2 ;;
		esac
		break
	done
	! fire_is_done || return 2
	_old=
	for _each in "$RUN"/firer.[0-9]*; do
		[ ! -f "$_each" ] || _old=$_each
	done
	[ -z "$_old" ] || ! firer_lives "$_old" || return 1
	fire_beat
	{
		echo "pid=$$"
		echo "proc=$(proc_of $$)"
		echo "boot=$(boot_id)"
	} >"$RUN/firer.mine.$$"
	if [ -z "$_old" ]; then
		# A link is made with its content, by one only.
		FIRER=$RUN/firer.1
		ln "$RUN/firer.mine.$$" "$FIRER" 2>/dev/null
	else
		# Of two who find it dead one finds the name to rename.
		FIRER=$RUN/firer.$((${_old##*.} + 1))
		mv "$_old" "$FIRER" 2>/dev/null &&
			cp "$RUN/firer.mine.$$" "$FIRER"
	fi
	_won=$?
	rm -f "$RUN/firer.mine.$$"
	return "$_won"
}

# The one who fires, file ${1}, is at work.
firer_lives() {
	_quiet=$(age_of "$RUN/fire.beat")
	[ "$_quiet" -gt 3 ] || return 0
	[ "$_quiet" -le $FIRER_STALE ] || return 1
	[ "$(get "$1" boot)" = "$(boot_id)" ] || return 1
	_is=$(proc_of "$(get "$1" pid)") || return 1
	[ "$_is" = "$(get "$1" proc)" ]
}

dk() {
	"$DK" "$@"
}

# The engine that the run uses, as recorded.
engine_load() {
	DK=$(get "$RUN/conf" docker) || DK=docker
	DOCKER_HOST=$(get "$RUN/conf" docker_host) || DOCKER_HOST=
	DOCKER_CONTEXT=$(get "$RUN/conf" docker_context) || DOCKER_CONTEXT=
	export DOCKER_HOST DOCKER_CONTEXT
	[ -n "$DOCKER_HOST" ] || unset DOCKER_HOST
	[ -n "$DOCKER_CONTEXT" ] || unset DOCKER_CONTEXT
}

# True while a stop that was issued may still bring ${1} down.
stop_in_flight() {
	[ -r "$RUN/stopping" ] || return 1
	# Started anew since: the stop is behind it.
	[ "$2" = "$3" ] || return 1
	[ "$(get "$RUN/conf" boot)" = "$(boot_id)" ] || return 1
	while read -r _id _at _for; do
		[ "$_id" = "$1" ] || continue
		[ $(($(moment) - _at)) -le $((_for + 5)) ]
		return
	done <"$RUN/stopping"
	return 1
}

# One look at all of the list: sets SIGN, DOWN (ids), BAD (names), WAITS, GONE;
# false with FAULT when docker does not tell.
fire_look() {
	SIGN=
	DOWN=
	BAD=
	WAITS=no
	GONE=
	_ids=$(cut -d' ' -f1 "$RUN/ran")
	# shellcheck disable=SC2086 # ids
	_seen=$(limit 20 "$DK" inspect --type container -f '= {{.Id}} '\
'{{.State.Running}} {{.State.StartedAt}} {{.State.ExitCode}}' \
		$_ids 2>&1)
	_is=$?
	# Only "no such container" may be missing: no engine says other things,
	# or, ended because it hung, nothing.
	FAULT=$(printf '%s\n' "$_seen" | grep -v '^= ')
	[ "$_is" -eq 0 ] || [ -n "$FAULT" ] || FAULT="no answer from docker"
	[ "$_is" -eq 0 ] || ! printf '%s\n' "$FAULT" |
		grep -Eqvi '^$|^warning:|no such (object|container)' || return 1
	while read -r _id _was _ _ _svc _nm; do
		_state=$(printf '%s\n' "$_seen" | grep "^= $_id ") || {
			GONE="$GONE $_nm"
			continue
		}
		read -r _ _ _up _at _code <<-END
			$_state
		END
		! stop_in_flight "$_id" "$_was" "$_at" || WAITS=yes
		[ "$_up" = true ] || {
			DOWN="$DOWN $_id"
			BAD="$BAD $_svc (exit status $_code)"
		}
		SIGN="$SIGN $_id=$_up=$_at"
	done <"$RUN/ran"
	return 0
}

# Start what ran until each has been running for 5 s.
fire_start() {
	[ -s "$RUN/ran" ] || return 0
	# Nothing was stopped yet, and the host is still up.
	[ -e "$RUN/stopping" ] ||
		[ "$(get "$RUN/conf" boot)" != "$(boot_id)" ] || return 0
	_sign=
	_since=0
	_tries=0
	_outage=0
	TICKS=0
	_t0=$(clock)
	while :; do
		fire_beat
		if fire_look; then
			_now=$(clock)
			if [ -n "$DOWN" ]; then
				_tries=$((_tries + 1))
				_since=$_now
				# shellcheck disable=SC2086 # ids
				limit 60 "$DK" start $DOWN >/dev/null \
					2>"$RUN/start.err"
			elif [ "$SIGN" != "$_sign" ]; then
				_since=$_now
				[ -s "$RUN/started" ] ||
					epoch >"$RUN/started"
			fi
			_sign=$SIGN
			[ -n "$DOWN" ] || [ "$WAITS" = yes ] ||
				[ $((_now - _since)) -lt 5 ] || return 0
			[ $((_now - _t0)) -lt 180 ] || [ -z "$DOWN" ] || {
				FIRE_ERROR="not running:$BAD; $(tr '\n' ' ' \
					<"$RUN/start.err" | cut -c1-200)"
				return 1
			}
			tick
		else
			# No engine: its outage is not the services' fault.
			_outage=$((_outage + 1))
			[ "$_outage" -lt 20000 ] || {
				FIRE_ERROR="no answer from docker"
				return 1
			}
			_t0=$(clock)
			tick
			[ "$_outage" -lt 60 ] || sleep 4
		fi
	done
}

# fire WHY: claim, end the steps, start what ran, report, unlock.
# 0: done well, now or before; 1: another is at work; 3: services are not back.
# What failed before is tried anew; the locks stay until it has worked.
fire() {
	[ "$(get "$RUN/report" result)" != failed ] ||
		mv "$RUN/report" "$RUN/report.failed" 2>/dev/null
	fire_claim
	case $? in
	1) return 1 ;;
	2) return 0 ;;
	esac
	{
		echo "why=$1"
		echo "from=$(cat "$RUN/from" 2>/dev/null)"
		echo "at=$(epoch)"
	} | put "$RUN/report"
	steps_kill
	FIRE_ERROR=
	_done=ok
	if [ "$(get "$RUN/conf" mode)" = docker ]; then
		engine_load
		# TERM makes it give its reserve of disk space back.
		_copy=ragbackup-copy-${RUN##*/}
		limit 10 "$DK" kill -s TERM "$_copy" >/dev/null 2>&1 &&
			limit 10 "$DK" wait "$_copy" >/dev/null 2>&1
		limit 20 "$DK" rm -fv "$_copy" >/dev/null 2>&1
		fire_start || _done=failed
	fi
	# Whoever took over meanwhile has the last word.
	[ -f "$FIRER" ] || return 1
	{
		cat "$RUN/report"
		[ ! -s "$RUN/started" ] || echo "started=$(cat "$RUN/started")"
		[ -z "${GONE:-}" ] || echo "gone=$GONE"
		[ -z "$FIRE_ERROR" ] || echo "error=$FIRE_ERROR"
		echo "result=$_done"
	} | put "$RUN/report"
	# So that it can be claimed anew, if need be.
	rm -f "$RUN/fire.beat"
	at_cancel
	[ "$_done" = ok ] || return 3
	unlock "${RUN##*/}"
}

# Remove the job of atd that would fire after a reboot.
at_cancel() {
	_at_job=$(get "$RUN/arms" at) || return 0
	is_number "$_at_job" && atrm "$_at_job" >/dev/null 2>&1
	return 0
}

# ---- the helper: runs detached, from a file of its own ----

# Out of the daemon's cgroup, so that ending that does not end us.
cgroup_leave() {
	_top=/sys/fs/cgroup
	LEFT=no
	if [ -e "$_top/cgroup.controllers" ]; then
		mkdir "$_top/ragbackup" 2>/dev/null
		for _to in "$_top/ragbackup" "$_top"; do
			(echo $$ >"$_to/cgroup.procs") 2>/dev/null && {
				LEFT=yes
				return 0
			}
		done
		return 0
	fi
	for _to in "$_top"/*/cgroup.procs; do
		[ -w "$_to" ] && (echo $$ >"$_to") 2>/dev/null && LEFT=yes
	done
	return 0
}

# helper RUNDIR ARM: watch the beat; fire when it stops or the time is up.
helper() {
	RUN=$1
	RB_HOME=${RUN%/*/runs/*}
	LOCKS=$RB_HOME/locks
	LEFT=own
	[ "$2" != session ] || cgroup_leave
	_lease=$(get "$RUN/conf" lease) || exit 1
	_max=$(get "$RUN/conf" max) || exit 1
	TICKS=0
	_n=0
	_last=
	# Started late, by atd, it may find the beat cold already.
	_seen=$(($(clock) - $(age_of "$RUN/beat")))
	_stops=
	while :; do
		_why=
		case $(token_state) in
		released | gone) exit 0 ;;
		fired)
			! fire_is_done || exit 0
			_why=takeover
			;;
		esac
		_n=$((_n + 1))
		# A full disk is when it is needed; without its folder it is not.
		echo "$(stamp) $_n $$ $2 $LEFT" | put "$RUN/helper.beat" ||
			[ -d "$RUN" ] || exit 1
		_now=$(clock)
		_beat=$(cat "$RUN/beat" 2>/dev/null)
		[ "$_beat" = "${_last:-$_beat}" ] || _seen=$_now
		_last=$_beat
		[ -n "$_stops" ] || [ ! -e "$RUN/stopping" ] || _stops=$_now
		[ $((_now - _seen)) -lt "$_lease" ] || _why=lease
		[ -z "$_stops" ] || [ $((_now - _stops)) -lt "$_max" ] ||
			_why=max_downtime
		[ "$(get "$RUN/conf" boot)" = "$(boot_id)" ] || _why=reboot
		if [ -n "$_why" ]; then
			fire "$_why" >/dev/null 2>&1
			[ $? -eq 1 ] || exit 0
		fi
		tick
	done
}
