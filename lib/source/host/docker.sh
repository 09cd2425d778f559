# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# docker.sh - the verbs for volumes and bind paths of containers.
#
# Follows docker_engine.sh and docker_copy.sh.  Settings: RB_STOP_TIMEOUT
# RB_LOCK_WAIT; RB_PROJECT_FOUND RB_IMAGE_FOUND RB_TOOLS RB_RAN as prepare said;
# RB_MADE: containers or volumes of the run may be there.

foreign_refuse() {
	_foreign=$(foreign_find)
	[ -z "$_foreign" ] || "$1" service "used by a container that is not in \
'stop': ${_foreign% }"
}

verb_prepare() {
	state_check
	engine_reach
	project_find
	table_load
	mounts_find
	run_begin
	# What ran is what runs now that nobody else may change it.
	table_load
	plan_make
	foreign_refuse refuse
	# A volume that went meanwhile would be made anew by a mount.
	for _v in $(printf '%s\n' "$MOUNTS" | sed -n 's/^volume [^ ]* //p'); do
		dk volume inspect "$_v" >/dev/null 2>&1 ||
			refuse not-found "no volume '$_v'"
	done
	image_probe
	printf '%s\n' "$MOUNTS" | put "$RUN/mounts"
	printf '%s\n' "$PLAN" | put "$RUN/plan"
	out project "${PROJECT:-}"
	mounts_out
	plan_out
	versions_out
}

# What prepare found, from the run's folder.
run_load() {
	state_names
	engine_find
	stage_name
	[ -d "$RUN" ] || die lease-lost "the run's state on the host is gone"
	MOUNTS=$(cat "$RUN/mounts" 2>/dev/null)
	PLAN=$(cat "$RUN/plan" 2>/dev/null)
	IMAGE=$(get "$RUN/conf" image) || IMAGE=
	COPY=ragbackup-copy-$RB_RUN
}

# The list of what ran goes to the disk, the copy's container and the helper
# start; nothing stops yet.
verb_arm() {
	run_load
	step_begin arm
	token_need armed
	locks_held || die lease-lost "another run took the lock"
	table_load
	project_of_run
	plan_make
	foreign_refuse die
	printf '%s\n' "$PLAN" | put "$RUN/plan"
	# Started in the reverse order.
	printf '%s\n' "$PLAN" | sed '/^$/d' |
		awk '{ l[NR] = $0 } END { for (i = NR; i > 0; i--) print l[i] }' |
		put_durable "$RUN/ran" || die io "cannot write in $RUN"
	plan_out
	dk rm -fv "$COPY" >/dev/null 2>&1
	TAIL1=-c
	TAIL2=$(keep_text)
	with_mounts helper_do docker_run -d --name "$COPY" \
		>/dev/null 2>"$RUN/probe.err" ||
		die service "helper container: $(err_line)"
	token_need armed
	helper_launch
	restart_policies || return 0
	out arm restart-policy
}

# True when docker itself starts everything after a reboot.
restart_policies() {
	[ -s "$RUN/ran" ] || return 0
	_all=$(cut -d' ' -f1 "$RUN/ran")
	# shellcheck disable=SC2086 # ids
	! dk inspect --type container -f '{{.HostConfig.RestartPolicy.Name}}' \
		$_all 2>/dev/null | grep -qv '^always$'
}

project_of_run() {
	PROJECT=$RB_PROJECT_FOUND
}

verb_stop() {
	run_load
	step_begin stop
	token_need armed
	locks_held || die lease-lost "another run took the lock"
	# All of it before the first: whoever fires knows what may go down.
	_now=$(moment)
	while read -r _id _; do
		[ -z "$_id" ] || echo "$_id $_now $RB_STOP_TIMEOUT"
	done <"$RUN/plan" >"$RUN/stopping.new"
	sync "$RUN/stopping.new" 2>/dev/null || sync
	mv "$RUN/stopping.new" "$RUN/stopping"
	_level=
	_ids=
	while read -r _id _at _lv _rest; do
		[ -n "$_id" ] || continue
		[ "$_lv" = "$_level" ] || stop_level
		_level=$_lv
		_ids="$_ids $_id"
	done <"$RUN/plan"
	stop_level
	stop_check
	note t stopped "$(epoch)"
}

# Stop the ids of one level together.
stop_level() {
	[ -n "$_ids" ] || return 0
	_now=$(moment)
	for _each in $_ids; do
		echo "$_each $_now $RB_STOP_TIMEOUT"
	done | cat - "$RUN/stopping" | put "$RUN/stopping" ||
		die io "cannot write in $RUN"
	token_need armed
	note t stopping "$(epoch)"
	# shellcheck disable=SC2086 # ids
	limit $((RB_STOP_TIMEOUT + 60)) "$DK" stop -t "$RB_STOP_TIMEOUT" $_ids \
		>/dev/null 2>"$RUN/probe.err" ||
		die service "docker stop: $(err_line)"
	_ids=
}

# "id running finished exit oom" for what ran, into ${1}.
look() {
	_all=$(cut -d' ' -f1 "$RUN/ran")
	[ -n "$_all" ] || {
		: >"$1"
		return 0
	}
	# shellcheck disable=SC2086 # ids
	dk inspect --type container -f '{{.Id}} {{.State.Running}} '\
'{{.State.FinishedAt}} {{.State.ExitCode}} {{.State.OOMKilled}}' \
		$_all >"$1" 2>"$RUN/probe.err"
}

stop_check() {
	look "$RUN/stopped.new" || die service "docker inspect: $(err_line)"
	while read -r _id _up _fin _code _oom; do
		_name=$(name_of "$_id")
		[ "$_up" = false ] || die service "$_name did not stop"
		out stopped "$_name" "$_code" "$_oom"
	done <"$RUN/stopped.new"
	mv "$RUN/stopped.new" "$RUN/stopped"
}

name_of() {
	while read -r _i _ _ _ _s _n; do
		[ "$_i" != "$1" ] || {
			echo "${_s:-$_n}"
			return 0
		}
	done <"$RUN/ran"
	echo "$1"
}

# Beside what takes longer: does anybody else use the data by now?
foreign_beside() {
	(
		exec 3>&- 4<&-
		table_load
		foreign_refuse die
	) >"$RUN/foreign" 2>/dev/null &
	_beside=$!
}

foreign_wait() {
	wait "$_beside" || {
		grep '^error' "$RUN/foreign" ||
			out error service "the check for other users failed"
		exit 1
	}
}

verb_capture() {
	run_load
	step_begin capture
	token_need armed
	project_of_run
	rm -f "$RUN/in" "$RUN/answer"
	mkfifo "$RUN/in" "$RUN/answer" || die io "mkfifo in $RUN"
	dk exec -i "$COPY" sh -c "$(copy_text)" \
		<"$RUN/in" >"$RUN/answer" 2>"$RUN/copy.err" &
	_copying=$!
	exec 3>"$RUN/in" 4<"$RUN/answer"
	foreign_beside
	_n=0
	_total=$(grep -c . "$RUN/mounts")
	while [ "$_n" -le "$_total" ]; do
		_n=$((_n + 1))
		token_need armed
		_say=$_n
		[ "$_n" -le "$_total" ] || _say=end
		echo "$_say" >&3
		read -r _word _what <&4 || _word=
		[ "$_word" = "done" ] || capture_failed
		note copied "$_say" "$_total"
	done
	exec 3>&- 4<&-
	foreign_wait
	# Who came since may have written into what was being copied.
	foreign_beside
	look "$RUN/after" || die service "docker inspect: $(err_line)"
	cmp -s "$RUN/stopped" "$RUN/after" ||
		die service "a container ran during the copy: \
$(changed_names)"
	foreign_wait
	token_move armed captured || die lease-lost "$(token_story)"
	boot_id >"$RUN/whole"
	out captured "$_total"
}

# The container said why, or docker did, once it has ended.
capture_failed() {
	exec 3>&-
	wait "$_copying"
	_what="$_what $(tr '\n' ' ' <"$RUN/copy.err" | cut -c1-300)"
	_how=io
	case $_what in
	*[Nn]"o space"*) _how=no-space ;;
	esac
	die $_how "copy of $(sed -n "${_n}p" "$RUN/mounts" |
		cut -d' ' -f3-): $_what"
}

changed_names() {
	while IFS= read -r _line; do
		grep -qxF "$_line" "$RUN/stopped" ||
			printf '%s ' "$(name_of "${_line%% *}")"
	done <"$RUN/after"
}

# Start what ran; ends when each has been running for 5 s.
verb_resume() {
	run_load
	case $(token_state) in
	released)
		out resumed already
		return 0
		;;
	fired) resume_fired ;;
	captured) ;;
	*) die lease-lost "$(token_story)" ;;
	esac
	step_begin resume
	_ids=$(cut -d' ' -f1 "$RUN/ran" | tr '\n' ' ')
	if [ -n "${_ids% }" ]; then
		token_is captured || resume_fired
		# shellcheck disable=SC2086 # ids
		limit 120 "$DK" start $_ids >/dev/null 2>"$RUN/probe.err" ||
			die service "docker start: $(err_line)"
		resume_confirm
		note t started "$(epoch)"
		resume_watch
	else
		note t started "$(epoch)"
	fi
	release_token || resume_fired
	limit 20 "$DK" rm -fv "$COPY" >/dev/null 2>&1
	out resumed ok
}

resume_confirm() {
	fire_look || die service "docker inspect: $(printf %s "$FAULT" |
		tr '\n' ' ' | cut -c1-300)"
	[ -z "$DOWN" ] || die service "ended at once:$BAD"
	[ -z "${GONE:-}" ] || die service "removed meanwhile:$GONE"
}

resume_watch() {
	_first=$SIGN
	_t0=$(clock)
	while [ $(($(clock) - _t0)) -lt 6 ]; do
		tick
		token_is captured || return 0
		resume_confirm
		# A policy may have started it again, but it did not last.
		[ "$SIGN" = "$_first" ] ||
			die service "did not keep running: started again \
within 5 s"
	done
}

# The switch started the services: a copy that was whole by then is whole.
resume_fired() {
	fired_wait 400
	_is=$?
	report_out
	[ "$_is" -eq 0 ] || die service "$(token_story): \
$(get "$RUN/report" error)"
	[ -s "$RUN/whole" ] || die lease-lost "$(token_story)"
	out resumed fired
	exit 0
}

# Is the copy still there, and whole?
verb_recover() {
	state_names
	engine_reach >/dev/null
	stage_name
	out token "$(token_state)"
	_whole=no
	case $(token_state) in
	captured | released | fired) ;;
	*)
		out whole no
		return 0
		;;
	esac
	IMAGE=$RB_IMAGE_FOUND
	if [ -s "$RUN/whole" ] &&
	    [ "$(cat "$RUN/whole")" = "$(boot_id)" ] &&
	    dk volume inspect "$STAGE" >/dev/null 2>&1; then
		_said=$(helper_do docker_run --rm --mount \
			"type=volume,src=$STAGE,dst=/stage,readonly" \
			"$IMAGE" -c 'cmp /proc/sys/kernel/random/boot_id \
/stage/complete && echo same' 2>/dev/null)
		[ "$_said" != same ] || _whole=yes
	fi
	out whole "$_whole"
}

# ---- what verbs.sh asks for ----

# Containers and staging of this run; fine when there are none.
kind_clean() {
	# Neither here nor in the daemon's memory is there anything of it.
	[ -d "$RUN" ] || [ -n "$RB_MADE" ] || return 0
	engine_find
	stage_name
	command -v "$DK" >/dev/null || die missing "no '$DK' on this host"
	_left=$(limit 30 "$DK" ps -aq --filter "label=ragbackup.run=$RB_RUN" \
		2>/dev/null) || die service "docker cannot be reached"
	# shellcheck disable=SC2086 # ids
	[ -z "$_left" ] || dk rm -fv $_left >/dev/null 2>&1
	_vol=$(dk volume ls -q --filter "label=ragbackup.run=$RB_RUN")
	# shellcheck disable=SC2086 # names
	[ -z "$_vol" ] || dk volume rm -f $_vol >/dev/null ||
		die io "cannot remove the staging volume $_vol"
}

# The run's folder is gone: what the daemon remembers is what counts.
kind_recover() {
	[ -n "$RB_RAN" ] || return 0
	engine_find
	_there=$(limit 30 "$DK" ps -aq --no-trunc) ||
		die service "docker cannot be reached"
	_ids=
	for _each in $RB_RAN; do
		# What somebody removed is owed to nobody any more.
		if printf '%s\n' "$_there" | grep -qxF "$_each"; then
			_ids="$_ids $_each"
		else
			warn "container $_each was removed meanwhile"
		fi
	done
	# shellcheck disable=SC2086 # ids
	[ -z "$_ids" ] || limit 120 "$DK" start $_ids >/dev/null ||
		die service "docker start"
	note t started "$(epoch)"
}
