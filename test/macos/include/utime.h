/* utime.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_UTIME_H
#define MACOS_SHIM_UTIME_H

#include <sys/types.h>

struct utimbuf {
	time_t actime;
	time_t modtime;
};

int utime(const char *, const struct utimbuf *);

#endif
