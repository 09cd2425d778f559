/* progress_line.c - the line itself; see progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "when.h"

#define BAR_MIN 10
#define BAR_MAX 40

static void
line_bytes(const struct progress_view *v, struct buf *b)
{
	char text[32];

	if (v->bytes < 0)
		return;
	str_format_size(v->bytes, text, sizeof(text));
	buf_addf(b, "  %s", text);
	if (v->total > 0) {
		str_format_size(v->total, text, sizeof(text));
		buf_addf(b, " of %s", text);
	}
}

static void
line_rate(const struct progress_view *v, struct buf *b)
{
	char text[32];

	if (v->rate < 1)
		return;
	str_format_size((int64_t)v->rate, text, sizeof(text));
	buf_addf(b, "  %s/s", text);
}

static void
line_left(const struct progress_view *v, struct buf *b)
{
	char text[WHEN_MAX];

	if (v->total > v->bytes && v->bytes >= 0 && v->rate >= 1) {
		when_clock((int64_t)((double)(v->total - v->bytes) / v->rate *
			       1000) +
			999,
		    text);
		buf_addf(b, "  %s left", text);
	} else {
		when_clock(v->elapsed_ms, text);
		buf_addf(b, "  %s", text);
	}
}

static void
line_bar(const struct progress_view *v, size_t width, struct buf *b)
{
	double part = (double)v->bytes / (double)v->total;
	size_t full, i;

	if (part > 1)
		part = 1;
	full = (size_t)(part * (double)width);
	buf_adds(b, "  [");
	for (i = 0; i < width; i++)
		buf_addc(b, i < full ? '#' : '-');
	buf_addf(b, "] %3d%%", (int)(part * 100));
}

/* What fits is shown, the most telling first; the bar takes what is left. */
void
progress_format(const struct progress_view *v, size_t columns, struct buf *b)
{
	struct buf head = BUF_INIT, bytes = BUF_INIT, rate = BUF_INIT;
	struct buf left = BUF_INIT;
	size_t room = columns, used;

	buf_addf(&head, "run %" PRId64 " %s %s", v->run, v->job, v->step);
	line_bytes(v, &bytes);
	line_rate(v, &rate);
	line_left(v, &left);
	if (head.len > room) {
		buf_add(b, buf_str(&head), room);
		goto out;
	}
	buf_adds(b, buf_str(&head));
	room -= head.len;
	used = bytes.len + rate.len + left.len;
	/* "  [" and "] 100%" around the bar. */
	if (v->total > 0 && v->bytes >= 0 && room >= used + BAR_MIN + 9) {
		size_t width = room - used - 9;

		if (width > BAR_MAX)
			width = BAR_MAX;
		line_bar(v, width, b);
		room -= width + 9;
	}
	if (bytes.len <= room) {
		buf_adds(b, buf_str(&bytes));
		room -= bytes.len;
	}
	if (left.len + rate.len <= room) {
		buf_adds(b, buf_str(&rate));
		room -= rate.len;
	}
	if (left.len <= room)
		buf_adds(b, buf_str(&left));
out:
	buf_done(&head);
	buf_done(&bytes);
	buf_done(&rate);
	buf_done(&left);
}
