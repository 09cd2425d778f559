# shellcheck shell=sh disable=SC2154,SC2034,SC2015
# hostfs_read.sh - reading: an object or a part of it, its facts, lists.
#
# Follows hostfs.sh.  Settings: RB_FROM and RB_LEN (-1: to the end) for get,
# RB_FLAT ("yes" or "") for list.

NL='
'

# A note tells the size first, so that a reader knows when it was cut short.
verb_get() {
	root_enter
	key_enter "$RB_KEY" - || die not-found "'$RB_KEY' is not there"
	leaf_check corrupt
	[ -r "./$LEAF" ] || die not-permitted "cannot read '$RB_KEY'"
	facts "./$LEAF"
	note size "$SIZE"
	[ "$RB_LEN" -ne 0 ] && [ "$RB_FROM" -lt "$SIZE" ] || return 0
	if [ "$RB_FROM" -eq 0 ] && [ "$RB_LEN" -lt 0 ]; then
		cat "./$LEAF"
	elif [ "$RB_FROM" -eq 0 ]; then
		head -c "$RB_LEN" "./$LEAF"
	elif [ "$RB_LEN" -lt 0 ]; then
		tail -c "+$((RB_FROM + 1))" "./$LEAF"
	else
		tail -c "+$((RB_FROM + 1))" "./$LEAF" | head -c "$RB_LEN"
	fi
}

verb_stat() {
	root_enter
	key_enter "$RB_KEY" - || die not-found "'$RB_KEY' is not there"
	leaf_check not-found
	facts "./$LEAF"
	printf '%s %s %s\n' "$SIZE" "$MTIME" "$INODE"
}

# find_all FIND-ARGUMENT...: what find says of files that went away meanwhile
# is no fault; anything else is.
find_all() {
	FAULT=$({ find . "$@" 2>&1 >&3 3>&- |
		grep -v 'No such file' | head -n 1; } 3>&4)
	[ -z "$FAULT" ] || die_of "list '$HERE'" "$FAULT"
}

# Lines "SIZE MTIME INODE ./NAME" of all files below, but temporary ones and
# those whose names are no lines.
list_flat() {
	find_all \( -name "*$MARK*" -o -name "*$NL*" \) -prune -o \
		-type f -exec stat "$STAT_OPT" "$STAT_FORM" {} +
}

# One level: files as above, folders with a "/" in front of such a line, if
# there is any file below them, or they cannot be looked into.
list_level() {
	find_all ! -name . -prune ! -name "*$MARK*" ! -name "*$NL*" \
		-type f -exec stat "$STAT_OPT" "$STAT_FORM" {} +
	{
		find . \( -name "*$MARK*" -o -name "*$NL*" \) -prune -o \
			-type f -path './*/*' -print 2>/dev/null |
			awk -F/ '!said[$2]++ { print "has ./" $2 }'
		for _dir in ./* ./.[!.]* ./..?*; do
			[ ! -d "$_dir" ] || [ -L "$_dir" ] || {
				[ -r "$_dir" ] && [ -x "$_dir" ]
			} || printf 'has %s\n' "$_dir"
		done
		echo all
		find . ! -name . -prune ! -name "*$MARK*" ! -name "*$NL*" \
			-type d -exec stat "$STAT_OPT" "$STAT_FORM" {} + \
			2>/dev/null
	} | awk '
		!is_all && /^has / { has[substr($0, 5)] = 1; next }
		!is_all && $0 == "all" { is_all = 1; next }
		{
			name = $0
			sub(/^[0-9]+ -?[0-9]+ [0-9]+ /, "", name)
			if (name in has)
				print "/" $0
		}' >&4
}

verb_list() {
	root_enter
	key_enter "$RB_PREFIX" - || return 0
	[ -r . ] || die not-permitted "cannot list '$HERE'"
	stat_find
	exec 4>&1
	if [ "$RB_FLAT" = yes ]; then
		list_flat
	else
		list_level
	fi
}
