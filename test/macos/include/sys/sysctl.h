/* sys/sysctl.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_SYSCTL_H
#define MACOS_SHIM_SYS_SYSCTL_H

#include <sys/types.h>

#define CTL_KERN 1
#define KERN_BOOTTIME 21

int sysctl(int *, u_int, void *, size_t *, void *, size_t);
int sysctlbyname(const char *, void *, size_t *, void *, size_t);

#endif
