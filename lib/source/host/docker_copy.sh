# shellcheck shell=sh disable=SC2154,SC2034,SC2015,SC2030,SC2031,SC2088,SC2153
# docker_copy.sh - the helper container: what it can do, the copy, the stream.
#
# Follows docker_engine.sh.  Settings: RB_IMAGE.  Data of a volume is only
# reached through containers: on macOS it lies in a virtual machine.

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
		for need in tar du df mkdir cp; do
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

# In the container, until the end: hold what docker needs to start services
# again on a disk that the copy, or somebody else, fills up meanwhile.
keep_text() {
	cat <<-'END'
		dd if=/dev/zero of=/stage/reserve bs=1048576 count=8 2>/dev/null
		trap 'rm -f /stage/reserve; exit 0' TERM
		while :; do
			sleep 60 &
			wait $!
		done
	END
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
		# The disk may be what is full: say it from memory, and give the
		# room back before the services want it.
		failed() {
			cd / && rm -rf "/stage/$n"
			echo failed $(printf '%s\n' "$1" | head -n 1)
			exit 47
		}
		how=-a
		echo x >/stage/.try
		! cp -a --reflink=auto /stage/.try /stage/.try2 2>/dev/null ||
			how='-a --reflink=auto'
		rm -f /stage/.try /stage/.try2
		while read -r n; do
			[ "$n" != end ] || {
				said=$(cat /proc/sys/kernel/random/boot_id 2>&1 \
					>/stage/complete) || failed "$said"
				echo done end
				exit 0
			}
			rm -rf "/stage/$n"
			said=$(mkdir "/stage/$n" 2>&1) && cd "/stage/$n" ||
				failed "$said"
			# The first complaint is enough, and ends it.
			said=$({ ! cp $how "/src/$n/." "/stage/$n/" 2>&1 ||
				echo copied; } | head -n 1)
			[ "$said" = copied ] || failed "$said"
			for own in "/stage/$n"/.ragbackup-*; do
				if [ -e "$own" ] || [ -L "$own" ]; then
					rm -rf "$own"
				fi
			done
			# A plain cp gives links the time of the copy.
			(cd "/src/$n" && find . -type l -exec sh -c 'for l; do
				touch -h -d "@$(stat -c %Y "$l")" "/stage/$0/$l"
			done' "$n" {} +) 2>/dev/null
			attributes "/src/$n" "/stage/$n" || exit 48
			echo done "$n"
		done
		exit 49
	END
}

# Stream /stage/N as a tar; RB_N, and RB_GZIP: a level or empty.
verb_stream() {
	run_load
	_tar="tar -cf - -C /stage/$RB_N ."
	[ "$RB_TOOLS" != gnu ] ||
		_tar="tar $(echo "$GNU_TAR" | tr '\n' ' ') -cf - -C /stage/$RB_N ."
	IMAGE=$RB_IMAGE_FOUND
	_name=ragbackup-read-$RB_RUN-$RB_N-$$
	if [ -z "$RB_GZIP" ]; then
		stream_tar
		return
	fi
	gzip_stream
}

stream_tar() {
	helper_do docker_run --rm --name "$_name" \
		--mount "type=volume,src=$STAGE,dst=/stage,readonly" \
		"$IMAGE" -c "exec $_tar"
}
