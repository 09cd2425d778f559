/* sys/param.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_PARAM_H
#define MACOS_SHIM_SYS_PARAM_H

#include <limits.h>
#include <sys/types.h>

#define MAXPATHLEN PATH_MAX
#define MAXHOSTNAMELEN 256
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))

#endif
