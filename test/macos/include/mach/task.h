/* mach/task.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_MACH_TASK_H
#define MACOS_SHIM_MACH_TASK_H

#include <mach/mach.h>

#endif
