/* semaphore.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SEMAPHORE_H
#define MACOS_SHIM_SEMAPHORE_H

typedef int sem_t;

#endif
