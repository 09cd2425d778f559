/*
 * scripts.h - the scripts of this folder as texts.
 */
#ifndef NET_HOST_SCRIPTS_H
#define NET_HOST_SCRIPTS_H

/* kill.sh, to be preceded by lines that set rb_pid and rb_kind. */
extern const char host_script_kill[];

#endif
