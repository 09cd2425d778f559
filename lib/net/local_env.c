/* local_env.c - see local_env.h. */
#include "net/local_env.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "base/str.h"

extern char **environ;

/* Names; one that ends in '_' stands for all that begin so. */
static const char *const wanted[] = { "PATH", "HOME", "USER", "LOGNAME",
	"SHELL", "LANG", "LC_", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT",
	"DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
	"DOCKER_API_VERSION", "COMPOSE_", "SSH_AUTH_SOCK", "SYSTEMD_" };

static bool
is_wanted(const char *pair)
{
	size_t i, n, len = strcspn(pair, "=");

	for (i = 0; i < COUNT_OF(wanted); i++) {
		n = strlen(wanted[i]);
		if (strncmp(pair, wanted[i], n) == 0 &&
		    (wanted[i][n - 1] == '_' || n == len))
			return true;
	}
	return false;
}

char **
local_env_new(void)
{
	char **env, home[1024];
	size_t n = 0, used = 0, size = sizeof(home);

	while (environ != NULL && environ[n] != NULL)
		n++;
	env = xcalloc(n + 2, sizeof(*env));
	for (n = 0; environ != NULL && environ[n] != NULL; n++)
		if (is_wanted(environ[n]))
			env[used++] = xstrdup(environ[n]);
	if (getenv("HOME") == NULL && uv_os_homedir(home, &size) == 0)
		env[used] = xasprintf("HOME=%s", home);
	return env;
}

void
local_env_free(char **env)
{
	size_t i;

	for (i = 0; env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

void
local_signal_name(int sig, char *out, size_t size)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {
		{ SIGHUP, "HUP" },
		{ SIGINT, "INT" },
		{ SIGQUIT, "QUIT" },
		{ SIGABRT, "ABRT" },
		{ SIGKILL, "KILL" },
		{ SIGSEGV, "SEGV" },
		{ SIGPIPE, "PIPE" },
		{ SIGTERM, "TERM" },
		{ SIGBUS, "BUS" },
		{ SIGXFSZ, "XFSZ" },
		{ SIGXCPU, "XCPU" },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (names[i].sig == sig) {
			(void)snprintf(out, size, "%s", names[i].name);
			return;
		}
	(void)snprintf(out, size, "%d", sig);
}
