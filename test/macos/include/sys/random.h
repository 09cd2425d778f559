/* sys/random.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_RANDOM_H
#define MACOS_SHIM_SYS_RANDOM_H

#include <sys/types.h>

int getentropy(void *, size_t);

#endif
