/* wire_lines.c - see wire.h. */
#include "wire/wire.h"

#include <string.h>

void
wire_lines_init(struct wire_lines *l, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->max = max;
}

void
wire_lines_done(struct wire_lines *l)
{
	buf_done(&l->held);
}

/* One whole line, without its newline and without a CR in front of it. */
static bool
lines_deliver(const char *text, size_t n, wire_line_fn *fn, void *arg)
{
	if (n > 0 && text[n - 1] == '\r')
		n--;
	return n == 0 || fn(arg, text, n);
}

int
wire_lines_feed(struct wire_lines *l, const char *bytes, size_t n,
    wire_line_fn *fn, void *arg, struct err *e)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t take = end == NULL ? n : (size_t)(end - bytes);
		bool go_on;

		if (l->held.len + take + 1 > l->max)
			return err_set(e, ERR_LIMIT,
			    "a line is longer than %zu bytes", l->max);
		if (end == NULL) {
			buf_add(&l->held, bytes, n);
			return 0;
		}
		if (l->held.len == 0) {
			go_on = lines_deliver(bytes, take, fn, arg);
		} else {
			buf_add(&l->held, bytes, take);
			go_on = lines_deliver(l->held.data, l->held.len, fn,
			    arg);
			buf_clear(&l->held);
		}
		if (!go_on)
			return 0;
		bytes += take + 1;
		n -= take + 1;
	}
	return 0;
}
