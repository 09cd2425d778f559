/* control_check.c - validate the daemon's own configuration file. */
#include "control_cmds.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/work.h"
#include "daemon.h"

#define FAULTS_MAX 100

struct check {
	struct control_request *req;
	struct work work;
	char *path;
	json_t *answer;
};

static json_t *
check_faults(const struct conf_faults *faults)
{
	json_t *list = json_array(), *v;
	size_t i;

	for (i = 0; i < faults->n && i < FAULTS_MAX; i++) {
		v = json_object();
		json_put_int(v, "line", faults->list[i].line);
		json_put_int(v, "column", faults->list[i].column);
		json_put_str(v, "text", faults->list[i].text);
		BUG_IF(json_array_append_new(list, v) != 0);
	}
	return list;
}

/* Pool thread. */
static void
check_load(void *arg)
{
	struct check *k = arg;
	struct conf_faults faults = { NULL, 0 };
	struct conf *conf;
	struct err e = ERR_INIT;

	conf = conf_load(k->path, &faults, &e);
	k->answer = json_object();
	json_put_str(k->answer, "path", k->path);
	json_put_bool(k->answer, "ok", conf != NULL);
	json_put_str(k->answer, "error", conf != NULL ? NULL : e.msg);
	json_put(k->answer, "faults", check_faults(&faults));
	conf_faults_done(&faults);
	conf_unref(conf);
}

static void
on_checked(void *arg)
{
	struct check *k = arg;

	control_answer(k->req, k->answer);
	free(k->path);
	free(k);
}

void
control_cmd_check(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	struct err e = ERR_INIT;
	struct check *k;

	/* The daemon reads no file that a client names. */
	if (control_arg(req, "file") != NULL) {
		(void)err_set(&e, ERR_USAGE,
		    "the daemon checks its own file only");
		control_fail(req, &e);
		return;
	}
	k = xcalloc(1, sizeof(*k));
	k->req = req;
	k->path = xstrdup(d->conf_path);
	work_submit(d->pool, &k->work, check_load, on_checked, k);
}
