/*
 * main.c - ragbackupctl: words -> request -> text or JSON.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "client.h"
#include "completion.h"
#include "find.h"
#include "help.h"
#include "local.h"
#include "out.h"
#include "verdict.h"
#include "words.h"

static int64_t
main_now_ms(void)
{
	struct timeval tv;

	(void)gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static int
main_fail(struct out *o, const struct err *e)
{
	o->ops->error(o, e);
	return err_exit_status(e->code);
}

/* An answer that nobody could be given is no success. */
static int
main_flush(struct out *o, int status)
{
	struct err e = ERR_INIT;

	if (fflush(o->to) == 0 && !ferror(o->to))
		return status;
	(void)err_set(&e, ERR_IO, "writing the answer failed");
	return main_fail(o, &e);
}

/* Stores that could not be read: the list is not the whole truth. */
static void
main_store_errors(struct out *o, const json_t *end)
{
	const json_t *v;
	struct err e = ERR_INIT;
	size_t i;

	json_array_foreach(json_get_array(end, "errors"), i, v) {
		(void)err_set(&e, err_from_name(json_get_str(v, "code", "")),
		    "store '%s': %s", json_get_str(v, "store", "?"),
		    json_get_str(v, "error", ""));
		o->ops->error(o, &e);
	}
}

static int
main_interrupted(struct out *o, const struct words *w, int64_t run)
{
	if (run == 0)
		return VERDICT_INTERRUPTED;
	(void)fprintf(o->err_to,
	    "run %" PRId64 " goes on; \"ragbackupctl "
	    "watch %" PRId64 "\" follows it again",
	    run, run);
	if (w->cmd->id == CTL_CMD_cancel)
		(void)fputs(" until it is canceled\n", o->err_to);
	else
		(void)fprintf(o->err_to,
		    ", \"ragbackupctl cancel %" PRId64 "\" stops it\n", run);
	return VERDICT_INTERRUPTED;
}

static bool
main_streams(const struct words *w)
{
	return w->cmd->streams && words_waits(w);
}

/* Both versions; the daemon's is null when it is not there. */
static json_t *
main_versions(json_t *daemon)
{
	json_t *v = json_object();

	json_put_str(v, "client", RAGBACKUP_VERSION);
	json_put(v, "daemon", daemon == NULL ? json_null() : daemon);
	return v;
}

static int
main_answer(struct out *o, const struct words *w, struct client_answer *a)
{
	if (w->cmd->id == CTL_CMD_version)
		a->value = main_versions(a->value);
	if (a->value != NULL)
		o->ops->answer(o, w, a->value);
	main_store_errors(o, a->end);
	return main_flush(o, verdict_of(w, a->value, a->end));
}

static int
main_ask(struct out *o, const struct words *w)
{
	struct client_opt opt = { .cmd = w->cmd->name,
		.args = w->args,
		.is_many = w->cmd->answer == CTL_MANY,
		.progress_fd = -1 };
	struct client_answer a = { NULL, NULL, 0, false };
	struct err e = ERR_INIT, warn = ERR_INIT;
	char *path;
	int rc, status;

	if ((path = find_socket(w, &warn, &e)) == NULL)
		return main_fail(o, &e);
	opt.socket = path;
	opt.streams = main_streams(w);
	opt.progress_fd = w->is_json ? -1 : STDERR_FILENO;
	opt.is_terminal = out_can_draw(STDERR_FILENO);
	rc = client_ask(&opt, &a, &e);
	if (a.is_interrupted)
		status = main_interrupted(o, w, a.run);
	else if (rc == 0 ||
	    (w->cmd->id == CTL_CMD_version && e.code == ERR_UNAVAILABLE))
		status = main_answer(o, w, &a);
	else {
		/* Why the socket was not found where it was expected. */
		if (warn.code != ERR_NONE)
			o->ops->error(o, &warn);
		if (a.run != 0)
			(void)err_context(&e, "run %" PRId64, a.run);
		status = main_fail(o, &e);
	}
	client_answer_done(&a);
	free(path);
	return status;
}

static int
main_check_file(struct out *o, const struct words *w)
{
	json_t *v = local_check(json_get_str(w->args, "file", ""));
	int status = verdict_of(w, v, NULL);

	o->ops->answer(o, w, v);
	json_decref(v);
	return main_flush(o, status);
}

static int
main_run(struct out *o, const struct words *w)
{
	struct err e = ERR_INIT;

	if (w->wants_help) {
		help_print(o->to, w->cmd);
		return main_flush(o, 0);
	}
	if (w->wants_version) {
		(void)fputs("ragbackupctl " RAGBACKUP_VERSION "\n", o->to);
		return main_flush(o, 0);
	}
	if (w->wants_completion) {
		if (completion_print(o->to, w->shell, &e) == -1)
			return main_fail(o, &e);
		return main_flush(o, 0);
	}
	if (w->cmd->id == CTL_CMD_check &&
	    json_get_str(w->args, "file", NULL) != NULL)
		return main_check_file(o, w);
	return main_ask(o, w);
}

int
main(int argc, char **argv)
{
	struct out o = { .to = stdout, .err_to = stderr };
	struct words w;
	struct err e = ERR_INIT;
	int status;

	o.now_ms = main_now_ms();
	o.ops = &out_text;
	o.has_color = out_wants_color(STDOUT_FILENO);
	if (words_parse(argc, argv, o.now_ms, &w, &e) == -1) {
		if (w.is_json)
			o.ops = &out_json;
		status = main_fail(&o, &e);
	} else {
		if (w.is_json)
			o.ops = &out_json;
		status = main_run(&o, &w);
	}
	words_done(&w);
	return status;
}
