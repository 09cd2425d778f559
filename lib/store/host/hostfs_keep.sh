# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2295,SC2153
# hostfs_keep.sh - whether the store can be used, and taking away.
#
# Follows hostfs.sh.  Settings: RB_TOKEN for check; RB_AGE, in seconds, and
# RB_LIVE, tokens of writers known to live, for sweep.

# Seconds after which what a dead writer left is nobody's any more.
QUIET=60
QUIET_BOOT=900
QUIET_EMPTY=10

# The root is made if just its last part is missing: a whole path that is not
# there is a disk that is not mounted.
root_make() {
	root_path
	if [ -e "$ROOT" ] || [ -L "$ROOT" ]; then
		return 0
	fi
	_in=${ROOT%/*}
	[ -d "${_in:-/}" ] || die missing \
		"neither '$ROOT' nor the folder it is in exists"
	FAULT=$(mkdir "$ROOT" 2>&1) || [ -d "$ROOT" ] ||
		die_of "create '$ROOT'" "$FAULT"
	flush "${_in:-/}" || die_of "create '$ROOT'" "$FAULT"
}

verb_check() {
	for _need in awk cat cut df find grep head ln ls mkdir mv rm rmdir \
	    stat sync tail tee tr; do
		command -v $_need >/dev/null ||
			die missing "no '$_need' on this host"
	done
	sha_find
	root_make
	root_enter
	RB_KEY=check
	# Permission bits say little (root, read-only mounts): try it.
	_probe=./check$MARK$RB_TOKEN-$$-$(boot_word)
	FAULT=$( (
		set -C
		: >"$_probe"
	) 2>&1) || {
		rm -f "$_probe"
		die_of "cannot write in '$ROOT'" "$FAULT"
	}
	if ln "$_probe" "$_probe-2" 2>/dev/null; then
		note links yes
	else
		note links no
	fi
	rm -f "$_probe" "$_probe-2"
	[ "$RB_MIN_FREE" -eq 0 ] || [ "$(free_bytes)" -ge "$RB_MIN_FREE" ] ||
		die no-space "'$ROOT' has $(free_bytes) bytes free, less than \
min_free"
}

verb_remove() {
	root_enter
	key_enter "$RB_KEY" - || return 0
	# A link goes itself, what it points to stays.
	if [ -d "./$LEAF" ] && [ ! -L "./$LEAF" ]; then
		die io "remove '$RB_KEY': it is a folder"
	fi
	FAULT=$(rm -f "./$LEAF" 2>&1) || die_of "remove '$RB_KEY'" "$FAULT"
	flush . || die_of "remove '$RB_KEY'" "$FAULT"
	_was=$HERE
	folders_prune
	[ "$HERE" = "$_was" ] || flush . || die_of "remove '$RB_KEY'" "$FAULT"
}

# is_left NAME MTIME: nobody writes this temporary file any more.
is_left() {
	_rest=${1##*"$MARK"}
	_token=${_rest%%-*}
	case " $RB_LIVE " in
	*" $_token "*) return 1 ;;
	esac
	_age=$((NOW - $2))
	[ "$_age" -lt "$RB_AGE" ] || return 0
	case $_rest in
	*-*-*) ;;
	*) return 1 ;;
	esac
	_pid=${_rest#*-}
	_boot=${_pid#*-}
	_boot=${_boot%%-*}
	_pid=${_pid%%-*}
	is_number "$_pid" && [ "$_pid" -gt 1 ] || return 1
	if [ "$_boot" != "$BOOT" ]; then
		[ "$_age" -ge $QUIET_BOOT ]
		return
	fi
	[ "$_age" -ge $QUIET ] && ! kill -0 "$_pid" 2>/dev/null &&
		[ ! -e "/proc/$_pid" ] && ! ps -p "$_pid" >/dev/null 2>&1
}

# sweep_in FOLDER ONLY: temporary files of it, and all below unless ONLY; and
# folders that held nothing else.  SWEPT counts.
sweep_in() {
	_list=$(
		if [ "$2" = only ]; then
			for _tmp in "$1"/*"$MARK"*; do
				[ ! -f "$_tmp" ] || [ -L "$_tmp" ] ||
					stat "$STAT_OPT" "$STAT_FORM" "$_tmp"
			done
		else
			find "$1" -type f -name "*$MARK*" ! -path "*$NL*" \
				-exec stat "$STAT_OPT" "$STAT_FORM" {} +
		fi 2>/dev/null
	)
	while read -r _ _mtime _ _tmp; do
		[ -n "$_tmp" ] && is_left "${_tmp##*/}" "$_mtime" || continue
		FAULT=$(rm -f "$_tmp" 2>&1) || die_of "remove '$_tmp'" "$FAULT"
		SWEPT=$((SWEPT + 1))
		_dir=${_tmp%/*}
		while [ "$_dir" != . ] && rmdir "$_dir" 2>/dev/null; do
			_dir=${_dir%/*}
		done
	done <<-END
		$_list
	END
}

# Nothing became whole in it: no claim, no object, no folder.
is_stillborn() {
	for _entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
		case $_entry in
		*"$MARK"*) continue ;;
		esac
		if [ -e "$_entry" ] || [ -L "$_entry" ]; then
			return 1
		fi
	done
	return 0
}

# From the root only in folders that are nobody's.
sweep_root() {
	sweep_in . only
	for _id in ./[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9]*; do
		printf '%s\n' "$_id" |
			grep -Eq '^\./[0-9]{8}-[0-9]{6}(-[0-9]+)?$' || continue
		[ -d "$_id" ] && [ ! -L "$_id" ] && [ -r "$_id" ] &&
			is_stillborn "$_id" || continue
		sweep_in "$_id" only
		[ -d "$_id" ] || continue
		facts "$_id"
		[ $((NOW - MTIME)) -lt $QUIET_EMPTY ] ||
			! rmdir "$_id" 2>/dev/null || SWEPT=$((SWEPT + 1))
	done
}

NL='
'

verb_sweep() {
	root_enter
	RB_KEY=$RB_PREFIX
	key_enter "$RB_PREFIX" - || return 0
	stat_find
	NOW=$(date +%s)
	BOOT=$(boot_word)
	SWEPT=0
	if [ -z "$RB_PREFIX" ]; then
		sweep_root
	else
		sweep_in . all
	fi
	[ "$SWEPT" -eq 0 ] || {
		folders_prune
		flush . || die_of "flush '$HERE'" "$FAULT"
	}
}
