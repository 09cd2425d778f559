/* sys/wait.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_WAIT_H
#define MACOS_SHIM_SYS_WAIT_H

#include <signal.h>
#include <sys/types.h>

#define WNOHANG 1
#define WUNTRACED 2
#define WEXITED 4
#define WSTATUS_BITS(s) ((s)&0177)
#define WIFEXITED(s) (WSTATUS_BITS(s) == 0)
#define WEXITSTATUS(s) (((s) >> 8) & 0xff)
#define WIFSTOPPED(s) (WSTATUS_BITS(s) == 0177)
#define WSTOPSIG(s) ((s) >> 8)
#define WIFSIGNALED(s) (!WIFSTOPPED(s) && !WIFEXITED(s))
#define WTERMSIG(s) WSTATUS_BITS(s)

struct rusage;

pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
pid_t wait4(pid_t, int *, int, struct rusage *);

#endif
