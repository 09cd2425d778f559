# shellcheck shell=sh disable=SC2154,SC2034,SC2015
# hostfs_put.sh - writing one object: received into a temporary file, then
# published, whole or not at all.
#
# Follows hostfs.sh.  Settings: RB_TOKEN, of the temporary file; RB_ABSENT,
# "yes" not to replace; RB_SIZE and RB_SHA, what the whole must be; RB_HINT,
# bytes to come, 0 if unknown.  The end of the input is no sign that it is whole:
# a broken connection looks the same.  So either RB_SHA was known beforehand, or
# this only tells size and digest of what came, and is told to publish by
# another command.

# For who reads along: a silent host may be a dead one.
beat_start() {
	(
		exec >/dev/null </dev/null
		# Its last sleep outlives it, and is to keep no disk mounted.
		cd /
		while sleep 10; do
			note beat || exit 1
		done
	) &
	BEAT=$!
}

# However it ends: no temporary file, no folder made for it alone.
put_guard() {
	BEAT=
	trap '[ -z "$BEAT" ] || kill "$BEAT" 2>/dev/null
		[ -z "$TMP" ] || rm -f "$TMP"
		folders_prune' EXIT
	trap 'exit 143' TERM INT HUP
	trap '' PIPE
}

# What stands there may be replaced, or nothing stands there.
target_check() {
	if [ "$RB_ABSENT" = yes ]; then
		if [ -e "./$LEAF" ] || [ -L "./$LEAF" ]; then
			die conflict "'$RB_KEY' exists already"
		fi
	fi
	[ ! -L "./$LEAF" ] || die corrupt "'$RB_KEY' is a symbolic link"
	[ ! -d "./$LEAF" ] || die io "'$RB_KEY' is a folder"
}

# False when the folder went away meanwhile: a removal found it empty.
put_begin() {
	cd "$ROOT" && HERE=$ROOT
	key_enter "$RB_KEY" make || return 1
	target_check
	space_check "$RB_HINT"
	_tmp=./$LEAF$MARK$RB_TOKEN-$$-$(boot_word)
	# Known before it is there: it may be ended in between.
	TMP=$_tmp
	FAULT=$( (
		set -C
		: >"$_tmp"
	) 2>&1) && return 0
	TMP=
	[ ! -d "$HERE" ] || die_of "create '$RB_KEY'" "$FAULT"
	return 1
}

NL='
'

# Told at once: the rest need not be sent.
faults() {
	while IFS= read -r _said; do
		note fault "$_said"
	done
}

# Standard input into TMP; SUM is its digest, computed on the way.
receive() {
	SUM=$({ {
		{ tee "$TMP" 6>&- 7>&-; echo $? >&6; } 2>&1 >&7 | faults 7>&-
	} 7>&1 | sha256; } 6>&1)
	# What tee says of itself comes first.
	[ "${SUM%"$NL"*}" = 0 ] || {
		note fault "tee ended with status ${SUM%%"$NL"*}"
		exit 1
	}
	SUM=${SUM##*"$NL"}
}

verb_put() {
	root_enter
	sha_find
	TMP=
	put_guard
	_tries=0
	until put_begin; do
		_tries=$((_tries + 1))
		[ "$_tries" -lt 10 ] || die io "'$HERE' goes away again and again"
	done
	receive
	facts "$TMP"
	if [ -z "$RB_SHA" ]; then
		# Nobody there to hear it: the connection broke.
		printf 'stored %s %s\n' "$SIZE" "$SUM" || exit 1
		TMP=
		return 0
	fi
	[ "$SIZE $SUM" = "$RB_SIZE $RB_SHA" ] || die corrupt \
		"what came for '$RB_KEY' is not what was sent ($SIZE bytes)"
	publish
}

# TMP becomes LEAF, durably.
publish() {
	space_check 0
	beat_start
	flush "$TMP" || die_of "flush '$RB_KEY'" "$FAULT"
	target_check
	if [ "$RB_ABSENT" = yes ]; then
		publish_new
	else
		FAULT=$(mv -f "$TMP" "./$LEAF" 2>&1) ||
			die_of "rename to '$RB_KEY'" "$FAULT"
	fi
	TMP=
	flush . || die_of "flush the folder of '$RB_KEY'" "$FAULT"
	facts "./$LEAF"
	printf 'published %s %s %s\n' "$SIZE" "$MTIME" "$INODE"
}

# A second name for a file is only given when there is none of it.
publish_new() {
	if FAULT=$(ln "$TMP" "./$LEAF" 2>&1); then
		rm -f "$TMP"
		return 0
	fi
	target_check
	! ln "$TMP" "$TMP-2" 2>/dev/null || {
		rm -f "$TMP-2"
		die_of "link to '$RB_KEY'" "$FAULT"
	}
	# The file system knows no second names: as good as it can be.
	note links no
	FAULT=$(mv -f "$TMP" "./$LEAF" 2>&1) ||
		die_of "rename to '$RB_KEY'" "$FAULT"
}

tmp_find() {
	root_enter
	key_enter "$RB_KEY" - || die not-found "nothing was written for '$RB_KEY'"
	for TMP in "./$LEAF$MARK$RB_TOKEN"*; do
		[ -L "$TMP" ] || [ ! -f "$TMP" ] || return 0
	done
	TMP=
	return 1
}

# After verb_put, or after somebody else wrote the file: then RB_HASH is "yes".
verb_publish() {
	tmp_find || die not-found "nothing was written for '$RB_KEY'"
	put_guard
	facts "$TMP"
	[ "$SIZE" = "$RB_SIZE" ] ||
		die corrupt "'$RB_KEY' has $SIZE bytes, not $RB_SIZE"
	if [ "$RB_HASH" = yes ]; then
		sha_find
		beat_start
		SUM=$(sha256 <"$TMP")
		kill "$BEAT" 2>/dev/null
		[ "$SUM" = "$RB_SHA" ] ||
			die corrupt "'$RB_KEY' has not the bytes that were sent"
	fi
	publish
}

# Nothing of it stays.
verb_discard() {
	while tmp_find; do
		rm -f "$TMP" || exit 1
	done
	folders_prune
}

verb_space() {
	root_enter
	space_check 0
}
