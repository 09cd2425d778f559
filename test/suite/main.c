/*
 * main.c - store_suite: tries a store, or does one thing to it.
 *
 *	store_suite [option ...] run CONFIG STORE [TEST ...]
 *	    --many N            objects of the long list
 *	    --round NAME        a short round of all on another store
 *	    --slow NAME         one with a bandwidth of 2 MiB
 *	    --expect NAME=CODE,CODE=SECONDS   one where nothing works
 *	store_suite put CONFIG STORE KEY FILE
 *	store_suite get CONFIG STORE KEY FILE
 *	store_suite half CONFIG STORE KEY BYTES    writes, says "half", waits
 *	store_suite sweep CONFIG STORE PREFIX AGE
 *	store_suite list CONFIG STORE PREFIX
 *
 * Speaks TAP for "run".  SUITE_SECRETS has lines that no error may hold.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "verbs.h"

#define EXTRAS_MAX 32

/* One of the options, a test of its own. */
struct extra {
	char kind;
	char *name, *codes;
	int64_t seconds;
};

struct options {
	struct extra extras[EXTRAS_MAX];
	size_t nextras;
	unsigned many;
	char **only;
	int nonly;
};

static volatile unsigned number;
static const char *volatile title_now = "";

static void
on_alarm(int num)
{
	char text[300];
	int n = snprintf(text, sizeof(text),
	    "not ok %u - %s\n# no end in time\n1..%u\n", number, title_now,
	    number);

	(void)num;
	if (n > 0)
		(void)!write(1, text, (size_t)n);
	_exit(1);
}

static bool
is_chosen(const struct options *o, const char *name)
{
	int i;

	for (i = 0; i < o->nonly; i++)
		if (strcmp(o->only[i], name) == 0)
			return true;
	return o->nonly == 0;
}

static void
begin(struct suite *s, const char *name, const char *title, unsigned limit_s)
{
	number++;
	title_now = title;
	s->failed = 0;
	(void)snprintf(s->folder, sizeof(s->folder), "t-%s/", name);
	(void)alarm(limit_s);
}

static unsigned
report(struct suite *s, const char *title, int64_t began)
{
	(void)alarm(0);
	(void)printf("%s %u - %s: %s\n# %.1f s\n",
	    s->failed > 0 ? "not ok" : "ok", number, s->name, title,
	    (double)(env_mono_ms(s->env) - began) / 1000);
	(void)fflush(stdout);
	return s->failed > 0;
}

static unsigned
run_table(struct suite *s, const struct options *o,
    const struct suite_test *table)
{
	unsigned failed = 0;
	int64_t began;

	for (; table->name != NULL; table++) {
		if (!is_chosen(o, table->name))
			continue;
		begin(s, table->name, table->title, table->limit_s * 2);
		began = env_mono_ms(s->env);
		table->run(s);
		act_clear(s, s->store, s->folder);
		failed += report(s, table->title, began);
	}
	return failed;
}

static unsigned
run_extra(struct suite *s, const struct extra *x)
{
	int64_t began = env_mono_ms(s->env);
	char title[200], folder[48];

	(void)snprintf(folder, sizeof(folder), "x-%s", x->name);
	(void)snprintf(title, sizeof(title), "store '%s'%s%s", x->name,
	    x->codes == NULL ? "" : " fails by ",
	    x->codes == NULL ? "" : x->codes);
	begin(s, folder, title,
	    x->kind == 'e' ? 60 + 12 * (unsigned)x->seconds : 120);
	if (x->kind == 'r')
		trouble_round(s, x->name);
	else if (x->kind == 's')
		trouble_slow(s, x->name);
	else
		trouble_expect(s, x->name, x->codes, x->seconds);
	return report(s, title, began);
}

/* Everything was cleared, so nothing may be there. */
static void
check_empty(struct suite *s)
{
	struct listing l;

	act_list(s, s->store, "", false, &l);
	if (l.err.code != ERR_NONE || l.n != 0)
		suite_fail(s, __FILE__, __LINE__, "left: %s",
		    l.n > 0 ? l.list[0].key : l.err.msg);
	listing_done(&l);
}

static int
run_all(struct suite *s, const struct options *o)
{
	const struct suite_test *const tables[] = { put_tests, get_tests,
		list_tests, race_tests };
	unsigned failed = 0;
	struct err e;
	size_t i;

	s->many = o->many;
	act_check(s, s->store, &e);
	if (e.code == ERR_NONE)
		store_caps(s->store, &s->caps);
	(void)printf("# %s: if_absent %d, digest %s, max_parts %lld\n", s->name,
	    s->caps.has_if_absent, s->caps.digest,
	    (long long)s->caps.max_parts);
	for (i = 0; i < COUNT_OF(tables); i++)
		failed += run_table(s, o, tables[i]);
	for (i = 0; i < o->nextras; i++)
		failed += run_extra(s, &o->extras[i]);
	begin(s, "end", "nothing is left, all is closed", 60);
	check_empty(s);
	store_close(s->store);
	suite_done(s);
	(void)alarm(0);
	(void)printf("%s %u - %s: nothing is left, all is closed\n1..%u\n",
	    s->failed > 0 ? "not ok" : "ok", number, s->name, number);
	return failed + s->failed > 0;
}

/* "NAME=CODES=SECONDS"; ${text} is taken apart. */
static int
extra_add(struct options *o, char kind, char *text)
{
	struct extra *x = &o->extras[o->nextras];
	char *codes = strchr(text, '='), *seconds;

	if (o->nextras == EXTRAS_MAX)
		return -1;
	o->nextras++;
	x->kind = kind;
	x->name = text;
	if (kind != 'e')
		return 0;
	if (codes == NULL || (seconds = strchr(codes + 1, '=')) == NULL)
		return -1;
	*codes = *seconds = '\0';
	x->codes = codes + 1;
	x->seconds = strtol(seconds + 1, NULL, 10);
	return 0;
}

static int
usage(void)
{
	(void)fputs("usage: store_suite [option ...] VERB CONFIG STORE ...\n"
		    "see test/suite/main.c\n",
	    stderr);
	return 64;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "many", required_argument, NULL, 'm' },
		{ "round", required_argument, NULL, 'r' },
		{ "slow", required_argument, NULL, 's' },
		{ "expect", required_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .many = 1100 };
	struct suite s = { .failed = 0 };
	struct err e = ERR_INIT;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == '?')
			return usage();
		if (c == 'm')
			o.many = (unsigned)strtoul(optarg, NULL, 10);
		else if (extra_add(&o, (char)c, optarg) == -1)
			return usage();
	}
	argv += optind;
	argc -= optind;
	if (argc < 3)
		return usage();
	(void)signal(SIGALRM, on_alarm);
	s.name = argv[2];
	if (suite_init(&s, argv[1], &e) == -1) {
		(void)fprintf(stderr, "store_suite: %s\n", e.msg);
		return 1;
	}
	if ((s.store = suite_open(&s, s.name)) == NULL) {
		(void)fprintf(stderr, "store_suite: no store '%s'\n", s.name);
		return 1;
	}
	o.only = argv + 3;
	o.nonly = argc - 3;
	if (strcmp(argv[0], "run") == 0)
		return run_all(&s, &o);
	return verb_run(&s, argv[0], argv + 3, argc - 3);
}
