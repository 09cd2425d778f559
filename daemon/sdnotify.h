/*
 * sdnotify.h - tell systemd how the service is (NOTIFY_SOCKET); a no-op where
 * nobody listens.
 */
#ifndef DAEMON_SDNOTIFY_H
#define DAEMON_SDNOTIFY_H

/* "READY=1", "STOPPING=1\nSTATUS=..."; never fails. */
void sdnotify(const char *state);
/* Take NOTIFY_SOCKET out of the environment, so that children lack it. */
void sdnotify_init(void);

#endif
