/* limits.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_LIMITS_H
#define MACOS_SHIM_LIMITS_H

#define ARG_MAX 1048576
#define IOV_MAX 1024
#define NAME_MAX 255
#define NGROUPS_MAX 16
#define PATH_MAX 1024
#define PIPE_BUF 512
#define SSIZE_MAX LONG_MAX
#define _POSIX_HOST_NAME_MAX 255
#define _POSIX_PATH_MAX 256

#endif
