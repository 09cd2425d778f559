/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static const struct {
	const char *wire;
	bool transient;
	int status;
	const char *text;
} codes[] = {
#define ERR_ROW(name, wire, retry, status, text) { wire, retry, status, text },
	ERR_CODES(ERR_ROW)
#undef ERR_ROW
};

static void
err_one_line(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

static void __attribute__((format(printf, 3, 0)))
err_vset(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	size_t n;

	e->code = code;
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	for (n = strlen(e->msg); n > 0 && e->msg[n - 1] == '\n'; n--)
		e->msg[n - 1] = '\0';
	err_one_line(e->msg);
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_code
err_code_of_errno(int num)
{
	switch (num) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPIPE:
		return ERR_NETWORK;
	default:
		return ERR_IO;
	}
}

static void
err_append(struct err *e, const char *text)
{
	size_t n = strlen(e->msg);

	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", text);
}

int
err_sys(struct err *e, int num, const char *fmt, ...)
{
	va_list ap;
	char text[128];

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	err_vset(e, err_code_of_errno(num), fmt, ap);
	va_end(ap);
	if (uv_strerror_r(-num, text, sizeof(text)) == NULL || num <= 0)
		(void)snprintf(text, sizeof(text), "error %d", num);
	err_append(e, text);
	return -1;
}

int
err_uv(struct err *e, int status, const char *fmt, ...)
{
	va_list ap;
	char text[128];

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	err_vset(e,
	    status > -4000 && status < 0 ? err_code_of_errno(-status) : ERR_IO,
	    fmt, ap);
	va_end(ap);
	if (status <= UV_EAI_ADDRFAMILY && status >= UV_EAI_SOCKTYPE)
		e->code = ERR_NETWORK;
	(void)uv_strerror_r(status, text, sizeof(text));
	err_append(e, text);
	return -1;
}

int
err_context(struct err *e, const char *fmt, ...)
{
	char was[ERR_MSG_MAX];
	va_list ap;

	if (e == NULL)
		return -1;
	memcpy(was, e->msg, sizeof(was));
	va_start(ap, fmt);
	err_vset(e, e->code, fmt, ap);
	va_end(ap);
	err_append(e, was);
	return -1;
}

void
err_copy(struct err *dst, const struct err *src)
{
	if (dst == NULL || dst == src)
		return;
	if (src == NULL)
		err_clear(dst);
	else
		*dst = *src;
}

void
err_clear(struct err *e)
{
	if (e == NULL)
		return;
	e->code = ERR_NONE;
	e->msg[0] = '\0';
}

const char *
err_name(enum err_code code)
{
	if ((unsigned)code >= ERR_CODE_COUNT)
		code = ERR_INTERNAL;
	return codes[code].wire;
}

enum err_code
err_from_name(const char *name)
{
	unsigned i;

	for (i = 0; name != NULL && i < ERR_CODE_COUNT; i++)
		if (strcmp(codes[i].wire, name) == 0)
			return (enum err_code)i;
	return ERR_INTERNAL;
}

bool
err_is_transient(enum err_code code)
{
	return (unsigned)code < ERR_CODE_COUNT && codes[code].transient;
}

int
err_exit_status(enum err_code code)
{
	if ((unsigned)code >= ERR_CODE_COUNT)
		code = ERR_INTERNAL;
	return codes[code].status;
}
