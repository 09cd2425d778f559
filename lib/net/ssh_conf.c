/* ssh_conf.c - see ssh_conf.h. */
#include "net/ssh_conf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define FINGERPRINT_PREFIX "SHA256:"
#define FINGERPRINT_LEN (sizeof(FINGERPRINT_PREFIX) - 1 + 43)

/* "user@host", "host", "user@[::1]". */
static int
conf_target(struct ssh_conf *c, const char *target, struct err *e)
{
	const char *at = strrchr(target, '@');
	const char *host = at == NULL ? target : at + 1;
	size_t n = strlen(host);
	char *p;

	c->user = at == NULL ? NULL : xstrndup(target, (size_t)(at - target));
	if (n > 2 && host[0] == '[' && host[n - 1] == ']')
		c->host = xstrndup(host + 1, n - 2);
	else
		c->host = xstrdup(host);
	for (p = c->host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (at == target || c->host[0] == '\0' || c->host[0] == '-' ||
	    strpbrk(c->host, " \t/") != NULL)
		return err_set(e, ERR_CONFIG, "'%.200s' is not user@host",
		    target);
	return 0;
}

static char *
conf_path(const json_t *cfg, const char *key, const char *dflt)
{
	const char *path = json_get_str(cfg, key, dflt);

	return path == NULL ? NULL : file_expand(path, NULL);
}

struct ssh_conf *
ssh_conf_new(const json_t *cfg, struct err *e)
{
	struct ssh_conf *c = xcalloc(1, sizeof(*c));
	const char *pin = json_get_str(cfg, "fingerprint", NULL);

	c->port = (int)json_get_int(cfg, "port", 22);
	c->identity = conf_path(cfg, "identity", NULL);
	c->known_hosts = conf_path(cfg, "known_hosts", "~/.ssh/known_hosts");
	if (json_get_object(cfg, "passphrase") != NULL)
		c->passphrase = json_deep_copy(json_get_object(cfg,
		    "passphrase"));
	c->use_agent = json_get_bool(cfg, "agent", true);
	c->fingerprint = pin == NULL ? NULL : xstrdup(pin);
	c->connect_ms = json_get_int(cfg, "connect_timeout", 20000);
	c->keepalive_ms = json_get_int(cfg, "keepalive", 15000);
	if (conf_target(c, json_get_str(cfg, "ssh", ""), e) == -1)
		goto fail;
	if (c->port < 1 || c->port > 65535) {
		(void)err_set(e, ERR_CONFIG, "port %d does not exist", c->port);
		goto fail;
	}
	if (pin != NULL &&
	    (!str_has_prefix(pin, FINGERPRINT_PREFIX) ||
		strlen(pin) != FINGERPRINT_LEN)) {
		(void)err_set(e, ERR_CONFIG,
		    "fingerprint '%.100s' is not "
		    "SHA256: and 43 characters, as ssh-keygen -l prints it",
		    pin);
		goto fail;
	}
	return c;
fail:
	ssh_conf_free(c);
	return NULL;
}

void
ssh_conf_free(struct ssh_conf *c)
{
	if (c == NULL)
		return;
	free(c->user);
	free(c->host);
	free(c->identity);
	json_decref(c->passphrase);
	free(c->known_hosts);
	free(c->fingerprint);
	free(c);
}
