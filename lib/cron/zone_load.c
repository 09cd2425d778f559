/* zone_load.c - see cron.h: find a zone by its name. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cron/zone.h"

#define ZONE_FILE_MAX ((size_t)256 * 1024)
#define LOCALTIME "/etc/localtime"

/* Debian and macOS; older BSDs; macOS's own update. */
static const char *const zone_dirs[] = {
	"/usr/share/zoneinfo",
	"/usr/share/lib/zoneinfo",
	"/var/db/timezone/zoneinfo",
};

static struct cron_zone *
zone_utc(void)
{
	struct cron_zone *z = xcalloc(1, sizeof(*z));

	return z;
}

/* Segments of letters, digits, '_', '+', '-', none of them empty. */
static bool
zone_name_is_safe(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-";
	size_t n;

	if (strlen(name) > 255)
		return false;
	for (;;) {
		if ((n = strspn(name, good)) == 0)
			return false;
		if (name[n] == '\0')
			return true;
		if (name[n] != '/')
			return false;
		name += n + 1;
	}
}

static struct cron_zone *
zone_read(const char *path, struct err *e)
{
	struct cron_zone *z;
	size_t len;
	char *data;

	if ((data = file_slurp(path, ZONE_FILE_MAX, &len, e)) == NULL)
		return NULL;
	z = zone_parse(data, len, e);
	if (z == NULL)
		(void)err_context(e, "'%s'", path);
	free(data);
	return z;
}

static struct cron_zone *
zone_find_in(const char *dir, const char *name, struct err *e)
{
	struct cron_zone *z;
	char *path;

	if (dir == NULL || dir[0] == '\0') {
		(void)err_set(e, ERR_NOT_FOUND, "no directory");
		return NULL;
	}
	path = file_join(dir, name);
	z = zone_read(path, e);
	free(path);
	return z;
}

static struct cron_zone *
zone_find(const char *name, struct err *e)
{
	struct cron_zone *z;
	struct err why = ERR_INIT;
	size_t i;

	if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
		return zone_utc();
	if (!zone_name_is_safe(name)) {
		(void)err_set(e, ERR_CONFIG,
		    "'%s' is not the name of a time zone", name);
		return NULL;
	}
	z = zone_find_in(getenv("TZDIR"), name, &why);
	for (i = 0;
	     z == NULL && why.code == ERR_NOT_FOUND && i < COUNT_OF(zone_dirs);
	     i++)
		z = zone_find_in(zone_dirs[i], name, &why);
	if (z != NULL)
		return z;
	if (why.code == ERR_NOT_FOUND || why.code == ERR_IO)
		(void)err_set(e, ERR_CONFIG,
		    "unknown time zone '%s' (is tzdata installed?)", name);
	else
		(void)err_set(e, ERR_CONFIG, "time zone '%s': %s", name,
		    why.msg);
	return NULL;
}

/* The machine's zone, as libc takes it: TZ, else the link in /etc. */
static struct cron_zone *
zone_local(struct err *e)
{
	const char *tz = getenv("TZ");
	struct err why = ERR_INIT;
	struct cron_zone *z;

	if (tz != NULL && *tz == ':')
		tz++;
	if (tz != NULL && *tz == '\0')
		return zone_utc();
	if (tz == NULL || strcmp(tz, LOCALTIME) == 0) {
		z = zone_read(LOCALTIME, &why);
		if (z == NULL && why.code == ERR_NOT_FOUND)
			return zone_utc();
		if (z == NULL)
			(void)err_set(e, ERR_CONFIG,
			    "the machine's time zone: %s", why.msg);
		return z;
	}
	if ((z = zone_find(tz, e)) != NULL)
		return z;
	z = zone_utc();
	if (zone_posix_parse(tz, &z->posix, NULL) == 0) {
		z->has_posix = true;
		err_clear(e);
		return z;
	}
	cron_zone_free(z);
	(void)err_context(e, "environment variable TZ");
	return NULL;
}

struct cron_zone *
cron_zone_load(const char *name, struct err *e)
{
	return name == NULL ? zone_local(e) : zone_find(name, e);
}
