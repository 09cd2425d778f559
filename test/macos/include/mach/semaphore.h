/* mach/semaphore.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_MACH_SEMAPHORE_H
#define MACOS_SHIM_MACH_SEMAPHORE_H

#include <mach/mach.h>

#endif
