/* ask.c - see ask.h. */
#include "source/ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/host/scripts.h"

#define ASK_BODY_MAX ((size_t)256 * 1024)

struct ask {
	struct http_req *req;
	struct host_run *run;
	ask_fn *fn;
	void *arg;
};

static void
ask_answer(struct ask *a, long status, const char *body, const struct err *e)
{
	ask_fn *fn = a->fn;
	void *arg = a->arg;

	free(a);
	fn(arg, status, body, e);
}

static void
on_ask_http(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct ask *a = arg;

	a->req = NULL;
	if (e != NULL)
		ask_answer(a, 0, NULL, e);
	else
		ask_answer(a, answer->status, answer->body, NULL);
}

/* "200\nBODY" */
static void
on_ask_host(void *arg, const struct host_result *r, const struct err *e)
{
	struct ask *a = arg;
	struct err got = ERR_INIT;
	const char *eol;
	long status;

	a->run = NULL;
	if (e != NULL) {
		ask_answer(a, 0, NULL, e);
		return;
	}
	status = strtol(r->out, NULL, 10);
	eol = strchr(r->out, '\n');
	if (status < 100 || status > 599 || eol == NULL) {
		(void)err_set(&got, ERR_NETWORK, "asked from the host: %s",
		    *r->err_text == '\0' ? "no answer" : r->err_text);
		ask_answer(a, 0, NULL, &got);
		return;
	}
	ask_answer(a, status, eol + 1, NULL);
}

static void
ask_from_host(struct ask *a, const struct ask_opt *opt)
{
	struct buf script = BUF_INIT, headers = BUF_INIT;
	struct host_cmd cmd = { 0 };
	size_t i;

	for (i = 0; opt->headers != NULL && opt->headers[i] != NULL; i++)
		buf_addf(&headers, "%s\n", opt->headers[i]);
	buf_adds(&script, "URL=");
	str_quote_sh(&script, opt->url);
	buf_adds(&script, "\nHEADERS=");
	str_quote_sh(&script, buf_str(&headers));
	buf_addf(&script, "\nWAIT=%" PRId64 "\n", (opt->wait_ms + 999) / 1000);
	buf_adds(&script, host_script_ask);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = opt->wait_ms + 30000;
	cmd.out_max = ASK_BODY_MAX;
	a->run = host_run(opt->host, &cmd, on_ask_host, a);
	buf_done(&script);
	buf_done(&headers);
}

struct ask *
ask_start(const struct ask_opt *opt, ask_fn *fn, void *arg)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	struct http_opt h = { 0 };

	a->fn = fn;
	a->arg = arg;
	if (opt->host != NULL) {
		ask_from_host(a, opt);
		return a;
	}
	h.method = "GET";
	h.url = opt->url;
	h.headers = opt->headers;
	h.deadline_ms = opt->wait_ms;
	h.connect_ms = opt->wait_ms;
	h.stall_ms = opt->wait_ms;
	h.answer_max = ASK_BODY_MAX;
	a->req = http_start(opt->http, &h, on_ask_http, a);
	return a;
}

static void
on_ask_gone(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

void
ask_cancel(struct ask *a)
{
	if (a == NULL)
		return;
	if (a->req != NULL)
		http_cancel(a->req);
	if (a->run != NULL)
		host_run_cancel(a->run, on_ask_gone, NULL);
	free(a);
}

bool
ask_is_loopback(const char *url)
{
	static const char *const names[] = { "localhost", "127.", "[::1]" };
	const char *at = strstr(url, "://");
	size_t i;

	at = at == NULL ? url : at + 3;
	for (i = 0; i < COUNT_OF(names); i++)
		if (str_has_prefix(at, names[i]))
			return true;
	return false;
}
