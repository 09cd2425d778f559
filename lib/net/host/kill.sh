# kill.sh - end a process group (rb_kind=group) or a process with all that
# descends from it (rb_kind=tree), rb_pid leading: TERM, after 5 s KILL.
# Status 0: nothing of it runs any more.  Zombies do not run.

# Every process: pid, parent, group, state.
rb_list() {
	ps -A -o pid= -o ppid= -o pgid= -o stat= 2>/dev/null ||
	    ps -o pid,ppid,pgid,stat 2>/dev/null
}

# Print the pids that are to go; rb_all keeps a tree's, whose links vanish as
# parents end.
rb_all=" $rb_pid "
rb_left() {
	rb_table=$(rb_list)
	if [ -z "$rb_table" ]; then
		if [ "$rb_kind" = group ]; then
			kill -0 -- "-$rb_pid" 2>/dev/null && echo "$rb_pid"
		else
			kill -0 "$rb_pid" 2>/dev/null && echo "$rb_pid"
		fi
		return 0
	fi
	echo "$rb_table" | while read -r pid ppid pgid stat; do
		case $stat in
		Z*) continue ;;
		esac
		if [ "$rb_kind" = group ]; then
			[ "$pgid" = "$rb_pid" ] && echo "$pid"
		else
			case $rb_all in
			*" $pid "*) echo "$pid" ;;
			esac
		fi
	done
	return 0
}

# Add the children of what is in the tree until there are none to add.  (An
# old bash wants both parentheses of a case pattern in a command substitution.)
rb_grow() {
	[ "$rb_kind" = tree ] || return 0
	rb_was=
	while [ "$rb_was" != "$rb_all" ]; do
		rb_was=$rb_all
		rb_all=$rb_all$(rb_list | while read -r pid ppid pgid stat; do
			case $rb_was in
			(*" $pid "*) continue ;;
			esac
			case $rb_was in
			(*" $ppid "*) printf '%s ' "$pid" ;;
			esac
		done)
	done
}

rb_signal() {
	rb_grow
	if [ "$rb_kind" = group ]; then
		kill "-$1" -- "-$rb_pid" 2>/dev/null
	else
		for pid in $rb_all; do
			kill "-$1" "$pid" 2>/dev/null
		done
	fi
	return 0
}

# Wait for up to $1 tenths of a second; a sleep that knows no fractions makes
# them seconds, counted as such.
rb_wait() {
	rb_n=$1
	while [ "$rb_n" -gt 0 ]; do
		[ -n "$(rb_left)" ] || return 0
		if sleep 0.1 2>/dev/null; then
			rb_n=$((rb_n - 1))
		else
			sleep 1
			rb_n=$((rb_n - 10))
		fi
	done
	[ -z "$(rb_left)" ]
}

rb_signal TERM
rb_signal CONT
rb_wait 50 && exit 0
rb_signal KILL
rb_wait 50 && exit 0
echo "still running after KILL: $(rb_left | tr '\n' ' ')" >&2
exit 1
