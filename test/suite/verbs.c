/* verbs.c - see verbs.h. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream/readers.h"

/*
 * --- put: a file, block by block, at the pace of the store.
 */
struct sending {
	struct suite *suite;
	struct reader *reader;
	struct store_put *put;
	bool is_done;
	struct err err;
};

static void
on_sent(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct sending *x = arg;

	if (proof != NULL)
		(void)printf("%lld bytes, %s %s\n", (long long)proof->size,
		    proof->kind, proof->value);
	err_copy(&x->err, e);
	x->is_done = true;
}

static void
on_file_read(void *arg, struct block *b, const struct err *e)
{
	struct sending *x = arg;
	bool may_go_on;

	if (e != NULL) {
		err_copy(&x->err, e);
		store_put_abort(x->put);
		x->is_done = true;
	} else if (b == NULL) {
		store_put_finish(x->put, on_sent, x);
	} else {
		may_go_on = store_put_write(x->put, b);
		block_unref(b);
		if (may_go_on)
			reader_read(x->reader, on_file_read, x);
	}
}

static void
on_put_ready(void *arg)
{
	struct sending *x = arg;

	reader_read(x->reader, on_file_read, x);
}

static int
verb_put(struct suite *s, char **args, struct err *e)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct sending x = { .suite = s };
	struct stat st;

	if (stat(args[1], &st) == -1)
		return err_sys(e, errno, "stat '%s'", args[1]);
	opt.size_hint = st.st_size;
	x.put = store_put_open(s->store, args[0], &opt, on_put_ready, &x, e);
	if (x.put == NULL)
		return -1;
	x.reader = reader_file_new(s->pool, args[1]);
	reader_read(x.reader, on_file_read, &x);
	suite_wait(s, &x.is_done);
	reader_close(x.reader);
	err_copy(e, &x.err);
	return x.err.code == ERR_NONE ? 0 : -1;
}

/*
 * --- get: into a file, or "-" for nowhere.
 */
static int
verb_get(struct suite *s, char **args, struct err *e)
{
	struct getting g = { .fd = -1 };
	const char *path = strcmp(args[1], "-") == 0 ? "/dev/null" : args[1];

	g.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (g.fd == -1)
		return err_sys(e, errno, "create '%s'", path);
	getting_start(s, s->store, args[0], 0, -1, &g);
	suite_wait(s, &g.is_done);
	reader_close(g.reader);
	(void)close(g.fd);
	err_copy(e, &g.err);
	if (g.err.code == ERR_NONE && !g.is_equal)
		return err_set(e, ERR_IO, "write '%s'", path);
	if (g.err.code == ERR_NONE)
		(void)printf("%lld bytes\n", (long long)g.at);
	return g.err.code == ERR_NONE ? 0 : -1;
}

/* Never ends by itself: it is killed when it has said so. */
static int
verb_half(struct suite *s, char **args, struct err *e)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting p = { .seed = 1, .is_held = true };

	p.size = strtoll(args[1], NULL, 10);
	act_check(s, s->store, e);
	if (e->code != ERR_NONE)
		return -1;
	if (!putting_start(s, s->store, args[0], &opt, &p)) {
		err_copy(e, &p.err);
		return -1;
	}
	suite_wait(s, &p.is_done);
	if (store_put_failed(p.put))
		return err_set(e, ERR_IO, "the put failed");
	(void)printf("half\n");
	(void)fflush(stdout);
	suite_sleep(s, INT64_C(600000));
	return err_set(e, ERR_TIMEOUT, "was not killed");
}

static int
verb_sweep(struct suite *s, char **args, struct err *e)
{
	act_sweep(s, s->store, args[0], strtoll(args[1], NULL, 10), e);
	return e->code == ERR_NONE ? 0 : -1;
}

static int
verb_list(struct suite *s, char **args, struct err *e)
{
	struct listing l;
	size_t i;

	act_list(s, s->store, args[0], true, &l);
	for (i = 0; i < l.n; i++)
		(void)printf("%lld %s\n", (long long)l.list[i].size,
		    l.list[i].key);
	err_copy(e, &l.err);
	listing_done(&l);
	return e->code == ERR_NONE ? 0 : -1;
}

struct verb {
	const char *name;
	int nargs;
	int (*run)(struct suite *, char **, struct err *);
};

int
verb_run(struct suite *s, const char *name, char **args, int nargs)
{
	static const struct verb verbs[] = {
		{ "put", 2, verb_put },
		{ "get", 2, verb_get },
		{ "half", 2, verb_half },
		{ "sweep", 2, verb_sweep },
		{ "list", 1, verb_list },
	};
	struct err e = ERR_INIT;
	int rc = -1;
	size_t i;

	(void)err_set(&e, ERR_USAGE, "no such verb, or not its arguments");
	for (i = 0; i < COUNT_OF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0 &&
		    verbs[i].nargs == nargs) {
			err_clear(&e);
			rc = verbs[i].run(s, args, &e);
		}
	if (rc == -1)
		(void)fprintf(stderr, "store_suite %s: %s: %s\n", name,
		    err_name(e.code), e.msg);
	store_close(s->store);
	suite_done(s);
	return rc == 0 && s->failed == 0 ? 0 : 1;
}
