/*
 * control_cmds.h - one handler for each row of the command table.
 *
 * A handler gets arguments that were checked against its row, and a client
 * that may use it.
 * Threads: loop thread only.
 */
#ifndef DAEMON_CONTROL_CMDS_H
#define DAEMON_CONTROL_CMDS_H

#include "control_client.h"

#define CTL_CMD(name, syntax, access, streams, answer, help)                   \
	void control_cmd_##name(struct control_request *);
#include "wire/ctl_cmds.def"
#undef CTL_CMD

/* Whether the configuration has ${job}; else ${e}, with a suggestion. */
int control_check_job(struct daemon *, const char *job, struct err *);
/* Whether it has ${store}; NULL is fine. */
int control_check_store(struct daemon *, const char *store, struct err *);
/* Follow ${run} to its end, whose row is the answer. */
void control_follow(struct control_request *, int64_t run);
/* A run as the history shows it: the documented members only. */
json_t *control_run_view(const json_t *run);

#endif
