# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# docker_engine.sh - the engine, its containers and volumes: what is where.
#
# Follows state.sh, switch.sh and verbs.sh.  Settings: RB_DOCKER
# RB_DOCKER_HOST RB_COMPOSE RB_PROJECT RB_STOP RB_VOLUMES RB_PATHS (one a
# line).  Looks only; stops and starts nothing.

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
# All of them or none: one left out would be taken for one that is not there.
table_load() {
	for _again in 1 2 3; do
		_ids=$(dk ps -aq --no-trunc) || die service "docker ps failed"
		TABLE=
		[ -n "$_ids" ] || return 0
		# One that went since it was listed is an error of inspect.
		! table_inspect || return 0
	done
	die service "docker inspect: $(printf '%s\n' "$TABLE" |
		sed '/^[CM] /d' | tr '\n' ' ' | cut -c1-300)"
}

# .ID, not .Id: by a name that only the raw answer has, docker uses that for
# the whole template, and there a bind mount has no .Name.
table_inspect() {
	_of='{{with index .Config.Labels'
	# shellcheck disable=SC2086 # ids
	TABLE=$(dk inspect --type container -f "C {{.ID}} {{.State.Status}} \
{{.State.StartedAt}} {{.State.FinishedAt}} {{.State.ExitCode}} {{.Image}} \
$_of \"$P\"}}{{.}}{{else}}-{{end}} $_of \"$S\"}}{{.}}{{else}}-{{end}} \
$_of \"com.docker.compose.oneoff\"}}{{.}}{{else}}-{{end}} \
-{{range \$k, \$v := .Config.Labels}}\
{{if eq \$k \"com.docker.compose.depends_on\"}}+{{\$v}}{{end}}{{end}} {{.Name}} $_of \"ragbackup.run\"}}{{.}}{{else}}-{{end}}
{{\$id := .ID}}{{range .Mounts}}M {{\$id}} {{.Type}} \
{{or .Name \"-\"}} {{.Source}}
{{end}}" $_ids 2>&1)
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
			if (s in there && there[s] != $8)
				print "mixed", s
			there[s] = $8
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
	PLAN=$(printf '%s\n' "$_plan" | sed '/^paused /d;/^missing /d;/^mixed /d')
	_mixed=$(printf '%s\n' "$_plan" | sed -n 's/^mixed //p' | head -n 1)
	[ -z "$_mixed" ] ||
		refuse config "'$_mixed' is in several projects: say which \
(project)"
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
	function overlaps(at, p) {
		return within(at, p) || within(p, at)
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
		# Docker Desktop tells where its virtual machine has the path.
		mac = at
		sub(/^(\/host_mnt|\/run\/desktop\/mnt\/host)\//, "/", mac)
		for (p in path)
			if ($3 == "bind" && (overlaps(at, p) || \
			    overlaps(mac, p)))
				hit = 1
		if (hit && !said[$2]++)
			printf "%s (%s) ", name[$2], state[$2]
	}'
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
