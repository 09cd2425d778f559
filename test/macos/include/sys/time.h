/* sys/time.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_TIME_H
#define MACOS_SHIM_SYS_TIME_H

#include <sys/types.h>

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};

struct timezone {
	int tz_minuteswest;
	int tz_dsttime;
};

struct itimerval {
	struct timeval it_interval;
	struct timeval it_value;
};

#define ITIMER_REAL 0

int gettimeofday(struct timeval *, void *);
int settimeofday(const struct timeval *, const struct timezone *);
int setitimer(int, const struct itimerval *, struct itimerval *);
int utimes(const char *, const struct timeval *);
int futimes(int, const struct timeval *);
int lutimes(const char *, const struct timeval *);

#endif
