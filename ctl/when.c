/* when.c - see when.h. */
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"

static int
when_parse_local(const char *s, int64_t *ms)
{
	struct tm tm;
	time_t t;
	int n = 0, day, month;

	memset(&tm, 0, sizeof(tm));
	if (sscanf(s, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		&n) != 3 ||
	    n != 10)
		return -1;
	s += n;
	n = 0;
	if (*s != '\0' &&
	    (sscanf(s, "%*1[T ]%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &n) != 2 ||
		n != 6))
		return -1;
	s += n;
	n = 0;
	if (*s != '\0' && (sscanf(s, ":%2d%n", &tm.tm_sec, &n) != 1 || n != 3))
		return -1;
	if (s[n] != '\0')
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	tm.tm_isdst = -1;
	day = tm.tm_mday;
	month = tm.tm_mon;
	t = mktime(&tm);
	if (t == (time_t)-1 || tm.tm_mday != day || tm.tm_mon != month)
		return -1;
	*ms = (int64_t)t * 1000;
	return 0;
}

int
when_parse(const char *s, int64_t now_ms, int64_t *ms)
{
	int64_t span;

	if (when_parse_local(s, ms) == 0)
		return 0;
	if (str_parse_time(s, ms) == 0)
		return 0;
	if (str_parse_duration(s, &span) == -1)
		return -1;
	*ms = now_ms - span;
	return 0;
}

void
when_format(int64_t ms, char out[WHEN_MAX])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, WHEN_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, WHEN_MAX, "-");
}

void
when_member(const json_t *o, const char *key, char out[WHEN_MAX])
{
	const char *text = json_get_str(o, key, NULL);
	int64_t ms;

	if (text == NULL || str_parse_time(text, &ms) == -1)
		(void)snprintf(out, WHEN_MAX, "-");
	else
		when_format(ms, out);
}

void
when_span(int64_t ms, char out[WHEN_MAX])
{
	int64_t s = (ms + 500) / 1000, min = (s + 30) / 60;

	if (ms < 1000)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " ms", ms);
	else if (ms < 10000)
		(void)snprintf(out, WHEN_MAX, "%.1f s", (double)ms / 1000);
	else if (s < 120)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " s", s);
	else if (min < 60)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " min", min);
	else if (min < 48 * 60 && min % 60 != 0)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " h %" PRId64 " min",
		    min / 60, min % 60);
	else if (min < 48 * 60)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " h", min / 60);
	else
		(void)snprintf(out, WHEN_MAX, "%" PRId64 " days",
		    (min + 720) / 1440);
}

void
when_from(int64_t ms, int64_t now_ms, char out[WHEN_MAX])
{
	char span[WHEN_MAX - 8];
	char text[WHEN_MAX];

	when_span(ms > now_ms ? ms - now_ms : now_ms - ms, text);
	(void)snprintf(span, sizeof(span), "%.*s", (int)sizeof(span) - 1, text);
	if (ms > now_ms)
		(void)snprintf(out, WHEN_MAX, "in %s", span);
	else
		(void)snprintf(out, WHEN_MAX, "%s ago", span);
}

void
when_clock(int64_t ms, char out[WHEN_MAX])
{
	int64_t s = ms / 1000;

	if (s >= 3600)
		(void)snprintf(out, WHEN_MAX, "%" PRId64 ":%02d:%02d", s / 3600,
		    (int)(s / 60 % 60), (int)(s % 60));
	else
		(void)snprintf(out, WHEN_MAX, "%d:%02d", (int)(s / 60),
		    (int)(s % 60));
}
