/*
 * http_resolve.c - see http_int.h.
 *
 * An answer is kept for a minute, so that parallel requests do not ask once
 * each.  A look-up cannot be stopped once libuv's pool works on it: it is cut
 * off from its request and frees itself.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/http_int.h"

#define NAME_TTL_MS 60000
#define NAMES_MAX 64
#define ADDRESSES_MAX 16

struct http_name {
	struct http_name *next;
	char *host;
	char *port;
	char *entry;
	int64_t ends_ms;
};

struct http_lookup {
	uv_getaddrinfo_t uv;
	struct http_req *req; /* NULL: nobody waits any more. */
	struct defer *defer;  /* Instead of uv: known already, or failed. */
	char *entry;
	struct err err;
};

/* "localhost" and all names below it are this machine, by RFC 6761, and curl
 * takes them for that; a resolver may not know them. */
bool
http_resolve_is_needless(const char *host)
{
	static const char tail[] = ".localhost";
	struct in6_addr a6;
	struct in_addr a4;
	size_t n = strlen(host);

	if (host[0] == '[' || inet_pton(AF_INET, host, &a4) == 1 ||
	    inet_pton(AF_INET6, host, &a6) == 1)
		return true;
	return strcasecmp(host, tail + 1) == 0 ||
	    (n >= sizeof(tail) &&
		strcasecmp(host + n - (sizeof(tail) - 1), tail) == 0);
}

static void
name_free(struct http_name *n)
{
	free(n->host);
	free(n->port);
	free(n->entry);
	free(n);
}

static struct http_name **
name_find(struct http *h, const char *host, const char *port)
{
	struct http_name **at;

	for (at = &h->names; *at != NULL; at = &(*at)->next)
		if (strcasecmp((*at)->host, host) == 0 &&
		    strcmp((*at)->port, port) == 0)
			break;
	return at;
}

void
http_resolve_forget(struct http *h, const char *host, const char *port)
{
	struct http_name **at = name_find(h, host, port), *n = *at;

	if (n == NULL)
		return;
	*at = n->next;
	name_free(n);
}

void
http_resolve_done(struct http *h)
{
	while (h->names != NULL)
		http_resolve_forget(h, h->names->host, h->names->port);
}

static void
name_keep(struct http *h, const char *host, const char *port, const char *entry)
{
	struct http_name *n, *last;
	size_t count = 1;

	http_resolve_forget(h, host, port);
	n = xcalloc(1, sizeof(*n));
	n->host = xstrdup(host);
	n->port = xstrdup(port);
	n->entry = xstrdup(entry);
	n->ends_ms = env_mono_ms(h->env) + NAME_TTL_MS;
	n->next = h->names;
	h->names = n;
	for (last = n; last->next != NULL; last = last->next)
		count++;
	if (count > NAMES_MAX)
		http_resolve_forget(h, last->host, last->port);
}

static void
lookup_free(struct http_lookup *l)
{
	free(l->entry);
	free(l);
}

/* "host:port:1.2.3.4,[::1]"; -1 when no address is of use. */
static int
lookup_entry(const struct http_req *r, const struct addrinfo *list,
    struct buf *out)
{
	const struct addrinfo *ai;
	char text[INET6_ADDRSTRLEN];
	const void *addr;
	int n = 0;

	buf_addf(out, "%s:%s:", r->host, r->port);
	for (ai = list; ai != NULL && n < ADDRESSES_MAX; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET)
			addr = &((const struct sockaddr_in *)(const void *)
				     ai->ai_addr)
				    ->sin_addr;
		else if (ai->ai_family == AF_INET6)
			addr = &((const struct sockaddr_in6 *)(const void *)
				     ai->ai_addr)
				    ->sin6_addr;
		else
			continue;
		if (inet_ntop(ai->ai_family, addr, text, sizeof(text)) == NULL)
			continue;
		buf_addf(out, ai->ai_family == AF_INET6 ? "%s[%s]" : "%s%s",
		    n == 0 ? "" : ",", text);
		n++;
	}
	return n == 0 ? -1 : 0;
}

static void
on_lookup(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
	struct http_lookup *l = CONTAINER_OF(uv, struct http_lookup, uv);
	struct http_req *r = l->req;
	struct err e = ERR_INIT;
	struct buf entry = BUF_INIT;

	if (r != NULL) {
		r->lookup = NULL;
		if (status != 0)
			(void)err_uv(&e, status, "look up '%s'", r->host);
		else if (lookup_entry(r, list, &entry) == -1)
			(void)err_set(&e, ERR_NETWORK,
			    "look up '%s': no address", r->host);
		else
			name_keep(r->http, r->host, r->port, buf_str(&entry));
		/* The resolver's own errors may pass: try again later. */
		if (e.code != ERR_NONE)
			e.code = ERR_NETWORK;
		http_resolved(r, buf_str(&entry),
		    e.code == ERR_NONE ? NULL : &e);
	}
	uv_freeaddrinfo(list);
	buf_done(&entry);
	lookup_free(l);
}

static void
on_lookup_known(void *arg)
{
	struct http_lookup *l = arg;
	struct http_req *r = l->req;

	l->defer = NULL;
	r->lookup = NULL;
	http_resolved(r, l->entry, l->err.code == ERR_NONE ? NULL : &l->err);
	lookup_free(l);
}

void
http_resolve_start(struct http_req *r)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };
	struct http *h = r->http;
	struct http_name *known = *name_find(h, r->host, r->port);
	struct http_lookup *l = xcalloc(1, sizeof(*l));
	int rc;

	l->req = r;
	r->lookup = l;
	if (known != NULL && known->ends_ms > env_mono_ms(h->env)) {
		l->entry = xstrdup(known->entry);
		l->defer = defer_call(h->env->loop, on_lookup_known, l);
		return;
	}
	rc = uv_getaddrinfo(h->env->loop, &l->uv, on_lookup, r->host, r->port,
	    &hints);
	if (rc == 0)
		return;
	(void)err_uv(&l->err, rc, "look up '%s'", r->host);
	l->defer = defer_call(h->env->loop, on_lookup_known, l);
}

void
http_resolve_cancel(struct http_req *r)
{
	struct http_lookup *l = r->lookup;

	if (l == NULL)
		return;
	r->lookup = NULL;
	l->req = NULL;
	if (l->defer != NULL) {
		defer_cancel(l->defer);
		lookup_free(l);
		return;
	}
	/* Waiting for a thread: ends at once; running: when it is through. */
	(void)uv_cancel((uv_req_t *)&l->uv);
}
