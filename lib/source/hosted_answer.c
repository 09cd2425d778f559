/* hosted_answer.c - what verbs tell, line by line, and what it comes to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/hosted.h"

static int64_t
hosted_number(const char *text)
{
	int64_t v;

	return str_parse_i64(text, &v) == 0 ? v : 0;
}

/* Member ${key} of ${st}, made as an array or an object when not there. */
static json_t *
hosted_member(struct hosted *h, const char *key, bool is_array)
{
	json_t *v = json_object_get(h->st, key);

	if (is_array ? json_is_array(v) : json_is_object(v))
		return v;
	v = is_array ? json_array() : json_object();
	json_put(h->st, key, v);
	return v;
}

static void
hosted_append(json_t *array, json_t *taken)
{
	BUG_IF(json_array_append_new(array, taken) != 0);
}

static void
line_error(struct hosted *h, char **f)
{
	if (h->verb_err.code == ERR_NONE)
		(void)err_set(&h->verb_err, err_from_name(f[1]), "%s", f[2]);
}

static void
line_warn(struct hosted *h, char **f)
{
	hosted_warn(h, "%s", f[1]);
}

static void
line_engine(struct hosted *h, char **f)
{
	json_put_str(h->st, "engine", f[1]);
	json_put_str(hosted_member(h, "versions", false), "docker", f[2]);
	json_put_str(hosted_member(h, "versions", false), "platform", f[3]);
}

static void
line_text(struct hosted *h, char **f)
{
	json_put_str(h->st, f[0], f[1]);
}

static void
line_image(struct hosted *h, char **f)
{
	json_put_str(h->st, "image", f[1]);
	json_put_str(h->st, "image_id", f[2]);
}

static void
line_size(struct hosted *h, char **f)
{
	json_put_int(hosted_member(h, "kib", false), f[1], hosted_number(f[2]));
}

static void
line_mount(struct hosted *h, char **f)
{
	json_t *m = json_object();

	json_put_int(m, "n", hosted_number(f[1]));
	json_put_str(m, "kind", f[2]);
	json_put_str(m, "real", f[4]);
	json_put_str(m, "of", strcmp(f[3], "-") == 0 ? f[4] : f[3]);
	hosted_append(hosted_member(h, "mounts", true), m);
}

static void
line_ran(struct hosted *h, char **f)
{
	json_t *r = json_object();

	json_put_str(r, "id", f[1]);
	json_put_int(r, "level", hosted_number(f[3]));
	json_put_str(r, "service", strcmp(f[5], "-") == 0 ? f[6] : f[5]);
	json_put_str(r, "name", f[6]);
	hosted_append(hosted_member(h, "ran", true), r);
}

static void
line_container(struct hosted *h, char **f)
{
	json_t *all = json_get_object(hosted_member(h, "versions", false),
		   "services"),
	       *c = json_object();

	if (all == NULL) {
		all = json_object();
		json_put(hosted_member(h, "versions", false), "services", all);
	}
	json_put_str(c, "container", f[2]);
	json_put_str(c, "image", f[4]);
	json_put_str(c, "image_id", f[5]);
	json_put_str(c, "digest", *f[6] == '\0' ? NULL : f[6]);
	json_put_bool(c, "was_running", strcmp(f[3], "running") == 0);
	json_put(all, f[1], c);
}

static void
line_arm(struct hosted *h, char **f)
{
	json_t *arms = hosted_member(h, "arms", true);
	size_t i;

	for (i = 0; i < json_array_size(arms); i++)
		if (strcmp(json_string_value(json_array_get(arms, i)), f[1]) ==
		    0)
			return;
	hosted_append(arms, json_string(f[1]));
}

static void
line_stopped(struct hosted *h, char **f)
{
	const char *oom = strcmp(f[3], "true") == 0 ? ", out of memory" : "";

	if (strcmp(f[2], "137") != 0)
		return;
	if (strcmp(json_get_str(h->src.env.cfg, "killed", "fail"), "warn") == 0)
		hosted_warn(h,
		    "service '%s' had to be killed (exit status "
		    "137%s)",
		    f[1], oom);
	else if (h->verb_err.code == ERR_NONE)
		(void)err_set(&h->verb_err, ERR_KILLED,
		    "service '%s' had to "
		    "be killed (exit status 137%s): its data may be torn",
		    f[1], oom);
}

static void
line_repaired(struct hosted *h, char **f)
{
	hosted_warn(h,
	    "repaired what run %s of job '%s' left: its services "
	    "are started, its lock is free",
	    f[1], f[2]);
}

static void
line_unrepaired(struct hosted *h, char **f)
{
	hosted_warn(h,
	    "run %s was dead; its services could not all be "
	    "started: %s",
	    f[1], f[2]);
}

static void
line_report(struct hosted *h, char **f)
{
	json_put_str(hosted_member(h, "report", false), f[1], f[2]);
}

static void
line_resumed(struct hosted *h, char **f)
{
	json_t *report = hosted_member(h, "report", false);
	int64_t epoch;

	json_put_bool(h->st, "is_resumed", true);
	if (strcmp(f[1], "fired") != 0)
		return;
	hosted_warn(h,
	    "the dead-man's switch started the services (%s); the "
	    "copy was whole by then",
	    json_get_str(report, "why", "unknown"));
	epoch = hosted_number(json_get_str(report, "started", "0"));
	if (epoch != 0)
		json_put_int(h->st, "start_epoch", epoch);
}

static const struct {
	const char *word;
	void (*fn)(struct hosted *, char **);
} lines[] = {
	{ "arm", line_arm },
	{ "boot", line_text },
	{ "container", line_container },
	{ "engine", line_engine },
	{ "error", line_error },
	{ "free", line_text },
	{ "helper", line_text },
	{ "helper_image", line_image },
	{ "mount", line_mount },
	{ "project", line_text },
	{ "ran", line_ran },
	{ "repaired", line_repaired },
	{ "report", line_report },
	{ "resumed", line_resumed },
	{ "size", line_size },
	{ "stopped", line_stopped },
	{ "token", line_text },
	{ "tools", line_text },
	{ "unrepaired", line_unrepaired },
	{ "warn", line_warn },
	{ "whole", line_text },
};

/* What is not UTF-8 is shown, not refused: words of it become keys. */
static void
line_scrub(char *line)
{
	json_t *v = json_string(line);

	if (v == NULL)
		for (; *line != '\0'; line++)
			if ((unsigned char)*line >= 0x80)
				*line = '?';
	json_decref(v);
}

/* Unknown words are skipped: an image's probe may say more than we know. */
void
hosted_line(struct hosted *h, char *line)
{
	char none[] = "", *f[HOSTED_FIELDS];
	size_t i;

	line_scrub(line);
	for (i = 0; i < HOSTED_FIELDS; i++) {
		f[i] = line == NULL ? NULL : strsep(&line, "\t");
		if (f[i] == NULL)
			f[i] = none;
	}
	for (i = 0; i < COUNT_OF(lines); i++)
		if (strcmp(lines[i].word, f[0]) == 0)
			lines[i].fn(h, f);
}

/* Bytes of the first ${n} mounts, of all of them for -1. */
static int64_t
hosted_bytes(struct hosted *h, int64_t n)
{
	const json_t *kib = json_get_object(h->st, "kib");
	const char *key;
	json_t *v;
	int64_t sum = 0;

	json_object_foreach((json_t *)(uintptr_t)kib, key, v)
		if (n < 0 || hosted_number(key) <= n)
			sum += json_integer_value(v) * 1024;
	return sum;
}

static void
remark_time(struct hosted *h, const char *what, int64_t epoch)
{
	struct env *env = h->src.env.env;
	int64_t now = env_mono_ms(env);
	int64_t budget = json_get_int(h->src.env.cfg, "downtime_budget", 0);

	if (strcmp(what, "stopping") == 0 && h->facts.stop_ms == 0) {
		h->facts.stop_ms = now;
		json_put_int(h->st, "stop_epoch", epoch);
		if (budget > 0)
			env_timer_start(h->budget_timer, budget);
	} else if (strcmp(what, "stopped") == 0) {
		json_put_int(h->st, "as_of_ms", env_wall_ms(env));
	} else if (strcmp(what, "started") == 0) {
		h->facts.start_ms = now;
		json_put_int(h->st, "start_epoch", epoch);
		hosted_stop_budget(h);
		if (h->facts.stop_ms != 0)
			json_put_int(h->st, "downtime_ms",
			    now - h->facts.stop_ms);
	}
	hosted_facts(h);
}

/* "t stopping EPOCH", "copied N TOTAL", or a line for people. */
void
hosted_remark(struct hosted *h, const char *note)
{
	const struct source_env *senv = &h->src.env;
	char word[16] = "", what[16] = "", rest[32] = "";

	(void)sscanf(note, "%15s %15s %31s", word, what, rest);
	if (strcmp(word, "t") == 0) {
		remark_time(h, what, hosted_number(rest));
	} else if (strcmp(word, "copied") == 0) {
		if (senv->progress != NULL && hosted_number(what) > 0)
			senv->progress(senv->arg,
			    hosted_bytes(h, hosted_number(what)),
			    hosted_bytes(h, -1));
	} else {
		hosted_note(h, "%s", note);
	}
}

/* The facts follow from what is remembered. */
void
hosted_facts(struct hosted *h)
{
	struct source_facts *f = &h->facts;
	int64_t from = json_get_int(h->st, "stop_epoch", 0);
	int64_t to = json_get_int(h->st, "start_epoch", 0);
	size_t i;

	f->as_of_ms = json_get_int(h->st, "as_of_ms", 0);
	f->downtime_ms = json_get_int(h->st, "downtime_ms", 0);
	/* Started by the switch, or after a restart of the daemon. */
	if (f->downtime_ms == 0 && from != 0 && to >= from)
		f->downtime_ms = (to - from) * 1000;
	f->has_services = json_array_size(json_object_get(h->st, "ran")) > 0;
	f->size_hint = json_get_object(h->st, "kib") == NULL
	    ? -1
	    : hosted_bytes(h, -1);
	f->versions = json_get_object(h->st, "versions");
	f->arms = json_get_array(h->st, "arms");
	f->is_reboot_safe = !f->has_services;
	for (i = 0; i < json_array_size(f->arms); i++) {
		const char *arm = json_string_value(json_array_get(f->arms, i));

		if (strcmp(arm, "at") == 0 ||
		    strcmp(arm, "restart-policy") == 0)
			f->is_reboot_safe = true;
	}
}
