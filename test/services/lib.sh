# shellcheck shell=sh
# lib.sh - what the scripts that start servers have in common; sourced.
#
# A server's folder holds all it makes; its process ids are in DIR/*.pid, what a
# client needs to know is in DIR/service.json.

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# What the caller's shell may have set for its own clients is not for these.
clean_environment() {
	unset AWS_CA_BUNDLE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_FILE \
	    SSL_CERT_DIR NODE_EXTRA_CA_CERTS NODE_OPTIONS http_proxy \
	    https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
}

# A zombie whose parent is slow to notice is gone all the same.
is_alive() { # PID
	case $(ps -o stat= -p "$1" 2>/dev/null) in
	'' | Z*) return 1 ;;
	esac
}

# End what FILE names, politely first, and wait for it.
end_pid() { # FILE
	[ -s "$1" ] || return 0
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null || :
	i=0
	while is_alive "$pid"; do
		[ $i -ne 60 ] || kill -9 "$pid" 2>/dev/null || :
		[ $i -lt 100 ] || die "process $pid does not end"
		sleep 0.1
		i=$((i + 1))
	done
	rm -f "$1"
}

# N ports on loopback in a row that nobody listens on, below those that the
# system gives to connections; prints the first.
free_ports() { # N
	python3 - "$1" <<'END'
import random, socket, sys
for _ in range(200):
    first = random.randrange(15000, 32000)
    held = []
    try:
        for port in range(first, first + int(sys.argv[1])):
            s = socket.socket()
            held.append(s)
            s.bind(("127.0.0.1", port))
    except OSError:
        continue
    finally:
        for s in held:
            s.close()
    print(first)
    sys.exit()
sys.exit("no free ports")
END
}

# DIR/ca.pem, and DIR/tls.pem with DIR/tls.key for localhost signed by it; also
# for one bucket below it, as a wildcard there is good for nothing.
make_certificate() { # DIR
	{
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
		    -subj /CN=ragbackup-test-ca -keyout "$1/ca.key" \
		    -out "$1/ca.pem" &&
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
		    -keyout "$1/tls.key" -out "$1/tls.csr" &&
		echo 'subjectAltName=DNS:localhost,DNS:rag-backups.localhost,DNS:*.blob.localhost,IP:127.0.0.1' \
		    >"$1/tls.ext" &&
		openssl x509 -req -in "$1/tls.csr" -CA "$1/ca.pem" \
		    -CAkey "$1/ca.key" -CAcreateserial -days 3650 \
		    -out "$1/tls.pem" -extfile "$1/tls.ext"
	} >"$1/openssl.log" 2>&1 || die "openssl: $(tail -n 3 "$1/openssl.log")"
}

# Until URL answers anything; PIDFILE's process must live meanwhile, once it has
# written that file.
wait_for_url() { # URL SECONDS PIDFILE LOG
	i=0
	until curl -s -k -o /dev/null --max-time 2 "$1"; do
		[ ! -s "$3" ] || is_alive "$(cat "$3")" ||
		    die "ended at once: $(tail -n 5 "$4")"
		[ $i -lt $(($2 * 10)) ] ||
		    die "no answer at $1: $(tail -n 5 "$4")"
		sleep 0.1
		i=$((i + 1))
	done
}
