/* find.c - see find.h. */
#include "find.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"

static char *
find_in_config(const char *path, struct err *e)
{
	struct conf *conf;
	const char *socket;
	char *found;

	if ((conf = conf_load_public(path, NULL, e)) == NULL)
		return NULL;
	socket = json_get_str(conf_daemon(conf), "socket", NULL);
	found = socket == NULL ? conf_default_socket() : xstrdup(socket);
	conf_unref(conf);
	return found;
}

char *
find_socket(const struct words *w, struct err *warn, struct err *e)
{
	const char *env = getenv("RAGBACKUP_SOCKET");
	char *path, *found = NULL;

	if (w->socket != NULL)
		return xstrdup(w->socket);
	if (env != NULL && *env != '\0')
		return xstrdup(env);
	if (w->config != NULL)
		return find_in_config(w->config, e);
	path = conf_default_path();
	if (path != NULL && access(path, F_OK) == 0)
		found = find_in_config(path, warn);
	free(path);
	return found == NULL ? conf_default_socket() : found;
}
