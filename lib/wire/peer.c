/* peer.c - see peer.h. */
#include "wire/peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#ifdef __APPLE__
typedef int peer_gid;

int
peer_get(int fd, struct peer *p, struct err *e)
{
	if (getpeereid(fd, &p->uid, &p->gid) == -1)
		return err_sys(e, errno, "credentials of the client");
	return 0;
}
#else
typedef gid_t peer_gid;

int
peer_get(int fd, struct peer *p, struct err *e)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == -1)
		return err_sys(e, errno, "credentials of the client");
	p->uid = cred.uid;
	p->gid = cred.gid;
	return 0;
}
#endif

#define NAME_BYTES ((size_t)64 * 1024)
#define GROUPS_MAX 4096

bool
peer_in_group(const struct peer *p, gid_t gid)
{
	struct passwd pw, *found = NULL;
	peer_gid *groups = NULL;
	char *text;
	bool is_in = p->gid == gid;
	int n = GROUPS_MAX, i;

	if (is_in)
		return true;
	text = xmalloc(NAME_BYTES);
	if (getpwuid_r(p->uid, &pw, text, NAME_BYTES, &found) != 0 ||
	    found == NULL)
		goto out;
	groups = xcalloc(GROUPS_MAX, sizeof(*groups));
	/* Of more groups than fit the first ones count. */
	(void)getgrouplist(pw.pw_name, (peer_gid)pw.pw_gid, groups, &n);
	for (i = 0; i < n && i < GROUPS_MAX && !is_in; i++)
		is_in = (gid_t)groups[i] == gid;
out:
	free(groups);
	free(text);
	return is_in;
}
