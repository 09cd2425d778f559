/* time.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_TIME_H
#define MACOS_SHIM_TIME_H

#include <sys/types.h>

#define CLOCKS_PER_SEC 1000000

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

struct tm {
	int tm_sec;
	int tm_min;
	int tm_hour;
	int tm_mday;
	int tm_mon;
	int tm_year;
	int tm_wday;
	int tm_yday;
	int tm_isdst;
	long tm_gmtoff;
	char *tm_zone;
};

typedef enum {
	CLOCK_REALTIME = 0,
	CLOCK_MONOTONIC_RAW = 4,
	CLOCK_MONOTONIC_RAW_APPROX = 5,
	CLOCK_MONOTONIC = 6,
	CLOCK_UPTIME_RAW = 8,
	CLOCK_UPTIME_RAW_APPROX = 9,
	CLOCK_PROCESS_CPUTIME_ID = 12,
	CLOCK_THREAD_CPUTIME_ID = 16
} clockid_t;

extern long timezone;
extern int daylight;
extern char *tzname[2];

time_t time(time_t *);
time_t mktime(struct tm *);
time_t timegm(struct tm *);
clock_t clock(void);
double difftime(time_t, time_t);
struct tm *gmtime(const time_t *);
struct tm *gmtime_r(const time_t *, struct tm *);
struct tm *localtime(const time_t *);
struct tm *localtime_r(const time_t *, struct tm *);
char *ctime_r(const time_t *, char *);
char *strptime(const char *, const char *, struct tm *);
size_t strftime(char *, size_t, const char *, const struct tm *);
void tzset(void);
int nanosleep(const struct timespec *, struct timespec *);
int clock_gettime(clockid_t, struct timespec *);
int clock_getres(clockid_t, struct timespec *);
int clock_settime(clockid_t, const struct timespec *);

#endif
