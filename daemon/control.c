/* control.c - see control.h. */
#include "control.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "control_client.h"
#include "daemon.h"

#define BACKLOG 32
#define PATIENCE_MS 3000
#define GROUP_BYTES ((size_t)64 * 1024)

static int
control_find_group(struct control *ctl, struct err *e)
{
	const char *name = json_get_str(conf_daemon(ctl->daemon->conf),
	    "socket_group", NULL);
	struct group gr, *found = NULL;
	char *text;
	int num;

	if (name == NULL)
		return 0;
	text = xmalloc(GROUP_BYTES);
	num = getgrnam_r(name, &gr, text, GROUP_BYTES, &found);
	if (num == 0 && found != NULL) {
		ctl->has_group = true;
		ctl->gid = gr.gr_gid;
	}
	free(text);
	if (num != 0)
		return err_sys(e, num, "daemon.socket_group '%s'", name);
	if (!ctl->has_group)
		return err_set(e, ERR_CONFIG,
		    "daemon.socket_group: there is "
		    "no group '%s'",
		    name);
	return 0;
}

static void
on_connection(uv_stream_t *s, int status)
{
	struct control *ctl = s->data;

	if (status != 0) {
		log_warn("control accept error=\"%s\"", uv_strerror(status));
		return;
	}
	control_client_accept(ctl);
}

static int
control_listen(struct control *ctl, const char *path, struct err *e)
{
	mode_t mask;
	int rc;

	if (control_socket_prepare(path, ctl->has_group, ctl->gid, e) == -1)
		return -1;
	/* That may have waited. */
	uv_update_time(ctl->pipe.loop);
	mask = umask(0177);
	rc = uv_pipe_bind(&ctl->pipe, path);
	(void)umask(mask);
	if (rc != 0)
		return err_uv(e, rc, "bind '%s'", path);
	if (control_socket_open_to(path, ctl->has_group, ctl->gid, e) == -1)
		return -1;
	rc = uv_listen((uv_stream_t *)&ctl->pipe, BACKLOG, on_connection);
	if (rc != 0)
		return err_uv(e, rc, "listen at '%s'", path);
	return 0;
}

static void
control_report(struct control *ctl)
{
	void (*fn)(void *) = ctl->closed;
	void *arg = ctl->closed_arg;

	ctl->is_reported = true;
	env_timer_free(ctl->patience);
	ctl->patience = NULL;
	/* A request that a store holds up keeps only this. */
	if (ctl->nrequests == 0)
		free(ctl);
	if (fn != NULL)
		fn(arg);
}

/*
 * Of a control that is closing: is all of it gone?  The report comes from the
 * loop, never from within what ended last: that may be what is closed next.
 */
void
control_check_closed(struct control *ctl)
{
	if (!ctl->is_closing || ctl->nrequests > 0)
		return;
	if (ctl->is_reported)
		free(ctl);
	else if (ctl->is_pipe_closed && ctl->nclients == 0)
		env_timer_start(ctl->patience, 0);
}

static void
on_control_closed(uv_handle_t *h)
{
	struct control *ctl = h->data;

	ctl->is_pipe_closed = true;
	control_check_closed(ctl);
}

struct control *
control_new(struct daemon *d, const char *path, struct err *e)
{
	struct control *ctl = xcalloc(1, sizeof(*ctl));

	ctl->daemon = d;
	BUG_IF(uv_pipe_init(d->loop, &ctl->pipe, 0) != 0);
	ctl->pipe.data = ctl;
	if (control_find_group(ctl, e) == -1 ||
	    control_listen(ctl, path, e) == -1) {
		control_close(ctl, NULL, NULL);
		return NULL;
	}
	log_info("control socket=%s", path);
	return ctl;
}

static void
control_close_clients(struct control *ctl, bool also_busy)
{
	struct control_client *client, *next;

	for (client = ctl->clients; client != NULL; client = next) {
		next = control_client_next(client);
		if (also_busy || !control_client_is_busy(client))
			control_client_close(client, CONTROL_LINGER_MS);
	}
}

/* All is gone, or it is late: who is left is closed, who hangs is left. */
static void
on_patience_over(void *arg)
{
	struct control *ctl = arg;

	control_close_clients(ctl, true);
	if (ctl->is_pipe_closed && ctl->nclients == 0)
		control_report(ctl);
	else
		env_timer_start(ctl->patience, CONTROL_LINGER_MS / 10);
}

void
control_close(struct control *ctl, control_done_fn *fn, void *arg)
{
	BUG_IF(ctl->is_closing);
	ctl->is_closing = true;
	ctl->closed = fn;
	ctl->closed_arg = arg;
	ctl->patience = env_timer_new(ctl->daemon->env, on_patience_over, ctl);
	env_timer_start(ctl->patience, PATIENCE_MS);
	uv_close((uv_handle_t *)&ctl->pipe, on_control_closed);
	control_close_clients(ctl, false);
}
