/* sys/file.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_FILE_H
#define MACOS_SHIM_SYS_FILE_H

#include <fcntl.h>

#endif
