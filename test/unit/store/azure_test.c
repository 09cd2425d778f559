/*
 * azure_test.c - the Azure store against a blob service that fails as it is
 * told: answers that are lost or lie, blocks that go, pages that are empty.
 */
#include "unit/store/azure_world.h"

#include "store/azure.h"

#define LARGE ((size_t)700000) /* Three blocks. */

/* --- What goes right. */

struct seen {
	struct waited w;
	char kind[16], value[64], etag[64];
};

static void
on_seen(void *arg, const struct store_stat *st, const struct err *e)
{
	struct seen *s = arg;

	if (st != NULL) {
		(void)snprintf(s->kind, sizeof(s->kind), "%s",
		    st->kind == NULL ? "" : st->kind);
		(void)snprintf(s->value, sizeof(s->value), "%s",
		    st->value == NULL ? "" : st->value);
		(void)snprintf(s->etag, sizeof(s->etag), "%s", st->etag);
	}
	w_on_stat(&s->w, st, e);
}

static void
look_at(struct azure_world *a, const char *key, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	store_stat(a->w.store, key, on_seen, s);
	w_wait(&a->w, &s->w);
}

static void
test_small(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	struct seen s;

	a_put(a, "20260101-000000/a.tar.gz", 1000, false, &put);
	assert_int_equal(put.err.code, ERR_NONE);
	assert_int_equal(put.proof.size, 1000);
	assert_string_equal(put.proof.kind, "md5");
	assert_true(put.proof.is_checked);
	look_at(a, "20260101-000000/a.tar.gz", &s);
	assert_int_equal(s.w.err.code, ERR_NONE);
	assert_int_equal(s.w.st.size, 1000);
	assert_int_equal(s.w.st.mtime_ms, INT64_C(1000000000000));
	assert_string_equal(s.kind, "md5");
	assert_string_equal(s.value, put.proof.value);
	assert_string_equal(s.etag, put.proof.etag);
	assert_true(a_is_put(a, "20260101-000000/a.tar.gz", 1000));
	assert_non_null(strstr(tell("/_log"),
	    "blob 20260101-000000/a.tar.gz 1000 Cool\n"));
	a_put(a, "20260101-000000/empty", 0, false, &put);
	assert_int_equal(put.err.code, ERR_NONE);
	assert_string_equal(put.proof.value,
	    "d41d8cd98f00b204e9800998ecf8427e");
	assert_true(a_is_put(a, "20260101-000000/empty", 0));
}

static void
test_blocks(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	struct seen s;
	const char *log;

	a_put(a, "x/large", LARGE, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_string_equal(put.proof.kind, "none");
	assert_true(put.proof.is_checked);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "block x/large"), 3);
	assert_int_equal(count_lines(log, "commit x/large"), 1);
	assert_int_equal(count_lines(log, "blocks x/large"), 1);
	assert_int_equal(count_lines(log, "blob x/large 700000 Cool"), 1);
	assert_true(a_is_put(a, "x/large", LARGE));
	look_at(a, "x/large", &s);
	assert_string_equal(s.etag, put.proof.etag);
	assert_string_equal(s.kind, "md5"); /* As it was told. */
}

/* The path is signed as it is sent, whatever is in it. */
static void
test_odd_prefix(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	char path[1200];
	size_t n;

	for (n = 0; n < 1000; n += 10)
		memcpy(path + n, "a b+%41/=&", 10);
	(void)snprintf(path + n, sizeof(path) - n,
	    "/\xc3\xa6\xe2\x82\xac ;:@$'(),*!#?[]~");
	(void)a_open(a,
	    json_pack("{s:s,s:o}", "path", path, "key",
		a_secret(a, "key", CANARY_KEY)));
	a_put(a, "x/large", LARGE, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_true(a_is_put(a, "x/large", LARGE));
	assert_int_equal(w_put(&a->w, a->w.store, "x/b", "b"), ERR_NONE);
	assert_string_equal(w_list(&a->w, a->w.store, "x/", true),
	    "x/b 1\nx/large 700000\n");
	assert_int_equal(w_remove(&a->w, a->w.store, "x/b"), ERR_NONE);
	assert_int_equal(w_remove(&a->w, a->w.store, "x/b"), ERR_NONE);
	assert_string_equal(w_list(&a->w, a->w.store, "", false), "x/ -\n");
}

/* --- A list of blocks whose answer never came. */

static void
test_commit_lost(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)tell("/_fault?on=commit&act=lost");
	a_put(a, "x/large", LARGE, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_true(put.proof.etag[0] != '\0');
	log = tell("/_log");
	assert_int_equal(count_lines(log, "commit "), 1);
	assert_int_equal(count_lines(log, "head "), 1);
	assert_true(a_is_put(a, "x/large", LARGE));
}

/* It takes effect only after we have looked and sent it again. */
static void
test_commit_late(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)tell("/_fault?on=commit&act=late");
	a_put(a, "x/large", LARGE, false, &put);
	/* The first look finds nothing, then the list lands; the second list
	 * is refused, and the second look tells why. */
	assert_string_equal(put.err.msg, "");
	log = tell("/_log");
	assert_int_equal(count_lines(log, "head "), 2);
	assert_int_equal(count_lines(log, "commit "), 2);
	assert_true(a_is_put(a, "x/large", LARGE));
}

static void
test_commit_dropped(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)tell("/_fault?on=commit&act=drop");
	(void)
	    tell("/_fault?on=commit&act=refuse&status=500&word=InternalError");
	a_put(a, "x/large", LARGE, false, &put);
	assert_string_equal(put.err.msg, "");
	log = tell("/_log");
	assert_int_equal(count_lines(log, "commit "), 3);
	assert_int_equal(count_lines(log, "head "), 2);
	assert_true(a_is_put(a, "x/large", LARGE));
}

/* Never: the time is up, and nothing stays. */
static void
test_commit_never(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)tell("/_fault?on=commit&act=refuse&status=500&times=5"
		   "&word=InternalError");
	a_put(a, "x/large", LARGE, false, &put);
	assert_int_equal(put.err.code, ERR_BUSY);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "blob "), 0);
	assert_int_equal(count_lines(log, "staged "), 0);
}

/* Another writer's commit on this name took our blocks away. */
static void
test_commit_robbed(void **state)
{
	struct azure_world *a = *state;
	struct waited put;

	(void)tell("/_fault?on=commit&act=rob");
	a_put(a, "x/large", LARGE, false, &put);
	assert_int_equal(put.err.code, ERR_CONFLICT);
	assert_non_null(strstr(put.err.msg, "another writer"));
}

/* The list that it then shows is not the one that was sent. */
static void
test_commit_fewer(void **state)
{
	struct azure_world *a = *state;
	struct waited put;

	(void)tell("/_fault?on=blocks&act=fewer");
	a_put(a, "x/large", LARGE, false, &put);
	assert_int_equal(put.err.code, ERR_CORRUPT);
	/* What was refused does not stay. */
	assert_int_equal(count_lines(tell("/_log"), "blob "), 0);
}

/* --- Conditional puts. */

static void
test_if_absent(void **state)
{
	struct azure_world *a = *state;
	struct waited put;

	a_put(a, "x/.claim", 10, true, &put);
	assert_int_equal(put.err.code, ERR_NONE);
	a_put(a, "x/.claim", 10, true, &put);
	assert_int_equal(put.err.code, ERR_CONFLICT);
	(void)tell("/_fault?on=put&act=refuse&status=412"
		   "&word=ConditionNotMet");
	a_put(a, "x/.claim", 10, true, &put);
	assert_int_equal(put.err.code, ERR_CONFLICT);
}

/* Sent once; whether it landed is for the caller to find out. */
static void
test_if_absent_lost(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)tell("/_fault?on=put&act=lost");
	a_put(a, "x/.claim", 10, true, &put);
	assert_int_equal(put.err.code, ERR_NETWORK);
	assert_non_null(strstr(put.err.msg, "not known"));
	log = tell("/_log");
	assert_int_equal(count_lines(log, "put x/.claim if"), 1);
	assert_int_equal(count_lines(log, "blob x/.claim 10"), 1);
}

/* --- Busy, damaged, refused. */

static void
test_busy(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	int64_t began = env_mono_ms(a->w.env);

	(void)tell("/_fault?on=put&act=refuse&status=503&word=ServerBusy"
		   "&after=1");
	(void)tell("/_fault?on=block&act=refuse&status=503&word=ServerBusy"
		   "&times=2");
	(void)tell("/_fault?on=block&act=drop");
	(void)tell("/_fault?on=get&act=refuse&status=500&word=InternalError");
	(void)tell("/_fault?on=list&act=refuse&status=429&word=");
	a_put(a, "x/small", 10, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_true(env_mono_ms(a->w.env) - began >= 1000);
	a_put(a, "x/large", LARGE, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_true(a_is_put(a, "x/large", LARGE));
	assert_string_equal(w_list(&a->w, a->w.store, "", true),
	    "x/large 700000\nx/small 10\n");
}

static void
test_wrong_md5(void **state)
{
	struct azure_world *a = *state;
	struct waited put;

	(void)tell("/_fault?on=put&act=badmd5");
	a_put(a, "x/small", 10, false, &put);
	assert_int_equal(put.err.code, ERR_CORRUPT);
	(void)tell("/_fault?on=block&act=badmd5");
	a_put(a, "x/large", LARGE, false, &put);
	assert_int_equal(put.err.code, ERR_CORRUPT);
	/* Damaged on the way, says the store: once more. */
	(void)tell("/_fault?on=block&act=refuse&status=400&word=Md5Mismatch");
	a_put(a, "x/large", LARGE, false, &put);
	assert_int_equal(put.err.code, ERR_NONE);
}

static void
test_words(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ "status=409&word=BlobArchived", ERR_MISSING, "rehydrate" },
		{ "status=409&word=BlobImmutableDueToPolicy", ERR_PERMISSION,
		    "immutability" },
		{ "status=412&word=LeaseIdMissing", ERR_BUSY, "lease" },
		{ "status=404&word=ContainerNotFound", ERR_CONFIG, "'box'" },
		{ "status=403&word=AuthorizationPermissionMismatch",
		    ERR_PERMISSION, "403" },
		{ "status=404&word=BlobNotFound", ERR_NOT_FOUND, "no such" },
		{ "status=404&word=", ERR_NOT_FOUND, "404" },
		{ "status=418&word=", ERR_PROTOCOL, "418" },
	};
	struct azure_world *a = *state;
	struct err e;
	char path[200];
	size_t i;

	for (i = 0; i < COUNT_OF(cases); i++) {
		(void)snprintf(path, sizeof(path),
		    "/_fault?on=get&act=refuse&%s", cases[i].path);
		(void)tell(path);
		e = a_get_error(a, "x/a");
		assert_int_equal(e.code, cases[i].code);
		assert_non_null(strstr(e.msg, cases[i].text));
		assert_non_null(strstr(e.msg, "'offsite'"));
	}
}

static void
test_skewed_clock(void **state)
{
	struct azure_world *a = *state;
	char *log;

	(void)tell("/_set?ahead=7200");
	assert_int_equal(w_put(&a->w, a->w.store, "x/a", "a"), ERR_NONE);
	(void)tell("/_set?ahead=0");
	assert_int_equal(w_put(&a->w, a->w.store, "x/a", "a"), ERR_NONE);
	log = a_log(a);
	assert_non_null(strstr(log, "clock"));
	/* The server's own view of the string to sign helps to find faults. */
	assert_non_null(strstr(log, "x-ms-version:" AZURE_VERSION));
	assert_non_null(strstr(log, "HTTP request '***"));
	free(log);
}

/* --- Lists. */

static void
test_pages(void **state)
{
	struct azure_world *a = *state;
	int i;
	char key[32];

	for (i = 0; i < 7; i++) {
		(void)snprintf(key, sizeof(key), "d%d/x", i);
		assert_int_equal(w_put(&a->w, a->w.store, key, "1"), ERR_NONE);
	}
	assert_int_equal(w_put(&a->w, a->w.store, "d3/y", "22"), ERR_NONE);
	(void)tell("/_fault?on=list&act=encode&times=3");
	assert_string_equal(w_list(&a->w, a->w.store, "", true),
	    "d0/x 1\nd1/x 1\nd2/x 1\nd3/x 1\nd3/y 2\nd4/x 1\nd5/x 1\nd6/x 1\n");
	assert_int_equal(count_lines(tell("/_log"), "list"), 7);
	assert_string_equal(w_list(&a->w, a->w.store, "", false),
	    "d0/ -\nd1/ -\nd2/ -\nd3/ -\nd4/ -\nd5/ -\nd6/ -\n");
	assert_string_equal(w_list(&a->w, a->w.store, "d3/", false),
	    "d3/x 1\nd3/y 2\n");
	assert_string_equal(w_list(&a->w, a->w.store, "none/", true), "");
	assert_string_equal(w_list(&a->w, a->w.store, "../", true), "!usage");
	(void)tell("/_fault?on=list&act=refuse&status=404"
		   "&word=ContainerNotFound");
	assert_string_equal(w_list(&a->w, a->w.store, "", true), "!config");
}

/* --- Blocks that never became an object. */

struct half {
	struct waited ready;
};

static void
on_ready(void *arg)
{
	struct half *h = arg;

	h->ready.answers++;
}

/* Until two blocks of it are in the store; a third waits for more to come. */
static struct store_put *
put_half(struct azure_world *a, const char *key, struct half *h)
{
	struct store_put_opt opt = { .size_hint = -1 };
	struct store_put *p = store_put_open(a->w.store, key, &opt, on_ready, h,
	    NULL);
	struct block *b = block_new(65536);
	int i;

	assert_non_null(p);
	b->len = b->cap;
	memset(b->data, 'x', b->len);
	for (i = 0; i < 3; i++)
		(void)store_put_write(p, b);
	block_unref(b);
	while (strstr(tell("/_log"), "staged x/half 2") == NULL) {
		(void)uv_run(&a->w.loop, UV_RUN_NOWAIT);
		(void)usleep(5000);
	}
	return p;
}

static void
test_abort(void **state)
{
	struct azure_world *a = *state;
	struct half h = { 0 };
	const char *log;
	int i;

	store_put_abort(put_half(a, "x/half", &h));
	for (i = 0; i < 200; i++) {
		log = tell("/_log");
		if (strstr(log, "delete") != NULL)
			break;
		(void)uv_run(&a->w.loop, UV_RUN_NOWAIT);
		(void)usleep(10000);
	}
	log = tell("/_log");
	assert_int_equal(count_lines(log, "staged "), 0);
	assert_int_equal(count_lines(log, "blob "), 0);
}

static void
test_sweep(void **state)
{
	struct azure_world *a = *state;
	struct half h = { 0 };
	struct store_put *p = put_half(a, "x/half", &h);
	const char *log;
	char id[AZURE_BLOCK_ID_MAX];
	int64_t ms;

	assert_int_equal(w_put(&a->w, a->w.store, "y/done", "1"), ERR_NONE);
	(void)tell_body("/_plant?y/done", "half of a new one");
	(void)tell_body("/_plant?z/foreign", "theirs");
	(void)tell_body("/_plant?y/beside", "theirs");
	/* Young, or not ours: stays. */
	assert_int_equal(w_sweep(&a->w, a->w.store, "", 3600000), ERR_NONE);
	assert_int_equal(w_sweep(&a->w, a->w.store, "x/", 3600000), ERR_NONE);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "staged "), 4);
	assert_int_equal(count_lines(log, "commit "), 0);
	/* What is in the folder of an object is looked at by its prefix only.
	 */
	assert_int_equal(count_lines(log, "blocks y/"), 0);
	/* Old: one second is all the ids tell. */
	(void)usleep(1100 * 1000);
	assert_int_equal(w_sweep(&a->w, a->w.store, "", 1), ERR_NONE);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "staged x/half"), 0);
	assert_int_equal(count_lines(log, "staged z/foreign"), 1);
	/* Ours alone: all of it. */
	assert_int_equal(w_sweep(&a->w, a->w.store, "y/", 0), ERR_NONE);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "staged y/beside"), 0);
	assert_int_equal(count_lines(log, "blob y/done 1"), 1);
	assert_int_equal(count_lines(log, "blob "), 1);
	/* The empty blob's own answer may be lost. */
	(void)tell("/_fault?on=commit&act=lost");
	assert_int_equal(w_sweep(&a->w, a->w.store, "z/", 0), ERR_NONE);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "staged z/"), 0);
	assert_int_equal(count_lines(log, "blob z/"), 0);
	azure_block_id("0123456789abcd", 1700000000123, 50000, id);
	assert_int_equal(strlen(id), 40);
	assert_int_equal(azure_block_time(id, &ms), 0);
	assert_int_equal(ms, INT64_C(1700000000000));
	assert_int_equal(azure_block_time("Zm9yZWlnbg==", &ms), -1);
	store_put_abort(p);
}

/* --- The check before a run. */

static void
test_check(void **state)
{
	struct azure_world *a = *state;
	struct store_caps caps;
	struct err e;
	const char *log;

	assert_int_equal(w_check(&a->w, a->w.store, &e), ERR_NONE);
	store_caps(a->w.store, &caps);
	assert_true(caps.has_if_absent);
	log = tell("/_log");
	assert_int_equal(count_lines(log, "put .ragbackup-probe-"), 1);
	assert_int_equal(count_lines(log, "blob "), 0);
	(void)tell("/_fault?on=put&act=refuse&status=404"
		   "&word=ContainerNotFound");
	assert_int_equal(w_check(&a->w, a->w.store, &e), ERR_CONFIG);
	assert_non_null(strstr(e.msg, "'box'"));
	(void)tell("/_fault?on=list&act=refuse&status=403"
		   "&word=AuthorizationPermissionMismatch");
	assert_int_equal(w_check(&a->w, a->w.store, &e), ERR_PERMISSION);
	assert_int_equal(count_lines(tell("/_log"), "blob "), 0);
	/* Where nothing can be removed no blob is put just to remove it. */
	(void)tell("/_fault?on=delete&act=refuse&status=409"
		   "&word=BlobImmutableDueToPolicy");
	assert_int_equal(w_check(&a->w, a->w.store, &e), ERR_NONE);
	(void)tell_body("/_plant?y/beside", "theirs");
	assert_int_equal(w_sweep(&a->w, a->w.store, "y/", 0), ERR_NONE);
	assert_int_equal(count_lines(tell("/_log"), "staged y/beside"), 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, a_setup, a_teardown)
	const struct CMUnitTest tests[] = {
		T(test_small),
		T(test_blocks),
		T(test_odd_prefix),
		T(test_commit_lost),
		T(test_commit_late),
		T(test_commit_dropped),
		T(test_commit_never),
		T(test_commit_robbed),
		T(test_commit_fewer),
		T(test_if_absent),
		T(test_if_absent_lost),
		T(test_busy),
		T(test_wrong_md5),
		T(test_words),
		T(test_skewed_clock),
		T(test_pages),
		T(test_abort),
		T(test_sweep),
		T(test_check),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
