/* str.c - see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int
str_parse_u64(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		uint64_t d = (uint64_t)(*s - '0');

		if (*s < '0' || *s > '9' || v > (UINT64_MAX - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	*out = v;
	return 0;
}

int
str_parse_i64(const char *s, int64_t *out)
{
	bool is_negative = *s == '-';
	uint64_t v;

	if (str_parse_u64(s + is_negative, &v) == -1 || v > INT64_MAX)
		return -1;
	*out = is_negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* Read digits with an optional fraction; returns the end, NULL on nonsense. */
static const char *
str_number(const char *s, double *out)
{
	double v = 0, unit = 1;
	int digits = 0;

	for (; isdigit((unsigned char)*s); s++, digits++)
		v = v * 10 + (*s - '0');
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits++) {
			unit /= 10;
			v += unit * (*s - '0');
		}
	if (digits == 0 || digits > 18)
		return NULL;
	*out = v;
	return s;
}

static const struct {
	const char *name;
	int64_t ms;
} durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60000 },
	{ "h", 3600000 },
	{ "d", 86400000 },
	{ "w", 604800000 },
};

static const char *
str_duration_unit(const char *s, int64_t *ms)
{
	size_t i;

	for (i = 0; i < COUNT_OF(durations); i++) {
		size_t n = strlen(durations[i].name);

		if (strncmp(s, durations[i].name, n) == 0 &&
		    !isalpha((unsigned char)s[n])) {
			*ms = durations[i].ms;
			return s + n;
		}
	}
	return NULL;
}

int
str_parse_duration(const char *s, int64_t *out)
{
	double total = 0;

	if (strcmp(s, "0") == 0) {
		*out = 0;
		return 0;
	}
	do {
		double v;
		int64_t unit;

		if ((s = str_number(s, &v)) == NULL ||
		    (s = str_duration_unit(s, &unit)) == NULL)
			return -1;
		total += v * (double)unit;
	} while (*s != '\0');
	if (total > 1e15)
		return -1;
	*out = (int64_t)(total + 0.5);
	return 0;
}

int
str_parse_size(const char *s, int64_t *out)
{
	static const char letters[] = "kmgt";
	const char *at;
	double v;

	if ((s = str_number(s, &v)) == NULL)
		return -1;
	while (*s == ' ')
		s++;
	if (*s != '\0' &&
	    (at = strchr(letters, tolower((unsigned char)*s))) != NULL) {
		bool is_decimal = toupper((unsigned char)s[1]) == 'B' &&
		    s[2] == '\0';
		ptrdiff_t i;

		for (i = 0; i <= at - letters; i++)
			v *= is_decimal ? 1000 : 1024;
		s++;
		if (s[0] == 'i' && s[1] == 'B')
			s += 2;
		else if (is_decimal)
			s++;
	} else if (strcmp(s, "B") == 0) {
		s++;
	}
	if (*s != '\0' || v > 9e18)
		return -1;
	*out = (int64_t)v;
	return 0;
}

void
str_format_duration(int64_t ms, char *out, size_t size)
{
	size_t i, n = 0;

	if (ms == 0)
		(void)snprintf(out, size, "0s");
	for (i = COUNT_OF(durations) - 1; ms > 0 && n < size; i--) {
		int64_t v = ms / durations[i].ms;

		if (v > 0 && i != COUNT_OF(durations) - 1)
			n += (size_t)snprintf(out + n, size - n,
			    "%" PRId64 "%s", v, durations[i].name);
		if (i != COUNT_OF(durations) - 1)
			ms %= durations[i].ms;
		if (i == 0)
			break;
	}
}

void
str_format_size(int64_t bytes, char *out, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i + 1 < COUNT_OF(units)) {
		v /= 1024;
		i++;
	}
	(void)snprintf(out, size, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
str_days(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
str_civil(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

void
str_format_time(int64_t ms, char out[STR_TIME_MAX])
{
	int64_t secs = ms / 1000, frac = ms % 1000, days, y, m, d;
	int n;

	if (frac < 0) {
		frac += 1000;
		secs--;
	}
	days = secs / 86400;
	secs %= 86400;
	if (secs < 0) {
		secs += 86400;
		days--;
	}
	str_civil(days, &y, &m, &d);
	n = snprintf(out, STR_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d",
	    (int)(y % 100000), (int)m, (int)d, (int)(secs / 3600),
	    (int)(secs / 60 % 60), (int)(secs % 60));
	if (frac != 0)
		n += snprintf(out + n, STR_TIME_MAX - (size_t)n, ".%03d",
		    (int)frac);
	(void)snprintf(out + n, STR_TIME_MAX - (size_t)n, "Z");
}

static const char *
str_digits(const char *s, int n, int64_t *out)
{
	int64_t v = 0;

	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return NULL;
		v = v * 10 + (*s - '0');
	}
	*out = v;
	return s;
}

static const char *
str_parse_zone(const char *s, int64_t *offset_s)
{
	int64_t h, m;
	int sign;

	*offset_s = 0;
	if (*s == 'Z' || *s == 'z')
		return s + 1;
	if (*s != '+' && *s != '-')
		return NULL;
	sign = *s == '-' ? -1 : 1;
	if ((s = str_digits(s + 1, 2, &h)) == NULL || *s++ != ':' ||
	    (s = str_digits(s, 2, &m)) == NULL || h > 23 || m > 59)
		return NULL;
	*offset_s = sign * (h * 3600 + m * 60);
	return s;
}

static bool
str_is_date(int64_t y, int64_t m, int64_t d)
{
	int64_t yy, mm, dd;

	if (m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	str_civil(str_days(y, m, d), &yy, &mm, &dd);
	return yy == y && mm == m && dd == d;
}

int
str_parse_time(const char *s, int64_t *out)
{
	int64_t y, mo, d, h = 0, mi = 0, sec = 0, off = 0, frac = 0, unit;

	if ((s = str_digits(s, 4, &y)) == NULL || *s++ != '-' ||
	    (s = str_digits(s, 2, &mo)) == NULL || *s++ != '-' ||
	    (s = str_digits(s, 2, &d)) == NULL || !str_is_date(y, mo, d))
		return -1;
	if (*s == 'T' || *s == 't' || *s == ' ') {
		if ((s = str_digits(s + 1, 2, &h)) == NULL || *s++ != ':' ||
		    (s = str_digits(s, 2, &mi)) == NULL || *s++ != ':' ||
		    (s = str_digits(s, 2, &sec)) == NULL || h > 23 || mi > 59 ||
		    sec > 60)
			return -1;
		if (*s == '.') {
			if (!isdigit((unsigned char)*++s))
				return -1;
			for (unit = 100; isdigit((unsigned char)*s); s++) {
				frac += unit * (*s - '0');
				unit /= 10;
			}
		}
		if ((s = str_parse_zone(s, &off)) == NULL)
			return -1;
	}
	if (*s != '\0')
		return -1;
	*out = ((str_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) - off) *
		1000 +
	    frac;
	return 0;
}

bool
str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

#define DISTANCE_MAX 64

unsigned
str_distance(const char *a, const char *b)
{
	unsigned row[DISTANCE_MAX + 1];
	size_t na = strlen(a), nb = strlen(b), i, j;

	if (na > DISTANCE_MAX || nb > DISTANCE_MAX)
		return DISTANCE_MAX;
	for (j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const char *
str_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned limit = (unsigned)(strlen(word) / 3) + 1, d;
	size_t i;

	for (i = 0; i < n; i++)
		if ((d = str_distance(word, words[i])) <= limit) {
			best = words[i];
			limit = d == 0 ? 0 : d - 1;
		}
	return best;
}

bool
str_is_safe_name(const char *s)
{
	size_t n;

	if (!isalnum((unsigned char)*s))
		return false;
	for (n = 0; s[n] != '\0'; n++)
		if (!isalnum((unsigned char)s[n]) && s[n] != '.' &&
		    s[n] != '_' && s[n] != '-')
			return false;
	return n <= 255;
}

bool
str_is_safe_path(const char *s)
{
	char segment[256];

	for (;;) {
		size_t n = strcspn(s, "/");

		if (n >= sizeof(segment))
			return false;
		memcpy(segment, s, n);
		segment[n] = '\0';
		if (!str_is_safe_name(segment))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

void
str_quote_sh(struct buf *b, const char *s)
{
	buf_addc(b, '\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	buf_addc(b, '\'');
}

void
str_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
str_nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
str_unhex(const char *s, uint8_t *out, size_t n)
{
	size_t i;

	if (strlen(s) != 2 * n)
		return -1;
	for (i = 0; i < n; i++) {
		int hi = str_nibble(s[2 * i]), lo = str_nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}
