/* sys/select.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_SELECT_H
#define MACOS_SHIM_SYS_SELECT_H

#include <sys/time.h>
#include <time.h>

int select(int, fd_set *, fd_set *, fd_set *, struct timeval *);

#endif
