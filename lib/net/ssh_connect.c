/* ssh_connect.c - from a name to a connection whose host key is trusted. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/ssh_int.h"

/* Without SHA-1, but for old servers' MACs. */
#define PREF_KEX                                                               \
	"curve25519-sha256,curve25519-sha256@libssh.org,"                      \
	"ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"            \
	"diffie-hellman-group-exchange-sha256,"                                \
	"diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"         \
	"diffie-hellman-group14-sha256"
#define PREF_CIPHER                                                            \
	"aes128-gcm@openssh.com,aes256-gcm@openssh.com,"                       \
	"aes128-ctr,aes192-ctr,aes256-ctr,chacha20-poly1305@openssh.com"
#define PREF_MAC                                                               \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"         \
	"hmac-sha2-256,hmac-sha2-512,hmac-sha1"

/*
 * Host key types that are asked for in turn when the key is pinned: a pin does
 * not say what type it is of, and a server shows one key a connection.
 */
static const char *const pin_types[] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
	"rsa-sha2-512,rsa-sha2-256,ssh-rsa",
};
#ifdef SOCK_CLOEXEC
#define CONNECT_CLOEXEC SOCK_CLOEXEC
#else
#define CONNECT_CLOEXEC 0
#endif

#define ALL_TYPES                                                              \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"                 \
	"ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa"

/*
 * A dead peer is invisible otherwise: TCP probes when nothing is sent, and
 * gives up what is sent but not acknowledged.
 */
static void
connect_options(int fd, const struct ssh_conf *c)
{
	int on = 1, secs = (int)(c->keepalive_ms / 1000);
	int give_up_ms = (int)(c->keepalive_ms * 3);

	if (secs < 5)
		secs = 5;
	if (give_up_ms < 30000)
		give_up_ms = 30000;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
#ifdef __APPLE__
	(void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &secs, sizeof(secs));
	give_up_ms /= 1000;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_RXT_CONNDROPTIME, &give_up_ms,
	    sizeof(give_up_ms));
#else
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &secs, sizeof(secs));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms,
	    sizeof(give_up_ms));
#endif
}

/* One address; 0 when connected. */
static int
connect_address(struct ssh *s, const struct addrinfo *ai, struct err *e)
{
	socklen_t len = sizeof(int);
	int flags, num = 0;

	err_clear(e);
	/* The loop may fork at any moment: not a step later where it can be. */
	s->fd = socket(ai->ai_family, ai->ai_socktype | CONNECT_CLOEXEC,
	    ai->ai_protocol);
	if (s->fd == -1)
		return err_sys(e, errno, "socket");
	(void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	flags = fcntl(s->fd, F_GETFL);
	(void)fcntl(s->fd, F_SETFL, flags | O_NONBLOCK);
	connect_options(s->fd, s->conf);
	if (connect(s->fd, ai->ai_addr, ai->ai_addrlen) == -1) {
		if (errno != EINPROGRESS)
			(void)err_sys(e, errno, "connect");
		else if (ssh_again(s, e) == 0 &&
		    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &num, &len) == 0 &&
		    num != 0)
			(void)err_sys(e, num, "connect");
	}
	if (e->code == ERR_NONE)
		return 0;
	(void)close(s->fd);
	s->fd = -1;
	return -1;
}

static int
connect_tcp(struct ssh *s, struct err *e)
{
	struct addrinfo hints, *list = NULL, *ai;
	char port[16];
	int rc;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	(void)snprintf(port, sizeof(port), "%d", s->conf->port);
	/* It can block, and this is a thread that may. */
	if ((rc = getaddrinfo(s->conf->host, port, &hints, &list)) != 0)
		return err_set(e, ERR_NETWORK, "look up '%s': %s",
		    s->conf->host, gai_strerror(rc));
	for (rc = -1, ai = list; ai != NULL; ai = ai->ai_next) {
		rc = connect_address(s, ai, e);
		if (rc == 0 || e->code == ERR_CANCELED ||
		    ssh_now_ms() >= s->until_ms)
			break;
	}
	freeaddrinfo(list);
	/* Any reason not to get through may pass. */
	if (rc == -1 && e->code != ERR_CANCELED && e->code != ERR_TIMEOUT)
		e->code = ERR_NETWORK;
	return rc;
}

/*
 * Ask for the algorithms ${wanted}, in this order.  libssh2 would skip those
 * that it does not know, but 1.10 copies overlapping memory when it does.
 */
static int
connect_pref(struct ssh *s, int method, const char *wanted)
{
	const char **known = NULL, *at, *stop;
	struct buf list = BUF_INIT;
	int i, n, rc;
	size_t len;

	n = libssh2_session_supported_algs(s->session, method, &known);
	for (at = wanted; n > 0 && *at != '\0'; at = stop + (*stop == ',')) {
		len = strcspn(at, ",");
		stop = at + len;
		for (i = 0; i < n; i++)
			if (strlen(known[i]) == len &&
			    memcmp(known[i], at, len) == 0)
				break;
		if (i == n)
			continue;
		buf_adds(&list, list.len > 0 ? "," : "");
		buf_add(&list, at, len);
	}
	if (n > 0)
		libssh2_free(s->session, known);
	rc = libssh2_session_method_pref(s->session, method, buf_str(&list));
	buf_done(&list);
	return rc;
}

static int
connect_prefs(struct ssh *s, const char *types, struct err *e)
{
	const struct {
		int method;
		const char *list;
	} prefs[] = {
		{ LIBSSH2_METHOD_HOSTKEY, types },
		{ LIBSSH2_METHOD_KEX, PREF_KEX },
		{ LIBSSH2_METHOD_CRYPT_CS, PREF_CIPHER },
		{ LIBSSH2_METHOD_CRYPT_SC, PREF_CIPHER },
		{ LIBSSH2_METHOD_MAC_CS, PREF_MAC },
		{ LIBSSH2_METHOD_MAC_SC, PREF_MAC },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(prefs); i++)
		if (connect_pref(s, prefs[i].method, prefs[i].list) != 0)
			return err_set(e, ERR_INTERNAL,
			    "libssh2 has none of "
			    "%.200s",
			    prefs[i].list);
	return 0;
}

static int
connect_handshake(struct ssh *s, const char *types, struct err *e)
{
	int rc;

	if ((s->session = ssh_session_new(s)) == NULL)
		return err_set(e, ERR_INTERNAL, "libssh2 gave no session");
	if (connect_prefs(s, types, e) == -1)
		return -1;
	while ((rc = libssh2_session_handshake(s->session, s->fd)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (ssh_again(s, e) == -1)
			return -1;
	if (rc == 0)
		return 0;
	if (rc == LIBSSH2_ERROR_KEX_FAILURE ||
	    rc == LIBSSH2_ERROR_METHOD_NONE ||
	    rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
		return err_set(e, ERR_PROTOCOL,
		    "no way of encryption or host "
		    "key in common with the server (%s); libssh2 %s needs an "
		    "ed25519 or ecdsa host key%s",
		    ssh_why(s), libssh2_version(0),
		    libssh2_version(0x010b00) == NULL
			? " and an aes-ctr cipher with a hmac-sha2 MAC"
			: "");
	return err_set(e, ERR_NETWORK, "handshake: %s", ssh_why(s));
}

static int
connect_check_pin(struct ssh *s, const uint8_t *blob, size_t n, struct err *e)
{
	char print[KNOWN_FINGERPRINT_SIZE], type[64];

	known_fingerprint(blob, n, print);
	if (strcmp(print, s->conf->fingerprint) == 0)
		return 0;
	known_blob_type(blob, n, type, sizeof(type));
	return err_set(e, ERR_HOST_KEY,
	    "the server shows %s %s, the "
	    "configuration pins %s",
	    type, print, s->conf->fingerprint);
}

static int
connect_once(struct ssh *s, const char *types, struct err *e)
{
	const char *blob;
	size_t n = 0;
	int type = 0;

	if (connect_tcp(s, e) == -1 || connect_handshake(s, types, e) == -1)
		return -1;
	blob = libssh2_session_hostkey(s->session, &n, &type);
	if (blob == NULL || n == 0)
		return err_set(e, ERR_HOST_KEY, "the server shows no host key");
	if (s->conf->fingerprint != NULL)
		return connect_check_pin(s, (const uint8_t *)blob, n, e);
	return known_check(&s->known, (const uint8_t *)blob, n, e);
}

static int
connect_pinned(struct ssh *s, struct err *e)
{
	struct err worst = ERR_INIT;
	size_t i;

	for (i = 0; i < COUNT_OF(pin_types); i++) {
		err_clear(e);
		if (connect_once(s, pin_types[i], e) == 0)
			return 0;
		ssh_disconnect(s, false);
		/* A key that is not the pinned one says more than none. */
		if (worst.code == ERR_NONE || e->code == ERR_HOST_KEY)
			err_copy(&worst, e);
		if (e->code != ERR_HOST_KEY && e->code != ERR_PROTOCOL)
			break;
	}
	err_copy(e, &worst);
	return -1;
}

int
ssh_connect(struct ssh *s, struct err *e)
{
	struct buf types = BUF_INIT;
	int rc;

	if (s->conf->fingerprint != NULL)
		return connect_pinned(s, e);
	if (known_load(&s->known, s->conf->known_hosts, s->conf->host,
		s->conf->port, e) == -1)
		return -1;
	/* The types it is known by first, or it may show another key. */
	known_types(&s->known, &types);
	buf_addf(&types, "%s%s", types.len > 0 ? "," : "", ALL_TYPES);
	rc = connect_once(s, buf_str(&types), e);
	buf_done(&types);
	return rc;
}
