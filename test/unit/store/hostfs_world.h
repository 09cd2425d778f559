/*
 * hostfs_world.h - world.h's calls on a store in a folder of a "host": this
 * machine, by a private sshd, with a choice of shells and tools.
 */
#ifndef TEST_STORE_HOSTFS_WORLD_H
#define TEST_STORE_HOSTFS_WORLD_H

#include "unit/net/sshd_fixture.h"
#include "unit/store/world.h"

static struct sshd hw_sshd;
static char hw_tools[64]; /* A folder that is the whole PATH there. */

UNUSED_OK static struct store *
hw_open(struct world *w, const char *name, const char *path, const char *key,
    int64_t value)
{
	struct err e = ERR_INIT;
	struct store_env lent = { .env = w->env,
		.hosts = json_object_get(w->cfg, "hosts") };
	json_t *cfg = json_pack("{s:s,s:s,s:s}", "type", "filesystem", "path",
	    path, "host", "vm");
	struct store *s;

	if (key != NULL)
		json_put_int(cfg, key, value);
	json_object_set_new(w->cfg, name, cfg);
	s = store_open(&lent, name, cfg, &e);
	if (s == NULL)
		fail_msg("%s", e.msg);
	return s;
}

UNUSED_OK static int
hw_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	(void)alarm(120);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	/* In memory where that can be had: much is flushed. */
	(void)snprintf(w->dir, sizeof(w->dir), "%s/rb-store-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	w->cfg = json_object();
	json_object_set_new(w->cfg, "hosts",
	    json_pack("{s:O}", "vm", hw_sshd.cfg));
	w->store = hw_open(w, "far", w->dir, NULL, 0);
	*state = w;
	return 0;
}

/* Start an sshd whose commands see the tools that ${make}, words of a shell,
 * puts into the folder $D. */
UNUSED_OK static void
hw_start_tools(const char *make)
{
	char options[200];

	(void)snprintf(hw_tools, sizeof(hw_tools), "/tmp/rb-tools-XXXXXX");
	assert_non_null(mkdtemp(hw_tools));
	sshd_shell("D=%s; %s", hw_tools, make);
	(void)snprintf(options, sizeof(options),
	    "--command 'PATH=%s; export PATH; exec sh -c "
	    "\"$SSH_ORIGINAL_COMMAND\"'",
	    hw_tools);
	sshd_start(&hw_sshd, options);
}

UNUSED_OK static int
hw_start_plain(void **state)
{
	(void)state;
	sshd_start(&hw_sshd, "");
	return 0;
}

UNUSED_OK static int
hw_stop(void **state)
{
	(void)state;
	sshd_stop(&hw_sshd);
	if (hw_tools[0] != '\0')
		sshd_shell("rm -rf %s", hw_tools);
	hw_tools[0] = '\0';
	return 0;
}

/* Write ${n} bytes of a pattern in blocks; waits as it is told to. */
struct hw_put {
	struct store_put *put;
	int64_t left, at;
	bool is_ready;
};

UNUSED_OK static void
hw_on_ready(void *arg)
{
	((struct hw_put *)arg)->is_ready = true;
}

UNUSED_OK static uint8_t
hw_byte(int64_t at)
{
	return (uint8_t)((at * 7 + (at >> 8) * 13 + (at >> 16)) & 0xff);
}

UNUSED_OK static void
hw_put_open(struct world *w, struct hw_put *h, struct store *s, const char *key,
    bool if_absent, int64_t size)
{
	struct store_put_opt opt = { size, if_absent, NULL, 0 };
	struct err e = ERR_INIT;

	(void)w;
	memset(h, 0, sizeof(*h));
	h->is_ready = true;
	h->put = store_put_open(s, key, &opt, hw_on_ready, h, &e);
	if (h->put == NULL)
		fail_msg("%s", e.msg);
}

/* False when the put failed before all was taken. */
UNUSED_OK static bool
hw_put_some(struct world *w, struct hw_put *h, int64_t n)
{
	struct block *b;
	size_t i;

	for (h->left = n; h->left > 0; h->left -= (int64_t)i) {
		while (!h->is_ready)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		if (store_put_failed(h->put))
			return false;
		b = block_new(BLOCK_SIZE);
		for (i = 0; i < b->cap && (int64_t)i < h->left; i++)
			b->data[i] = hw_byte(h->at + (int64_t)i);
		b->len = i;
		h->at += (int64_t)i;
		h->is_ready = store_put_write(h->put, b);
		block_unref(b);
	}
	return true;
}

UNUSED_OK static void
hw_put_end(struct world *w, struct hw_put *h, struct waited *a)
{
	while (!h->is_ready)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	memset(a, 0, sizeof(*a));
	store_put_finish(h->put, w_on_put, a);
	w_wait(w, a);
}

struct hw_get {
	struct reader *reader;
	int64_t at, got;
	bool is_over, is_wrong;
	int64_t stop_at; /* Read no more than that. */
	struct err err;
};

UNUSED_OK static void
hw_on_read(void *arg, struct block *b, const struct err *e)
{
	struct hw_get *g = arg;
	size_t i;

	if (e != NULL)
		err_copy(&g->err, e);
	if (b == NULL) {
		g->is_over = true;
		return;
	}
	for (i = 0; i < b->len; i++)
		g->is_wrong |= b->data[i] != hw_byte(g->at + (int64_t)i);
	g->at += (int64_t)b->len;
	g->got += (int64_t)b->len;
	block_unref(b);
	if (g->stop_at > 0 && g->got >= g->stop_at)
		g->is_over = true;
	else
		reader_read(g->reader, hw_on_read, g);
}

/* Read a range; leaves the reader to hw_get_close(). */
UNUSED_OK static void
hw_get_range(struct world *w, struct hw_get *g, struct store *s,
    const char *key, int64_t from, int64_t len, int64_t stop_at)
{
	memset(g, 0, sizeof(*g));
	g->at = from;
	g->stop_at = stop_at;
	g->reader = store_get(s, key, from, len);
	reader_read(g->reader, hw_on_read, g);
	assert_false(g->is_over);
	while (!g->is_over)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
}

#endif
