/* zone.c - see zone.h: TZif contents, and what the zone says of an instant. */
#include "cron/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define HEADER 44
#define OFFSET_MAX (26 * 3600)
/* No two offsets are further apart, so that older changes do not matter. */
#define LOOK_BACK (4 * INT64_C(86400))

struct tzif {
	const uint8_t *data; /* Behind the header. */
	size_t size;         /* Of the block. */
	size_t time_size;    /* 4 or 8 */
	uint32_t isutc, isstd, leap, times, types, chars;
	char version;
};

static uint64_t
tzif_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static int64_t
tzif_time(const struct tzif *z, size_t i)
{
	const uint8_t *p = z->data + i * z->time_size;

	if (z->time_size == 4)
		return (int32_t)(uint32_t)tzif_be(p, 4);
	return (int64_t)tzif_be(p, 8);
}

/* Header and extent of one of the two blocks; -1 if it does not fit. */
static int
tzif_block(struct tzif *z, const uint8_t *p, size_t n, size_t time_size)
{
	uint32_t *counts[] = { &z->isutc, &z->isstd, &z->leap, &z->times,
		&z->types, &z->chars };
	size_t i;

	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return -1;
	z->version = (char)p[4];
	for (i = 0; i < COUNT_OF(counts); i++) {
		*counts[i] = (uint32_t)tzif_be(p + 20 + i * 4, 4);
		if (*counts[i] > n)
			return -1;
	}
	z->time_size = time_size;
	z->data = p + HEADER;
	z->size = z->times * (time_size + 1) + z->types * (size_t)6 + z->chars +
	    z->leap * (time_size + 4) + z->isstd + z->isutc;
	return z->size > n - HEADER || z->types == 0 ? -1 : 0;
}

static int
tzif_offset(const struct tzif *z, size_t type, int32_t *off)
{
	const uint8_t *types = z->data + z->times * (z->time_size + 1);

	if (type >= z->types)
		return -1;
	*off = (int32_t)(uint32_t)tzif_be(types + type * 6, 4);
	return *off > OFFSET_MAX || *off < -OFFSET_MAX ? -1 : 0;
}

static int
tzif_changes(const struct tzif *z, struct cron_zone *zone)
{
	const uint8_t *index = z->data + z->times * z->time_size;
	size_t i;

	zone->at = xcalloc(z->times + (size_t)1, sizeof(*zone->at));
	zone->off = xcalloc(z->times + (size_t)1, sizeof(*zone->off));
	for (i = 0; i < z->times; i++) {
		zone->at[i] = tzif_time(z, i);
		if ((i > 0 && zone->at[i] <= zone->at[i - 1]) ||
		    tzif_offset(z, index[i], &zone->off[i]) == -1)
			return -1;
	}
	zone->n = z->times;
	return tzif_offset(z, 0, &zone->first_off);
}

/* The line behind the second block says what comes after the last change. */
static int
tzif_footer(const uint8_t *p, size_t n, struct cron_zone *zone, struct err *e)
{
	const uint8_t *end;
	char *text;
	int rc;

	if (n < 2 || p[0] != '\n' || (end = memchr(p + 1, '\n', n - 1)) == NULL)
		return err_set(e, ERR_CONFIG, "no line at the end");
	if (end == p + 1)
		return 0;
	text = xstrndup((const char *)p + 1, (size_t)(end - p - 1));
	rc = zone_posix_parse(text, &zone->posix, e);
	free(text);
	zone->has_posix = rc == 0;
	return rc;
}

struct cron_zone *
zone_parse(const void *data, size_t n, struct err *e)
{
	struct cron_zone *zone = xcalloc(1, sizeof(*zone));
	const uint8_t *p = data;
	struct tzif z;
	int rc = tzif_block(&z, p, n, 4);

	if (rc == 0 && z.version >= '2') {
		p += HEADER + z.size;
		n -= HEADER + z.size;
		rc = tzif_block(&z, p, n, 8);
	}
	if (rc == -1)
		(void)err_set(e, ERR_CONFIG, "not a time zone file");
	else if (z.leap != 0)
		rc = err_set(e, ERR_CONFIG, "counts leap seconds");
	else if (tzif_changes(&z, zone) == -1)
		rc = err_set(e, ERR_CONFIG, "a damaged time zone file");
	else if (z.version >= '2')
		rc = tzif_footer(p + HEADER + z.size, n - HEADER - z.size, zone,
		    e);
	if (rc == 0)
		return zone;
	cron_zone_free(zone);
	return NULL;
}

void
cron_zone_free(struct cron_zone *z)
{
	if (z == NULL)
		return;
	free(z->at);
	free(z->off);
	free(z);
}

/* How many changes were at or before ${t}. */
static size_t
zone_index(const struct cron_zone *z, int64_t t)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int32_t
zone_offset(const struct cron_zone *z, int64_t t)
{
	size_t i = zone_index(z, t);

	if (i == z->n && z->has_posix)
		return zone_posix_offset(&z->posix, t);
	return i == 0 ? z->first_off : z->off[i - 1];
}

bool
zone_changes_at(const struct cron_zone *z, int64_t t)
{
	return zone_offset(z, t - 1) != zone_offset(z, t);
}

int64_t
zone_next_change(const struct cron_zone *z, int64_t t)
{
	size_t i;

	/* The tables also list changes of the name alone. */
	for (i = zone_index(z, t); i < z->n; i++)
		if (zone_changes_at(z, z->at[i]))
			return z->at[i];
	if (!z->has_posix)
		return ZONE_NO_CHANGE;
	if (z->n > 0 && t < z->at[z->n - 1])
		t = z->at[z->n - 1];
	return zone_posix_next(&z->posix, t);
}

int64_t
zone_high_water(const struct cron_zone *z, int64_t t)
{
	int64_t high = t + zone_offset(z, t - 1), c = t - LOOK_BACK;

	while ((c = zone_next_change(z, c)) < t)
		if (c + zone_offset(z, c - 1) > high)
			high = c + zone_offset(z, c - 1);
	return high;
}
