/* conf_place.c - see conf_place.h and conf.h. */
#include "conf/conf_place.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_check.h"

#ifdef __APPLE__
#define PLACE_CONF "/usr/local/etc/ragbackup/ragbackup.yaml"
#define PLACE_STATE "/var/db/ragbackup"
#define PLACE_SOCKET "/var/run/ragbackup/control.sock"
#else
#define PLACE_CONF "/etc/ragbackup/ragbackup.yaml"
#define PLACE_STATE "/var/lib/ragbackup"
#define PLACE_SOCKET "/run/ragbackup/control.sock"
#endif

/* "$HOME/rest", NULL without a home. */
static char *
place_at_home(const char *rest)
{
	char *home = conf_path_home(), *path;

	if (home == NULL)
		return NULL;
	path = xasprintf("%s/%s", home, rest);
	free(home);
	return path;
}

char *
conf_place_state_dir(void)
{
	if (geteuid() == 0)
		return xstrdup(PLACE_STATE);
	return place_at_home(".local/state/ragbackup");
}

char *
conf_default_socket(void)
{
	char *path;

	if (geteuid() == 0)
		return xstrdup(PLACE_SOCKET);
	path = place_at_home(".local/state/ragbackup/control.sock");
	return path == NULL ? xstrdup(PLACE_SOCKET) : path;
}

char *
conf_default_path(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char *path;

	if (geteuid() == 0 && access(PLACE_CONF, F_OK) == 0)
		return xstrdup(PLACE_CONF);
	if (xdg != NULL && xdg[0] == '/')
		return xasprintf("%s/ragbackup/ragbackup.yaml", xdg);
	path = place_at_home(".config/ragbackup/ragbackup.yaml");
	return path == NULL ? xstrdup(PLACE_CONF) : path;
}
