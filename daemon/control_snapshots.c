/* control_snapshots.c - what the stores hold, merged by snapshot. */
#include "base/json.h"
#include "control_cmds.h"
#include "daemon.h"
#include "locate.h"

static void
on_located(void *arg, json_t *found, json_t *errors)
{
	json_t *end = json_object();

	json_put(end, "errors", errors);
	control_list(arg, found, NULL, end);
}

int
control_check_store(struct daemon *d, const char *store, struct err *e)
{
	if (store == NULL || conf_store(d->conf, store) != NULL)
		return 0;
	return err_set(e, ERR_NOT_FOUND, "there is no store '%.100s'", store);
}

void
control_cmd_snapshots(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	struct locate_opt o = { .root = d->conf->root,
		.store = control_arg(req, "store"),
		.job = control_arg(req, "job") };
	struct err e = ERR_INIT;

	if (control_check_store(d, o.store, &e) == -1 ||
	    (o.job != NULL && control_check_job(d, o.job, &e) == -1))
		control_fail(req, &e);
	else
		locate_snapshots(d, &o, on_located, req);
}
