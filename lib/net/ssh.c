/* ssh.c - see ssh.h. */
#include "net/ssh.h"

#include "base/mem.h"

int
ssh_check_config(const json_t *cfg, struct err *e)
{
	(void)cfg;
	return err_set(e, ERR_CONFIG, "this build knows no SSH");
}

struct ssh *
ssh_open(uv_loop_t *loop, const json_t *cfg)
{
	(void)loop;
	(void)cfg;
	return NULL;
}

void
ssh_unref(struct ssh *s)
{
	(void)s;
}

bool
ssh_is_usable(struct ssh *s)
{
	return s != NULL;
}

struct chan *
ssh_exec(struct ssh *s, const char *command)
{
	(void)s;
	(void)command;
	return NULL;
}
