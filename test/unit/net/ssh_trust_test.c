/* ssh_trust_test.c - host keys and client keys against a real server. */
#include <libssh2.h>

#include "unit/net/sshd_fixture.h"

#ifdef __SANITIZE_ADDRESS__
/* libssh2 1.10 loses a number of each ecdsa key that it reads. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libcrypto\n";
}
#endif

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	fixture_init(f);
	(void)unsetenv("SSH_AUTH_SOCK");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

/* Write ${path} from a shell's output. */
static void
make_known(const struct sshd *d, const char *host, const char *key_file)
{
	sshd_shell("echo \"%s $(cut -d' ' -f1,2 %s)\" >>%s", host, key_file,
	    sshd_path(d, "known_hosts"));
}

static void
test_host_keys(void **state)
{
	struct fixture *f = *state;
	struct sshd d;
	char text[300], name[64];
	struct err e = ERR_INIT;
	char *print;

	sshd_start(&d, "--second-host-key ecdsa");
	(void)snprintf(name, sizeof(name), "[127.0.0.1]:%d", d.port);
	sshd_shell("ssh-keygen -q -t ed25519 -N '' -f %s",
	    sshd_path(&d, "other"));
	sshd_shell("ssh-keygen -lf %s | cut -d' ' -f2 >%s",
	    sshd_path(&d, "host.pub"), sshd_path(&d, "print"));
	print = file_slurp(sshd_path(&d, "print"), 100, NULL, &e);
	print[strcspn(print, "\n")] = '\0';
	sshd_expect(f, &d, ERR_NONE, NULL);

	/* Unknown: the fingerprint, the file and the line are told. */
	sshd_shell(": >%s", sshd_path(&d, "known_hosts"));
	sshd_expect(f, &d, ERR_HOST_KEY, print);
	sshd_expect(f, &d, ERR_HOST_KEY, sshd_path(&d, "known_hosts"));
	(void)snprintf(text, sizeof(text), "add: %s ssh-ed25519 AAAA", name);
	sshd_expect(f, &d, ERR_HOST_KEY, text);
	sshd_shell("rm %s", sshd_path(&d, "known_hosts"));
	sshd_expect(f, &d, ERR_HOST_KEY, print);

	/* Changed; the plain name's good line does not heal it. */
	make_known(&d, name, sshd_path(&d, "other.pub"));
	sshd_expect(f, &d, ERR_HOST_KEY, "CHANGED");
	make_known(&d, "127.0.0.1", sshd_path(&d, "host.pub"));
	sshd_expect(f, &d, ERR_HOST_KEY, "CHANGED");

	/* The plain name alone will do; so will a hashed one. */
	sshd_shell(": >%s", sshd_path(&d, "known_hosts"));
	make_known(&d, "127.0.0.1", sshd_path(&d, "host.pub"));
	sshd_expect(f, &d, ERR_NONE, NULL);
	make_known(&d, name, sshd_path(&d, "host.pub"));
	sshd_shell("ssh-keygen -q -H -f %s 2>/dev/null && grep -q '|1|' %s",
	    sshd_path(&d, "known_hosts"), sshd_path(&d, "known_hosts"));
	sshd_expect(f, &d, ERR_NONE, NULL);

	/* Known by its second type only: that one is asked for. */
	sshd_shell(": >%s", sshd_path(&d, "known_hosts"));
	make_known(&d, name, sshd_path(&d, "host2.pub"));
	sshd_expect(f, &d, ERR_NONE, NULL);
	make_known(&d, "@revoked *", sshd_path(&d, "host2.pub"));
	sshd_expect(f, &d, ERR_HOST_KEY, "revoked");

	/* Pinned, whatever the file says; either key. */
	json_put_str(d.cfg, "fingerprint", print);
	sshd_expect(f, &d, ERR_NONE, NULL);
	sshd_shell("ssh-keygen -lf %s | cut -d' ' -f2 >%s",
	    sshd_path(&d, "host2.pub"), sshd_path(&d, "print"));
	free(print);
	print = file_slurp(sshd_path(&d, "print"), 100, NULL, &e);
	print[strcspn(print, "\n")] = '\0';
	json_put_str(d.cfg, "fingerprint", print);
	sshd_expect(f, &d, ERR_NONE, NULL);
	print[10] = print[10] == 'A' ? 'B' : 'A';
	json_put_str(d.cfg, "fingerprint", print);
	sshd_expect(f, &d, ERR_HOST_KEY, "the configuration pins");
	free(print);
	sshd_stop(&d);
}

static void
test_client_keys(void **state)
{
	static const char *const types[] = { "ed25519", "ecdsa" };
	struct fixture *f = *state;
	struct sshd d;
	char options[100];
	size_t i;

	for (i = 0; i < COUNT_OF(types); i++) {
		(void)snprintf(options, sizeof(options), "--key %s", types[i]);
		sshd_start(&d, options);
		sshd_expect(f, &d, ERR_NONE, NULL);
		/* PEM in place of OpenSSH's own form. */
		if (strcmp(types[i], "ecdsa") == 0) {
			sshd_shell("ssh-keygen -q -p -P '' -N '' -m PEM -f %s",
			    sshd_path(&d, "id"));
			sshd_expect(f, &d, ERR_NONE, NULL);
		}
		/* Not a stranger's. */
		sshd_shell("ssh-keygen -q -t %s -N '' -f %s", types[i],
		    sshd_path(&d, "stranger"));
		json_put_str(d.cfg, "identity", sshd_path(&d, "stranger"));
		sshd_expect(f, &d, ERR_AUTH, "stranger' is not accepted");
		sshd_stop(&d);
	}
}

static void
test_bad_key_files(void **state)
{
	struct fixture *f = *state;
	struct sshd d;

	sshd_start(&d, "");
	sshd_shell("chmod 640 %s", sshd_path(&d, "id"));
	sshd_expect(f, &d, ERR_AUTH, "chmod 600");
	sshd_shell("chmod 600 %s", sshd_path(&d, "id"));
	sshd_expect(f, &d, ERR_NONE, NULL);
	json_put_str(d.cfg, "identity", sshd_path(&d, "id.pub"));
	sshd_shell("chmod 600 %s", sshd_path(&d, "id.pub"));
	sshd_expect(f, &d, ERR_AUTH, "not a private key");
	json_put_str(d.cfg, "identity", sshd_path(&d, "nothing"));
	sshd_expect(f, &d, ERR_AUTH, "no such file");
	sshd_stop(&d);
}

/* libssh2 before 1.11 cannot sign RSA as servers want it. */
static void
test_rsa_key(void **state)
{
	struct fixture *f = *state;
	struct sshd d;

	sshd_start(&d, "--key rsa");
	if (libssh2_version(0x010b00) == NULL)
		sshd_expect(f, &d, ERR_AUTH, "use an ed25519 or ecdsa key");
	else
		sshd_expect(f, &d, ERR_NONE, NULL);
	sshd_stop(&d);
	sshd_start(&d, "--host-key rsa");
	if (libssh2_version(0x010b00) == NULL)
		sshd_expect(f, &d, ERR_PROTOCOL, "ed25519 or ecdsa host key");
	else
		sshd_expect(f, &d, ERR_NONE, NULL);
	sshd_stop(&d);
}

static void
set_passphrase(struct sshd *d, const char *word)
{
	json_t *ref = json_object();

	sshd_shell("umask 077; echo '%s' >%s", word, sshd_path(d, "pass"));
	json_put_str(ref, "file", sshd_path(d, "pass"));
	json_put(d->cfg, "passphrase", ref);
}

static void
test_passphrases(void **state)
{
	static const char *const types[] = { "ed25519", "ecdsa" };
	struct fixture *f = *state;
	struct sshd d;
	char options[100];
	json_t *ref;
	size_t i;

	for (i = 0; i < COUNT_OF(types); i++) {
		(void)snprintf(options, sizeof(options),
		    "--passphrase 'open sesame' --key %s", types[i]);
		sshd_start(&d, options);
		sshd_expect(f, &d, ERR_AUTH, "needs a passphrase");
		set_passphrase(&d, "open barley");
		sshd_expect(f, &d, ERR_AUTH, "wrong passphrase");
		set_passphrase(&d, "open sesame");
		sshd_expect(f, &d, ERR_NONE, NULL);
		ref = json_object();
		json_put_str(ref, "env", "RB_TEST_PASSPHRASE");
		json_put(d.cfg, "passphrase", ref);
		assert_int_equal(setenv("RB_TEST_PASSPHRASE", "open sesame", 1),
		    0);
		sshd_expect(f, &d, ERR_NONE, NULL);
		(void)unsetenv("RB_TEST_PASSPHRASE");
		sshd_stop(&d);
	}
}

static void
test_agent(void **state)
{
	struct fixture *f = *state;
	char sock[128];
	struct sshd d;
	long pid;

	sshd_start(&d, "");
	(void)snprintf(sock, sizeof(sock), "%s", sshd_path(&d, "agent"));
	sshd_shell("ssh-agent -a %s >%s", sock, sshd_path(&d, "agent.env"));
	sshd_shell("sed -n 's/.*AGENT_PID=\\([0-9]*\\);.*/\\1/p' %s >%s",
	    sshd_path(&d, "agent.env"), sshd_path(&d, "agent.pid"));
	pid = sshd_number(&d, "agent.pid");
	assert_true(pid > 1);
	assert_int_equal(setenv("SSH_AUTH_SOCK", sock, 1), 0);
	json_put_str(d.cfg, "identity", NULL);
	json_put_bool(d.cfg, "agent", true);
	sshd_expect(f, &d, ERR_AUTH, "none of the agent's 0 keys");
	sshd_shell("ssh-keygen -q -t ecdsa -N '' -f %s && "
		   "ssh-add -q %s && ssh-add -q %s",
	    sshd_path(&d, "extra"), sshd_path(&d, "extra"),
	    sshd_path(&d, "id"));
	sshd_expect(f, &d, ERR_NONE, NULL);
	json_put_bool(d.cfg, "agent", false);
	sshd_expect(f, &d, ERR_AUTH, NULL);
	/* Encrypted, without a passphrase: the agent has it. */
	json_put_bool(d.cfg, "agent", true);
	sshd_shell("ssh-keygen -q -p -P '' -N word -f %s", sshd_path(&d, "id"));
	json_put_str(d.cfg, "identity", sshd_path(&d, "id"));
	sshd_expect(f, &d, ERR_NONE, NULL);
	(void)kill((pid_t)pid, SIGTERM);
	(void)unsetenv("SSH_AUTH_SOCK");
	sshd_stop(&d);
}

/* An agent that takes what it is asked and says nothing. */
static void
test_mute_agent(void **state)
{
	struct fixture *f = *state;
	struct host_cmd cmd = { .script = "echo never" };
	struct sshd d;
	struct reader *r;
	int64_t began;

	sshd_start(&d, "");
	sshd_shell(
	    "python3 -c 'import socket,time\n"
	    "s=socket.socket(socket.AF_UNIX); s.bind(\"%s\"); s.listen(5)\n"
	    "time.sleep(20)' >/dev/null 2>&1 & echo $! >%s; i=0; "
	    "until [ -S %s ] || [ $i -gt 50 ]; do sleep 0.1; i=$((i+1)); "
	    "done; sleep 0.2",
	    sshd_path(&d, "mute"), sshd_path(&d, "mute.pid"),
	    sshd_path(&d, "mute"));
	assert_int_equal(setenv("SSH_AUTH_SOCK", sshd_path(&d, "mute"), 1), 0);
	json_put_str(d.cfg, "identity", NULL);
	json_put_bool(d.cfg, "agent", true);
	json_put_int(d.cfg, "connect_timeout", 1500);
	began = env_mono_ms(f->env);
	sshd_expect(f, &d, ERR_TIMEOUT, "the agent at SSH_AUTH_SOCK");
	assert_true(env_mono_ms(f->env) - began < 6000);
	/* The loop can end while the agent is still asked. */
	json_put_int(d.cfg, "connect_timeout", 15000);
	sshd_host(f, &d);
	r = host_stream(f->host, &cmd);
	fixture_sleep(f, 1500);
	reader_close(r);
	host_free(f->host);
	f->host = NULL;
	began = env_mono_ms(f->env);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(env_mono_ms(f->env) - began < 5000);
	(void)kill((pid_t)sshd_number(&d, "mute.pid"), SIGTERM);
	(void)unsetenv("SSH_AUTH_SOCK");
	sshd_stop(&d);
}

static void
test_no_server(void **state)
{
	struct fixture *f = *state;
	struct sshd d;
	int64_t began;

	sshd_start(&d, "");
	sshd_shell("test/services/sshd stop %s", d.dir);
	sshd_expect(f, &d, ERR_NETWORK, "connection refused");
	json_put_str(d.cfg, "ssh", "x@does-not-exist.invalid");
	sshd_expect(f, &d, ERR_NETWORK, "look up");
	/* A server that says nothing. */
	json_put_str(d.cfg, "ssh", "x@127.0.0.1");
	json_put_int(d.cfg, "connect_timeout", 600);
	sshd_shell(
	    "python3 -c 'import socket,time,sys\n"
	    "s=socket.socket(); s.bind((\"127.0.0.1\",0)); s.listen(5)\n"
	    "open(\"%s\",\"w\").write(str(s.getsockname()[1]))\n"
	    "time.sleep(4)' >/dev/null 2>&1 & i=0; "
	    "until [ -s %s ] || [ $i -gt 50 ]; do sleep 0.1; i=$((i+1)); "
	    "done",
	    sshd_path(&d, "mute"), sshd_path(&d, "mute"));
	json_put_int(d.cfg, "port", sshd_number(&d, "mute"));
	began = env_mono_ms(f->env);
	sshd_expect(f, &d, ERR_TIMEOUT, "no connection within 600 ms");
	assert_true(env_mono_ms(f->env) - began < 3000);
	sshd_stop(&d);
}

static void
test_config(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		const char *what;
	} bad[] = {
		{ "{\"ssh\":\"\"}", "user@host" },
		{ "{\"ssh\":\"@host\"}", "user@host" },
		{ "{\"ssh\":\"u@\"}", "user@host" },
		{ "{\"ssh\":\"u@h\",\"port\":70000}", "port" },
		{ "{\"ssh\":\"u@h\",\"fingerprint\":\"MD5:1\"}", "SHA256" },
	};
	struct err e = ERR_INIT;
	json_t *cfg;
	size_t i;

	for (i = 0; i < COUNT_OF(bad); i++) {
		cfg = json_parse(bad[i].text, strlen(bad[i].text), &e);
		assert_non_null(cfg);
		assert_null(host_new(f->env, "vm", cfg, &e));
		assert_int_equal(e.code, ERR_CONFIG);
		assert_non_null(strstr(e.msg, bad[i].what));
		json_decref(cfg);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_host_keys),
		TEST(test_client_keys),
		TEST(test_bad_key_files),
		TEST(test_rsa_key),
		TEST(test_passphrases),
		TEST(test_agent),
		TEST(test_mute_agent),
		TEST(test_no_server),
		TEST(test_config),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
