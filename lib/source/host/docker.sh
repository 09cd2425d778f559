# shellcheck shell=sh disable=SC2154
# docker.sh - volumes and bind paths of containers, on the engine's host.
#
# Follows state.sh, switch.sh and verbs.sh.  Settings: RB_DOCKER
# RB_DOCKER_HOST RB_COMPOSE RB_PROJECT RB_STOP RB_VOLUMES RB_PATHS (one a line)
# RB_IMAGE RB_STOP_TIMEOUT RB_LOCK_WAIT.  Data of a volume is only reached
# through containers: on macOS it lies in a virtual machine.

P=com.docker.compose.project
S=com.docker.compose.service

# ---- the engine ----

engine_find() {
	DK=$(expand "${RB_DOCKER:-docker}")
	[ -z "$RB_DOCKER_HOST" ] || {
		DOCKER_HOST=$RB_DOCKER_HOST
		export DOCKER_HOST
		unset DOCKER_CONTEXT
	}
	DOCKER_CLI_HINTS=false
	export DOCKER_CLI_HINTS
}

engine_reach() {
	engine_find
	command -v "$DK" >/dev/null ||
		die missing "no '$DK' on this host (docker_path)"
	_said=$(limit 30 "$DK" version --format \
		'{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}' 2>&1) || {
		_said=$(printf '%s' "$_said" | tr '\n' ' ')
		case $_said in
		*"permission denied"*)
			die not-permitted "docker refuses this user: $_said"
			;;
		*) die service "docker cannot be reached: $_said" ;;
		esac
	}
	ENGINE=$(dk info --format '{{.ID}}' 2>/dev/null | tr -cd 'A-Za-z0-9')
	out engine "${ENGINE:-unknown}" "${_said%% *}" "${_said#* }"
}

# TABLE: "C id status started finished exit image project service oneoff
# depends name" for each container, "M id type name source" for each mount.
table_load() {
	_ids=$(dk ps -aq --no-trunc) || die service "docker ps failed"
	TABLE=
	[ -n "$_ids" ] || return 0
	_of='{{with index .Config.Labels'
	# shellcheck disable=SC2086 # ids
	TABLE=$(dk inspect --type container -f "C {{.Id}} {{.State.Status}} \
{{.State.StartedAt}} {{.State.FinishedAt}} {{.State.ExitCode}} {{.Image}} \
$_of \"$P\"}}{{.}}{{else}}-{{end}} $_of \"$S\"}}{{.}}{{else}}-{{end}} \
$_of \"com.docker.compose.oneoff\"}}{{.}}{{else}}-{{end}} \
-{{range \$k, \$v := .Config.Labels}}\
{{if eq \$k \"com.docker.compose.depends_on\"}}+{{\$v}}{{end}}{{end}} {{.Name}} $_of \"ragbackup.run\"}}{{.}}{{else}}-{{end}}
{{\$id := .Id}}{{range .Mounts}}M {{\$id}} {{.Type}} \
{{or .Name \"-\"}} {{.Source}}
{{end}}" $_ids 2>/dev/null)
	[ -n "$TABLE" ] || die service "docker inspect failed"
}

# The project that the folder's containers say they belong to.
project_find() {
	PROJECT=$RB_PROJECT
	[ -z "$PROJECT" ] && [ -n "$RB_COMPOSE" ] || return 0
	_to=$(expand "$RB_COMPOSE")
	[ ! -f "$_to" ] || _to=${_to%/*}
	_real=$(cd "$_to" 2>/dev/null && pwd -P) ||
		refuse missing "no folder '$RB_COMPOSE' on this host (compose)"
	_label=$P.working_dir
	_names=$(dk ps -a --filter "label=$_label" --format \
		"{{.Label \"$P\"}} {{.Label \"$_label\"}}" |
		while read -r _name _dir; do
			_there=$(cd "$_dir" 2>/dev/null && pwd -P) ||
				_there=$_dir
			[ "$_there" != "$_real" ] || echo "$_name"
		done | sort -u)
	case $_names in
	*"
"*) die config "several projects live in $_real: say which (project)" ;;
	'') PROJECT=$(printf '%s' "${_real##*/}" | tr '[:upper:]' '[:lower:]' |
		tr -cd 'a-z0-9_-') ;;
	*) PROJECT=$_names ;;
	esac
}

# ---- what is to be captured ----

# One "volume NAME REAL" or "path NAME REAL" a line, in MOUNTS.
mounts_find() {
	MOUNTS=
	KEYS=
	LOCKPATHS=
	_vols=$(dk volume ls --format "{{.Name}} {{.Label \"$P\"}}|\
{{.Label \"com.docker.compose.volume\"}}") ||
		die service "docker volume ls failed"
	[ -z "$PROJECT" ] || KEYS="$KEYS
project-$ENGINE-$PROJECT"
	while IFS= read -r _v; do
		[ -n "$_v" ] || continue
		_real=$(volume_resolve "$_v") || {
			_have=$(printf '%s\n' "$_vols" | cut -d' ' -f1 |
				head -n 30 | tr '\n' ' ')
			die not-found "no volume '$_v' (there are: $_have)"
		}
		MOUNTS="$MOUNTS
volume $_v $_real"
		KEYS="$KEYS
volume-$ENGINE-$_real"
	done <<-END
		$RB_VOLUMES
	END
	while IFS= read -r _path; do
		[ -n "$_path" ] || continue
		_path=$(expand "$_path")
		path_keys "$_path" ||
			die not-found "no folder '$_path' on this host"
		MOUNTS="$MOUNTS
path - $_real"
	done <<-END
		$RB_PATHS
	END
	MOUNTS=$(printf '%s\n' "$MOUNTS" | sed '/^$/d')
}

# The real name of volume ${1}: as mounted in the project, by label, as it is,
# with the project's prefix.
volume_resolve() {
	printf '%s\n' "$TABLE" | awk -v v="$1" -v p="$PROJECT" '
		$1 == "C" && $8 == p { ours[$2] = 1 }
		$1 == "M" && $3 == "volume" && $4 == v && ours[$2] { ok = 1 }
		END { exit !ok }' && {
		echo "$1"
		return 0
	}
	printf '%s\n' "$_vols" | awk -v v="$1" -v p="$PROJECT" '
		p != "" && $2 == p "|" v { by = $1 }
		$1 == v { same = $1 }
		p != "" && $1 == p "_" v { pre = $1 }
		END {
			got = by != "" ? by : same != "" ? same : pre
			if (got == "")
				exit 1
			print got
		}'
}

# ---- what is to be stopped ----

# PLAN: "id started level status service name" of the containers that run, in
# the order in which they are stopped; level by level.
plan_make() {
	_plan=$(printf '%s\n' "$TABLE" | LIST=$RB_STOP awk -v p="$PROJECT" '
	BEGIN {
		n = split(ENVIRON["LIST"], want, "\n")
	}
	$1 == "C" && $10 != "True" {
		for (i = 1; i <= n; i++) {
			s = want[i]
			named = p == "" && $12 == "/" s
			if (s == "" || !(named || ($9 == s && \
			    (p == "" || $8 == p))))
				continue
			there[s] = 1
			if ($11 == "-")
				mute = 1
			m = split(substr($11, 3), dep, ",")
			for (j = 1; j <= m; j++) {
				split(dep[j], part, ":")
				needs[s, part[1]] = 1
			}
			if ($3 == "paused")
				print "paused", s
			if ($3 == "running" || $3 == "restarting")
				line[s] = line[s] $2 " " $4 " @ " $3 " " s \
				    " " substr($12, 2) "\n"
		}
	}
	END {
		for (i = 1; i <= n; i++) {
			s = want[i]
			if (s == "")
				continue
			if (!(s in there))
				print "missing", s
			level[s] = mute ? i : 1
		}
		# Who needs another stops before it; a circle ends the search.
		for (k = 1; !mute && k <= n; k++)
			for (i = 1; i <= n; i++)
				for (j = 1; j <= n; j++)
					if ((want[i], want[j]) in needs && \
					    level[want[j]] <= level[want[i]] && \
					    level[want[i]] < n)
						level[want[j]] = \
						    level[want[i]] + 1
		for (k = 1; k <= n; k++)
			for (i = 1; i <= n; i++)
				if (want[i] != "" && level[want[i]] == k) {
					text = line[want[i]]
					gsub(" @ ", " " k " ", text)
					printf "%s", text
				}
	}')
	PLAN=$(printf '%s\n' "$_plan" | sed '/^paused /d;/^missing /d')
	_paused=$(printf '%s\n' "$_plan" | sed -n 's/^paused //p' | tr '\n' ' ')
	[ -z "$_paused" ] ||
		refuse service "paused, not running: ${_paused% }; \
unpause or stop it first"
	for _gone in $(printf '%s\n' "$_plan" | sed -n 's/^missing //p'); do
		service_known "$_gone" || {
			_have=$(printf '%s\n' "$TABLE" | awk -v p="$PROJECT" '
				$1 == "C" && $9 != "-" && (p == "" || \
				    $8 == p) { print $9 }' | sort -u |
				tr '\n' ' ')
			refuse not-found "no such service '$_gone' in project \
'$PROJECT' (there are: ${_have:-none})"
		}
		warn "service '$_gone' has no container: nothing to stop"
	done
}

# A service that only the project's file knows, without any container.
service_known() {
	_to=$(expand "$RB_COMPOSE")
	[ -d "$_to" ] || return 1
	{
		(cd "$_to" && dk compose config --services) 2>/dev/null ||
			(cd "$_to" && docker-compose config --services) \
				2>/dev/null
	} | grep -qxF "$1"
}

# Containers outside of PLAN that use what is captured: an error.
foreign_find() {
	printf '%s\n' "$TABLE" | PLAN=$PLAN MOUNTS=$MOUNTS awk -v run="$RB_RUN" '
	function within(a, b) {
		return index(a "/", b "/") == 1
	}
	BEGIN {
		n = split(ENVIRON["PLAN"], l, "\n")
		for (i = 1; i <= n; i++) {
			split(l[i], w, " ")
			ours[w[1]] = 1
		}
		n = split(ENVIRON["MOUNTS"], l, "\n")
		for (i = 1; i <= n; i++) {
			split(l[i], w, " ")
			at = l[i]
			sub(/^[^ ]* [^ ]* /, "", at)
			if (w[1] == "volume")
				vol[at] = 1
			else
				path[at] = 1
		}
	}
	$1 == "C" {
		live[$2] = ($3 == "running" || $3 == "paused" || \
		    $3 == "restarting") && $13 == "-" && !($2 in ours)
		name[$2] = substr($12, 2)
		state[$2] = $3
	}
	$1 == "M" && live[$2] {
		at = $0
		sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, "", at)
		hit = $3 == "volume" && ($4 in vol)
		for (p in path)
			if ($3 == "bind" && (within(at, p) || within(p, at)))
				hit = 1
		if (hit && !said[$2]++)
			printf "%s (%s) ", name[$2], state[$2]
	}'
}

# ---- the helper container ----

stage_name() {
	STAGE=ragbackup-staging-$RB_RUN
}

# helper_args: options that every container of ours has, as "$@" of ${1}.
helper_do() {
	_do=$1
	shift
	"$_do" --pull=never --network none --read-only --log-driver none \
		--restart no --user 0:0 --entrypoint sh \
		--cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE \
		--cap-add FOWNER --cap-add FSETID \
		--security-opt no-new-privileges \
		--label "ragbackup.run=$RB_RUN" \
		--label "ragbackup.instance=$RB_INSTANCE" "$@"
}

# Run COMMAND... with a --mount option for each of MOUNTS before IMAGE.
with_mounts() {
	_i=0
	while read -r _kind _name _real; do
		[ -n "$_kind" ] || continue
		_i=$((_i + 1))
		case $_kind in
		volume) set -- "$@" --mount "type=volume,src=$_real,\
dst=/src/$_i,readonly,volume-nocopy" ;;
		path)
			_real=$(printf '%s' "$_real" | sed 's/"/""/g')
			set -- "$@" --mount \
				"type=bind,\"src=$_real\",dst=/src/$_i,readonly"
			;;
		esac
	done <<-END
		$MOUNTS
	END
	set -- "$@" --mount "type=volume,src=$STAGE,dst=/stage,volume-nocopy"
	"$@" "$IMAGE" "$TAIL1" "$TAIL2"
}

docker_run() {
	dk run "$@"
}

# In the container: what it can do, how much there is, what is free.
probe_text() {
	cat <<-'END'
		for need in cp tar du df mkdir; do
			command -v $need >/dev/null || { echo lacks $need; exit 43; }
		done
		case $(tar --version 2>/dev/null) in
		*GNU*) echo tools gnu ;;
		*) echo tools plain ;;
		esac
		echo boot $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
		cd /src 2>/dev/null || exit 0
		for n in *; do
			[ -d "$n" ] || continue
			set -- $(du -sk "$n") || exit 44
			echo size "$n" "$1"
		done
		echo x >/stage/.try && rm /stage/.try || exit 45
		set -- $(df -Pk /stage | tail -n 1)
		echo free "$4"
	END
}

image_candidates() {
	if [ -n "$RB_IMAGE" ]; then
		dk image inspect "$RB_IMAGE" >/dev/null 2>&1 ||
			refuse missing "no image '$RB_IMAGE' on this host \
(helper_image); it is never pulled"
		echo "$RB_IMAGE"
		return 0
	fi
	! dk image inspect alpine >/dev/null 2>&1 || echo alpine
	printf '%s\n' "$TABLE" | LIST=$RB_STOP awk -v p="$PROJECT" '
		BEGIN { n = split(ENVIRON["LIST"], want, "\n") }
		$1 == "C" && (p == "" || $8 == p) {
			for (i = 1; i <= n; i++)
				if ($9 == want[i] && !said[$7]++)
					print $7
		}'
}

# IMAGE: the first candidate in which the probe runs; says sizes and space.
image_probe() {
	stage_name
	dk volume inspect "$STAGE" >/dev/null 2>&1 ||
		dk volume create --label "ragbackup.run=$RB_RUN" \
			--label "ragbackup.instance=$RB_INSTANCE" \
			"$STAGE" >/dev/null 2>"$RUN/probe.err" ||
		refuse io "cannot make the staging volume: $(err_line)"
	_candidates=$(image_candidates) || {
		printf '%s\n' "$_candidates"
		exit 1
	}
	[ -n "$_candidates" ] || refuse missing "no image for the helper \
container: 'docker pull alpine' on that host, or set helper_image"
	TAIL1=-c
	TAIL2=$(probe_text)
	for IMAGE in $_candidates; do
		_probe=$(with_mounts helper_do docker_run --rm \
			2>"$RUN/probe.err") && break
		_probe=${_probe:-failed}
		_fault="image $IMAGE: $_probe $(err_line)"
		IMAGE=
	done
	[ -n "$IMAGE" ] || refuse missing "no image fits the helper \
container: $_fault"
	printf '%s\n' "$_probe" | tr ' ' '	'
	echo "image=$IMAGE" >>"$RUN/conf"
	_id=$(dk image inspect -f '{{.Id}}' "$IMAGE")
	_tools=$(printf '%s\n' "$_probe" | sed -n 's/^tools //p')
	echo "tools=$_tools" >>"$RUN/conf"
	out helper_image "$IMAGE" "$_id" "$_tools"
	_need=$(printf '%s\n' "$_probe" | awk '
		$1 == "size" { sum += $3 }
		END { printf "%d", sum + sum / 20 + 16384 }')
	_free=$(printf '%s\n' "$_probe" | sed -n 's/^free //p')
	is_number "$_free" || return 0
	[ "$_free" -ge "$_need" ] || refuse no-space "the copy needs \
$_need KiB on the docker host, free are $_free KiB"
}

err_line() {
	tr '\n' ' ' <"$RUN/probe.err" | cut -c1-300
}

# What snapshot.json tells of the containers stopped.
versions_out() {
	printf '%s\n' "$TABLE" | LIST=$RB_STOP awk -v p="$PROJECT" '
		BEGIN { n = split(ENVIRON["LIST"], want, "\n") }
		$1 == "C" && $10 != "True" && (p == "" || $8 == p) {
			for (i = 1; i <= n; i++)
				if (want[i] != "" && ($9 == want[i] || \
				    (p == "" && $12 == "/" want[i])))
					print want[i], $7, $2, $3
		}' | while read -r _svc _img _id _state; do
		_ref=$(dk inspect --type container -f '{{.Config.Image}}' \
			"$_id" 2>/dev/null)
		_digest=$(dk image inspect -f \
			'{{range .RepoDigests}}{{.}} {{end}}' "$_img" \
			2>/dev/null)
		out container "$_svc" "$_id" "$_state" "$_ref" "$_img" \
			"${_digest%% *}"
	done
}

mounts_out() {
	_i=0
	printf '%s\n' "$MOUNTS" | while read -r _kind _name _real; do
		_i=$((_i + 1))
		out mount "$_i" "$_kind" "$_name" "$_real"
	done
}

plan_out() {
	printf '%s\n' "$PLAN" | while read -r _id _at _level _st _svc _nm; do
		[ -z "$_id" ] || out ran "$_id" "$_at" "$_level" "$_st" \
			"$_svc" "$_nm"
	done
}

# ---- the verbs ----

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
	dk rm -f "$COPY" >/dev/null 2>&1
	TAIL1=-c
	TAIL2='exec sleep 86400'
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
	_now=$(epoch)
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
	_now=$(epoch)
	for _each in $_ids; do
		echo "$_each $_now $RB_STOP_TIMEOUT"
	done | cat - "$RUN/stopping" | put "$RUN/stopping"
	token_need armed
	note t stopping "$_now"
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

# In the container: copy /src/N to /stage/N for each N that is read.
copy_text() {
	cat <<-'END'
		attributes() {
			chmod "$(stat -c %a "$1")" "$2" &&
				chown "$(stat -c %u:%g "$1")" "$2" &&
				chmod "$(stat -c %a "$1")" "$2" &&
				touch -r "$1" "$2"
		}
		how=-a
		echo x >/stage/.try
		cp -a --reflink=auto /stage/.try /stage/.try2 2>/dev/null &&
			how='-a --reflink=auto'
		rm -f /stage/.try /stage/.try2
		while read -r n; do
			[ "$n" != end ] || {
				cat /proc/sys/kernel/random/boot_id >/stage/complete
				echo done end
				exit 0
			}
			rm -rf "/stage/$n"
			mkdir "/stage/$n" && cd "/stage/$n" || exit 46
			cp $how "/src/$n/." "/stage/$n/" 2>/stage/error || {
				echo failed $(head -n 1 /stage/error)
				exit 47
			}
			for own in "/stage/$n"/.ragbackup-*; do
				if [ -e "$own" ] || [ -L "$own" ]; then
					rm -rf "$own"
				fi
			done
			attributes "/src/$n" "/stage/$n" || exit 48
			echo done "$n"
		done
		exit 49
	END
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
	exec 3>"$RUN/in" 4<"$RUN/answer"
	# Beside the copy: does anybody else use the data by now?
	(
		exec 3>&- 4<&-
		table_load
		foreign_refuse die
	) >"$RUN/foreign" 2>/dev/null &
	_beside=$!
	_n=0
	_total=$(grep -c . "$RUN/mounts")
	while [ "$_n" -le "$_total" ]; do
		_n=$((_n + 1))
		token_need armed
		_say=$_n
		[ "$_n" -le "$_total" ] || _say=end
		echo "$_say" >&3
		read -r _word _what <&4 || _word=
		[ "$_word" = "done" ] || {
			tr '\n' ' ' <"$RUN/copy.err" >"$RUN/probe.err"
			_how=io
			case $_what in
			*"No space"*) _how=no-space ;;
			esac
			die $_how "copy of $(sed -n "${_n}p" "$RUN/mounts" |
				cut -d' ' -f2,3): $_what $(err_line)"
		}
		note copied "$_say" "$_total"
	done
	exec 3>&- 4<&-
	wait "$_beside" || {
		grep '^error' "$RUN/foreign" ||
			out error service "the check for other users failed"
		exit 1
	}
	look "$RUN/after" || die service "docker inspect: $(err_line)"
	cmp -s "$RUN/stopped" "$RUN/after" ||
		die service "a container ran during the copy: \
$(changed_names)"
	token_move armed captured || die lease-lost "$(token_story)"
	boot_id >"$RUN/whole"
	out captured "$_total"
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
	limit 20 "$DK" rm -f "$COPY" >/dev/null 2>&1
	out resumed ok
}

resume_confirm() {
	fire_look || die service "docker inspect: $(cat "$RUN/fire.err")"
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

# Stream /stage/N as a tar; RB_N, and RB_GZIP: a level or empty.
verb_stream() {
	run_load
	_tar="tar -cf - -C /stage/$RB_N ."
	[ "$RB_TOOLS" != gnu ] || _tar="tar --format=pax --numeric-owner \
--xattrs -cf - -C /stage/$RB_N ."
	IMAGE=$RB_IMAGE_FOUND
	_name=ragbackup-read-$RB_RUN-$RB_N-$$
	if [ -z "$RB_GZIP" ]; then
		stream_tar
		return
	fi
	# Without pipefail tar's own status goes past gzip.
	exec 5>&1
	_status=$({ {
		stream_tar
		echo $? >&4
	} 4>&3 | gzip "-$RB_GZIP" >&5 || echo gzip >&3; } 3>&1)
	[ "$_status" = 0 ] || exit 1
}

stream_tar() {
	helper_do docker_run --rm --name "$_name" \
		--mount "type=volume,src=$STAGE,dst=/stage,readonly" \
		"$IMAGE" -c "exec $_tar"
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
	engine_find
	stage_name
	command -v "$DK" >/dev/null || die missing "no '$DK' on this host"
	_left=$(limit 30 "$DK" ps -aq --filter "label=ragbackup.run=$RB_RUN" \
		2>/dev/null) || die service "docker cannot be reached"
	# shellcheck disable=SC2086 # ids
	[ -z "$_left" ] || dk rm -f $_left >/dev/null 2>&1
	_vol=$(dk volume ls -q --filter "label=ragbackup.run=$RB_RUN")
	# shellcheck disable=SC2086 # names
	[ -z "$_vol" ] || dk volume rm -f $_vol >/dev/null ||
		die io "cannot remove the staging volume $_vol"
}

# The run's folder is gone: what the daemon remembers is what counts.
kind_recover() {
	[ -n "$RB_RAN" ] || return 0
	engine_find
	# shellcheck disable=SC2086 # ids
	limit 120 "$DK" start $RB_RAN >/dev/null || die service "docker start"
	note t started "$(epoch)"
}
