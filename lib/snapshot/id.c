/* id.c - see id.h. */
#include "snapshot/id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define ID_STAMP 15 /* "YYYYMMDD-HHMMSS" */
#define ID_SUFFIX_DIGITS 6

void
snapshot_id_format(int64_t ms, unsigned n, char out[SNAPSHOT_ID_MAX])
{
	char t[STR_TIME_MAX];

	/* "2026-03-29T01:00:00.123Z"; the fraction is cut off, not rounded. */
	str_format_time(ms, t);
	(void)snprintf(out, SNAPSHOT_ID_MAX, "%.4s%.2s%.2s-%.2s%.2s%.2s", t,
	    t + 5, t + 8, t + 11, t + 14, t + 17);
	if (n > 1)
		(void)snprintf(out + ID_STAMP, SNAPSHOT_ID_MAX - ID_STAMP,
		    "-%u", n);
}

int64_t
snapshot_id_time(const char *id)
{
	char t[STR_TIME_MAX];
	int64_t ms;

	if (!snapshot_id_is_valid(id))
		return -1;
	(void)snprintf(t, sizeof(t), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id,
	    id + 4, id + 6, id + 9, id + 11, id + 13);
	return str_parse_time(t, &ms) == 0 ? ms : -1;
}

/* "-2" and up, no leading zero: each instant and number has one spelling. */
static bool
id_suffix_is_valid(const char *s)
{
	size_t n;

	if (*s == '\0')
		return true;
	if (*s++ != '-' || *s < '1' || *s > '9')
		return false;
	n = strspn(s, "0123456789");
	return s[n] == '\0' && n <= ID_SUFFIX_DIGITS && strcmp(s, "1") != 0;
}

bool
snapshot_id_is_valid(const char *id)
{
	char t[STR_TIME_MAX];
	int64_t ms;
	size_t i;

	for (i = 0; i < ID_STAMP; i++) {
		if (i == 8 ? id[i] != '-' : id[i] < '0' || id[i] > '9')
			return false;
	}
	if (!id_suffix_is_valid(id + ID_STAMP))
		return false;
	(void)snprintf(t, sizeof(t), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id,
	    id + 4, id + 6, id + 9, id + 11, id + 13);
	/* A leap second has no id: its instant is the next one's. */
	return str_parse_time(t, &ms) == 0 && ms >= 0 &&
	    strncmp(id + 13, "60", 2) != 0;
}

int
snapshot_id_compare(const char *a, const char *b)
{
	uint64_t na = 1, nb = 1;
	int c;

	if (!snapshot_id_is_valid(a) || !snapshot_id_is_valid(b))
		return strcmp(a, b);
	if ((c = strncmp(a, b, ID_STAMP)) != 0)
		return c;
	if (a[ID_STAMP] != '\0')
		(void)str_parse_u64(a + ID_STAMP + 1, &na);
	if (b[ID_STAMP] != '\0')
		(void)str_parse_u64(b + ID_STAMP + 1, &nb);
	return na < nb ? -1 : na > nb;
}
