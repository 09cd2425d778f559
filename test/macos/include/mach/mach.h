/* mach/mach.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_MACH_MACH_H
#define MACOS_SHIM_MACH_MACH_H

typedef unsigned int mach_port_t;
typedef mach_port_t semaphore_t;
typedef mach_port_t task_t;

#endif
