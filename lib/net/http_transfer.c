/*
 * http_transfer.c - one easy handle: options, body, answer; see http_int.h.
 *
 * The callbacks here run inside curl: they copy bytes and record.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_int.h"

#define BIG_BODY ((uint64_t)64 * 1024)
/* For the server's word on a body before it is sent. */
#define ASK_MS 500L

void
http_body_init(struct http_body *b, const struct http_opt *o)
{
	size_t i;

	if (o->nblocks > 0) {
		b->has = true;
		b->nblocks = o->nblocks;
		b->blocks = xcalloc(o->nblocks, sizeof(struct block *));
		for (i = 0; i < o->nblocks; i++) {
			b->blocks[i] = block_ref(o->blocks[i]);
			b->size += o->blocks[i]->len;
		}
	} else if (o->body != NULL) {
		b->has = true;
		b->bytes = xmalloc(o->body_len + 1);
		memcpy(b->bytes, o->body, o->body_len);
		b->size = o->body_len;
	}
}

void
http_body_done(struct http_body *b)
{
	size_t i;

	for (i = 0; i < b->nblocks; i++)
		block_unref(b->blocks[i]);
	free(b->blocks);
	free(b->bytes);
}

static size_t
body_copy(const struct http_body *b, char *out, size_t max)
{
	uint64_t skip = b->at;
	size_t i, n, done = 0;

	if (b->bytes != NULL) {
		n = b->size - b->at < max ? (size_t)(b->size - b->at) : max;
		memcpy(out, b->bytes + b->at, n);
		return n;
	}
	for (i = 0; i < b->nblocks && done < max; i++) {
		n = b->blocks[i]->len;
		if (skip >= n) {
			skip -= n;
			continue;
		}
		n -= (size_t)skip;
		if (n > max - done)
			n = max - done;
		memcpy(out + done, b->blocks[i]->data + skip, n);
		done += n;
		skip = 0;
	}
	return done;
}

static void
transfer_moved(struct http_req *r)
{
	r->moved_ms = env_mono_ms(r->http->env);
}

static size_t
on_read(char *out, size_t size, size_t count, void *arg)
{
	struct http_req *r = arg;
	size_t n = body_copy(&r->body, out, size * count);

	r->body.at += n;
	transfer_moved(r);
	return n;
}

/* Curl goes back when a kept connection turned out to be dead. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_req *r = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > r->body.size)
		return CURL_SEEKFUNC_FAIL;
	r->body.at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool
transfer_is_streamed(struct http_req *r)
{
	long status = 0;

	if (r->on_block == NULL)
		return false;
	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status <= 299;
}

/* Fill the last pending block before a new one is begun. */
static void
transfer_stream(struct http_req *r, const char *data, size_t n)
{
	struct block *b;
	size_t part;

	r->pending_bytes += n;
	while (n > 0) {
		b = r->npending == 0 ? NULL : r->pending[r->npending - 1];
		if (b == NULL || b->len == b->cap) {
			b = block_new(BLOCK_SIZE);
			r->pending = xrealloc(r->pending,
			    (r->npending + 1) * sizeof(struct block *));
			r->pending[r->npending++] = b;
		}
		part = b->cap - b->len < n ? b->cap - b->len : n;
		memcpy(b->data + b->len, data, part);
		b->len += part;
		data += part;
		n -= part;
	}
	http_ready(r);
}

static size_t
on_write(char *data, size_t size, size_t count, void *arg)
{
	struct http_req *r = arg;
	size_t n = size * count;

	transfer_moved(r);
	if (transfer_is_streamed(r)) {
		if (r->pending_bytes >= HTTP_PENDING_MAX) {
			r->is_paused = true;
			http_ready(r);
			return CURL_WRITEFUNC_PAUSE;
		}
		transfer_stream(r, data, n);
		return n;
	}
	if (n > r->answer_max - r->answer.len) {
		http_fail(r, ERR_LIMIT, "the answer is larger than %zu bytes",
		    r->answer_max);
		return 0;
	}
	buf_add(&r->answer, data, n);
	return n;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct http_req *r = arg;
	size_t n = size * count;

	transfer_moved(r);
	/* A status line begins anew: what came before was an interim answer. */
	if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
		buf_clear(&r->answer_headers);
	if (n > HTTP_HEADERS_MAX - r->answer_headers.len) {
		http_fail(r, ERR_LIMIT,
		    "the headers of the answer are larger than %zu bytes",
		    HTTP_HEADERS_MAX);
		return 0;
	}
	buf_add(&r->answer_headers, data, n);
	return n;
}

static void
transfer_set_method(struct http_req *r, CURL *c)
{
	bool is_put = strcasecmp(r->method, "PUT") == 0 ||
	    strcasecmp(r->method, "POST") == 0 ||
	    strcasecmp(r->method, "PATCH") == 0;

	if (strcasecmp(r->method, "HEAD") == 0)
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	if (r->body.has || is_put) {
		/* With its length known, never chunked: stores refuse that. */
		(void)curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)r->body.size);
		(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		(void)curl_easy_setopt(c, CURLOPT_READDATA, r);
		(void)curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		(void)curl_easy_setopt(c, CURLOPT_SEEKDATA, r);
		if (r->body.size > BIG_BODY)
			(void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE,
			    (long)BLOCK_SIZE);
	}
	(void)curl_easy_setopt(c, CURLOPT_EXPECT_100_TIMEOUT_MS, ASK_MS);
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

/*
 * One file of trusted certificates and no folder beside it: curl then reads the
 * file once for all (17 ms each time otherwise, on the loop), and a file that
 * was asked for is the only thing trusted.
 */
static void
transfer_set_tls(struct http_req *r, CURL *c)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	const char *ca = r->ca_file;

	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	if (ca != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, ca);
	if (ca != NULL || (v->cainfo != NULL && access(v->cainfo, R_OK) == 0))
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (r->is_insecure) {
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void
transfer_set_answer(struct http_req *r, CURL *c)
{
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	if (r->on_block != NULL)
		(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BLOCK_SIZE);
}

/* Older versions of curl leave its sockets open in our children. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)purpose;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

/* Connected (or connected still): the request goes out now. */
static void
transfer_is_going_out(struct http_req *r)
{
	if (r->is_sent != NULL)
		*r->is_sent = true;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int
on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	transfer_is_going_out(arg);
	return CURL_PREREQFUNC_OK;
}
#endif

static void
transfer_set_sent(struct http_req *r, CURL *c)
{
	if (r->is_once)
		(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
#if LIBCURL_VERSION_NUM >= 0x075000
	(void)curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_connected);
	(void)curl_easy_setopt(c, CURLOPT_PREREQDATA, r);
#else
	/* It cannot tell: better to believe that it went out. */
	transfer_is_going_out(r);
#endif
}

static void
transfer_set_common(struct http_req *r, CURL *c)
{
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->curl_text);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
	(void)curl_easy_setopt(c, CURLOPT_URL, r->url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers);
	(void)curl_easy_setopt(c, CURLOPT_RESOLVE, r->resolve);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)r->connect_ms);
	if (r->max_rate > 0) {
		(void)curl_easy_setopt(c, CURLOPT_MAX_SEND_SPEED_LARGE,
		    (curl_off_t)r->max_rate);
		(void)curl_easy_setopt(c, CURLOPT_MAX_RECV_SPEED_LARGE,
		    (curl_off_t)r->max_rate);
	}
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT,
	    "ragbackup/" RAGBACKUP_VERSION);
}

int
http_transfer_begin(struct http_req *r, struct err *e)
{
	CURLMcode rc;

	if ((r->easy = curl_easy_init()) == NULL)
		return err_set(e, ERR_INTERNAL, "curl_easy_init failed");
	transfer_set_common(r, r->easy);
	transfer_set_sent(r, r->easy);
	transfer_set_tls(r, r->easy);
	transfer_set_method(r, r->easy);
	transfer_set_answer(r, r->easy);
	transfer_moved(r);
	rc = curl_multi_add_handle(r->http->multi, r->easy);
	if (rc == CURLM_OK)
		return 0;
	curl_easy_cleanup(r->easy);
	r->easy = NULL;
	return err_set(e, ERR_INTERNAL, "curl: %s", curl_multi_strerror(rc));
}

/* May call on_write() before it returns; it may pause again. */
void
http_transfer_resume(struct http_req *r)
{
	r->is_paused = false;
	transfer_moved(r);
	(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
	http_socket_kick(r->http);
}

void
http_transfer_end(struct http_req *r)
{
	if (r->easy == NULL)
		return;
	(void)curl_multi_remove_handle(r->http->multi, r->easy);
	curl_easy_cleanup(r->easy);
	r->easy = NULL;
}
