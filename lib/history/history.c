/* history.c - see history.h: the thread, its queue, and the way back. */
#include "history/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "history/queue.h"

struct history_req {
	struct history_req *next;
	const struct history_op *op;
	json_t *args;
	struct history_reply reply;
	struct history_answer answer;
	struct err err;
};

struct history_list {
	struct history_req *head;
	struct history_req **tail;
};

struct history {
	struct env *env;
	struct db db; /* The thread's while it runs. */
	char instance[ENV_UUID_SIZE];
	uv_async_t wake;
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t more;
	struct history_list todo;
	struct history_list finished;
	size_t pending; /* Loop thread: asked, not yet answered. */
	bool is_stopping;
};

static void
list_init(struct history_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void
list_add(struct history_list *l, struct history_req *r)
{
	r->next = NULL;
	*l->tail = r;
	l->tail = &r->next;
}

static struct history_req *
list_take(struct history_list *l)
{
	struct history_req *r = l->head;

	if (r != NULL && (l->head = r->next) == NULL)
		l->tail = &l->head;
	return r;
}

static int
req_try(struct db *db, struct history_req *r)
{
	if (!r->op->is_write)
		return r->op->fn(db, r->args, &r->answer, &r->err);
	if (db_begin(db, &r->err) == -1)
		return -1;
	if (r->op->fn(db, r->args, &r->answer, &r->err) == -1)
		return -1;
	return db_commit(db, &r->err);
}

static void
req_run(struct db *db, struct history_req *r)
{
	if (req_try(db, r) == 0)
		return;
	(void)err_context(&r->err, "%s", r->op->what);
	db_rollback(db);
	json_decref(r->answer.value);
	r->answer.value = NULL;
	r->answer.id = 0;
}

static void
req_answer(struct history_req *r)
{
	const struct err *e = r->err.code == ERR_NONE ? NULL : &r->err;
	struct history_reply *to = &r->reply;

	if (to->done != NULL)
		to->done(to->arg, e);
	else if (to->id != NULL)
		to->id(to->arg, r->answer.id, e);
	else if (to->json != NULL) {
		json_t *v = r->answer.value;

		r->answer.value = NULL;
		to->json(to->arg, v, e);
	}
	json_decref(r->answer.value);
	json_decref(r->args);
	free(r);
}

static void
history_thread(void *arg)
{
	struct history *h = arg;
	struct history_req *r;

	uv_mutex_lock(&h->lock);
	for (;;) {
		while ((r = list_take(&h->todo)) == NULL && !h->is_stopping)
			uv_cond_wait(&h->more, &h->lock);
		if (r == NULL)
			break;
		uv_mutex_unlock(&h->lock);
		req_run(&h->db, r);
		uv_mutex_lock(&h->lock);
		list_add(&h->finished, r);
		(void)uv_async_send(&h->wake);
	}
	uv_mutex_unlock(&h->lock);
}

static void
history_deliver(struct history *h)
{
	struct history_req *r, *next;

	uv_mutex_lock(&h->lock);
	r = h->finished.head;
	list_init(&h->finished);
	uv_mutex_unlock(&h->lock);
	for (; r != NULL; r = next) {
		next = r->next;
		/* Only what is awaited keeps the loop alive. */
		if (--h->pending == 0)
			uv_unref((uv_handle_t *)&h->wake);
		req_answer(r);
	}
}

static void
on_history_answers(uv_async_t *a)
{
	history_deliver(a->data);
}

void
history_ask(struct history *h, const struct history_op *op, json_t *args,
    struct history_reply reply)
{
	struct history_req *r = xcalloc(1, sizeof(*r));

	r->op = op;
	r->args = args;
	r->reply = reply;
	if (h->pending++ == 0)
		uv_ref((uv_handle_t *)&h->wake);
	uv_mutex_lock(&h->lock);
	list_add(&h->todo, r);
	uv_cond_signal(&h->more);
	uv_mutex_unlock(&h->lock);
}

int64_t
history_now_ms(struct history *h)
{
	return env_wall_ms(h->env);
}

/* The instance's id is made with the database and never changes. */
static int
history_identify(struct history *h, struct err *e)
{
	char fresh[ENV_UUID_SIZE];
	const char *have;
	sqlite3_stmt *stmt;
	json_t *args;
	int rc;

	env_uuid(h->env, fresh);
	args = json_object();
	json_put_str(args, "value", fresh);
	rc = db_exec(&h->db,
	    "INSERT INTO meta (name, value) VALUES "
	    "('instance', :value) ON CONFLICT DO NOTHING",
	    args, e);
	json_decref(args);
	if (rc == -1)
		return -1;
	stmt = db_query(&h->db,
	    "SELECT value FROM meta WHERE name = 'instance'", NULL, e);
	if (stmt == NULL || (rc = db_step(&h->db, stmt, e)) == -1)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_CORRUPT, "history: no instance id");
	have = (const char *)sqlite3_column_text(stmt, 0);
	rc = strlen(have) == sizeof(h->instance) - 1
	    ? 0
	    : err_set(e, ERR_CORRUPT, "history: bad instance id");
	if (rc == 0)
		memcpy(h->instance, have, sizeof(h->instance));
	(void)sqlite3_reset(stmt);
	return rc;
}

struct history *
history_open(struct env *env, const char *path, struct err *e)
{
	struct history *h = xcalloc(1, sizeof(*h));

	h->env = env;
	if (db_open(&h->db, path, e) == -1) {
		free(h);
		return NULL;
	}
	if (history_identify(h, e) == -1) {
		db_close(&h->db);
		free(h);
		return NULL;
	}
	list_init(&h->todo);
	list_init(&h->finished);
	BUG_IF(uv_mutex_init(&h->lock) != 0 || uv_cond_init(&h->more) != 0);
	BUG_IF(uv_async_init(env->loop, &h->wake, on_history_answers) != 0);
	h->wake.data = h;
	uv_unref((uv_handle_t *)&h->wake);
	BUG_IF(uv_thread_create(&h->thread, history_thread, h) != 0);
	return h;
}

static void
on_history_closed(uv_handle_t *handle)
{
	struct history *h = handle->data;

	uv_mutex_destroy(&h->lock);
	uv_cond_destroy(&h->more);
	free(h);
}

void
history_close(struct history *h)
{
	struct history_req *r;

	if (h == NULL)
		return;
	uv_mutex_lock(&h->lock);
	h->is_stopping = true;
	uv_cond_signal(&h->more);
	uv_mutex_unlock(&h->lock);
	(void)uv_thread_join(&h->thread);
	history_deliver(h);
	/* What those answers led to is done here: no thread is left. */
	while ((r = list_take(&h->todo)) != NULL) {
		req_run(&h->db, r);
		h->pending--;
		req_answer(r);
	}
	db_close(&h->db);
	uv_close((uv_handle_t *)&h->wake, on_history_closed);
}

const char *
history_instance(const struct history *h)
{
	return h->instance;
}
