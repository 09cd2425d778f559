/* pthread.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_PTHREAD_H
#define MACOS_SHIM_PTHREAD_H

#include <sys/types.h>
#include <time.h>

/* No pthread_barrier_t, pthread_timedjoin_np or two-argument setname. */
typedef struct macos_thread *pthread_t;
typedef unsigned long pthread_key_t;

typedef struct {
	long sig;
	char opaque[56];
} pthread_mutex_t;

typedef struct {
	long sig;
	char opaque[8];
} pthread_mutexattr_t;

typedef struct {
	long sig;
	char opaque[40];
} pthread_cond_t;

typedef struct {
	long sig;
	char opaque[8];
} pthread_condattr_t;

typedef struct {
	long sig;
	char opaque[192];
} pthread_rwlock_t;

typedef struct {
	long sig;
	char opaque[56];
} pthread_attr_t;

typedef struct {
	long sig;
	char opaque[8];
} pthread_once_t;

/* clang-format off */
#define PTHREAD_MUTEX_INITIALIZER { 0x32aaaba7, { 0 } }
#define PTHREAD_COND_INITIALIZER { 0x3cb0b1bb, { 0 } }
#define PTHREAD_ONCE_INIT { 0x30b1bcba, { 0 } }
/* clang-format on */

int pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *),
    void *);
int pthread_join(pthread_t, void **);
int pthread_detach(pthread_t);
pthread_t pthread_self(void);
int pthread_equal(pthread_t, pthread_t);
int pthread_attr_init(pthread_attr_t *);
int pthread_attr_destroy(pthread_attr_t *);
int pthread_attr_setstacksize(pthread_attr_t *, size_t);
int pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *);
int pthread_mutex_destroy(pthread_mutex_t *);
int pthread_mutex_lock(pthread_mutex_t *);
int pthread_mutex_trylock(pthread_mutex_t *);
int pthread_mutex_unlock(pthread_mutex_t *);
int pthread_cond_init(pthread_cond_t *, const pthread_condattr_t *);
int pthread_cond_destroy(pthread_cond_t *);
int pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *);
int pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *,
    const struct timespec *);
int pthread_cond_signal(pthread_cond_t *);
int pthread_cond_broadcast(pthread_cond_t *);
int pthread_once(pthread_once_t *, void (*)(void));
int pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
int pthread_kill(pthread_t, int);
int pthread_setname_np(const char *);

#endif
