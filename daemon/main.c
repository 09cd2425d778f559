/*
 * main.c - ragbackupd: options, signals, start and stop in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "control.h"
#include "daemon.h"
#include "loopwatch.h"
#include "runner.h"
#include "scheduler.h"
#include "sdnotify.h"

/* Compression and digests; more would not help two streams. */
#define POOL_THREADS 4

/* While stopping, the service manager hears every so often to wait on. */
#define PATIENCE_EVERY_MS 20000
#define PATIENCE_USEC "60000000"

struct options {
	const char *config;
	bool is_check;
};

struct signals {
	struct daemon *d;
	uv_signal_t term, intr, hup;
	struct env_timer *patience;
};

static void
usage(FILE *out)
{
	(void)fputs(
	    "usage: ragbackupd [--config FILE] [--check] [--version] [--help]\n"
	    "\n"
	    "Runs in the foreground, backs up what the configuration says.\n"
	    "\n"
	    "  -c, --config FILE  the configuration (default: see the manual)\n"
	    "  -n, --check        validate the configuration and exit\n"
	    "  -V, --version      print the version and exit\n"
	    "  -h, --help         print this and exit\n"
	    "\n"
	    "SIGHUP reads the configuration again and re-opens the log;\n"
	    "SIGTERM and SIGINT stop cleanly: services come back first.\n",
	    out);
}

/* Returns -1 to go on, else the exit status. */
static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'n' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:nVh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'n':
			o->is_check = true;
			break;
		case 'V':
			(void)printf("ragbackupd %s\n", RAGBACKUP_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return err_exit_status(ERR_USAGE);
		}
	if (optind == argc)
		return -1;
	(void)fprintf(stderr, "ragbackupd: unexpected '%s'\n", argv[optind]);
	usage(stderr);
	return err_exit_status(ERR_USAGE);
}

static void
print_faults(const char *path, const struct conf_faults *faults,
    const struct err *e)
{
	size_t i;

	for (i = 0; i < faults->n; i++) {
		const struct conf_fault *f = &faults->list[i];

		/* A file that is not there has no place in it. */
		if (f->line > 0)
			(void)fprintf(stderr, "%s:%d:%d: %s\n", path, f->line,
			    f->column, f->text);
		else
			(void)fprintf(stderr, "ragbackupd: %s\n", f->text);
	}
	if (faults->n == 0)
		(void)fprintf(stderr, "ragbackupd: %s\n", e->msg);
}

/*
 * --- One instance per state directory.  The lock goes with the process.
 */
static int
state_lock(const char *dir, struct err *e)
{
	char *path = NULL;
	int fd = -1;

	if (file_mkdir_p(dir, e) == -1)
		return -1;
	path = file_join(dir, "ragbackupd.lock");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1) {
		(void)err_sys(e, errno, "lock file '%s'", path);
	} else if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			(void)err_set(e, ERR_BUSY,
			    "another ragbackupd uses "
			    "the state directory '%s'",
			    dir);
		else
			(void)err_sys(e, errno, "lock '%s'", path);
		(void)close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/*
 * --- Stop.
 */
static void
on_runner_stopped(void *arg, const struct err *e)
{
	struct signals *s = arg;

	(void)e;
	log_info("stop=done");
	env_timer_free(s->patience);
	daemon_close(s->d);
	uv_close((uv_handle_t *)&s->term, NULL);
	uv_close((uv_handle_t *)&s->intr, NULL);
	uv_close((uv_handle_t *)&s->hup, NULL);
	loopwatch_stop();
}

/* Services come back however long it takes: the manager is asked to wait. */
static void
on_patience_due(void *arg)
{
	struct signals *s = arg;

	sdnotify("EXTEND_TIMEOUT_USEC=" PATIENCE_USEC);
	env_timer_start(s->patience, PATIENCE_EVERY_MS);
}

static void
on_stop_signal(uv_signal_t *h, int num)
{
	struct signals *s = h->data;

	/* A second one does not skip what the first one began. */
	if (s->d->is_stopping) {
		log_info("signal=%d stop=under-way", num);
		return;
	}
	s->d->is_stopping = true;
	log_info("signal=%d stop=started", num);
	sdnotify("STOPPING=1\nSTATUS=bringing services back");
	s->patience = env_timer_new(s->d->env, on_patience_due, s);
	on_patience_due(s);
	scheduler_stop(s->d->scheduler);
	runner_stop(s->d->runner, on_runner_stopped, s);
}

static void
on_reloaded(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_error("reload=refused error=\"%s\"", e->msg);
	else
		log_info("reload=done");
}

static void
on_reload_signal(uv_signal_t *h, int num)
{
	struct signals *s = h->data;

	(void)num;
	daemon_reload(s->d, on_reloaded, NULL);
}

static void
signals_start(struct signals *s, struct daemon *d)
{
	s->d = d;
	s->patience = NULL;
	(void)uv_signal_init(d->loop, &s->term);
	(void)uv_signal_init(d->loop, &s->intr);
	(void)uv_signal_init(d->loop, &s->hup);
	s->term.data = s->intr.data = s->hup.data = s;
	(void)uv_signal_start(&s->term, on_stop_signal, SIGTERM);
	(void)uv_signal_start(&s->intr, on_stop_signal, SIGINT);
	(void)uv_signal_start(&s->hup, on_reload_signal, SIGHUP);
}

/*
 * --- Start.
 */
static void
on_scheduler_started(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_error("scheduler error=\"%s\"", e->msg);
}

static void
on_recovered(void *arg, const struct err *e)
{
	struct daemon *d = arg;

	if (e != NULL)
		log_error("recovery error=\"%s\"", e->msg);
	if (!d->is_stopping)
		scheduler_start(d->scheduler, on_scheduler_started, d);
}

static int
serve(struct conf *conf, const char *conf_path, struct err *e)
{
	const json_t *cfg = conf_daemon(conf);
	struct signals signals;
	enum log_level level = LOG_INFO;
	struct daemon *d;
	uv_loop_t loop;
	int lock, rc = -1;

	(void)log_parse_level(json_get_str(cfg, "log_level", "info"), &level);
	if (log_open(json_get_str(cfg, "log", NULL), level, e) == -1)
		return -1;
	lock = state_lock(json_get_str(cfg, "state_dir", "."), e);
	if (lock == -1)
		return -1;
	BUG_IF(uv_loop_init(&loop) != 0);
	d = daemon_new(&loop, conf, conf_path, POOL_THREADS, e);
	if (d != NULL) {
		signals_start(&signals, d);
		loopwatch_start(&loop);
		log_info("ragbackupd=%s config=%s instance=%s",
		    RAGBACKUP_VERSION, conf_path, history_instance(d->history));
		runner_recover(d->runner, on_recovered, d);
		sdnotify("READY=1");
		(void)uv_run(&loop, UV_RUN_DEFAULT);
		daemon_free(d);
		rc = 0;
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	BUG_IF(uv_loop_close(&loop) != 0);
	(void)close(lock);
	log_close();
	return rc;
}

int
main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	struct options o = { NULL, false };
	struct conf_faults faults = { NULL, 0 };
	struct err e = ERR_INIT;
	struct conf *conf;
	char *path;
	int rc;

	if ((rc = options_parse(&o, argc, argv)) != -1)
		return rc;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Its memory may hold a passphrase or a key. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	sdnotify_init();
	path = o.config != NULL ? file_expand(o.config, NULL)
				: conf_default_path();
	conf = conf_load(path, &faults, &e);
	if (conf == NULL)
		print_faults(path, &faults, &e);
	conf_faults_done(&faults);
	if (conf == NULL) {
		free(path);
		return err_exit_status(ERR_CONFIG);
	}
	rc = 0;
	if (o.is_check)
		(void)printf("%s: good\n", path);
	else if (serve(conf, path, &e) == -1) {
		(void)fprintf(stderr, "ragbackupd: %s\n", e.msg);
		rc = err_exit_status(e.code);
	}
	conf_unref(conf);
	free(path);
	return rc;
}
