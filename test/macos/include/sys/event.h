/* sys/event.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_EVENT_H
#define MACOS_SHIM_SYS_EVENT_H

#include <sys/types.h>
#include <time.h>

struct kevent {
	uintptr_t ident;
	int16_t filter;
	uint16_t flags;
	uint32_t fflags;
	intptr_t data;
	void *udata;
};

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_PROC (-5)
#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define NOTE_EXIT 0x80000000

int kqueue(void);
int kevent(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *);

#endif
