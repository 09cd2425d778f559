/* cloud_text.c - percent-encoding, dates and base64; see cloud.h. */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/cloud.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

void
cloud_encode(struct buf *out, const char *text, const char *keep)
{
	for (; *text != '\0'; text++)
		if (is_unreserved(*text) || strchr(keep, *text) != NULL)
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
}

int
cloud_decode(char *s)
{
	char *out = s, hex[3] = "";
	uint8_t byte;

	for (; *s != '\0'; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		hex[0] = s[1];
		hex[1] = s[1] == '\0' ? '\0' : s[2];
		/* A NUL would end the text before its time. */
		if (str_unhex(hex, &byte, 1) == -1 || byte == 0)
			return -1;
		*out++ = (char)byte;
		s += 2;
	}
	*out = '\0';
	return 0;
}

void
cloud_date(int64_t ms, char out[CLOUD_DATE_MAX])
{
	time_t t = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm tm;
	char text[96];

	/* Not by strftime(), which speaks the user's language. */
	if (gmtime_r(&t, &tm) == NULL) {
		out[0] = '\0';
		return;
	}
	(void)snprintf(text, sizeof(text),
	    "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
	    tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	(void)snprintf(out, CLOUD_DATE_MAX, "%.31s", text);
}

int
cloud_date_parse(const char *s, int64_t *ms)
{
	char word[4], text[80];
	int day, year, hour, min, sec, used = 0, month;

	if (sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day,
		word, &year, &hour, &min, &sec, &used) != 6 ||
	    used == 0 || s[used] != '\0' || day < 0 || year < 1970 ||
	    hour < 0 || min < 0 || sec < 0)
		return -1;
	for (month = 0; month < 12; month++)
		if (strncmp(months + 3 * month, word, 3) == 0)
			break;
	if (month == 12)
		return -1;
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    year, month + 1, day, hour, min, sec);
	return str_parse_time(text, ms);
}

void
cloud_base64(const void *data, size_t n, char *out)
{
	BUG_IF(n > INT_MAX / 2);
	(void)EVP_EncodeBlock((unsigned char *)out, data, (int)n);
}

/* OpenSSL's own check lets much pass. */
static bool
is_base64(const char *s, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t body = strspn(s, alphabet);

	return n % 4 == 0 && n - body <= 2 && strspn(s + body, "=") == n - body;
}

long
cloud_base64_decode(const char *s, void *out, size_t size)
{
	size_t n = strlen(s), len;
	unsigned char *all;
	int got;

	if (n > INT_MAX / 2 || !is_base64(s, n))
		return -1;
	len = n / 4 * 3;
	if (n > 0)
		len -= (s[n - 1] == '=') + (size_t)(s[n - 2] == '=');
	if (len > size)
		return -1;
	/* It writes whole groups of three. */
	all = xmalloc(n / 4 * 3 + 1);
	got = EVP_DecodeBlock(all, (const unsigned char *)s, (int)n);
	if (got >= 0)
		memcpy(out, all, len);
	OPENSSL_cleanse(all, n / 4 * 3);
	free(all);
	return got < 0 ? -1 : (long)len;
}
