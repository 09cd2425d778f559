/*
 * sshd_fixture.h - a private OpenSSH for a test, by test/services/sshd, and
 * the host object that reaches it.
 */
#ifndef TEST_NET_SSHD_FIXTURE_H
#define TEST_NET_SSHD_FIXTURE_H

#include <jansson.h>

#include "base/file.h"
#include "base/json.h"
#include "unit/net/host_fixture.h"

struct sshd {
	char dir[64];
	int port;
	json_t *cfg;
};

static inline void
sshd_shell(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

/* "DIR/name", from a few static buffers. */
static inline const char *
sshd_path(const struct sshd *d, const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *p = paths[next++ % 8];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", d->dir, name);
	return p;
}

static inline long
sshd_number(const struct sshd *d, const char *name)
{
	struct err e = ERR_INIT;
	char *text = file_slurp(sshd_path(d, name), 100, NULL, &e);
	long n;

	assert_non_null(text);
	n = atol(text);
	free(text);
	return n;
}

/* Start with ${options}, words of a shell. */
static inline void
sshd_start(struct sshd *d, const char *options)
{
	char target[128];
	uv_passwd_t pw;

	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/rb-sshd-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	sshd_shell("test/services/sshd start %s %s", d->dir, options);
	d->port = (int)sshd_number(d, "port");
	assert_int_equal(uv_os_get_passwd(&pw), 0);
	(void)snprintf(target, sizeof(target), "%s@127.0.0.1", pw.username);
	uv_os_free_passwd(&pw);
	d->cfg = json_object();
	json_put_str(d->cfg, "ssh", target);
	json_put_int(d->cfg, "port", d->port);
	json_put_str(d->cfg, "identity", sshd_path(d, "id"));
	json_put_bool(d->cfg, "agent", false);
	json_put_str(d->cfg, "known_hosts", sshd_path(d, "known_hosts"));
	json_put_int(d->cfg, "connect_timeout", 10000);
	json_put_int(d->cfg, "keepalive", 15000);
}

static inline void
sshd_stop(struct sshd *d)
{
	sshd_shell("test/services/sshd stop %s && rm -rf %s", d->dir, d->dir);
	json_decref(d->cfg);
	d->cfg = NULL;
}

static inline void
sshd_host(struct fixture *f, const struct sshd *d)
{
	struct err e = ERR_INIT;

	host_free(f->host);
	f->host = host_new(f->env, "vm", d->cfg, &e);
	if (f->host == NULL)
		fail_msg("%s", e.msg);
}

/* Connect anew and expect the error ${code} with ${text} in it. */
static inline void
sshd_expect(struct fixture *f, const struct sshd *d, enum err_code code,
    const char *text)
{
	struct verdict v;

	sshd_host(f, d);
	fixture_run(f, "echo fine", &v);
	if (v.err.code != code ||
	    (text != NULL && strstr(v.err.msg, text) == NULL))
		fail_msg("expected %s '%s', got %s '%s'", err_name(code),
		    text == NULL ? "" : text, err_name(v.err.code), v.err.msg);
	if (code == ERR_NONE)
		assert_string_equal(buf_str(&v.out), "fine\n");
	verdict_done(&v);
}

#endif
