/*
 * http.c - see http.h; http_int.h tells which file does what.
 *
 * A request:  WAITING -> RESOLVING -> MOVING -> OVER
 * One step a wake: give one block, let curl go on, or finish.  Each ends with
 * at most one call of the caller's, after which nothing is touched that the
 * caller may have freed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/http_int.h"

#define STALL_MS 30000
#define CONNECT_MS 15000
#define ANSWER_MAX ((size_t)1024 * 1024)
#define LABEL_MAX 300
#define ASK_BODY_MIN ((uint64_t)1024 * 1024)

static void on_wake(void *);

struct http *
http_new(struct env *env)
{
	static bool is_initialized;
	struct http *h = xcalloc(1, sizeof(*h));

	if (!is_initialized)
		BUG_IF(curl_global_init(CURL_GLOBAL_DEFAULT) != 0);
	is_initialized = true;
	h->owners = 1;
	h->env = env;
	h->ready_tail = &h->ready_head;
	BUG_IF(http_socket_init(h) == -1);
	return h;
}

struct http *
http_ref(struct http *h)
{
	h->owners++;
	return h;
}

void
http_ready(struct http_req *r)
{
	struct http *h = r->http;

	if (r->is_ready)
		return;
	r->is_ready = true;
	r->ready_next = NULL;
	*h->ready_tail = r;
	h->ready_tail = &r->ready_next;
	if (h->wake == NULL)
		h->wake = defer_call(h->env->loop, on_wake, h);
}

static void
http_unready(struct http_req *r)
{
	struct http *h = r->http;
	struct http_req **at;

	if (!r->is_ready)
		return;
	r->is_ready = false;
	for (at = &h->ready_head; *at != r; at = &(*at)->ready_next)
		;
	*at = r->ready_next;
	if (h->ready_tail == &r->ready_next)
		h->ready_tail = at;
}

void
http_fail(struct http_req *r, enum err_code code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (r->err.code == ERR_NONE) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		(void)err_set(&r->err, code, "%s: %s", r->label, text);
	}
	r->phase = HTTP_OVER;
	http_ready(r);
}

void
http_over(struct http_req *r, CURLcode code)
{
	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->status);
	r->is_paused = false;
	if (code != CURLE_OK && r->err.code == ERR_NONE)
		http_fault(r, code);
	r->phase = HTTP_OVER;
	http_transfer_end(r);
	http_ready(r);
}

/* Leave every list and free it; no callback. */
static void
http_req_free(struct http_req *r)
{
	size_t i;

	if (r->gone != NULL)
		*r->gone = true;
	http_unready(r);
	http_resolve_cancel(r);
	http_transfer_end(r);
	env_timer_free(r->timer);
	*r->prev = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	for (i = 0; i < r->npending; i++)
		block_unref(r->pending[i]);
	free(r->pending);
	http_body_done(&r->body);
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->resolve);
	buf_done(&r->answer);
	buf_done(&r->answer_headers);
	free(r->method);
	free(r->url);
	free(r->label);
	free(r->ca_file);
	free(r->host);
	free(r->port);
	free(r);
}

void
http_cancel(struct http_req *r)
{
	http_req_free(r);
}

void
http_free(struct http *h)
{
	if (h == NULL || --h->owners > 0)
		return;
	while (h->all != NULL)
		http_req_free(h->all);
	defer_cancel(h->wake);
	http_socket_done(h);
	http_resolve_done(h);
	free(h);
}

static void
http_finish(struct http_req *r)
{
	struct http_answer a = { .status = r->status };
	struct buf answer = r->answer, headers = r->answer_headers;
	struct err e = r->err;
	http_fn *fn = r->fn;
	void *arg = r->arg;

	r->answer = (struct buf)BUF_INIT;
	r->answer_headers = (struct buf)BUF_INIT;
	http_req_free(r);
	a.body = buf_str(&answer);
	a.body_len = answer.len;
	a.headers = buf_str(&headers);
	if (e.code == ERR_NONE)
		fn(arg, &a, NULL);
	else
		fn(arg, NULL, &e);
	buf_done(&answer);
	buf_done(&headers);
}

/* The oldest pending block goes to the caller, who may cancel meanwhile. */
static void
http_give(struct http_req *r)
{
	struct block *b = r->pending[0];
	bool is_gone = false, more;

	r->npending--;
	r->pending_bytes -= b->len;
	memmove(r->pending, r->pending + 1,
	    r->npending * sizeof(struct block *));
	r->is_held = true;
	r->gone = &is_gone;
	more = r->on_block(r->block_arg, b);
	if (is_gone)
		return;
	r->gone = NULL;
	if (more)
		r->is_held = false;
	if (!r->is_held)
		http_ready(r);
}

/* What may not take longer than so long, as it stands now. */
static void
http_watch(struct http_req *r)
{
	int64_t now = env_mono_ms(r->http->env), wait;
	int64_t limit = r->phase == HTTP_RESOLVING ? r->connect_ms
						   : r->stall_ms;
	char text[64];

	if (r->err.code != ERR_NONE)
		return;
	if (r->ends_ms != 0 && now >= r->ends_ms) {
		str_format_duration(r->deadline_ms, text, sizeof(text));
		http_fail(r, ERR_TIMEOUT, "not done within %s", text);
		return;
	}
	/* A reader that asked to wait is not the far side's fault. */
	if (r->is_held)
		r->moved_ms = now;
	if (now >= r->moved_ms + limit) {
		str_format_duration(limit, text, sizeof(text));
		http_fail(r, ERR_TIMEOUT, "%s for %s",
		    r->phase == HTTP_RESOLVING ? "the name was looked up"
					       : "no byte moved",
		    text);
		return;
	}
	wait = r->moved_ms + limit - now;
	if (r->ends_ms != 0 && wait > r->ends_ms - now)
		wait = r->ends_ms - now;
	env_timer_start(r->timer, wait);
}

static void
http_begin(struct http_req *r)
{
	struct err e = ERR_INIT;

	r->phase = HTTP_MOVING;
	r->moved_ms = env_mono_ms(r->http->env);
	if (http_transfer_begin(r, &e) == -1)
		http_fail(r, e.code, "%s", e.msg);
	else
		http_watch(r);
}

void
http_resolved(struct http_req *r, const char *entry, const struct err *e)
{
	if (e != NULL) {
		http_fail(r, e->code, "%s", e->msg);
		return;
	}
	r->resolve = curl_slist_append(NULL, entry);
	http_begin(r);
}

static void
http_step(struct http_req *r)
{
	if (r->phase == HTTP_WAITING) {
		if (http_resolve_is_needless(r->host)) {
			http_begin(r);
			return;
		}
		r->phase = HTTP_RESOLVING;
		r->moved_ms = env_mono_ms(r->http->env);
		http_resolve_start(r);
		http_watch(r);
	} else if (r->npending > 0 && r->err.code == ERR_NONE) {
		if (!r->is_held)
			http_give(r);
	} else if (r->phase == HTTP_OVER) {
		if (!r->is_held || r->err.code != ERR_NONE)
			http_finish(r);
	} else if (r->is_paused && !r->is_held) {
		http_transfer_resume(r);
	}
}

static void
on_wake(void *arg)
{
	struct http *h = arg;
	struct http_req *r = h->ready_head;

	h->wake = NULL;
	if (r == NULL)
		return;
	http_unready(r);
	if (h->ready_head != NULL)
		h->wake = defer_call(h->env->loop, on_wake, h);
	http_step(r);
}

int64_t
http_sent(const struct http_req *r)
{
	return (int64_t)r->body.at;
}

void
http_unpause(struct http_req *r)
{
	r->is_held = false;
	r->moved_ms = env_mono_ms(r->http->env);
	http_ready(r);
}

static void
on_req_timer(void *arg)
{
	http_watch(arg);
}

static bool
http_has_break(const char *s)
{
	return strpbrk(s, "\r\n") != NULL;
}

/* "GET https://host/path": what may be secret, user and query, is left out. */
static char *
http_label(const char *method, const char *url)
{
	const char *host = strstr(url, "://"), *at;
	int n;

	host = host == NULL ? url : host + 3;
	at = memchr(host, '@', strcspn(host, "/?#"));
	if (at != NULL)
		url = at + 1;
	n = (int)strcspn(url, "?#");
	return xasprintf("%.20s %.*s", method, n > LABEL_MAX ? LABEL_MAX : n,
	    url);
}

/* Split the URL; -1 with the request failed. */
static int
http_take_url(struct http_req *r)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *scheme = NULL;
	const char *s;
	CURLUcode rc;
	int done = -1;

	for (s = r->url; *s > ' ' && *s < 0x7f; s++)
		;
	BUG_IF(u == NULL);
	rc = curl_url_set(u, CURLUPART_URL, r->url, CURLU_PATH_AS_IS);
	if (*s != '\0')
		http_fail(r, ERR_CONFIG,
		    "a URL is printable ASCII; write others as %%XX or xn--");
	else if (rc != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		CURLUE_OK)
		http_fail(r, ERR_CONFIG, "not a URL");
	else if (strcasecmp(scheme, "http") != 0 &&
	    strcasecmp(scheme, "https") != 0)
		http_fail(r, ERR_CONFIG, "expected http:// or https://");
	else
		done = 0;
	if (done == 0) {
		r->host = xstrdup(host);
		r->port = xstrdup(port);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return done;
}

static int
http_take_headers(struct http_req *r, const char *const *list)
{
	struct curl_slist *more;

	/* Waiting for "100 Continue" costs time, most where it is not known;
	 * left alone, curl does it for whatever is to be sent. */
	if (!r->does_ask || r->body.size <= ASK_BODY_MIN)
		r->headers = curl_slist_append(NULL, "Expect:");
	for (; list != NULL && *list != NULL; list++) {
		if (http_has_break(*list)) {
			http_fail(r, ERR_CONFIG, "a header holds a line break");
			return -1;
		}
		more = curl_slist_append(r->headers, *list);
		BUG_IF(more == NULL);
		r->headers = more;
	}
	return 0;
}

static void
http_take_limits(struct http_req *r, const struct http_opt *o)
{
	int64_t now = env_mono_ms(r->http->env);

	r->deadline_ms = o->deadline_ms;
	r->stall_ms = o->stall_ms > 0 ? o->stall_ms : STALL_MS;
	r->max_rate = o->max_rate;
	r->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
	r->answer_max = o->answer_max > 0 ? o->answer_max : ANSWER_MAX;
	r->ends_ms = o->deadline_ms > 0 ? now + o->deadline_ms : 0;
	r->moved_ms = now;
	r->timer = env_timer_new(r->http->env, on_req_timer, r);
}

struct http_req *
http_start(struct http *h, const struct http_opt *o, http_fn *fn, void *arg)
{
	struct http_req *r = xcalloc(1, sizeof(*r));

	r->http = h;
	r->fn = fn;
	r->arg = arg;
	r->next = h->all;
	r->prev = &h->all;
	if (r->next != NULL)
		r->next->prev = &r->next;
	h->all = r;
	r->method = xstrdup(o->method == NULL ? "GET" : o->method);
	r->url = xstrdup(o->url);
	r->label = http_label(r->method, r->url);
	r->ca_file = o->ca_file == NULL ? NULL : xstrdup(o->ca_file);
	r->is_insecure = o->is_insecure;
	r->on_block = o->on_block;
	r->block_arg = o->block_arg;
	r->is_once = o->is_once;
	r->does_ask = o->does_ask;
	r->is_sent = o->is_sent;
	http_body_init(&r->body, o);
	http_take_limits(r, o);
	if (http_take_url(r) == 0 && http_take_headers(r, o->headers) == 0) {
		http_ready(r);
		http_watch(r);
	}
	return r;
}

bool
http_header(const struct http_answer *a, const char *name, char *out,
    size_t size)
{
	size_t n = strlen(name), len;
	const char *line;

	for (line = a->headers; *line != '\0'; line += *line == '\n') {
		len = strcspn(line, "\r\n");
		if (len > n && strncasecmp(line, name, n) == 0 &&
		    line[n] == ':') {
			line += n + 1;
			len -= n + 1;
			for (; len > 0 && (*line == ' ' || *line == '\t');
			     len--)
				line++;
			while (len > 0 &&
			    (line[len - 1] == ' ' || line[len - 1] == '\t'))
				len--;
			(void)snprintf(out, size, "%.*s", (int)len, line);
			return true;
		}
		line += strcspn(line, "\n");
	}
	return false;
}
