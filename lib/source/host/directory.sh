# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# directory.sh - the verbs for plain folders.
#
# Follows state.sh, switch.sh and verbs.sh.  Settings: RB_PATHS (one a line),
# RB_LOCK_WAIT.  Nothing is stopped; the switch guards the lock alone.

paths_find() {
	MOUNTS=
	KEYS=
	LOCKPATHS=
	while IFS= read -r _path; do
		[ -n "$_path" ] || continue
		_path=$(expand "$_path")
		[ -d "$_path" ] ||
			die not-found "no folder '$_path' on this host"
		path_keys "$_path" ||
			die not-permitted "cannot enter '$_path' on this host"
		MOUNTS="$MOUNTS
path - $_real"
	done <<-END
		$RB_PATHS
	END
	MOUNTS=$(printf '%s\n' "$MOUNTS" | sed '/^$/d')
}

# Sizes, the space that the copy needs, who may read it.
paths_probe() {
	_need=16384
	_i=0
	while read -r _kind _name _real; do
		_i=$((_i + 1))
		_size=$(du -sk "$_real" 2>"$RUN/probe.err") || refuse \
			not-permitted "cannot read: $(err_line)"
		_size=${_size%%[!0-9]*}
		out size "$_i" "$_size"
		_need=$((_need + _size + _size / 20))
		case $RUN/ in
		"$_real"/*) refuse config "'$_real' holds ragbackup's own \
folder $RB_HOME" ;;
		esac
	done <<-END
		$MOUNTS
	END
	_free=$(df -Pk "$RUN" | awk 'END { print $4 }')
	is_number "$_free" || return 0
	out free "$_free"
	[ "$_free" -ge "$_need" ] || refuse no-space "the copy needs $_need KiB \
in $RB_HOME, free are $_free KiB"
}

err_line() {
	tr '\n' ' ' <"$RUN/probe.err" | cut -c1-300
}

tool_find() {
	TOOLS=plain
	case $(tar --version 2>/dev/null) in
	*GNU*) TOOLS=gnu ;;
	*bsdtar*) TOOLS=bsd ;;
	esac
	# launchd gives no locale; without one bsdtar garbles names.
	[ "$(uname -s)" != Darwin ] || [ -n "${LC_ALL:-}${LANG:-}" ] || {
		LC_ALL=en_US.UTF-8
		export LC_ALL
	}
}

verb_prepare() {
	state_check
	tool_find
	for _need in tar du df cp mkfifo; do
		command -v "$_need" >/dev/null ||
			die missing "no '$_need' on this host"
	done
	paths_find
	run_begin
	paths_probe
	printf '%s\n' "$MOUNTS" | put "$RUN/mounts"
	out tools "$TOOLS"
	_i=0
	while read -r _kind _name _real; do
		_i=$((_i + 1))
		out mount "$_i" "$_kind" "$_name" "$_real"
	done <"$RUN/mounts"
}

verb_arm() {
	state_names
	token_need armed
	locks_held || die lease-lost "another run took the lock"
}

verb_stop() {
	state_names
	token_need armed
	note t stopped "$(epoch)"
}

# A tar pipe: cp -a is not everywhere, and BSD's loses hard links.
copy_one() {
	mkdir -p "$RUN/stage/$1" || return 1
	rm -f "$RUN/copied"
	(
		cd "$2" || exit 1
		case $TOOLS in
		gnu) tar --format=pax --xattrs --sparse --anchored \
			--exclude='./.ragbackup-*' -cf - . ;;
		# Without pax, fractions of seconds are lost.
		bsd) tar --format pax --exclude './.ragbackup-*' -cf - . ;;
		*) tar --exclude './.ragbackup-*' -cf - . ;;
		esac && : >"$RUN/copied"
	) 2>"$RUN/probe.err" | (
		cd "$RUN/stage/$1" || exit 1
		_xattr=
		[ "$TOOLS" != gnu ] || _xattr=--xattrs
		tar $_xattr -xpf -
	) 2>>"$RUN/probe.err" && [ -e "$RUN/copied" ] || return 1
	# bsdtar leaves the time of the folder itself as it is.
	[ "$TOOLS" != bsd ] || touch -r "$2" "$RUN/stage/$1"
}

verb_capture() {
	state_names
	step_begin capture
	tool_find
	rm -rf "$RUN/stage"
	_total=$(grep -c . "$RUN/mounts")
	_n=0
	while read -r _kind _name _real; do
		_n=$((_n + 1))
		token_need armed
		copy_one "$_n" "$_real" </dev/null || {
			_how=io
			grep -q 'No space' "$RUN/probe.err" && _how=no-space
			die $_how "copy of $_real: $(err_line)"
		}
		note copied "$_n" "$_total"
	done <"$RUN/mounts"
	token_move armed captured || die lease-lost "$(token_story)"
	boot_id >"$RUN/whole"
	out captured "$_total"
}

verb_resume() {
	state_names
	note t started "$(epoch)"
	if release_token; then
		out resumed ok
		return 0
	fi
	# Another run thought us dead; what was whole by then is whole.
	[ -s "$RUN/whole" ] || die lease-lost "$(token_story)"
	out resumed fired
}

verb_stream() {
	state_names
	tool_find
	cd "$RUN/stage/$RB_N" || exit 1
	if [ -z "$RB_GZIP" ]; then
		stream_tar
		return
	fi
	gzip_stream
}

# shellcheck disable=SC2086 # words
stream_tar() {
	case $TOOLS in
	gnu) tar $GNU_TAR -cf - . ;;
	bsd) tar --format pax --numeric-owner -cf - . ;;
	*) tar -cf - . ;;
	esac
}

verb_recover() {
	state_names
	out token "$(token_state)"
	_whole=no
	case $(token_state) in
	captured | released | fired)
		[ ! -s "$RUN/whole" ] ||
			[ "$(cat "$RUN/whole")" != "$(boot_id)" ] || _whole=yes
		;;
	esac
	out whole "$_whole"
}

# Links, odd modes: what cannot be removed by its owner is opened first.
kind_clean() {
	[ ! -d "$RUN/stage" ] || rm -rf "$RUN/stage" 2>/dev/null || {
		chmod -R u+rwx "$RUN/stage" 2>/dev/null
		rm -rf "$RUN/stage" || die io "cannot remove $RUN/stage"
	}
}

kind_recover() {
	return 0
}
