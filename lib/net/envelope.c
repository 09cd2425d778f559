/* envelope.c - see envelope.h. */
#include "net/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NOISE_MAX ((size_t)1024 * 1024)
#define TAIL_MAX ((size_t)4096)
#define LINE_MAX_BYTES ((size_t)64 * 1024)
#define NOTE_PREFIX "@rb "

/* "@rb" NONCE "end 000\n" */
#define END_SIZE ((size_t)3 + 32 + 4 + 3 + 1)

void
envelope_init(struct envelope *v, struct env *env)
{
	uint8_t raw[16];

	memset(v, 0, sizeof(*v));
	env_random(env, raw, sizeof(raw));
	str_hex(raw, sizeof(raw), v->nonce);
}

void
envelope_done(struct envelope *v)
{
	buf_done(&v->held);
	buf_done(&v->line);
	buf_done(&v->tail);
}

/*
 * The markers' number is written in halves, so that a shell that echoes what
 * it reads (set -v) does not print a marker.  The script is a word to eval in
 * a subshell: exit, exec, "set -e" and syntax errors end only that, and traps
 * are its own.  LC_ALL is left alone: BSD tar needs it for names.
 */
static const char wrapper[] =
    "unset n s\n"
    "PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin:/usr/local/bin:"
    "/opt/homebrew/bin\n"
    "COPYFILE_DISABLE=1\n"
    "export PATH COPYFILE_DISABLE\n"
    "if kill -0 -- -$$ 2>/dev/null; then _rb=group; else _rb=tree; fi\n"
    "printf '@rb%%s%%sbegin %%s %%s\\n' %.16s %s $$ $_rb\n"
    "IFS= read -r _rb && test \"$_rb\" = go || exit 1\n"
    "unset _rb\n"
    "( eval %s\n)\n"
    "_rb=$?\n"
    "printf '\\n@rb%%s%%send\\n' %.16s %s >&2\n"
    "printf '@rb%%s%%send %%03d\\n' %.16s %s $_rb\n"
    "exit $_rb\n";

void
envelope_wrap(const struct envelope *v, const char *script, struct buf *out)
{
	struct buf word = BUF_INIT, text = BUF_INIT;
	const char *n = v->nonce;

	str_quote_sh(&word, script);
	buf_addf(&text, wrapper, n, n + 16, buf_str(&word), n, n + 16, n,
	    n + 16);
	buf_addf(out, "%zu\n", text.len);
	buf_add(out, text.data, text.len);
	buf_done(&word);
	buf_done(&text);
}

/* Look for the begin marker in what is held; drop all up to its end. */
static int
envelope_begin(struct envelope *v, struct err *e)
{
	char mark[64], kind[8], *at, *eol;
	size_t keep;

	(void)snprintf(mark, sizeof(mark), "@rb%sbegin ", v->nonce);
	at = memmem(v->held.data, v->held.len, mark, strlen(mark));
	if (at == NULL) {
		keep = v->held.len < strlen(mark) ? v->held.len : strlen(mark);
		v->noise += v->held.len - keep;
		buf_drop(&v->held, v->held.len - keep);
		if (v->noise > NOISE_MAX)
			return err_set(e, ERR_PROTOCOL,
			    "the login shell "
			    "prints over 1 MiB before it runs the command");
		return 0;
	}
	buf_drop(&v->held, (size_t)(at - v->held.data));
	if ((eol = memchr(v->held.data, '\n', v->held.len)) == NULL)
		return v->held.len < 128
		    ? 0
		    : err_set(e, ERR_PROTOCOL, "a begin marker without an end");
	*eol = '\0';
	if (sscanf(v->held.data + strlen(mark), "%ld %7s", &v->target.pid,
		kind) != 2 ||
	    v->target.pid <= 1)
		return err_set(e, ERR_PROTOCOL,
		    "a begin marker without a "
		    "process: '%.60s'",
		    v->held.data);
	v->target.is_group = strcmp(kind, "group") == 0;
	v->state = ENVELOPE_PAYLOAD;
	buf_drop(&v->held, (size_t)(eol - v->held.data) + 1);
	return 0;
}

static void
envelope_end(struct envelope *v)
{
	char mark[64];
	size_t n;

	(void)snprintf(mark, sizeof(mark), "@rb%send ", v->nonce);
	n = strlen(mark);
	if (v->held.len != END_SIZE || memcmp(v->held.data, mark, n) != 0)
		return;
	v->status = atoi(v->held.data + n);
	v->state = ENVELOPE_DONE;
}

/* Give away all that is held but the last bytes, which may be the end. */
static struct block *
envelope_payload(struct envelope *v, const uint8_t *p, size_t n)
{
	size_t all = v->held.len + n, out, from_held;
	struct block *b;

	if (all <= END_SIZE) {
		buf_add(&v->held, p, n);
		return NULL;
	}
	out = all - END_SIZE;
	from_held = out < v->held.len ? out : v->held.len;
	b = block_new(out);
	b->len = out;
	if (from_held > 0)
		memcpy(b->data, v->held.data, from_held);
	memcpy(b->data + from_held, p, out - from_held);
	buf_drop(&v->held, from_held);
	buf_add(&v->held, p + (out - from_held), n - (out - from_held));
	return b;
}

int
envelope_out(struct envelope *v, struct block *b, struct block **payload,
    struct err *e)
{
	struct buf rest = BUF_INIT;
	int rc = 0;

	*payload = NULL;
	if (v->state == ENVELOPE_PAYLOAD) {
		*payload = envelope_payload(v, b->data, b->len);
		envelope_end(v);
	} else if (v->state == ENVELOPE_NOISE) {
		buf_add(&v->held, b->data, b->len);
		rc = envelope_begin(v, e);
		if (rc == 0 && v->state == ENVELOPE_PAYLOAD) {
			rest = v->held;
			memset(&v->held, 0, sizeof(v->held));
			*payload = envelope_payload(v,
			    (const uint8_t *)buf_str(&rest), rest.len);
			envelope_end(v);
			buf_done(&rest);
		}
	}
	/* What comes after the end is some background process's. */
	block_unref(b);
	return rc;
}

static void
envelope_line(struct envelope *v, host_note_fn *fn, void *arg)
{
	char mark[64];
	const char *line = buf_str(&v->line);

	(void)snprintf(mark, sizeof(mark), "@rb%send", v->nonce);
	if (strcmp(line, mark) == 0) {
		v->is_err_done = true;
	} else if (str_has_prefix(line, NOTE_PREFIX)) {
		if (fn != NULL)
			fn(arg, line + strlen(NOTE_PREFIX));
	} else if (v->line.len > 0) {
		buf_add(&v->tail, v->line.data, v->line.len);
		buf_addc(&v->tail, '\n');
		if (v->tail.len > TAIL_MAX)
			buf_drop(&v->tail, v->tail.len - TAIL_MAX);
	}
	buf_clear(&v->line);
}

void
envelope_err(struct envelope *v, struct block *b, host_note_fn *fn, void *arg)
{
	const char *p = (const char *)b->data, *end = p + b->len, *eol;
	size_t n;

	for (; p < end; p += n) {
		n = (size_t)(end - p);
		if (n > LINE_MAX_BYTES - v->line.len)
			n = LINE_MAX_BYTES - v->line.len;
		if ((eol = memchr(p, '\n', n)) != NULL)
			n = (size_t)(eol - p);
		buf_add(&v->line, p, n);
		if (eol == NULL && v->line.len < LINE_MAX_BYTES)
			continue;
		envelope_line(v, fn, arg);
		if (eol != NULL)
			n++;
	}
	block_unref(b);
}

void
envelope_err_text(const struct envelope *v, struct buf *out)
{
	const struct buf *from[2] = { &v->tail, &v->line };
	size_t i, j;
	char c;

	buf_clear(out);
	for (i = 0; i < 2; i++)
		for (j = 0; j < from[i]->len; j++) {
			c = from[i]->data[j];
			if (c == '\n' && out->len > 0)
				buf_adds(out, "; ");
			else if ((unsigned char)c >= ' ' && c != 0x7f &&
			    (c != ' ' || out->len > 0))
				buf_addc(out, c);
			else if (c == '\t')
				buf_addc(out, ' ');
		}
	while (out->len > 0 && strchr("; ", out->data[out->len - 1]) != NULL)
		out->data[--out->len] = '\0';
	if (out->len > TAIL_MAX)
		buf_drop(out, out->len - TAIL_MAX);
}
