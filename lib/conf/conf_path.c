/* conf_path.c - local paths made absolute; see conf_check.h. */
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "conf/conf_check.h"

/* A service manager may start us without HOME. */
char *
conf_path_home(void)
{
	const char *home = getenv("HOME");
	struct passwd pw, *found = NULL;
	char text[4096];

	if (home != NULL && home[0] == '/')
		return xstrdup(home);
	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 &&
	    found != NULL && found->pw_dir[0] == '/')
		return xstrdup(found->pw_dir);
	return NULL;
}

/* Drop "." and empty segments; ".." stays, for links may be before it. */
static char *
path_tidy(const char *path)
{
	struct buf b = BUF_INIT;
	size_t n;

	for (; *path != '\0'; path += n) {
		while (*path == '/')
			path++;
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		buf_addc(&b, '/');
		buf_add(&b, path, n);
	}
	if (b.len == 0)
		buf_addc(&b, '/');
	return buf_take(&b);
}

char *
conf_path_local(const struct conf_check *c, const char *path)
{
	char *whole, *tidy;

	if (path[0] == '~') {
		if (c->home == NULL)
			return NULL;
		whole = xasprintf("%s/%s", c->home, path + 1);
	} else if (path[0] == '/') {
		whole = xstrdup(path);
	} else {
		whole = file_join(c->base, path);
	}
	tidy = path_tidy(whole);
	free(whole);
	return tidy;
}

char *
conf_path_folder(const char *path)
{
	char cwd[PATH_MAX], *folder, *whole;
	const char *slash = strrchr(path, '/');

	folder = slash == NULL ? xstrdup(".")
			       : xstrndup(path, (size_t)(slash - path) + 1);
	if (folder[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		whole = xasprintf("/%s", folder);
	else
		whole = file_join(cwd, folder);
	free(folder);
	folder = path_tidy(whole);
	free(whole);
	return folder;
}
